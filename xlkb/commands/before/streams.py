"""The standard streams: closed, full, or in an encoding that lacks letters."""

import errno
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from xlkb.ground import disk


def opened() -> None:
    """Give a process that was started without standard streams silent ones.

    Otherwise the next files that are opened take their places, and what libraries print goes there.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def unreadable(words: Iterable[str]) -> str:
    """What to do about words of a command whose letters the locale lacks; "" where it has all.

    Python would carry their bytes about as what is no text.
    """
    lost = [word for word in words if any("\udc80" <= letter <= "\udcff" for letter in word)]
    if not lost:
        return ""
    word = os.fsencode(lost[0]).decode("utf-8", "backslashreplace")
    return (
        f"{word!r} has letters that this locale lacks ({sys.getfilesystemencoding()}). Set "
        "LC_ALL=C.UTF-8, and unset PYTHONUTF8."
    )


_unheard: list[OSError] = []


def printable() -> None:
    """Let printing never stop a command: what the terminal's encoding lacks becomes an escape, and
    what nobody reads any more, as after `| head`, is lost, so that files and exit code are whole.
    What a full disk does not take is lost, too, and `unheard` tells so.
    """
    _unheard.clear()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
            if "write" not in vars(stream):
                stream.write = _until_closed(stream, stream.write)
                stream.flush = _until_closed(stream, stream.flush)


def _until_closed(stream: Any, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except OSError as error:
            if error.errno not in (errno.EPIPE, *disk.FULL):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if error.errno in disk.FULL:
                _unheard.append(error)

    return call


def unheard() -> bool:
    """Whether something that was printed is lost on a full disk."""
    return bool(_unheard)

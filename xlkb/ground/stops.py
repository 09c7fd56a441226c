"""What ends work from outside: Ctrl-C, SIGTERM of schedulers and `kill`, memory that ran out."""

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

CODES = (128 + signal.SIGINT, 128 + signal.SIGTERM)
"""Exit codes of what was stopped, as shells give them: 130 and 143."""

NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "failed to map segment")
"""What libraries say when memory ran out: torch, a GPU's driver, safetensors, the loader differ."""


class Terminated(KeyboardInterrupt):
    """SIGTERM, by which schedulers and `kill` end a process: what Ctrl-C is, from elsewhere."""


@contextmanager
def terminable() -> Iterator[None]:
    """Meanwhile SIGTERM is raised as `Terminated`, so that nothing is left behind or unsaid.

    Somebody else's handler stays, and in processes that are forked from this one nothing changes.
    """
    here = threading.current_thread() is threading.main_thread()
    if not here or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def end(number: int, _: Any) -> NoReturn:
        if os.getpid() == owner:
            raise Terminated
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def code(stop: KeyboardInterrupt) -> int:
    """The exit code of what was stopped: 130, or 143 by SIGTERM."""
    return CODES[isinstance(stop, Terminated)]


def go_on(code: int) -> None:
    """Raise what stopped another command, by its exit code, in the one that had called it."""
    if code in CODES:
        raise (KeyboardInterrupt, Terminated)[CODES.index(code)]


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    said = not isinstance(error, ValueError) and any(words in str(error) for words in NO_MEMORY)
    return said or (error.__cause__ is not None and out_of_memory(error.__cause__))


def without_memory(error: BaseException) -> str:
    """What an `out_of_memory` error tells a user: what it says, where that is a sentence, and the
    cure."""
    said = str(error).strip()
    if isinstance(error, MemoryError) and said.endswith("."):
        return said
    return (
        "Memory ran out. Close other programs, or use a smaller model, or one in 4 bits. What was "
        "computed is stored; the same command goes on."
    )

"""The command line: reading options, and how every command ends.

Importing this module needs the standard library only. A refusal is a ValueError or an OSError whose
message names what was asked for and the cure; `command` turns it into a line and the exit code 2.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xlkb.ground import names, paths

if TYPE_CHECKING:
    from collections.abc import Iterator


class Failed(Exception):
    """Something went wrong after the request was found good; the message says what."""


def command(work: Callable[[], int], goes_on: str) -> int:
    """Do a command's work and return its exit code: 0 done, 1 failed, 2 refused, 130 stopped.

    Args:
        work: returns an exit code; a ValueError, OSError, ImportError or RuntimeError out of it is
            a refusal, a `Failed` a failure.
        goes_on: a sentence for somebody who stopped the command, on what is kept.
    """
    printable()
    try:
        return work()
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # Whoever read the output has seen enough, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {goes_on}", file=sys.stderr)
        return 130


@contextmanager
def computing() -> "Iterator[None]":
    """Errors in here are failures (`Failed`), because the request itself was found good."""
    try:
        yield
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise Failed(error) from error


def printable() -> None:
    """Let the terminal's encoding never stop a command: what it lacks is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The options; an unknown one is refused with the nearest name.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    options, rest = parser.parse_known_args(arguments)
    if rest:
        word = rest[0].partition("=")[0]
        known = sorted(o for action in parser._actions for o in action.option_strings if o != "-h")
        if not word.startswith("-"):
            parser.error(f"{rest[0]!r} belongs to no option; put a value with spaces into quotes.")
        meant = names.closest(word, known)
        hint = f" Did you mean {meant}?" if meant else ""
        parser.error(f"unknown option {word}; there are: {', '.join(known)}.{hint}")
    return options


def text(value: str) -> str:
    """A value of an option that is given, and so cannot be empty, as when a shell's variable is."""
    if not value.strip():
        raise argparse.ArgumentTypeError("it is empty: give it a value, or leave it out")
    return value.strip()


def count(value: str) -> int:
    """A whole number of at least 1."""
    if not value.strip().isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} must be a whole number, at least 1")
    return int(value)


def place(value: str) -> Path:
    """A path as the user means it (`paths.user`)."""
    return paths.user(text(value))

"""The command line: reading options, and how every command ends.

Importing this module needs the standard library only. A refusal is a ValueError or an OSError whose
message names what was asked for and the cure; `command` turns it into a line and the exit code 2.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from xlkb.commands.before import streams
from xlkb.commands.before.readers import text
from xlkb.ground import disk, names, stops


class Failed(Exception):
    """Something went wrong after the request was found good; the message says what."""


def stopped(stop: KeyboardInterrupt, goes_on: str = "") -> int:
    """Say that a command was stopped, and what is kept; its exit code, as of `stops`."""
    print(f"\nStopped. {goes_on}".rstrip(), file=sys.stderr)
    return stops.code(stop)


def command(work: Callable[[], int], goes_on: str) -> int:
    """Do a command's work and return its exit code: 0 done, 1 failed, 2 refused, or as `stopped`.

    Args:
        work: returns an exit code; a ValueError, OSError, ImportError or RuntimeError out of it is
            a refusal, a `Failed` a failure.
        goes_on: a sentence for somebody who stopped the command, on what is kept.
    """
    streams.printable()
    try:
        code = work()
        if sys.stdout is not None:
            sys.stdout.flush()
        if not streams.unheard():
            return code
        told = "There is no room left for what the output goes to: what was printed is lost."
        return say(f"{told} The command itself ended with {code}. Make room.", code or 1)
    except Failed as error:
        return say(error, 1)
    except (ValueError, OSError, ImportError, RuntimeError, MemoryError) as error:
        if stops.out_of_memory(error):
            return say(stops.without_memory(error), 1)
        if getattr(error, "errno", None) not in disk.FULL:
            return say(error, 2)
        where = error.filename or "what the output goes to, or for a temporary file"
        return say(f"There is no room left for {where}. Make room. {goes_on}", 1)
    except KeyboardInterrupt as stop:
        return stopped(stop, goes_on)


def say(error: object, code: int) -> int:
    """Say what is wrong, on stderr and without secrets; the exit code that was given."""
    told = disk.misplaced(error) if isinstance(error, BaseException) else ""
    print(f"error: {names.without_secrets(told or str(error))}", file=sys.stderr)
    return code


@contextmanager
def computing() -> Iterator[None]:
    """Errors in here are failures (`Failed`), because the request itself was found good."""
    try:
        yield
    except (ValueError, OSError, ImportError, RuntimeError, MemoryError) as error:
        if getattr(error, "errno", None) in disk.FULL:
            raise
        raise Failed(
            stops.without_memory(error) if stops.out_of_memory(error) else error
        ) from error


def parser(
    command: str, description: str, epilog: str = "", usage: str | None = None
) -> argparse.ArgumentParser:
    """The parser of `xlkb COMMAND`; `add` gives it options, and `parse` reads them."""
    return _Parser(
        prog=f"xlkb {command}",
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        exit_on_error=False,
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with a message, which may repeat what was given."""
        super().error(names.without_secrets(message))


def add(
    parser: argparse.ArgumentParser, described: str, required: Sequence[str] = (), **readers: Any
) -> None:
    """Give a parser the options of a text that reads as `--help` shows them.

    Args:
        described: an option a line: its name, what stands for its value unless it is a switch, and
            after two spaces what it is for, which may go on in indented lines. NAME=VALUE may be
            given several times, and becomes a dict. A name without dashes is an argument.
        required: options that must be given.
        readers: of values, by the option's name in Python; of the two parts where it is a pair. By
            default `text`. What a reader refuses it calls by its value: "0: it must be at least 1".
    """
    for block in re.split(r"\n(?=\S)", described.strip()):
        head, _, purpose = block.partition("  ")
        option, _, value = head.partition(" ")
        settings: dict[str, Any] = {"help": " ".join(purpose.split())}
        read = readers.get(option.lstrip("-").replace("-", "_"), text)
        if "=" in value:
            settings |= {"action": _Pairs, "metavar": value, "default": {}, "const": read}
        elif value:
            settings |= {"type": read, "metavar": value, "required": option in required}
            settings["action"] = _Once
        elif option.startswith("-"):
            settings |= {"action": "store_true"}
        else:
            settings |= {"type": read}
        parser.add_argument(option, **settings)


class _Once(argparse.Action):
    """A value that is given once: of two, one would be ignored."""

    given = False

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Take the value."""
        if self.given:
            raise argparse.ArgumentError(self, "it is given twice: leave one out.")
        self.given = True
        setattr(namespace, self.dest, values)


class _Pairs(argparse.Action):
    """NAME=VALUE, perhaps several of them, as a dict; `const` reads the two parts."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Add one pair."""
        found = getattr(namespace, self.dest)
        name, _, value = values.partition("=")
        if not value:
            wrong = f"{values}: write {option_string} {self.metavar}."
            raise argparse.ArgumentError(self, wrong)
        if name in found:
            raise argparse.ArgumentError(self, f"{values}: {name} is given twice.")
        read_name, read_value = self.const
        try:
            pair = {read_name(name): read_value(value)}
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentError(self, str(error)) from None
        setattr(namespace, self.dest, found | pair)


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The options; an unknown one is refused with the nearest name.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    try:
        options, rest = parser.parse_known_intermixed_args(arguments)
    except argparse.ArgumentError as error:
        parser.error(f"{error.argument_name or ''} {error.message}".strip())
    if rest:
        word = rest[0].partition("=")[0]
        known = sorted(o for action in parser._actions for o in action.option_strings if o != "-h")
        if not word.startswith("-"):
            parser.error(f"{rest[0]!r} belongs to no option; put a value with spaces into quotes.")
        meant = names.closest(word, known)
        hint = f" Did you mean {meant}?" if meant else ""
        parser.error(f"unknown option {word}; there are: {', '.join(known)}.{hint}")
    return options

"""The command line: reading options, and how every command ends.

Importing this module needs the standard library only. A refusal is a ValueError or an OSError whose
message names what was asked for and the cure; `command` turns it into a line and the exit code 2.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xlkb.ground import names, paths


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
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {goes_on}", file=sys.stderr)
        return 130


@contextmanager
def computing() -> Iterator[None]:
    """Errors in here are failures (`Failed`), because the request itself was found good."""
    try:
        yield
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise Failed(error) from error


def printable() -> None:
    """Let printing never stop a command: what the terminal's encoding lacks becomes an escape, and
    what nobody reads any more, as after `| head`, is lost, so that files and exit code are whole.
    """
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
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

    return call


def parser(
    command: str, description: str, epilog: str = "", usage: str | None = None
) -> argparse.ArgumentParser:
    """The parser of `xlkb COMMAND`; `add` gives it options, and `parse` reads them."""
    return argparse.ArgumentParser(
        prog=f"xlkb {command}",
        usage=usage,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        exit_on_error=False,
    )


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


def text(value: str) -> str:
    """A value of an option that is given, and so cannot be empty, as when a shell's variable is."""
    if not value.strip():
        raise argparse.ArgumentTypeError(f"{value!r}: it is empty; give a value, or leave it out.")
    return value.strip()


def place(value: str) -> Path:
    """A path as the user means it (`paths.user`)."""
    return paths.user(text(value))


def named(value: str) -> str:
    """A name of a model, task or translator, its place as an absolute path (`paths.absolute`)."""
    return paths.absolute(text(value))


def listed(value: str) -> list[str]:
    """The values that commas separate, none of them empty or there twice."""
    return _several(value, [part.strip() for part in text(value).split(",")])


def models(value: str) -> str:
    """Models that commas separate (`names.model_names`), their places as absolute paths."""
    return ",".join(map(paths.absolute, _several(value, names.model_names(text(value)))))


def _several(value: str, parts: list[str]) -> list[str]:
    for number, part in enumerate(parts):
        if not part:
            raise argparse.ArgumentTypeError(f"{value}: a value is empty; check the commas.")
        if part in parts[:number]:
            raise argparse.ArgumentTypeError(f"{value}: {part} is given twice.")
    return parts


def code(value: str) -> str:
    """The code of a language."""
    from xlkb.ground import languages  # It needs babel.

    try:
        return languages.get(text(value)).code
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value}: {error}") from None


def codes(value: str) -> list[str]:
    """Codes of languages that commas separate."""
    return [code(part) for part in listed(value)]


def one_of(known: Iterable[str]) -> Callable[[str], str]:
    """A reader of one of the known names."""

    def read(value: str) -> str:
        if value not in known:
            raise argparse.ArgumentTypeError(f"{value}: {names.nearest(value, known)}")
        return value

    return read


def at_least(least: int) -> Callable[[str], int]:
    """A reader of whole numbers."""

    def read(value: str) -> int:
        if not re.fullmatch(r"\s*-?\d+\s*", value) or int(value) < least:
            raise argparse.ArgumentTypeError(
                f"{value}: it must be at least {least}, a whole number."
            )
        return int(value)

    return read


def number(value: str) -> float:
    """A number."""
    try:
        return float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value}: it is no number.") from None


def probability(value: str) -> float:
    """A number from 0 to 1."""
    if not 0 <= number(value) <= 1:
        raise argparse.ArgumentTypeError(f"{number(value)}: it is a probability, from 0 to 1.")
    return number(value)


def truth(value: str) -> bool:
    """Whether a value is "true"; the other one is "false"."""
    if value.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{value}: choose true or false.")
    return value.lower() == "true"

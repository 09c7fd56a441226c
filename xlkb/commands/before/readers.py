"""Values of options: a reader of each kind, which refuses what it cannot take, in words.

Importing this module needs the standard library only.
"""

import argparse
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from xlkb.ground import names, paths


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

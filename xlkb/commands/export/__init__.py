"""xlkb export: give questions and results to other tools; a module for each."""

import argparse
import importlib
from collections.abc import Sequence
from types import ModuleType

from xlkb.commands import line
from xlkb.commands.before.wanted import Wanted

KINDS = {"harness": "questions as tasks of lm-evaluation-harness"}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of what is exported; SystemExit as of `line.parse`."""
    kind, rest = _read(arguments or ())
    options = kind.parse(rest)
    options.kind = kind
    return options


def uses(options: argparse.Namespace) -> Wanted:
    """What it needs that may not be there."""
    return options.kind.uses(options)


def check(arguments: Sequence[str] | None) -> object:
    """Raise what would stop it, as its module's `check`."""
    kind, rest = _read(arguments or ())
    return kind.check(rest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    kind, rest = _read(arguments or ())
    return kind.main(rest)


def _read(arguments: Sequence[str]) -> tuple[ModuleType, Sequence[str]]:
    listed = "\n".join(f"  {name:10} {text}" for name, text in KINDS.items())
    parser = line.parser("export", "Give questions and results to other tools.", listed)
    line.add(parser, "kind  what to export, and for whom", kind=line.one_of(KINDS))
    kind = line.parse(parser, arguments[:1]).kind
    return importlib.import_module(f"xlkb.commands.export.{kind}"), arguments[1:]

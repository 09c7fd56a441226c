"""xlkb export KIND …: answers and questions in formats that others read. One module each.

`xlkb.commands.export.KIND` has `parse`, `uses`, `check` and `main` as a command has, of what stands
after the kind. Nothing is sent anywhere.
"""

import argparse
import importlib
from collections.abc import Sequence
from types import ModuleType

from xlkb.commands import line
from xlkb.commands.before.wanted import Wanted
from xlkb.ground import names

KINDS = {
    "eee": "results and samples of a model as Every Eval Ever's JSON",
    "hub": "results of a model as .eval_results/*.yaml, for its page on the hub",
    "harness": "a task's questions as a task of lm-evaluation-harness",
}
"""Names and what they make; `xlkb.commands.export.NAME` is the module."""

EXAMPLES = """\
examples:
  what a model answered, for Every Eval Ever, in the folder eee:
    xlkb export eee pip:gemma-3-270m --out eee
  its accuracy for its page on the hub, in .eval_results/ of the folder page:
    xlkb export hub hub:ORG/NAME --task belebele --out page
  what each takes, with more examples:
    xlkb export KIND --help

Files are written here, and nothing is sent anywhere.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of the kind, which `exported` names.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    kind, *rest = _read(arguments)
    options = _module(kind).parse(rest)
    options.exported = kind
    return options


def uses(options: argparse.Namespace) -> Wanted:
    """What the export needs that may not be there; errors as of the kind's own."""
    return _module(options.exported).uses(options)


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Raise what would stop the export before it computes anything, as the kind's own does."""
    kind, *rest = _read(arguments)
    return _module(kind).check(rest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    kind, *rest = _read(arguments)
    return _module(kind).main(rest)


def _read(arguments: Sequence[str] | None) -> list[str]:
    """The kind and its own arguments."""
    listed = "\n".join(f"  {name:8} {text}" for name, text in KINDS.items())
    about = "Write answers or questions in a format that others read. Nothing is sent anywhere."
    parser = line.parser(
        "export", about, f"kinds:\n{listed}\n\n{EXAMPLES}", "xlkb export KIND [options]"
    )
    parser.add_argument("kind", metavar="KIND", help="one of those below")
    given = list(arguments or [])
    # What follows the kind is its own, its --help too.
    if given[:1] in (["-h"], ["--help"]):
        line.parse(parser, given[:1])
    if not given or given[0].startswith("-"):
        parser.error(f"name a kind first; there are: {', '.join(KINDS)}.")
    if given[0] not in KINDS:
        parser.error(names.unknown("kind", given[0], KINDS))
    return given


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"xlkb.commands.export.{kind}")

"""xlkb models: list models on the hub that are of interest here."""

import argparse
from collections.abc import Sequence

from xlkb.commands import line
from xlkb.commands.before.wanted import Wanted
from xlkb.models import hub_models


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, of which there are none but --help; SystemExit as of `line.parse`."""
    about = (
        "List models on the Hugging Face hub that are of interest here, with the memory\n"
        "that their weights take in bfloat16, int8 and nf4. It needs no network."
    )
    return line.parse(line.parser("models", about), arguments)


check = parse


def uses(options: argparse.Namespace) -> Wanted:
    """Nothing."""
    return Wanted()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parse(arguments)

    def work() -> int:
        print(hub_models.in_words())
        return 0

    return line.command(work, "Nothing is kept of it.")

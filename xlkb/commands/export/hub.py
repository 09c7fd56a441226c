"""xlkb export hub: a model's accuracies as .eval_results/*.yaml, for its page on the hub."""

import argparse
import re
import shlex
from collections.abc import Sequence

from xlkb import tasks
from xlkb.commands import line
from xlkb.commands.before import preflight
from xlkb.commands.export import results
from xlkb.exchange import hub_results, origins

EXAMPLES = f"""\
examples:
  accuracy on belebele in English and French:
    xlkb export hub hub:ORG/NAME --task belebele --languages en,fr --out page
  your own questions, which you publish as the data set ORG/QUESTIONS:
    xlkb export hub path:my-model --task path:questions.jsonl --dataset ORG/QUESTIONS --out page

{results.ASKS}
FOLDER/.eval_results/ gets a file for each language of a public task ({", ".join(tasks.PUBLIC)}):
percent right, with n and 95 % interval in the notes. Other questions are in no data set of the hub,
and are refused without --dataset; with it, mixed questions get files, too.

The hub shows a result only where the data set is a Benchmark there, and its eval.yaml has the task
that the file names ("full_fr" in a data set of yours); whether it is cannot be seen from here.
Nothing is sent anywhere; the command ends with the line that would propose the files to the model's
page.
"""

OPTIONS = """
--dataset ORG/NAME  the data set of the hub that has, or will have, these questions
--source URL  a page that shows where the results come from
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; SystemExit as of `line.parse`."""
    about = "Write a model's accuracies as .eval_results/*.yaml, for its page on the hub."
    parser = line.parser("export hub", about, EXAMPLES)
    options = results.parse(parser, OPTIONS, arguments)
    if options.dataset and not re.fullmatch(origins.REPOSITORY, options.dataset):
        parser.error(f"--dataset {options.dataset}: write ORG/NAME, as facebook/belebele.")
    if options.source and not re.match("https?://", options.source):
        parser.error(f"--source {options.source}: it is no URL, which begins with https://.")
    return options


uses = results.uses


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, after all that can be wrong in them was looked at; errors as of `results`.

    Raises:
        ValueError: the questions are in no data set of the hub.
    """
    options = parse(arguments)
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    asked = results.check(options)
    hub_results.require(asked, options.dataset or "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(parse(arguments)), "Answers that came are stored.")


def _main(options: argparse.Namespace) -> int:
    preflight.require(uses(options))
    _check(options)
    with line.computing():
        answers, when, pinned = results.given(options)
        named = options.dataset or "", options.source or ""
        about = hub_results.About(origins.iso(when), *named, pinned)
        written, left = hub_results.export(answers, options.out, about, options.rule)
    for path in written:
        print(path)
    for sentence in left:
        print(f"Left out: {sentence}")
    described = answers.made.get("model") or {}
    known = str(described.get("name", "")).startswith("hub:")
    page = origins.model(described).id if known else "ORG/NAME"
    folder = shlex.quote(str(options.out / hub_results.FOLDER))
    print(
        "Nothing was sent. To propose them to the model's page:\n"
        f"  hf upload {page} {folder} {hub_results.FOLDER} --create-pr"
    )
    return 0

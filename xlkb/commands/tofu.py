"""xlkb tofu: teach TOFU's authors in English, and ask about them before and after."""

import argparse
from collections.abc import Sequence

from xlkb import models, tasks
from xlkb.analysis import tofu
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.corpora import translators
from xlkb.ground import disk, paths
from xlkb.training import finetuning, recipes

EXAMPLES = """\
examples:
  teach 20 authors to the demo's model, in some minutes:
    xlkb tofu --authors 20
  does it run? (one author, one epoch, a few questions)
    xlkb tofu --quick
  the same, also asked in French and German, which a translator puts the questions into:
    xlkb tofu --authors 20 --languages en,fr,de \\
        --translator nllb:facebook/nllb-200-distilled-600M --out tofu.csv

The questions come from the hub (locuslab/TOFU), or from $XLKB_DATA/tofu/*.jsonl. Translations are
made first; they, the trained model and the scores are kept in the results folder, so that a command
that was stopped goes on when it is given again.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.
"""

QUICK = 4

OPTIONS = f"""
--model MODEL  {models.KINDS}
--authors AUTHORS  how many to teach, 20 questions each (200)
--languages LANGUAGES  codes to ask in, as en,fr,de (default: en)
--translator TRANSLATOR  for languages other than en: {translators.FORMS}
--recipe RECIPE  one of {", ".join(recipes.names())} (default: teach)
--epochs EPOCHS  passes over the answers (default: 5)
--quick  {QUICK} questions of each set, and unless you say otherwise one author and one epoch: does
    everything run? The numbers mean nothing
--out FILE.csv  a CSV file to write the table to
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; `languages` becomes a list of codes, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = (
        "Teach a model TOFU's authors in English, and ask about them before and after: "
        "probability, truth ratio and ROUGE-L, as TOFU defines them, with 95 % intervals."
    )
    parser = line.parser("tofu", about, EXAMPLES)
    line.add(
        parser,
        OPTIONS,
        model=readers.named,
        authors=int,
        languages=readers.codes,
        translator=readers.named,
        epochs=int,
        out=readers.place,
    )
    parser.set_defaults(model="pip:gemma-3-270m", recipe="teach")
    parser.set_defaults(languages=["en"])
    options = line.parse(parser, arguments)
    options.translator = options.translator or ""
    for name, whole in (("authors", tofu.AUTHORS), ("epochs", 5)):
        if getattr(options, name) is None:
            setattr(options, name, 1 if options.quick else whole)
    return options


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError, OSError: it is refused."""
    tofu.require_authors(options.authors)
    tofu.require_translator(options.languages, options.translator)
    if options.out:
        disk.file_to_write(options.out, "--out")
    return wanted.Wanted(
        models=(options.model,),
        translators=(options.translator,) if options.translator else (),
        data=tuple(tasks.tofu.needed(("full", *tofu.ASKED.values()))),
        packages=tuple(wanted.of_recipe(options.recipe)),
    )


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command's options, after everything that can be wrong in them was looked at.

    Returns:
        As `parse`, with `model` and `recipe` themselves in place of their names.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    given.recipe = recipes.get(given.recipe, epochs=given.epochs)
    tofu.translator_for(given.languages, given.translator)
    given.model = models.load(given.model)
    finetuning.check(given.model, given.recipe, paths.results() / "runs")
    tofu.lessons(given.authors)
    for split in tofu.ASKED.values():
        tasks.tofu.load(split)
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(
        lambda: _main(arguments), "What was computed is stored; the same command goes on."
    )


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    with line.computing():
        table = tofu.experiment(
            given.model,
            given.recipe,
            given.authors,
            given.languages,
            given.translator,
            QUICK if given.quick else None,
        )
        if given.out:
            table.to_csv(given.out, index=False)
    print(table.round(3).to_string(index=False))
    return 0

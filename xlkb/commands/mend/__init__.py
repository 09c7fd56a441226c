"""xlkb mend: teach a model mixed-language text, and say what that brought and what it cost."""

import argparse
from collections.abc import Sequence

from xlkb import corpora, models, profiles, tasks, training
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.commands.mend import steps
from xlkb.corpora import translators
from xlkb.exchange import answers
from xlkb.ground import disk, paths
from xlkb.training import finetuning

EXAMPLES = """\
examples:
  the default: the almanac in the paper's five languages, mixed by 8 words:
    xlkb mend pip:gemma-3-270m
  does it run? (two documents, a few questions)
    xlkb mend pip:gemma-3-270m --quick
  your own model and questions, sentences of WikiText, translated:
    xlkb mend path:MODEL --task path:questions.jsonl --corpus wikitext-2 --documents 500 \\
        --translator nllb:facebook/nllb-200-distilled-600M --unit sentence --out mended

It trains two copies, one on mixed text and one, as the control, on the same text in one language
only: what mixing does is the difference between the two. Both and the model itself answer the same
questions. The folder gets the weights that were trained, a model card, and as .md, .json and .html
the barrier card and the comparison, in a layout that the hub takes (hf upload ORG/NAME FOLDER).
Nothing is uploaded by itself. What was trained and scored is kept, so that a command that was
stopped goes on when it is given again.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done, 130 stopped.
"""

OPTIONS = """
model  pip:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER
--languages en,fr,..  of text and questions, the one that the model knows best first (default:
  en,fr,de,es,it)
--unit UNIT  that is mixed: document, sentence, words (8 of them; the default) or word
--corpus NAME  general text, of xlkb mix (default: almanac)
--translator NAME  for a corpus in one language
--documents N  of the corpus (default: all)
--recipe NAME  of xlkb finetune (default: mix for up to 1 billion weights, else lora; or qlora,
  where that does not fit into memory)
--task TASK  a task's name, or path:FILE with questions (default: worldfacts)
--items N  questions per language (default: 420)
--out FOLDER  for the result (default: results/.../mended/...)
--quick  two documents and a few questions; the numbers mean nothing
"""

QUICK = {"documents": 2, "items": 8}
WRITTEN, QUICK_WRITTEN = 20, 2
"""Texts per language that are continued, to see in which language."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = (
        "Fine-tune a model on mixed-language text, and report what it answers before and after: in "
        "other languages, mixed, and in the one that should not suffer."
    )
    parser = line.parser("mend", about, EXAMPLES)
    kinds = {"languages": readers.codes, "unit": readers.one_of(tuple(training.ARMS))}
    kinds |= dict.fromkeys(("model", "task", "corpus", "translator"), readers.named)
    kinds |= {"out": readers.place, "documents": readers.at_least(1), "items": readers.at_least(1)}
    line.add(parser, OPTIONS, **kinds)
    parser.set_defaults(unit="words", corpus="almanac", languages=[])
    options = line.parse(parser, arguments)
    options.task, options.translator = options.task or "", options.translator or ""
    for name, few in QUICK.items():
        if options.quick and getattr(options, name) is None:
            setattr(options, name, few)
    return options


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError, OSError: it is refused."""
    run = _run(options)
    packages = wanted.of_corpus(run.text.corpus)
    packages += wanted.of_recipe(options.recipe) if options.recipe else []
    return wanted.Wanted(
        models=(options.model,),
        translators=(options.translator,) if options.translator else (),
        data=(
            *tasks.needed(run.task, run.five, released=False),
            *corpora.needed(run.text.corpus, run.read),
        ),
        packages=tuple(packages),
    )


def _run(options: argparse.Namespace) -> profiles.Run:
    run = profiles.load("demo", model=options.model, task=options.task, languages=options.languages)
    return steps.adapted(run, options)


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options after a look at all that they name, with `run`, `model` and `recipe`.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    if models.replaying():
        raise ValueError("XLKB_REPLAY=1 is set, which trains nothing: unset it.")
    given.run = _run(given)
    if given.translator:
        translators.by_name(given.translator, given.run.read)
    if len(given.run.read) < 2:
        has = ", ".join(corpora.spoken(given.corpus))
        raise ValueError(
            f"Mixed text takes two languages; of {', '.join(given.run.five)} the corpus "
            f"{given.corpus} has {', '.join(given.run.read) or 'none'} (it has {has}). Name others "
            "with --languages, or a --translator."
        )
    given.model = answers.model_of(given.model)
    given.recipe = steps.recipe_for(given.model, given.recipe)
    given.out = given.out or given.run.results / "mended" / steps.slug(given)
    disk.writable(given.out, "--out")
    if given.out.exists() and not steps.ours(given.out):
        raise ValueError(f"--out {given.out} holds other files: name a new folder.")
    finetuning.check(given.model, given.recipe, paths.results() / "runs")
    given.spoken = given.run.languages if given.languages else ()
    answers.questions(given.run, given.spoken)
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(
        lambda: _main(arguments), "What was trained and scored is kept; the same command goes on."
    )


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    n_written = QUICK_WRITTEN if given.quick else WRITTEN
    with line.computing():
        print(steps.mend(given, n_written))
    return 0

"""The options of the commands `finetuning` and `tofu`, and the help that teaches them."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from xlkb import checks, models
from xlkb.corpora import translators
from xlkb.ground import paths
from xlkb.training import recipes
from xlkb.training.recipes import Recipe

FINETUNING = """\
examples:
  mixed-language text of python -m xlkb.corpora.mixing, learned by low-rank adapters:
    python -m xlkb.finetuning pip:gemma-3-270m mixed --recipe lora
  the paper's hyper-parameters, but three passes over a file of texts:
    python -m xlkb.finetuning hub:ORG/NAME texts.jsonl --recipe paper --epochs 3

the corpus:
  A folder saved by datasets (save_to_disk) with a column text; what a column context counts, from
  the text's first character, is read and not learned: a question before its answer, say. Or a file:
  .txt with an empty line between texts; .jsonl with one object with "text" (and "context") a line;
  .csv or .tsv with a column text.

"""


def finetuning(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; those of the recipe that were given are the dict `overrides`, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    presets = "".join(f"  {name:8}{text}\n" for name, text in recipes.names().items())
    parser = argparse.ArgumentParser(
        prog="python -m xlkb.finetuning",
        description="Fine-tune a language model on texts. An interrupted run goes on when the same "
        "command is given again; a finished one is found again.",
        epilog=f"{FINETUNING}recipes:\n{presets}\n"
        "Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", type=checks.text, help="pip:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER")
    add(
        "corpus",
        type=checks.text,
        help="a folder saved by datasets, or a file of texts; see below",
    )
    add(
        "--recipe",
        type=checks.text,
        default="lora",
        metavar="NAME",
        help="preset to start from (default: lora)",
    )
    add(
        "--folder",
        type=checks.place,
        metavar="FOLDER",
        help="for the result (default: results/runs/...)",
    )
    add(
        "--name",
        type=checks.text,
        default=None,
        help="of the corpus, for the default folder's name",
    )
    add("--device", type=checks.text, default="auto", help="auto, cpu, cuda or mps")
    group = parser.add_argument_group("replace a value of the recipe")
    for field in fields(Recipe):
        kind: Callable[[str], Any] = {bool: _truth}.get(field.type, field.type)
        option = "--" + field.name.replace("_", "-")
        group.add_argument(option, type=kind, metavar=field.type.__name__.upper(), dest=field.name)
    options = checks.parse(parser, arguments)
    if options.folder and options.name:
        parser.error(
            "--name is for the default folder's name: leave it out, or leave out --folder."
        )
    if "/" in (options.name or ""):
        parser.error(f"--name {options.name} is a part of a folder's name: leave out the slash.")
    options.model = paths.absolute(options.model)
    values = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    options.overrides = {key: value for key, value in values.items() if value is not None}
    return options


TOFU = """\
examples:
  teach 20 authors to the demo's model, in some minutes:
    python -m xlkb.tofu --authors 20
  the same, also asked in French and German, which a translator puts the questions into:
    python -m xlkb.tofu --authors 20 --languages en,fr,de \\
        --translator nllb:facebook/nllb-200-distilled-600M --out tofu.csv

The questions come from the hub (locuslab/TOFU), or from $XLKB_DATA/tofu/*.jsonl. Translations are
made first; they, the trained model and the scores are kept in the results folder, so that a command
that was stopped goes on when it is given again.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.
"""


def tofu(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; `languages` becomes a list of codes, `out` an absolute path.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    parser = argparse.ArgumentParser(
        prog="python -m xlkb.tofu",
        description="Teach a model TOFU's authors in English, and ask about them before and after: "
        "probability, truth ratio and ROUGE-L, as TOFU defines them, with 95 % intervals.",
        epilog=TOFU,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model", type=checks.text, default="pip:gemma-3-270m", help=models.KINDS)
    add("--authors", type=int, default=200, help="how many to teach, 20 questions each (200)")
    add(
        "--languages",
        type=checks.text,
        default="en",
        help="codes to ask in, as en,fr,de (default: en)",
    )
    add(
        "--translator",
        type=checks.text,
        default=None,
        help="for languages other than en: " + translators.FORMS,
    )
    add(
        "--recipe",
        type=checks.text,
        default="teach",
        help=f"one of {', '.join(recipes.names())} (default: teach)",
    )
    add("--epochs", type=int, default=5, help="passes over the answers (default: 5)")
    add("--out", type=checks.place, metavar="FILE.csv", help="a CSV file to write the table to")
    options = checks.parse(parser, arguments)
    options.model = paths.absolute(options.model)
    options.translator = paths.absolute(options.translator or "")
    try:
        options.languages = checks.given(options.languages, "--languages")
    except ValueError as error:
        parser.error(str(error))
    return options


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError("choose true or false")
    return text.lower() == "true"

"""xlkb finetune: learn a corpus, and leave a model behind."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from xlkb import models
from xlkb.commands import line
from xlkb.ground import paths
from xlkb.training import Recipe, finetuning, packing, recipes

EXAMPLES = """\
examples:
  mixed-language text of xlkb mix, learned by low-rank adapters:
    xlkb finetune pip:gemma-3-270m mixed --recipe lora
  the paper's hyper-parameters, but three passes over a file of texts:
    xlkb finetune hub:ORG/NAME texts.jsonl --recipe paper --epochs 3

the corpus:
  A folder saved by datasets (save_to_disk) with a column text; what a column context counts, from
  the text's first character, is read and not learned: a question before its answer, say. Or a file:
  .txt with an empty line between texts; .jsonl with one object with "text" (and "context") a line;
  .csv or .tsv with a column text.

"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; those of the recipe that were given are the dict `overrides`, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    presets = "".join(f"  {name:8}{text}\n" for name, text in recipes.names().items())
    parser = argparse.ArgumentParser(
        prog="xlkb finetune",
        description="Fine-tune a language model on texts. An interrupted run goes on when the same "
        "command is given again; a finished one is found again.",
        epilog=f"{EXAMPLES}recipes:\n{presets}\n"
        "Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("model", type=line.text, help="pip:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER")
    add(
        "corpus",
        type=line.text,
        help="a folder saved by datasets, or a file of texts; see below",
    )
    add(
        "--recipe",
        type=line.text,
        default="lora",
        metavar="NAME",
        help="preset to start from (default: lora)",
    )
    add(
        "--folder",
        type=line.place,
        metavar="FOLDER",
        help="for the result (default: results/runs/...)",
    )
    add(
        "--name",
        type=line.text,
        default=None,
        help="of the corpus, for the default folder's name",
    )
    add("--device", type=line.text, default="auto", help="auto, cpu, cuda or mps")
    group = parser.add_argument_group("replace a value of the recipe")
    for field in fields(Recipe):
        kind: Callable[[str], Any] = {bool: _truth}.get(field.type, field.type)
        option = "--" + field.name.replace("_", "-")
        group.add_argument(option, type=kind, metavar=field.type.__name__.upper(), dest=field.name)
    options = line.parse(parser, arguments)
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


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see `--help`. Returns its exit code."""
    return line.command(
        lambda: _main(arguments), "The same command goes on from the last checkpoint."
    )


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options after a look at them, with `model`, `recipe` and `corpus` in place of names.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    if models.replaying():
        raise ValueError("XLKB_REPLAY=1 is set, which trains nothing: unset it.")
    given.recipe = recipes.get(given.recipe, **given.overrides)
    given.model = models.load(given.model, device=given.device)
    given.name = given.name or paths.user(given.corpus).stem
    given.corpus = packing.corpus(given.corpus)
    place = paths.user(given.folder or paths.results() / "runs")
    finetuning.check(given.model, given.recipe, place)
    return given


def _main(arguments: Sequence[str] | None) -> int:
    given = check(arguments)
    with line.computing():
        folder = finetuning.train(given.model, given.corpus, given.recipe, given.folder, given.name)
    name = given.model.name
    print(f"{folder}\nLoad it with training.load(models.load({name!r}), {str(folder)!r}).")
    return 0


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError("choose true or false")
    return text.lower() == "true"

"""xlkb finetune: learn a corpus, and leave a model behind."""

import argparse
from collections.abc import Sequence
from dataclasses import fields

from xlkb import models
from xlkb.commands import line
from xlkb.commands.before import preflight, wanted
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

recipes:
{presets}
Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.
"""

OPTIONS = """
model  pip:NAME, hub:ORG/NAME[@REVISION] or path:FOLDER
corpus  a folder saved by datasets, or a file of texts; see below
--recipe NAME  preset to start from (default: lora)
--folder FOLDER  for the result (default: results/runs/...)
--name NAME  of the corpus, for the default folder's name
--device DEVICE  auto, cpu, cuda or mps
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; those of the recipe that were given are the dict `overrides`, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    presets = "".join(f"  {name:12}{text}\n" for name, text in recipes.names().items())
    about = (
        "Fine-tune a language model on texts. An interrupted run goes on when the same command is "
        "given again; a finished one is found again."
    )
    parser = line.parser("finetune", about, EXAMPLES.replace("{presets}", presets))
    line.add(parser, OPTIONS, model=line.named, folder=line.place)
    parser.set_defaults(recipe="lora", device="auto")
    group = parser.add_argument_group("replace a value of the recipe")
    for field in fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        read = line.truth if field.type is bool else field.type
        group.add_argument(option, type=read, metavar=field.type.__name__.upper())
    options = line.parse(parser, arguments)
    if options.folder and options.name:
        parser.error(
            "--name is for the default folder's name: leave it out, or leave out --folder."
        )
    if "/" in (options.name or ""):
        parser.error(f"--name {options.name} is a part of a folder's name: leave out the slash.")
    values = {field.name: getattr(options, field.name) for field in fields(Recipe)}
    options.overrides = {key: value for key, value in values.items() if value is not None}
    return options


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError for what is no device."""
    models.check(device=options.device)
    packages = wanted.of_recipe(options.recipe, **options.overrides)
    return wanted.Wanted(models=(options.model,), packages=tuple(packages), device=options.device)


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
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    with line.computing():
        folder = finetuning.train(given.model, given.corpus, given.recipe, given.folder, given.name)
    name = given.model.name
    print(f"{folder}\nLoad it with training.load(models.load({name!r}), {str(folder)!r}).")
    return 0

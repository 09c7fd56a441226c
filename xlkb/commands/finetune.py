"""xlkb finetune: learn a corpus, and leave a model behind."""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from xlkb import models
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.ground import paths
from xlkb.training import Recipe, finetuning, packing, processes, recipes

EXAMPLES = """\
examples:
  mixed-language text of xlkb mix, learned by low-rank adapters:
    xlkb finetune pip:gemma-3-270m mixed --recipe lora
  the paper's hyper-parameters, but three passes over a file of texts:
    xlkb finetune hub:ORG/NAME texts.jsonl --recipe paper --epochs 3
  on four GPUs that hold all weights each (DDP), or share them (FSDP), with the same result:
    accelerate launch --config_file $(xlkb finetune --accelerate ddp) --num_processes 4 \\
        -m xlkb finetune hub:ORG/NAME texts.jsonl --recipe lora
    accelerate launch --config_file $(xlkb finetune --accelerate fsdp) --num_processes 4 \\
        -m xlkb finetune hub:ORG/NAME texts.jsonl --recipe full

the corpus:
  A folder saved by datasets (save_to_disk) with a column text; what a column context counts, from
  the text's first character, is read and not learned: a question before its answer, say. Or a file:
  .txt with an empty line between texts; .jsonl with one object with "text" (and "context") a line;
  .csv or .tsv with a column text.

several GPUs:
  Any number that divides batch_size x gradient_accumulation, which stays the batch of all GPUs
  together. A run that was stopped goes on with the same command, or with another number of GPUs.
  On more than one machine, add accelerate's --num_machines, --machine_rank and --main_process_ip;
  all must see the result's folder.

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

CONFIGURATIONS = paths.PACKAGE_DATA / "accelerate"


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
    line.add(parser, OPTIONS, model=readers.named, folder=readers.place)
    parser.set_defaults(recipe="lora", device="auto")
    parser.add_argument(
        "--accelerate",
        action=_Configuration,
        choices=sorted(path.stem for path in CONFIGURATIONS.glob("*.yaml")),
        help="print the path of a configuration for accelerate launch, and end",
    )
    group = parser.add_argument_group("replace a value of the recipe")
    for field in fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        read = readers.truth if field.type is bool else field.type
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


class _Configuration(argparse.Action):
    """Prints where a configuration lies."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Print it and end."""
        print(CONFIGURATIONS / f"{values}.yaml")
        parser.exit()


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError for what is no device."""
    models.check(device=options.device)
    packages = wanted.of_recipe(options.recipe, **options.overrides)
    return wanted.Wanted(models=(options.model,), packages=tuple(packages), device=options.device)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see `--help`. Returns its exit code."""
    kept = (
        "The same command goes on from the last checkpoint, of which there is one every 2 minutes."
    )
    return processes.one_voice(lambda: line.command(lambda: _main(arguments), kept))


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
    processes.once(lambda: preflight.require(uses(parse(arguments))))
    given = processes.in_turn(lambda: check(arguments))
    with line.computing():
        folder = finetuning.train(given.model, given.corpus, given.recipe, given.folder, given.name)
    name = given.model.name
    print(f"{folder}\nLoad it with training.load(models.load({name!r}), {str(folder)!r}).")
    return 0

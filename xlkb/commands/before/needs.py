"""What the notebooks need of a request, looked at before any of them runs.

`check` refuses what cannot be done; what has an effect in some of the notebooks only is said.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xlkb import corpora, models, scoring, tasks, training
from xlkb.commands.before import preflight, wanted
from xlkb.corpora import translators
from xlkb.ground import disk, paths
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import notebooks as cells
from xlkb.training import finetuning, memory, recipes, sizes

ASKING = ("02", "04")
"""Notebooks that run without a model's weights; 04 then leaves out the facts that are taught."""

AGREE = "agree"
"""The recipe of agreement in notebook 06."""


def check(run: Run, numbers: Sequence[str]) -> None:
    """Look at the folders and read the data, before any model is loaded.

    Args:
        run: of no particular notebook.
        numbers: of the notebooks that will run.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
    """
    for folder, what in ((run.figures, "Figures"), (run.results, "Results")):
        disk.writable(folder, what)
    disk.writable(paths.cache(), "The cache")
    if wanted.ASKING & set(numbers):
        tasks.load(run.task, languages=run.languages, n=1)
    if wanted.READING & set(numbers):
        corpora.load(run.text.corpus, run.read[:1] or ("en",), n=1)
        if run.text.translator:
            translators.by_name(run.text.translator, run.read)
    if "06" in numbers and run.agreeing:
        _agreeing(run)
    if "07" in numbers:
        training.trials.grid(run.bottle.arms, run.bottle.orders, [run.seed])
        training.trials.sweeps(run.bottle.sweeps, [run.seed])
    if "01" in numbers:
        spoken = [code for code in run.five if code in corpora.spoken(run.closeness.parallel)]
        corpora.load(run.closeness.parallel, spoken[:1] or ("en",), n=1)


def _agreeing(run: Run) -> None:
    try:
        tasks.load(run.task, languages=run.read, split="validation", n=1)
    except ValueError as error:
        raise ValueError(
            f"{error} Notebook 06 trains languages to agree on such questions. Add some, or set "
            "after.n_agreement = 0 in a profile of your own."
        ) from None


def names(run: Run, notebooks: Sequence[Path], given: Mapping[str, str | bool]) -> list[str]:
    """Look at what is asked for by its names, without data, models or the hub.

    Args:
        run: of no particular notebook.
        notebooks: those that will run.
        given: the notebooks' parameters.

    Returns:
        Sentences on what counts for some of the notebooks only.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
    """
    numbers = [path.name[:2] for path in notebooks]
    for name in run.every_model:
        if name.partition(":")[0] not in ("hub", "path", "api"):
            with contextlib.suppress(ModuleNotFoundError):
                models.load(name)
    if run.task.partition(":")[0] not in tasks.PUBLIC:
        tasks.load(run.task, n=1)
    if run.text.translator:
        translators.check(run.text.translator)
    served = [name for name in run.every_model if name.startswith("api:")]
    if served and not {*numbers} <= {*ASKING}:
        raise ValueError(
            f"{served[0]} has no weights here to look into or to train: only notebooks "
            f"{_listed(ASKING)}, which ask, can run with it. Add --only {','.join(ASKING)}."
        )
    if "06" in numbers and run.bridge.arms and corpora.bridge.NONE not in run.bridge.arms:
        raise ValueError(
            f"bridge.arms = {list(run.bridge.arms)}: add {corpora.bridge.NONE!r}, the arm that the "
            "others are compared with."
        )
    said = effects(notebooks, given, run)
    mixed(run, numbers)
    return said


def effects(notebooks: Sequence[Path], given: Mapping[str, str | bool], run: Run) -> list[str]:
    """A sentence for each option that counts in some of the notebooks only.

    Raises ValueError for one that counts in none.
    """
    takes = {path.name[:2]: cells.parameters_of(path) for path in notebooks}
    counts = {
        f"--{name}": [number for number in takes if name in takes[number]]
        for name, value in given.items()
        if value and name != "profile"
    }
    said = []
    for option, where in counts.items():
        if not where:
            able = _taking(option.removeprefix("--"))
            raise ValueError(
                f"{option} would have no effect in {_listed(list(takes))}. Leave it out, or add a "
                f"notebook that takes it: --only {','.join(sorted({*takes, *able[:1]}))}."
                if able
                else f"{option} would have no effect in any notebook. Leave it out."
            )
        if len(where) < len(takes):
            rest = _listed([number for number in takes if number not in where])
            said.append(f"{option} counts in notebook {_listed(where)}; in {rest} it does not.")
    return said


def mixed(run: Run, numbers: Sequence[str]) -> None:
    """Raise ValueError when a notebook is to mix a corpus that exists in fewer than two languages.

    The cure is the notebooks that can run, or languages that the corpus has.
    """
    asked = [number for number in numbers if number in wanted.MIXING]
    if not asked or len(run.read) > 1:
        return
    rest = ",".join(number for number in numbers if number not in wanted.MIXING)
    has = corpora.spoken(run.text.corpus)
    cures = [f"--only {rest}"] if rest else []
    cures += [f"languages of the corpus, as in --languages {','.join(has[:3])}"] * (len(has) > 1)
    several = len(asked) > 1
    text = f"Notebook{'s' * several} {_listed(asked)} mix{'' if several else 'es'} text"
    raise ValueError(
        f"{text} of the corpus {run.text.corpus}, and that takes two "
        f"languages. Of {', '.join(run.five)} it has {', '.join(run.read) or 'none'}. "
        f"Choose {', or '.join(cures) or 'other notebooks, with --only'}."
    )


def load(run: Run, numbers: Sequence[str], to_fetch: float = 0) -> list[LanguageModel]:
    """The notebooks' models, looked up and made ready: pip's are converted, disks have room.

    Args:
        to_fetch: bytes that will come from the hub (`preflight.require`).

    Raises:
        ValueError, OSError, ImportError, RuntimeError: a model cannot be had, or its endpoint
            cannot be scored by cloze, which is asked for; there is too little room.
    """
    found = [models.load(name) for name in used(run, numbers)]
    labels = [model.label for model in found]
    for name, label in zip(used(run, numbers), labels, strict=True):
        if labels.count(label) > 1:
            raise ValueError(
                f"--model: {name} and another model are both called {label!r}, and tables "
                "could not tell them apart. Rename a folder, or run them one by one."
            )
    if models.replaying():
        return found
    for model in found:
        if not model.name.startswith("api:"):
            # Converts a pip model now, on the terminal and not in the middle of a notebook.
            _ = model.source
        elif run.style == "cloze":
            how = scoring.texts.way(model)
            print(f"{model.label} says how likely a text is, asked by {how}.")
    fetched = (preflight.cache(), to_fetch, "models and data sets of the hub")
    disk.room([fetched, *_training(run, numbers, found)])
    return found


def used(run: Run, numbers: Sequence[str]) -> list[str]:
    """Names of the models that the notebooks load, each once."""
    return list(dict.fromkeys(name for number in numbers for name in run.models_of(number)))


def trained(run: Run, numbers: Sequence[str], name: str) -> dict[str, int]:
    """How many times the notebooks fine-tune a model, by recipe; what two of them need, once."""
    if name.startswith("api:"):
        return {}
    count = dict.fromkeys((run.teaching.recipe, run.text.recipe, run.bridge.recipe), 0)
    here = {number for number in numbers if name in run.models_of(number)}
    orders = run.text.orders if "06" in here else ()
    if {"03", "04"} & here or orders:
        count[run.teaching.recipe] += 1  # The academy in English.
    if "03" in here:
        count[run.teaching.recipe] += 1  # In several languages.
    if wanted.MIXING & here:
        count[run.text.recipe] += arms(run)
    if "06" in here:
        count[run.teaching.recipe] += 2 * ("before" in orders)
        count[run.bridge.recipe] += len(run.bridge.arms) * run.bridge.n_seeds
        count[run.text.recipe] += 2 * (run.text.n_passes > 1) + 4 * ("after" in orders)
        count[run.text.recipe] += (1 + len(run.text.units)) * ("own" in orders)
        if run.agreeing:
            count[AGREE] = 1
    return {recipe: n for recipe, n in count.items() if n}


def arms(run: Run) -> int:
    """Texts that a base model reads in notebook 05, over all seeds, with both controls."""
    seeded = sum(unit in training.EVERY_SEED for unit in run.text.units)
    return 2 + len(run.text.units) + (run.text.n_seeds - 1) * (2 + seeded)


def _training(
    run: Run, numbers: Sequence[str], found: Sequence[LanguageModel]
) -> Iterator[tuple[Path, float, str]]:
    runs, largest = paths.results() / "runs", 0.0
    for model in found:
        takes, working, count = {}, 0.0, trained(run, numbers, model.name)
        if not count:
            continue
        for name in count:
            recipe = recipes.get(name)
            finetuning.require_trainable(model, recipe)
            memory.require(model, recipe)
            takes[name] = sizes.trained_bytes(model, recipe)
            working = max(working, sizes.checkpoints_bytes(model, recipe))
        there = len(list(runs.glob(f"{models.slug(model.name)}-*/finished.json")))
        total = sum(count.values())
        missing = max(0, total - there)
        whole = sum(takes[name] * count[name] for name in count)
        largest = max(largest, working if missing else 0)
        yield runs, whole * missing / total, f"{missing} fine-tuned models of {model.label}"
    if largest:
        yield runs, largest, "checkpoints of one on its way"


def _taking(parameter: str) -> list[str]:
    """Numbers of the notebooks that have a parameter."""
    every = sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    return [path.name[:2] for path in every if parameter in cells.parameters_of(path)]


def _listed(numbers: Sequence[str]) -> str:
    return ", ".join(numbers[:-1]) + " and " * (len(numbers) > 1) + numbers[-1]

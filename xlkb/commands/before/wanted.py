"""What a command will use, by name: models, translators, data of the hub, packages."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from xlkb import corpora, tasks
from xlkb.ground import hub
from xlkb.profiles import Run
from xlkb.training import recipes

ASKING = {"01", "02", "04", "06"}
"""Notebooks that ask or read the run's task."""

READING = {"01", "05", "06"}
"""Notebooks that read the general corpus."""

MIXING = {"05", "06"}
"""Notebooks that mix the general corpus, which takes two languages."""

TEACHING = {"03", "04", "05", "06"}
"""Notebooks that start from a model that was taught the academy."""

TRAINERS = {"lora": ("peft",), "qlora": ("peft", "bitsandbytes")}
"""Packages of a recipe's method."""


class Wanted(NamedTuple):
    """What a command will use: models and translators by name, files of the hub, packages with what
    needs them, and the device that models are loaded on."""

    models: tuple[str, ...] = ()
    translators: tuple[str, ...] = ()
    data: tuple[hub.Source, ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    device: str = "auto"


def of_run(run: Run, used: Mapping[str, Sequence[str]]) -> Wanted:
    """What notebooks need.

    Args:
        used: number of the notebook -> names of the models that it loads.
    """
    numbers, data, packages = set(used), [], []
    if numbers & ASKING:
        data += tasks.needed(run.task, run.languages, released="02" in numbers)
    if "01" in numbers:
        there = corpora.spoken(run.closeness.parallel)
        spoken = [code for code in run.five if code in there]
        data += corpora.needed(run.closeness.parallel, spoken)
    translator = run.text.translator if numbers & READING else ""
    if numbers & READING:
        data += corpora.needed(run.text.corpus, run.read)
        packages += of_corpus(run.text.corpus)
    learned = ((run.teaching, TEACHING), (run.text, MIXING), (run.bridge, {"06"}))
    for part, where in learned:
        packages += of_recipe(part.recipe) if numbers & where else ()
    named = chain.from_iterable(used.values())
    return together(
        Wanted(tuple(named), (translator,) if translator else (), tuple(data), tuple(packages))
    )


def of_corpus(name: str) -> list[tuple[str, str]]:
    """The packages that read a corpus."""
    public = name.partition(":")[0] in corpora.wikitext.NAMES
    return [(name, package) for package in corpora.wikitext.PACKAGES if public]


def of_recipe(name: str, **changes: Any) -> list[tuple[str, str]]:
    """The packages that a recipe trains with, after changes of its values."""
    recipe = recipes.get(name, **changes)
    needed = {*TRAINERS.get(recipe.method, ())}
    needed |= {"bitsandbytes"} if recipe.optim in recipes.BITSANDBYTES else set()
    return [(f"the recipe {name}", package) for package in sorted(needed, reverse=True)]


def of_engine(name: str) -> Wanted:
    """What an engine (`scoring.engines`) needs."""
    return Wanted(packages=(("--engine ray", "ray"),) if name == "ray" else ())


def together(*wanted: Wanted) -> Wanted:
    """What several commands need, each thing once; the device is the first one's."""
    parts = zip(*(each[:-1] for each in wanted), strict=True)
    unique = (tuple(dict.fromkeys(chain.from_iterable(part))) for part in parts)
    return Wanted(*unique, wanted[0].device)

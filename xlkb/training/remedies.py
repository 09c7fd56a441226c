"""The remedy and its controls: one corpus for each arm of the experiment, and what learns it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets import Dataset

from xlkb import scoring
from xlkb.corpora import mixing
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.names import unknown
from xlkb.models import LanguageModel
from xlkb.training import finetuning
from xlkb.training.loop import processes
from xlkb.training.recipes import Recipe


def control(languages: Sequence[str]) -> str:
    """Name of the arm that all others are compared with: the same documents, not mixed.

    "English only", or that of the first of the languages to mix.
    """
    return f"{LANGUAGES[languages[0] if languages else 'en'].name} only"


NAMES = {
    "document": "mixed by document",
    "sentence": "mixed by sentence",
    "words": "mixed by 8 words",
    "word": "mixed by word",
}
PARALLEL = "parallel text"

EVERY_SEED = ("sentence", "words")
"""Units whose arms are mixed and trained once for each seed."""

ORDERS = {
    "after": "text after the teaching",
    "before": "text before the teaching",
    "own": "the domain's own text after the teaching",
}
"""What else may learn from text than the base model itself."""


def arms(
    documents: Dataset,
    units: Sequence[str],
    languages: Sequence[str],
    seed: int,
    phrases: Dataset | None = None,
) -> dict[str, Dataset]:
    """One corpus per arm: all in the base language, and the same documents mixed by each unit.

    The unit "document" is at the same time the control "the same languages, unmixed": each
    document is wholly in one of them.

    Args:
        documents: a parallel corpus.
        units: of `corpora.mix`.
        languages: to mix, the base first. One cannot be mixed, so that only the control is made;
            of none there is no arm.
        seed: of the mixing.
        phrases: the same documents, aligned by phrases, for the unit "words"; `documents` when
            None. A translator makes them apart from sentences (`corpora.translated`, k).

    Returns:
        Arm's name -> corpus as from `corpora.mix`, the same documents in the same order.
    """
    if len(languages) < 2:
        return {control(languages): mixing.monolingual(documents, code) for code in languages}
    sources = {unit: documents if phrases is None or unit != "words" else phrases for unit in units}
    mixed = {
        NAMES[unit]: mixing.mix(text, unit, languages, base=languages[0], seed=seed)
        for unit, text in sources.items()
    }
    return {control(languages): mixing.monolingual(documents, languages[0]), **mixed}


def parallel(documents: Dataset, languages: Sequence[str]) -> dict[str, Dataset]:
    """The arm "parallel text", a control: each sentence with its translations, about as much text.

    Every sentence occurs once in each language, so the first of the documents are enough: one in
    as many as there are languages, rounded up. Without a second language there is no such arm.
    """
    if len(languages) < 2:
        return {}
    few = documents.select(range(-(-len(documents) // len(languages))))
    return {PARALLEL: mixing.parallel(few, languages)}


def texts(
    documents: Dataset,
    units: Sequence[str],
    languages: Sequence[str],
    seeds: Sequence[int],
    phrases: Dataset | None = None,
) -> dict[int, dict[str, Dataset]]:
    """The corpora of every arm and seed: those of `arms`, then "parallel text".

    The seed draws the mixing, and, in `readers`, the order of the texts. Arms that no primary
    contrast is about (`EVERY_SEED`) are made for the first seed only.

    Returns:
        Seed -> arm -> corpus.
    """
    few = [unit for unit in units if unit in EVERY_SEED]
    return {
        seed: arms(documents, few if number else units, languages, seed, phrases)
        | parallel(documents, languages)
        for number, seed in enumerate(seeds)
    }


def readers(
    model: LanguageModel, texts: Mapping[int, Mapping[str, Dataset]], recipe: Recipe
) -> dict[tuple[str, int], Path]:
    """Train a model on every text; `finetuning.train` does each once.

    Args:
        texts: as from `texts`.
        recipe: whose seed is replaced by the text's.

    Returns:
        (Arm, seed) -> folder of the trained model.

    Raises:
        ValueError: several processes were started.
    """
    processes.alone("training.readers")
    return _trained(
        "Training on text",
        {
            (arm, seed): (model, text, replace(recipe, seed=seed), f"read {arm}")
            for seed, of_seed in texts.items()
            for arm, text in of_seed.items()
        },
    )


def orders(
    names: Sequence[str],
    taught: LanguageModel,
    general: Mapping[str, Dataset],
    own: Mapping[str, Dataset],
    recipe: Recipe,
    readers: Mapping[str, LanguageModel],
    teaching: tuple[Dataset, Recipe],
) -> dict[str, dict[str, Path]]:
    """What else learns from text: before and after a domain was taught in one language.

    Args:
        names: of `ORDERS`: those wanted.
        taught: the model that was taught the domain.
        general: general text of each arm, for "after".
        own: the domain's own text, mixed, of each arm, for "own".
        recipe: for text.
        readers: models that have read general text, for "before": each is taught the domain.
        teaching: what is taught, and how.

    Returns:
        Order -> arm -> folder of the trained model.

    Raises:
        ValueError: an unknown order; several processes were started.
    """
    processes.alone("training.orders")
    if wrong := [name for name in names if name not in ORDERS]:
        raise ValueError(unknown("order", wrong[0], ORDERS))
    lessons, teach = teaching
    made = {
        "after": {arm: (taught, text, recipe, f"general {arm}") for arm, text in general.items()},
        "before": {
            arm: (model, lessons, teach, f"{arm} then academy") for arm, model in readers.items()
        },
        "own": {arm: (taught, text, recipe, f"domain {arm}") for arm, text in own.items()},
    }
    return {name: _trained(f"Training {ORDERS[name]}", made[name]) for name in names}


def _trained(doing: str, wanted: Mapping[Any, tuple]) -> dict[Any, Path]:
    """The folder of each wanted model: what is trained, on which text, by which recipe, and its
    name; on a cluster, side by side."""
    found = dict(scoring.engines.each(_train, list(wanted.values()), doing))
    return {key: found[number] for number, key in enumerate(wanted)}


def _train(model: LanguageModel, text: Dataset, recipe: Recipe, name: str) -> Path:
    return finetuning.train(model, text, recipe, name=name)

"""The remedy and its controls: one corpus for each arm of the experiment, and what learns it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from datasets import Dataset

from xlkb.corpora import mixing
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.training import finetuning
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


def remedied(
    base: LanguageModel,
    taught: LanguageModel,
    general: Mapping[str, Dataset],
    domain: Mapping[str, Dataset],
    recipe: Recipe,
    lessons: Dataset,
    teach: Recipe,
) -> dict[str, dict[str, Path]]:
    """Everything that one base model learns in the experiment; `finetuning.train` does each once.

    Args:
        base: from `models.load`.
        taught: the same, taught before.
        general, domain: text of each arm, from `arms`; the control first.
        recipe: for text.
        lessons, teach: what is taught after text, and how.

    Returns:
        Arm -> folder of the trained model, for each of "general" (text, read by the taught model),
        "general, first" (read by the base model: the control, and mixed by sentence), "then the
        teaching" (to those) and "domain" (read by the taught model).
    """

    def read(model: LanguageModel, texts: Mapping[str, Dataset], what: str) -> dict[str, Path]:
        return {
            arm: finetuning.train(model, text, recipe, name=f"{what} {arm}")
            for arm, text in texts.items()
        }

    few = {next(iter(general), ""), NAMES["sentence"]}
    before = read(base, {arm: text for arm, text in general.items() if arm in few}, "first")
    then = {
        arm: finetuning.train(
            finetuning.load(base, folder), lessons, teach, name=f"{arm} then academy"
        )
        for arm, folder in before.items()
    }
    return {
        "general": read(taught, general, "general"),
        "general, first": before,
        "then the teaching": then,
        "domain": read(taught, domain, "domain"),
    }

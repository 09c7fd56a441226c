"""The texts of the remedy and of its controls: one corpus for each arm of the experiment."""

from collections.abc import Sequence

from datasets import Dataset

from xlkb import mixing

CONTROL = "English only"
"""The arm that all others are compared with: the same documents, not mixed."""

NAMES = {
    "document": "mixed by document",
    "sentence": "mixed by sentence",
    "words": "mixed by 8 words",
    "word": "mixed by word",
}


def arms(
    documents: Dataset,
    units: Sequence[str],
    languages: Sequence[str],
    seed: int,
    phrases: Dataset | None = None,
) -> dict[str, Dataset]:
    """One corpus per arm: English only, and the same documents mixed by each unit.

    The unit "document" is at the same time the control "the same languages, unmixed": each
    document is wholly in one of them.

    Args:
        documents: a parallel corpus.
        units: of `mixing.mix`.
        languages: to mix, the base first.
        seed: of the mixing.
        phrases: the same documents, aligned by phrases, for the unit "words"; `documents` when
            None. A translator makes them apart from sentences (`translation.corpus`, k).

    Returns:
        Arm's name -> corpus with the columns of `mixing`, the same documents in the same order.
    """
    sources = {unit: documents if phrases is None or unit != "words" else phrases for unit in units}
    mixed = {NAMES[u]: mixing.mix(text, u, languages, seed=seed) for u, text in sources.items()}
    return {CONTROL: mixing.monolingual(documents, languages[0]), **mixed}


def parallel(documents: Dataset, languages: Sequence[str]) -> Dataset:
    """The control "parallel text": each sentence with its translations, about as much text.

    Every sentence occurs once in each language, so the first of the documents are enough: one in
    as many as there are languages, rounded up.
    """
    few = documents.select(range(-(-len(documents) // len(languages))))
    return mixing.parallel(few, languages)

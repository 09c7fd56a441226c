"""In which language a model goes on with a text: one of the things that fine-tuning may spoil."""

from collections.abc import Iterable
from itertools import zip_longest
from pathlib import Path

import pandas as pd
from datasets import Dataset

from xlkb import corpora
from xlkb.models import LanguageModel
from xlkb.scoring.generation import Prompt, generate

COLUMNS = ["model", "language", "id", "sentence", "prompt", "text", "identified", "judged", "right"]

NEW_TOKENS = 48


def continued(
    model: LanguageModel,
    documents: Dataset,
    store: Path,
    languages: Iterable[str] | None = None,
    n: int = 20,
    max_new_tokens: int = NEW_TOKENS,
) -> pd.DataFrame:
    """What a model writes after sentences of documents, greedily, up to the end of the line.

    Its language is identified by py3langid (`corpora.audits.identify`). A continuation of fewer
    than 30 letters (10 in Chinese and Japanese) is not judged, as nobody can tell its language.

    Args:
        model: from `models.load`, with weights.
        documents: from `corpora.load`, none that the model was trained on.
        store: folder of stored results.
        languages: all of the corpus when None; of none there is no row.
        n: sentences per language at most, taken from the documents in turn; the same ones in every
            language.
        max_new_tokens: of a continuation.

    Returns:
        A row per language and sentence: `model, language, id` (of the document), `sentence` (its
        number), `prompt, text, identified` (code), `judged` (bool), `right` (bool: judged, and in
        the language of the prompt).
    """
    spoken = tuple(corpora.languages_of(documents) if languages is None else languages)
    rows = [
        (model.label, code, document, place, text)
        for code in spoken
        for document, place, text in _sentences(documents, code)[:n]
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:5])
    if table.empty:
        return pd.DataFrame(columns=COLUMNS).astype({"judged": bool, "right": bool})
    prompts = [Prompt("", text) for text in table["prompt"]]
    table["text"] = generate(model, prompts, store, max_new_tokens)["text"].to_numpy()
    said = list(zip(table["text"], table["language"], strict=True))
    table["identified"] = [corpora.audits.identify(text)[0] for text, _ in said]
    table["judged"] = [corpora.audits.long_enough(text, code) for text, code in said]
    other = [corpora.audits.is_other(text, code) for text, code in said]
    return table.assign(right=table["judged"] & ~pd.Series(other))


def _sentences(documents: Dataset, language: str) -> list[tuple[str, int, str]]:
    """Document, number and text of sentences: the first of each document, then the second ones."""
    each = [
        [(row["id"], place, text) for place, text in enumerate(corpora.sentences(row, language))]
        for row in documents
    ]
    return [sentence for turn in zip_longest(*each) for sentence in turn if sentence]

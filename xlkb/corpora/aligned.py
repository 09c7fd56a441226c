"""Parallel documents: their columns, and their texts language by language.

A corpus is a `datasets.Dataset` with the columns `corpus, id, subject` (text) and `segments`:
the aligned phrases of the document in order, each `{"sentence": int64, "text": {language: str}}`.
Consecutive segments with the same sentence number form one sentence; a sentence without phrase
alignment is one segment. Every segment has a text in every language of the corpus.
"""

import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

from datasets import Dataset, Features, List, Value

_UNSPACED = ("zh", "ja")
_WORD = re.compile(r"[^\W_]+(?:['’.,\-][^\W_]+)*")


def dataset(rows: Sequence[Mapping[str, Any]], languages: Sequence[str]) -> Dataset:
    """Rows with `corpus, id, subject, segments` as a Dataset in these languages."""
    text = Value("string")
    segment = {"sentence": Value("int64"), "text": {code: text for code in languages}}
    features = Features(corpus=text, id=text, subject=text, segments=List(segment))
    return Dataset.from_list(
        [
            {
                **{column: row[column] for column in ("corpus", "id", "subject")},
                "segments": [
                    {
                        "sentence": part["sentence"],
                        "text": {code: part["text"][code] for code in languages},
                    }
                    for part in row["segments"]
                ],
            }
            for row in rows
        ],
        features=features,
    )


def languages_of(documents: Dataset) -> tuple[str, ...]:
    """The languages of a parallel corpus, in its order.

    Raises ValueError when `documents` does not have the columns that `load` gives.
    """
    lacking = {"corpus", "id", "segments"} - set(documents.column_names)
    if lacking:
        raise ValueError(
            f"not a parallel corpus: it lacks {', '.join(sorted(lacking))}; see xlkb.corpora.load"
        )
    return tuple(documents.features["segments"].feature["text"])


def fingerprint(documents: Dataset) -> str:
    """SHA-256 (hex) of the documents in their order."""
    languages_of(documents)
    found = sha256()
    for row in documents:
        found.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return found.hexdigest()


def text(document: Mapping[str, Any], language: str) -> str:
    """The whole document in one language, sentences joined as that language does."""
    return separator(language, language).join(sentences(document, language))


def sentences(document: Mapping[str, Any], language: str) -> list[str]:
    """The document's sentences in one language, phrases joined as that language does.

    Raises ValueError when the document does not exist in `language`.
    """
    return [join(parts, language) for _, parts in grouped(document)]


def grouped(document: Mapping[str, Any]) -> list[tuple[int, list[dict]]]:
    """Sentence number and segments of every sentence, in order."""
    by_sentence = groupby(document["segments"], key=lambda part: part["sentence"])
    return [(number, list(parts)) for number, parts in by_sentence]


def join(segments: Iterable[Mapping[str, Any]], language: str) -> str:
    """Segments of one sentence as text in `language`."""
    parts = []
    for segment in segments:
        if not segment["text"].get(language):
            known = ", ".join(code for code, found in segment["text"].items() if found)
            raise ValueError(
                f"A document does not exist in {language!r}, only in {known}: sentence "
                f"{segment['sentence']}."
            )
        parts.append(segment["text"][language])
    return separator(language, language).join(parts)


def separator(before: str, after: str) -> str:
    """What stands between a text in one language and the next: nothing within zh and ja."""
    return "" if before in _UNSPACED and after in _UNSPACED else " "


def chance(*where: str | int) -> random.Random:
    """The random draws of one place: of its seed and whatever names it, and of nothing else."""
    return random.Random(sha256("|".join(map(str, where)).encode()).digest())


def count_words(text: str, language: str) -> int:
    """Words of a text; in zh and ja, which write no spaces, its letters and digits."""
    if language in _UNSPACED:
        return sum(character.isalnum() for character in text)
    return sum(1 for _ in _WORD.finditer(text))

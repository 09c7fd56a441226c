"""Is a parallel corpus what it claims to be? Counts, length ratios, duplicates, languages.

Languages are identified by py3langid (a naive Bayes classifier over byte n-grams, whose model comes
with the package) among the languages of `xlkb.languages`.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import corpora
from xlkb.languages import LANGUAGES

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENOUGH = 30
"""Letters that a text needs for its language to be judged; zh and ja do with a third."""

SURE = 0.99
"""Probability of another language from which a line is refused."""


def table(documents: Dataset, base: str = "en") -> pd.DataFrame:
    """One row per language.

    Returns:
        `language` (code), `documents`, `sentences`, `words`; `ratio_p5`, `ratio_median`,
        `ratio_p95` (characters of a sentence over its counterpart's in `base`), `duplicates` (that
        stand in the corpus before), `same_as_base` (sentences identical to their counterpart),
        `other_language` (sentences of `ENOUGH` letters that are identified as another language).
    """
    spoken = corpora.languages_of(documents)
    if base not in spoken:
        raise ValueError(f"The corpus lacks the base {base!r}; it has {', '.join(spoken)}")
    texts = _sentences(documents, spoken)
    rows = []
    for code in spoken:
        here, there = texts[code], texts[base]
        ratios = [len(text) / len(other) for text, other in zip(here, there, strict=True)]
        low, middle, high = np.percentile(ratios, [5, 50, 95])
        rows.append(
            {
                "language": code,
                "documents": len(documents),
                "sentences": len(here),
                "words": sum(corpora.count_words(text, code) for text in here),
                "ratio_p5": low,
                "ratio_median": middle,
                "ratio_p95": high,
                "duplicates": len(here) - len(Counter(here)),
                "same_as_base": 0
                if code == base
                else sum(text == other for text, other in zip(here, there, strict=True)),
                "other_language": sum(is_other(text, code) for text in here),
            }
        )
    return pd.DataFrame(rows)


def suspects(documents: Dataset) -> pd.DataFrame:
    """Sentences identified as another language: `id, sentence, language, identified, text`."""
    found = []
    for row in documents:
        for number, parts in corpora.grouped(row):
            for code in corpora.languages_of(documents):
                text = corpora.join(parts, code)
                if is_other(text, code):
                    found.append((row["id"], number, code, identify(text)[0], text))
    return pd.DataFrame(found, columns=["id", "sentence", "language", "identified", "text"])


def identify(text: str, languages: Iterable[str] = tuple(LANGUAGES)) -> tuple[str, float]:
    """The most probable language of a text, by code, and its probability."""
    return _identifier(tuple(languages)).classify(text)


def wrong_lines(lines: Iterable[str], language: str) -> list[tuple[int, str, float, str]]:
    """Lines that are surely in another language: number from 1, code, its probability, the line.

    Only lines of `ENOUGH` letters are judged, and only a probability of `SURE` condemns one. Where
    all lines are shorter, they are judged together, as line 1.
    """
    lines = list(lines)
    judged = [(n, line) for n, line in enumerate(lines, 1) if _long_enough(line, language)]
    if not judged:
        whole = " ".join(lines)
        judged = [(1, whole)] if _long_enough(whole, language) else []
    found = []
    for number, line in judged:
        code, probability = identify(line)
        if code != language and probability >= SURE:
            found.append((number, code, probability, line))
    return found


def is_other(text: str, language: str) -> bool:
    """Whether a text of at least `ENOUGH` letters is identified as another language."""
    return _long_enough(text, language) and identify(text)[0] != language


def _long_enough(text: str, language: str) -> bool:
    enough = ENOUGH // 3 if language in ("zh", "ja") else ENOUGH
    return sum(character.isalpha() for character in text) >= enough


def _sentences(documents: Dataset, languages: Iterable[str]) -> dict[str, list[str]]:
    rows = documents.to_list()
    return {
        code: [text for row in rows for text in corpora.sentences(row, code)] for code in languages
    }


@cache
def _identifier(languages: tuple[str, ...]) -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(languages)
    return identifier

"""Is a parallel corpus what it claims to be? Counts, length ratios, duplicates, languages.

Languages are identified by py3langid (a naive Bayes classifier over byte n-grams, whose model comes
with the package) among the languages of `xlkb.ground.languages`.

`table` and `suspects` are for looking; `require` is the gate that a machine translation has to
pass, of a corpus or of a task's questions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb.corpora import aligned
from xlkb.corpora.quality import faults
from xlkb.corpora.quality.identification import (
    ENOUGH,
    SURE,
    identify,
    is_foreign,
    is_other,
    long_enough,
    wrong_lines,
)

__all__ = [
    "ENOUGH",
    "SURE",
    "identify",
    "is_foreign",
    "is_other",
    "long_enough",
    "require",
    "suspects",
    "table",
    "wrong_lines",
]

_SHOWN = 10


def table(documents: Dataset, base: str = "en") -> pd.DataFrame:
    """One row per language.

    Returns:
        `language` (code), `documents`, `sentences`, `words`; `ratio_p5`, `ratio_median`,
        `ratio_p95` (characters of a sentence over its counterpart's in `base`), `duplicates` (that
        stand in the corpus before), `same_as_base` (sentences identical to their counterpart),
        `other_language` (sentences of `ENOUGH` letters that are identified as another language).
    """
    spoken = aligned.languages_of(documents)
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
                "words": sum(aligned.count_words(text, code) for text in here),
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
        for number, parts in aligned.grouped(row):
            for code in aligned.languages_of(documents):
                text = aligned.join(parts, code)
                if is_other(text, code):
                    found.append((row["id"], number, code, identify(text)[0], text))
    return pd.DataFrame(found, columns=["id", "sentence", "language", "identified", "text"])


def require(
    data: Dataset,
    base: str = "en",
    limits: Mapping[str, float] | None = None,
    translator: faults.Translate | None = None,
    sample: int = 50,
) -> pd.DataFrame:
    """The gate for a machine translation: raises unless its faults are within limits.

    Args:
        data: parallel documents (`corpora.load`) or a task's questions (`tasks.load`).
        base: language of the source; the others are judged.
        limits: fault -> share that is allowed, in place of that in `faults.LIMITS`; 1 allows all.
        translator: translates a sample back, if given; see `xlkb.corpora.translation`.
        sample: texts per language that are translated back.

    Returns:
        One row per language and fault: `language, fault, judged, found` (texts), `share, limit`.

    Raises:
        ValueError: more texts of a language have a fault than is allowed (and more than one, except
            for empty ones); the message shows the ten worst with id, language and text. Also for
            unknown faults, shares outside 0 to 1, a base that is not there.
    """
    allowed = faults.limits(limits)
    counts, found = faults.find(data, base, translator, sample)
    counts["limit"] = counts["fault"].map(allowed)
    many = (counts["found"] > 1) | (counts["fault"] == "empty")
    exceeded = counts[many & (counts["share"] > counts["limit"])]
    if exceeded.empty:
        return counts
    lines = [
        f"  {row['language']}, {row['fault']}: {row['found']} of {row['judged']} texts "
        f"({row['share']:.1%}; {row['limit']:.1%} are allowed)"
        for row in exceeded.to_dict("records")
    ]
    keys = set(zip(exceeded["language"], exceeded["fault"], strict=True))
    kept = [key in keys for key in zip(found["language"], found["fault"], strict=True)]
    worst = found[kept].sort_values("severity", ascending=False, kind="stable")
    each = math.ceil(_SHOWN / exceeded["fault"].nunique())
    lines += ["The worst:"]
    for row in worst.groupby("fault", sort=False).head(each).head(_SHOWN).to_dict("records"):
        lines.append(f"  {row['id']} [{row['language']}, {row['detail']}]: {row['text'][:100]!r}")
        lines.append(f"    for {row['source'][:100]!r}")
    names = ", ".join(dict.fromkeys(exceeded["fault"]))
    raise ValueError(
        "\n".join(["The translation does not pass its audit.", *lines])
        + f"\nTranslate with another model, or raise the limit of {names} if the texts are right."
    )


def _sentences(documents: Dataset, languages: Iterable[str]) -> dict[str, list[str]]:
    rows = documents.to_list()
    return {
        code: [text for row in rows for text in aligned.sentences(row, code)] for code in languages
    }

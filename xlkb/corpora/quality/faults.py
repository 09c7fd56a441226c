"""What can be wrong with a translated text: what `audit` counts and refuses."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb.corpora import aligned
from xlkb.corpora.quality.identification import SURE, ambiguous, identify, long_enough
from xlkb.ground import progress
from xlkb.ground.languages import LANGUAGES

LIMITS = {
    "empty": 0.0,
    "copy": 0.02,
    "other_language": 0.02,
    "length": 0.02,
    "options": 0.02,
    "back_translation": 0.1,
}
"""Fault -> share of the texts judged that `audit.require` lets pass.

empty: no text. copy: the same as the source. other_language: identified as another language, with a
probability of `identification.SURE`. length: over `FACTOR` times as long or as short, beside its
source, as the language's texts are in the median. options: of a question, that differ in the base
and are alike here. back_translation: translated back, it has a chrF under `CHRF` with its source.
All but `empty` and `options` judge texts whose source has `identification.ENOUGH` letters. Of 100
sentences of FLORES, translated by people, none has a fault; of ARC, translated by machine into nine
languages, 0.4 % at most.
"""

FACTOR = 3
CHRF = 30

Translate = Callable[[list[str], str, str], list[str]]


class Text(NamedTuple):
    """A translated text and its source."""

    id: str
    text: str
    source: str


Found = tuple[Text, str, float]
"""A faulty text, what is wrong with it in words, and how much."""


def limits(changed: Mapping[str, float] | None = None) -> dict[str, float]:
    """`LIMITS` with some of them changed; ValueError for one that there is not, or is no share."""
    for fault, share in (changed or {}).items():
        if fault not in LIMITS or not 0 <= share <= 1:
            known = ", ".join(LIMITS)
            raise ValueError(f"{fault}={share:g}: give a share from 0 to 1 of one of {known}.")
    return LIMITS | dict(changed or {})


def find(
    data: Dataset, base: str, translator: Translate | None = None, sample: int = 50
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The faults of parallel documents or of a task's questions; arguments as in `audit.require`.

    Returns:
        Counts: `language, fault, judged, found` (texts), `share`. And each faulty text:
        `id, language, fault, detail, text, source, severity`.
    """
    documents = "segments" in data.column_names
    spoken = aligned.languages_of(data) if documents else tuple(data.features["question"])
    if base not in spoken:
        raise ValueError(f"There is no base {base!r} to compare with, only {', '.join(spoken)}.")
    counts, faulty = [], []
    for code in (code for code in spoken if code != base):
        here = list((_sentences if documents else _parts)(data, code, base))
        long = [each for each in here if each.text and long_enough(each.source, base)]
        judged: dict[str, tuple[int, Iterable[Found]]] = {
            "empty": (len(here), ((each, "empty", math.inf) for each in here if not each.text)),
            "copy": (len(long), _copies(long)),
            "other_language": (len(long), _others(long, code)),
            "length": (len(long), _odd_lengths(long)),
        }
        if not documents:
            judged["options"] = (len(data), _alike(data, code, base))
        if translator is not None:
            drawn = sorted(long, key=lambda each: sha256(each.id.encode()).digest())[:sample]
            judged["back_translation"] = (len(drawn), _lost(drawn, translator, code, base))
        for fault, (number, rows) in judged.items():
            made = [
                (each.id, code, fault, detail, each.text, each.source, severity)
                for each, detail, severity in rows
            ]
            counts.append((code, fault, number, len(made), len(made) / number if number else 0.0))
            faulty += made
    return (
        pd.DataFrame(counts, columns=["language", "fault", "judged", "found", "share"]),
        pd.DataFrame(
            faulty, columns=["id", "language", "fault", "detail", "text", "source", "severity"]
        ),
    )


def _copies(texts: Iterable[Text]) -> Iterator[Found]:
    for each in texts:
        if each.text.casefold() == each.source.casefold():
            yield each, "a copy", len(each.text)


def _others(texts: Sequence[Text], language: str) -> Iterator[Found]:
    """A copy is one already, and not counted again."""
    for each in progress.over(texts, f"Reading {LANGUAGES[language].name}", " texts"):
        if long_enough(each.text, language) and each.text.casefold() != each.source.casefold():
            other, probability = identify(each.text)
            sure = probability >= SURE and not ambiguous(each.text, language, other)
            if other != language and sure:
                yield each, f"reads as {LANGUAGES[other].name}", len(each.text)


def _odd_lengths(texts: Sequence[Text]) -> Iterator[Found]:
    ratios = [len(each.text) / len(each.source) for each in texts]
    middle = float(np.median(ratios)) if ratios else 1.0
    for each, ratio in zip(texts, ratios, strict=True):
        if not middle / FACTOR <= ratio <= middle * FACTOR:
            yield each, f"{ratio:.1f} times as long", abs(math.log(ratio / middle))


def _alike(data: Dataset, language: str, base: str) -> Iterator[Found]:
    for row in data:
        here, there = row["options"][language], row["options"][base]
        if len(set(here)) < len(set(there)):
            shown = Text(f"{row['id']}, options", " | ".join(here), " | ".join(there))
            yield shown, "options alike", len(here)


def _lost(
    drawn: Sequence[Text], translator: Translate, language: str, base: str
) -> Iterator[Found]:
    from sacrebleu.metrics import CHRF as Metric

    back = translator([each.text for each in drawn], language, base) if drawn else []
    for each, text in zip(drawn, back, strict=True):
        score = Metric().sentence_score(text, [each.source]).score
        if score < CHRF:
            yield each, f"back-translated chrF {score:.0f}", 100 - score


def _sentences(data: Dataset, language: str, base: str) -> Iterator[Text]:
    for row in data:
        for number, parts in aligned.grouped(row):
            text, source = (
                aligned.separator(code, code).join(part["text"][code] or "" for part in parts)
                for code in (language, base)
            )
            yield Text(f"{row['id']}, sentence {number + 1}", text.strip(), source.strip())


def _parts(data: Dataset, language: str, base: str) -> Iterator[Text]:
    """Question and options."""
    for row in data:
        names = ["question", *(f"option {letter}" for letter in "ABCD")]
        texts, sources = (
            [row["question"][code], *row["options"][code]] for code in (language, base)
        )
        for name, text, source in zip(names, texts, sources, strict=True):
            yield Text(f"{row['id']}, {name}", (text or "").strip(), source.strip())

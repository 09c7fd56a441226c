"""Mixed-language text from parallel documents, with a record of what every piece is.

The paper's remedy (section 4.2): cut general text into units, put each unit into a random language.
The released code holds nothing that makes such text (commit 62d79fe; `FT/README.md` names TOFU's
training script, and issue 1 asks for the rest); here is one way, stated in full. A unit is

- "document": a whole document;
- "sentence": a sentence;
- "words": about `k` words of the base language. The paper cuts sentences after 8 words and has the
  pieces translated. Parallel text cannot be cut anywhere, so consecutive aligned phrases of a
  sentence are merged until they have at least `k` words; what is left at the sentence's end is a
  unit too, however short, and none goes over the sentence's end;
- "word": a word of the base text that the lexicon knows (`xlkb.corpora.lexicon`). Other words stay.

With probability `switch` a unit is put into a language drawn from `languages` by `weights`;
otherwise it stays in the base. The base may be among the languages, as in the paper. The draw comes
from the SHA-256 of seed, unit, document id and the unit's position alone: adding a document changes
no other, and a unit that is switched at one probability is switched, into the same language, at any
higher one.

Every function that makes text returns a Dataset with the columns `corpus, id, unit, text, spans`.
The spans tile the text (between two of them there is space or nothing) and hold `start, end`
(characters of `text`), `language`, `sentence` (its number in the document), `number` (of the unit
in the document; -1: text that was not to be switched) and `source` (the same in the base language).

    xlkb mix --help
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from datasets import Dataset, DatasetInfo, Features, List, Value

from xlkb.corpora import aligned, lexicon
from xlkb.corpora.mixed import check_free, preview, request, shares, unmix, write
from xlkb.ground import languages as room
from xlkb.ground import progress
from xlkb.ground.languages import FIVE
from xlkb.ground.names import unknown

__all__ = [
    "UNITS",
    "check_free",
    "mix",
    "monolingual",
    "parallel",
    "preview",
    "request",
    "shares",
    "unmix",
    "weighted",
    "write",
]

UNITS = ("document", "sentence", "words", "word")

WORDS = 8
"""Words of a unit of the kind "words", as in the paper."""

FEATURES = Features(
    corpus=Value("string"),
    id=Value("string"),
    unit=Value("string"),
    text=Value("string"),
    spans=List(
        {
            "start": Value("int64"),
            "end": Value("int64"),
            "language": Value("string"),
            "sentence": Value("int64"),
            "number": Value("int64"),
            "source": Value("string"),
        }
    ),
)


class Piece(NamedTuple):
    """Text of one sentence in one language, before it has its place."""

    text: str
    source: str
    language: str
    sentence: int
    number: int
    gap: str | bool = True
    """What stands before it, unless it is the first; True: what the languages call for."""


def mix(
    documents: Dataset,
    unit: str = "sentence",
    languages: Sequence[str] | Mapping[str, float] = FIVE,
    k: int = WORDS,
    switch: float = 1.0,
    base: str = "en",
    seed: int = 42,
) -> Dataset:
    """Parallel documents as mixed-language text; see the top of this module.

    Args:
        documents: from `corpora.load`; they must exist in the base and in all `languages` (for
            "word", whose translations come from the lexicon, in the base).
        unit: one of `UNITS`.
        languages: codes that a switched unit is drawn from, all alike; or code -> relative weight.
        k: words of the base language in a unit; for "words" only.
        switch: probability (0 to 1) that a unit is put into a drawn language.
        base: language of what is not switched, and of `source` in the spans.
        seed: of the draws.

    Returns:
        One row per document, in their order, with the columns of `FEATURES`.

    Raises:
        ValueError: an unknown unit or language (with the nearest match), documents that lack a
            language, two documents with the same id, numbers out of range, or for "word" a base
            that is written without spaces.
    """
    weights = weighted(languages)
    languages = tuple(weights)
    if unit not in UNITS:
        raise ValueError(unknown("unit", unit, UNITS))
    if k < 1:
        raise ValueError(f"k = {k}: a unit has at least one word.")
    if not 0 <= switch <= 1:
        raise ValueError(f"switch = {switch}: it is a probability, from 0 to 1.")
    words = lexicon.table(languages, base) if unit == "word" else {}
    asked = dict.fromkeys((base, *languages), 0.0)
    for code, weight in weights.items():
        asked[code] += switch * weight / sum(weights.values())
    asked[base] += 1 - switch

    def pieces(row: dict) -> Iterator[Piece]:
        def drawn(position: int) -> str:
            chance = aligned.chance(seed, unit, row["id"], position)
            switched = chance.random() < switch
            return chance.choices(languages, list(weights.values()))[0] if switched else base

        if unit == "word":
            yield from _words(row, base, words, drawn)
            return
        for number, (sentence, segments) in _units(row, unit, k, base):
            yield _piece(segments, sentence, number, drawn(number), base)

    described = {"languages": languages, "base": base, "switch": switch, "seed": seed}
    described |= {"k": k} if unit == "words" else {}
    described |= {"weights": weights, "asked": asked}
    needed = (base,) if unit == "word" else (base, *languages)
    return _build(documents, unit, needed, pieces, described)


def monolingual(documents: Dataset, language: str = "en", base: str | None = None) -> Dataset:
    """Control: every document in one language."""
    base = base or _base(aligned.languages_of(documents))

    def pieces(row: dict) -> Iterator[Piece]:
        for number, (sentence, segments) in _units(row, "sentence", 1, base):
            yield _piece(segments, sentence, number, language, base)

    described = {"languages": [language], "base": base, "asked": {language: 1.0}}
    return _build(documents, "monolingual", (base, language), pieces, described)


def parallel(
    documents: Dataset, languages: Sequence[str] = FIVE, base: str | None = None
) -> Dataset:
    """Control: each sentence followed by its translations, in the order of `languages`."""
    languages = room.check(languages)
    base = base or _base(languages)

    def pieces(row: dict) -> Iterator[Piece]:
        for number, (sentence, segments) in _units(row, "sentence", 1, base):
            for place, code in enumerate(languages):
                yield _piece(segments, sentence, number * len(languages) + place, code, base)

    asked = dict.fromkeys(languages, 1 / len(languages))
    described = {"languages": languages, "base": base, "asked": asked}
    return _build(documents, "parallel", (base, *languages), pieces, described)


def _units(
    row: Mapping[str, Any], unit: str, k: int, base: str
) -> Iterator[tuple[int, tuple[int, list[dict]]]]:
    """Number of the unit, and sentence number and segments of each of its sentences."""
    number = 0
    for sentence, segments in aligned.grouped(row):
        chunk: list[dict] = []
        for place, segment in enumerate(segments, 1):
            chunk.append(segment)
            full = unit == "words" and aligned.count_words(aligned.join(chunk, base), base) >= k
            if full or place == len(segments):
                yield number, (sentence, chunk)
                chunk = []
                number += unit != "document"


def _piece(segments: list[dict], sentence: int, number: int, language: str, base: str) -> Piece:
    text, source = aligned.join(segments, language), aligned.join(segments, base)
    return Piece(text, source, language, sentence, number)


def _words(row: Mapping[str, Any], base: str, words: lexicon.Table, drawn: Any) -> Iterator[Piece]:
    """The base text cut at the words of the lexicon; positions count all words of the document."""
    position = 0
    for sentence, segments in aligned.grouped(row):
        text, end, first = aligned.join(segments, base), 0, True
        known = [*lexicon.find(text, words, base), lexicon.Found(len(text), len(text), "", {})]
        for found in known:
            between = text[end : found.start]
            gap = between[: len(between) - len(between.lstrip())]
            if between.strip():
                yield Piece(between.strip(), between.strip(), base, sentence, -1, first or gap)
                first, gap = False, between[len(between.rstrip()) :]
            position += len(re.findall(r"\w+", between))
            if found.text:
                language = drawn(position)
                word = found.text if language == base else found.entry[language]
                yield Piece(word, found.text, language, sentence, position, first or gap)
                first = False
            position += len(re.findall(r"\w+", found.text))
            end = found.end


def _build(
    documents: Dataset, unit: str, languages: Iterable[str], pieces: Any, described: dict
) -> Dataset:
    available = aligned.languages_of(documents)
    lacking = [code for code in room.check(dict.fromkeys(languages)) if code not in available]
    if lacking:
        raise ValueError(
            f"The documents do not exist in {', '.join(lacking)}, only in {', '.join(available)}: "
            "give languages (and a base) that they have."
        )
    rows, seen = [], set()
    for row in progress.over(documents, "Mixing", " documents"):
        name = (row["corpus"], row["id"])
        if name in seen or not row["segments"]:
            fault = "is there twice" if name in seen else "has no text"
            raise ValueError(f"Document {row['id']!r} of {row['corpus']} {fault}.")
        seen.add(name)
        text, spans, before = "", [], ""
        for piece in pieces(row):
            if text:
                usual = aligned.separator(before, piece.language)
                text += usual if piece.gap is True else piece.gap
            span = piece._asdict() | {"start": len(text), "end": len(text) + len(piece.text)}
            spans.append({key: span[key] for key in FEATURES["spans"].feature})
            text, before = text + piece.text, piece.language
        rows.append({"corpus": name[0], "id": name[1], "unit": unit, "text": text, "spans": spans})
    described = {"unit": unit, **described, "source": aligned.fingerprint(documents)}
    info = DatasetInfo(description=json.dumps(described, ensure_ascii=False), features=FEATURES)
    return Dataset.from_list(rows, features=FEATURES, info=info)


def weighted(
    languages: Iterable[str], weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Weight of each language in the draw, in the order of `languages`.

    Args:
        languages: codes; or code -> weight.
        weights: code -> weight; where there are none, those of `languages`, or 1 for each.

    Raises:
        ValueError: an unknown language, a weight for another one or none for one, or weights that
            are no weights.
    """
    codes = room.check(languages)
    weights = weights or (languages if isinstance(languages, Mapping) else dict.fromkeys(codes, 1))
    if set(weights) != set(codes):
        raise ValueError(
            f"weights are given for {', '.join(weights)}, but the languages are "
            f"{', '.join(codes)}: give one weight for each."
        )
    found = {code: float(weights[code]) for code in codes}
    if not min(found.values()) >= 0 or not 0 < sum(found.values()) < float("inf"):
        raise ValueError(f"weights {dict(weights)}: none may be negative, and one must be above 0.")
    return found


def _base(languages: Sequence[str]) -> str:
    return "en" if "en" in languages else languages[0]

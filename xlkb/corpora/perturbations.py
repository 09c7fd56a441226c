"""Sentences with some of their pieces changed: how far do their embeddings move?

The paper (section 2) puts words into other languages with probability 0.16, and compares that with
replacing or dropping tokens at random with probability 0.8. Here all kinds change the very same
pieces, the aligned phrases of a sentence, with the same probability, and can be compared at any:

- "mixed": the phrase in a language drawn from `languages` (as in the paper, the base among them);
- "shuffled translation": the words of that translation in random order;
- "random words, same languages": as many words drawn from the corpus in the language drawn;
- "random words": as many words drawn from the corpus in the base;
- "dropped": nothing. One phrase always stays, so that something is left.

A piece that changes at one probability changes at any higher one, in the same way.
"""

import random
from collections.abc import Sequence

import pandas as pd
from datasets import Dataset

from xlkb.corpora import aligned
from xlkb.ground import languages as room
from xlkb.ground.languages import FIVE
from xlkb.ground.names import unknown

KINDS = (
    "mixed",
    "shuffled translation",
    "random words, same languages",
    "random words",
    "dropped",
)

COLUMNS = ["id", "sentence", "kind", "probability", "original", "text"]


def sentences(
    documents: Dataset,
    kind: str,
    p: float,
    languages: Sequence[str] = FIVE,
    base: str = "en",
    n: int | None = None,
    seed: int = 42,
) -> pd.DataFrame:
    """The sentences of a parallel corpus, as they are and changed.

    Args:
        documents: from `corpora.load`.
        kind: one of `KINDS` (`corpora.PERTURBATIONS`).
        p: probability (0 to 1) that a phrase changes.
        languages: that a changed phrase may get; of fewer than two, nothing is changed.
        base: language of the sentences.
        n: sentences to take, the corpus's first; all when None.
        seed: of the draws, with the document's id and the phrase's place.

    Returns:
        One row per sentence: `id` (document), `sentence` (its number), `kind, probability,
        original, text`; none where nothing is changed.

    Raises:
        ValueError: an unknown kind or language, or p out of range.
    """
    if not {*languages} - {base}:
        return pd.DataFrame(columns=COLUMNS)
    languages = room.check(languages)
    if kind not in KINDS:
        raise ValueError(unknown("kind", kind, KINDS))
    if not 0 <= p <= 1:
        raise ValueError(f"p = {p}: it is a probability, from 0 to 1.")
    pools = {
        code: [word for row in documents for word in aligned.text(row, code).split()]
        for code in dict.fromkeys((base, *languages))
    }
    rows = []
    for row in documents:
        for number, segments in aligned.grouped(row):
            places = range(len(segments))
            chances = [aligned.chance(seed, row["id"], number, place) for place in places]
            draws = [chance.random() for chance in chances]
            spoken = [chance.choice(languages) for chance in chances]
            kept = max(range(len(draws)), key=draws.__getitem__)  # Never dropped.
            pieces = []
            for place, segment in enumerate(segments):
                if draws[place] >= p or (kind == "dropped" and place == kept):
                    pieces.append((segment["text"][base], base))
                else:
                    pieces += _changed(
                        segment["text"], kind, spoken[place], base, pools, chances[place]
                    )
            original = aligned.join(segments, base)
            rows.append((row["id"], number, kind, p, original, _join(pieces)))
            if n is not None and len(rows) == n:
                break
        if n is not None and len(rows) == n:
            break
    return pd.DataFrame(rows, columns=COLUMNS)


def _changed(
    texts: dict[str, str],
    kind: str,
    language: str,
    base: str,
    pools: dict[str, list[str]],
    chance: random.Random,
) -> list[tuple[str, str]]:
    """What stands in a phrase's place: (text, language), or nothing."""
    if kind == "dropped":
        return []
    if kind == "mixed":
        return [(texts[language], language)]
    if kind == "shuffled translation":
        words = texts[language].split()
        chance.shuffle(words)
        return [(" ".join(words), language)]
    source = base if kind == "random words" else language
    words = chance.choices(pools[source], k=len(texts[source].split()))
    return [(" ".join(words), source)]


def _join(pieces: Sequence[tuple[str, str]]) -> str:
    text, before = "", ""
    for piece, language in pieces:
        text += (aligned.separator(before, language) if text else "") + piece
        before = language
    return text

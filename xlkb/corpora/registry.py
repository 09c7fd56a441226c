"""Corpora by name: those of the package, public ones, and your own files."""

from collections.abc import Iterable
from hashlib import sha256

from datasets import Dataset

from xlkb.corpora.aligned import dataset, languages_of
from xlkb.corpora.sources import almanac, files, flores, teaching, wikitext
from xlkb.ground import hub
from xlkb.ground import languages as room
from xlkb.ground.names import unknown

SPLITS = ("train", "heldout")
HELD_OUT = 8
"""One document in this many is held out, in every subject."""


def names() -> tuple[str, ...]:
    """Corpora of the package, then public ones; your own are `files:FOLDER`."""
    return ("almanac", "academy", "flores", *wikitext.NAMES)


def spoken(name: str) -> tuple[str, ...]:
    """The languages that a corpus exists in, by its name alone (of your own: by the files' names).

    Raises:
        ValueError: there is no such corpus. FileNotFoundError: there is no such folder.
    """
    kind, _, folder = name.partition(":")
    if kind == "files" and folder:
        return tuple(files.folder(folder))
    if kind in wikitext.NAMES:
        return ("en",)
    if kind not in names():
        raise ValueError(_unknown(name))
    return tuple(room.LANGUAGES) if kind == "flores" else room.FIVE


def needed(name: str, languages: Iterable[str] | None = None) -> list[hub.Source]:
    """What a corpus's split "train" reads of the hub: nothing where it is local."""
    kind, _, folder = name.partition(":")
    if kind == "flores":
        return flores.needed(tuple(languages or room.FIVE), folder or None)
    return wikitext.needed(kind, folder or None) if kind in wikitext.NAMES else []


def load(
    name: str,
    languages: Iterable[str] | None = None,
    split: str = "train",
    n: int | None = None,
    seed: int = 42,
) -> Dataset:
    """Documents of one corpus.

    Args:
        name: "almanac" (encyclopaedic prose, en fr de es it), "academy" (documents of the
            fictional academy, none held out), "files:FOLDER" for your own (`corpora.files` says
            how); "flores" (sentences for testing, none held out) or, in English, "wikitext-2" and
            others (`corpora.translated` translates them), both from the hub or, as "NAME:PLACE",
            from files.
        languages: codes, in the order wanted; all of the corpus when None.
        split: "train", or "heldout": one document in eight of every subject, always the same; of
            WikiText its validation split.
        n: at most this many documents, drawn evenly from the subjects; all when None. The documents
            for `n` are the first `n` of those for any larger number.
        seed: decides which documents are drawn. Without `n` the corpus keeps its own order.

    Returns:
        Dataset with the columns `corpus, id, subject, segments`.

    Raises:
        ValueError: unknown corpus, language or split (with the nearest match), a split without
            documents, `n` below 1, malformed files (with file and line or document).
        FileNotFoundError: there is no such folder.
        OSError: the hub cannot be reached.
    """
    if split not in SPLITS:
        raise ValueError(unknown("split", split, SPLITS))
    if n is not None and n < 1:
        raise ValueError(f"n = {n}, but at least one document must be asked for; None means all.")
    wanted = None if languages is None else room.check(languages)
    rows, available = _rows(name, split, wanted)
    spoken = wanted or available
    lacking = [code for code in spoken if code not in available]
    if lacking:
        raise ValueError(f"{name} lacks {', '.join(lacking)}; it has {', '.join(available)}")
    if not rows:
        raise ValueError(f"{name} has no documents in the split {split!r}: it is too small for it.")
    rows = rows if n is None else drawn(rows, seed)[:n]
    # WikiText-103 has 28,475 articles: only those that were drawn are made plain text.
    rows = wikitext.restored(rows) if "paragraphs" in rows[0] else rows
    return dataset(rows, spoken)


def _rows(
    name: str, split: str, wanted: tuple[str, ...] | None
) -> tuple[list[dict], tuple[str, ...]]:
    """The corpus's documents of one split and its languages: at least those wanted, if it can."""
    kind, _, folder = name.partition(":")
    if kind in ("academy", "flores") and split != "train":
        raise ValueError(f"{kind} has no held-out documents: it is one whole.")
    if kind == "flores":
        spoken = wanted or room.FIVE
        return flores.rows(spoken, folder or None), spoken
    if name == "academy":
        documents = teaching.parallel()
        return documents.to_list(), languages_of(documents)
    if name == "almanac":
        rows, spoken = almanac.rows(), room.FIVE
    elif kind == "files" and folder:
        rows = files.read(files.folder(folder))
        spoken = tuple(rows[0]["segments"][0]["text"])
    elif kind in wikitext.NAMES:
        spoken = ("en",)
        if wikitext.has_splits(kind, folder or None):
            return wikitext.articles(kind, folder or None, split), spoken
        rows = wikitext.articles(kind, folder or None)
    else:
        raise ValueError(_unknown(name))
    kept = _held_out(rows)
    return [row for row in rows if (row["id"] in kept) == (split == "heldout")], spoken


def _held_out(rows: list[dict]) -> set[str]:
    """Ids of the held-out documents, the same whatever the seed of an experiment."""
    chosen = set()
    for subject in {row["subject"] for row in rows}:
        here = _ordered([row for row in rows if row["subject"] == subject], "heldout")
        chosen.update(row["id"] for row in here[: len(here) // HELD_OUT])
    return chosen


def drawn(rows: list[dict], seed: int) -> list[dict]:
    """Rows in a seeded order in which every subject has had its turn before one has its next."""
    turns: dict[str, int] = {}
    keyed = []
    for row in _ordered(rows, seed):
        turns[row["subject"]] = turns.get(row["subject"], -1) + 1
        keyed.append((turns[row["subject"]], row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def _ordered(rows: list[dict], seed: int | str) -> list[dict]:
    return sorted(rows, key=lambda row: sha256(f"{seed}|{row['id']}".encode()).digest())


def _unknown(name: str) -> str:
    if name.partition(":")[0] == "files":
        return f"There is no corpus {name!r}: name a folder, as files:FOLDER."
    return unknown("corpus", name, (*names(), "files:FOLDER"))

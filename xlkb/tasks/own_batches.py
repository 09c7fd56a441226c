"""Own questions (`own`) that need not all lie in memory: a file is read a batch at a time."""

from array import array
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b, file_digest
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from datasets import Dataset

from xlkb.ground import texts
from xlkb.ground.progress import LONG, bar
from xlkb.tasks import order, own
from xlkb.tasks.order import SPLITS

WHOLE = 1 << 26
"""Bytes of a file that `contents` reads as a whole where it cannot be read in lines."""


class Contents(NamedTuple):
    """What a file of questions holds.

    languages: codes, those asked for or of its first question. counts: questions of each split.
    digest: SHA-256 (hex) of the file.
    """

    languages: tuple[str, ...]
    counts: dict[str, int]
    digest: str


def contents(file: str | Path, languages: tuple[str, ...] | None = None) -> Contents:
    """What the file holds, after a look at every question; arguments and errors as of `own.rows`.

    Memory does not grow with the file but for 16 bytes a question, by which an id that is there
    twice is found. A file that is one JSON list, or in UTF-16, lies in memory as a whole: of more
    than `WHOLE` bytes it is refused (ValueError).
    """
    path, problems = own.existing(file), []
    _check_size(path)
    ids, counts = array("Q"), dict.fromkeys(SPLITS, 0)
    spoken = languages

    def first(identifier: str, where: str) -> str:
        ids.append(_hash(identifier))
        return where

    with path.open("rb") as opened:
        digest = file_digest(opened, "sha256").hexdigest()
        opened.seek(0)
        n_lines = sum(part.count(b"\n") for part in iter(partial(opened.read, 1 << 20), b""))
    with bar(n_lines, f"Checking {path.name}", " questions", delay=LONG) as shown:
        for row in own.checked(path, languages, problems, first):
            counts[row["split"]] += 1
            spoken = spoken or (tuple(row["question"]) if row["split"] != "dev" else None)
            shown.update()
    texts.refuse(problems or _twice(path, np.array(ids)), own.HEADING.format(path))
    if not any(counts.values()):
        raise ValueError(f"{path} holds no question: write one JSON object a line.")
    return Contents(spoken or (), counts, digest)


def batches(
    file: str | Path, languages: tuple[str, ...], size: int, split: str = "test"
) -> Iterator[Dataset]:
    """The questions of one split, so many at a time, in the file's order.

    Args:
        file, languages: as of `contents`, which looks for ids that are there twice; here only the
            rows are looked at.
        size: questions of a batch; the last one has what is left.
        split: one of `SPLITS`.

    Returns:
        Datasets as of `tasks.load`. The rest of the file is read when it is asked for.

    Raises:
        ValueError, FileNotFoundError: as of `own.rows`, when a malformed row is met.
    """
    asked = rows(file, languages, split)
    while batch := list(islice(asked, size)):
        made = order.dataset(batch, languages)
        del batch
        yield made
        del made


def rows(file: str | Path, languages: tuple[str, ...], split: str) -> Iterator[dict]:
    """The rows of one split as of `own.rows`, each read when it is asked for; else as `batches`."""
    path, problems = own.existing(file), []
    for row in own.checked(path, languages, problems, lambda _, where: where):
        if not problems and row["split"] == split:
            yield row
    texts.refuse(problems, own.HEADING.format(path))


def _check_size(path: Path) -> None:
    with path.open("rb") as opened:
        start = opened.read(1 << 12)
    kind = "in UTF-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
    kind = kind or "one JSON list" * start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    if kind and (size := path.stat().st_size) > WHOLE:
        raise ValueError(
            f"{path} is {kind} of {size / 1e6:,.0f} MB, which would lie in memory as a whole: "
            "write one object a line, in UTF-8."
        )


def _hash(identifier: str) -> int:
    return int.from_bytes(blake2b(identifier.encode("utf-8", "replace"), digest_size=8).digest())


def _twice(path: Path, ids: np.ndarray) -> list[str]:
    """What is wrong with ids, of which `ids` are the hashes."""
    ids.sort()
    twice = {*ids[1:][ids[1:] == ids[:-1]].tolist()}
    problems, seen = [], {}
    for where, row in texts.items(path, []) if twice else ():
        if _hash(looks := texts.looks(row["id"])) in twice:
            faults = own.double(row["id"], seen.setdefault(looks, where), where)
            problems += [f"{path}, {where}: {fault}" for fault in faults]
        if len(problems) > texts.SHOWN:
            break
    return problems

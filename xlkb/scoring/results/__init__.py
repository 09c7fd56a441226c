"""Stored results: scores that are never lost and never trusted when damaged.

A folder of scores holds *parts*, Parquet files written in one rename as scores come, each named
after the SHA-256 of its own bytes. Reading a part checks its name against the bytes: a file that
was cut short or has a flipped bit is named in a warning, moved to `damaged/`, and its scores count
as missing, so the next run computes them again. `stored` computes only what is missing. Small parts
are merged as they become many (`parts`), a process reads each part once (`index`), and where two
rows have one key it depends on the rows alone which of them counts (`order`).
"""

import time
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from xlkb.ground import disk
from xlkb.ground.progress import bar
from xlkb.models import LanguageModel, slug
from xlkb.scoring.results import index, used
from xlkb.scoring.results.parts import append, by_key, compact, merge, read, rows_bytes, write_rows
from xlkb.scoring.results.schemas import (
    ANSWERS,
    GENERATIONS,
    KINDS,
    LENGTHS,
    RANKS,
    SCORES,
    SIMILARITIES,
    TRIALS,
)
from xlkb.scoring.tries import Pair

__all__ = [
    "ANSWERS",
    "GENERATIONS",
    "KINDS",
    "LENGTHS",
    "RANKS",
    "SCORES",
    "SECONDS_PER_PART",
    "SIMILARITIES",
    "TRIALS",
    "Found",
    "address",
    "append",
    "by_key",
    "compact",
    "index",
    "key",
    "merge",
    "read",
    "rows_bytes",
    "store_folder",
    "stored",
    "used",
    "write_rows",
]

SECONDS_PER_PART = 10
"""Between two parts of what is being computed."""

Found = Iterable[tuple[Sequence[int], pd.DataFrame]]
"""What is computed, as it comes: places in a list of keys, and a row for each, without the key."""


def store_folder(store: Path, model: LanguageModel) -> Path:
    """The folder of a model's scores: its name and the start of its fingerprint."""
    return Path(store) / f"{slug(model.name)}-{model.fingerprint[:12]}"


def key(pair: Pair) -> bytes:
    """Content address of a score, by the very texts that are scored."""
    return address(pair.context, pair.continuation, "isolated" if pair.isolated else "")


def address(*texts: str) -> bytes:
    """Content address of a result: 12 bytes of the SHA-256 of the texts that it depends on.

    A changed fact, template or instruction changes the text, so it can never meet an old result.
    """
    return sha256("\x00".join(texts).encode()).digest()[:12]


def stored(
    model: LanguageModel,
    store: Path,
    kind: str,
    keys: Sequence[bytes],
    compute: Callable[[list[int]], Found],
    doing: str,
    unit: str,
) -> pd.DataFrame:
    """A row for each key, from the store or else from `compute`, written as they come.

    What was computed before an error or an interrupt is kept.

    Args:
        model: whose folder holds them; where something is missing, `model.json` describes it there.
        store: folder of stored results.
        kind: one of `KINDS`.
        keys: content addresses; one may be there twice.
        compute: called with the places of missing keys, each key once, if there are any; it may
            give rows of others, too.
        doing: what the bar says before the model's name.
        unit: what the rows are called, in the bar and in the line that counts them.

    Returns:
        The rows in the order of `keys`, without the key.
    """
    folder = store_folder(store, model)
    first: dict[bytes, int] = {}
    for place, each in enumerate(keys):
        first.setdefault(each, place)
    there = index.known(folder / kind, KINDS[kind], list(first))
    missing = [place for place, known in zip(first.values(), there, strict=True) if not known]
    if missing:
        disk.write_json(folder / "model.json", model.describe())
        with bar(len(missing), f"{doing} {model.label}", f" {unit}") as progress:
            _write(folder / kind, KINDS[kind], keys, compute(missing), progress)
    print(f"{model.label}: computed {len(missing):,} / reused {len(first) - len(missing):,} {unit}")
    return index.rows(folder / kind, KINDS[kind], keys)


def _write(
    folder: Path, schema: pa.Schema, keys: Sequence[bytes], found: Found, progress: tqdm
) -> None:
    """Write all that is found as it comes, but nothing that is stored already."""
    pending: list[pd.DataFrame] = []
    flushed = time.monotonic()

    def flush() -> None:
        if pending:
            part = pd.concat(pending, ignore_index=True).drop_duplicates("key")
            part = part[~index.known(folder, schema, part["key"].tolist())]
            if len(part):
                append(folder, part, schema)
            pending.clear()

    try:
        for places, rows in found:
            pending.append(rows.assign(key=[keys[place] for place in places]))
            progress.update(len(places))
            if time.monotonic() - flushed > SECONDS_PER_PART:
                flush()
                flushed = time.monotonic()
    finally:
        flush()

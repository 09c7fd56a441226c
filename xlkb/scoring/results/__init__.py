"""Stored results: scores that are never lost and never trusted when damaged.

A folder of scores holds *parts*, Parquet files written in one rename as scores come, each named
after the SHA-256 of its own bytes. Reading a folder checks every name against the bytes: a file
that was cut short or has a flipped bit is named in a warning, moved to `damaged/`, and its scores
count as missing, so the next run computes them again. `stored` computes only what is missing.
"""

import json
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from xlkb.ground import disk
from xlkb.ground.progress import bar
from xlkb.models import LanguageModel, slug
from xlkb.scoring.tries import Pair

SECONDS_PER_PART = 10
"""Between two parts of what is being computed."""

SCORES = pa.schema(
    [("key", pa.binary(12)), ("log_likelihood", pa.float32()), ("n_tokens", pa.int32())]
)
"""key: content address of a score (`key`). log_likelihood: nats, summed over tokens."""

SIMILARITIES = pa.schema(
    [("key", pa.binary(12)), ("cosine", pa.float32()), ("distance", pa.float32())]
)
"""Of the embeddings of two texts (`embeddings.similarities`); distance: Euclidean."""

RANKS = pa.schema([("key", pa.binary(12)), ("rank", pa.int32())])
"""Place of a text's translation among candidates, from 1 (`embeddings.retrieval`)."""

GENERATIONS = pa.schema(
    [
        ("key", pa.binary(12)),
        ("text", pa.string()),
        ("n_tokens", pa.int32()),
        ("n_prompt", pa.int32()),
        ("cut", pa.bool_()),
    ]
)
"""Generated lines (`generation.generate`)."""

ANSWERS = pa.schema(
    [
        ("key", pa.binary(12)),
        ("way", pa.string()),
        ("served", pa.string()),
        ("text", pa.string()),
        ("log_likelihoods", pa.list_(pa.float32(), 4)),
    ]
)
"""Letters of an endpoint (`served.answering.scores`): how they were read, what the endpoint says the
model is, the generated text, and the letters' log-probabilities (nats)."""

LENGTHS = pa.schema([("key", pa.binary(12)), ("n_tokens", pa.int32())])
"""Tokens that a model reads of a text (`lengths.of`)."""

_MEASURED = ("n_tokens", "seconds", "accuracy_learned", "accuracy_k", "accuracy_c", "n_known")
_MEASURED += ("accuracy_known", "accuracy_own", "accuracy_described")
_MEASURED += ("cosine_first", "cosine_middle", "cosine_last")

TRIALS = pa.schema([("key", pa.binary(12)), *((name, pa.float32()) for name in _MEASURED)])
"""Of models of the bottle, what `training.bottle.outcomes` says; not in a model's folder."""

KINDS = {
    ".": SCORES,
    "similarities": SIMILARITIES,
    "ranks": RANKS,
    "generations": GENERATIONS,
    "lengths": LENGTHS,
    "answers": ANSWERS,
    "bottle": TRIALS,
}
"""Where the parts of each schema lie in the folder of a model."""


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
    known = read(folder / kind, KINDS[kind])
    there = set(known["key"])
    first: dict[bytes, int] = {}
    for place, each in enumerate(keys):
        first.setdefault(each, place)
    missing = [place for each, place in first.items() if each not in there]
    if missing:
        disk.write_json(folder / "model.json", model.describe())
        with bar(len(missing), f"{doing} {model.label}", f" {unit}") as progress:
            new = _written(folder / kind, KINDS[kind], keys, compute(missing), progress)
        known = pd.concat([known, *new]).drop_duplicates("key")
    print(f"{model.label}: computed {len(missing):,} / reused {len(first) - len(missing):,} {unit}")
    return by_key(known, keys)


def _written(
    folder: Path, schema: pa.Schema, keys: Sequence[bytes], found: Found, progress: tqdm
) -> list[pd.DataFrame]:
    """All that is found, written as it comes, as it is read back."""
    parts: list[pd.DataFrame] = []
    pending: list[pd.DataFrame] = []
    flushed = time.monotonic()

    def flush() -> None:
        if pending:
            part = pd.concat(pending, ignore_index=True).drop_duplicates("key")
            append(folder, part, schema)
            parts.append(pa.Table.from_pandas(part, schema, preserve_index=False).to_pandas())
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
    return parts


def append(folder: Path, scores: pd.DataFrame, schema: pa.Schema = SCORES) -> Path:
    """Write one part with the columns of the schema; returns its path.

    The part is complete on disk before it gets its name, so a kill at any moment leaves either
    the whole part or none. Several processes may append to one folder.
    """
    table = pa.Table.from_pandas(scores, schema=schema, preserve_index=False)
    data = _parquet(table)
    path = Path(folder) / f"part-{sha256(data).hexdigest()[:16]}.parquet"
    disk.write(path, data)
    return path


def read(folder: Path, schema: pa.Schema = SCORES) -> pd.DataFrame:
    """All scores of a folder, columns as in the schema, one row per key.

    A damaged part is set aside in `damaged/` with a warning that names it. An absent folder gives
    an empty frame.
    """
    tables = [schema.empty_table()]
    for path in sorted(Path(folder).glob("part-*.parquet")):
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # Merged meanwhile.
            return read(folder, schema)
        if sha256(data).hexdigest()[:16] == path.stem.removeprefix("part-"):
            tables.append(pq.read_table(BytesIO(data), schema=schema))
        else:
            _set_aside(path, len(data))
    frame = pa.concat_tables(tables).to_pandas()
    return frame.drop_duplicates("key", ignore_index=True)


def by_key(frame: pd.DataFrame, keys: Sequence[bytes]) -> pd.DataFrame:
    """The rows of a frame of `read` for these keys, in their order, without the key.

    Raises KeyError where one is missing. (numpy would strip the zero bytes at a key's end.)
    """
    index = pd.Index(frame["key"], dtype=object)
    rows = index.get_indexer(pd.Index(keys, dtype=object))
    if (rows < 0).any():
        raise KeyError(keys[int((rows < 0).argmax())])
    return frame.drop(columns="key").iloc[rows].reset_index(drop=True)


def merge(folder: Path, schema: pa.Schema) -> None:
    """Put the parts of a folder into one; parts that others add meanwhile stay beside it."""
    parts = list(Path(folder).glob("part-*.parquet"))
    if len(parts) > 1:
        whole = append(folder, read(folder, schema).sort_values("key"), schema)
        for part in {*parts} - {whole}:
            part.unlink(missing_ok=True)


def compact(folder: Path, destination: Path) -> None:
    """Merge the parts of each kind that a model's folder has into one part, sorted by key."""
    for kind, schema in KINDS.items():
        merged = read(folder / kind, schema).sort_values("key", ignore_index=True)
        if len(merged):
            append(destination / kind, merged, schema)


def write_rows(path: Path, rows: pd.DataFrame, metadata: Mapping[str, Any]) -> None:
    """Write item-level rows with `metadata` (JSON) in the file's schema, in one rename.

    Pages carry checksums; a damaged file can be deleted: it is made anew from scores.
    """
    table = pa.Table.from_pandas(rows, preserve_index=False)
    stored = {**(table.schema.metadata or {}), b"xlkb": json.dumps(dict(metadata)).encode()}
    disk.write(Path(path), _parquet(table.replace_schema_metadata(stored)))


def _parquet(table: pa.Table) -> bytes:
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getvalue()


def _set_aside(path: Path, size: int) -> None:
    destination = disk.set_damaged_aside(path)
    warnings.warn(
        f"{path} is damaged ({size:,} bytes that do not have the SHA-256 in its name). It was "
        f"moved to {destination.parent}; its scores are computed again.",
        stacklevel=3,
    )

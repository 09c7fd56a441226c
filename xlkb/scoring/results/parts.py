"""Parts: the files of a folder of results, written whole, checked when read, merged when many.

A kill at any moment loses no part. Merged rows are written before the parts they came from are
removed, so between the two some rows are there twice, which changes nothing: `order` says which row
of a key counts, wherever it lies.
"""

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from xlkb.ground import disk
from xlkb.models import fingerprint_in
from xlkb.scoring.results import order, used
from xlkb.scoring.results.schemas import KINDS, LENGTHS, SCORES

MANY = 64
"""Small parts that a folder may have before some are merged."""

FULL = 1 << 26
"""Bytes that a merged part has at most, some 4 million scores; one of half as many stays alone."""

MODEL = b"model"
"""Of a part's metadata: the start of the fingerprint of the model whose folder it is in."""


def append(folder: Path, scores: pd.DataFrame, schema: pa.Schema = SCORES) -> Path:
    """Write one part with the columns of the schema; returns its path.

    The part is complete on disk before it gets its name, so a kill at any moment leaves either
    the whole part or none. Several processes may append to one folder. Of more than `MANY` small
    parts, the smallest are merged.
    """
    path = _write(folder, pa.Table.from_pandas(scores, schema=schema, preserve_index=False))
    if schema is not LENGTHS:
        used.computed(folder)
    merge(folder, schema, MANY)
    return path


def read(folder: Path, schema: pa.Schema = SCORES) -> pd.DataFrame:
    """All scores of a folder, columns as in the schema, one row per key.

    A part that is damaged, or of another model, is set aside in `damaged/` with a warning. An
    absent folder gives an empty frame. Where a few keys are looked up, `index` is faster.
    """
    tables = [schema.empty_table()]
    for path in sorted(Path(folder).glob("part-*.parquet")):
        try:
            tables.append(load(path, schema))
        except FileNotFoundError:  # Merged meanwhile.
            return read(folder, schema)
    table = pa.concat_tables(tables)
    kept = _kept(table)
    return (table if len(kept) == len(table) else table.take(np.sort(kept))).to_pandas()


def load(path: Path, schema: pa.Schema) -> pa.Table:
    """The rows of a part, as they are there; none of a damaged one, which is set aside.

    Raises:
        FileNotFoundError: it is gone.
    """
    data = path.read_bytes()
    if sha256(data).hexdigest()[:16] != path.stem.removeprefix("part-"):
        _set_aside(path, f"{len(data):,} bytes that do not have the SHA-256 in its name")
        return schema.empty_table()
    try:
        file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)  # No copy of the bytes.
        wanted, found = _model(path.parent), (file.schema_arrow.metadata or {}).get(MODEL)
        if wanted and found and wanted != found:
            _set_aside(path, f"its results are of another model, {found.decode()}")
            return schema.empty_table()
        if file.schema_arrow.equals(schema):
            return file.read()  # Ten times as fast for a small part.
        if lacking := {*schema.names} - {*file.schema_arrow.names}:  # They would be read as null.
            raise pa.ArrowInvalid(f"it has no column {', '.join(sorted(lacking))}")
        return pq.read_table(BytesIO(data), schema=schema)
    except pa.ArrowException as error:
        _set_aside(path, f"it was written by another version: {error}")
        return schema.empty_table()


def by_key(frame: pd.DataFrame, keys: Sequence[bytes]) -> pd.DataFrame:
    """The rows of a frame of `read` for these keys, in their order, without the key.

    Raises KeyError where one is missing. (numpy would strip the zero bytes at a key's end.)
    """
    index = pd.Index(frame["key"], dtype=object)
    rows = index.get_indexer(pd.Index(keys, dtype=object))
    if (rows < 0).any():
        raise KeyError(keys[int((rows < 0).argmax())])
    return frame.drop(columns="key").iloc[rows].reset_index(drop=True)


def merge(folder: Path, schema: pa.Schema, most: int = 1) -> None:
    """Put small parts of a folder together until there are at most so many.

    The smallest half goes first, with each next one that is no larger than all before it: so a row
    is written anew a number of times that grows with the logarithm of the store. Parts that others
    add meanwhile stay; while another process merges here, nothing is done.
    """
    if not _chosen(folder, most):
        return
    lock = FileLock(Path(folder) / ".merging.lock")
    try:
        held = lock.acquire(timeout=0)
    except OSError:  # Held, or a disk without locks, where parts stay as they are.
        return
    with held:
        while chosen := _chosen(folder, most):
            _merge(chosen, schema)


def _chosen(folder: Path, most: int) -> list[Path]:
    """The small parts that are to become one next; none if there are at most `most`."""
    small = sorted((size, path) for path, (size, _) in listed(folder).items() if size < FULL // 2)
    if len(small) <= most:
        return []
    sizes = np.array([size for size, _ in small])
    total, n = sizes.cumsum(), max(2, len(small) // 2)
    while n < len(small) and sizes[n] <= total[n - 1]:
        n += 1
    n = min(n, max(2, int((total <= FULL).sum())))
    return [path for _, path in small[:n]]


def _merge(paths: Sequence[Path], schema: pa.Schema) -> None:
    tables = {}
    for path in paths:
        try:
            tables[path] = load(path, schema)
        except FileNotFoundError:  # Merged by another, on a disk where locks do not hold.
            continue
    table = pa.concat_tables([schema.empty_table(), *tables.values()])
    if len(tables) > 1:
        whole = _write(paths[0].parent, table.take(_kept(table)))
        for path in {*tables} - {whole}:
            path.unlink(missing_ok=True)


def _kept(table: pa.Table) -> np.ndarray:
    """Places of the rows that count, in their order: one of each key."""
    head, tail = order.halves(table["key"])
    rows = order.places(head, tail, table.drop_columns(["key"]))
    return rows[order.firsts(head[rows], tail[rows])]


def compact(folder: Path, destination: Path) -> None:
    """Merge the parts of each kind that a model's folder has into one part, sorted by key."""
    for kind, schema in KINDS.items():
        merged = read(folder / kind, schema).sort_values("key", ignore_index=True)
        if len(merged):
            append(destination / kind, merged, schema)


def listed(folder: Path) -> dict[Path, tuple[int, int]]:
    """The parts of a folder, each with its size (bytes) and time of change (ns)."""
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("part-") and entry.name.endswith(".parquet"):
                    try:
                        stat = entry.stat()
                    except FileNotFoundError:  # Merged meanwhile.
                        continue
                    found[Path(entry.path)] = stat.st_size, stat.st_mtime_ns
    except FileNotFoundError:
        pass
    return found


def write_rows(path: Path, rows: pd.DataFrame, metadata: Mapping[str, Any]) -> None:
    """Write item-level rows with `metadata` (JSON) in the file's schema, in one rename.

    Pages carry checksums; a damaged file can be deleted: it is made anew from scores.
    """
    disk.write(Path(path), rows_bytes(rows, metadata))


def rows_bytes(rows: pd.DataFrame, metadata: Mapping[str, Any]) -> memoryview:
    """The file that `write_rows` writes."""
    table = pa.Table.from_pandas(rows, preserve_index=False)
    stored = {**(table.schema.metadata or {}), b"xlkb": json.dumps(dict(metadata)).encode()}
    return _parquet(table.replace_schema_metadata(stored))


def _model(folder: Path) -> bytes:
    """The start of a model's fingerprint, of which a folder holds results; b"" of no model's."""
    of_kind = Path(folder).parent.name
    return (fingerprint_in(Path(folder).name) or fingerprint_in(of_kind)).encode()


def _write(folder: Path, table: pa.Table) -> Path:
    if model := _model(folder):
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), MODEL: model})
    data = _parquet(table)
    path = Path(folder) / f"part-{sha256(data).hexdigest()[:16]}.parquet"
    disk.write(path, data)
    return path


def _parquet(table: pa.Table) -> memoryview:
    buffer = BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    return buffer.getbuffer()


def _set_aside(path: Path, why: str) -> None:
    destination = disk.set_damaged_aside(path)
    warnings.warn(
        f"{path} is damaged ({why}). It was moved to {destination.parent}; its scores are computed "
        "again.",
        stacklevel=4,
    )

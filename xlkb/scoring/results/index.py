"""What a process knows of its folders of results: all keys in order, and the values beside them.

A part is never changed and named by its content, so it is read and checked once; after that, a call
costs one look at the folder's list of files, and what its own keys cost. There is no Python object
per row: a stored score takes 24 bytes here. A file that is damaged while a process knows it is
noticed by the next one.
"""

import itertools
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from xlkb.scoring.results import order, parts, used

MOST = 1 << 31
"""Bytes that are kept of folders; beyond, those that were not asked for the longest are let go."""

LARGEST = 1 << 27
"""Bytes of rows that lie in one order, since putting them in order takes as many again."""

BATCH = 1 << 26
"""Bytes of parts that are read before they are put in order."""


class _Run(NamedTuple):
    """Rows in their order (`order.places`), with what is twice."""

    head: np.ndarray
    tail: np.ndarray
    part: np.ndarray
    values: pa.Table

    @property
    def nbytes(self) -> int:
        return sum(each.nbytes for each in self)


def known(folder: Path, schema: pa.Schema, keys: Sequence[bytes]) -> np.ndarray:
    """Whether each key is stored, bool [keys]."""
    halves = order.halves(keys)
    found = np.zeros(len(keys), bool)
    for run in _folder(folder, schema).refreshed():
        found |= _places(run, *halves) >= 0
    return found


def rows(folder: Path, schema: pa.Schema, keys: Sequence[bytes]) -> pd.DataFrame:
    """The stored row of each key, in the order of `keys`, without the key.

    Raises KeyError where one is missing.
    """
    halves = order.halves(keys)
    asked, tables = [np.zeros(0, np.int64)], [schema.empty_table().drop_columns(["key"])]
    for run in _folder(folder, schema).refreshed():
        places = _places(run, *halves)
        asked.append(np.flatnonzero(places >= 0))
        tables.append(run.values.take(places[asked[-1]]))
    which, table = np.concatenate(asked), pa.concat_tables(tables)
    there = np.zeros(len(keys), bool)
    there[which] = True
    if not there.all():
        raise KeyError(keys[int(there.argmin())])
    # A key may be in several runs.
    head = which.astype(np.uint64) << np.uint64(64 - max(len(keys).bit_length(), 1))
    nothing = np.zeros(len(which), np.uint32)
    found = order.places(head, nothing, table)
    taken = table.take(found[order.firsts(head[found], nothing)]).to_pandas()
    used.note(folder, keys, taken)
    return taken


def everything(folder: Path, schema: pa.Schema) -> pd.DataFrame:
    """One row per key that is stored, in the order of the keys, without the key."""
    runs = _folder(folder, schema).refreshed()
    if not runs:
        return schema.empty_table().drop_columns(["key"]).to_pandas()
    run = _together(runs)
    return run.values.filter(pa.array(order.firsts(run.head, run.tail))).to_pandas()


class _Folder:
    """The parts of a folder that were read, and their rows in few runs."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path, self.schema = path, schema
        self.parts: dict[Path, tuple[int, tuple[int, int]]] = {}
        self.runs: list[_Run] = []
        self.numbers = itertools.count()
        self.lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        return sum(run.nbytes for run in self.runs)

    def refreshed(self) -> list[_Run]:
        """The runs, after a look at what was added or removed.

        While another process merges, a list of files may show neither the old nor the new part, so
        two that are alike end this.
        """
        with self.lock:
            seen = None
            while (there := parts.listed(self.path)) != seen:
                seen = there
                self._forget(there)
                self._learn(there)
            return list(self.runs)

    def _forget(self, there: dict[Path, tuple[int, int]]) -> None:
        gone = [path for path, (_, stamp) in self.parts.items() if there.get(path) != stamp]
        numbers = [self.parts.pop(path)[0] for path in gone]
        if numbers:
            self.runs = [left for run in self.runs if len((left := _without(run, numbers)).head)]

    def _learn(self, there: dict[Path, tuple[int, int]]) -> None:
        new, size = [], 0
        for path in sorted(there.keys() - self.parts.keys()):
            number = next(self.numbers)
            try:
                new.append((number, parts.load(path, self.schema)))
            except FileNotFoundError:
                continue
            self.parts[path] = number, there[path]
            size += new[-1][1].nbytes
            if size > BATCH:
                self._add(new)
                size = 0
        self._add(new)

    def _add(self, new: list[tuple[int, pa.Table]]) -> None:
        """Move rows beside the others, and runs together, each half of the one before."""
        if not any(len(table) for _, table in new):
            return
        part = np.repeat(*np.array([(number, len(table)) for number, table in new], np.int32).T)
        table = pa.concat_tables([table for _, table in new])
        new.clear()
        keys, values = order.halves(table["key"]), table.drop_columns(["key"])
        del table  # Its keys are half of what was read.
        self.runs.append(_in_order(_Run(*keys, part, values)))
        while len(self.runs) > 1:
            *rest, last, run = self.runs
            if last.nbytes > 2 * run.nbytes or last.nbytes + run.nbytes > LARGEST:
                break
            self.runs = [*rest, _together([last, run])]


_FOLDERS: OrderedDict[tuple[str, pa.Schema], _Folder] = OrderedDict()
_LOCK = threading.Lock()


def _folder(path: Path, schema: pa.Schema) -> _Folder:
    name = os.path.abspath(path), schema
    with _LOCK:
        found = _FOLDERS.setdefault(name, _Folder(Path(name[0]), schema))
        _FOLDERS.move_to_end(name)
        size = sum(each.nbytes for each in _FOLDERS.values())
        for other in list(_FOLDERS)[:-1]:
            if size <= MOST:
                break
            size -= _FOLDERS.pop(other).nbytes
    return found


def _together(runs: Sequence[_Run]) -> _Run:
    arrays = (np.concatenate(each) for each in list(zip(*runs, strict=True))[:3])
    return _in_order(_Run(*arrays, pa.concat_tables([run.values for run in runs])))


def _in_order(run: _Run) -> _Run:
    if (run.head[1:] > run.head[:-1]).all():
        return run._replace(values=run.values.combine_chunks())
    rows = order.places(run.head, run.tail, run.values)
    return _taken(run, rows)


def _taken(run: _Run, rows: np.ndarray) -> _Run:
    return _Run(run.head[rows], run.tail[rows], run.part[rows], run.values.take(rows))


def _without(run: _Run, numbers: Sequence[int]) -> _Run:
    gone = np.isin(run.part, numbers)
    return _taken(run, np.flatnonzero(~gone)) if gone.any() else run


def _places(run: _Run, head: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Place of each key in the run, int64, of the row that counts; -1 where it is not there."""
    found = np.full(len(head), -1)
    left = np.argsort(head)  # In order they are found eight times as fast.
    at = np.searchsorted(run.head, head[left])
    while len(left):
        inside = at < len(run.head)
        left, at = left[inside], at[inside]
        alike = run.head[at] == head[left]
        hit = alike & (run.tail[at] == tail[left])
        found[left[hit]] = at[hit]
        on = alike & ~hit
        left, at = left[on], at[on] + 1
    return found

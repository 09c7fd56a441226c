"""The order of rows: by their keys, and those of one key by their values.

Two processes may compute one key, and their last bits may differ. The first row in this order is
the one that counts. It depends on nothing but the rows, so it is the same however they are spread
over parts, and in whatever order those are written, merged and read.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

KEY_BYTES = 12
_HALVES = np.dtype([("head", ">u8"), ("tail", ">u4")])


def halves(keys: Sequence[bytes] | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The first 8 bytes of each key as uint64 and its last 4 as uint32, which order as they do.

    Raises:
        ValueError: a key has not 12 bytes.
    """
    if isinstance(keys, pa.ChunkedArray):
        column = keys.combine_chunks()
        data = column.buffers()[1] if len(column) else b""
        both = np.frombuffer(data, _HALVES, len(column), column.offset * KEY_BYTES)
    else:
        if wrong := {*map(len, keys)} - {KEY_BYTES}:
            raise ValueError(f"A key has {KEY_BYTES} bytes, and not {min(wrong)}: see `address`.")
        both = np.frombuffer(b"".join(keys), _HALVES)
    return both["head"].astype(np.uint64), both["tail"].astype(np.uint32)


def places(head: np.ndarray, tail: np.ndarray, values: pa.Table) -> np.ndarray:
    """Places of rows in their order, int64; `values` are their columns without the key.

    Each row's place is sorted with the upper bits of its key, ten times as fast as `argsort` at
    10^7 rows; keys are hashes, so few are alike in those, and only these rows are looked at.
    """
    low = np.uint64(max(len(head) - 1, 0).bit_length())
    packed = head >> low << low
    packed |= np.arange(len(head), dtype=np.uint64)
    packed.sort()
    upper = packed >> low
    same = upper[1:] == upper[:-1]
    del upper
    packed &= (np.uint64(1) << low) - np.uint64(1)
    order = packed.view(np.int64)
    if same.any():
        tied = np.zeros(len(head), bool)
        tied[1:] |= same
        tied[:-1] |= same
        rows = order[tied]
        by = [head[rows], tail[rows], *map(_ranks, values.take(rows).columns)]
        order[tied] = rows[np.lexsort(by[::-1])]
    return order


def firsts(head: np.ndarray, tail: np.ndarray) -> np.ndarray:
    """Whether a row is the first of its key, bool, of rows that are in their order."""
    first = np.ones(len(head), bool)
    first[1:] = (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])
    return first


def _ranks(column: pa.ChunkedArray) -> np.ndarray:
    """Integers that order as the values do; floats by their bits, so that no two are alike."""
    if pa.types.is_nested(column.type):
        values = np.array([repr(each) for each in column.to_pylist()], object)
    else:
        values = column.to_pandas().to_numpy()
        if values.dtype.kind == "f":
            values = values.view(f"i{values.itemsize}")
    return pd.factorize(values, sort=True)[0]

"""Answers in Parquet files that anybody may have made: their size, and what stands in them.

A text that stands in all rows is stored once, so ten kilobytes can stand for a terabyte.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandas.api import types

from xlkb import analysis
from xlkb.ground import texts

MOST = 1 << 32
"""Bytes that a file may unpack to."""

NUMBERS = ("n_shots", "n_shots_asked", "n_tokens", "n_bytes", "log_likelihood")
NUMBERS += ("unconditional_log_likelihood", "letter_mass", "unread")
OTHERS = ("choice", "is_answer", *NUMBERS)
SURE = ("choice", "log_likelihood", "n_shots")
OPTIONAL = ("context", "question", "option")


class TooMuch(ValueError):
    """A file is not read; the message says why, and what to do."""


def size(source: Any, name: object) -> None:
    """Raise TooMuch for a file that unpacks to more than `MOST`, or holds lists or objects.

    Memory stays below `MOST`: texts are looked at as they are stored, each once.

    Args:
        source: path or buffer, for `pyarrow.parquet.ParquetFile`.
        name: what the message calls it.

    Raises:
        OSError, pyarrow.ArrowInvalid: it is no Parquet file, or damaged.
    """
    plain = pq.ParquetFile(source)
    fields, about = plain.schema_arrow, plain.metadata
    if nested := [field.name for field in fields if pa.types.is_nested(field.type)]:
        raise TooMuch(f"{name} holds no answers: {nested[0]!r:.60} is no column of single values.")
    found = about.num_rows * len(fields) * 8
    found += sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    _refuse(found, name)
    of_text = [field.name for field in fields if _is_text(field.type)]
    file = pq.ParquetFile(source, read_dictionary=of_text)
    for column in of_text:
        for batch in file.iter_batches(columns=[column]):
            stored = batch.column(0)
            lengths = pc.binary_length(stored.dictionary)
            found += pc.sum(pc.take(lengths, stored.indices)).as_py() or 0
            _refuse(found, name)


def rows(frame: pd.DataFrame, described: object, name: object) -> None:
    """Raise ValueError for answers that are not four rows a question, with the columns that
    `scoring.score` gives, or whose description is no object with a model in it."""
    needed = [column for column in analysis.card.NEEDED if column not in frame]
    if needed:
        raise ValueError(f"{name} holds no answers: it has no column {', '.join(needed)}.")
    for column in dict.fromkeys((*analysis.card.NEEDED, *NUMBERS, *OPTIONAL)):
        if column in frame and (fault := _fault(frame[column], column)):
            raise ValueError(f"{name} holds no answers: {fault}.")
    four = frame["choice"].to_numpy()
    if len(four) % 4 or (four.reshape(-1, 4) != np.arange(4)).any():
        raise ValueError(f"{name}: the choices of each question must be 0, 1, 2, 3, in this order.")
    ids = frame["item_id"].to_numpy(object).reshape(-1, 4)
    if (ids != ids[:, :1]).any():
        raise ValueError(f"{name}: four rows after another must be about one item_id.")
    if not len(four):
        raise ValueError(f"{name} holds no answers: it has no rows.")
    if (frame["is_answer"].to_numpy(bool).reshape(-1, 4).sum(1) != 1).any():
        raise ValueError(f"{name}: of each question one choice must be the answer (is_answer).")
    if again := frame["item_id"].iloc[::4][frame.iloc[::4].duplicated()].to_list():
        raise ValueError(f"{name}: the answer to {again[0]!r} is there twice: leave it out once.")
    model = described.get("model") if isinstance(described, Mapping) else None
    told = [model.get(key, "") for key in ("name", "label")] if isinstance(model, Mapping) else [0]
    if any(not isinstance(each, str) or (each and texts.fault(each)) for each in told):
        raise ValueError(f"{name} is damaged: what it says of its model is no object with a name.")


def _fault(column: pd.Series, name: str) -> str | None:
    """What is wrong with the values of a column."""
    if name == "is_answer":
        return None if types.is_bool_dtype(column) else "is_answer is not true or false everywhere"
    if name in OTHERS:
        good = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
        if not good or np.isposinf(column.to_numpy(float)).any():
            return f"{name} is no finite number everywhere"
        return f"{name} is missing in rows" * bool(name in SURE and column.isna().any())
    if name not in OPTIONAL and column.isna().any():
        return f"{name} is missing in rows"
    kind = types.infer_dtype(column, skipna=False)
    return None if kind in ("string", "empty") else f"{name} is no text everywhere"


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    known = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(is_kind(kind) for is_kind in (*known, pa.types.is_large_binary))


def _refuse(size: int, name: object) -> None:
    if size > MOST:
        raise TooMuch(
            f"{name} unpacks to {size / 1e9:,.0f} GB or more, and {MOST / 1e9:.0f} are read at "
            "most: write its rows to several files, or leave out columns of texts."
        )

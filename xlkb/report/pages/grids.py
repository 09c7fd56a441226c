"""Grids: tables as a page shows and sorts them."""

import re
from typing import NamedTuple

import pandas as pd

NUMBER = re.compile(
    r"[<>~≤≥]?\s*([+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)(?: ?%)?(?: \[[^\]]*\])?"
)
"""A cell that is a number, perhaps with its interval: "75.7 [70.7, 80.1]", "< 0.001", "1,165"."""


class Cell(NamedTuple):
    """What is shown, and the number that it is sorted by ("" for none)."""

    text: str
    key: str


class Grid(NamedTuple):
    """A table: `columns` are (heading, whether it holds numbers)."""

    columns: list[tuple[str, bool]]
    rows: list[list[Cell]]


def grid(shown: pd.DataFrame) -> Grid:
    """The grid of a frame as `readable` makes it.

    A column is one of numbers where each cell that is not empty is one (`NUMBER`).
    """
    columns, across = [], []
    for place, name in enumerate(shown.columns):
        heading = " ".join(map(str, name)) if isinstance(name, tuple) else str(name)
        texts = [_text(value) for value in shown.iloc[:, place]]
        found = [NUMBER.fullmatch(text) for text in texts]
        numbers = any(texts) and all(found[i] for i, text in enumerate(texts) if text)
        keys = [match[1].replace(",", "") if numbers and match else "" for match in found]
        columns.append((heading, numbers))
        across.append([Cell(*each) for each in zip(texts, keys, strict=True)])
    return Grid(columns, [list(row) for row in zip(*across, strict=True)])


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None or value is pd.NA or value != value else str(value)

"""Grids: tables as a page shows and sorts them."""

import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from xlkb.report.labels import MEASURES
from xlkb.report.tables import readable

NUMBER = re.compile(
    r"[<>~≤≥]?\s*([+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)(?: ?%)?(?: \[[^\]]*\])?"
)
"""A cell that is a number, perhaps with its interval: "75.7 [70.7, 80.1]", "< 0.001", "1,165"."""


MARKUP = re.compile(
    r"[\\`*|$~]|<(?=[A-Za-z/!?])|&(?=#?\w+;)|(?<!\w)_|_(?!\w)|\[(?=.*\]\()|(?<=\])\[", re.DOTALL
)
"""What Markdown would not show as it is in a cell; a backslash before it does that."""

RULE = re.compile(r"\|(:?-+:?\|)+")
"""The line under a table's heading, in Markdown."""


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


def markdown(shown: pd.DataFrame) -> str:
    """The grid of a frame as a Markdown table that shows each text as it is: "+33" and "1,165,029"
    are not read as numbers, nor "|", "<b>" or "$x$" as markup; a line's end becomes a break."""
    made = grid(shown)
    return tabulate(
        [[_literal(cell.text) for cell in row] for row in made.rows],
        [_literal(heading) for heading, _ in made.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["right" if numbers else "left" for _, numbers in made.columns],
    )


def _literal(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "<br>", MARKUP.sub(r"\\\g<0>", text))


def shown(csv: Path) -> pd.DataFrame:
    """A table of a run as `readable` showed it, texts only, from the Markdown beside its CSV.

    The CSV's four decimals would be rounded a second time: 59.0476 % to 59.05, and that to 59.1.
    Where the Markdown cannot be read back, as of a cell of several lines, they are.
    """
    exact = pd.read_csv(csv, keep_default_na=False, dtype=str)
    lines = csv.with_suffix(".md").read_text(encoding="utf-8").splitlines()
    rule = next((i for i, line in enumerate(lines) if RULE.fullmatch(line)), 0)
    rows = [_cells(line, lines[rule]) for line in [*lines[rule - 1 : rule], *lines[rule + 1 :]]]
    if len(rows) != len(exact) + 1 or len({len(row) for row in rows}) > 1:
        return readable(pd.read_csv(csv, keep_default_na=False, na_values=[""])).astype(object)
    table = pd.DataFrame(rows[1:], columns=rows[0])
    for measure in MEASURES.values():
        if list(table.columns).count(measure.heading) == 1:
            table[measure.heading] = [_whole(t, measure.decimals) for t in table[measure.heading]]
    same = [name for name in exact if list(table.columns).count(name) == 1]
    return table.assign(**{n: table[n].where(exact[n] != "", "") for n in same})


def _whole(text: str, decimals: int) -> str:
    """A number with all its decimals, of which Markdown has lost the zeros; any other text."""
    return f"{float(text):.{decimals}f}" if re.fullmatch(r"-?[\d.]+", text) else text


def _cells(line: str, rule: str) -> list[str]:
    """The cells of a line of a table; by the rule under its heading where a cell has a "|"."""
    cells, ends = line[1:-1].split("|"), [i for i, sign in enumerate(rule) if sign == "|"]
    if len(cells) != len(ends) - 1 and all(line[i : i + 1] == "|" for i in ends):
        cells = [line[a + 1 : b] for a, b in pairwise(ends)]
    return [cell.strip() for cell in cells]


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None or value is pd.NA or value != value else str(value)

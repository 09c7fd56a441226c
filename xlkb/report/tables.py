"""Tables: one DataFrame, written as CSV (for machines), Markdown and LaTeX (for papers)."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from IPython.display import Markdown
from pandas.api.types import is_numeric_dtype

from xlkb.ground import disk
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report.canvas import span
from xlkb.report.labels import INTERVAL, MEASURES, Measure
from xlkb.report.manifest import Artefact

DECIMALS = 4

CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e]")
"""What a terminal obeys instead of showing it: control characters, and overrides of direction."""


def save(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel] = (),
    caption: str = "",
    needs: str = "",
    show: tuple = (),
) -> pd.DataFrame | Markdown:
    """Write `frame` to `run.figures` as `NAME.csv`, `.md` and `.tex` and enter it in the manifest.

    The CSV holds numbers to four decimals. Markdown and LaTeX show shares as percent with their
    interval (`readable`). The same frame gives the same bytes.

    Args:
        name: of the table, as "table02c_barrier"; run, models: what it was made with, for the
            manifest. caption: for readers. needs: what an empty frame would have needed, as "a
            second language".
        show: (rows, columns, measure[, query]), for a frame too long to be read in a notebook: a
            row for each of `rows`, a column for each of `columns` (`wide`).

    Returns:
        The frame for the notebook, as Markdown and LaTeX show it, or `wide`. Of an empty frame
        nothing is written: a sentence that the table is left out, as it needs `needs`
        (`Artefact.leave_out`).

    Raises:
        ValueError: two rows are equal.
    """
    artefact = Artefact("table", name, run, models)
    if frame.empty:
        return artefact.leave_out(caption, needs)
    _check_rows(frame, name)
    csv, md, tex = artefact.files
    shown = readable(frame)
    exact = frame.round(DECIMALS).reset_index(drop=True)
    disk.write(csv, exact.to_csv(index=False, lineterminator="\n").encode())
    heading = f"{caption}\n\n" if caption else ""
    # A text such as "1,165,029" would be shown as the number 1.16503e+06.
    texts = [i for i, c in enumerate(shown) if c in frame and not is_numeric_dtype(frame[c])]
    listed = shown.to_markdown(index=False, disable_numparse=texts)
    disk.write(md, shown_only(heading + listed + "\n").encode())
    disk.write(tex, _latex(shown, caption, name).encode())
    artefact.record(frame, caption)
    return wide(frame, *show) if show else shown


def shown_only(text: str) -> str:
    """A text for a file that may be read in a terminal: U+FFFD for each of `CONTROLS`."""
    return CONTROLS.sub("\ufffd", text)


def read(csv: Path) -> pd.DataFrame:
    """A table that `save` wrote, with its numbers as they stand there; ValueError if damaged."""
    try:  # "None" and "NA" are texts here, not missing values.
        return pd.read_csv(csv, keep_default_na=False, na_values=[""])
    except ValueError as error:
        raise ValueError(f"{csv} is no table ({error}): restore it, or make it again.") from None


def _check_rows(frame: pd.DataFrame, name: str) -> None:
    # As texts, because a cell may hold a list.
    texts = frame.astype(str)
    again = texts.duplicated().to_numpy()
    if again.any():
        second = int(again.argmax())
        same = (texts == texts.iloc[second]) | (texts.isna() & texts.iloc[second].isna())
        first = int(same.all(axis=1).to_numpy().argmax())
        row = dict(zip(texts, texts.iloc[second], strict=True))
        raise ValueError(
            f"{name}: rows {first + 1} and {second + 1} of {len(frame)} are equal: {row}. Was one "
            "picked by a label that two rows have? Put frames together by stats.concat, which "
            "numbers their rows anew. Or a model, language or run was given twice."
        )


def readable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with each of `MEASURES` and its interval in one text column."""
    shown = frame.copy().reset_index(drop=True)
    for column, measure in MEASURES.items():
        if column in shown:
            own = tuple(f"{column.removesuffix('_points')}_{end}" for end in INTERVAL)
            bounds = (each for each in (measure.bounds, own) if set(each) <= set(frame))
            measure = measure._replace(bounds=next(bounds, ()))
            shown[column] = _with_interval(frame, column, measure)
            shown = shown.rename(columns={column: measure.heading})
            shown = shown.drop(columns=list(measure.bounds), errors="ignore")
    for column in ("p", "p_adjusted"):
        if column in shown:
            shown[column] = [_p_value(p) for p in frame[column]]
    for column in shown.select_dtypes("float"):
        shown[column] = [f"{value:.2f}" if pd.notna(value) else "" for value in shown[column]]
    return shown


def wide(
    frame: pd.DataFrame,
    rows: str | list[str],
    columns: str | list[str],
    value: str,
    where: str = "",
) -> pd.DataFrame:
    """One measure as `readable` shows it, a row for each of `rows`, a column for each of `columns`.

    Args:
        rows, columns: a column of the frame, or several; each pair of their values occurs once.
        value: the measure's column.
        where: a query that chooses rows of the frame, as "rule == 'sum'".

    Returns:
        The rows' columns, `n` of each row, and the measure's columns, in order of appearance; what
        is shown stands in the corner.
    """
    part = frame.query(where) if where else frame
    rows, columns = ([each] if isinstance(each, str) else each for each in (rows, columns))
    heading = MEASURES[value].heading if value in MEASURES else value
    part = part.assign(across=part[columns].astype(str).agg(", ".join, axis=1))
    # A pivot sorts its labels; categories keep their order.
    for name in (*rows, "across"):
        part[name] = pd.Categorical(part[name], part[name].unique())
    shown = readable(part)[[*rows, "across", heading]]
    table = shown.pivot(index=rows, columns="across", values=heading).fillna("")
    if "n" in part:
        table.insert(0, "n", part.groupby(rows, observed=True)["n"].agg(span))
    return table.reset_index().rename_axis(columns=heading + f", {where}" * bool(where))


def _p_value(p: float) -> str:
    return "" if pd.isna(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def _with_interval(frame: pd.DataFrame, column: str, measure: Measure) -> list[str]:
    texts = []
    for row in frame.to_dict("records"):
        if pd.isna(row[column]):
            texts.append("")
            continue
        bounds = [c for c in measure.bounds if pd.notna(row[c])]  # Of too few units there are none.
        text, *interval = (
            f"{measure.factor * row[c]:.{measure.decimals}f}" for c in (column, *bounds)
        )
        texts.append(f"{text} [{', '.join(interval)}]" if interval else text)
    return texts


def _latex(shown: pd.DataFrame, caption: str, name: str) -> str:
    text = shown.astype(object).where(shown.notna(), "")
    escaped = text.rename(columns=_escape).map(lambda value: _escape(str(value)))
    return escaped.style.hide(axis="index").to_latex(
        hrules=True, caption=_escape(caption) or None, label=f"tab:{name}", position="t"
    )


LATEX = str.maketrans(
    {
        **{character: rf"\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def _escape(text: str) -> str:
    return str(text).translate(LATEX)

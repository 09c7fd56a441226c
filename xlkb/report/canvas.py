"""What all figures share: the canvas, bars with intervals, titles with n, and saving."""

from collections.abc import Callable, Sequence
from functools import wraps

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, Markdown
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas.api.types import is_numeric_dtype

from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import fonts, manifest

WIDTH = 10
STYLE = {
    "font.size": 10,
    "axes.grid.axis": "y",
    "axes.titlesize": 11,
    "svg.hashsalt": "xlkb",
    # A name is no formula, whatever dollar signs it has.
    "text.parse_math": False,
}
TITLE = 11
"""Letters of a title on an inch of the figure's width."""
LABEL = 40
"""Letters on a line of a legend."""


def drawable(value: str = "") -> Callable:
    """Decorator: a figure of a frame without rows is left out; see `manifest.leave_out`.

    The figure gets one more argument, `needs`: what it would have needed, as "two languages".

    Args:
        value: a column; rows without it are not drawn.
    """

    def decorate(draw: Callable[..., Image]) -> Callable[..., Image | Markdown]:
        @wraps(draw)
        def drawn(
            frame: pd.DataFrame,
            name: str,
            run: Run,
            models: Sequence[LanguageModel],
            title: str,
            *rest: object,
            needs: str = "",
            **options: object,
        ) -> Image | Markdown:
            if frame.empty or (value and frame[value].isna().all()):
                return manifest.leave_out(run, models, name, "figure", title, needs)
            return draw(frame, name, run, models, title, *rest, **options)

        return drawn

    return decorate


def bars(
    axes: Axes,
    frame: pd.DataFrame,
    x: str,
    hue: str,
    value: str,
    low: str,
    high: str,
    factor: float,
) -> list[float]:
    """Grouped bars with intervals; returns the centre of each row's bar, in the frame's order."""
    groups = ordered(frame[x])
    series = list(dict.fromkeys(frame[hue]))
    width = 0.8 / len(series)
    colours = dict(zip(series, sns.color_palette("colorblind", len(series)), strict=True))
    present = {g: [s for s in series if s in set(frame.loc[frame[x] == g, hue])] for g in groups}
    centres = []
    for row in frame.to_dict("records"):
        among = present[row[x]]
        offset = among.index(row[hue]) - (len(among) - 1) / 2
        place = groups.index(row[x]) + offset * width
        height = factor * row[value]
        errors = [[height - factor * row[low]], [factor * row[high] - height]]
        style = {"color": colours[row[hue]], "edgecolor": "white", "linewidth": 0.5}
        axes.bar(place, height, width, **style)
        axes.errorbar(place, height, np.maximum(errors, 0), color="0.25", lw=1, capsize=2)
        centres.append(place)
    for label in series if len(series) > 1 else []:
        axes.bar(0, 0, color=colours[label], label=fonts.lines(label, LABEL))
    if len(series) > 1:
        legend(axes)
    small = 7 if len(groups) > 10 else 9
    room = max(6, min(15, 1160 // small // max(1, len(groups))))
    names = [
        f"{g}\n{LANGUAGES[g].name}" if g in LANGUAGES else fonts.lines(g, room) for g in groups
    ]
    _grow(axes.figure, max((name.count("\n") for name in names), default=0) - 4)
    axes.set_xticks(range(len(groups)), names, fontsize=small)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    return centres


def legend(axes: Axes) -> None:
    """A legend below the axes, where it hides no bar."""
    for old in axes.figure.legends:
        old.remove()
    handles, labels = axes.get_legend_handles_labels()
    columns = _columns(labels)
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _columns(labels: Sequence[str]) -> int:
    """Columns of a legend with these labels."""
    widest = max((fonts.cells(line) for label in labels for line in label.split("\n")), default=0)
    return max(1, min(6, len(labels), 110 // (8 + widest)))


def ordered(values: pd.Series) -> list:
    """Languages in the registry's order, anything else as it comes."""
    seen = list(dict.fromkeys(values))
    known = [code for code in LANGUAGES if code in seen]
    return known + [value for value in seen if value not in LANGUAGES]


def counts(frame: pd.DataFrame, hue: str, place: str = "", what: str = "questions") -> str:
    """ "(n = 420 questions per bar)", or the range if they differ."""
    return f" (n = {span(frame['n'])} {what} per {place or ('bar' if hue else 'cell')})"


def span(counts: pd.Series) -> str:
    """ "420", or "400 to 420"."""
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def style(frame: pd.DataFrame, *texts: str) -> mpl.rc_context:
    """The look of a figure of this frame and these texts, for a `with` block.

    There is a font for each of their characters; see `xlkb.report.fonts`.
    """
    columns = [frame[name].unique() for name in frame if not is_numeric_dtype(frame[name])]
    families = fonts.families([*texts, *(value for each in columns for value in each)])
    return mpl.rc_context({**sns.axes_style("whitegrid"), **STYLE, "font.family": families})


def canvas(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """A figure of so many inches and its axes."""
    # Not pyplot: a figure outside its registry is neither leaked nor drawn twice by a notebook.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def save(
    figure: Figure,
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    caption: str,
) -> Image:
    """Write the figure as PNG and SVG, enter it in the manifest, and return the PNG."""
    for axes in figure.axes:
        wide = round(TITLE * figure.get_figwidth())
        titles = axes.get_title().split("\n")
        axes.title.set_text("\n".join(fonts.sentence(line, wide) for line in titles))
    for shown in figure.legends:
        labels = [text.get_text() for text in shown.get_texts()]
        _grow(figure, sum(label.count("\n") for label in labels) // _columns(labels))
    run.figures.mkdir(parents=True, exist_ok=True)
    files = [run.figures / f"{name}.{kind}" for kind in ("png", "svg")]
    figure.savefig(files[0], dpi=150, metadata={"Software": None})
    figure.savefig(files[1], metadata={"Date": None})
    manifest.record(run, models, name, "figure", files, len(frame), caption)
    return Image(filename=str(files[0]), width=round(90 * figure.get_figwidth()), alt=caption)


def _grow(figure: Figure, rows: int) -> None:
    """Make the figure higher by so many lines of text, if any."""
    figure.set_figheight(figure.get_figheight() + 0.2 * max(0, rows))

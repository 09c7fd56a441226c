"""What all figures share: the canvas, bars with intervals, titles with n, and saving."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import signature

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
from xlkb.report import fonts
from xlkb.report.labels import MEASURES
from xlkb.report.manifest import Artefact

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


@dataclass(frozen=True)
class Sheet:
    """What a figure is drawn on, and from."""

    axes: Axes
    frame: pd.DataFrame
    run: Run
    title: str


def drawable(value: str = "", height: float = 4.2, width: float = WIDTH) -> Callable:
    """Decorator: makes a figure of a function that draws on a `Sheet` and returns the caption.

    The figure is called with `frame, name, run, models, title`, the function's own options, and
    `needs`: what it would have needed, as "two languages". It is styled, saved, and returned as an
    image. Of a frame without rows it is left out; see `Artefact.leave_out`.

    Args:
        value: a column; rows without it are not drawn.
        height, width: in inches.
    """

    def decorate(draw: Callable[..., str]) -> Callable[..., Image | Markdown]:
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
            artefact = Artefact("figure", name, run, models)
            shown = frame[frame[value].notna()] if value and len(frame) else frame
            if shown.empty:
                return artefact.leave_out(title, needs)
            # Options are texts of the figure, or hold some: columns with their labels.
            with style(frame, title, *rest, *options.values()):
                # Not pyplot: a figure outside its registry is neither leaked nor drawn twice by a
                # notebook.
                figure = Figure(figsize=(width, height), layout="constrained")
                caption = draw(Sheet(figure.subplots(), shown, run, title), *rest, **options)
                return save(figure, artefact, len(frame), caption)

        usual = signature(drawn)
        *common, _, needs, _ = usual.parameters.values()
        own = list(signature(draw).parameters.values())[1:]
        named = wraps(draw)(drawn)
        named.__signature__ = usual.replace(parameters=[*common, *own, needs])
        return named

    return decorate


def bars(axes: Axes, frame: pd.DataFrame, x: str, hue: str, value: str) -> list[float]:
    """Grouped bars with intervals; returns the centre of each row's bar, in the frame's order.

    Args:
        x, hue: columns of the groups, and of the colours in each.
        value: column of the heights, one of `labels.MEASURES` with an interval.
    """
    measure = MEASURES[value]
    groups = ordered(frame[x])
    series = colours(frame[hue])
    width = 0.8 / len(series)
    present = {g: [s for s in series if s in set(frame.loc[frame[x] == g, hue])] for g in groups}
    centres = []
    for row in frame.to_dict("records"):
        among = present[row[x]]
        offset = among.index(row[hue]) - (len(among) - 1) / 2
        place = groups.index(row[x]) + offset * width
        height, low, high = (measure.factor * row[c] for c in (value, *measure.bounds))
        errors = [[height - low], [high - height]]
        style = {"color": series[row[hue]], "edgecolor": "white", "linewidth": 0.5}
        axes.bar(place, height, width, **style)
        axes.errorbar(place, height, np.maximum(errors, 0), color="0.25", lw=1, capsize=2)
        centres.append(place)
    if len(series) > 1:
        for label, colour in series.items():
            axes.bar(0, 0, color=colour, label=fonts.lines(label, LABEL))
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


def colours(labels: Iterable) -> dict[object, tuple[float, float, float]]:
    """The colour of each label, in order of appearance."""
    distinct = list(dict.fromkeys(labels))
    return dict(zip(distinct, sns.color_palette("colorblind", len(distinct)), strict=True))


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


def style(frame: pd.DataFrame, *texts: object) -> mpl.rc_context:
    """The look of a figure of this frame and these texts, for a `with` block.

    There is a font for each of their characters; see `xlkb.report.fonts`.
    """
    columns = [frame[name].unique() for name in frame if not is_numeric_dtype(frame[name])]
    families = fonts.families([*texts, *(value for each in columns for value in each)])
    return mpl.rc_context({**sns.axes_style("whitegrid"), **STYLE, "font.family": families})


def save(figure: Figure, artefact: Artefact, n_rows: int, caption: str) -> Image:
    """Write the figure as PNG and SVG, enter it in the manifest, and return the PNG."""
    for axes in figure.axes:
        wide = round(TITLE * figure.get_figwidth())
        titles = axes.get_title().split("\n")
        axes.title.set_text("\n".join(fonts.sentence(line, wide) for line in titles))
    for shown in figure.legends:
        labels = [text.get_text() for text in shown.get_texts()]
        _grow(figure, sum(label.count("\n") for label in labels) // _columns(labels))
    artefact.run.figures.mkdir(parents=True, exist_ok=True)
    png, svg = artefact.files
    figure.savefig(png, dpi=150, metadata={"Software": None})
    figure.savefig(svg, metadata={"Date": None})
    artefact.record(n_rows, caption)
    return Image(filename=str(png), width=round(90 * figure.get_figwidth()), alt=caption)


def _grow(figure: Figure, rows: int) -> None:
    """Make the figure higher by so many lines of text, if any."""
    figure.set_figheight(figure.get_figheight() + 0.2 * max(0, rows))

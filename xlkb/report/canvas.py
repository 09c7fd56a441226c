"""What all figures share: the canvas, its panels, bars with intervals, titles with n, saving."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
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

from xlkb.ground import disk
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import fonts, provenance
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
UNREAD = 0.02
"""Share of answers that were not understood above which a caption says so."""


@dataclass(frozen=True)
class Sheet:
    """What a panel of a figure is drawn on, and from.

    frame: the panel's rows; whole: the figure's, for what its panels share, such as colours.
    title: of the figure, for its caption; heading: of the panel.
    """

    axes: Axes
    frame: pd.DataFrame
    whole: pd.DataFrame
    run: Run
    title: str
    heading: str


def drawable(
    value: str = "", height: float = 4.2, width: float = WIDTH, shared: bool = False
) -> Callable:
    """Decorator: makes a figure of a function that draws on a `Sheet` and returns the caption.

    The figure is called with `frame, name, run, models, title`, the function's own options, and

    - `needs`: what it would have needed, as "two languages"
    - `by`: a column, "" for none: each of its values has a panel, one below the other, that is
      headed by the title and the value, or, where there is one value, by the title. "{base_model}"
      in the title stands for the value of `by="base_model"`.

    It is styled, saved, and returned as an image. Of a frame without rows it is left out; see
    `Artefact.leave_out`.

    Args:
        value: a column; rows without it are not drawn.
        height, width: of a panel, in inches.
        shared: whether the panels of a figure have one scale.
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
            by: str = "",
            **options: object,
        ) -> Image | Markdown:
            artefact = Artefact("figure", name, run, models)
            shown = frame[frame[value].notna()] if value and len(frame) else frame
            if shown.empty:
                return artefact.leave_out(_of(title, by, [f"each {by.replace('_', ' ')}"]), needs)
            # Options are texts of the figure, or hold some: columns with their labels.
            with style(frame, title, *rest, *options.values()):
                sheets = _sheets(shown, run, title, by, (width, height), shared)
                caption = [draw(sheet, *rest, **options) for sheet in sheets][-1]
                caption += _unread(shown, caption)
                return save(sheets[0].axes.figure, artefact, frame, caption)

        usual = signature(drawn)
        *common, _, needs, by, _ = usual.parameters.values()
        own = list(signature(draw).parameters.values())[1:]
        named = wraps(draw)(drawn)
        named.__signature__ = usual.replace(parameters=[*common, *own, needs, by])
        return named

    return decorate


def _sheets(
    frame: pd.DataFrame, run: Run, title: str, by: str, size: tuple[float, float], shared: bool
) -> list[Sheet]:
    """A sheet for each value of `by`, one below the other in a new figure; `size` of each.

    `shared`: with one scale.
    """
    parts = dict(list(frame.groupby(by, sort=False))) if by else {"": frame}
    width, height = size[0], size[1] * len(parts)
    # Not pyplot: a figure outside its registry is neither leaked nor drawn twice by a notebook.
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(len(parts), squeeze=False, sharey=shared)[:, 0]
    whole, sheets = _of(title, by, list(parts)), []
    for axes, (label, part) in zip(panels, parts.items(), strict=True):
        alone = len(parts) == 1 or f"{{{by}}}" in title
        heading = _of(title, by, [label]) if alone else f"{title}: {label}"
        sheets.append(Sheet(axes, part, frame, run, whole, heading))
    return sheets


def _of(title: str, by: str, labels: Sequence[str]) -> str:
    """The title with these labels where it names the column `by` in braces."""
    return title.replace(f"{{{by}}}", "; ".join(labels)) if by else title


def _unread(frame: pd.DataFrame, caption: str) -> str:
    """A sentence behind the caption on answers that were not understood, "" where few were."""
    if "unread" not in frame:
        return ""
    named = ["base_model", "model", "style", "recomposition", "language"]
    named = [c for c in (*named, "question_language", "answer_language") if c in frame]
    many = frame[frame["unread"] > UNREAD]
    cells = [
        f"{100 * row['unread']:.1f} % ({', '.join(str(row[c]) for c in named)})"
        for row in many.sort_values("unread", ascending=False).to_dict("records")
    ]
    more = f" and {len(cells) - 5} more" if len(cells) > 5 else ""
    said = f" Answers that were not understood count as wrong: {', '.join(cells[:5])}{more}."
    stop = "" if caption.endswith(".") else "."
    return stop + said if cells else ""


def bars(sheet: Sheet, x: str, hue: str, value: str) -> list[float]:
    """Grouped bars with intervals; returns the centre of each row's bar, in the frame's order.

    Args:
        x, hue: columns of the groups, and of the colours in each.
        value: column of the heights, one of `labels.MEASURES` with an interval.
    """
    axes, frame, measure = sheet.axes, sheet.frame, MEASURES[value]
    groups = ordered(frame[x])
    series = colours(sheet, hue)
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


def colours(sheet: Sheet, hue: str) -> dict[object, tuple[float, float, float]]:
    """The colour of each label of a panel, in order of appearance; the same in all panels."""
    labels = sheet.whole[hue].unique()
    palette = dict(zip(labels, sns.color_palette("colorblind", len(labels)), strict=True))
    return {label: palette[label] for label in sheet.frame[hue].unique()}


def legend(axes: Axes) -> None:
    """A legend below the figure, where it hides no bar, of what all its panels so far show."""
    for old in axes.figure.legends:
        old.remove()
    shown = {}
    for panel in axes.figure.axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    columns, place = _columns(shown), "outside lower center"
    axes.figure.legend(shown.values(), shown, loc=place, ncols=columns, frameon=False)


def _columns(labels: Collection[str]) -> int:
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


def save(figure: Figure, artefact: Artefact, frame: pd.DataFrame, caption: str) -> Image:
    """Write the figure as PNG and SVG, enter it in the manifest, and return the PNG.

    Both files tell their name, the code that drew them and the digest of what they show.
    """
    wide = round(TITLE * figure.get_figwidth())
    titles = {axes: axes.get_title().split("\n") for axes in figure.axes}
    _head(titles, wide)
    several = sum(title != [""] for title in titles.values()) > 1
    while several and wide > LABEL and _overflows(figure):  # Labels of models may be long.
        wide -= 5
        _head(titles, wide)
    for shown in figure.legends:
        labels = [text.get_text() for text in shown.get_texts()]
        _grow(figure, sum(label.count("\n") for label in labels) // _columns(labels))
    png, _ = artefact.files
    told = {"Title": artefact.name, "Source": provenance.source()}
    digest = artefact.digest(frame)
    ways = [
        {"format": "png", "dpi": 150, "metadata": {"Software": None, **told, "Comment": digest}},
        {"format": "svg", "metadata": {"Date": None, **told, "Identifier": digest}},
    ]
    for path, way in zip(artefact.files, ways, strict=True):
        drawn = io.BytesIO()
        figure.savefig(drawn, **way)
        disk.write(path, drawn.getvalue())
    artefact.record(frame, caption)
    return Image(filename=str(png), width=round(90 * figure.get_figwidth()), alt=caption)


def _head(titles: Mapping[Axes, Sequence[str]], wide: int) -> None:
    """Give axes their titles, in lines of so many letters."""
    for axes, title in titles.items():
        axes.title.set_text("\n".join(fonts.sentence(line, wide) for line in title))


def _overflows(figure: Figure) -> bool:
    """Whether a title goes beyond the figure."""
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    return any(box.x0 < 0 or box.x1 > figure.bbox.x1 for box in boxes)


def _grow(figure: Figure, rows: int) -> None:
    """Make the figure higher by so many lines of text, if any."""
    figure.set_figheight(figure.get_figheight() + 0.2 * max(0, rows))

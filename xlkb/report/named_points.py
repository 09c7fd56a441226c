"""Scatter plots whose points have names, each beside its point and, if it can be, on no other."""

from itertools import product

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from xlkb.ground.languages import LANGUAGES
from xlkb.report import fonts
from xlkb.report.canvas import LABEL, Sheet, colours, counts, drawable, legend

MARKERS = "osD^vP*X"
BLUE = sns.color_palette("colorblind")[0]
SIZE = 8
"""Points of a point's name."""

ROOM = 20
"""Letters on a line of a point's name."""

BOUNDS = ("low", "high")
"""What stands in the place of "points" in the names of an interval's columns."""

SIDES = (
    ("left", "center", 1, 0),
    ("right", "center", -1, 0),
    ("center", "bottom", 0, 1),
    ("center", "top", 0, -1),
    ("left", "bottom", 0.7, 0.7),
    ("left", "top", 0.7, -0.7),
    ("right", "bottom", -0.7, 0.7),
    ("right", "top", -0.7, -0.7),
)
"""Of a point: how a name is aligned there, and in which direction it lies."""

REACHES = (7, 14, 24, 36, 50)
"""Points between a point and its name, the nearest first."""


@drawable(height=5.4)
def scatter(
    sheet: Sheet,
    x: tuple[str, str],
    y: tuple[str, str],
    label: str = "language",
    hue: str = "script",
    note: str = "",
) -> str:
    """Two measures of each language (or of other things) against each other.

    `frame`: a row per point, columns `n, label, hue` and those of `x` and `y`: column and label of
    the axis. An interval of a measure stands in columns of its name with `points` (if it ends so)
    replaced by `low` and `high`. `note`: a line below the title, such as a rank correlation.
    """
    axes = sheet.axes
    _draw(sheet, x, y, hue)
    axes.axhline(0, color="black", linewidth=1, zorder=1)
    more = f"\n{note}" if note else ""
    axes.set_title(f"{sheet.heading}{counts(sheet.frame, '', 'point')}{more}")
    _name(axes, sheet.frame, x[0], y[0], label)
    return f"{sheet.title}. Bars: 95 % interval.{' ' + note if note else ''}"


@drawable(height=6, shared=True)
def gain_against_cost(
    sheet: Sheet,
    label: str = "model",
    hue: str = "kind",
    gained: str = "accuracy gained in other languages (points)",
    reach: str = "95 % upwards, 90 % sideways",
) -> str:
    """What a remedy gains in other languages against what it costs in the base one, with intervals.

    `frame`: a row per arm or rival, columns `n, label, cost_points, cost_low, cost_high,
    gain_points, gain_low, gain_high`, as of `analysis.costs`, and perhaps `hue`, which kind of
    remedy it is. Up is better, and so is left. `gained`: label of the axis. `reach`: of the
    intervals.
    """
    axes, frame = sheet.axes, sheet.frame
    lost = f"accuracy lost in {LANGUAGES[sheet.run.base].name} (points)"
    _draw(sheet, ("cost_points", lost), ("gain_points", gained), hue)
    axes.axhline(0, color="black", linewidth=1, zorder=1)
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    corner = {"xy": (0.01, 0.99), "xycoords": "axes fraction", "fontsize": SIZE, "color": "0.35"}
    axes.annotate("gains more, costs less", **corner, va="top")
    axes.annotate("costs more, gains less", **corner | {"xy": (0.99, 0.01)}, ha="right")
    intervals = f"\nintervals: {reach}"
    axes.set_title(f"{sheet.heading}{counts(frame, '', 'point', 'items')}{intervals}")
    _name(axes, frame, "cost_points", "gain_points", label)
    return f"{sheet.title}. Intervals: {reach}; up: a gain, to the right: a cost."


def _draw(sheet: Sheet, x: tuple[str, str], y: tuple[str, str], hue: str) -> None:
    """Points with their intervals; each value of `hue`, if there is one, has its own colour."""
    axes = sheet.axes
    palette = colours(sheet, hue) if hue in sheet.frame else {"": BLUE}
    every = list(sheet.whole[hue].unique()) if hue in sheet.frame else [""]
    for kind, colour in palette.items():
        part = sheet.frame[sheet.frame[hue] == kind] if hue in sheet.frame else sheet.frame
        axes.errorbar(
            part[x[0]],
            part[y[0]],
            xerr=_reach(part, x[0]),
            yerr=_reach(part, y[0]),
            fmt=MARKERS[every.index(kind) % len(MARKERS)],
            color=colour,
            ecolor=(*colour, 0.45),
            elinewidth=1,
            capsize=2,
            label=fonts.lines(kind, LABEL),
        )
    axes.set(xlabel=x[1], ylabel=y[1])
    axes.margins(0.08)
    if len(every) > 1:
        legend(axes)


def _reach(part: pd.DataFrame, column: str) -> np.ndarray | None:
    """How far an interval reaches down and up; None where the frame has none."""
    low, high = (column.replace("points", end) for end in BOUNDS)
    if not {low, high} <= set(part.columns.drop(column)):
        return None
    sides = np.array([part[column] - part[low], part[high] - part[column]])
    return np.maximum(np.nan_to_num(sides), 0)


def _name(axes: Axes, frame: pd.DataFrame, x: str, y: str, label: str) -> None:
    """Write each point's name where it hides the fewest names and points, as near as it can."""
    axes.figure.draw_without_rendering()
    scale = axes.figure.dpi / 72
    inside, taken, points, lines = axes.get_window_extent(), [], [], []
    for row in frame.to_dict("records"):
        px, py = axes.transData.transform((row[x], row[y]))
        taken.append(_box(px, px, py, py, 4 * scale))
        points.append(Path(taken[-1].corners()))
        for column, (dx, dy) in ((x, (1, 0)), (y, (0, 1))):
            low, high = (row.get(column.replace("points", end), row[column]) for end in BOUNDS)
            ends = [
                (row[x] + dx * (e - row[column]), row[y] + dy * (e - row[column]))
                for e in (low, high)
            ]
            (x0, y0), (x1, y1) = axes.transData.transform(ends)
            taken.append(_box(x0, x1, y0, y1, scale))
    for i, row in enumerate(frame.to_dict("records")):
        note = axes.annotate(
            _text(row[label]),
            (row[x], row[y]),
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=SIZE,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.5, "shrinkA": 0, "shrinkB": 3},
        )
        box, line = _best(note, taken, [*points[:i], *points[i + 1 :], *lines], inside)
        taken.append(box)
        lines.append(line)


def _best(
    note: Annotation, taken: list[Bbox], apart: list[Path], inside: Bbox
) -> tuple[Bbox, Path]:
    """Put a name at the best of its places; returns what it covers there, and its line.

    The line to its point keeps apart from other points and their lines.
    """
    found, scale = [], note.figure.dpi / 72
    point = note.axes.transData.transform(note.xy)
    for order, (reach, (across, up, dx, dy)) in enumerate(product(REACHES, SIDES)):
        place = {"ha": across, "va": up, "position": (reach * dx, reach * dy)}
        note.set(**place)
        note.get_window_extent()  # Moves it.
        box = Text.get_window_extent(note)
        outside = box.width * box.height - _common(box, inside)
        line = Path([(box.x0 + box.width / 2, box.y0 + box.height / 2), point])
        crossed = sum(line.intersects_path(other, filled=False) for other in apart)
        hidden = 2 * outside + sum(_common(box, other) for other in taken)
        hidden += crossed * box.width * box.height
        found.append((hidden + 2 * order * scale, order, place, box, line))
        if not hidden:
            break
    _, _, place, box, line = min(found, key=lambda each: each[:2])
    note.set(**place)
    return box, line


def _box(x0: float, x1: float, y0: float, y1: float, around: float) -> Bbox:
    return Bbox.from_extents(x0 - around, y0 - around, x1 + around, y1 + around)


def _common(one: Bbox, other: Bbox) -> float:
    """The area that two boxes have in common."""
    both = Bbox.intersection(one, other)
    return 0.0 if both is None else both.width * both.height


def _text(name: object) -> str:
    return LANGUAGES[name].name if name in LANGUAGES else fonts.lines(name, ROOM)

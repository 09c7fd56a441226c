"""Figures of single models: dots per seed with their mean, and a scatter of two measures."""

import numpy as np

from xlkb.report import fonts
from xlkb.report.canvas import LABEL, Sheet, colours, drawable, legend, ordered, span
from xlkb.report.figures import CHANCE

MARKERS = "osD^vPX*"


@drawable(height=2.9, shared=True)
def seed_dots(
    sheet: Sheet, x: tuple[str, str], hue: str, y: tuple[str, str], chance: float = CHANCE
) -> str:
    """A share (%) of each seed's model as a dot, and the mean over seeds with its interval.

    `frame`: a row for each seed, with `seed` and the columns of `x`, `hue` and `y`; `x`, `y`:
    column and label. The interval is Student's, 95 %, over seeds, from three seeds on. `chance`:
    in percent.
    """
    axes, frame = sheet.axes, sheet.frame
    groups, series = ordered(frame[x[0]]), colours(sheet, hue)
    width = 0.7 / len(series)
    for number, (label, colour) in enumerate(series.items()):
        part = frame[frame[hue] == label]
        offset = (number - (len(series) - 1) / 2) * width
        for place, group in enumerate(groups):
            values = 100 * part.loc[part[x[0]] == group, y[0]].to_numpy()
            if not len(values):
                continue
            spread = np.linspace(-0.2, 0.2, len(values)) * width if len(values) > 1 else 0
            style = {"s": 16, "color": [colour], "alpha": 0.5, "lw": 0}
            axes.scatter(place + offset + spread, values, **style)
            half = _half(values)
            axes.errorbar(
                *(place + offset, values.mean(), half),
                fmt=MARKERS[number % len(MARKERS)],
                color=colour,
                ms=6,
                mec="black",
                mew=0.8,
                ecolor="black",
                elinewidth=1.2,
                capsize=3,
            )
        mark = {"marker": MARKERS[number % len(MARKERS)], "mec": "black", "ls": ""}
        axes.plot([], [], color=colour, label=fonts.lines(label, LABEL), **mark)
    axes.axhline(chance, color="black", linewidth=1, linestyle=":")
    edge = axes.get_yaxis_transform()
    axes.text(1.005, chance, "chance", fontsize=8, va="center", transform=edge)
    axes.set_xticks(range(len(groups)), [fonts.lines(group, 15) for group in groups])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    n = span(frame.groupby([x[0], hue])["seed"].nunique())
    seeds = "seed" if n == "1" else "seeds"
    axes.set(xlabel=x[1], ylabel=y[1], ylim=(0, 105), title=f"{sheet.heading} (n = {n} {seeds})")
    axes.plot([], [], " ", label="dots: seeds; bars: mean's 95 % interval")
    legend(axes)
    return f"{sheet.title}. Dots: seeds. Bars: the mean and its 95 % interval over seeds."


def _half(values: np.ndarray) -> float | None:
    """Half of the interval of the mean; None for fewer than three values."""
    from scipy import stats

    if len(values) < 3:
        return None
    return stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))


@drawable(height=4.2, width=9, shared=True)
def seed_scatter(
    sheet: Sheet,
    x: tuple[str, str],
    y: tuple[str, str],
    hue: str,
    style: str,
    chance: float = CHANCE,
) -> str:
    """A share (%) against a measure, a mark for each model.

    `frame`: columns of `x` and `y` (column and label), of `hue` (colour) and `style` (shape).
    `chance`: in percent.
    """
    axes, frame = sheet.axes, sheet.frame
    kinds = list(dict.fromkeys(sheet.whole[style]))
    for label, colour in colours(sheet, hue).items():
        for number, kind in enumerate(kinds):
            part = frame[(frame[hue] == label) & (frame[style] == kind)]
            mark = {"marker": MARKERS[number % len(MARKERS)], "ls": "", "ms": 6, "alpha": 0.75}
            axes.plot(part[x[0]], 100 * part[y[0]], color=colour, mec="white", mew=0.4, **mark)
        axes.plot([], [], color=colour, marker="s", ms=8, ls="", label=fonts.lines(label, LABEL))
    for number, kind in enumerate(kinds):
        mark = {"marker": MARKERS[number % len(MARKERS)], "mfc": "white", "color": "black"}
        axes.plot([], [], ls="", label=fonts.lines(kind, LABEL), **mark)
    axes.axhline(chance, color="black", linewidth=1, linestyle=":")
    edge = axes.get_yaxis_transform()
    axes.text(1.005, chance, "chance", fontsize=8, va="center", transform=edge)
    axes.set(xlabel=x[1], ylabel=y[1], ylim=(0, 105), title=sheet.heading)
    legend(axes)
    return f"{sheet.title}. A mark for each model."

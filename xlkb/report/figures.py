"""Figures: each function draws one kind from a frame of `analysis`, saves it, returns the image.

All are called alike, with options of their own behind, such as columns of the frame:

    figure(frame, name, run, models, title, **options, needs="", by="")

Every figure is written as PNG (150 dpi) and SVG into `run.figures` and entered in the manifest.
Axes carry units, titles say what and how many questions, bars carry 95 % intervals, colours are
seaborn's colour-blind palette, and the same frame gives the same bytes. A figure of an empty frame
is left out, and a sentence that it needs `needs` is returned in its place. `by` names a column, of
which each value has a panel (`canvas.drawable`).
"""

import seaborn as sns

from xlkb.ground.languages import LANGUAGES
from xlkb.report import fonts
from xlkb.report.canvas import (
    LABEL,
    Sheet,
    bars,
    colours,
    counts,
    drawable,
    legend,
    ordered,
    span,
)

CHANCE = 25


@drawable()
def accuracy_bars(
    sheet: Sheet, x: str = "language", hue: str = "model", chance: float = CHANCE
) -> str:
    """Accuracy (%) with 95 % Wilson intervals, grouped by `x` and coloured by `hue`.

    `frame`: columns `x, hue, n, accuracy, low, high`, of `analysis.accuracy`. `chance`: in percent.
    """
    axes, frame = sheet.axes, sheet.frame
    bars(sheet, x, hue, "accuracy")
    axes.axhline(chance, color="black", linewidth=1, linestyle=":")
    edge = axes.get_yaxis_transform()
    axes.text(1.005, chance, "chance", fontsize=8, va="center", transform=edge)
    axes.set(ylabel="accuracy (%)", ylim=(0, 100), title=f"{sheet.heading}{counts(frame, hue)}")
    return f"{sheet.title}. Bars: 95 % Wilson interval."


@drawable(shared=True)
def gap_bars(sheet: Sheet, x: str = "language", hue: str = "rule") -> str:
    """Accuracy lost against the run's base language (points) with 95 % bootstrap intervals.

    `frame`: columns `x, hue, n, gap_points, gap_low, gap_high` from `analysis.barrier` or alike.
    """
    axes, frame = sheet.axes, sheet.frame
    base = LANGUAGES[sheet.run.base].name
    bars(sheet, x, hue, "gap_points")
    axes.axhline(0, color="black", linewidth=1)
    axes.set(
        ylabel=f"accuracy lost against {base} (points)",
        title=f"{sheet.heading}{counts(frame, hue)}",
    )
    return f"{sheet.title}. Bars: 95 % paired bootstrap interval; above 0 {base} is better."


@drawable("gain_points", shared=True)
def gain_bars(sheet: Sheet, x: str = "group", hue: str = "model") -> str:
    """Accuracy gained over the control (points) with 95 % bootstrap intervals.

    `frame`: columns `x, hue, n, gain_points, gain_low, gain_high` of `analysis.gains_by_rule`.
    """
    axes, frame = sheet.axes, sheet.frame
    bars(sheet, x, hue, "gain_points")
    axes.axhline(0, color="black", linewidth=1)
    axes.set(ylabel="accuracy gained (points)")
    axes.set(title=f"{sheet.heading} (n = {span(frame['n'])} items per bar)")
    return f"{sheet.title}. Bars: 95 % bootstrap interval over items; above 0 the remedy is better."


@drawable(height=5, width=7)
def heat_map(
    sheet: Sheet,
    rows: tuple[str, str] = ("question_language", "language of the question"),
    columns: tuple[str, str] = ("answer_language", "language of the choices"),
    value: tuple[str, str, float] = ("accuracy", "accuracy (%)", 100),
    chance: float = CHANCE,
    what: str = "questions",
) -> str:
    """A measure for each pair of languages (or of other things).

    `frame`: columns `n`, the measure, and one column for the rows and for the columns each.
    `rows`, `columns`: its name, and the axis label. `value`: the measure's column, its label and a
    factor; `low, high` in the frame are its interval. `chance`: the lower end of the colours.
    `what`: n counts.
    """
    axes, frame = sheet.axes, sheet.frame
    square = frame.pivot(index=rows[0], columns=columns[0], values=value[0])
    down, across = ordered(frame[rows[0]]), ordered(frame[columns[0]])
    sns.heatmap(
        value[2] * square.loc[down, across],
        annot=True,
        fmt=".0f",
        cmap="viridis",
        ax=axes,
        square=len(down) == len(across),
        cbar_kws={"label": f"{value[1]}, from {chance:.0f} to best"},
        vmin=chance,
        vmax=value[2] * sheet.whole[value[0]].max(),
    )
    axes.set_xticklabels([_named(label) for label in across])
    axes.set_yticklabels([_named(label) for label in down], rotation=0)
    axes.set(xlabel=columns[1], ylabel=rows[1])
    reach = ""
    if {"low", "high"} <= set(frame):
        sides = (frame["high"] - frame[value[0]], frame[value[0]] - frame["low"])
        most = value[2] * max(side.max() for side in sides)
        reach = f"\n95 % intervals reach at most {most:.0f} points to a side"
    axes.set_title(f"{sheet.heading}{counts(frame, '', what=what)}{reach}")
    return sheet.title


@drawable(shared=True)
def lines(sheet: Sheet, x: tuple[str, str], y: tuple[str, str], hue: str) -> str:
    """A measure against a number, a line with a 95 % band per `hue`.

    `frame`: columns `n, low, high`, `hue`, and those of `x` and `y`; `x`, `y`: column and label.
    """
    axes, frame = sheet.axes, sheet.frame
    for label, colour in colours(sheet, hue).items():
        part = frame[frame[hue] == label].sort_values(x[0])
        shown = fonts.lines(label, LABEL)
        axes.plot(part[x[0]], part[y[0]], color=colour, marker="o", ms=4, label=shown)
        axes.fill_between(part[x[0]], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
    axes.set(
        xlabel=x[1], ylabel=y[1], title=f"{sheet.heading}{counts(frame, '', 'point', 'texts')}"
    )
    axes.plot([], [], " ", label="bands: 95 % bootstrap")
    legend(axes)
    return f"{sheet.title}. Bands: 95 % bootstrap interval."


@drawable(shared=True)
def distributions(sheet: Sheet, x: tuple[str, str], y: tuple[str, str]) -> str:
    """Violins of single values with their median and quartiles.

    `frame`: one row per value, with the columns of `x` and `y`: column and label.
    """
    axes = sheet.axes
    frame = sheet.frame.assign(**{x[0]: [fonts.lines(label, 15) for label in sheet.frame[x[0]]]})
    order = list(dict.fromkeys(frame[x[0]]))
    sns.violinplot(
        frame,
        x=x[0],
        y=y[0],
        order=order,
        hue=x[0],
        hue_order=order,
        palette="colorblind",
        inner="quart",
        cut=0,
        linewidth=1,
        legend=False,
        ax=axes,
    )
    n = frame.groupby(x[0]).size().rename("n").reset_index()
    axes.set(xlabel=x[1], ylabel=y[1], title=f"{sheet.heading}{counts(n, '', 'violin', 'texts')}")
    return f"{sheet.title}. Lines: median and quartiles."


def _named(label: object) -> str:
    return LANGUAGES[label].name if label in LANGUAGES else fonts.lines(label, 20)


@drawable()
def option_bias(sheet: Sheet, hue: str = "rule") -> str:
    """Share of the wrong answers in each language (%) against its share among wrong choices.

    `frame`: from `analysis.option_language_bias`, with a column `hue`.
    """
    axes, frame = sheet.axes, sheet.frame
    centres = bars(sheet, "language", hue, "taken")
    for position, offered in zip(centres, frame["offered"], strict=True):
        axes.plot([position - 0.13, position + 0.13], [100 * offered] * 2, color="black", lw=2)
    axes.plot([], [], color="black", lw=2, label="offered")
    legend(axes)
    axes.set(ylabel="share of wrong answers (%)", title=f"{sheet.heading}{counts(frame, hue)}")
    return f"{sheet.title}. Bars: 95 % Wilson interval; black lines: share among wrong choices."


@drawable(height=3.6, shared=True)
def loss_curves(sheet: Sheet) -> str:
    """Training loss (nats per token) against the tokens seen, a line per run.

    `frame`: columns `run, tokens, loss` from `training.curve`. The thick line is the mean of a
    tenth of the run; the thin one shows every step.
    """
    axes, frame = sheet.axes, sheet.frame
    for label, colour in colours(sheet, "run").items():
        curve, shown = frame[frame["run"] == label], fonts.lines(label, LABEL)
        smooth = curve["loss"].rolling(max(1, len(curve) // 10), min_periods=1).mean()
        axes.plot(curve["tokens"], curve["loss"], color=colour, linewidth=0.5, alpha=0.4)
        alone = "o" if len(curve) == 1 else ""
        axes.plot(curve["tokens"], smooth, color=colour, linewidth=2, label=shown, marker=alone)
    legend(axes)
    axes.set(xlabel="tokens seen", ylabel="loss (nats per token)", title=sheet.heading)
    axes.set_ylim(bottom=0)
    return f"{sheet.title}: training loss."

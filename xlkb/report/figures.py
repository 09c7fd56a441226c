"""Figures: each function draws one kind from a frame of `stats`, saves it and returns the image.

Every figure is written as PNG (150 dpi) and SVG into `run.figures` and entered in the manifest.
Axes carry units, titles say what and how many questions, bars carry 95 % intervals, colours are
seaborn's colour-blind palette, and the same frame gives the same bytes. A figure of an empty frame
is left out, and a sentence is returned in its place (`canvas.drawable`).
"""

from collections.abc import Sequence

import pandas as pd
import seaborn as sns
from IPython.display import Image

from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import fonts
from xlkb.report.canvas import (
    LABEL,
    bars,
    canvas,
    counts,
    drawable,
    legend,
    ordered,
    save,
    span,
    style,
)

CHANCE = 25
UNREAD = 0.02
"""Share of answers that were not understood above which a caption says so."""


def _unread(frame: pd.DataFrame) -> str:
    """A sentence on answers that were not understood, "" where they are few or none."""
    if "unread" not in frame:
        return ""
    named = [c for c in ("model", "style", "recomposition", "language") if c in frame]
    named += [c for c in ("question_language", "answer_language") if c in frame]
    many = frame[frame["unread"] > UNREAD]
    cells = [
        f"{100 * row['unread']:.1f} % ({', '.join(str(row[c]) for c in named)})"
        for row in many.sort_values("unread", ascending=False).to_dict("records")
    ]
    more = f" and {len(cells) - 5} more" if len(cells) > 5 else ""
    said = f" Answers that were not understood count as wrong: {', '.join(cells[:5])}{more}."
    return said if cells else ""


@drawable()
def accuracy_bars(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: str = "language",
    hue: str = "model",
    chance: float = CHANCE,
) -> Image:
    """Accuracy (%) with 95 % Wilson intervals, grouped by `x` and coloured by `hue`.

    `frame`: columns `x, hue, n, accuracy, low, high` from `stats.accuracy`. `chance`: in percent.
    """
    with style(frame, title):
        figure, axes = canvas(4.2)
        bars(axes, frame, x, hue, "accuracy", "low", "high", 100)
        axes.axhline(chance, color="black", linewidth=1, linestyle=":")
        edge = axes.get_yaxis_transform()
        axes.text(1.005, chance, "chance", fontsize=8, va="center", transform=edge)
        axes.set(ylabel="accuracy (%)", ylim=(0, 100), title=f"{title}{counts(frame, hue)}")
        caption = f"{title}. Bars: 95 % Wilson interval.{_unread(frame)}"
        return save(figure, frame, name, run, models, caption)


@drawable()
def gap_bars(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: str = "language",
    hue: str = "rule",
) -> Image:
    """Accuracy lost against the run's base language (points) with 95 % bootstrap intervals.

    `frame`: columns `x, hue, n, gap_points, gap_low, gap_high` from `stats.barrier` or alike.
    """
    with style(frame, title):
        figure, axes = canvas(4.2)
        bars(axes, frame, x, hue, "gap_points", "gap_low", "gap_high", 1)
        axes.axhline(0, color="black", linewidth=1)
        base = LANGUAGES[run.base].name
        axes.set(ylabel=f"accuracy lost against {base} (points)")
        axes.set(title=f"{title}{counts(frame, hue)}")
        caption = f"{title}. Bars: 95 % paired bootstrap interval; above 0 {base} is better."
        caption += _unread(frame)
        return save(figure, frame, name, run, models, caption)


@drawable("gain_points")
def gain_bars(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: str = "group",
    hue: str = "model",
) -> Image:
    """Accuracy gained over the control (points) with 95 % bootstrap intervals.

    `frame`: columns `x, hue, n, gain_points, gain_low, gain_high` of `gains.over_control`.
    """
    shown = frame[frame["gain_points"].notna()]
    with style(frame, title):
        figure, axes = canvas(4.2)
        bars(axes, shown, x, hue, "gain_points", "gain_low", "gain_high", 1)
        axes.axhline(0, color="black", linewidth=1)
        axes.set(ylabel="accuracy gained over the control (points)")
        axes.set(title=f"{title} (n = {span(shown['n'])} items per bar)")
        caption = (
            f"{title}. Bars: 95 % bootstrap interval over items; above 0 the remedy is better."
        )
        return save(figure, frame, name, run, models, caption)


@drawable()
def heat_map(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    rows: tuple[str, str] = ("question_language", "language of the question"),
    columns: tuple[str, str] = ("answer_language", "language of the choices"),
    value: tuple[str, str, float] = ("accuracy", "accuracy (%)", 100),
    chance: float = CHANCE,
    what: str = "questions",
) -> Image:
    """A measure for each pair of languages (or of other things).

    `frame`: columns `n`, the measure, and one column for the rows and for the columns each.
    `rows`, `columns`: its name, and the axis label. `value`: the measure's column, its label and a
    factor; `low, high` in the frame are its interval. `chance`: the lower end of the colours.
    `what`: n counts.
    """
    square = frame.pivot(index=rows[0], columns=columns[0], values=value[0])
    down, across = ordered(frame[rows[0]]), ordered(frame[columns[0]])
    with style(frame, title, rows[1], columns[1], value[1], what):
        figure, axes = canvas(5, width=7)
        sns.heatmap(
            value[2] * square.loc[down, across],
            annot=True,
            fmt=".0f",
            cmap="viridis",
            ax=axes,
            square=len(down) == len(across),
            cbar_kws={"label": f"{value[1]}, from {chance:.0f} to best"},
            vmin=chance,
            vmax=value[2] * frame[value[0]].max(),
        )
        axes.set_xticklabels([_named(label) for label in across])
        axes.set_yticklabels([_named(label) for label in down], rotation=0)
        axes.set(xlabel=columns[1], ylabel=rows[1])
        reach = ""
        if {"low", "high"} <= set(frame):
            half = value[2] / 2 * (frame["high"] - frame["low"]).max()
            reach = f"\n95 % intervals reach at most ±{half:.0f} points"
        axes.set_title(f"{title}{counts(frame, '', what=what)}{reach}")
        said = _unread(frame)
        return save(figure, frame, name, run, models, f"{title}.{said}" if said else title)


@drawable()
def lines(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: tuple[str, str],
    y: tuple[str, str],
    hue: str,
) -> Image:
    """A measure against a number, a line with a 95 % band per `hue`.

    `frame`: columns `n, low, high`, `hue`, and those of `x` and `y`; `x`, `y`: column and label.
    """
    with style(frame, title, x[1], y[1]):
        figure, axes = canvas(4.2)
        labels = list(dict.fromkeys(frame[hue]))
        for label, colour in zip(labels, sns.color_palette("colorblind", len(labels)), strict=True):
            part = frame[frame[hue] == label].sort_values(x[0])
            shown = fonts.lines(label, LABEL)
            axes.plot(part[x[0]], part[y[0]], color=colour, marker="o", ms=4, label=shown)
            axes.fill_between(part[x[0]], part["low"], part["high"], color=colour, alpha=0.2, lw=0)
        axes.set(xlabel=x[1], ylabel=y[1], title=f"{title}{counts(frame, '', 'point', 'texts')}")
        axes.plot([], [], " ", label="bands: 95 % bootstrap")
        legend(axes)
        return save(figure, frame, name, run, models, f"{title}. Bands: 95 % bootstrap interval.")


@drawable()
def distributions(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: tuple[str, str],
    y: tuple[str, str],
) -> Image:
    """Violins of single values with their median and quartiles.

    `frame`: one row per value, with the columns of `x` and `y`: column and label.
    """
    with style(frame, title, x[1], y[1]):
        figure, axes = canvas(4.2)
        frame = frame.assign(**{x[0]: [fonts.lines(label, 15) for label in frame[x[0]]]})
        order = list(dict.fromkeys(frame[x[0]]))
        options = {"inner": "quart", "cut": 0, "linewidth": 1, "hue": x[0], "legend": False}
        sns.violinplot(
            frame,
            x=x[0],
            y=y[0],
            order=order,
            hue_order=order,
            palette="colorblind",
            ax=axes,
            **options,
        )
        n = frame.groupby(x[0]).size().rename("n").reset_index()
        axes.set(xlabel=x[1], ylabel=y[1], title=f"{title}{counts(n, '', 'violin', 'texts')}")
        return save(figure, frame, name, run, models, f"{title}. Lines: median and quartiles.")


def _named(label: object) -> str:
    return LANGUAGES[label].name if label in LANGUAGES else fonts.lines(label, 20)


@drawable()
def option_bias(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    hue: str = "rule",
) -> Image:
    """Share of the wrong answers in each language (%) against its share among wrong choices.

    `frame`: from `stats.option_language_bias`, with a column `hue`.
    """
    with style(frame, title):
        figure, axes = canvas(4.2)
        centres = bars(axes, frame, "language", hue, "taken", "low", "high", 100)
        for position, offered in zip(centres, frame["offered"], strict=True):
            axes.plot([position - 0.13, position + 0.13], [100 * offered] * 2, color="black", lw=2)
        axes.plot([], [], color="black", lw=2, label="offered")
        legend(axes)
        axes.set(ylabel="share of wrong answers (%)", title=f"{title}{counts(frame, hue)}")
        caption = f"{title}. Bars: 95 % Wilson interval; black lines: share among wrong choices."
        return save(figure, frame, name, run, models, caption)


@drawable()
def loss_curves(
    frame: pd.DataFrame, name: str, run: Run, models: Sequence[LanguageModel], title: str
) -> Image:
    """Training loss (nats per token) against the tokens seen, a line per run.

    `frame`: columns `run, tokens, loss` from `finetuning.curve`. The thick line is the mean of a
    tenth of the run; the thin one shows every step.
    """
    with style(frame, title):
        figure, axes = canvas(3.6)
        runs = list(dict.fromkeys(frame["run"]))
        for label, colour in zip(runs, sns.color_palette("colorblind", len(runs)), strict=True):
            curve, shown = frame[frame["run"] == label], fonts.lines(label, LABEL)
            smooth = curve["loss"].rolling(max(1, len(curve) // 10), min_periods=1).mean()
            axes.plot(curve["tokens"], curve["loss"], color=colour, linewidth=0.5, alpha=0.4)
            axes.plot(curve["tokens"], smooth, color=colour, linewidth=2, label=shown)
        legend(axes)
        axes.set(xlabel="tokens seen", ylabel="loss (nats per token)", title=title)
        axes.set_ylim(bottom=0)
        return save(figure, frame, name, run, models, f"{title}: training loss.")

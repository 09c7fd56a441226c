"""Figures: each function draws one kind from a frame of `stats`, saves it and returns the image.

Every figure is written as PNG (150 dpi) and SVG into `run.figures` and entered in the manifest.
Axes carry units, titles say what and how many questions, bars carry 95 % intervals, colours are
seaborn's colour-blind palette, and the same frame gives the same bytes.
"""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from xlkb import manifest
from xlkb.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.profiles import Run

CHANCE = 25
WIDTH = 10
STYLE = {"font.size": 10, "axes.grid.axis": "y", "axes.titlesize": 11, "svg.hashsalt": "xlkb"}


def accuracy_bars(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: str = "language",
    hue: str = "model",
) -> Image:
    """Accuracy (%) with 95 % Wilson intervals, grouped by `x` and coloured by `hue`.

    `frame`: columns `x, hue, n, accuracy, low, high` from `stats.accuracy`.
    """
    with _style():
        figure, axes = _canvas(4.2)
        _bars(axes, frame, x, hue, "accuracy", "low", "high", 100)
        axes.axhline(CHANCE, color="black", linewidth=1, linestyle=":")
        edge = axes.get_yaxis_transform()
        axes.text(1.005, CHANCE, "chance", fontsize=8, va="center", transform=edge)
        axes.set(ylabel="accuracy (%)", ylim=(0, 100), title=f"{title}{_counts(frame, hue)}")
        return _save(figure, frame, name, run, models, f"{title}. Bars: 95 % Wilson interval.")


def gap_bars(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    x: str = "language",
    hue: str = "rule",
) -> Image:
    """Accuracy lost against English (points) with 95 % bootstrap intervals.

    `frame`: columns `x, hue, n, gap_points, gap_low, gap_high` from `stats.barrier` or alike.
    """
    with _style():
        figure, axes = _canvas(4.2)
        _bars(axes, frame, x, hue, "gap_points", "gap_low", "gap_high", 1)
        axes.axhline(0, color="black", linewidth=1)
        axes.set(ylabel="accuracy lost against English (points)")
        axes.set(title=f"{title}{_counts(frame, hue)}")
        caption = f"{title}. Bars: 95 % paired bootstrap interval; above 0 English is better."
        return _save(figure, frame, name, run, models, caption)


def gain_bars(
    frame: pd.DataFrame, name: str, run: Run, models: Sequence[LanguageModel], title: str
) -> Image:
    """Accuracy gained over the control (points) with 95 % bootstrap intervals.

    `frame`: columns `group, model, n, gain_points, gain_low, gain_high` of `gains.over_control`.
    """
    shown = frame[frame["gain_points"].notna()]
    with _style():
        figure, axes = _canvas(4.2)
        _bars(axes, shown, "group", "model", "gain_points", "gain_low", "gain_high", 1)
        axes.axhline(0, color="black", linewidth=1)
        axes.set(ylabel="accuracy gained over the control (points)")
        axes.set(title=f"{title} (n = {_range(shown['n'])} items per bar)")
        caption = (
            f"{title}. Bars: 95 % bootstrap interval over items; above 0 the remedy is better."
        )
        return _save(figure, frame, name, run, models, caption)


def heat_map(
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    title: str,
    rows: tuple[str, str] = ("question_language", "language of the question"),
    columns: tuple[str, str] = ("answer_language", "language of the choices"),
) -> Image:
    """Accuracy (%) for each pair of languages.

    `frame`: columns `n, accuracy, low, high` and one column for the languages of the rows and of
    the columns each; `rows`, `columns`: its name, and the axis label.
    """
    square = frame.pivot(index=rows[0], columns=columns[0], values="accuracy")
    order = [code for code in LANGUAGES if code in square.index]
    half = 50 * (frame["high"] - frame["low"]).max()
    with _style():
        figure, axes = _canvas(5, width=7)
        shown = 100 * square.loc[order, order]
        bounds = {"vmin": CHANCE, "vmax": 100 * frame["accuracy"].max()}
        label = {"label": "accuracy (%), from chance to best"}
        sns.heatmap(
            shown,
            annot=True,
            fmt=".0f",
            cmap="viridis",
            ax=axes,
            square=True,
            cbar_kws=label,
            **bounds,
        )
        names = [LANGUAGES[code].name for code in order]
        axes.set_xticklabels(names)
        axes.set_yticklabels(names, rotation=0)
        axes.set(xlabel=columns[1], ylabel=rows[1])
        axes.set_title(
            f"{title}{_counts(frame, '')}\n95 % intervals reach at most ±{half:.0f} points"
        )
        return _save(figure, frame, name, run, models, title)


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
    with _style():
        figure, axes = _canvas(4.2)
        centres = _bars(axes, frame, "language", hue, "taken", "low", "high", 100)
        for position, offered in zip(centres, frame["offered"], strict=True):
            axes.plot([position - 0.13, position + 0.13], [100 * offered] * 2, color="black", lw=2)
        axes.plot([], [], color="black", lw=2, label="offered")
        _legend(axes)
        axes.set(ylabel="share of wrong answers (%)", title=f"{title}{_counts(frame, hue)}")
        caption = f"{title}. Bars: 95 % Wilson interval; black lines: share among wrong choices."
        return _save(figure, frame, name, run, models, caption)


def loss_curves(
    frame: pd.DataFrame, name: str, run: Run, models: Sequence[LanguageModel], title: str
) -> Image:
    """Training loss (nats per token) against the tokens seen, a line per run.

    `frame`: columns `run, tokens, loss` from `finetuning.curve`. The thick line is the mean of a
    tenth of the run; the thin one shows every step.
    """
    with _style():
        figure, axes = _canvas(3.6)
        runs = list(dict.fromkeys(frame["run"]))
        for label, colour in zip(runs, sns.color_palette("colorblind", len(runs)), strict=True):
            curve = frame[frame["run"] == label]
            smooth = curve["loss"].rolling(max(1, len(curve) // 10), min_periods=1).mean()
            axes.plot(curve["tokens"], curve["loss"], color=colour, linewidth=0.5, alpha=0.4)
            axes.plot(curve["tokens"], smooth, color=colour, linewidth=2, label=label)
        _legend(axes)
        axes.set(xlabel="tokens seen", ylabel="loss (nats per token)", title=title)
        axes.set_ylim(bottom=0)
        return _save(figure, frame, name, run, models, f"{title}: training loss.")


def _bars(
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
    groups = _ordered(frame[x])
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
        axes.bar(0, 0, color=colours[label], label=str(label))
    if len(series) > 1:
        _legend(axes)
    names = [f"{g}\n{LANGUAGES[g].name}" if g in LANGUAGES else str(g) for g in groups]
    small = 7 if len(groups) > 10 else 9
    axes.set_xticks(range(len(groups)), names, fontsize=small)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    return centres


def _legend(axes: Axes) -> None:
    """A legend below the axes, where it hides no bar."""
    for old in axes.figure.legends:
        old.remove()
    handles, labels = axes.get_legend_handles_labels()
    columns = min(6, len(labels))
    axes.figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


def _ordered(values: pd.Series) -> list:
    """Languages in the registry's order, anything else as it comes."""
    seen = list(dict.fromkeys(values))
    known = [code for code in LANGUAGES if code in seen]
    return known + [value for value in seen if value not in LANGUAGES]


def _counts(frame: pd.DataFrame, hue: str) -> str:
    """ "(n = 420 questions a bar)", or the range if bars differ."""
    return f" (n = {_range(frame['n'])} questions per {'bar' if hue else 'cell'})"


def _range(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"


def _style() -> mpl.rc_context:
    return mpl.rc_context({**sns.axes_style("whitegrid"), **STYLE})


def _canvas(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    # Not pyplot: a figure outside its registry is neither leaked nor drawn twice by a notebook.
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _save(
    figure: Figure,
    frame: pd.DataFrame,
    name: str,
    run: Run,
    models: Sequence[LanguageModel],
    caption: str,
) -> Image:
    run.figures.mkdir(parents=True, exist_ok=True)
    files = [run.figures / f"{name}.{kind}" for kind in ("png", "svg")]
    figure.savefig(files[0], dpi=150, metadata={"Software": None})
    figure.savefig(files[1], metadata={"Date": None})
    manifest.record(run, models, name, "figure", files, len(frame), caption)
    return Image(filename=str(files[0]), width=round(90 * figure.get_figwidth()), alt=caption)

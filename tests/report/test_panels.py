"""Figures of several models: a panel for each, one below the other; of one model, as ever."""

import dataclasses

import pandas as pd
import pytest

from xlkb import profiles
from xlkb.report import canvas, figures, manifest

KINDS = {
    "accuracy_bars": {"hue": "kind"},
    "gap_bars": {"hue": "kind"},
    "gain_bars": {"x": "language", "hue": "kind"},
    "heat_map": {"rows": ("kind", "kind"), "columns": ("language", "language")},
    "lines": {"x": ("p", "p"), "y": ("accuracy", "accuracy"), "hue": "kind"},
    "distributions": {"x": ("kind", "kind"), "y": ("accuracy", "accuracy")},
    "option_bias": {"hue": "kind"},
    "loss_curves": {},
}


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("demo", "03_domain_knowledge_barrier", quick=True)
    return dataclasses.replace(plain, figures=tmp_path / "figures")


@pytest.fixture
def made(run, monkeypatch):
    """Makes a figure, and returns it as it was saved."""
    saved = []
    monkeypatch.setattr(canvas, "Image", lambda **_: None)
    monkeypatch.setattr(canvas.Figure, "savefig", lambda figure, file, **_: keep(figure, file))

    def keep(figure, file):
        saved.append(figure)
        file.write(b"drawn")

    def make(kind, frame, title="A title", **options):
        getattr(figures, kind)(frame, "fig", run, [], title, **KINDS[kind] | options)
        return saved[-1]

    return make


def answers(*models, kinds=("sum", "pmi")):
    """Two languages and two kinds of each model, with the columns that any figure needs."""
    rows = [(m, k, c) for m in models for k in kinds for c in ("en", "fr")]
    frame = pd.DataFrame(rows, columns=["base_model", "kind", "language"])
    frame["n"], frame["p"], frame["tokens"] = 40, [0, 1] * (len(rows) // 2), range(len(rows))
    frame["loss"], frame["run"], frame["offered"] = 2.0, frame["kind"], 0.2
    for value, low, high in (
        ("accuracy", "low", "high"),
        ("gap_points", "gap_low", "gap_high"),
        ("gain_points", "gain_low", "gain_high"),
    ):
        frame[value] = [0.5, 0.4] * (len(rows) // 2)
        frame[low], frame[high] = frame[value] - 0.1, frame[value] + 0.1
    return frame.assign(taken=frame["accuracy"])


@pytest.mark.parametrize("words", range(7, 13))
def test_titles_of_panels_stay_inside_the_figure(words, made):
    """A heat map stands beside its scale of colours, and is narrower than its figure."""
    five = ("en", "fr", "de", "es", "it")
    cells = [(m, a, b) for m in ("meta-llama/Llama-2-7b-hf", "other") for a in five for b in five]
    frame = pd.DataFrame(cells, columns=["base_model", "kind", "language"])
    frame = frame.assign(n=6, accuracy=0.5, low=0.2, high=0.8)
    figure = made("heat_map", frame, "found " * words, by="base_model")
    figure.draw_without_rendering()
    boxes = [axes.title.get_window_extent() for axes in figure.axes if axes.get_title()]
    assert len(boxes) == 2
    assert all(0 <= box.x0 < box.x1 <= figure.bbox.x1 for box in boxes)


@pytest.mark.parametrize("kind", ["gap_bars", "gain_bars", "lines", "distributions", "loss_curves"])
def test_panels_have_one_scale(kind, made):
    frame = answers("One", "Two")
    few = frame["base_model"] == "Two"
    for column in ("accuracy", "gap_points", "gain_points", "loss"):
        frame.loc[few, column] *= 3
    figure = made(kind, frame, by="base_model")
    first, second = (axes.get_ylim() for axes in figure.axes)
    assert first == second


def test_an_interval_of_a_heat_map_reaches_as_far_as_its_longer_side(made):
    frame = answers("One").assign(accuracy=0.0, low=0.0, high=0.49)
    figure = made("heat_map", frame, "T")
    assert "95 % intervals reach at most 49 points to a side" in figure.axes[0].get_title()


def test_a_loss_of_one_step_can_be_seen(made):
    frame = answers("One").groupby("run").head(1)
    figure = made("loss_curves", frame, "T")
    assert {line.get_marker() for line in figure.axes[0].lines if line.get_linewidth() == 2} == {
        "o"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_with_one_model_a_figure_has_the_bytes_that_it_has_without_panels(kind, run):
    written = []
    for options in ({"title": "One: T"}, {"title": "{base_model}: T", "by": "base_model"}):
        shown = KINDS[kind] | options
        getattr(figures, kind)(answers("One"), "fig", run, [], **shown)
        written.append([(run.figures / f"fig.{end}").read_bytes() for end in ("png", "svg")])
    assert written[0] == written[1]
    assert manifest._read(run.figures)["fig"]["caption"].startswith("One: T")


@pytest.mark.parametrize("kind", KINDS)
def test_each_model_has_a_panel_with_its_label_below_the_one_before(kind, made):
    frame = answers("One", "Two").assign(n=[40] * 4 + [30] * 4)
    alone, both = made(kind, answers("One")), made(kind, frame, by="base_model")
    panels = [axes for axes in both.axes if axes.get_title()]
    assert [axes.get_title().split(" (n")[0] for axes in panels] == ["A title: One", "A title: Two"]
    if kind not in ("distributions", "loss_curves"):
        assert ["n = 40" in panels[0].get_title(), "n = 30" in panels[1].get_title()] == [True] * 2
    assert panels[0].get_position().y0 > panels[1].get_position().y0
    assert both.get_figheight() == pytest.approx(2 * alone.get_figheight(), rel=0.1)


@pytest.mark.parametrize("kind", ["accuracy_bars", "lines", "loss_curves"])
def test_panels_share_one_legend_and_its_colours(kind, made):
    frame = pd.concat([answers("One"), answers("Two", kinds=("pmi", "own"))])
    figure = made(kind, frame, by="base_model")
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts() if "bands" not in text.get_text()]
    assert labels == ["sum", "pmi", "own"]
    first, second = (dict(zip(*panel(axes), strict=True))["pmi"] for axes in figure.axes)
    assert colour(first) == colour(second)


def panel(axes):
    handles, labels = axes.get_legend_handles_labels()
    return labels, handles


def colour(handle):
    return handle.patches[0].get_facecolor() if hasattr(handle, "patches") else handle.get_color()


def test_a_title_says_where_the_model_stands(made, run):
    figure = made("gap_bars", answers("One", "Two"), "{base_model}: barrier", by="base_model")
    assert [axes.get_title() for axes in figure.axes] == [
        "One: barrier (n = 40 questions per bar)",
        "Two: barrier (n = 40 questions per bar)",
    ]
    assert manifest._read(run.figures)["fig"]["caption"].startswith("One; Two: barrier. Bars")


def test_a_title_of_nothing_names_no_column(run):
    empty = answers("One").iloc[:0]
    title = "{base_model}: barrier"
    said = figures.gap_bars(empty, "fig", run, [], title, needs="a language", by="base_model")
    assert said.data == "`fig` (each base model: barrier) is left out: it needs a language."


def test_answers_that_were_not_understood_are_named_with_their_model(made, run):
    frame = answers("One", "Two").assign(unread=[0.0] * 7 + [0.25])
    made("accuracy_bars", frame, by="base_model")
    caption = manifest._read(run.figures)["fig"]["caption"]
    assert caption.endswith("count as wrong: 25.0 % (Two, fr).")

"""Points with names: each is there, inside the axes, and on top of no other."""

import dataclasses
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from matplotlib.path import Path
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from xlkb import profiles
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.report import canvas, named_points

MODEL = LanguageModel("path:tiny", "Tiny, random", "", "ab" * 32)
ARMS = ["mixed by document", "mixed by sentence", "mixed by 8 words", "mixed by word"]
ARMS += ["parallel text", "agreement (DCO)", "sum over 4 languages without English"]


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("demo", "06_evaluation_after_finetuning", quick=True)
    return dataclasses.replace(plain, figures=tmp_path / "figures")


@pytest.fixture
def drawn(monkeypatch):
    """Figures that were saved."""
    kept = []
    saved = canvas.save

    def save(figure, *rest):
        kept.append(figure)
        return saved(figure, *rest)

    monkeypatch.setattr(canvas, "save", save)
    return kept


def trade(n=7):
    frame = pd.DataFrame({"model": ARMS[:n], "n": 420})
    frame["kind"] = ["mixed text"] * min(n, 4) + ["rival"] * max(0, n - 4)
    frame["cost_points"] = np.resize([0.1, 0.3, -0.2, 2.0, 1.9, 0.2, 1.0], n)
    frame["gain_points"] = np.resize([1.0, 1.2, 1.1, 3.0, 3.1, -1.0, 2.0], n)
    for each in ("cost", "gain"):
        frame[f"{each}_low"] = frame[f"{each}_points"] - 2
        frame[f"{each}_high"] = frame[f"{each}_points"] + 2
    return frame


def names(figure):
    figure.draw_without_rendering()
    (axes, *_) = figure.axes
    found = [each for each in axes.texts if isinstance(each, Annotation) and each.arrow_patch]
    return axes, {
        each.get_text().replace("\n", " "): Text.get_window_extent(each) for each in found
    }


def test_every_arm_is_named_inside_the_figure_and_apart_from_the_others(run, drawn):
    named_points.gain_against_cost(trade(), "fig", run, [MODEL], "Gain against cost")
    _, boxes = names(drawn[0])
    assert set(boxes) == set(ARMS)
    for name, box in boxes.items():
        assert 0 <= box.x0 < box.x1 <= drawn[0].bbox.x1, name
        for other, there in boxes.items():
            assert other == name or named_points._common(box, there) < 0.1 * box.width * box.height


def test_a_figure_says_its_units_its_intervals_and_what_is_better(run):
    shown = named_points.gain_against_cost(trade(), "fig", run, [MODEL], "Gain against cost")
    text = (run.figures / "fig.svg").read_text(encoding="utf-8")
    for words in ("(points)", "n = 420 items per point", "gains more, costs less", "mixed text"):
        assert words in text
    assert "95 % upwards, 90 % sideways" in shown.alt
    assert "lost in English (points)" in text


def test_remedies_need_not_be_of_kinds(run, drawn):
    plain = trade().drop(columns="kind")
    named_points.gain_against_cost(plain, "fig", run, [MODEL], "Gain against cost")
    assert not drawn[0].legends


def test_each_base_model_has_a_panel(run, drawn):
    both = pd.concat([trade().assign(base_model="one"), trade().assign(base_model="two")])
    named_points.gain_against_cost(both, "fig", run, [MODEL], "Gain", by="base_model")
    assert len(drawn[0].axes) == 2


def test_one_arm_is_enough_and_none_is_left_out_with_a_reason(run):
    named_points.gain_against_cost(trade(1), "fig", run, [MODEL], "Gain")
    assert (run.figures / "fig.png").exists()
    told = named_points.gain_against_cost(trade(0), "fig", run, [MODEL], "Gain", needs="an arm")
    assert told.data == "`fig` (Gain) is left out: it needs an arm."


def test_languages_are_named_and_an_interval_may_be_missing(run, drawn):
    codes = list(LANGUAGES)[1:9]
    frame = pd.DataFrame({"language": codes, "script": "Latin", "n": 64})
    frame["tokens_per_word"], frame["gap_points"] = np.linspace(1, 2, 8), np.linspace(0, 30, 8)
    axes = ("tokens_per_word", "tokens per word"), ("gap_points", "barrier (points)")
    named_points.scatter(frame, "fig", run, [MODEL], "Barrier", *axes, note="rho = 0.5")
    _, boxes = names(drawn[0])
    assert set(boxes) == {LANGUAGES[code].name for code in codes}
    text = (run.figures / "fig.svg").read_text(encoding="utf-8")
    assert "rho = 0.5" in text


def test_the_same_frame_gives_the_same_bytes(run):
    written = []
    for _ in range(2):
        named_points.gain_against_cost(trade(), "fig", run, [MODEL], "Gain against cost")
        written.append([(run.figures / f"fig.{end}").read_bytes() for end in ("png", "svg")])
    assert written[0] == written[1]


def test_the_line_to_a_name_crosses_no_other_and_runs_over_no_other_point(run, drawn):
    frame = pd.DataFrame({"model": ["English only", *ARMS[:5], "ensemble", "agreement"], "n": 420})
    points = {"cost": [5.9, 3.8, 3.57, 1.8, 6, 3.41, 11, -0.5]}
    points |= {"gain": [-1.2, -1, -1.63, -1.7, -3.5, -1.53, 7.5, 3]}
    reach = {"cost": [2.5, 2.5, 2.4, 2.2, 2.9, 2.2, 3.6, 2.4]}
    reach |= {"gain": [1.3, 1.4, 1.5, 1.4, 1.8, 1.5, 3.9, 2.3]}
    for each, values in points.items():
        for end, sign in (("points", 0), ("low", -1), ("high", 1)):
            frame[f"{each}_{end}"] = np.array(values) + sign * np.array(reach[each])
    named_points.gain_against_cost(frame, "fig", run, [MODEL], "Gain against cost")
    axes, boxes = names(drawn[0])
    places = axes.transData.transform(frame[["cost_points", "gain_points"]])
    middles = [(boxes[name].min + boxes[name].max) / 2 for name in frame["model"]]
    lines = [Path(each) for each in zip(middles, places, strict=True)]
    for (i, line), (j, other) in permutations(enumerate(lines), 2):
        assert not line.intersects_path(other, filled=False), (i, j)
        assert not line.intersects_bbox(Bbox([places[j] - 4, places[j] + 4]), filled=False), (i, j)

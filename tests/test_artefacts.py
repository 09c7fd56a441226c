"""Tables, figures and the manifest: the same numbers give the same bytes, and all is recorded."""

import dataclasses
import json

import pandas as pd
import pytest

from xlkb import figures, manifest, profiles, tables
from xlkb.models import LanguageModel

MODEL = LanguageModel("path:tiny", "Tiny, random", "", "ab" * 32)


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("ci", "02_general_knowledge_barrier")
    return dataclasses.replace(plain, figures=tmp_path / "figures")


def accuracies(**more):
    frame = pd.DataFrame({"model": "Tiny, random", "language": ["en", "fr", "he"]})
    frame["n"], frame["accuracy"] = 400, [0.75, 0.5, 0.26]
    frame["low"], frame["high"] = frame["accuracy"] - 0.05, frame["accuracy"] + 0.05
    return frame.assign(**more)


def gaps():
    frame = pd.DataFrame({"rule": "sum", "language": ["fr", "de"], "n": 400})
    frame["gap_points"], frame["gap_low"], frame["gap_high"] = 20.0, 15.0, 25.0
    return frame


def pairs():
    codes = ("en", "fr")
    frame = pd.DataFrame([(c, o) for c in codes for o in codes])
    frame.columns = ["question_language", "answer_language"]
    return frame.assign(n=120, accuracy=[0.8, 0.4, 0.5, 0.6], low=0.3, high=0.9)


def bias():
    frame = pd.DataFrame({"language": ["en", "fr"], "rule": "sum", "n": 80})
    return frame.assign(offered=0.2, taken=[0.3, 0.1], low=[0.2, 0.05], high=[0.4, 0.2])


def changes():
    frame = pd.DataFrame({"kind": ["mixed", "mixed", "dropped", "dropped"], "p": [0.0, 1.0] * 2})
    return frame.assign(n=50, cosine=[1.0, 0.6, 1.0, 0.4], low=0.3, high=1.0)


AXES = {"x": ("p", "probability"), "y": ("cosine", "cosine")}

KINDS = {
    "lines": lambda run: figures.lines(changes(), "fig", run, [MODEL], "T", **AXES, hue="kind"),
    "distributions": lambda run: figures.distributions(
        pd.concat([changes()] * 5), "fig", run, [MODEL], "T", ("kind", "change"), AXES["y"]
    ),
    "accuracy": lambda run: figures.accuracy_bars(accuracies(), "fig", run, [MODEL], "T"),
    "gap": lambda run: figures.gap_bars(gaps(), "fig", run, [MODEL], "T"),
    "pairs": lambda run: figures.heat_map(pairs(), "fig", run, [MODEL], "T"),
    "bias": lambda run: figures.option_bias(bias(), "fig", run, [MODEL], "T"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_written_twice_with_the_same_bytes(kind, run):
    written = []
    for _ in range(2):
        KINDS[kind](run)
        written.append([(run.figures / f"fig.{end}").read_bytes() for end in ("png", "svg")])
    assert written[0] == written[1]


def test_a_figure_says_units_counts_and_languages_in_full(run):
    figures.accuracy_bars(accuracies(), "fig", run, [MODEL], "A title")
    text = (run.figures / "fig.svg").read_text(encoding="utf-8")
    for words in ("accuracy (%)", "A title (n = 400 questions per bar)", "Hebrew", "chance"):
        assert words in text


def test_a_table_shows_percent_with_the_interval_and_keeps_shares_in_the_csv(run):
    shown = tables.save(accuracies(), "table", run, [MODEL], "A caption")
    assert shown["accuracy (%)"].tolist()[0] == "75.0 [70.0, 80.0]"
    stored = pd.read_csv(run.figures / "table.csv")
    assert stored["accuracy"].tolist() == [0.75, 0.5, 0.26]
    assert (run.figures / "table.md").read_text(encoding="utf-8").startswith("A caption\n")


def test_latex_escapes_what_latex_would_read(run):
    frame = pd.DataFrame({"a_b": ["50 % of $x & y", "None"]})
    tables.save(frame, "table", run, caption="100 % of {it}")
    text = (run.figures / "table.tex").read_text(encoding="utf-8")
    assert r"50 \% of \$x \& y" in text
    assert r"a\_b" in text
    assert r"100 \% of \{it\}" in text
    assert "None" in text


def test_the_manifest_names_notebook_profile_model_and_rows(run):
    tables.save(accuracies(), "table", run, [MODEL], "A caption")
    entry = json.loads((run.figures / "manifest.json").read_text(encoding="utf-8"))["table"]
    assert entry["notebook"] == "02_general_knowledge_barrier"
    assert (entry["profile"], entry["n_rows"], entry["seed"]) == ("ci", 3, 42)
    assert entry["models"] == {"Tiny, random": MODEL.fingerprint}
    assert sorted(entry["files"]) == ["table.csv", "table.md", "table.tex"]


def test_a_missing_or_changed_file_is_named(run):
    tables.save(accuracies(), "table", run, [MODEL])
    assert manifest.check(run.figures) == []
    (run.figures / "table.md").unlink()
    (run.figures / "table.csv").write_text("1\n")
    assert manifest.check(run.figures) == [
        "table: table.csv was changed after 02_general_knowledge_barrier wrote it",
        "table: table.md is missing; run 02_general_knowledge_barrier again",
    ]


def test_a_damaged_manifest_is_named(run):
    run.figures.mkdir()
    (run.figures / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"manifest\.json is not valid JSON"):
        manifest.listing(run.figures)


def test_a_text_of_digits_stays_a_text(run):
    frame = pd.DataFrame({"what": ["lines", "rate"], "paper": ["1,165,029", "2e-05"]})
    tables.save(frame, "table", run, [MODEL])
    written = (run.figures / "table.md").read_text(encoding="utf-8")
    assert "1,165,029" in written
    assert "2e-05" in written

"""Tables, figures and the manifest: the same numbers give the same bytes, and all is recorded."""

import dataclasses
import inspect
import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from matplotlib.text import Text

from xlkb import profiles
from xlkb.ground import paths
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.report import canvas, figures, fonts, labels, manifest, reference, tables

MODEL = LanguageModel("path:tiny", "Tiny, random", "", "ab" * 32)


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("demo", "02_general_knowledge_barrier", quick=True)
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


def test_a_figure_shows_how_it_is_called_and_what_it_draws():
    shown = str(inspect.signature(figures.gap_bars))
    assert (
        "title: str, x: str = 'language', hue: str = 'rule', *, needs: str = '', by: str = ''"
        in shown
    )
    assert "sheet" not in shown
    assert figures.gap_bars.__doc__.startswith("Accuracy lost against the run's base language")


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
    assert (entry["profile"], entry["n_rows"], entry["seed"]) == ("demo-quick", 3, 42)
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


def test_a_damaged_manifest_is_named_and_set_aside(run):
    run.figures.mkdir()
    (run.figures / "manifest.json").write_text("{")
    with pytest.warns(UserWarning, match=r"manifest\.json is damaged"):
        assert manifest.listing(run.figures).empty
    assert len(list(run.figures.glob("manifest.json.damaged-*"))) == 1
    tables.save(pd.DataFrame({"a": [1]}), "table", run, [MODEL])
    assert manifest.listing(run.figures)["name"].tolist() == ["table"]


def test_a_text_of_digits_stays_a_text(run):
    frame = pd.DataFrame({"what": ["lines", "rate"], "paper": ["1,165,029", "2e-05"]})
    tables.save(frame, "table", run, [MODEL])
    written = (run.figures / "table.md").read_text(encoding="utf-8")
    assert "1,165,029" in written
    assert "2e-05" in written


def test_a_table_with_two_equal_rows_is_refused_with_the_likely_cause(run):
    parts = [accuracies(what=[None, [1], "a"]), accuracies(what=[None, [2], "a"], n=401)]
    tables.save(pd.concat(parts), "table", run)
    picked = pd.concat(parts).loc[[0, 2]]
    tables.save(picked, "table", run)
    for twice in (0, 1, 2):
        frame = pd.concat([parts[0], parts[0].iloc[[twice]]])
        with pytest.raises(
            ValueError, match=rf"other: rows {twice + 1} and 4 of 4 .*stats\.concat"
        ):
            tables.save(frame, "other", run)
    assert not list(run.figures.glob("other*"))


def test_an_empty_table_has_no_equal_rows():
    tables._check_rows(accuracies().iloc[:0], "table")
    tables._check_rows(pd.DataFrame(), "table")


COMMITTED = sorted((paths.ROOT / "figures").glob("*.csv"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_no_committed_table_has_two_equal_rows(path):
    frame = pd.read_csv(path)
    tables._check_rows(frame, path.stem)


CHARACTERS = {
    "autonyms": [language.autonym for language in LANGUAGES.values()],
    "models": [
        "通义千问（微调）",
        "نموذج عربي (7B)",
        "हिन्दी मॉडल क्षत्रिय",
        "日本語モデル",
        "한국어 모델",
        "דגם עברי",
        "русская модель",
        "繁體模型",
        "ไทย தமிழ் বাংলা",
        "mixed 模型 نموذج हिन्दी v2 😀",
    ],
}


def labelled(names):
    rows = [(m, c, 400, 0.5, 0.4, 0.6) for m in names for c in ("en", "zh")]
    return pd.DataFrame(rows, columns=["model", "language", "n", "accuracy", "low", "high"])


@pytest.fixture
def drawn(run, monkeypatch):
    """The texts of the last figure that was saved."""
    seen = []
    monkeypatch.setattr(canvas, "save", lambda figure, *rest: seen.append(figure) or figure)

    def texts():
        seen[-1].canvas.draw()
        return [text.get_text() for text in seen[-1].findobj(Text) if text.get_text()]

    return texts


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("where", ["legend", "axis", "both", "title"])
@pytest.mark.parametrize("names", CHARACTERS.values(), ids=CHARACTERS)
def test_labels_of_every_script_have_their_letters(names, where, run):
    frame, title = labelled(names), "T"
    if where == "legend":
        figures.accuracy_bars(frame, "fig", run, [MODEL], title)
    elif where == "axis":
        figures.accuracy_bars(frame, "fig", run, [MODEL], title, x="model", hue="language")
    elif where == "both":
        pairs = (("model", "models"), ("language", names[0]))
        figures.heat_map(frame, "fig", run, [MODEL], title, *pairs)
    else:
        figures.gap_bars(gaps(), "fig", run, [MODEL], " ".join(names))
    text = (run.figures / "fig.svg").read_text(encoding="utf-8")
    for label in names if where != "title" else names[:1]:
        assert label.split()[0][:5] in text


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["lines", "distributions", "loss"])
def test_other_figures_have_letters_of_every_script(kind, run):
    names = ["模型", "नमूना", "한국어"]
    frame = changes().assign(kind=[names[0], names[1], names[2], names[2]])
    if kind == "lines":
        figures.lines(frame, "fig", run, [MODEL], names[0], **AXES, hue="kind")
    elif kind == "distributions":
        each = pd.concat([frame] * 5)
        figures.distributions(each, "fig", run, [MODEL], names[0], ("kind", names[1]), AXES["y"])
    else:
        curve = pd.DataFrame({"run": names, "tokens": [1, 2, 3], "loss": [3.0, 2.0, 1.0]})
        figures.loss_curves(curve, "fig", run, [MODEL], names[1])


def test_a_title_that_begins_with_an_arabic_name_runs_to_the_right(run):
    figures.gap_bars(gaps(), "fig", run, [MODEL], "نموذج عربي: barrier")
    assert "\u200eنموذج عربي: barrier" in (run.figures / "fig.svg").read_text(encoding="utf-8")


def test_latin_labels_need_no_other_font():
    assert fonts.families(["Qwen2.5-0.5B (é, Ж, عربي)", "100 %"]) == [fonts.MAIN]
    assert fonts.families(["模型"]) == [fonts.MAIN, "Noto Sans CJK SC"]


ODD = ["$x_1$ at 5 $", "_hidden", "two\nlines\tand tabs", r"\alpha^2 {a}", "% & # ~"]


def test_a_name_is_shown_as_it_is(run, drawn):
    figures.accuracy_bars(labelled(ODD), "fig", run, [MODEL], "Cost: $1 or $2")
    texts = [text.strip() for text in drawn()]
    for label in ODD:
        assert " ".join(label.split()) in texts
    assert any("$1 or $2" in text for text in texts)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("letters", ["long name ", "x", "模型", "लंबा नाम "])
def test_long_names_stay_inside_the_figure(letters, run, monkeypatch):
    names = [(letters * 240)[:250] + end for end in "ab"]
    shown = []
    monkeypatch.setattr(canvas, "Image", lambda **_: None)
    monkeypatch.setattr(manifest.Artefact, "record", lambda *_: None)
    monkeypatch.setattr(canvas.Figure, "savefig", lambda figure, *_, **__: shown.append(figure))
    figures.accuracy_bars(labelled(names), "fig", run, [MODEL], names[0])
    figures.accuracy_bars(labelled(names), "fig", run, [MODEL], "T", x="model", hue="language")
    for figure in shown[::2]:
        figure.canvas.draw()
        (axes,) = figure.axes
        box = figure.get_tightbbox()
        assert box.x0 >= -0.1
        assert box.x1 <= figure.get_figwidth() + 0.1
        assert axes.get_window_extent().height > 100
    legend, ticks = shown[0].legends[0].get_texts(), shown[2].axes[0].get_xticklabels()
    for texts in (legend, ticks):
        assert len({text.get_text() for text in texts}) == 2


def test_models_of_the_same_name_are_told_apart():
    of = [LanguageModel(f"path:{f}/tiny", "tiny", "", f * 64) for f in "abcd"]
    of[2].label = "tiny (2)"
    assert [m.label for m in labels.apart(of[1:], of[0])] == [
        "tiny (2)",
        "tiny (2) (2)",
        "tiny (3)",
    ]
    assert of[0].label == "tiny"
    (alone,) = labels.apart([of[0]])
    assert alone.label == "tiny"


def test_the_manifest_lists_every_arm_of_several_base_models(run):
    arms = [
        LanguageModel("path:x", label, "", f * 64) for label, f in zip("mnm", "abc", strict=True)
    ]
    tables.save(accuracies(), "table", run, [*arms, arms[0]])
    entry = json.loads((run.figures / "manifest.json").read_text(encoding="utf-8"))["table"]
    expected = {"m": arms[0], "n": arms[1], "m (2)": arms[2]}
    assert entry["models"] == {label: model.fingerprint for label, model in expected.items()}


def test_a_figure_of_rows_with_and_without_unread_answers_is_drawn(run):
    for frame in (accuracies(), accuracies(unread=0.0), accuracies(unread=0.5)):
        figures.accuracy_bars(frame, "fig", run, [MODEL], "T")


EMPTY = pd.DataFrame(columns=["language", "n"])
LEFT_OUT = {
    "table": lambda run: tables.save(EMPTY, "t", run, [MODEL], "C", needs="two languages"),
    "bars": lambda run: figures.gap_bars(EMPTY, "t", run, [MODEL], "C", needs="two languages"),
    "map": lambda run: figures.heat_map(EMPTY, "t", run, [MODEL], "C", needs="two languages"),
    "gains of nothing": lambda run: figures.gain_bars(
        pd.DataFrame({"gain_points": [None]}), "t", run, [MODEL], "C", needs="two languages"
    ),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_of_nothing_nothing_is_made_and_the_reason_is_told_and_recorded(kind, run):
    run.figures.mkdir()
    ending = "csv" if kind == "table" else "png"
    (run.figures / f"t.{ending}").write_text("of an older run")
    said = LEFT_OUT[kind](run)
    assert said.data == "`t` (C) is left out: it needs two languages."
    assert not (run.figures / f"t.{ending}").exists()
    (row,) = manifest.listing(run.figures).to_dict("records")
    assert (row["name"], row["n_rows"], row["left_out"]) == ("t", 0, "it needs two languages")
    assert manifest.check(run.figures) == []


def test_what_is_left_out_is_accounted_for_with_its_reason(run, capsys):
    started = datetime.now(UTC)
    tables.save(accuracies(), "table", run, [MODEL])
    LEFT_OUT["bars"](run)
    assert reference.artefacts(run, [run.notebook], started) == []
    printed = capsys.readouterr().out
    assert "Artefacts in" in printed
    assert ": 1\n" in printed
    assert "left out: t, it needs two languages" in printed
    later = started + timedelta(seconds=5)
    nothing = [f"{run.notebook} recorded no table and no figure"]
    assert reference.artefacts(run, [run.notebook], later) == nothing
    assert len(manifest.listing(run.figures)) == 2, "what it made once stays"


def test_what_was_left_out_can_be_made_by_the_next_run(run):
    LEFT_OUT["bars"](run)
    figures.gap_bars(gaps(), "t", run, [MODEL], "C", needs="two languages")
    assert manifest.listing(run.figures)["left_out"].tolist() == [""]


def test_a_gap_is_against_the_base_language_of_the_run(run):
    run = dataclasses.replace(run, base="sw")
    figures.gap_bars(gaps(), "fig", run, [MODEL], "T")
    text = (run.figures / "fig.svg").read_text(encoding="utf-8")
    assert "accuracy lost against Swahili (points)" in text

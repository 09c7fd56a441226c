"""Pages are one file that asks for nothing, and in which nothing that was read can run."""

import base64
import dataclasses
import hashlib
import json
import math
import re
import tomllib
from html import unescape

import mistune
import nbformat
import numpy as np
import pandas as pd
import pytest
import reports
from hypothesis import given
from hypothesis import strategies as st

from xlkb import profiles, report
from xlkb.ground import paths
from xlkb.report import manifest, pages
from xlkb.report.pages import chapters, explorer, grids, html

HOSTILE = [
    reports.HOSTILE,
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% include 'x' %}",
    "[x](javascript:alert(1)) ![y](https://example.org/y.png) <a href=x onclick=y>z</a>",
    "<iframe src=https://example.org></iframe><!-- ",
]
texts = st.one_of(st.text(max_size=40), st.sampled_from(HOSTILE))


def harmless(page):
    """Check that a page runs what is ours only, and loads nothing; returns its elements."""
    found = reports.Elements(page)
    policy = next(a["content"] for t, a in found.tags if a.get("http-equiv"))
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    ours = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in found.scripts]
    assert hashes == ours
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"iframe", "object", "embed", "base", "svg", "video", "audio", "template"}
    assert not [name for _, held in found.tags for name in held if name.startswith("on")]
    for tag, address in found.addresses():
        if tag == "a":
            assert address.startswith(("#", "https://", "http://", "mailto:")) or ":" not in address
        else:
            assert address.startswith("data:"), (tag, address[:80])
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    return found


@given(texts, texts, texts, st.lists(texts, min_size=1, max_size=3))
def test_html_in_a_document_is_text(title, heading, text, cells):
    table = pd.DataFrame({heading or "x": cells, "n": range(len(cells))})
    page = pages.page(title, [pages.Section(heading, text, table)] * 2, "card")
    found = harmless(page)
    assert len(found.scripts) == len(html.SCRIPTS)
    ids = [held["id"] for _, held in found.tags if "id" in held]
    assert len(ids) == len(set(ids))


@given(st.lists(st.one_of(texts, st.sampled_from(["Main", "a", "a 2", "A", "?"]))))
def test_every_section_has_an_address_of_its_own(titles):
    made = html.anchors(titles)
    assert len({"main", *made}) == len(titles) + 1
    assert not [each for each in made if re.search(r"\s", each)]


def test_cells_and_headings_stand_there_as_they_are():
    table = pd.DataFrame({reports.HOSTILE: [reports.HOSTILE]})
    found = harmless(pages.page("A", [pages.Section("B", table=table)]))
    assert sum(reports.HOSTILE in text for text in found.shown) == 2


ODD = [
    "+33",
    "1,165,029",
    "007",
    "1e5",
    "2.0",
    "a | b",
    "<b>",
    "$x_1$ & *y*",
    "&amp;",
    "a\\|b",
    "[a](b)",
]


def test_texts_in_a_markdown_table_are_shown_as_they_are():
    table = pd.DataFrame({"option": ODD, "p": np.linspace(0.25, 0.5, len(ODD))})
    written = pages.markdown("A", [pages.Section("B", table=table)])
    assert "| 0.250 |" in written
    read = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "math"])(
        written
    )
    cells = re.findall(r"<td[^>]*>(.*?)</td>", read, re.DOTALL)
    assert [unescape(each) for each in cells[::2]] == ODD
    lines = pages.markdown("A", [pages.Section("B", table=pd.DataFrame({"x": ["a\r\nb\nc"]}))])
    assert lines.splitlines()[-1] == "| a<br>b<br>c |"


@given(
    st.recursive(
        st.one_of(texts, st.floats(), st.none(), st.booleans(), st.integers()),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)
        ),
    )
)
def test_data_cannot_leave_its_script_and_comes_back(value):
    def finite(v):
        if isinstance(v, dict):
            return {k: finite(x) for k, x in v.items()}
        if isinstance(v, list):
            return [finite(x) for x in v]
        return None if isinstance(v, float) and not math.isfinite(v) else v

    written = str(html.data(value))
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == finite(value)


def test_numbers_of_numpy_are_data():
    assert json.loads(html.data({"a": np.float32(0.5), "b": (np.int64(2), np.nan)})) == {
        "a": 0.5,
        "b": [2, None],
    }


def test_a_column_of_numbers_is_sorted_by_them():
    shown = pd.DataFrame(
        {
            "a": ["75.7 [70.7, 80.1]", "", "< 0.001"],
            "b": ["1,165", "-2", "3 %"],
            "c": ["2/3 word", "1", "2"],
            "d": [1, 2.5, None],
            "e": ["", "", ""],
        }
    )
    grid = grids.grid(shown)
    assert [numbers for _, numbers in grid.columns] == [True, True, False, True, False]
    assert [[cell.key for cell in row] for row in grid.rows] == [
        ["75.7", "1165", "", "1.0", ""],
        ["", "-2", "", "2.5", ""],
        ["0.001", "3", "", "", ""],
    ]


PLAIN = profiles.load("demo", "02_general_knowledge_barrier")
CELLS = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=9)


@given(st.lists(st.tuples(CELLS, st.floats(0, 1)), min_size=1, max_size=4, unique_by=str))
def test_a_table_is_shown_as_it_was_before_its_csv_was_rounded(tmp_path_factory, rows):
    run = dataclasses.replace(PLAIN, figures=tmp_path_factory.mktemp("figures"))
    frame = pd.DataFrame(rows, columns=["text", "accuracy"])
    report.table(frame, "table02a", run, caption="| A |")
    found = grids.shown(run.figures / "table02a.csv")
    assert list(found["accuracy (%)"]) == list(report.readable(frame)["accuracy (%)"])
    if not any("|" in text for text, _ in rows):
        assert list(found["text"]) == [text for text, _ in rows]


def test_shares_are_rounded_once(tmp_path):
    run = dataclasses.replace(PLAIN, figures=tmp_path)
    report.table(pd.DataFrame({"accuracy": [248 / 420], "a": ["b|c"]}), "table02a", run)
    assert "0.5905" in (tmp_path / "table02a.csv").read_text(encoding="utf-8")
    assert grids.shown(tmp_path / "table02a.csv").to_dict("records") == [
        {"accuracy (%)": "59.0", "a": "b|c"}
    ]


def test_a_document_is_written_in_three_forms_that_name_each_other(tmp_path):
    png = tmp_path / "a.png"
    png.write_bytes(b"PNG" * 100)
    png.with_suffix(".svg").write_text("<svg/>")
    section = pages.Section("One", "*Text*", pd.DataFrame({"accuracy": [0.5]}), [png])
    made = pages.write(tmp_path, "card", "T", [section], {"n": 1})
    assert sorted(made) == ["html", "json", "md"]
    page = made["html"].read_text(encoding="utf-8")
    found = harmless(page)
    assert ("a", "card.md") in found.addresses()
    assert ("img", "data:image/svg+xml,%3Csvg/%3E") in found.addresses()
    assert [held["alt"] for tag, held in found.tags if tag == "img"] == ["One"]
    assert "50.0" in page
    assert "<em>Text</em>" in page


def test_files_of_others_are_as_they_came():
    folder = html.FOLDER / "vendor"
    known = tomllib.loads((folder / "sources.toml").read_text(encoding="utf-8"))
    hashes = {name: digest for each in known.values() for name, digest in each["sha256"].items()}
    assert set(hashes) == {path.name for path in folder.glob("*.js")}
    for name, digest in hashes.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    for name in known:
        assert (folder / f"{name}.LICENSE").exists()


@pytest.fixture
def notebook(tmp_path):
    """Writes a notebook with one output."""

    def written(data, source="# 02 · A title"):
        made = nbformat.v4.new_notebook()
        output = nbformat.v4.new_output("execute_result", data=data)
        said = "x: computed 1 / reused 2 scores\nFound it.\n"
        outputs = [[output], [], [nbformat.v4.new_output("stream", text=said)]]
        codes = [nbformat.v4.new_code_cell("x", outputs=each) for each in outputs]
        made.cells = [nbformat.v4.new_markdown_cell(source), *codes]
        nbformat.write(made, tmp_path / "02_a.ipynb")
        return tmp_path / "02_a.ipynb"

    return written


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_a_notebook_can_run(notebook, hostile):
    for data in ({"text/html": f"<table><td>{hostile}</table>"}, {"text/markdown": hostile}):
        made = chapters.of(notebook(data, f"# 02 · A title\n\n{hostile}"), {})
        found = reports.Elements(str(made.html))
        assert not found.scripts
        assert {tag for tag, _ in found.tags} <= {*chapters.TEXTS.split(), "details", "summary"}
        assert not [name for _, held in found.tags for name in held if name.startswith("on")]
        assert all(a.startswith(("http", "mailto", "x", "#")) for _, a in found.addresses())


def test_scripts_among_outputs_are_dropped(notebook):
    data = {"application/javascript": "alert(1)", "text/plain": "plain"}
    assert "alert" not in chapters.of(notebook(data), {}).html
    kept = chapters.of(notebook({"text/html": "<style>a{}</style><table><tr><td>1"}), {}).html
    assert "a{}" not in kept
    assert "<td>1</td>" in kept


def test_a_chapter_has_the_runs_figures_and_says_what_the_notebook_said(notebook):
    png = b"a figure"
    known = {"name": "fig02a", "caption": 'C "x" <b>', "uri": "data:image/png;base64,AA"}
    data = {"image/png": base64.b64encode(png).decode()}
    made = chapters.of(notebook(data), {hashlib.sha256(png).hexdigest(): known})
    (image,) = [held for tag, held in reports.Elements(str(made.html)).tags if tag == "img"]
    assert image == {"src": known["uri"], "alt": known["caption"], "data-figure": "fig02a"}
    assert (made.number, made.title, made.said) == ("02", "A title", ["Found it."])


def test_no_folder_of_the_machine_is_told(notebook):
    said = "path:/home/me/own 我/q.jsonl in /home/me, /home/me/.venv/x.py; not /home/menu"
    made = chapters.of(notebook({"text/plain": said}), {}, ["/home/me", "/home/me/own 我"])
    assert "path:q.jsonl in ..., .venv/x.py; not /home/menu" in made.html


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The report of the demo."""
    return reports.demo(tmp_path_factory.mktemp("demo")).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """The report on hostile questions."""
    return reports.hostile(tmp_path_factory.mktemp("hostile")).read_text(encoding="utf-8")


def test_the_demos_report_has_all_that_the_run_made_once(demo):
    found = harmless(demo)
    assert len(demo) < 15e6
    recorded = manifest.recorded(paths.ROOT / "figures")
    ids = {held["id"] for _, held in found.tags if "id" in held}
    images = [held.get("data-figure") for tag, held in found.tags if tag == "img"]
    for name, entry in recorded.items():
        if entry["files"] and entry["kind"] == "table":
            assert name in ids
        elif entry["files"]:
            assert images.count(name) == 1
    assert {f"0{n}" for n in range(1, 8)} | {"overview", "paper", "tables", "explorer"} <= ids
    assert all(held.get("alt") for tag, held in found.tags if tag == "img")
    shown = "".join(found.shown)
    assert "75.7 %" in shown
    assert "15.2 to 20.7 points" in shown
    assert "28.6 points" in shown


def test_the_explorer_agrees_with_the_tables(demo):
    data = json.loads(re.search(r'id="questions">(.*?)</script>', demo, re.DOTALL)[1])
    english = [
        q for q in data["questions"] if (q["recomposition"], q["language"]) == ("full", "en")
    ]
    right = sum(q["scores"][0][2] for q in english)
    assert (len(english), round(100 * right / len(english), 1)) == (420, 75.7)
    assert {"ar", "he", "hi", "zh"} <= set(data["languages"])
    assert data["languages"]["ar"][2] == "rtl"
    assert len(data["texts"]) == len(set(data["texts"]))
    for question in data["questions"]:
        assert data["texts"][question["question"]] in data["texts"][question["context"]]


def test_hostile_questions_labels_and_captions_are_text(hostile):
    found = harmless(hostile)
    data = json.loads(re.search(r'id="questions">(.*?)</script>', hostile, re.DOTALL)[1])
    assert data["models"] == [reports.HOSTILE]
    assert any(reports.HOSTILE.replace("\u2028", " ")[:40] in text for text in data["texts"])
    assert any(reports.HOSTILE in text for text in found.shown)


def test_without_notebook_02_the_explorer_says_why_it_is_not_there(tmp_path, monkeypatch):
    from xlkb import profiles

    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    run = profiles.load("demo")
    with pytest.raises(FileNotFoundError, match="table02b_multilingual, of notebook 02, has not"):
        explorer.data(run)
    page = pages.run(run, tmp_path, tmp_path / "report").read_text(encoding="utf-8")
    harmless(page)
    assert "The explorer is left out: table02b_multilingual" in page
    assert 'id="questions"' not in page


def test_nothing_is_computed_for_the_explorer(tmp_path, monkeypatch, capsys):
    reports.hostile(tmp_path)
    capsys.readouterr()
    for part in (tmp_path / "results").rglob("part-*.parquet"):
        part.unlink()
    from xlkb import profiles

    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    task = f"path:{tmp_path / 'questions.jsonl'}"
    run = profiles.load("demo", model=f"path:{tmp_path / 'model'}", task=task)
    page = pages.run(run, tmp_path, tmp_path / "report").read_text(encoding="utf-8")
    assert "The explorer is left out: Scores of" in page
    assert not list((tmp_path / "results").rglob("part-*.parquet"))
    assert capsys.readouterr().out == ""

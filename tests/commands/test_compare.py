"""xlkb compare: subjects in, a table, a document and an exit code out."""

import json
import os
import shutil
import subprocess
import sys

import answered
import pytest
import tiny

from xlkb import commands, models, profiles
from xlkb.exchange import answers

QUESTION = (
    '{{"id": "{id}", "subject": "tea", "answer": {answer}, "question": {{"en": "What is {id}?", '
    '"fr": "Que veut dire {id} ?"}}, "options": {{"en": ["tea", "coffee", "milk", "juice"], '
    '"fr": ["du thé", "du café", "du lait", "du jus"]}}}}\n'
)


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """Two tiny models, and a file of questions that begins with a byte order mark."""
    folder = tmp_path_factory.mktemp("subjects")
    for seed, name in enumerate(("one", "two")):
        tiny.network("llama", seed).save_pretrained(folder / name)
        tiny.tokenizer().save_pretrained(folder / name)
    lines = "".join(QUESTION.format(id=f"q{i}", answer=i % 4) for i in range(12))
    (folder / "questions.jsonl").write_text("\ufeff" + lines, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def here(subjects, monkeypatch, tmp_path):
    monkeypatch.chdir(subjects)
    monkeypatch.setenv("XLKB_PROGRESS", "off")


TASK = ("--task", "path:questions.jsonl")


def run(capsys, *arguments):
    try:
        code = commands.main(["compare", *map(str, arguments)])
    except SystemExit as stopped:
        code = stopped.code
    out, err = capsys.readouterr()
    return code, out, err


def document(folder):
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


def test_two_models_are_compared_in_a_table_and_a_document(capsys, tmp_path):
    code, out, _ = run(capsys, "path:one", "path:two", *TASK, "--out", tmp_path / "new")
    assert code == 0
    assert "two against one" in out
    made = document(tmp_path / "new")
    assert [each["label"] for each in made["compared"]] == ["one", "two"]
    assert all(len(each["model"]["fingerprint"]) == 64 for each in made["compared"])
    assert [row["group"] for row in made["table"]] == ["en", "fr"]
    assert [row["n"] for row in made["table"]] == [12, 12]
    changed = sum(row["n_lost"] + row["n_won"] for row in made["table"])
    told = [row for row in made["answered_differently"] if row["change"] != "other"]
    assert len(told) == changed
    text = (tmp_path / "new" / "comparison.md").read_text(encoding="utf-8")
    for heading in ("What was compared", "Differences", "In words", "Provenance"):
        assert f"## {heading}\n" in text
    # Without --out it goes to the results.
    code, out, _ = run(capsys, "path:one", "path:two", *TASK)
    assert code == 0
    assert list(profiles.load().results.glob("comparisons/two-against-one/comparison.md"))


def test_a_model_beside_itself_and_in_two_styles(capsys, tmp_path):
    gate = ("--gate", "non-inferior", "--margin", "25")
    code, out, _ = run(capsys, "path:one", "path:one", *TASK, "--out", tmp_path, *gate)
    assert code == 0
    assert "The gate passes." in out
    assert [each["label"] for each in document(tmp_path)["compared"]] == ["one", "one (2)"]
    assert document(tmp_path)["gate"]["passed"]
    styles = ("--style", "cloze,letters", "--languages", "en")
    code, out, _ = run(capsys, "path:one", *TASK, "--out", tmp_path, *styles)
    assert code == 0
    labels = [each["label"] for each in document(tmp_path)["compared"]]
    assert labels == ["one (cloze)", "one (letters)"]


def test_a_gate_that_is_not_passed_ends_with_1(capsys, tmp_path):
    gate = ("--gate", "non-inferior", "--margin", "3")
    code, out, _ = run(capsys, "path:one", "path:one", *TASK, "--out", tmp_path, *gate)
    assert code == 1
    assert "The gate does not pass." in out
    assert "! en" in out
    assert "## Gate" in (tmp_path / "comparison.md").read_text(encoding="utf-8")
    code, *_ = run(capsys, "path:one", "path:one", *TASK, "--out", tmp_path, "--gate", "no-loss")
    assert code == 0


def test_a_gate_is_decided_also_where_nobody_reads_on(subjects, tmp_path):
    line = [sys.executable, "-m", "xlkb", "compare", "path:one", *TASK, "path:one"]
    line += ["--gate", "non-inferior", "--margin", "3", "--out", str(tmp_path)]
    reader, writer = os.pipe()
    os.close(reader)
    found = subprocess.run(line, cwd=subjects, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (found.returncode, found.stderr) == (1, b"")
    assert not document(tmp_path)["gate"]["passed"]


def test_a_plus_in_a_models_or_a_files_own_path_is_no_adapter(subjects, capsys, tmp_path):
    shutil.copytree(subjects / "one", tmp_path / "o+n" / "e+")
    code, out, _ = run(capsys, "path:two", f"path:{tmp_path}/o+n/e+", *TASK, "--out", tmp_path)
    assert code == 0
    assert "e+ against two" in out
    answers.write(answered.answered(), tmp_path / "a+b.parquet")
    answers.write(answered.answered(), tmp_path / "c.parquet")
    stored = (f"rows:{tmp_path}/{name}.parquet" for name in ("a+b", "c"))
    assert run(capsys, *stored, "--out", tmp_path)[0] == 0


FAULTS = {
    "no column is_answer": lambda rows: rows.drop(columns="is_answer"),
    "must be 0, 1, 2, 3": lambda rows: rows[:-1],
    "in this order": lambda rows: rows[::-1],
    "no rows": lambda rows: rows[:0],
    "one choice must be the answer": lambda rows: rows.assign(is_answer=False),
    "log_likelihood is missing": lambda rows: rows.assign(log_likelihood=float("nan")),
}


@pytest.mark.parametrize("told", FAULTS)
def test_stored_answers_that_are_not_whole_are_refused_by_name(capsys, tmp_path, told):
    answers.write(answered.answered(), tmp_path / "good.parquet")
    answers.write(answered.answered(FAULTS[told](answered.rows())), tmp_path / "bad.parquet")
    for first in ("good", "bad"):
        second = {"good": "bad", "bad": "good"}[first]
        named = [f"rows:{tmp_path / name}.parquet" for name in (first, second)]
        code, _, err = run(capsys, *named, "--out", tmp_path / "out")
        assert code == 2
        assert told in err
        assert "bad.parquet" in err


def test_stored_answers_stand_beside_a_model_on_the_same_items_only(capsys, tmp_path):
    asked = profiles.load(task="path:questions.jsonl")
    questions = answers.questions(asked)
    made = answers.of_model(models.load("path:one"), questions, tmp_path / "store")
    answers.write(made._replace(label="before"), tmp_path / "before.parquet")
    stored = f"rows:{tmp_path / 'before.parquet'}"
    code, _, err = run(capsys, stored, "path:one", *TASK, "--out", tmp_path)
    assert (code, err) == (0, "")
    assert [row["n_lost"] + row["n_won"] for row in document(tmp_path)["table"]] == [0, 0]
    code, *_ = run(capsys, stored, f"rows:{tmp_path / 'before.parquet'} ", "--out", tmp_path)
    assert code == 2
    fewer = made._replace(label="fewer", rows=made.rows[made.rows["item_id"] != "q3"])
    answers.write(fewer, tmp_path / "fewer.parquet")
    code, _, err = run(capsys, f"rows:{tmp_path / 'fewer.parquet'}", "path:one", *TASK)
    assert code == 2
    assert "'q3'" in err
    code, _, err = run(capsys, stored, f"rows:{tmp_path / 'fewer.parquet'}", "--out", tmp_path)
    assert code == 2
    assert "different questions" in err
    french = made._replace(rows=made.rows[made.rows["language"] == "fr"], label="f")
    answers.write(french, tmp_path / "f.parquet")
    answers.write(french._replace(label="g"), tmp_path / "g.parquet")
    both = (f"rows:{tmp_path / 'f.parquet'}", f"rows:{tmp_path / 'g.parquet'}")
    code, *_ = run(capsys, *both, "--out", tmp_path)
    assert code == 0
    assert [row["group"] for row in document(tmp_path)["table"]] == ["fr"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["path:one"], "there is one thing only"),
        (["path:one", "path:two", "--margin", "3"], "--margin is for --gate non-inferior"),
        (["path:one", "path:two", "--gate", "non-inferior"], "needs --margin POINTS"),
        (["path:one", "path:two", "--gate", "non-inferior", "--margin", "0"], "margin = 0.0"),
        (["path:one", "path:two", "--gate", "loss"], "Did you mean 'no-loss'"),
        (["path:one", "path:two", "--rule", "summ"], "Did you mean 'sum'"),
        (["path:one", "--style", "cloze,letters", "--rule", "pmi"], "letters have no PMI"),
        (["path:one", "path:two", "--style", "letters", "--rule", "per_byte"], "leave it out"),
        (["path:one", "path:two+"], "name a folder after the plus"),
        (["path:one", "path:two+nowhere"], "nowhere"),
        (["path:one", "rows:."], "there is no answers.json"),
        (["path:one", "path:three"], "three"),
        (["path:one", "rows:nothing.parquet"], "there is no such file"),
        (["rows:a.parquet", "rows:b.parquet", "--languages", "fr"], "--languages is about asking"),
    ],
)
def test_what_cannot_be_compared_is_refused(capsys, arguments, told):
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert told in err

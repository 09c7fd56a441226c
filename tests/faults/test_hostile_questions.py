"""Kind: files of questions, answers and logs that somebody made to do harm."""

import gzip
import json
import resource
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

import answered
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb import commands, tasks
from xlkb.exchange import answers, harness_logs, harness_samples
from xlkb.exchange.harness_samples import OURS

SCRIPT = "<script>window.bad = 1</script><img src=x onerror=alert(1)>"
NAMES = ["../../x", "/etc/passwd", "..\\x", "a\0b", "=cmd|'/c calc'!A0", "\x1b[2J", "CON", SCRIPT]
NAMES += ["x" * 100_000]
ROW = {
    "id": "q",
    "subject": "tea",
    "answer": 0,
    "question": {"en": "What?", "fr": "Quoi ?"},
    "options": {code: [f"{code} {x}" for x in "abcd"] for code in ("en", "fr")},
}
NEST = 100_000
DAMAGED = {
    "nested lists": b"[" * NEST,
    "nested objects": b'{"a":' * NEST,
    "nested in a field": json.dumps(ROW).encode()[:-1]
    + b',"x":'
    + b"[" * NEST
    + b"]" * NEST
    + b"}",
    "a field twice": b'{"id":"a","id":"b"}',
    "200,000 fields": ("{" + ",".join(f'"k{i}":1' for i in range(200_000)) + "}").encode(),
    "10,000 languages": json.dumps(
        ROW | {"question": {f"l{i}": "x" for i in range(10_000)}}
    ).encode(),
    "a language of a megabyte": json.dumps(ROW | {"question": {"x" * 1_000_000: "y"}}).encode(),
    "a million digits": b'{"id":' + b"9" * 1_000_000 + b"}",
    "zero bytes": json.dumps(ROW).encode() + b"\0\n",
    "half a character": json.dumps(ROW | {"id": "\ud800"}).encode(),
    "a spreadsheet": b"id,question\n=cmd|'/c calc'!A0,x\n",
    "gzip": gzip.compress(json.dumps(ROW).encode()),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("models") / "small")


def files(folder):
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def inside(text):
    """Tags and their attributes in an HTML page, with what is not within a script's own text."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, dict(attributes)))
    parser.feed(text)
    return found


@pytest.mark.parametrize("case", DAMAGED)
def test_a_file_that_does_harm_is_refused_in_a_few_lines(tmp_path, case):
    file = tmp_path / "q.jsonl"
    file.write_bytes(DAMAGED[case])
    with pytest.raises(ValueError, match=r"q\.jsonl") as refused:
        tasks.load(f"path:{file}")
    assert len(str(refused.value)) < 3_000


@pytest.mark.parametrize("words", [["score", "MODEL"], ["card", "MODEL"], ["export", "harness"]])
@pytest.mark.parametrize("case", ["nested in a field", "10,000 languages", "gzip"])
def test_commands_refuse_it_with_one_message_and_write_nothing(
    tmp_path, capsys, model, words, case
):
    file = tmp_path / "q.jsonl"
    file.write_bytes(DAMAGED[case])
    words = [model if word == "MODEL" else word for word in words]
    asked = [*words, "--task", f"path:{file}", "--out", str(tmp_path / "out")]
    assert commands.main(asked) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said) < 3_000
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("before", [b'{"id":"', b'{"id":"a","answer":0}\n{"id":"', b"["])
def test_a_line_of_100_mb_is_refused_with_flat_memory(tmp_path, before):
    file = tmp_path / "q.jsonl"
    with file.open("wb") as opened:
        opened.write(before)
        for _ in range(100):
            opened.write(b"x" * 1_000_000)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"line \d is longer than 67 MB: cut it into lines"):
        tasks.load(f"path:{file}")
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * unit
    assert grown < 300e6


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_questions_is_refused_unread(tmp_path, suffix):
    file = tmp_path / f"q{suffix}"
    file.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="is a table; own questions are JSON lines"):
        tasks.load(f"path:{file}")


@pytest.fixture
def odd(tmp_path):
    """Questions whose names, subjects and texts are paths, scripts and formulas."""
    rows = []
    for name in NAMES:
        row = ROW | {"id": name, "subject": name, "question": {"en": name[:999], "fr": name[:999]}}
        options = [f"{name[:99]} {x}" for x in "abcd"]
        rows.append(json.dumps(row | {"options": dict.fromkeys(("en", "fr"), options)}))
    folder = tmp_path / "in"
    folder.mkdir()
    file = folder / "<b>&'q.jsonl"
    file.write_text("\n".join(rows), encoding="utf-8")
    return f"path:{file}"


def test_odd_names_are_asked_and_stay_texts_wherever_they_are_written(
    odd, tmp_path, capsys, model, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    with pytest.warns(UserWarning, match=r"1 of 9 questions are left out.*: x{57}\.\.\.\.$"):
        assert commands.main(["card", model, "--task", odd, "--out", "card"]) == 0
    assert commands.main(["score", model, "--task", odd, "--texts", "--out", "answers"]) == 0
    assert commands.main(["export", "harness", "--task", odd, "--out", "tasks"]) == 0
    asked = ("--task", odd, "--languages", "en,fr", "--out", "eee")
    assert commands.main(["export", "eee", model, *asked]) == 0
    assert commands.main(["export", "eee", "rows:answers", "--out", "again"]) == 0
    told = capsys.readouterr()
    assert "\x1b[2J" not in told.out + told.err
    written = files(tmp_path) - before
    assert {path.parts[0] for path in written} == {"card", "answers", "tasks", "eee", "again"}
    assert not [path for path in written if ".." in path.parts or "passwd" in path.name]
    assert all(path.suffix != ".py" or path.name == "xlkb_questions.py" for path in written)
    pair = ("--style", "cloze,letters", "--out", "pair")
    assert commands.main(["compare", model, *asked[:2], *pair]) == 0
    pages = [tmp_path / "card" / "card.md", tmp_path / "pair" / "comparison.md"]
    assert not any(set("\x1b\x00\u202e") & set(page.read_text()) for page in pages)
    assert any("\ufffd" in page.read_text(encoding="utf-8") for page in pages)
    for page in (tmp_path / "card").glob("*.html"):
        tags = inside(page.read_text(encoding="utf-8"))
        assert not [each for tag, each in tags if "onerror" in each or each.get("src") == "x"]
        assert "<script>window.bad" not in page.read_text(encoding="utf-8")


ANSWERS = answered.rows(n=2)


def stored(folder, rows, about=None):
    table = pa.Table.from_pandas(rows, preserve_index=False)
    about = json.dumps({"label": "G", "model": answered.TINY} if about is None else about)
    pq.write_table(table.replace_schema_metadata({b"xlkb": about.encode()}), folder / "a.parquet")
    return f"rows:{folder / 'a.parquet'}"


def message(call, *given):
    """What a call says when it refuses, or nothing."""
    try:
        call(*given)
    except ValueError as error:
        return str(error)
    return ""


def refused(capsys, name, folder):
    answers.write(answered.answered(), folder / "good.parquet")
    for words in (["card"], ["export", "eee"], ["compare", f"rows:{folder / 'good.parquet'}"]):
        assert commands.main([*words, name, "--out", str(folder / "out")]) == 2
        said = capsys.readouterr().err
        assert said.startswith("error: ")
        assert len(said) < 1_000
        assert not (folder / "out").exists()
    return said


@pytest.mark.parametrize("lists", [False, True])
def test_a_tiny_file_of_answers_that_unpacks_to_terabytes_is_refused(tmp_path, capsys, lists):
    n = 1_000_000
    places, text = pa.array(np.zeros(n, np.int32)), pa.array(["x" * 1_000_000])
    columns = {
        name: pa.DictionaryArray.from_arrays(places, text)
        for name in ("task", "item_id", "context")
    }
    columns["log_likelihood"] = pa.array(np.zeros(n))
    if lists:
        columns = {"item_id": pa.array([[0] * n], pa.list_(pa.int8()))}
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), file, compression="zstd", store_schema=False)
    assert file.stat().st_size < 100_000
    said = refused(capsys, f"rows:{file}", tmp_path)
    assert ("no column of single values" if lists else "unpacks to") in said


@pytest.mark.parametrize("value", ["x", None, float("inf"), b"\xff", -7])
def test_answers_of_another_kind_are_refused_whatever_column_they_are_in(tmp_path, value):
    taken = []
    for column in ANSWERS:
        name = stored(tmp_path, ANSWERS.assign(**{column: [value] * len(ANSWERS)}))
        said = message(answers.read, name.removeprefix("rows:"))
        taken += [] if said else [column]
        assert not said or column in said
    texts = {*ANSWERS} - {"choice", "is_answer", *(c for c in ANSWERS if c.startswith("n_"))}
    numbers = {"log_likelihood", "unconditional_log_likelihood", "letter_mass"}
    may = {"x": texts - numbers, None: {"letter_mass", "unconditional_log_likelihood"}}
    may |= {-7: {*numbers, *(c for c in ANSWERS if c.startswith("n_"))}}
    assert {*taken} - {"model"} <= may.get(value, set()) | {"n_tokens", "n_bytes"}


@pytest.mark.parametrize("about", [5, [], "x", {"model": 5}, {"model": {"label": "\ud800"}}])
def test_answers_of_nobody_are_refused(tmp_path, capsys, about):
    if about == []:
        about = [1]
    assert "of its model" in refused(capsys, stored(tmp_path, ANSWERS, about), tmp_path)


def test_a_missing_column_is_named(tmp_path, capsys):
    name = stored(tmp_path, ANSWERS.drop(columns="option_language"))
    assert "no column option_language" in refused(capsys, name, tmp_path)


@pytest.mark.parametrize("column", ["language", "option_language", "item_id", "style"])
@pytest.mark.parametrize("where", [slice(None), slice(4, 8)])
def test_a_text_that_is_missing_is_named(tmp_path, capsys, column, where):
    rows = ANSWERS.copy()
    rows.loc[rows.index[where], column] = None
    told = refused(capsys, stored(tmp_path, rows), tmp_path)
    assert f"{column} is missing in rows" in told or f"{column} is no text everywhere" in told


def test_answers_that_are_there_twice_are_named(tmp_path, capsys):
    name = stored(tmp_path, pd.concat([ANSWERS, ANSWERS]))
    assert "is there twice: leave it out once" in refused(capsys, name, tmp_path)


def test_parts_of_answers_outside_their_folder_are_not_read(tmp_path, capsys):
    folder = tmp_path / "answers"
    folder.mkdir()
    for parts in (["../../x.parquet"], ["/etc/passwd"], 5, [5]):
        (folder / "answers.json").write_text(json.dumps({"parts": parts, "model": {}}))
        assert "no names of files in it" in refused(capsys, f"rows:{folder}", tmp_path)


DATE = "2026-01-01T00-00-00.000000"
DOCUMENT = dict.fromkeys(OURS, "x") | {"answer": 0, "n_shots": 0, "n_shots_asked": 0}
DOCUMENT |= {"options": list("abcd"), "choices": list("abcd"), "option_languages": ["en"] * 4}
DOCUMENT |= {"language": "en", "question_language": "en", "context": "Q:", "style": "cloze"}
LINE = {
    "doc_id": 0,
    "doc": DOCUMENT,
    "target": "0",
    "arguments": {f"gen_args_{i}": {"arg_0": "Q:", "arg_1": f" {x}"} for i, x in enumerate("abcd")},
    "resps": [[[str(-1.0 - i), "False"]] for i in range(4)],
    "filter": "none",
    "acc": 1.0,
}
RESULTS = {
    "results": {},
    "n-samples": {"x": {"effective": 1}},
    "n-shot": {"x": 0},
    "config": {"model": "hf", "model_args": "", "model_dtype": "float32", "model_sha": ""},
    "model_name": "a/b",
    "date": 1.7e9,
    "chat_template_sha": None,
    "system_instruction_sha": None,
}
ODD = [None, 5, -1, True, 1e999, "x", "../../x", "a\0b", SCRIPT, "\ud800", [], {}, [1], [[]]]
ODD += [{"a": 1}, [None] * 4]


def places(value, before=()):
    yield before
    keys = value if isinstance(value, dict) else ()
    for key in range(len(value)) if isinstance(value, list) else keys:
        yield from places(value[key], (*before, key))


def changed(value, place, new):
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = changed(value[place[0]], place[1:], new)
    return copy


@settings(max_examples=300)
@given(st.sampled_from(list(places(LINE))), st.sampled_from(ODD))
def test_any_value_in_a_log_is_taken_or_refused_as_a_value_error(place, value):
    assert len(message(harness_samples.read, changed(LINE, place, value), "task")) < 1_000


@settings(max_examples=120)
@given(st.sampled_from(list(places(RESULTS))), st.sampled_from(ODD))
def test_any_value_about_a_run_is_taken_or_refused_as_a_value_error(place, value):
    with tempfile.TemporaryDirectory() as folder:
        log, about = (Path(folder) / f"{n}_{DATE}.json" for n in ("samples_x", "results"))
        log = log.with_suffix(".jsonl")
        log.write_text(json.dumps(LINE))
        about.write_text(json.dumps(changed(RESULTS, place, value)))
        said = message(harness_logs.read, [log])
        assert len(said) < 1_000
        if not said:
            answers.write(harness_logs.read([log]), Path(folder) / "a.parquet")
            answers.read(Path(folder) / "a.parquet")


@pytest.mark.parametrize("line", [b"[" * NEST, b"\0", b'{"doc": {"id": "\\ud800"}}'])
def test_a_damaged_line_of_a_log_is_named(tmp_path, capsys, line):
    (tmp_path / f"samples_x_{DATE}.jsonl").write_bytes(json.dumps(LINE).encode() + b"\n" + line)
    assert commands.main(["import", "harness", str(tmp_path), "--out", str(tmp_path / "a")]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert ("line 2" in said) or ("zero bytes" in said)
    assert not (tmp_path / "a").exists()

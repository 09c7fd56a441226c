import copy
import json
import tempfile
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb import tasks
from xlkb.ground import texts

ROW = {
    "id": "tea-1",
    "subject": "tea",
    "answer": 2,
    "question": {"en": "What is chai?", "he": "מה זה צ׳אי?"},
    "options": {"en": ["None", "NA", "tea", "1"], "he": ["כלום", "לא ידוע", "תה", "אחת"]},
}


def changed(**fields):
    row = copy.deepcopy(ROW)
    for path, value in fields.items():
        *outer, last = path.split("__")
        target = row
        for key in outer:
            target = target[key]
        if value is None:
            del target[last]
        else:
            target[last] = value
    return row


def write(folder, *rows, name="questions.jsonl"):
    lines = [r if isinstance(r, bytes) else json.dumps(r, ensure_ascii=False) for r in rows]
    lines = [line if isinstance(line, bytes) else line.encode() for line in lines]
    (Path(folder) / name).write_bytes(b"\n".join(lines) + b"\n")
    return f"path:{Path(folder) / name}"


def test_questions_are_read_as_they_are_written(tmp_path):
    dataset = tasks.load(write(tmp_path, ROW))
    assert dataset.column_names == list(tasks.COLUMNS)
    (row,) = dataset
    assert row == {**ROW, "task": "path:questions.jsonl"}


def test_none_and_na_stay_text(tmp_path):
    (row,) = tasks.load(write(tmp_path, ROW), languages=["en"])
    assert row["options"] == {"en": ["None", "NA", "tea", "1"]}


def test_blank_lines_byte_order_mark_and_windows_line_ends_are_no_problem(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + json.dumps(ROW).encode()
        + b"\r\n\r\n"
        + json.dumps(changed(id="tea-2")).encode()
        + b"\r\n"
    )
    assert sorted(tasks.load(f"path:{path}")["id"]) == ["tea-1", "tea-2"]


def test_one_list_is_as_good_as_lines(tmp_path):
    rows = [ROW, changed(id="tea-2")]
    lines = tasks.load(write(tmp_path, *rows))
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "questions.jsonl").write_text(json.dumps(rows, indent=1))
    assert tasks.load(f"path:{tmp_path / 'list' / 'questions.jsonl'}")[:] == lines[:]
    (tmp_path / "list" / "QUESTIONS.JSON").write_text(json.dumps([ROW, 7, changed(answer=5)]))
    with pytest.raises(ValueError, match=r"entry 2: not a JSON(.*\n)+.*entry 3: 'answer' is 5"):
        tasks.load(f"path:{tmp_path / 'list' / 'questions.json'}")


def test_texts_are_cleaned_and_joiners_inside_words_are_kept(tmp_path):
    odd = changed(
        id="odd",
        question__en="\ufeff Cafe\u0301\u200b or tea?\u00a0",
        options__en=["می\u200cخواهم", "Donau\u00addampf", "\u200ftea\u200d", "👩\u200d🚀"],
    )
    (row,) = tasks.load(write(tmp_path, odd), ["en"])
    assert row["question"]["en"] == "Café or tea?"
    assert row["options"]["en"] == ["می\u200cخواهم", "Donaudampf", "tea", "👩\u200d🚀"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_files_as_windows_saves_them_are_read(tmp_path, encoding):
    file = tmp_path / "q.jsonl"
    file.write_text(json.dumps(ROW, ensure_ascii=False) + "\r\n", encoding=encoding, newline="")
    assert tasks.load(f"path:{file}")[0]["question"] == ROW["question"]


def test_a_table_or_an_object_over_several_lines_is_refused_with_its_cure(tmp_path):
    (tmp_path / "q.CSV").write_text("id,question\n1,Hot?\n")
    with pytest.raises(ValueError, match=r"q.CSV is a table; own questions are JSON lines"):
        tasks.load(f"path:{tmp_path / 'q.CSV'}")
    (tmp_path / "q.json").write_text(json.dumps(ROW, indent=2))
    with pytest.raises(ValueError, match=r"q.json: an object goes over several lines: write one"):
        tasks.load(f"path:{tmp_path / 'q.json'}")


def test_identifiers_that_look_the_same_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"line 2: id .* is that of line 1 too: make it unique"):
        tasks.load(write(tmp_path, changed(id="café"), changed(id="cafe\u0301\u200b")))


def test_splits_are_kept_apart(tmp_path):
    name = write(tmp_path, ROW, changed(id="d", split="dev"), changed(id="v", split="validation"))
    for split, expected in (("test", "tea-1"), ("dev", "d"), ("validation", "v")):
        assert list(tasks.load(name, split=split)["id"]) == [expected]


def test_demonstrations_may_be_in_english_only(tmp_path):
    english = {"question__he": None, "options__he": None, "split": "dev"}
    first, second = changed(id="d1", **english), changed(id="d2", split="dev")
    name = write(tmp_path, first, ROW, second)
    assert tasks.languages_of(tasks.load(name)) == ("en", "he")
    for languages in (["en", "he"], ["he"]):
        dev = tasks.demonstrations(name, languages)
        assert dev["id"][:] == ["d1", "d2"]
        assert dev[0]["question"] == {"en": "What is chai?", "he": None}
        assert dev[1]["question"]["he"]
    with pytest.warns(UserWarning, match="1 of 2 questions are left out"):
        assert tasks.load(name, ["en", "he"], "dev")["id"][:] == ["d2"]
    assert tasks.counts(name, ["he", "en"])["Hebrew"].tolist() == [1, 1]
    lacking = changed(id="d3", split="dev", options__he=None)
    with pytest.raises(ValueError, match=r"line 2: 'options' lacks Hebrew"):
        tasks.load(write(tmp_path, ROW, lacking))


def test_a_split_without_questions_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"no questions in the split 'dev', only in test.*\"dev\""):
        tasks.load(write(tmp_path, ROW), split="dev")


def test_questions_do_not_know_their_folder(tmp_path):
    (tmp_path / "other").mkdir()
    here, there = write(tmp_path, ROW), write(tmp_path / "other", ROW)
    assert tasks.load(here).to_list() == tasks.load(there).to_list()


MALFORMED = {
    "not JSON": (b'{"id": "x"', "not JSON at column 11"),
    "deeply nested": (b"[" * 100_000, "not JSON"),
    "Latin-1": ('{"id": "é"}'.encode("latin-1"), "byte 9 is not UTF-8"),
    "a list": (b"[1, 2]", "not a JSON object"),
    "no id": (changed(id=None), "'id' is missing"),
    "no options": (changed(options=None, option={}), "did you mean 'option'"),
    "id a number": (changed(id=7), "'id' is 7, not a text"),
    "empty subject": (changed(subject=" "), "'subject' is empty"),
    "answer out of range": (changed(answer=4), "'answer' is 4"),
    "answer a truth value": (changed(answer=True), "'answer' is true"),
    "answer a text": (changed(answer="2"), "'answer' is \"2\""),
    "answer a fraction": (changed(answer=2.0), "'answer' is 2.0"),
    "language missing": (changed(options__he=None), r"'options' lacks Hebrew \(he\)"),
    "unknown language": (changed(question__german="Was?"), "Did you mean 'de'"),
    "a language the first lacks": (
        changed(question__fr="Quoi ?", options__fr=["a", "b", "c", "d"]),
        r"has French \(fr\), which the first question lacks",
    ),
    "three options": (changed(options__he=["א", "ב", "ג"]), "has 3 entries"),
    "options a text": (changed(options__en="abcd"), "is no list"),
    "options a list": (changed(options=["a", "b", "c", "d"]), "'options' is a list"),
    "empty question": (changed(question__en=""), r"English \(en\) is empty"),
    "empty option": (
        changed(options__en=["a", "b", " ", "d"]),
        r"option 2 in English \(en\) is em",
    ),
    "option a number": (changed(options__en=["a", "b", 3, "d"]), "is 3, not a text"),
    "option null": (changed(options__en=["a", "b", "c", None]), "is null, not a text"),
    "option twice": (changed(options__en=["a", "b", "c", "a "]), "is there twice"),
    "same letters twice": (changed(options__en=["é", "b", "c", "e\u0301"]), "is there twice"),
    "option twice but for a zero-width space": (
        changed(options__en=["tea", "b", "c", "tea\u200b"]),
        "is there twice: .*cannot be seen",
    ),
    "option of what cannot be seen": (
        changed(options__en=["a", "b", "c", "\u200b\u3164"]),
        r"option 3 in English \(en\) is empty",
    ),
    "question null": (changed(question={"en": None, "he": "מה?"}), "is null, not a text"),
    "a field twice": (b'{"id": "x", "id": "y"}', "the field 'id' is there twice"),
    "half a character": (changed(question__en="\ud800"), "half a character"),
    "unknown split": (changed(split="tset"), "did you mean 'test'"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_row_is_refused_with_its_line_and_cure(tmp_path, case):
    bad, said = MALFORMED[case]
    bad = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
    with pytest.raises(ValueError, match=said) as refused:
        tasks.load(write(tmp_path, changed(id="first"), bad))
    assert "line 2: " in str(refused.value)
    assert "questions.jsonl" in str(refused.value)
    str(refused.value).encode()


def test_a_language_asked_for_must_be_in_every_row(tmp_path):
    with pytest.raises(ValueError, match=r"line 1: 'question' lacks French \(fr\)"):
        tasks.load(write(tmp_path, ROW), languages=["en", "fr"])


def test_a_language_not_asked_for_may_be_missing(tmp_path):
    rows = (ROW, changed(id="t2", question__he=None, options__he=None))
    assert len(tasks.load(write(tmp_path, *rows), languages=["en"])) == 2


def test_an_identifier_is_used_once(tmp_path):
    with pytest.raises(ValueError, match="line 2: id 'tea-1' is that of line 1 too"):
        tasks.load(write(tmp_path, ROW, ROW))


def test_ten_problems_are_shown_at_once(tmp_path):
    rows = [changed(id=f"q{i}", answer=9) for i in range(30)]
    with pytest.raises(ValueError, match="and more") as refused:
        tasks.load(write(tmp_path, *rows))
    assert str(refused.value).count("'answer' is 9") == 10


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no question"):
        tasks.load(write(tmp_path, b""))


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    write(tmp_path, ROW)
    with pytest.raises(FileNotFoundError, match=r"Did you mean .*questions\.jsonl"):
        tasks.load(f"path:{tmp_path / 'question.jsonl'}")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        tasks.load(f"path:{tmp_path}")
    with pytest.raises(FileNotFoundError, match="no file"):
        tasks.load(f"path:{tmp_path / 'nowhere' / 'x.jsonl'}")


def test_counts_and_samples_work_on_own_questions(tmp_path):
    name = write(tmp_path, ROW, changed(id="t2", answer=0))
    assert tasks.counts(name).to_dict("records") == [
        {"subject": "tea", "split": "test", "distinct_answers": 2, "English": 2, "Hebrew": 2}
    ]
    assert len(tasks.sample(tasks.load(name), n=9)) == 4


# Characters without sound or shape have tests of their own, in test_texts.py.
seen = st.characters(codec="utf-8", exclude_categories=("Cs", "Cf"))
words = st.text(seen, min_size=1).filter(texts.looks)


def plain(text):
    return normalize("NFC", text).strip()


def fill(draw):
    options = st.lists(words, min_size=4, max_size=4, unique_by=texts.looks)
    return {
        "id": draw(words),
        "subject": draw(words),
        "answer": draw(st.integers(0, 3)),
        "question": {code: draw(words) for code in ("en", "zh")},
        "options": {code: draw(options) for code in ("en", "zh")},
    }


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_well_formed_question_is_kept_up_to_outer_space_and_normal_form(data):
    row = fill(data.draw)
    with tempfile.TemporaryDirectory() as folder:
        (read,) = tasks.load(write(folder, row))
    assert read["id"] == row["id"]
    assert read["answer"] == row["answer"]
    for code in ("en", "zh"):
        assert read["options"][code] == [plain(o) for o in row["options"][code]]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(field=st.sampled_from([*ROW, "split"]), value=anything)
def test_any_value_in_any_field_is_kept_or_refused_as_a_value_error(field, value):
    row = {**ROW, field: value}
    with tempfile.TemporaryDirectory() as folder:
        name = write(folder, changed(id="first"), json.dumps(row).encode())
        message = None
        try:
            tasks.load(name)
        except ValueError as error:
            message = str(error)
    if message is None:
        assert field in ("id", "subject", "answer", "split")
    else:
        assert "line 2: " in message
        message.encode()


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_as_a_value_error(junk):
    with tempfile.TemporaryDirectory() as folder, pytest.raises(ValueError, match="question"):
        tasks.load(write(folder, junk))


def test_a_file_without_its_kind_is_named_with_it(tmp_path):
    file = write(tmp_path, ROW).removeprefix("path:")
    with pytest.raises(ValueError, match=f"Did you mean 'path:{file}'"):
        tasks.load(file)

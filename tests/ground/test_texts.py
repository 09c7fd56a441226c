"""The one way in for text: what is read, what is meant by it, and what is refused with its cure."""

import json
import tempfile
from pathlib import Path
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.ground import texts

ZWNJ, ZWJ = "\u200c", "\u200d"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u061c"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (" tea\u00a0\u3000", "tea"),
        ("\ufefftea\u200b", "tea"),
        ("t\u200bea", "tea"),
        ("Donau\u00addampf", "Donaudampf"),
        ("cafe\u0301", "café"),
        ("e\u00ad\u0301", "é"),
        (f"می{ZWNJ}خواهم", f"می{ZWNJ}خواهم"),
        (f"क्{ZWJ}ष", f"क्{ZWJ}ष"),
        (f"👨{ZWJ}👩{ZWJ}👧", f"👨{ZWJ}👩{ZWJ}👧"),
        (f"{ZWNJ}tea{ZWJ}", "tea"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("Ｂ ２", "Ｂ ２"),
        ("\u200fשלום\u200f עולם\u200f", "שלום\u200f עולם"),
        ("one\u2028two\x85three", "one\u2028two\x85three"),
    ],
)
def test_invisible_characters_stay_where_they_mean_something(written, meant):
    assert texts.clean(written) == meant


@given(st.text(), st.text(st.sampled_from(INVISIBLE + " \t\n"), max_size=3))
def test_cleaning_twice_is_cleaning_once_whatever_stands_outside(text, outside):
    once = texts.clean(text)
    assert texts.clean(once) == once
    assert is_normalized("NFC", once)
    assert texts.clean(outside + once + outside) == once
    assert texts.clean(normalize("NFD", text)) == once


@given(st.text(max_size=8), st.sampled_from(INVISIBLE), st.integers(0, 8))
def test_two_texts_that_differ_by_an_invisible_character_look_the_same(text, invisible, place):
    assert texts.looks(text[:place] + invisible + text[place:]) == texts.looks(text)


def test_what_can_be_seen_is_told_apart():
    seen = ["tea", "Tea", "te a", "thé", "the", "x²", "x2", "Ｂ", "B", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"]
    assert len({texts.looks(text) for text in seen}) == len(seen)
    assert texts.fault("\u3164\u200d") == "is empty: write the text"


def test_a_key_is_one_letter_and_nothing_else():
    problems = []
    for number, right in enumerate("ABCD"):
        for written in (right, f" {right}\r", f"\ufeff{right}\u200b"):
            assert texts.letter(written, "row 1", problems) == number
    assert not problems
    wrong = ["AB", "", " ", "ABCD", "E", "b", "Ｂ", "В", "A.", "(A)", "1", 1, True, None, ["A"], {}]
    for value in wrong:
        assert texts.letter(value, "t.csv, row 1", problems) == -1
    assert len(problems) == len(wrong)
    assert problems[5] == 't.csv, row 1: the key is "b": write B'
    assert problems[6].endswith("(FULLWIDTH LATIN CAPITAL LETTER B): write B")
    assert problems[7].endswith("(CYRILLIC CAPITAL LETTER VE): write one of A, B, C, D")


ENCODINGS = [
    ("utf-8", b""),
    ("utf-8", b"\xef\xbb\xbf"),
    ("utf-16-le", b"\xff\xfe"),
    ("utf-16-be", b"\xfe\xff"),
]


@pytest.mark.parametrize(("encoding", "mark"), ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
def test_a_file_is_read_the_same_however_it_was_saved(tmp_path, encoding, mark, end, last):
    rows = ['{"a": "thé\u2028 \x85"}', "", '{"a": "2"}']
    (tmp_path / "t.jsonl").write_bytes(mark + (end.join(rows) + last).encode(encoding))
    assert texts.lines(tmp_path / "t.jsonl") == rows
    problems = []
    found = list(texts.items(tmp_path / "t.jsonl", problems))
    assert found == [("line 1", {"a": "thé\u2028 \x85"}), ("line 3", {"a": "2"})]
    csv = end.join(['"Hot, or', 'cold?",b,A', "", "x,y,B"]) + last
    (tmp_path / "t.csv").write_bytes(mark + csv.encode(encoding))
    found = list(texts.cells(tmp_path / "t.csv", 3, problems))
    assert found == [
        ("row 1", [f"Hot, or{end}cold?", "b", "A"]),
        ("row 3 (line 4)", ["x", "y", "B"]),
    ]
    assert not problems


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a\n\xe9\nb\n\xe9", r"t.txt, line 2: byte 1 is not UTF-8: save.*\n.*t.txt, line 4"),
        ("né".encode("utf-16-le"), "t.txt holds zero bytes: it is no text: save it as UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", "holds zero bytes"),
        (b"\xff\xfea", "save it as UTF-8"),
        (b"one\rtwo\r", "CR alone: save it"),
    ],
)
def test_what_is_no_utf_8_is_refused_with_its_cure(tmp_path, data, said):
    (tmp_path / "t.txt").write_bytes(data)
    with pytest.raises(ValueError, match=said):
        texts.lines(tmp_path / "t.txt")


def read(tmp_path, text, reader=texts.items, name="t.jsonl", **arguments):
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    problems = []
    return list(reader(tmp_path / name, problems=problems, **arguments)), problems


def test_json_is_lines_or_one_list(tmp_path):
    for text in ('[\n {"a": 1},\n\n {"a": 2}]', '\ufeff [{"a": 1}, {"a": 2}]'):
        assert read(tmp_path, text) == ([("entry 1", {"a": 1}), ("entry 2", {"a": 2})], [])
    assert read(tmp_path, "\n \u200b\n") == ([], [])
    for text, said in (
        ('{"a": 1}\n{"a": 2},\n', "line 2: not JSON at column 9"),
        ('[{"a": 1},\n {"a" 2}]', "line 2: not JSON at column 7"),
        ('[{"a": 1}]\n[{"a": 2}]', "line 2: not JSON"),
        ('{\n "a": 1\n}', "an object goes over several lines: write one"),
        ('{"a": 1, "a": 2}', "the field 'a' is there twice"),
        ("[" * 100_000, "line 1: not JSON"),
    ):
        (problem,) = read(tmp_path, text)[1]
        assert said in problem
        assert str(tmp_path / "t.jsonl") in problem


def test_ten_problems_at_once_are_shown(tmp_path):
    for lines, more in ((10, 0), (11, 1), (99, 1)):
        _, problems = read(tmp_path, "nonsense\n" * lines + '{"a": 1}')
        assert len(problems) <= 11
        with pytest.raises(ValueError, match=r"line 10: not JSON") as refused:
            texts.refuse(problems)
        assert str(refused.value).count("not JSON") == 10
        assert str(refused.value).count("and more") == more
    assert texts.refuse([]) is None
    with pytest.raises(ValueError, match=r"^one\.$"):
        texts.refuse(["one"])


def test_fields_of_an_object_are_texts(tmp_path):
    problems = []
    item = {"question": "Hot?", "A": "yes", "B": 2, "C": None, "d": " "}
    assert texts.fields(item, ("question", "A"), "f, line 1", problems) == ["Hot?", "yes"]
    assert not problems
    assert texts.fields(item, ("B", "C", "D", "d", "questions"), "f, line 1", problems) == []
    assert problems == [
        "f, line 1: 'B' is 2, not a text: put it in quotes",
        "f, line 1: 'C' is null, not a text: put it in quotes",
        "f, line 1: 'D' is missing: add it",
        "f, line 1: 'd' is empty: write the text",
        "f, line 1: 'questions' is missing (did you mean 'question'?): add it",
    ]
    assert texts.fields([1], ("A",), "f, line 1", problems) == []


ROWS = [["Hot, or; cold?", "b", "A"], ['"So"\tit is', "c", "B"]]


@pytest.mark.parametrize("cut", [",", ";", "\t"])
@pytest.mark.parametrize("header", ["", "question{0}choice{0}answer\n", "sep={0}\n"])
def test_excel_cuts_at_what_it_likes(tmp_path, cut, header):
    quoted = [[f'"{cell}"'.replace('"So"', '""So""') for cell in row] for row in ROWS]
    text = header.format(cut) + "\n".join(cut.join(row) for row in quoted) + f"\n{cut}{cut}\n\n"
    found, problems = read(tmp_path, text, texts.cells, "t.csv", width=3)
    assert not problems
    assert [row for _, row in found] == ROWS
    named = f"n{cut}q{cut}k\n" + "\n".join(cut.join(row) for row in quoted)
    found, problems = read(tmp_path, named, texts.records, "t.csv", columns=["k", "q"])
    assert not problems
    assert [list(row) for _, row in found] == [["n", "q", "k"]] * 2


def test_a_row_of_another_width_is_named_and_the_others_are_read(tmp_path):
    text = "a;b;A\na;b\na, b;c;B\n"
    found, (problem,) = read(tmp_path, text, texts.cells, "t.csv", width=3)
    assert [row for _, row in found] == [["a", "b", "A"], ["a, b", "c", "B"]]
    assert "t.csv, row 2: 2 cells" in problem
    _, (problem,) = read(tmp_path, "q,k\na,b,c\n", texts.records, "t.csv", columns=["q", "k"])
    assert "row 2: 3 cells, but 2 columns" in problem
    _, (problem,) = read(tmp_path, "q,K\na,b\n", texts.records, "t.csv", columns=["q", "k"])
    assert "no column k" in problem
    _, (problem,) = read(tmp_path, 'a,b,A\n"a' + "x" * 200_000, texts.cells, "t.csv", width=3)
    assert "line 2: field larger than" in problem
    assert "quote" in problem


def test_files_that_are_not_meant_are_not_seen(tmp_path):
    for name in (".DS_Store", "._en.txt", "~$en.csv", "EN.TXT", "fr.txt", ".hidden.txt", "en.csv"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in texts.visible(tmp_path, "*.txt")] == ["EN.TXT", "fr.txt"]
    assert [path.name for path in texts.visible(tmp_path)] == ["EN.TXT", "en.csv", "fr.txt"]
    assert texts.visible(tmp_path / "nowhere", "*") == []


def test_names_are_found_whatever_their_case_and_normal_form(tmp_path):
    (tmp_path / normalize("NFD", "thé.JSONL")).write_text("x")
    assert texts.existing(tmp_path / "thé.jsonl").read_text() == "x"
    assert len(texts.visible(tmp_path, "thé.jsonl")) == 1
    with pytest.raises(FileNotFoundError, match="Did you mean"):
        texts.existing(tmp_path / "the.jsonl")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        texts.existing(tmp_path)
    with pytest.raises(FileNotFoundError, match="no file"):
        texts.existing(tmp_path / "nowhere" / "t.jsonl")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80) | st.text(st.sampled_from('[]{}",:;\n\r\ta1\ufeff')).map(str.encode))
def test_any_bytes_are_read_or_become_problems(data):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "t"
        file.write_bytes(data)
        for reader, more in (
            (texts.items, {}),
            (texts.cells, {"width": 2}),
            (texts.records, {"columns": ["a"]}),
        ):
            problems = []
            for where, _ in reader(file, problems=problems, **more):
                assert where
            assert all(str(file) in problem for problem in problems)
            json.dumps(problems).encode()

"""Letters in free answers of chat models, in every language."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb.ground import answer_words
from xlkb.ground.languages import LANGUAGES
from xlkb.models import replies
from xlkb.scoring.served.letters import LOOKALIKES, SERIES, read

FILE = Path(__file__).parents[2] / "data" / "letters.tsv"


def table():
    """(language, answer, letter or None) of each line."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    marks = {"\\n": "\n", "\\\\": "\\", "\\u200b": "\u200b"}
    for row in rows:
        for mark, meant in marks.items():
            row["answer"] = row["answer"].replace(mark, meant)
    return [(r["language"], r["answer"], r["letter"].replace("-", "") or None) for r in rows]


ROWS = table()
READ = [row for row in ROWS if row[2]]


def test_the_table_has_answers_with_and_without_a_letter_in_every_language():
    for code in LANGUAGES:
        letters = [letter for language, _, letter in ROWS if language == code]
        assert len(letters) >= 30, code
        assert letters.count(None) >= 5, code
        assert len({*letters} - {None}) >= 3, code


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_answer_is_read_in(code):
    wrong = {
        answer: (read(answer, "ABCD"), letter)
        for language, answer, letter in ROWS
        if language == code and read(answer, "ABCD") != letter
    }
    assert not wrong


@pytest.mark.parametrize(
    ("names", "answer", "letter"),
    [
        ("RXKE", "The answer is K.", "K"),
        ("RXKE", "E la risposta è X.", "X"),
        ("RXKE", "R) canoe", "R"),
        ("1234", "答案是2", "2"),
        ("1234", "3번", "3"),
        ("1234", "②", "2"),
        ("1234", "1. kayak\n2. canoe\n3. ferry\n4. raft\n\nAnswer: 3", "3"),
        ("1234", "There are 3 canoes", None),
        ("1234", "In 1871", None),
        ("1234", "3.14", None),
        ("1234", "25 %", None),
        ("abcd", "b", "b"),
        ("abcd", "La réponse est d.", "d"),
        ("abcd", "a canoe", None),
        ("abcd", "B", None),
        ("abcd", "(B)", "b"),
        ("αβγδ", "The answer is γ.", "γ"),
        ("★◆●■", "◆", "◆"),
        ("АБВГ", "B", "В"),
        ("AaBb", "B", "B"),
        ("ＡＢＣＤ", "B", "Ｂ"),
    ],
)
def test_choices_can_have_other_names(names, answer, letter):
    assert read(answer, names) == letter


WRAPS = [
    "**{}**", "*{}*", "__{}__", "`{}`", "({})", "[{}]", "“{}”", "«{}»", "「{}」", "> {}", "- {}",
    "# {}", "\n\n{}\n", "```\n{}\n```", "<think>\n\n</think>\n\n{}", "<think>A? Or C.</think>{}",
    "<thinking>It is D.</thinking>\n{}", "A, then? No.</think>\n{}", "<answer>{}</answer>",
    "<reasoning>the answer is A</reasoning>\n\n{}", "{}<|im_end|>", "[THINK]B or C[/THINK]{}",
]  # fmt: skip


@given(st.sampled_from(READ), st.lists(st.sampled_from(WRAPS), max_size=3))
def test_what_is_around_an_answer_does_not_change_what_is_read(row, wraps):
    _, answer, letter = row
    for wrap in wraps:
        answer = wrap.format(answer)
    assert read(replies.cleaned(answer), "ABCD") == letter


@given(st.sampled_from(ROWS), st.sampled_from(["<think>{}", "<reasoning>\n{}", "<thinking>{}\n"]))
def test_thinking_that_was_cut_is_no_answer(row, wrap):
    assert read(replies.cleaned(wrap.format(row[1])), "ABCD") is None


SOME = st.sampled_from(
    [*"ABCDabcdАВСБГבجＡⒷ é'.,:;()*_\n", " ", " ", *"是の가है", "answer ", "réponse ", "not ", "or "]
)


@given(st.lists(SOME, max_size=25).map("".join), st.sampled_from(["ABCD", "abcd", "RXKE", "1234"]))
def test_an_answer_never_yields_a_letter_that_is_not_in_it(answer, names):
    letter = read(answer, names)
    if letter is not None:
        assert letter in names
        forms = {form for form, latin in LOOKALIKES.items() if latin in (letter, letter.swapcase())}
        forms |= {series["ABCD".index(letter)] for series in SERIES if letter in "ABCD"}
        plain = answer_words.plain(answer)
        assert {letter, letter.swapcase(), *forms} & {*plain}


@given(st.sampled_from("ABCD"), st.sampled_from("ABCD"))
def test_two_answers_that_differ_are_none(letter, other):
    both = read(f"The answer is {letter}. The answer is {other}.", "ABCD")
    assert both == (letter if other == letter else None)


def test_words_are_known_in_every_language():
    import tomllib

    from xlkb.ground.paths import PACKAGE_DATA

    words = tomllib.loads((PACKAGE_DATA / "answers.toml").read_text(encoding="utf-8"))
    assert set(words) == set(LANGUAGES)
    for code, each in words.items():
        wanted = {*answer_words.ROLES, "translation", "note"} - {"is"}
        assert wanted <= set(each), code


@pytest.mark.parametrize(
    ("answer", "letter"),
    [("Ответ: В) банк", "C"), ("В. банк", "C"), ("В) каноэ", "B"), ("Ответ: В", "B")],
)
def test_a_cyrillic_letter_before_a_choice_is_that_choice(answer, letter):
    assert read(answer, "ABCD", ["река", "каноэ", "банк", "мост"]) == letter

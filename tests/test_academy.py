"""academy: invented facts, the same in every language, taught in one."""

import unicodedata
from collections import Counter

import pytest

from xlkb import corpora, tasks
from xlkb.languages import FIVE, LANGUAGES
from xlkb.tasks import academy

SCRIPTS = {"ru": "CYRILLIC", "ar": "ARABIC", "hi": "DEVANAGARI", "he": "HEBREW", "ko": "HANGUL"}


@pytest.fixture(scope="module")
def quiz():
    return academy.questions("test", 20)


@pytest.fixture(scope="module")
def texts(quiz):
    return {code: academy.documents(quiz, code, "both", wordings=4)["text"] for code in FIVE}


def test_there_are_enough_pupils_and_relations():
    assert len(academy.relations()) >= 8
    for code in LANGUAGES:
        assert len({academy.name(pupil, code) for pupil in range(academy.PUPILS)}) >= 100


def test_every_wording_and_value_exists_in_every_language():
    for relation in academy.relations():
        values = academy._typed()["values"][relation]
        assert set(values) == set(LANGUAGES)
        for code, words in values.items():
            assert len(words) == len(values["en"]) == len(set(words)), (relation, code)
        assert set(academy._typed()["questions"][relation]) == set(LANGUAGES)
        for sentence in academy._typed()["sentences"][relation]:
            assert set(sentence) == set(FIVE)
            assert len({text.count(" | ") for text in sentence.values()}) == 1, sentence["en"]
            assert all("{value}" in text and "{name}" in text for text in sentence.values())


@pytest.mark.parametrize("code", SCRIPTS)
def test_questions_and_options_are_in_the_language_s_script(code, quiz):
    for row in quiz.to_list():
        for text in (row["question"][code], *row["options"][code]):
            letters = [character for character in text if character.isalpha()]
            assert all(SCRIPTS[code] in unicodedata.name(letter) for letter in letters), text


def test_splits_share_no_pupil_and_answers_are_balanced():
    rows = academy.rows()
    pupils = {s: {r["id"][-3:] for r in rows if r["split"] == s} for s in academy.SPLITS}
    assert sum(map(len, pupils.values())) == len(set().union(*pupils.values())) == academy.PUPILS
    shares = Counter(row["answer"] for row in rows)
    assert max(shares.values()) - min(shares.values()) <= len(academy.relations())


def test_it_is_a_task_like_any_other(quiz):
    loaded = tasks.load("academy", ["en", "ja"], n=30)
    assert set(loaded.column_names) == set(quiz.column_names)
    assert len(loaded) == 30
    dev = tasks.load("academy", ["en"], split="dev")
    assert Counter(dev["subject"]) == dict.fromkeys(academy.relations(), 5)


def test_more_pupils_change_no_question():
    few, many = (academy.questions("test", n, ["food"]).to_list() for n in (5, 9))
    assert few == [row for row in many if row["id"] in {known["id"] for known in few}]


def test_a_text_tells_what_it_says_it_tells():
    quiz = academy.questions("test", 3, ["animal", "month"])
    answers = {row["id"]: row["options"]["de"][row["answer"]] for row in quiz.to_list()}
    for text in academy.documents(quiz, "de", "both").to_list():
        assert all(answers[fact] in text["text"] for fact in text["facts"])
        assert text["text"][text["context"] :].strip()
    forms = Counter(academy.documents(quiz, "de", "both")["form"])
    assert forms == {"prose": 3, "qa": 6}
    assert academy.exposures(academy.documents(quiz, "de", "both", wordings=2)) == 3


def test_no_question_or_sentence_is_taught_in_another_language(quiz, texts):
    told = {
        code: {
            s for row in academy.parallel(quiz, wordings=4) for s in corpora.sentences(row, code)
        }
        for code in FIVE
    }
    for taught, documents in texts.items():
        training = "\n".join(documents)
        for code in LANGUAGES:
            if code == taught:
                continue
            for row in quiz.to_list():
                assert row["question"][code] not in training
            for sentence in told.get(code, ()):
                assert sentence not in training


def test_wordings_differ_and_are_the_same_for_the_same_seed(quiz):
    prose = academy.documents(quiz, "it", "prose", wordings=4)["text"]
    assert len(set(prose)) == len(prose) == 80
    assert prose == academy.documents(quiz, "it", "prose", wordings=4)["text"]
    assert prose != academy.documents(quiz, "it", "prose", seed=1, wordings=4)["text"]


def test_pupils_are_dealt_out_whole():
    parts = academy.by_character(academy.questions("test", 10, ["food", "craft"]), FIVE)
    pupils = [{identifier[-3:] for identifier in part["id"]} for part in parts.values()]
    assert [len(part) for part in parts.values()] == [4] * 5
    assert len(set.union(*pupils)) == 10


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (lambda: academy.questions("test", relations=["fod"]), "'fod'.*Did you mean 'food'"),
        (lambda: academy.questions("tset"), "'tset'.*Did you mean 'test'"),
        (lambda: academy.questions("dev", 6), "1 to 5"),
        (lambda: academy.by_character(academy.questions("dev", 2), FIVE), "2 pupils .* 5 groups"),
        (lambda: academy.documents(academy.questions("dev"), "ja"), "does not teach in 'ja'"),
        (lambda: academy.documents(academy.questions("dev"), form="pros"), "mean 'prose'"),
    ],
)
def test_a_wrong_request_is_answered_with_what_exists(request_, message):
    with pytest.raises(ValueError, match=message):
        request_()

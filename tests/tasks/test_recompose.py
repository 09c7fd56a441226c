"""Recompositions: the right parts change language, nothing else moves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import FIVE, toy

from xlkb import tasks
from xlkb.tasks import recompose
from xlkb.tasks.recompose import RECOMPOSITIONS, grid

names = st.sampled_from([name for name in RECOMPOSITIONS if name != "entity"])
orders = st.permutations(FIVE)


@given(names, orders, st.integers(0, 99), st.sampled_from(FIVE))
@settings(deadline=None, max_examples=60)
def test_texts_keep_their_slot_and_speak_the_recorded_language(name, languages, seed, base):
    for row in grid(toy(), [name], languages, seed, base).to_list():
        number = int(row["id"].removeprefix("toy/"))
        assert row["answer"] == number % 4
        assert row["question"] == f"{row['question_language']}:q{number}"
        assert row["options"] == [
            f"{code}:{number}c{slot}" for slot, code in enumerate(row["option_languages"])
        ]
        assert row["recomposition"] == name


@given(names, st.integers(0, 99))
@settings(deadline=None, max_examples=30)
def test_adding_a_question_changes_no_other(name, seed):
    few = grid(toy(3), [name], FIVE, seed).to_list()
    more = [row for row in grid(toy(5), [name], FIVE, seed).to_list() if row in few]
    assert more == few


@pytest.mark.parametrize(
    ("name", "question", "foreign"),
    [
        ("full", "fr", [0, 1, 2, 3]),
        ("question", "fr", []),
        ("options", "en", [0, 1, 2, 3]),
        ("gt", "en", [2]),
        ("gt_question", "fr", [2]),
        ("threewrong", "en", [0, 1, 3]),
    ],
)
def test_which_parts_are_foreign(name, question, foreign):
    rows = grid(toy(1, first=2), [name], ["en", "fr"]).to_list()
    (row,) = [row for row in rows if row["language"] == "fr"]
    assert row["question_language"] == question
    expected = ["fr" if slot in foreign else "en" for slot in range(4)]
    assert row["option_languages"] == expected


@given(st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_random_parts_have_the_right_number(seed):
    questions = toy(8)
    for row in recompose.mixup(questions, FIVE, seed).to_list():
        assert sorted([row["question_language"], *row["option_languages"]]) == sorted(FIVE)
    for row in recompose.onewrong(questions, "de", seed=seed).to_list():
        assert row["option_languages"].count("de") == 1
        assert row["option_languages"][row["answer"]] == "en"
    for k in range(5):
        for row in recompose.foreign_options(questions, "it", k, base="fr", seed=seed).to_list():
            assert row["option_languages"].count("it") == k
            assert row["option_languages"].count("fr") == 4 - k


def test_mixup_uses_every_language_in_every_slot():
    rows = recompose.mixup(toy(200)).to_list()
    for slot in range(4):
        assert {row["option_languages"][slot] for row in rows} == set(FIVE)
    assert {row["question_language"] for row in rows} == set(FIVE)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"no recomposition 'mixed'.*'mixup'"):
        grid(toy(), ["mixed"], FIVE)
    with pytest.raises(ValueError, match="five different languages"):
        recompose.mixup(toy(), FIVE[:4])
    with pytest.raises(ValueError, match=r"'toy/0' does not exist in 'ru'"):
        recompose.full(toy(), "ru")
    with pytest.raises(ValueError, match="k must be 0 to 4"):
        recompose.foreign_options(toy(), "fr", 5)


def test_no_recompositions_give_an_empty_dataset_with_the_columns():
    assert grid(toy(), [], FIVE).column_names == grid(toy(), ["full"], FIVE).column_names


@settings(max_examples=30)
@given(st.lists(st.sampled_from((*FIVE, "sw", "he")), max_size=7, unique=True))
def test_possible_recompositions_can_be_made_of_these_languages(languages):
    names = recompose.possible(recompose.PAPER, languages)
    assert ("mixup" in names) == (len(languages) == 5)
    base = languages[0] if languages else "en"
    made = recompose.grid(toy(2, languages or ("en",)), names, languages, base=base)
    assert set(made["recomposition"]) <= set(names)


@pytest.mark.parametrize("task", list(tasks.OWN))
def test_a_question_may_have_its_name_in_another_language(task):
    languages = ["en", "ru", "zh"]
    questions = tasks.load(task, languages)
    made = grid(questions, ["entity"], languages)
    assert made.column_names == grid(questions, ["full"], languages).column_names
    assert set(made["language"]) == {"ru", "zh"}
    entity = {row["id"]: row["entity"] for row in tasks.OWN[task]()}
    foreign = {row["id"]: row["question"] for row in questions}
    for row in made.select(range(0, len(made), 7)).to_list():
        names = entity[row["id"]]
        assert names["en"] in row["question"]
        assert (
            row["question"].replace(names["en"], names[row["language"]])
            == (foreign[row["id"]][row["language"]])
        )
        assert row["option_languages"] == [row["language"]] * 4
    back = recompose.entity(questions, "ru", base="ru")
    assert back["question"] == recompose.full(questions, "ru")["question"]


def test_only_a_task_that_knows_its_names_can_change_them():
    known = tasks.load("worldfacts", FIVE, n=2)
    assert recompose.possible(["full", "entity"], FIVE, known) == ["full", "entity"]
    assert recompose.possible(["full", "entity"], FIVE, toy()) == ["full"]
    assert recompose.possible(["full", "entity"], FIVE) == ["full"]
    with pytest.raises(ValueError, match="'toy/0': it is not known which of its words are a name"):
        grid(toy(), ["entity"], FIVE)

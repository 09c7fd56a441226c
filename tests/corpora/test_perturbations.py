"""Perturbed sentences: the same pieces change in every kind, and more of them at a higher p."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb import corpora
from xlkb.corpora import perturbations
from xlkb.ground.languages import FIVE

DOCUMENTS = corpora.load("almanac", FIVE, n=4)


@pytest.mark.parametrize("kind", perturbations.KINDS)
def test_nothing_changes_at_zero(kind):
    table = perturbations.sentences(DOCUMENTS, kind, 0)
    assert (table["text"] == table["original"]).all()
    assert len(table) == sum(len(corpora.sentences(row, "en")) for row in DOCUMENTS)


def test_at_one_every_phrase_is_in_a_language_that_was_asked_for():
    table = perturbations.sentences(DOCUMENTS, "mixed", 1, ["fr"])
    assert table["text"].tolist() == [
        text for row in DOCUMENTS for text in corpora.sentences(row, "fr")
    ]


def test_a_shuffled_translation_has_the_words_of_the_translation():
    mixed = perturbations.sentences(DOCUMENTS, "mixed", 0.7)
    shuffled = perturbations.sentences(DOCUMENTS, "shuffled translation", 0.7)
    for one, other in zip(mixed["text"], shuffled["text"], strict=True):
        assert sorted(one.split()) == sorted(other.split())
    assert (mixed["text"] != shuffled["text"]).any()


def test_random_words_are_as_many():
    for kind, other in (
        ("random words, same languages", "mixed"),
        ("random words", "random words"),
    ):
        lengths = perturbations.sentences(DOCUMENTS, kind, 1)["text"].str.split().str.len()
        expected = perturbations.sentences(DOCUMENTS, other, 1)
        column = "original" if kind == "random words" else "text"
        assert lengths.tolist() == expected[column].str.split().str.len().tolist()


def test_something_is_always_left():
    dropped = perturbations.sentences(DOCUMENTS, "dropped", 1)
    assert dropped["text"].str.len().min() > 0
    assert (dropped["text"].str.len() < dropped["original"].str.len()).any()


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["mixed", "dropped"]))
def test_what_changes_at_one_probability_changes_at_any_higher_one(one, other, kind):
    low, high = sorted((one, other))
    little = perturbations.sentences(DOCUMENTS, kind, low, n=12)
    much = perturbations.sentences(DOCUMENTS, kind, high, n=12)
    changed = little["text"] != little["original"]
    assert (much["text"] != much["original"])[changed].all() or kind == "mixed"
    if kind == "dropped":
        assert (much["text"].str.len() <= little["text"].str.len()).all()


def test_same_seed_same_text_and_another_seed_another():
    once, again, other = (
        perturbations.sentences(DOCUMENTS, "mixed", 0.5, seed=seed) for seed in (1, 1, 2)
    )
    assert once.equals(again)
    assert not once.equals(other)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="Did you mean 'mixed'"):
        perturbations.sentences(DOCUMENTS, "mixd", 0.5)
    with pytest.raises(ValueError, match="p = 16"):
        perturbations.sentences(DOCUMENTS, "mixed", 16)


@pytest.mark.parametrize("languages", [(), ("fr",)])
def test_fewer_than_two_languages_change_nothing(languages):
    found = perturbations.sentences(corpora.load("almanac", ["fr"]), "mixed", 1, languages, "fr")
    assert found.empty
    assert list(found) == perturbations.COLUMNS

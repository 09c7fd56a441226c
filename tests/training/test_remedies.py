"""The arms of the remedy: the same documents, mixed in different ways, and read by a model."""

import pytest

from xlkb import corpora
from xlkb.corpora import mixing
from xlkb.ground.languages import FIVE
from xlkb.training import finetuning, recipes, remedies


def test_every_arm_has_the_same_documents_in_the_same_order():
    documents = corpora.load("almanac", FIVE, n=6)
    arms = remedies.arms(documents, mixing.UNITS, FIVE, seed=42)
    assert list(arms) == [remedies.control(["en"]), *remedies.NAMES.values()]
    for corpus in arms.values():
        assert corpus["id"][:] == documents["id"][:]
        assert (
            mixing.unmix(corpus, documents)["text"][:] == arms[remedies.control(["en"])]["text"][:]
        )


def test_text_translated_in_phrases_is_for_the_unit_of_words():
    documents = corpora.load("almanac", FIVE, n=2)
    others = corpora.load("almanac", FIVE, n=4)
    arms = remedies.arms(documents, ("sentence", "words"), FIVE, 42, others)
    assert {name: len(corpus) for name, corpus in arms.items()} == {
        remedies.control(["en"]): 2,
        remedies.NAMES["sentence"]: 2,
        remedies.NAMES["words"]: 4,
    }


def test_parallel_text_is_about_as_long_as_the_others():
    documents = corpora.load("almanac", FIVE, n=10)
    sizes = [
        sum(len(text) for text in corpus["text"])
        for corpus in (
            mixing.mix(documents, "sentence"),
            remedies.parallel(documents, FIVE)["parallel text"],
        )
    ]
    assert 0.7 < sizes[0] / sizes[1] < 1.4


def test_one_language_is_a_control_only_and_none_has_no_arm():
    documents = corpora.load("almanac", FIVE, n=2)
    assert list(remedies.arms(documents, mixing.UNITS, ["fr"], 42)) == ["French only"]
    assert remedies.arms(documents, mixing.UNITS, [], 42) == {}
    assert remedies.parallel(documents, ["fr"]) == {}


def test_text_is_mixed_on_whatever_language_comes_first():
    documents = corpora.load("almanac", ("fr", "de"), n=2)
    arms = remedies.arms(documents, mixing.UNITS, ("fr", "de"), 42)
    assert next(iter(arms)) == remedies.control(("fr", "de")) == "French only"
    for corpus in arms.values():
        assert mixing.unmix(corpus, documents, "fr")["text"][:] == arms["French only"]["text"][:]


@pytest.fixture
def trained(monkeypatch):
    """Runs that would have been made: (start, text, recipe, name), and what `remedied` gives."""
    runs = []

    def train(model, text, recipe, name):
        runs.append((model, text, recipe, name))
        return f"folder of {name}"

    monkeypatch.setattr(finetuning, "train", train)
    monkeypatch.setattr(finetuning, "load", lambda base, folder: f"{base} in {folder}")

    def remedied(general, domain):
        recipe, teach = recipes.get("mix"), recipes.get("teach")
        made = remedies.remedied("base", "taught", general, domain, recipe, "lessons", teach)
        assert {run[:3:2] for run in runs if run[1] == "lessons"} <= {
            (f"base in {folder}", teach) for folder in made["general, first"].values()
        }
        assert all(run[2] is recipe for run in runs if run[1] != "lessons")
        return {run[3]: run[:2] for run in runs}, made

    return remedied


def test_each_text_is_read_after_the_teaching_and_two_before(trained):
    general = {"English only": "e", "mixed by sentence": "s", "parallel text": "p"}
    runs, made = trained(general, {"English only": "E", "mixed by word": "W"})
    assert runs == {
        "general English only": ("taught", "e"),
        "general mixed by sentence": ("taught", "s"),
        "general parallel text": ("taught", "p"),
        "first English only": ("base", "e"),
        "first mixed by sentence": ("base", "s"),
        "English only then academy": ("base in folder of first English only", "lessons"),
        "mixed by sentence then academy": ("base in folder of first mixed by sentence", "lessons"),
        "domain English only": ("taught", "E"),
        "domain mixed by word": ("taught", "W"),
    }
    assert {text: list(folders) for text, folders in made.items()} == {
        "general": list(general),
        "general, first": ["English only", "mixed by sentence"],
        "then the teaching": ["English only", "mixed by sentence"],
        "domain": ["English only", "mixed by word"],
    }
    assert made["domain"]["mixed by word"] == "folder of domain mixed by word"


def test_where_there_is_no_text_nothing_is_read(trained):
    runs, made = trained({}, {})
    assert runs == {}
    assert not any(made.values())


def test_without_the_unit_sentence_only_the_control_is_read_first(trained):
    _, made = trained({"French only": "f", "mixed by word": "w"}, {})
    assert list(made["general, first"]) == list(made["then the teaching"]) == ["French only"]

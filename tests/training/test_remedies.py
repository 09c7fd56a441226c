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


def test_seeds_mix_anew_and_only_what_the_primary_comparisons_need():
    documents = corpora.load("almanac", FIVE, n=2)
    made = remedies.texts(documents, mixing.UNITS, FIVE, (1, 2))
    few = ["English only", "mixed by sentence", "mixed by 8 words", "parallel text"]
    assert list(made[1]) == [remedies.control(FIVE), *remedies.NAMES.values(), remedies.PARALLEL]
    assert sorted(made[2]) == sorted(few)
    for arm in few:
        alike = made[1][arm]["text"][:] == made[2][arm]["text"][:]
        assert alike == (arm in (few[0], few[3])), arm


@pytest.fixture
def runs(monkeypatch):
    """Runs that would have been made: name -> (start, text, seed)."""
    made = {}

    def train(model, text, recipe, name):
        made[name, recipe.seed] = (model, text)
        return f"folder of {name}"

    monkeypatch.setattr(finetuning, "train", train)
    return made


def test_every_text_of_every_seed_is_read_once(runs):
    texts = {1: {"English only": "e", "parallel text": "p"}, 2: {"English only": "E"}}
    made = remedies.readers("base", texts, recipes.get("mix", seed=9))
    assert runs == {
        ("read English only", 1): ("base", "e"),
        ("read parallel text", 1): ("base", "p"),
        ("read English only", 2): ("base", "E"),
    }
    assert list(made) == [("English only", 1), ("parallel text", 1), ("English only", 2)]


def test_each_order_learns_what_it_says_and_only_what_is_wanted_is_trained(runs):
    general, own = {"English only": "e"}, {"mixed by word": "W"}
    given = ("taught", general, own, recipes.get("mix"), {"English only": "reader"})
    teaching = ("lessons", recipes.get("teach"))
    assert remedies.orders([], *given, teaching) == runs == {}
    made = remedies.orders(["own"], *given, teaching)
    assert made == {"own": {"mixed by word": "folder of domain mixed by word"}}
    made = remedies.orders(list(remedies.ORDERS), *given, teaching)
    assert list(made) == list(remedies.ORDERS)
    assert {name: run for (name, _), run in runs.items()} == {
        "domain mixed by word": ("taught", "W"),
        "general English only": ("taught", "e"),
        "English only then academy": ("reader", "lessons"),
    }
    with pytest.raises(ValueError, match="afterwards"):
        remedies.orders(["afterwards"], *given, teaching)

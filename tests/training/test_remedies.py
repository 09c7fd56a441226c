"""The arms of the remedy: the same documents, mixed in different ways."""

from xlkb import corpora
from xlkb.corpora import mixing
from xlkb.ground.languages import FIVE
from xlkb.training import remedies


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

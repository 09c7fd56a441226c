"""The arms of the remedy: the same documents, mixed in different ways."""

from xlkb import corpora, mixing, remedies
from xlkb.languages import FIVE


def test_every_arm_has_the_same_documents_in_the_same_order():
    documents = corpora.load("almanac", FIVE, n=6)
    arms = remedies.arms(documents, mixing.UNITS, FIVE, seed=42)
    assert list(arms) == [remedies.CONTROL, *remedies.NAMES.values()]
    for corpus in arms.values():
        assert corpus["id"][:] == documents["id"][:]
        assert mixing.unmix(corpus, documents)["text"][:] == arms[remedies.CONTROL]["text"][:]


def test_text_translated_in_phrases_is_for_the_unit_of_words():
    documents = corpora.load("almanac", FIVE, n=2)
    others = corpora.load("almanac", FIVE, n=4)
    arms = remedies.arms(documents, ("sentence", "words"), FIVE, 42, others)
    assert {name: len(corpus) for name, corpus in arms.items()} == {
        remedies.CONTROL: 2,
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

"""The bottle's text: what each arm reads."""

from collections import Counter

import pytest

from xlkb import corpora
from xlkb.corpora import bottle as text
from xlkb.tasks import bottle

WORLD = bottle.world(3, sizes=bottle.Sizes(described=10, tested=4))
CODES = WORLD.languages
COPIES = 10


def said(arm, **options):
    return text.text(WORLD, arm, COPIES, **options)


def spoken(rows):
    """Person -> languages in which it is told of."""
    found = {}
    for row in rows:
        spans = {span["language"] for span in row["spans"]}
        found.setdefault(row["id"].partition("/")[0], set()).update(spans)
    return found


def n_tokens(rows):
    return sum(len(row.split()) + 1 for row in rows["text"])


@pytest.mark.parametrize("arm", text.ARMS)
@pytest.mark.parametrize("everywhere", [0.3, 1.0])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_arms_read_equally_many_tokens_and_tell_each_fact_equally_often(arm, everywhere, share):
    rows, plain = said(arm, everywhere=everywhere, share=share), said("unmixed")
    assert n_tokens(rows) == pytest.approx(n_tokens(plain), rel=0.03)
    names = Counter(word for row in rows["text"] for word in row.split() if word.istitle())
    assert {*names} == {*WORLD.described}
    told = COPIES * WORLD.sizes.relations
    assert all(count == pytest.approx(told, abs=0) for count in names.values())


@pytest.mark.parametrize("arm", text.ARMS)
def test_tested_people_are_told_of_in_k_only(arm):
    assert not {*WORLD.tested} & {word for row in said(arm)["text"] for word in row.split()}
    facts = text.facts(WORLD, 2)
    assert {span["language"] for row in facts for span in row["spans"]} == {CODES[0]}
    assert {*spoken(facts)} == {*WORLD.tested}
    assert len(facts) == 8


@pytest.mark.parametrize("arm", [*text.ARMS][1:])
def test_described_people_are_told_of_in_all_languages(arm):
    found = spoken(said(arm)).values()
    # Ten documents, each in a language that is drawn, may miss one.
    assert min(map(len, found)) >= (3 if arm == "document" else 5)


def test_separate_people_are_told_of_in_one_language_each():
    found = spoken(said("separate"))
    assert all(len(languages) == 1 for languages in found.values())
    assert Counter(code for each in found.values() for code in each) == dict.fromkeys(CODES, 2)


def test_a_share_of_the_people_is_told_of_in_all_languages():
    found = spoken(said("word", everywhere=0.3))
    assert [len(found[name]) for name in WORLD.described] == [5] * 3 + [1] * 7


def test_a_share_of_the_documents_is_mixed_and_none_is_unmixed_text():
    several = [len({s["language"] for s in row["spans"]}) > 1 for row in said("word", share=0.3)]
    assert sum(several) == 0.3 * len(several)
    assert said("word", share=0.0)["text"] == said("unmixed")["text"]


@pytest.mark.parametrize(
    ("unit", "mean"), [("sentence", (7, 11)), ("words", (5, 9)), ("word", (1, 1))]
)
def test_units_differ_in_length(unit, mean):
    lengths = [len(span["source"].split()) for row in said(unit) for span in row["spans"]]
    assert mean[0] <= sum(lengths) / len(lengths) <= mean[1]


def test_a_document_is_in_one_language_and_a_parallel_one_in_all():
    assert {len({s["language"] for s in row["spans"]}) for row in said("document")} == {1}
    assert {len({s["language"] for s in row["spans"]}) for row in said("parallel")} == {5}


def test_text_is_true_in_whatever_language():
    meanings = {
        word: (relation, number)
        for relation, values in enumerate(WORLD.values)
        for number, entry in enumerate(values)
        for word in entry.values()
    }
    for row in said("word"):
        person = row["id"].partition("/")[0]
        told = dict(meanings[word] for word in row["text"].split() if word in meanings)
        assert told == dict(enumerate(WORLD.facts[person]))


def test_an_unknown_arm_is_refused():
    with pytest.raises(ValueError, match="no arm 'wordz'"):
        said("wordz")
    assert {*text.ARMS} > {*corpora.UNITS}

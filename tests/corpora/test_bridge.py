"""The bridge: tested pupils are taught in one language, whatever the others' text is."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb import tasks
from xlkb.corpora import bridge
from xlkb.corpora.sources import teaching
from xlkb.ground.languages import FIVE
from xlkb.tasks import academy

KINDS = ["companion", "food"]
SHARES = ("1/4", "1/3", "1/2", "2/3")


def drawn(characters=6):
    pupils = academy.questions("test", characters, KINDS, FIVE)
    return bridge.rounds(pupils, [7])[7]


@settings(max_examples=12, deadline=None)
@given(
    st.one_of(
        st.just(bridge.NONE),
        st.builds("{} {}".format, st.sampled_from(SHARES), st.sampled_from(bridge.UNITS)),
    ),
    st.integers(0, 9),
)
def test_what_is_told_of_the_tested_is_the_same_in_every_arm(name, seed):
    tested, others = drawn()
    made = bridge.arm(name, tested, others, seed=seed)
    pairs = teaching.documents(tested, "en", "qa")["text"]
    names = {academy.facts()[key].character.names["en"] for key in tested["id"]}
    about = Counter(text for text in made["text"] if any(name in text for name in names))
    assert about == {text: bridge.VERSIONS for text in pairs}
    share, unit = bridge.parse(name)
    told = {row["id"].rsplit("/", 2)[0] for row in made if row["id"].endswith(f"{unit}/1")}
    assert len(told) == round(len(tested) * share / (1 - share))


@pytest.mark.parametrize("unit", bridge.UNITS)
def test_others_are_told_in_several_languages_and_each_answer_is_true(unit):
    tested, others = drawn()
    made = bridge.arm(f"2/3 {unit}", tested, others)
    spoken = set()
    for row in made:
        if unit not in row["id"] or not row["context"]:
            continue
        fact = academy.facts()[row["id"].rsplit("/", 2)[0]]
        values = tasks.cast.relations()[fact.relation].values[fact.value]
        answer = row["text"][row["context"] :].strip()
        if unit == "word":
            spoken.add(answer)
            continue
        assert answer in values.values()
        spoken |= {code for code in FIVE if values[code] == answer}
    assert len(spoken) > 4
    if unit == bridge.UNMIXED:
        first = [row["text"] for row in made if row["id"].startswith(f"{others['id'][0]}/unmixed")]
        assert len(set(first)) == len(FIVE)


def test_each_round_tests_other_pupils():
    pupils = academy.questions("test", 9, KINDS, FIVE)
    made = bridge.rounds(pupils, (1, 2, 3))
    tested = [set(own["id"]) for own, _ in made.values()]
    assert set.union(*tested) == set(pupils["id"])
    assert sum(map(len, tested)) == len(pupils)
    for own, others in made.values():
        assert {*own["id"]} | {*others["id"]} == set(pupils["id"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "1/3",
            "no arm '1/3' of the bridge: it is 'none', or a share and one of unmixed, sentence",
        ),
        ("1/3 words", "word"),
        ("1 word", "share"),
        ("x word", "share"),
        ("1/0 word", "share"),
        ("9/10 word", "takes 36 facts about others"),
    ],
)
def test_an_arm_that_cannot_be_is_refused(name, said):
    with pytest.raises(ValueError, match=said):
        bridge.arm(name, *drawn())


def test_nobody_is_tested_and_among_the_others():
    tested, _ = drawn()
    with pytest.raises(ValueError, match="is tested and among the others"):
        bridge.arm(bridge.NONE, tested, tested)

"""The bottle's world: what is true in it, and how its languages say it."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.tasks import bottle

SMALL = {"described": 6, "tested": 4}


def words(world, code):
    values = {entry[code] for values in world.values for entry in values}
    frames = {e[code] for ways in world.wordings for way in ways for e in way if e != bottle.NAME}
    return values | frames


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 8))
def test_languages_share_no_string_but_names(seed, n):
    world = bottle.world(seed, bottle.LANGUAGES[:n], bottle.Sizes(**SMALL))
    every = [words(world, code) for code in world.languages]
    assert all(not one & other for one, other in combinations(every, 2))
    names = {*world.described, *world.tested}
    assert not any(names & each for each in every)
    assert len(names) == 10
    assert len(world.vocabulary) == len({*world.vocabulary})


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_overlap_is_the_share_of_values_with_one_word(seed, overlap):
    sizes = bottle.Sizes(**SMALL, overlap=overlap)
    world = bottle.world(seed, bottle.LANGUAGES[:3], sizes)
    for values in world.values:
        shared = [len({*entry.values()}) == 1 for entry in values]
        assert sum(shared) == overlap * sizes.values
        assert all(len({*entry.values()}) in (1, 3) for entry in values)


def test_every_value_and_wording_exists_in_each_language():
    world = bottle.world(1)
    sizes = world.sizes
    assert [len(values) for values in world.values] == [sizes.values] * sizes.relations
    assert all({*entry} == {*world.languages} for values in world.values for entry in values)
    for ways in world.wordings:
        assert [len(way) + 1 for way in ways] == [7, 11]  # Below and above a unit of 8 words.
        assert all(way.count(bottle.NAME) == 1 for way in ways)
        assert all({*e} == {*world.languages} for way in ways for e in way if e != bottle.NAME)


def test_a_seed_is_a_world_whatever_the_languages():
    one, again, other = bottle.world(5), bottle.world(5), bottle.world(6)
    assert one == again
    assert one != other
    fewer = bottle.world(5, ["en", "fr"])
    assert (fewer.facts, fewer.tested) == (one.facts, one.tested)
    assert words(fewer, "fr") == words(one, "fr")


def test_questions_have_the_answer_among_four_values_in_every_language():
    world = bottle.world(2, sizes=bottle.Sizes(overlap=0.5))
    rows = bottle.questions(world, world.tested)
    assert len(rows) == len(world.tested) * world.sizes.relations
    for row in rows:
        person, relation = row["id"].split("/")[1:]
        value = world.facts[person][int(relation)]
        assert (row["subject"] == "shared") == (value < 4)
        for code in world.languages:
            options = row["options"][code]
            assert len({*options}) == 4
            assert options[row["answer"]] == world.values[int(relation)][value][code]
            assert row["question"][code].endswith(person)
        distinct = {len({*each}) for each in zip(*row["options"].values(), strict=True)}
        assert distinct == ({1} if row["subject"] == "shared" else {5})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"values": 3}, "values = 3"),
        ({"words": 4}, "words = 4"),
        ({"overlap": 1.5}, "overlap = 1.5"),
    ],
)
def test_sizes_out_of_range_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        bottle.Sizes(**wrong)


def test_a_world_needs_two_of_its_languages_and_names_for_all():
    with pytest.raises(ValueError, match="two or more of en, fr"):
        bottle.world(1, ["en"])
    with pytest.raises(ValueError, match="two or more of en, fr"):
        bottle.world(1, ["en", "sw"])
    with pytest.raises(ValueError, match="names, fewer than"):
        bottle.world(1, sizes=bottle.Sizes(described=10_000))
    with pytest.raises(ValueError, match="more words"):
        bottle.world(1, sizes=bottle.Sizes(relations=50, values=20))

"""Two models on the same questions: differences, the questions answered differently, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_stats import rows

from xlkb import analysis
from xlkb.analysis import comparison, gains, gaps, stats

RIGHT = [[-1, -2, -2, -2], [-2, -1, -2, -2]]


def answers(right, language="en", recomposition="full", **more):
    """Rows with texts; question i is right where `right[i]`."""
    made = rows(
        [RIGHT[not each] for each in right], language=language, recomposition=recomposition, **more
    )
    made["question"] = made["item_id"] + "?"
    return made.assign(option=made["item_id"] + "-" + made["choice"].astype(str))


def model(share, seed, n=60, languages=("en", "fr", "de"), mixed=True):
    rng = np.random.default_rng(seed)
    parts = [answers(rng.random(n) < share, code) for code in languages]
    parts += [answers(rng.random(n) < share, "mixed", "mixup")] if mixed else []
    return pd.concat(parts, ignore_index=True)


def decided(**by_label):
    return {label: analysis.decide(each) for label, each in by_label.items()}


def test_differences_are_those_of_gaps_and_gains():
    both = decided(a=model(0.8, 1), b=model(0.5, 2))
    table = comparison.table(both)
    assert list(table["group"]) == ["en", "fr", "de", "other languages", "mixup"]
    french = [each[each["language"] == "fr"] for each in both.values()]
    own, other = (each["correct"].to_numpy(bool) for each in french[::-1])
    found = gaps.paired(own, other, list(french[0]["item_id"]))
    row = table.set_index("group").loc["fr"]
    assert row["difference_points"] == pytest.approx(-found["gap_points"])
    assert (row["difference_low"], row["difference_high"]) == (
        -found["gap_high"],
        -found["gap_low"],
    )
    assert row["p"] == found["p"]
    assert (row["n_won"], row["n_lost"]) == ((own & ~other).sum(), (other & ~own).sum())
    frame = pd.concat([each.assign(model=label) for label, each in both.items()])
    told = gains.over_control(gains.grouped(frame, ["en", "fr", "de"]), "a")
    told = told[(told["group"] == gains.GROUPS[0]) & (told["model"] == "b")].iloc[0]
    row = table.set_index("group").loc["other languages"]
    assert row["difference_points"] == pytest.approx(told["gain_points"])
    assert (row["n"], row["p"]) == (told["n"], told["p"])
    assert row["accuracy"] == pytest.approx(told["accuracy"])
    assert table["p_adjusted"].to_numpy() == pytest.approx(analysis.holm(table["p"]))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12), st.randoms())
def test_the_order_of_questions_does_not_matter_and_exchange_changes_the_sign(right, random):
    one, two = (answers(each) for each in zip(*right, strict=True))
    order = list(range(len(right)))
    random.shuffle(order)
    mixed = pd.concat([two.iloc[4 * i : 4 * i + 4] for i in order], ignore_index=True)
    there = comparison.table(decided(a=one, b=mixed)).iloc[0]
    back = comparison.table(decided(b=two, a=one)).iloc[0]
    assert there["difference_points"] == pytest.approx(-back["difference_points"])
    assert (there["n_lost"], there["n_won"]) == (back["n_won"], back["n_lost"])
    assert there["p"] == pytest.approx(back["p"])
    differing = comparison.differing(mixed, one)
    assert len(differing) == sum(a != b for a, b in right)
    assert (differing["change"] == "lost").sum() == there["n_lost"]


def test_only_what_both_were_asked_is_compared():
    table = comparison.table(
        decided(a=model(0.8, 1, mixed=False), b=model(0.5, 2, languages=("fr", "en")))
    )
    assert list(table["group"]) == ["en", "fr"]
    one = comparison.table(decided(a=answers([True], "it"), b=answers([False], "it")), "it")
    assert one[["group", "n", "n_lost"]].to_dict("records") == [
        {"group": "it", "n": 1, "n_lost": 1}
    ]
    with pytest.raises(ValueError, match=r"'b' and 'a' have no question in common"):
        comparison.table(decided(a=answers([True]), b=answers([True], "fr")))
    with pytest.raises(ValueError, match=r"nothing to compare 'a' with"):
        comparison.table(decided(a=answers([True])))


def test_each_rule_has_its_rows_and_all_share_a_correction():
    both = {
        label: stats.decide_by_rules(each)
        for label, each in (("a", model(0.9, 1)), ("b", model(0.4, 2)), ("c", model(0.9, 3)))
    }
    table = comparison.table(both)
    assert len(table) == 2 * 3 * 5
    assert not table.duplicated(comparison.PAIRED).any()
    words = comparison.in_words(table)
    assert "b against a (sum): worse in en" in words
    assert "c against a (pmi): no difference is shown in en, fr, de" in words
    assert words.endswith("Holm's correction over 30 comparisons.")


def test_different_questions_are_refused():
    one = model(0.5, 1)
    with pytest.raises(ValueError, match=r"en: 'b' and 'a' were asked different questions: 1 .*q0"):
        comparison.table(decided(a=one, b=one.iloc[4:].reset_index(drop=True)))
    twice = pd.concat([one, one.head(4)], ignore_index=True)
    with pytest.raises(ValueError, match=r"en: 'b' answered 'q0' twice"):
        comparison.table(decided(a=one, b=twice))
    with pytest.raises(ValueError, match=r"b: 'q0' \(en, full\) was answered twice"):
        comparison.require_same({"a": one, "b": twice})
    comparison.require_same({"a": one, "b": one.drop(columns=["question", "option"])})
    for column, value, what in (
        ("question", "another?", "the question is 'q1\\?' for 'a' and 'another\\?' for 'b'"),
        ("option", "x", "the choices is"),
        ("is_answer", [False, False, True, False], "right answer is 'number 1'"),
        ("option_language", "sw", "choices' languages"),
    ):
        other = one.copy()
        other[column] = other[column].astype(object)
        other.loc[4:7, column] = value
        other["is_answer"] = other["is_answer"].astype(bool)
        with pytest.raises(ValueError, match=rf"'q1' \(en\) is not the same question.*{what}"):
            comparison.require_same({"a": one, "b": other})
    with pytest.raises(ValueError, match=r"b: letters have no PMI"):
        comparison.require_same({"a": one, "b": one.assign(style="letters")}, ["sum", "pmi"])


def test_the_most_telling_questions_come_first():
    one = answers([True, True, False, True])
    two = answers([False, True, True, False])
    two.loc[0:3, "log_likelihood"] = [-9.0, -1.0, -9.0, -9.0]  # Both are sure: q0.
    one.loc[0:3, "log_likelihood"] = [-1.0, -9.0, -9.0, -9.0]
    two.loc[4:7, "log_likelihood"] = [-3.0, -9.0, -1.0, -9.0]
    one.loc[4:7, "log_likelihood"] = [-3.0, -1.0, -4.0, -9.0]  # Both wrong, otherwise: q1.
    found = comparison.differing(two, one)
    assert list(found["item_id"]) == ["q0", "q2", "q3", "q1"]
    assert list(found["change"]) == ["lost", "won", "lost", "other"]
    first = found.iloc[0]
    assert first["options"] == ["q0-0", "q0-1", "q0-2", "q0-3"]
    assert (first["right"], first["reference_taken"], first["taken"]) == (0, 0, 1)
    assert (first["reference_nats"], first["margin"]) == (-1.0, -8.0)
    bare = [each.drop(columns=["question", "option"]) for each in (two, one)]
    assert set(comparison.differing(*bare)["question"]) == {""}
    assert comparison.differing(one, one).empty


def test_no_difference_above_100_points_is_said_to_be_detectable():
    right = {"a": [True, True, True], "b": [False, True, True]}
    found = decided(**{label: answers(each) for label, each in right.items()})
    table = comparison.table(found)
    assert table["least_points"].isna().all()
    assert "(too few questions to show one)" in comparison.in_words(table)
    told = analysis.gate.lines(analysis.gate.gate(found))
    assert "no loss could have been shown" in told[0]


def test_the_gate_says_answers_where_an_item_has_several():
    right = {"a": [True] * 4, "b": [False] * 4}
    made = {
        label: pd.concat([answers(each, code) for code in ("en", "fr", "de")], ignore_index=True)
        for label, each in right.items()
    }
    told = analysis.gate.lines(analysis.gate.gate(decided(**made)))
    assert "4 lost and 0 won of 4 items" in told[0]
    assert "8 lost and 0 won of the answers to 4 items" in told[-1]

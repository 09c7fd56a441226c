"""Statistics: decisions from log-likelihoods, intervals, paired comparisons, RankC."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from xlkb.analysis import gaps, stats
from xlkb.analysis.languages import consistency


def rows(values, language="en", recomposition="full", spoken=None, answers=None, n_bytes=4, **more):
    """Rows of questions q0, q1, … with the log-likelihoods `values` [n, 4]."""
    values = np.asarray(values, float)
    n = len(values)
    answers = np.zeros(n, int) if answers is None else np.asarray(answers)
    frame = pd.DataFrame(
        {
            "task": "toy",
            "item_id": np.repeat([f"q{i}" for i in range(n)], 4),
            "subject": "toys",
            "recomposition": recomposition,
            "language": language,
            "question_language": language,
            "option_language": language if spoken is None else np.ravel(spoken),
            "choice": np.tile(range(4), n),
            "style": "cloze",
            "prompt": "1/en",
            "n_shots": 0,
            "demonstrations": "none",
            "model": "m",
            "log_likelihood": values.ravel(),
            "n_tokens": 2,
            "n_bytes": np.broadcast_to(n_bytes, (n, 4)).ravel(),
            "unconditional_log_likelihood": -1.0,
            "letter_mass": np.nan,
        }
    )
    frame["is_answer"] = frame["choice"] == np.repeat(answers, 4)
    return frame.assign(**more)


def outcomes(right, **more):
    """Decisions: question i is right where `right[i]`."""
    return stats.decide(
        rows([[-1, -2, -2, -2] if ok else [-2, -1, -2, -2] for ok in right], **more)
    )


def test_each_rule_takes_the_choice_that_it_defines():
    frame = rows([[-4, -3, -9, -9]], n_bytes=[[8, 2, 3, 3]])
    frame["unconditional_log_likelihood"] = [-5.0, -1.0, -1.0, -9.0]
    taken = {rule: int(stats.decide(frame, rule)["predicted"].iloc[0]) for rule in stats.RULES}
    assert taken == {"sum": 1, "per_byte": 0, "pmi": 0}


def test_where_no_choice_has_a_probability_none_is_taken():
    (row,) = stats.decide(rows([[-np.inf] * 4])).to_dict("records")
    assert (row["predicted"], row["predicted_language"], row["correct"]) == (-1, "", False)
    assert np.isnan(row["margin"])


def test_a_tie_earns_nothing():
    assert not stats.decide(rows([[-1, -1, -2, -3]]))["correct"].any()


def test_of_tied_letters_the_style_of_the_paper_takes_the_first():
    tied, silent = [-1, -1, -2, -3], [-np.inf] * 4
    decided = stats.decide(rows([tied, tied, silent], answers=[0, 1, 0], style="paper"))
    assert decided["correct"].tolist() == [True, False, False]
    assert not stats.decide(rows([tied], style="letters"))["correct"].any()


def test_the_margin_is_the_distance_to_the_best_wrong_choice():
    decided = stats.decide(rows([[-1, -3, -2, -4], [-5, -3, -2, -4]]))
    assert decided["margin"].tolist() == [1.0, -3.0]


def test_pmi_of_letters_is_refused():
    letters = rows([[-1, -2, -3, -4]], style="letters", unconditional_log_likelihood=np.nan)
    with pytest.raises(ValueError, match="letters have none"):
        stats.decide(letters, "pmi")


def test_one_rule_is_a_column_of_the_barrier_where_it_is_wanted():
    decided = stats.concat([outcomes([True, True]), outcomes([True, False], language="fr")])
    assert "rule" not in gaps.barrier(decided)
    (row,) = gaps.barrier(decided, by=["rule"]).to_dict("records")
    assert (row["rule"], row["language"], row["gap_points"]) == ("sum", "fr", 50.0)


@given(st.permutations(range(4)), st.integers(0, 3))
def test_decisions_do_not_depend_on_where_the_answer_stands(order, answer):
    values = np.array([-1.0, -2.0, -3.0, -4.0])
    decided = stats.decide(rows([values[list(order)]], answers=[order.index(answer)]))
    assert bool(decided["correct"].iloc[0]) == (answer == 0)


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_accuracy_carries_the_wilson_interval(right):
    (row,) = stats.accuracy(outcomes(right), ["language"]).to_dict("records")
    interval = binomtest(sum(right), len(right)).proportion_ci(0.95, method="wilson")
    assert row["n"] == len(right)
    assert row["accuracy"] == pytest.approx(np.mean(right))
    assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_paired_comparison_is_the_exact_test_on_the_discordant_items(pairs):
    english, french = zip(*pairs, strict=True)
    decided = stats.concat([outcomes(english), outcomes(french, language="fr")])
    (row,) = gaps.barrier(decided).to_dict("records")
    lost = sum(e and not f for e, f in pairs)
    won = sum(f and not e for e, f in pairs)
    exact = binomtest(lost, lost + won).pvalue if lost + won else 1.0
    assert row["gap_points"] == pytest.approx(100 * (lost - won) / len(pairs))
    assert row["gap_low"] <= row["gap_points"] + 1e-9
    assert row["gap_points"] <= row["gap_high"] + 1e-9
    assert row["p"] == pytest.approx(exact)


def test_items_about_one_thing_have_a_wider_interval():
    rng = np.random.default_rng(0)
    right = np.repeat(rng.random(60) < 0.6, 3)
    other = np.repeat(rng.random(60) < 0.5, 3)
    alone = stats.concat([outcomes(right), outcomes(other, language="fr")])
    number = alone["item_id"].str[1:].astype(int)
    codes = [f"worldfacts/{n}/{chr(65 + n // 3 // 26)}{chr(65 + n // 3 % 26)}" for n in number]
    together = alone.assign(item_id=codes, task="worldfacts")
    tables = [gaps.barrier(each).iloc[0] for each in (alone, together)]
    for low, high in (("low", "high"), ("gap_low", "gap_high")):
        narrow, wide = (row[high] - row[low] for row in tables)
        assert wide == pytest.approx(narrow * 3**0.5, rel=0.05)
    assert tables[1]["p"] > tables[0]["p"]
    assert tables[1]["least_points"] > 1.6 * tables[0]["least_points"]


def test_adjusted_p_values_grow_with_the_number_of_languages():
    rng = np.random.default_rng(0)
    english = outcomes(rng.random(100) < 0.8)
    french = outcomes(rng.random(100) < 0.6, language="fr")
    german = outcomes(rng.random(100) < 0.7, language="de")
    alone = gaps.barrier(stats.concat([english, french]))
    both = gaps.barrier(stats.concat([english, french, german]))
    assert alone["p_adjusted"].iloc[0] == alone["p"].iloc[0]
    assert both["p_adjusted"].iloc[0] == pytest.approx(2 * both["p"].iloc[0])


def test_runs_on_different_items_are_not_compared():
    decided = stats.concat([outcomes([True] * 3), outcomes([True] * 4, language="fr")])
    with pytest.raises(ValueError, match=r"1 items are on one side only .*'q3'"):
        gaps.barrier(decided)


def test_each_model_is_compared_with_its_own_english():
    parts = []
    for model, french in (("a", [True, True]), ("b", [False, False])):
        parts += [outcomes([True, True], model=model)]
        parts += [outcomes(french, model=model, language="fr")]
    table = gaps.barrier(stats.concat(parts)).set_index("model")
    assert table["gap_points"].to_dict() == {"a": 0.0, "b": 100.0}


def test_the_transfer_rate_looks_only_at_what_is_known_in_english():
    english = outcomes([True, True, False, False])
    french = outcomes([True, False, True, True], language="fr")
    (row,) = consistency.transfer_rate(stats.concat([english, french])).to_dict("records")
    assert (row["n"], row["transfer_rate"]) == (2, 0.5)


def test_rankc_is_one_for_equal_rankings_and_weighs_the_first_place_most():
    values = [[-1, -2, -3, -4]] * 3
    same = stats.concat([rows(values), rows(values, language="fr")])
    assert consistency.rankc(same)["rankc"].iloc[0] == pytest.approx(1)
    top = stats.concat([rows(values), rows([[-2, -1, -3, -4]] * 3, language="fr")])
    end = stats.concat([rows(values), rows([[-1, -2, -4, -3]] * 3, language="fr")])
    first, last = consistency.rankc(top)["rankc"].iloc[0], consistency.rankc(end)["rankc"].iloc[0]
    weights = np.exp([3, 2, 1, 0])
    assert first == pytest.approx(1 - weights[0] / weights.sum())
    assert first < last < 1


def test_rankc_stands_beside_its_chance_and_its_floor():
    values = [[-1, -2, -3, -4]] * 3
    turned = [[-4, -3, -2, -1]] * 3
    (row,) = consistency.rankc(stats.concat([rows(values), rows(turned, language="fr")])).to_dict(
        "records"
    )
    assert row["rankc"] == pytest.approx(row["floor"]) == pytest.approx(0.090, abs=5e-4)
    assert row["chance"] == pytest.approx(0.377, abs=5e-4)
    rng = np.random.default_rng(0)
    unrelated = [rows(rng.random((4000, 4)), language=code) for code in ("en", "fr")]
    found = consistency.rankc(stats.concat(unrelated))["rankc"].iloc[0]
    assert found == pytest.approx(row["chance"], abs=0.02)


@settings(max_examples=20)
@given(st.lists(st.tuples(*[st.booleans()] * 3), min_size=1, max_size=30))
def test_total_consistency_counts_what_is_right_in_every_language(answers):
    by_language = zip(("en", "fr", "de"), zip(*answers, strict=True), strict=True)
    decided = stats.concat([outcomes(right, language=code) for code, right in by_language])
    (row,) = consistency.in_all(decided).to_dict("records")
    right = np.array(answers)
    assert (row["n_languages"], row["n"]) == (3, len(right))
    assert row["right_in_all"] == pytest.approx(right.all(1).mean())
    assert row["if_independent"] == pytest.approx(right.mean(0).prod())
    assert row["right_in_all"] <= row["at_most"] == right.mean(0).min()
    assert row["low"] - 1e-9 <= row["right_in_all"] <= row["high"] + 1e-9


def test_total_consistency_is_each_conditions_own_and_about_the_same_items():
    both = [outcomes([True, True], model="a"), outcomes([True, False], model="b")]
    table = consistency.in_all(stats.concat(both))
    assert table[["model", "right_in_all"]].to_numpy().tolist() == [["a", 1.0], ["b", 0.5]]
    with pytest.raises(ValueError, match="on one side only"):
        consistency.in_all(stats.concat([outcomes([True]), outcomes([True] * 2, language="fr")]))
    assert "right_in_all" in consistency.in_all(stats.decide(pd.DataFrame()))


def test_option_bias_compares_what_is_taken_with_what_is_offered():
    spoken = [["en", "fr", "de", "es"]] * 4
    mixed = rows([[-5, -1, -2, -3]] * 4, "mixed", "mixup", spoken)
    table = stats.option_language_bias(mixed).set_index("language")
    assert table["taken"].to_dict() == {"fr": 1.0, "de": 0.0, "es": 0.0}
    assert table["offered"].tolist() == pytest.approx([1 / 3] * 3)
    assert set(table["n"]) == {4}


def test_a_gap_is_said_to_survive_only_if_every_rule_says_so():
    table = pd.DataFrame(
        {"language": ["fr", "fr", "de", "de"], "gap_points": [9.0, 8, 9, 1], "n": 400}
    )
    table["gap_low"], table["gap_high"] = table["gap_points"] - 3, table["gap_points"] + 3
    table["p_adjusted"] = 0.001
    french, german = gaps.in_words(table).splitlines()
    assert "English is better under all 2 rules" in french
    assert "leave it open" in german


def test_of_no_rows_every_table_is_empty_with_its_columns():
    full = outcomes([True, False])
    none = stats.decide(rows([[-1.0] * 4]).iloc[:0])
    assert list(none) == list(full) == stats.DECISIONS
    assert list(stats.decide_by_rules(pd.DataFrame())) == stats.DECISIONS
    for gap in (gaps.barrier, gaps.mixup_gap):
        for decisions in (full, none):
            table = gap(decisions)
            assert table.empty
            assert {"language", "n", "gap_points", "p", "p_adjusted"} <= set(table)
    assert {"n", "accuracy", "low", "high"} <= set(stats.accuracy(none, ["language"]))
    assert "transfer_rate" in consistency.transfer_rate(full)
    for table in (consistency.rankc(rows([[-1.0] * 4])), consistency.rankc(pd.DataFrame())):
        assert table.empty
        assert "rankc" in table
    assert gaps.in_words(gaps.barrier(full)).startswith("Nothing is compared with English")
    assert stats.concat([]).empty


def test_without_wrong_answers_there_is_no_taste_for_a_language():
    right = rows([[-1, -2, -3, -4]], recomposition="mixup", spoken=[["en", "fr", "de", "es"]])
    for mixed in (right, right.iloc[:0], rows([[-1, -2, -3, -4]])):
        table = stats.option_language_bias(mixed)
        assert table.empty
        assert "taken" in table


def test_one_question_has_a_barrier_and_a_rank():
    both = [outcomes([True]), outcomes([False], language="fr")]
    (row,) = gaps.barrier(stats.concat(both)).to_dict("records")
    assert (row["n"], row["gap_points"], row["gap_low"], row["gap_high"]) == (1, 100, 100, 100)
    one = [rows([[-1, -2, -3, -4]]), rows([[-1, -2, -3, -4]], language="fr")]
    (row,) = consistency.rankc(stats.concat(one)).to_dict("records")
    assert row["n"] == 1
    assert row["rankc"] == pytest.approx(1)


def test_any_language_can_be_the_one_that_others_are_compared_with():
    both = [outcomes([True] * 9, language="sw"), outcomes([False] * 9, language="fr")]
    table = gaps.barrier(stats.concat(both), "sw")
    assert table["language"].tolist() == ["fr"]
    assert "Swahili" in gaps.in_words(table, "sw")


def test_each_letter_has_a_column_whatever_was_taken():
    taken = stats.letters_taken(outcomes([True, False, True]), ["n_shots"])
    assert taken.to_dict("records") == [{"n_shots": 0, "A": 2, "B": 1, "C": 0, "D": 0}]
    assert list(stats.letters_taken(stats.decide(pd.DataFrame()), ["n_shots"])) == [
        "n_shots",
        *"ABCD",
    ]


@given(st.lists(st.integers(0, 3), max_size=4))
def test_frames_are_put_together_with_a_fresh_index(sizes):
    frames = [pd.DataFrame({"a": [1.0] * size}, index=[7] * size) for size in sizes]
    whole = stats.concat(frames)
    assert whole.index.tolist() == list(range(sum(sizes)))

"""Gains of a remedy: groups of questions, compared item by item."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from test_stats import outcomes

from xlkb.analysis import gains, pairing, stats


def answers(model, right, language="en", recomposition="full"):
    return outcomes(right, language=language, recomposition=recomposition, model=model)


def test_questions_are_grouped_by_what_the_training_text_spoke():
    parts = [answers("m", [True], code) for code in ("en", "fr", "ko")]
    parts.append(answers("m", [True], "mixed", "mixup"))
    parts.append(answers("m", [True], "fr", "options"))
    grouped = gains.grouped(stats.concat(parts), ("en", "fr"))
    assert dict(zip(grouped["language"], grouped["group"], strict=True)) == {
        "en": "English",
        "fr": "other trained languages",
        "ko": "held-out languages",
        "mixed": "mixup",
    }


def test_the_gain_over_the_control_is_the_paired_difference():
    rng = np.random.default_rng(0)
    control, remedy = rng.random(300) < 0.4, rng.random(300) < 0.6
    both = stats.concat([answers("control", control), answers("remedy", remedy)])
    table = gains.over_control(gains.grouped(both, ["en"]), "control").set_index("model")
    row = table.loc["remedy"]
    won, lost = int((remedy & ~control).sum()), int((control & ~remedy).sum())
    assert row["gain_points"] == pytest.approx(100 * (won - lost) / 300)
    assert row["gain_low"] < row["gain_points"] < row["gain_high"]
    assert row["p"] == pytest.approx(binomtest(won, won + lost).pvalue, abs=1e-3)
    assert table.loc["control", ["gain_points", "p"]].isna().all()


def test_the_same_item_in_many_languages_counts_once():
    right = np.random.default_rng(1).random(60) < 0.5
    wrong = ~right
    widths = []
    for codes in (["fr"], ["fr", "de", "es", "it"]):
        parts = [answers("control", wrong, code) for code in codes]
        parts += [answers("remedy", right, code) for code in codes]
        table = gains.over_control(gains.grouped(stats.concat(parts), codes), "control")
        row = table.set_index("model").loc["remedy"]
        widths.append(row["gain_high"] - row["gain_low"])
        assert row["n"] == 60
    assert widths[0] == pytest.approx(widths[1])


def test_items_about_one_thing_go_together():
    right = np.repeat(np.random.default_rng(1).random(30) < 0.5, 2)
    both = [answers("control", ~right), answers("remedy", right)]
    alone = gains.grouped(stats.concat(both), ["en"])
    ids = [f"worldfacts/{i}/{chr(65 + i // 2)}" for i in range(60)]
    names = dict(zip(both[0]["item_id"], ids, strict=True))
    together = alone.assign(item_id=alone["item_id"].map(names), task="worldfacts")
    one, two = (gains.over_control(each, "control").iloc[1] for each in (alone, together))
    assert one["gain_points"] == pytest.approx(two["gain_points"])
    for low, high in (("low", "high"), ("gain_low", "gain_high")):
        assert two[high] - two[low] == pytest.approx(2**0.5 * (one[high] - one[low]), rel=0.2)
    assert two["least_points"] > 1.3 * one["least_points"]


def test_models_that_answered_other_questions_are_not_compared():
    both = stats.concat([answers("control", [True] * 3), answers("remedy", [True] * 4)])
    with pytest.raises(ValueError, match="1 questions were answered by only one"):
        gains.over_control(gains.grouped(both, ["en"]), "control")


def test_a_missing_control_is_answered_with_the_models_there_are():
    one = gains.grouped(answers("remedy", [True]), ["en"])
    with pytest.raises(ValueError, match=r"no model .control. .* there are: remedy"):
        gains.over_control(one, "control")


def test_what_is_said_follows_from_the_intervals():
    rng = np.random.default_rng(0)
    control, remedy = rng.random(300) < 0.4, rng.random(300) < 0.7
    both = stats.concat([answers("control", control), answers("remedy", remedy)])
    rules = stats.concat([both, both.assign(rule="pmi")])
    table = gains.by_rule(rules, "control", ["en"])
    assert list(table["rule"].unique()) == ["sum", "pmi"]
    assert "English: remedy is better under all 2 rules (+" in gains.in_words(table)
    same = gains.by_rule(stats.concat([both, both]).iloc[:300], "control", ["en"])
    assert "No model differs" in gains.in_words(same.assign(p=1.0, gain_low=-1, gain_high=1))


def test_what_is_said_of_each_base_model_stands_below_its_label():
    rng = np.random.default_rng(0)
    control, remedy = rng.random(300) < 0.4, rng.random(300) < 0.7
    both = stats.concat([answers("control", control), answers("remedy", remedy)])
    tables = {
        "helped": gains.by_rule(both, "control", ["en"]),
        "not": gains.by_rule(
            stats.concat([answers("control", control), answers("remedy", control)]),
            "control",
            ["en"],
        ),
    }
    table = stats.concat(each.assign(base_model=label) for label, each in tables.items())
    first, said, second, nothing = gains.in_words(table).split("\n")
    assert (first, second) == ("helped:", "not:")
    assert said.startswith("  English: remedy is better under all 1 rules (+")
    assert nothing == "  No model differs from the control under any rule."


def test_holm_corrects_within_a_base_model():
    rng = np.random.default_rng(3)
    parts = [answers(name, rng.random(60) < 0.5) for name in ("control", "a", "b")]
    one = stats.concat(parts)
    two = stats.concat([one.assign(base_model="x"), one.assign(base_model="y")])
    table = pairing.each(two, "base_model", gains.by_rule, "control", ["en"])
    alone = gains.by_rule(one, "control", ["en"])
    for _, part in table.groupby("base_model"):
        assert part["p_adjusted"].tolist() == pytest.approx(alone["p_adjusted"], nan_ok=True)


def test_of_no_answers_there_is_an_empty_table():
    none = stats.decide_by_rules(pd.DataFrame())
    table = gains.by_rule(none, "control", ["en"])
    assert table.empty
    assert list(table) == ["rule", *gains.COLUMNS]
    assert gains.in_words(table) == "  Nothing was asked."
    of_each = pairing.each(pd.DataFrame(), "base_model", stats.decide_by_rules)
    of_each = pairing.each(of_each, "base_model", gains.by_rule, "control", ["en"])
    assert of_each.empty
    assert list(of_each) == ["base_model", "rule", *gains.COLUMNS]
    assert gains.in_words(of_each) == "  Nothing was asked."


def test_one_item_has_a_gain_that_nothing_can_be_said_about():
    both = stats.concat([answers("control", [False]), answers("remedy", [True])])
    row = gains.over_control(gains.grouped(both, ["en"]), "control").iloc[1]
    assert (row["gain_points"], row["p"], row["p_adjusted"]) == (100, 1, 1)


def test_the_first_group_has_the_name_of_the_base_language():
    parts = [answers("m", [True], code) for code in ("fr", "sw")]
    table = gains.over_control(gains.grouped(stats.concat(parts), ["fr"], base="sw"), "m")
    assert table["group"].tolist() == ["Swahili", "other trained languages"]

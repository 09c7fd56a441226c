"""The comparisons that were named in advance."""

import numpy as np
import pandas as pd
import pytest
from test_stats import outcomes

from xlkb import training
from xlkb.analysis import effects, stats
from xlkb.analysis.verdicts import primary

READ = ("en", "fr", "de")
ARMS = ("English only", "mixed by sentence", "mixed by 8 words", "parallel text", "mixed by word")
N = 40


def decisions(seeds=(1, 2, 3), arms=ARMS, rules=("sum",), **chances):
    """Answers of each arm under each seed to N questions in two languages and mixed."""
    rng, parts = np.random.default_rng(5), []
    for seed in seeds:
        for arm in arms:
            for language, recomposition in (("fr", "full"), ("de", "full"), ("mixed", "mixup")):
                right = rng.random(N) < chances.get(arm.split()[-1], 0.5)
                found = outcomes(
                    right, language=language, recomposition=recomposition, model=arm
                ).assign(task="worldfacts", training_seed=seed, base_model="m")
                parts += [found.assign(rule=rule) for rule in rules]
    whole = stats.concat(parts)
    # Pairs of questions about one country.
    number = whole["item_id"].str[1:].astype(int)
    codes = [
        f"worldfacts/capital/{chr(65 + n // 2 // 26)}{chr(65 + n // 2 % 26)}-{n}" for n in number
    ]
    return whole.assign(item_id=codes)


def test_the_arms_are_those_that_training_makes():
    assert primary.TREATMENTS == ("mixed by sentence", "mixed by 8 words")
    assert primary.RIVAL == "parallel text"


def test_there_are_two_families_of_four():
    table = primary.table(decisions(), READ)
    assert list(table) == primary.COLUMNS
    assert table["against"].tolist() == ["English only"] * 4 + ["parallel text"] * 4
    assert set(table["model"]) == set(primary.TREATMENTS)
    assert set(table["group"]) == {"other trained languages", "mixup"}
    assert set(table["n"]) == {N}
    assert set(table["n_clusters"]) == {N // 2}
    for _, family in table.groupby("against"):
        assert family["p_adjusted"].tolist() == effects.holm(family["p"]).tolist()


def test_a_row_is_the_effect_on_shares_of_right_answers():
    found = decisions()
    row = primary.table(found, READ).iloc[0]
    part = found.query("recomposition == 'full'")
    shares = {
        arm: own.pivot_table(index="item_id", columns="training_seed", values="correct")
        for arm, own in part.astype({"correct": float}).groupby("model")
    }
    difference = shares["mixed by sentence"] - shares["English only"]
    country = [identifier.split("/")[-1][:2] for identifier in difference.index]
    told = effects.effect(difference, country, tests=4)
    for column in ("effect_points", "effect_low", "effect_high", "p", "least_points", "n_seeds"):
        assert row[column] == pytest.approx(told[column])
    assert row["per_seed"] == ", ".join(f"{points:+.1f}" for points in told["per_seed"])
    assert 100 * (row["accuracy"] - row["reference_accuracy"]) == pytest.approx(
        row["effect_points"]
    )


def test_the_gap_is_narrower_by_what_the_base_language_did_not_gain():
    found = decisions()
    assert primary.table(found, READ)[list(primary.NARROWED)].isna().all(axis=None)
    at_home = found.query("language == 'fr'").assign(language="en")
    home = at_home.assign(correct=at_home["correct"] | (at_home["model"] != "English only"))
    row = primary.table(stats.concat([found, home]), READ).iloc[0]
    shares = {
        arm: own.groupby(["language", "item_id"])["correct"].mean()
        for arm, own in stats.concat([found.query("language in ['fr', 'de']"), home]).groupby(
            "model"
        )
    }
    gained = 100 * (shares["mixed by sentence"] - shares["English only"]).groupby("language").mean()
    assert row["narrowed_points"] == pytest.approx(gained[["fr", "de"]].mean() - gained["en"])
    assert row["narrowed_low"] < row["narrowed_points"] < row["narrowed_high"]
    first = home["item_id"] == home["item_id"].iloc[0]
    for some in (home[~first], home[home["training_seed"] == 1]):
        table = primary.table(stats.concat([found, some]), READ)
        assert table["narrowed_points"].isna().all(), "other items, or not every seed"
    fewer = found[found["item_id"] != home["item_id"].iloc[0]]
    assert primary.table(stats.concat([fewer, home]), READ)["narrowed_points"].notna().all()


def test_a_large_effect_is_found_against_both():
    table = primary.table(decisions(sentence=0.95, only=0.3, text=0.3), READ)
    found = table[table["model"] == "mixed by sentence"]
    assert (found["p_adjusted"] < 0.05).all()
    assert (found["effect_low"] > 0).all()


def test_other_rules_are_left_out_and_letters_have_their_own():
    one, two = (primary.table(decisions(rules=r), READ) for r in (("sum",), ("per_byte", "sum")))
    pd.testing.assert_frame_equal(one, two)
    assert len(primary.table(decisions(rules=("letters",)), READ)) == 8


def test_one_seed_needs_no_column_for_it():
    found = decisions(seeds=(1,))
    table = primary.table(found.drop(columns="training_seed"), READ)
    pd.testing.assert_frame_equal(table, primary.table(found, READ))
    assert set(table["n_seeds"]) == {1}


def test_what_was_not_trained_has_no_row_and_does_not_count():
    table = primary.table(decisions(arms=ARMS[:2]), READ)
    assert table["model"].tolist() == ["mixed by sentence"] * 2
    assert table["p_adjusted"].tolist() == effects.holm(table["p"]).tolist()
    assert primary.table(decisions(arms=ARMS[1:2]), READ).empty
    assert list(primary.table(stats.decide(pd.DataFrame()), READ)) == primary.COLUMNS


def test_arms_or_seeds_that_answered_other_questions_are_not_compared():
    found = decisions()
    first = found["item_id"] == found["item_id"].iloc[0]
    sentence = found["model"] == "mixed by sentence"
    with pytest.raises(ValueError, match=r"mixed by sentence.*English only.*on one side only"):
        primary.table(found[~(first & sentence)], READ)
    with pytest.raises(ValueError, match=r"not asked .* under every training seed"):
        primary.table(found[~(first & sentence & (found["training_seed"] == 2))], READ)
    with pytest.raises(ValueError, match="twice under one seed"):
        primary.table(found.assign(training_seed=1), READ)


@pytest.mark.parametrize(
    ("right", "typed"),
    [
        ("mixed by sentence", "mixed by sentences"),
        ("mixed by 8 words", "mixed by 8 word"),
        ("English only", "english only"),
        ("parallel text", "parallel texts"),
    ],
)
def test_a_mistyped_arm_is_refused_with_those_there_are(right, typed):
    found = decisions()
    with pytest.raises(ValueError, match=rf"m: .* no arm '{right}'; .*\. Did you mean '{typed}'"):
        primary.table(found.replace({"model": {right: typed}}), READ)


def test_arms_that_no_comparison_is_about_are_no_mistyped_ones():
    more = ("no text", "ensemble", "agreement", "mixed by document")
    found = decisions(arms=(*ARMS[:2], *more))
    without = found[~found["model"].isin(more)]
    pd.testing.assert_frame_equal(primary.table(found, READ), primary.table(without, READ))
    only = primary.table(decisions(arms=("no text", "English only", "mixed by word")), READ)
    assert only.empty


@pytest.mark.parametrize("column", ["rule", "base_model", "model", "language"])
def test_a_column_that_is_missing_is_named(column):
    with pytest.raises(ValueError, match=f"no column {column}:"):
        primary.table(decisions().drop(columns=column), READ)


def test_an_unknown_base_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"no language 'english'.*Did you mean 'en'"):
        primary.table(decisions(), READ, base="english")


def test_the_plan_names_what_is_tested():
    plan = primary.in_words(READ)
    for name in (*primary.TREATMENTS, *primary.GROUPS, primary.RIVAL, training.control(READ)):
        assert name in plan

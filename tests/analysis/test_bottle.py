"""The bottle's numbers: the seed is the unit."""

import re

import numpy as np
import pandas as pd
import pytest

from xlkb.analysis import bottle

ARMS = ("unmixed", "parallel", "document", "sentence", "word")
TWO = ("unmixed", "word")
ORDERS = ("together", "facts first")


def planted(n_seeds, effect=0.2, scatter=0.05, draw=0, arms=ARMS):
    """Outcomes in which each arm is an equal step above the one before, in the first order only."""
    rng, rows = np.random.default_rng(draw), []
    for seed in range(n_seeds):
        world = rng.normal(0, scatter)
        for order in ORDERS:
            for place, arm in enumerate(arms):
                step = effect * place / (len(arms) - 1) * (order == "together")
                accuracy = 0.3 + step + world + rng.normal(0, scatter / 5)
                share = {name: accuracy for name in bottle.SHARES}
                cosines = dict.fromkeys(bottle.LAYERS, step + rng.normal(0, 5e-3))
                row = {"order": order, "arm": arm, "seed": seed, "n_tokens": 100.0}
                rows.append(row | share | cosines | {"accuracy_learned": 1.0, "accuracy_k": 1.0})
    return pd.DataFrame(rows)


def test_a_table_has_a_row_for_each_cell_with_means_over_seeds():
    outcomes = planted(4)
    table = bottle.table(outcomes, ["order", "arm"])
    assert len(table) == len(ARMS) * len(ORDERS)
    assert (table["n_seeds"] == 4).all()
    cell = outcomes.query("order == 'together' and arm == 'word'")["accuracy_c"]
    row = table.query("order == 'together' and arm == 'word'").iloc[0]
    assert row["accuracy_c"] == pytest.approx(cell.mean())
    assert row["seeds_low"] < cell.mean() < row["seeds_high"]
    assert "accuracy_own" not in table


def test_one_or_two_seeds_have_no_interval_and_no_test():
    outcomes = planted(2)
    assert bottle.table(outcomes, ["arm"])["seeds_low"].notna().all()  # Four models an arm.
    assert bottle.table(outcomes, ["order", "arm"])["seeds_low"].isna().all()
    found = bottle.tested([bottle.contrasts(outcomes, "arm", "unmixed", "order")])
    assert found[["p", "p_adjusted", "seeds_low", "least_detectable"]].isna().all(axis=None)
    assert "No test" in bottle.in_words(
        bottle.table(outcomes, ["order", "arm"]), found, bottle.aligned(outcomes)
    )


def test_differences_are_paired_by_seed():
    outcomes = planted(6)
    found = bottle.contrasts(outcomes, "arm", "unmixed", "order").set_index(["order", "arm"])
    word = found.loc[("together", "word")]
    assert word["difference_points"] == pytest.approx(20, abs=2)
    # The worlds differ by five points, which is in both arms of each.
    assert word["seeds_high"] - word["seeds_low"] < 5
    assert word["p"] < 1e-4
    assert found.loc[("facts first", "word"), "p"] > 1e-3
    orders = bottle.contrasts(outcomes, "order", "together", "arm")
    assert set(orders["order"]) == {"facts first"}
    assert set(orders["arm"]) == set(ARMS)
    both = bottle.tested([bottle.contrasts(outcomes, "arm", "unmixed", "order"), orders])
    assert (both["p_adjusted"] >= both["p"]).all()


def test_nothing_to_compare_gives_no_rows():
    outcomes = planted(3).query("arm == 'word'")
    assert bottle.tested([bottle.contrasts(outcomes, "arm", "unmixed", "order")]).empty


def test_intervals_cover_and_tests_keep_their_level():
    covered, false = [], []
    for draw in range(600):
        outcomes = planted(5, effect=0.0, draw=draw, arms=TWO)
        found = bottle.contrasts(outcomes, "arm", "unmixed", "order")
        covered += list((found["seeds_low"] < 0) & (found["seeds_high"] > 0))
        false.append((bottle.tested([found])["p_adjusted"] < 0.05).any())
    assert 0.93 < np.mean(covered) < 0.97
    assert np.mean(false) <= 0.07


def test_a_difference_of_the_least_detectable_size_is_found_four_times_in_five():
    sizes = [
        bottle.contrasts(planted(5, 0.0, draw=draw, arms=TWO), "arm", "unmixed", "order")[
            "least_detectable"
        ]
        for draw in range(20)
    ]
    size = np.mean(np.concatenate(sizes)) / 100
    found = [
        bottle.contrasts(planted(5, size, draw=draw, arms=TWO), "arm", "unmixed", "order")
        .query("order == 'together' and arm == 'word'")["p"]
        .item()
        for draw in range(300)
    ]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.8, abs=0.1)


def test_alignment_is_correlated_within_seeds():
    found = bottle.aligned(planted(5, scatter=0.2)).set_index(["layer", "orders"])
    row = found.loc[("embeddings", "together")]
    assert (row["n_models"], row["n_seeds"]) == (25, 5)
    assert row["seeds_rho"] > 0.9  # Over all models it drowns in the worlds' differences.
    assert row["rho"] < row["seeds_rho"]
    assert row["seeds_low"] > 0
    points = bottle.points(planted(5), bottle.aligned(planted(5)))
    assert len(points) == 3 * 50
    assert "n = 50 models" in points["layer"].iloc[0]


def test_words_name_what_was_not_learned_and_what_stands():
    outcomes = planted(6)
    outcomes.loc[3, "accuracy_learned"] = 0.9
    orders = bottle.table(outcomes, ["order", "arm"])
    differences = bottle.tested([bottle.contrasts(outcomes, "arm", "unmixed", "order")])
    said = bottle.in_words(orders, differences, bottle.aligned(outcomes))
    assert "learned to 90 % only, where all shall reach 98 %, in: sentence, together." in said
    assert "  word, together, less unmixed: +" in said
    assert re.search(r"word \d\d %\*", said)

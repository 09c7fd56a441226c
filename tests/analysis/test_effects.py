"""Effects over seeds x items, equivalence, and the least effect that could be shown."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_1samp
from statsmodels.stats.power import TTestPower
from statsmodels.stats.weightstats import ttost_paired

from xlkb.analysis import effects

thirds = st.integers(-3, 3).map(lambda third: third / 3)
one_seed = arrays(float, st.integers(2, 40), elements=thirds)
crossed = arrays(float, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=thirds)


def clusters(n):
    return [f"c{i // 2}" for i in range(n)]


@given(one_seed)
def test_one_seed_without_clusters_is_the_paired_t_test(values):
    told = effects.effect(values)
    if np.ptp(values) == 0:
        assert np.isnan(told["least_points"])
        assert told["p"] == (0.5 ** (len(values) - 1) if values.any() else 1)
        return
    test = ttest_1samp(values, 0)
    assert told["p"] == pytest.approx(test.pvalue, abs=1e-9)
    interval = test.confidence_interval()
    assert (told["effect_low"] / 100, told["effect_high"] / 100) == pytest.approx(tuple(interval))


@given(crossed)
def test_the_test_says_what_the_interval_says(values):
    told = effects.effect(values, clusters(len(values)))
    assert (told["p"] < 0.05) == (told["effect_low"] > 0 or told["effect_high"] < 0)
    assert told["effect_points"] == pytest.approx(100 * values.mean())
    assert told["per_seed"] == pytest.approx((100 * values.mean(0)).tolist())
    assert (told["n"], told["n_seeds"]) == values.shape


@given(crossed, st.randoms())
def test_neither_the_order_of_items_nor_of_seeds_matters(values, random):
    places = random.sample(range(len(values)), len(values))
    names = clusters(len(values))
    first = effects.estimate(values, names)
    again = effects.estimate(values[places, ::-1], [names[i] for i in places])
    assert tuple(again) == pytest.approx(tuple(first), nan_ok=True)


@given(crossed)
def test_the_other_side_has_the_effect_with_the_other_sign(values):
    one, other = (effects.effect(sign * values, clusters(len(values))) for sign in (1, -1))
    assert other["effect_low"] == pytest.approx(-one["effect_high"], nan_ok=True)
    assert other["p"] == pytest.approx(one["p"])
    assert other["least_points"] == pytest.approx(one["least_points"], nan_ok=True)


def test_seeds_that_all_say_the_same_are_one_seed():
    values = np.random.default_rng(0).integers(-1, 2, (60, 1)).astype(float)
    one, three = effects.estimate(values), effects.estimate(np.repeat(values, 3, axis=1))
    assert three == pytest.approx(one)


def test_what_differs_between_seeds_or_goes_together_widens_the_interval():
    rng = np.random.default_rng(1)
    values = rng.integers(-1, 2, (120, 3)).astype(float)
    plain = effects.estimate(values)
    apart = effects.estimate(values + np.array([-0.3, 0.0, 0.3]))
    assert apart.error > 2 * plain.error
    assert apart.df < 5
    tied = effects.estimate(np.repeat(values[:40], 3, axis=0), np.repeat(range(40), 3))
    assert tied == pytest.approx(effects.estimate(values[:40]))


def by_signs(values, names):
    """The exact p of flipping the sign of each cluster's sum, over all ways to do so."""
    sums = pd.Series(values.sum(1)).groupby(names).sum().to_numpy()
    found = np.array(list(product([-1, 1], repeat=len(sums)))) @ sums
    return np.mean(np.abs(found) > abs(sums.sum()) - 1e-9)


@given(st.integers(1, 16), st.integers(1, 3), thirds)
def test_where_nothing_varied_the_sign_is_tested(n, seeds, share):
    values = np.full((n, seeds), share)
    told = effects.effect(values, clusters(n))
    assert told["p"] == pytest.approx(by_signs(values, clusters(n)))
    ends = told["effect_low"], told["effect_high"]
    known = told["p"] < 0.05
    assert ends == pytest.approx((100 * share,) * 2 if known else (np.nan,) * 2, nan_ok=True)
    assert np.isnan(told["least_points"])


@pytest.mark.parametrize(
    ("share", "n", "verdict"),
    [(-0.5, 40, "worse"), (0.5, 40, "not worse"), (0.0, 40, "open"), (-0.5, 4, "open")],
)
def test_where_nothing_varied_the_verdict_goes_by_the_sign(share, n, verdict):
    assert effects.equivalence(np.full(n, share))["verdict"] == verdict


def test_items_that_a_seed_was_not_asked_are_refused():
    with pytest.raises(ValueError, match="under each seed"):
        effects.effect([[1.0, np.nan], [0.0, 0.0]])


def test_one_cluster_says_nothing():
    told = effects.effect([1.0, 0.0, 1.0], ["FR"] * 3)
    assert (told["n"], told["n_clusters"], told["p"]) == (3, 1, 1)
    assert np.isnan(told["effect_low"])


@given(one_seed)
def test_equivalence_is_two_one_sided_tests(values):
    told = effects.equivalence(values, margin=20)
    if np.ptp(values) == 0:
        assert (told["verdict"] == "equivalent", told["p"]) == (False, 1)
        return
    p, *_ = ttost_paired(values, np.zeros(len(values)), -0.2, 0.2)
    assert told["p"] == pytest.approx(p, abs=1e-9)
    assert (told["p"] < 0.05) == (told["verdict"] == "equivalent")


@pytest.mark.parametrize(
    ("centre", "spread", "verdict"),
    [
        (0.00, 0.1, "equivalent"),
        (-0.02, 0.03, "equivalent"),
        (0.06, 0.2, "not worse"),
        (-0.08, 0.2, "worse"),
        (0.00, 0.9, "open"),
    ],
)
def test_the_verdict_follows_from_the_interval(centre, spread, verdict):
    values = centre + spread * np.tile([-1.0, 1.0], 50)
    assert effects.equivalence(values)["verdict"] == verdict


def test_a_margin_of_nothing_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        effects.equivalence([0.0, 1.0], margin=0)


@given(st.integers(15, 2000), st.integers(1, 24))
def test_the_least_effect_has_80_percent_power_at_holms_first_step(n, tests):
    least = effects.least(n**-0.5, n - 1, tests)
    reached = TTestPower().power(least, n, 0.05 / tests)
    assert reached == pytest.approx(0.8, abs=0.04)


def test_without_spread_there_is_no_least_effect():
    assert np.isnan([effects.least(0.0), effects.least(np.nan)]).all()


def test_holm_leaves_out_what_was_not_tested():
    adjusted = effects.holm(pd.Series([0.01, np.nan, 0.04], index=list("abc")))
    assert adjusted.to_dict() == pytest.approx({"a": 0.02, "b": np.nan, "c": 0.04}, nan_ok=True)

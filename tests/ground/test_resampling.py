"""The bootstrap: what its draws must not depend on."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from xlkb.ground import resampling

whole = st.integers(-100, 100)
units = st.lists(whole, min_size=1, max_size=30)


def draw(values, **more):
    return resampling.resample(values, 7, resamples=300, **more)


def test_the_example_is_as_it_says():
    assert doctest.testmod(resampling).failed == 0


@given(st.floats(-1e6, 1e6), st.integers(1, 30), st.integers(1, 5))
def test_the_interval_of_a_constant_is_the_constant(value, n, clusters):
    for more in ({}, {"cluster": [i % clusters for i in range(n)]}):
        low, high = resampling.interval(draw([value] * n, **more))
        assert (low, high) == (pytest.approx(value), pytest.approx(value))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_clusters_of_one_are_no_clusters_to_the_bit(values):
    plain = draw(values)
    assert (draw(values, cluster=[f"c{i}" for i in range(len(values))]) == plain).all()
    assert (draw(values, sizes=[1] * len(values)) == plain).all()


@given(st.lists(st.tuples(whole, st.integers(0, 4)), min_size=1, max_size=30), st.randoms())
def test_rows_of_a_cluster_may_come_in_any_order(rows, random):
    rows.sort(key=lambda row: row[1])
    values, cluster = zip(*rows, strict=True)
    random.shuffle(rows)
    rows.sort(key=lambda row: row[1])
    again, _ = zip(*rows, strict=True)
    assert (draw(values, cluster=cluster) == draw(again, cluster=cluster)).all()


@given(st.lists(units, min_size=1, max_size=8))
def test_a_cluster_counts_as_its_sum_over_its_size(clusters):
    values = [value for each in clusters for value in each]
    named = [i for i, each in enumerate(clusters) for _ in each]
    sums, sizes = [sum(each) for each in clusters], [len(each) for each in clusters]
    assert (draw(values, cluster=named) == draw(sums, sizes=sizes)).all()


@given(units)
def test_a_generator_goes_on_where_it_stands(values):
    rng = np.random.default_rng(7)
    twice = [resampling.resample(values, rng, resamples=300) for _ in range(2)]
    assert (np.concatenate(twice) == resampling.resample(values, 7, resamples=600)).all()


def test_draws_in_blocks_are_the_draws_at_once(monkeypatch):
    values = np.random.default_rng(0).random(50)
    blocks = draw(values)
    monkeypatch.setattr(resampling, "BLOCK", 7)
    assert (draw(values) == blocks).all()


@pytest.mark.parametrize("counts", [(30, 10, 60), (0, 0, 5), (200, 0, 1)])
def test_counted_units_have_the_interval_of_single_ones(counts):
    single = np.repeat([100, -100, 0], counts)
    counted = resampling.resample([100, -100, 0], 7, counts=counts)
    assert counted.mean() == pytest.approx(single.mean(), abs=1)
    plain = resampling.interval(resampling.resample(single, 7))
    assert resampling.interval(counted) == pytest.approx(plain, abs=1)


@given(st.lists(st.integers(-2, 2), min_size=2, max_size=12))
def test_the_test_by_signs_is_scipys(values):
    exact = permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert resampling.p_value(values, 7) == pytest.approx(exact, abs=0.025)


def test_clusters_have_one_sign():
    values, cluster = [1.0, 2.0, -1.0, 1.0, 4.0], list("aabbc")
    assert resampling.p_value(values, 7, cluster) == resampling.p_value([3.0, 0.0, 4.0], 7)
    assert resampling.p_value([5.0], 7) == 1


def test_units_that_go_together_have_a_wider_interval():
    values, country = np.repeat([0, 1] * 10, 20), np.repeat(range(20), 20)
    widths = [np.ptp(resampling.interval(draw(values, cluster=c))) for c in (None, country)]
    assert widths[1] > 3 * widths[0]

"""An effect over training seeds x items: interval, test, and the least effect that could be shown.

Seeds and items are crossed: every item was asked under every seed. With m the mean of all
differences, its variance is made of components (the two-way clustered variance of Cameron, Gelbach
and Miller 2011, which is also the crossed analysis of variance):

    V = V_clusters + max(0, V_seeds - V_both)

V_clusters from the spread of the clusters' sums (items about one country or character go together),
V_seeds from the spread of the seeds' means, and V_both from what is left when both are taken out,
which the first two contain once each. Intervals and p come from one t distribution with
Satterthwaite's degrees of freedom, so that p < .05 exactly if the 95 % interval leaves out 0. With
one seed and no clusters all of this is the paired t test. Where nothing varied there is no t: the
sign of a difference is tested alone, by flipping that of each of k clusters (p = 2^(1 - k)).

Chosen by simulation: binary answers, accuracy .6, 420 items in 150 to 225 clusters, in one language
or four, effects of 0 and 5 points, 3 or 5 seeds whose true effects have a standard deviation (SD)
of 0 to 2 points, 1,000 to 2,000 draws a cell (tests/analysis/test_calibration.py repeats a part).
Coverage of the 95 % interval, least and most over all cells:

- this: 94 to 97 %, as with 100 items in 25 clusters; with 1,154 in 180, 93 to 96 %;
- the same with a normal quantile: 91 to 96 %, the least with 3 seeds of SD 2;
- items only, the seeds averaged: 89 to 91 % at SD 2;
- seeds only, t with S - 1 degrees of freedom: 75 to 91 %, because the items are the same under all
  seeds: it does not say what other items would have shown;
- bootstrap of seeds x clusters (the pigeonhole bootstrap, Owen 2007), percentile: 96 to 98 % with
  intervals a tenth wider, as it counts V_both more than once; no less with the seeds' deviations
  inflated by sqrt(S / (S - 1)).

Where it does not hold: with *one* seed the interval is about other items for this one training
run. For the recipe it is too short unless seeds hardly matter: it covers 95 % at SD 0, 92 to 95 %
at 0.5, 88 to 93 % at 1 and 74 to 88 % at 2, and less with more items. With fewer than some 20
clusters, or nearly all answers right or wrong, t intervals are too short.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit
from statsmodels.stats.multitest import multipletests

ALPHA = 0.05
POWER = 0.8
ROUNDING = 1e-12
"""Of the largest value: an error below it is none."""
MARGIN = 3.0
"""Points within which an accuracy counts as kept."""


class Mean(NamedTuple):
    """A mean over seeds x items, with its standard error and the error's degrees of freedom."""

    mean: float
    error: float
    df: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Where the mean lies; where nothing varied, the mean if `p` is small, else NaN."""
        if not self.error > 0:
            end = self.mean if self.p() < 1 - level else np.nan
            return end, end
        reach = float(stdtrit(self.df, (1 + level) / 2)) * self.error
        return self.mean - reach, self.mean + reach

    def p(self) -> float:
        """Two-sided, of a mean of 0."""
        return min(1.0, 2 * min(self.p_above(0), self.p_below(0)))

    def p_above(self, bound: float) -> float:
        """One-sided: small where the mean is larger than a bound.

        Where nothing varied only the sign is known: 2^-k of k clusters if the mean is above 0 and
        the bound is not, else 1.
        """
        if not self.error > 0:
            return 2.0 ** -(self.df + 1) if self.error == 0 and self.mean > 0 >= bound else 1.0
        return float(stdtr(self.df, (bound - self.mean) / self.error))

    def p_below(self, bound: float) -> float:
        """One-sided: small where the mean is smaller than a bound; 1 where nothing varied."""
        return Mean(-self.mean, self.error, self.df).p_above(-bound)


def estimate(values: ArrayLike, cluster: Sequence | None = None) -> Mean:
    """The mean over seeds x items with its error, in the unit of the values.

    Args:
        values: of each item (rows) under each seed (columns), float [items, seeds] or [items].
        cluster: of each item (`tasks.cluster`); each item by itself when None.

    Returns:
        The error is NaN with one cluster, and 0 where nothing varied, up to rounding.

    Raises:
        ValueError: there is no value, or an item was not asked under all seeds.
    """
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    if not values.size or np.isnan(values).any():
        raise ValueError("Each item needs a value under each seed, and there must be one at least.")
    (n, seeds), mean = values.shape, values.mean()
    place = np.arange(n) if cluster is None else pd.factorize(np.asarray(cluster))[0]
    clusters = place.max() + 1
    if clusters == 1:
        return Mean(mean, np.nan, np.nan)
    # Sums of a cluster under a seed; deviations from the overall mean, then from the seed's.
    sums = np.zeros((clusters, seeds))
    np.add.at(sums, place, values)
    sizes, by_seed = np.bincount(place)[:, None], values.mean(0)
    scale = clusters / (clusters - 1) / values.size**2
    of_clusters = ((sums - sizes * mean).sum(1) ** 2).sum() * scale
    nothing = (ROUNDING * np.abs(values).max()) ** 2
    if seeds == 1:
        return Mean(mean, np.sqrt(of_clusters) if of_clusters > nothing else 0.0, clusters - 1)
    left = sums - sizes * by_seed
    left = left - left.mean(1, keepdims=True)
    of_both = (left**2).sum() * scale * seeds / (seeds - 1)
    of_seeds = by_seed.var(ddof=1) / seeds
    variance = of_clusters + max(0.0, of_seeds - of_both)
    if variance <= nothing:
        return Mean(mean, 0.0, clusters - 1)
    dfs = clusters - 1, seeds - 1, (clusters - 1) * (seeds - 1)
    squares = of_clusters**2 / dfs[0] + of_seeds**2 / dfs[1] + of_both**2 / dfs[2]
    df = variance**2 / squares
    return Mean(mean, np.sqrt(variance), float(np.clip(df, min(dfs[:2]), dfs[0])))


def design(values: ArrayLike, cluster: Sequence) -> float:
    """Kish's design effect: how many times larger a mean's variance is for its clusters.

    At least 1, as an estimate below it is mostly chance; 1 where nothing varied, and of one
    cluster, which shows nothing.
    """
    together, alone = estimate(values, cluster).error, estimate(values).error
    return max(1.0, (together / alone) ** 2) if together > 0 and alone > 0 else 1.0


def effect(differences: ArrayLike, cluster: Sequence | None = None, tests: int = 1) -> dict:
    """What a paired comparison shows.

    Args:
        differences: of each item under each training seed, as shares (-1 to 1), float [items,
            seeds] or [items]; an item's answers in several languages are one share.
        cluster: of each item (`tasks.cluster`); each item by itself when None.
        tests: in the family that is corrected by Holm.

    Returns:
        `n` (items), `n_seeds, n_clusters, effect_points, effect_low, effect_high` (95 % interval,
        points), `p` (two-sided), `standard_error` (points), `least_points` (see `least`) and
        `per_seed` (the effect under each seed, points, a list). Where nothing varied, there is
        no `least_points`; a difference of 0 has no interval and a p of 1; another, over k clusters,
        has a p of 2^(1 - k), and itself as the interval once that is below 5 %.

    Raises:
        ValueError: as `estimate`.
    """
    points, found = _points(differences, cluster)
    low, high = found.interval()
    return {
        **_counted(points, cluster),
        "effect_points": found.mean,
        "effect_low": low,
        "effect_high": high,
        "p": found.p(),
        "standard_error": found.error,
        "least_points": least(found.error, found.df, tests),
        "per_seed": points.mean(0).tolist(),
    }


def _points(differences: ArrayLike, cluster: Sequence | None) -> tuple[np.ndarray, Mean]:
    points = 100 * np.asarray(differences, float)
    points = points[:, None] if points.ndim == 1 else points
    return points, estimate(points, cluster)


def _counted(points: np.ndarray, cluster: Sequence | None) -> dict[str, int]:
    n, seeds = points.shape
    n_clusters = n if cluster is None else len(set(cluster))
    return {"n": n, "n_seeds": seeds, "n_clusters": n_clusters}


def equivalence(
    differences: ArrayLike, cluster: Sequence | None = None, margin: float = MARGIN
) -> dict:
    """Is an accuracy kept, within a margin? Two one-sided tests (TOST; Schuirmann 1987).

    Arguments as for `effect`; `margin` in points.

    Returns:
        `n, n_seeds, n_clusters, effect_points, effect_low, effect_high` (90 % interval), `margin`,
        `p` (of equivalence: the larger of the two tests'), `p_not_worse` (of non-inferiority: the
        test against a loss of the margin) and `verdict`, each with an error of at most 5 %:

        - "equivalent": the interval lies between minus and plus the margin;
        - "not worse": it lies above minus the margin, and reaches beyond plus the margin;
        - "worse": it lies below 0, and reaches beyond minus the margin;
        - "open": none of these: there are too few answers to say.

        Where nothing varied, nothing is known but the sign: that may be "worse" or "not worse".

    Raises:
        ValueError: the margin is not above 0; and as `estimate`.
    """
    if not margin > 0:
        raise ValueError(f"margin = {margin}: give the points that would not matter, above 0.")
    points, found = _points(differences, cluster)
    low, high = found.interval(0.9)
    p_not_worse, p_not_better = found.p_above(-margin), found.p_below(margin)
    if p_not_worse < ALPHA:
        verdict = "equivalent" if p_not_better < ALPHA else "not worse"
    else:
        verdict = "worse" if found.p_below(0) < ALPHA else "open"
    return {
        **_counted(points, cluster),
        "effect_points": found.mean,
        "effect_low": low,
        "effect_high": high,
        "margin": margin,
        "p": max(p_not_worse, p_not_better),
        "p_not_worse": p_not_worse,
        "verdict": verdict,
    }


def holm(p: pd.Series) -> pd.Series:
    """Holm's correction over the tests of a table; rows without a p were not tested."""
    adjusted = multipletests(p.dropna(), method="holm")[1]
    return pd.Series(adjusted, p.dropna().index).reindex(p.index)


def least(error: float, df: float = np.inf, tests: int = 1, alpha: float = ALPHA) -> float:
    """The least effect that a two-sided t test shows with 80 % power, in the unit of its error.

    (t_{1 - alpha / (2 tests)} + t_{0.8}) * error: with several tests, that is what Holm's first
    step asks of the smallest p. An approximation, within 3 points of power from 15 units on.

    Args:
        error: standard error of the difference.
        df: its degrees of freedom.
        tests: how many there are in the family.
        alpha: of the family.

    Returns:
        NaN where there is no error, and for an error of 0: nothing varied, so nothing is known.
    """
    if not error > 0:
        return np.nan
    quantiles = stdtrit(df, [1 - alpha / (2 * max(tests, 1)), POWER])
    return float(quantiles.sum() * error)


def possible(table: pd.DataFrame) -> pd.DataFrame:
    """A table of differences between accuracies without any `least_points` above 100: no two differ
    by more, so that none could be shown."""
    return table.assign(least_points=table["least_points"].where(table["least_points"] <= 100))


def corrected(table: pd.DataFrame) -> pd.DataFrame:
    """A table of tests with `p_adjusted` (Holm) and `least_points`, over its rows that have a `p`.

    Args:
        table: with `p`, and `error` (points) and `df` of each difference, which leave.
    """
    if "p" not in table:
        return table.assign(p=np.nan, p_adjusted=np.nan, least_points=np.nan)
    tests = int(table["p"].notna().sum())
    errors = zip(table["error"], table["df"], strict=True)
    return table.drop(columns=["error", "df"]).assign(
        p_adjusted=holm(table["p"]), least_points=[least(*each, tests) for each in errors]
    )

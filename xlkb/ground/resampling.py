"""The bootstrap: how far a mean would move if other units had been drawn; and a test by signs.

It lies on the ground because scoring (documents, translations) and analysis (items, sentences) both
need it. Units that go together, as questions about one country, are drawn together: `cluster`.

>>> from xlkb.ground import resampling
>>> means = resampling.resample([0.0, 1.0, 1.0, 1.0], seed=42)
>>> [round(float(bound), 2) for bound in resampling.interval(means)]
[0.25, 1.0]
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

RESAMPLES = 10_000
BLOCK = 1_000
"""Resamples that are drawn at once, which bounds memory."""


def resample(
    values: ArrayLike,
    seed: int | np.random.Generator,
    cluster: Sequence | None = None,
    sizes: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    resamples: int | None = None,
) -> np.ndarray:
    """Means of as many units as there are, drawn again with replacement, float64 [resamples].

    Args:
        values: of each unit.
        seed: of the draws; or a generator, which goes on from where it stands.
        cluster: of each unit, as its country or character. Units of a cluster are not independent,
            so whole clusters are drawn, with all their units.
        sizes: of each unit, as its tokens, where its value is a sum over so many; the mean is then
            the sum of the values over the sum of the sizes. 1 when None.
        counts: how many units have each of the `values`, where these are few. One multinomial draw
            then stands for drawing unit by unit: faster, and the same in distribution, but not the
            same draws. Without `cluster` and `sizes`.
        resamples: `RESAMPLES` when None.
    """
    rng = np.random.default_rng(seed)
    resamples = RESAMPLES if resamples is None else resamples
    values = np.asarray(values, float)
    if counts is not None:
        n = np.sum(counts)
        return rng.multinomial(n, np.asarray(counts) / n, size=resamples) @ values / n
    if cluster is not None:
        place, _ = pd.factorize(np.asarray(cluster))
        sizes = np.bincount(place, sizes)
        values = np.bincount(place, values)
    sizes = None if sizes is None else np.asarray(sizes, float)
    means = []
    for start in range(0, resamples, BLOCK):
        drawn = rng.integers(len(values), size=(min(BLOCK, resamples - start), len(values)))
        total = len(values) if sizes is None else sizes[drawn].sum(1)
        means.append(values[drawn].sum(1) / total)
    return np.concatenate(means)


def interval(resampled: ArrayLike) -> tuple[float, float]:
    """The 95 % percentile interval of what was resampled."""
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def p_value(
    differences: ArrayLike,
    seed: int,
    cluster: Sequence | None = None,
    resamples: int | None = None,
) -> float:
    """Two-sided p of paired differences: how often their sum is as large under random signs.

    The paired permutation test, as scipy's `permutation_test` with `permutation_type="samples"`,
    some ten times as fast; the signs are those of whole clusters. For differences of -1, 0 and 1
    without clusters it is McNemar's exact test, up to the number of draws.

    Arguments as for `resample`.
    """
    values = np.asarray(differences, float)
    if cluster is not None:
        values = np.bincount(pd.factorize(np.asarray(cluster))[0], values)
    resamples = RESAMPLES - 1 if resamples is None else resamples
    signs = np.random.default_rng(seed).integers(0, 2, (resamples, len(values)), dtype=np.int8)
    sums = (2.0 * signs - 1) @ values
    # A sum of fractions may differ in its last digits from one that is equal.
    as_large = np.abs(sums) >= np.abs(values.sum()) - 1e-9 * np.abs(values).sum()
    return float((1 + as_large.sum()) / (1 + resamples))

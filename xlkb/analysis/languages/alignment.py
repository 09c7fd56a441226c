"""Statistics of similarities: means with intervals, and paired comparisons between changes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats as tests

from xlkb.analysis import effects
from xlkb.ground import resampling


def means(
    frame: pd.DataFrame, by: Sequence[str], value: str = "cosine", seed: int = 42
) -> pd.DataFrame:
    """Mean of a value per group, with its 95 % bootstrap interval (percentile, over rows).

    Returns:
        `by` and `n`, the mean under the value's name, `low, high`; groups in order of appearance.
    """
    rows = []
    for key, part in frame.groupby(list(by), sort=False, observed=True):
        values = part[value].to_numpy(float)
        low, high = resampling.interval(resampling.resample(values, seed))
        row = dict(zip(by, key, strict=True)) | {"n": len(values), value: values.mean()}
        rows.append(row | {"low": low, "high": high})
    return pd.DataFrame(rows, columns=[*by, "n", value, "low", "high"])


def against(
    frame: pd.DataFrame,
    reference: tuple[str, float],
    value: str = "cosine",
    seed: int = 42,
) -> pd.DataFrame:
    """Each change compared with one of them, sentence by sentence.

    Args:
        frame: rows of `corpora.perturbed` with the value, e.g. `cosine` to the original.
        reference: kind and probability that the others are compared with.
        value: column to compare.
        seed: of the bootstrap.

    Returns:
        `kind, probability, n`, the mean under the value's name, `low, high`, then `difference` (the
        reference's mean minus this one), `p` (paired Wilcoxon signed-rank test, two-sided),
        `p_adjusted` (Holm) and `least_difference` (`effects.least`, in the value's unit); the last
        four are empty for the reference.

        Of an empty frame, an empty one.

    Raises:
        ValueError: the reference is not there, or another change has other sentences.
    """
    keys = ["id", "sentence"]
    cells = {
        key: part.set_index(keys)[value] for key, part in frame.groupby(["kind", "probability"])
    }
    if cells and reference not in cells:
        raise ValueError(f"There is no change {reference}; there are: {', '.join(map(str, cells))}")
    table = means(frame, ["kind", "probability"], value, seed)
    differences, p_values, errors = [], [], []
    for kind, probability in zip(table["kind"], table["probability"], strict=True):
        own = cells[kind, probability]
        if (kind, probability) == reference:
            for column in (differences, p_values, errors):
                column.append(np.nan)
            continue
        if not own.index.equals(cells[reference].index):
            raise ValueError(f"{kind} at {probability:g} has other sentences than {reference}.")
        paired = cells[reference] - own
        differences.append(paired.mean())
        p_values.append(tests.wilcoxon(paired).pvalue if paired.any() else 1.0)
        errors.append(paired.sem())
    table["difference"], table["p"] = differences, p_values
    n_tests, n = table["p"].notna().sum(), table["n"]
    least = [effects.least(each, k - 1, n_tests) for each, k in zip(errors, n, strict=True)]
    return table.assign(p_adjusted=effects.holm(table["p"]), least_difference=least)

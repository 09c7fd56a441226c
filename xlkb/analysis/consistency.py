"""Do two languages, or two ways of asking, get the same answers, whatever is right?

Computed from the rows and decisions of `stats`.
"""

import numpy as np
import pandas as pd

from xlkb.analysis import stats
from xlkb.analysis.stats import CELL, CONDITION, ITEM


def transfer_rate(decisions: pd.DataFrame, base: str = "en") -> pd.DataFrame:
    """Share right in l among the items right in the base language, with 95 % Wilson interval.

    No row where nothing is right in the base language.
    """
    condition = [c for c in CONDITION if decisions[c].nunique() > 1]
    known = stats.english(decisions, base).query("correct")[[*condition, "item_id"]]
    foreign = decisions.query("recomposition == 'full' and language != @base")
    kept = foreign.merge(known, on=[*condition, "item_id"])
    table = stats.accuracy(kept, [*condition, "language"])
    return table.rename(columns={"accuracy": "transfer_rate"})


def rankc(rows: pd.DataFrame, rule: str = "sum", base: str = "en", seed: int = 42) -> pd.DataFrame:
    """RankC between the base language and each other one (Qi et al. 2023, section 3).

    Mean over items of sum_j w_j |top-j of l & top-j of en| / j with w_j = exp(N - j) / sum_k
    exp(N - k), N = 4: 1 if all choices are ranked alike, whatever is right.

    Returns:
        `language, n, rankc, low, high` (95 % bootstrap over items), for the other languages.

    Raises:
        ValueError: there is another language and not the base one, or they differ in items.
    """
    columns = ["language", "n", "rankc", "low", "high"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    values = stats.points(rows, rule)
    first = rows.iloc[::4].reset_index(drop=True)
    ranking = np.argsort(-values, axis=1, kind="stable")
    full = (first["recomposition"] == "full").to_numpy()
    ranked = {
        code: pd.Series(list(ranking[index]), index=first.loc[index, "item_id"])
        for code in first.loc[full, "language"].unique()
        if len(index := np.flatnonzero(full & (first["language"] == code)))
    }
    weights = np.exp(4 - np.arange(1, 5))
    weights /= weights.sum()
    rng = np.random.default_rng(seed)
    table = []
    for code, own in ranked.items():
        if code == base:
            continue
        stats.same_items(own, ranked.get(base), {"language": code})
        pairs = zip(own, ranked[base].loc[own.index], strict=True)
        each = np.array([_overlap(a, b) @ weights for a, b in pairs])
        resampled = rng.choice(each, (stats.RESAMPLES // 5, len(each))).mean(1)
        low, high = np.percentile(resampled, [2.5, 97.5])
        table.append((code, len(each), each.mean(), low, high))
    return pd.DataFrame(table, columns=columns)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|top-j of a & top-j of b| / j for j = 1 … N."""
    return np.array([len({*a[:j]} & {*b[:j]}) / j for j in range(1, len(a) + 1)])


def agreement(a: pd.DataFrame, b: pd.DataFrame) -> float:
    """Share of questions for which two sets of decisions take the same choice.

    Where an answer was not understood, no choice was taken.
    """
    keys = [*CELL, *ITEM]
    merged = a.merge(b, on=keys, suffixes=("", "_other"), validate="one_to_one")
    if not len(a) == len(b) == len(merged):
        raise ValueError(f"{len(a)} and {len(b)} decisions share only {len(merged)} questions.")
    taken = merged["predicted"] >= 0
    return float((taken & (merged["predicted"] == merged["predicted_other"])).mean())

"""Do two languages, or two ways of asking, get the same answers, whatever is right?

Computed from the rows and decisions of `stats`.
"""

import numpy as np
import pandas as pd

from xlkb.analysis import stats
from xlkb.analysis.stats import CONDITION
from xlkb.ground import resampling


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
    ranking = np.argsort(-stats.points(rows, rule), axis=1, kind="stable")
    first = rows.iloc[::4].assign(ranking=list(ranking)).set_index("item_id")
    full = first[first["recomposition"] == "full"]
    ranked = dict(list(full.groupby("language", sort=False)["ranking"]))
    reference = ranked.pop(base, None)
    weights = np.exp(4 - np.arange(1, 5))
    weights /= weights.sum()
    rng = np.random.default_rng(seed)
    table = []
    for code, own in ranked.items():
        stats.same_items(own, reference, {"language": code})
        pairs = zip(own, reference.loc[own.index], strict=True)
        each = np.array([_overlap(a, b) @ weights for a, b in pairs])
        resampled = resampling.resample(each, rng, resamples=resampling.RESAMPLES // 5)
        low, high = resampling.interval(resampled)
        table.append((code, len(each), each.mean(), low, high))
    return pd.DataFrame(table, columns=columns)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|top-j of a & top-j of b| / j for j = 1 … N."""
    return np.array([len({*a[:j]} & {*b[:j]}) / j for j in range(1, len(a) + 1)])

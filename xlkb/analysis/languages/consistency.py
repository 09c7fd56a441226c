"""Do two languages, or two ways of asking, get the same answers, whatever is right?

Computed from the rows and decisions of `stats`.
"""

from itertools import permutations

import numpy as np
import pandas as pd

from xlkb.analysis import gaps, stats
from xlkb.analysis.stats import CONDITION
from xlkb.ground import resampling


def transfer_rate(decisions: pd.DataFrame, base: str = "en") -> pd.DataFrame:
    """Share right in l among the items right in the base language, with 95 % Wilson interval.

    No row where nothing is right in the base language.
    """
    condition = [c for c in CONDITION if decisions[c].nunique() > 1]
    known = gaps.english(decisions, base).query("correct")[[*condition, "item_id"]]
    foreign = decisions.query("recomposition == 'full' and language != @base")
    kept = foreign.merge(known, on=[*condition, "item_id"])
    table = stats.accuracy(kept, [*condition, "language"])
    return table.rename(columns={"accuracy": "transfer_rate"})


def in_all(decisions: pd.DataFrame) -> pd.DataFrame:
    """Total consistency: the share of items that are right in every language asked.

    Returns:
        What of `CONDITION` varies, then `n_languages, n` (items), `right_in_all, low, high` (share,
        95 % Wilson interval as of `stats.accuracy`), `if_independent` (the product of the
        languages' accuracies: what chance would leave if no item were easier than another) and
        `at_most` (the least accurate language's). Questions whose parts are in different languages
        are left out.

    Raises:
        ValueError: languages differ in items, or an item occurs twice.
    """
    condition = [c for c in CONDITION if decisions[c].nunique() > 1]
    columns = [*condition, "n_languages", "n", "right_in_all", "low", "high"]
    columns += ["if_independent", "at_most"]
    full = decisions.query("recomposition == 'full'")
    rows = []
    for key, part in full.groupby(condition or (lambda _: 0), sort=False):
        cell = dict(zip(condition, key, strict=True)) if condition else {}
        languages = dict(list(part.groupby("language", sort=False)))
        right = {code: own.set_index("item_id")["correct"] for code, own in languages.items()}
        first = next(iter(right))
        for code, own in right.items():
            stats.same_items(own, right[first], cell | {"language": code})
        everywhere = pd.DataFrame(right).all(axis=1)
        items = languages[first][["task", "item_id"]].assign(
            correct=lambda frame, every=everywhere: frame["item_id"].map(every)
        )
        (share,) = stats.accuracy(items, ["task"]).to_dict("records")
        accuracies = [own.mean() for own in right.values()]
        row = cell | {"n_languages": len(right), "n": share["n"]}
        row |= {"right_in_all": share["accuracy"], "low": share["low"], "high": share["high"]}
        rows.append(row | {"if_independent": np.prod(accuracies), "at_most": min(accuracies)})
    return pd.DataFrame(rows, columns=columns)


def rankc(rows: pd.DataFrame, rule: str = "sum", base: str = "en", seed: int = 42) -> pd.DataFrame:
    """RankC between the base language and each other one (Qi et al. 2023, section 3).

    Mean over items of sum_j w_j |top-j of l & top-j of en| / j with w_j = exp(N - j) / sum_k
    exp(N - k), N = 4: 1 if all choices are ranked alike, whatever is right.

    Returns:
        `language, n, rankc, low, high` (95 % bootstrap over items, clusters kept together),
        `chance` (its mean over all pairs of rankings: what unrelated rankings get) and `floor` (its
        least value, of opposite ones), for the other languages.

    Raises:
        ValueError: there is another language and not the base one, or they differ in items.
    """
    columns = ["language", "n", "rankc", "low", "high", "chance", "floor"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    ranking = np.argsort(-stats.points(rows, rule), axis=1, kind="stable")
    first = rows.iloc[::4].assign(ranking=list(ranking)).set_index("item_id")
    full = first[first["recomposition"] == "full"]
    ranked = dict(list(full.groupby("language", sort=False)["ranking"]))
    reference = ranked.pop(base, None)
    weights = np.exp(4 - np.arange(1, 5))
    weights /= weights.sum()
    of_all = _overlap(np.arange(4)[None], np.array(list(permutations(range(4))))) @ weights
    chance, floor = of_all.mean(), of_all.min()
    cluster = pd.Series(stats.clusters(first.reset_index()), first.index)
    cluster = cluster[~cluster.index.duplicated()]
    rng = np.random.default_rng(seed)
    table = []
    for code, own in ranked.items():
        stats.same_items(own, reference, {"language": code})
        each = _overlap(np.stack(own), np.stack(reference.loc[own.index])) @ weights
        together = cluster.loc[own.index]
        resampled = resampling.resample(each, rng, together, resamples=resampling.RESAMPLES // 5)
        low, high = resampling.interval(resampled)
        table.append((code, len(each), each.mean(), low, high, chance, floor))
    return pd.DataFrame(table, columns=columns)


def _overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|top-j of a & top-j of b| / j for j = 1 … N: rankings [items, N] to float64 [items, N]."""
    same = a[:, :, None] == b[:, None, :]
    return np.stack([same[:, :j, :j].sum((1, 2)) / j for j in range(1, a.shape[1] + 1)], axis=1)

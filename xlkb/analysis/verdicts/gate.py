"""A gate: may a model replace another one? A verdict for each row of a comparison, and for all.

`non-inferior` asks for proof that little was lost: a row passes if a one-sided test shows that its
loss is smaller than the margin, and the whole passes if every row does. Each test errs in at most
5 %, and so does the whole, without a correction, because all must pass (intersection-union; Berger
1982). `no-loss` asks for proof that something was lost: it fails where a one-sided test of the
paired differences shows a loss (McNemar's exact, or permutation of clusters), with Holm's
correction over the rows, so that the whole cries wolf in at most 5 %.

Where few answers change, the t test of `effects.equivalence` says "not worse" too often: with 100
items, a loss of the margin (3 points) and one of 200 answers changing by itself, in 18 % of the
draws. So non-inferiority is tested by Tango's score test for paired proportions (1998), which takes
the variance under the margin; the number of answers is divided by their design effect
(`effects.design`), and the quantile is that of t with one degree of freedom fewer than there are
clusters. Its p is never below what no change at all would show: that none of k clusters changed has
the probability (1 - margin)^k under a loss of the margin (the exact binomial; at 5 % the rule of
three). tests/analysis/test_gate.py simulates both kinds.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from xlkb.analysis import effects
from xlkb.analysis.verdicts import comparison
from xlkb.ground import names

KINDS = ("non-inferior", "no-loss")

MARGIN = effects.MARGIN
"""Points, where none are given."""

COLUMNS = [*comparison.PAIRED, "n", "n_clusters", "n_lost", "n_won", "difference_points"]
COLUMNS += ["p_kept", "p_lost", "p_lost_adjusted", "verdict", "least_points", "n_needed", "passes"]


def gate(
    decisions: Mapping[str, pd.DataFrame],
    kind: str = "no-loss",
    margin: float = MARGIN,
    base: str = "en",
    seed: int = 42,
) -> pd.DataFrame:
    """The verdict on each row of `comparison.table`.

    Args:
        decisions, base, seed: as for `comparison.table`; the others would replace the first.
        kind: one of `KINDS`.
        margin: points of accuracy that may be lost and count as kept; `no-loss` uses it in words
            only.

    Returns:
        Columns of the comparison, `p_kept` (of a loss as large as the margin), `p_lost,
        p_lost_adjusted` (of no loss; Holm over the rows), `verdict`: "kept", "lost", or "open"
        where neither is shown (where both are, a loss smaller than the margin: "kept" for
        `non-inferior`, "lost" for `no-loss`); `least_points`, the smallest loss that these items
        would have shown (80 % power; where no answer changed, the fewest lost answers that are a
        loss; NaN where even a loss of all would not show); `n_needed`, about how many items decide
        (80 % power), by a one-sided test without a correction, if the loss and the share of changed
        answers stay; and `passes`.

    Raises:
        ValueError: there is no such kind; a margin that is not between 0 and 100; as of
            `comparison.pairs`.
    """
    if kind not in KINDS:
        raise ValueError(names.unknown("kind of gate", kind, KINDS))
    require_margin(margin)
    return of(comparison.table(decisions, base, seed), decisions, kind, margin, base)


def of(
    found: pd.DataFrame,
    decisions: Mapping[str, pd.DataFrame],
    kind: str,
    margin: float,
    base: str,
) -> pd.DataFrame:
    """`gate` of a comparison that is made already (`comparison.table`), by a kind and a margin that
    were found good."""
    pairs = list(comparison.pairs(decisions, base))
    numbers = [_numbers(pair, margin, len(pairs)) for pair in pairs]
    found = found.drop(columns="least_points").assign(**pd.DataFrame(numbers).to_dict("list"))
    half = found["p"] / 2
    found["p_lost"] = half.where(found["difference_points"] < 0, 1 - half)
    found["p_lost_adjusted"] = effects.holm(found["p_lost"])
    kept, lost = found["p_kept"] < effects.ALPHA, found["p_lost_adjusted"] < effects.ALPHA
    first, second = ((kept, "kept"), (lost, "lost"))[:: 1 if kind == "non-inferior" else -1]
    found["verdict"] = np.select([first[0], second[0]], [first[1], second[1]], "open")
    refused = ["lost", "open"] if kind == "non-inferior" else ["lost"]
    found["passes"] = ~found["verdict"].isin(refused)
    return found[COLUMNS]


def require_margin(margin: float) -> None:
    """Raise ValueError unless a margin is a number of points above 0 and below 100."""
    if not 0 < margin < 100:
        raise ValueError(f"margin = {margin}: give points of accuracy above 0 and below 100.")


def _numbers(pair: comparison.Pair, margin: float, tests: int) -> dict[str, float]:
    own, reference = pair.right
    place, clusters = pd.factorize(np.asarray(pair.cluster, object))
    lost, won, sizes = (
        np.bincount(place, weights, minlength=len(clusters))
        for weights in (reference & ~own, own & ~reference, None)
    )
    answers, items = len(own), pair.own["item_id"].nunique()
    error = 100 * effects.estimate(own.astype(float) - reference, pair.cluster).error
    df = len(clusters) - 1
    least = effects.least(error, df, tests, alpha=2 * effects.ALPHA)
    if error == 0:
        least = 100 * math.ceil(math.log2(tests / effects.ALPHA)) / items
    share = (lost.sum() + won.sum()) / answers
    design = float(_design(lost, won, sizes))
    quantiles = stdtrit(np.inf, [1 - effects.ALPHA, effects.POWER]).sum()
    # What decides is the nearer of the two: less than the margin is lost, or something is.
    lost_points = max(0.0, 100 * (lost.sum() - won.sum()) / answers)
    distance = max(margin - lost_points, lost_points)
    needed = (100 * quantiles / distance) ** 2 * share * design * items / answers
    unchanged = math.log(effects.ALPHA) / math.log(1 - margin / 100) * items / len(clusters)
    return {
        "p_kept": float(p_kept(lost, won, sizes, margin)),
        "least_points": least if least <= 100 else np.nan,
        "n_needed": math.ceil(max(needed, unchanged)),
    }


def p_kept(lost: ArrayLike, won: ArrayLike, sizes: ArrayLike, margin: float) -> np.ndarray:
    """One-sided p of a loss as large as the margin: small where less is lost.

    Args:
        lost, won: answers of each cluster that went from right to wrong, and back, [clusters] or
            [clusters, draws].
        sizes: answers of each cluster, [clusters]; margin: points.

    Returns:
        A p for each draw; 1 of a single cluster, which shows nothing.
    """
    lost, won, sizes = (np.asarray(each, float) for each in (lost, won, sizes))
    k, m = len(sizes), margin / 100
    if k == 1:
        return np.ones(lost.shape[1:])
    n, b, c = sizes.sum(), lost.sum(0), won.sum(0)
    # The share won, at its most likely under a loss of the margin.
    linear = (2 * n - b + c) * m - b - c
    share = (np.sqrt(linear**2 + 8 * n * c * m * (1 - m)) - linear) / (4 * n)
    variance = n * (2 * share + m * (1 - m)) * _design(lost, won, sizes)
    return np.maximum(stdtr(k - 1, (b - c - n * m) / np.sqrt(variance)), (1 - m) ** k)


def _design(lost: np.ndarray, won: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """`effects.design` of the answers' differences, for many draws at once."""
    n, k = sizes.sum(), len(sizes)
    if k == 1:
        return np.ones(lost.shape[1:])
    mean = (won - lost).sum(0) / n
    left = won - lost - np.multiply.outer(sizes, mean)
    together = (left**2).sum(0) * k / (k - 1)
    alone = ((lost + won).sum(0) - n * mean**2) * n / (n - 1)
    return np.where(alone > 1e-9, np.maximum(1, together / np.maximum(alone, 1e-9)), 1.0)


def passed(table: pd.DataFrame) -> bool:
    """Whether a table of `gate` as a whole passes: every row does."""
    return bool(table["passes"].all())


def lines(table: pd.DataFrame, margin: float = MARGIN) -> list[str]:
    """What a table of `gate` says, a line a row; what failed is marked by "!"."""
    several = [c for c in ("model", "task", "rule") if table[c].nunique() > 1]
    names = [": ".join([*map(str, row[several]), row["group"]]) for _, row in table.iterrows()]
    width = max(map(len, names), default=0)
    return [
        f"{' ' if row['passes'] else '!'} {name:{width}}  {row['verdict']:4}  "
        f"{row['difference_points']:+5.1f} points, {row['n_lost']} lost and {row['n_won']} won of "
        f"{'the answers to ' * (row['group'] == comparison.OTHERS)}{row['n']} items"
        f"{_why(row, margin)}"
        for name, (_, row) in zip(names, table.iterrows(), strict=True)
    ]


def _why(row: pd.Series, margin: float) -> str:
    if row["verdict"] == "lost":
        return f": a loss is shown (p = {max(row['p_lost_adjusted'], 1e-4):.4f}, Holm)"
    if row["verdict"] == "kept":
        smaller = row["p_lost_adjusted"] < effects.ALPHA
        return f": less than {margin:g} lost" + ", though a loss is shown" * smaller
    least = "no loss could"
    if row["least_points"] > 0:
        least = f"a loss of {row['least_points']:.1f} would"
    return (
        f": {least} have been shown; about {row['n_needed']:,} items would decide, if as "
        "many answers change"
    )


def rule_in_words(kind: str, margin: float, tests: int) -> str:
    """What a gate of this kind asks for, over so many rows."""
    rows = "the row" if tests == 1 else f"each of {tests} rows"
    if kind == "non-inferior":
        return (
            f"non-inferior: {rows} must show by a one-sided test (5 %) that less than {margin:g} "
            "points are lost. All must, so the whole errs in at most 5 % without a correction."
        )
    return (
        f"no-loss: fails where a loss is shown by a one-sided test in {rows}, with Holm's "
        "correction: where nothing is lost, the whole fails in at most 5 %."
    )

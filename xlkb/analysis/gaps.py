"""The barrier: how much accuracy is lost against a reference, on the same items.

Differences are paired: 95 % percentile bootstrap interval and p of a permutation test, both with
items about one country or character kept together (`tasks.cluster`); Holm-adjusted over the rows of
a table; and the least difference that the comparison would find with 80 % power. Where each item
stands alone, the test is McNemar's exact one (statsmodels).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar

from xlkb.analysis import effects
from xlkb.analysis.stats import CONDITION, accuracy, clusters, same_items
from xlkb.ground import resampling
from xlkb.ground.languages import LANGUAGES

COMPARED = ["reference_accuracy", "gap_points", "gap_low", "gap_high", "p", "p_adjusted"]
COMPARED += ["least_points"]


def compare(
    decisions: pd.DataFrame, reference: pd.DataFrame, by: Sequence[str], seed: int = 42
) -> pd.DataFrame:
    """How much accuracy is lost against a reference, paired on the same items.

    Args:
        decisions: from `decide`; each group of `by` is compared.
        reference: decisions of one condition, one per item and (if both have several) `CONDITION`.
        by: columns that tell the groups apart.
        seed: of the bootstrap.

    Returns:
        `by` and `n, accuracy, low, high` (shares), `reference_accuracy, gap_points` (reference
        minus accuracy), `gap_low, gap_high` (95 % bootstrap), `p`, `p_adjusted`
        (Holm, over all rows of this table) and `least_points` (`effects.least`, its first step);
        `unread` as of `accuracy`, and `reference_unread`.

    Raises:
        ValueError: a group's items are not those of the reference.
    """
    condition = [c for c in CONDITION if reference[c].nunique() > 1]
    if decisions.empty:
        return pd.DataFrame(columns=[*by, "n", "accuracy", "low", "high", *COMPARED])
    keys = [*by, *(c for c in condition if c not in by)]
    table = accuracy(decisions, keys)
    references = {
        key: part.set_index("item_id")
        for key, part in reference.groupby(condition or (lambda _: 0), sort=False)
    }
    results = []
    for key, group in decisions.groupby(keys, sort=False, observed=True):
        values = dict(zip(keys, key, strict=True))
        own = group.set_index("item_id")["correct"]
        other = references.get(tuple(values[c] for c in condition) if condition else 0)
        same_items(own, None if other is None else other["correct"], values)
        right = other.loc[own.index, "correct"]
        results.append(paired(own.to_numpy(bool), right.to_numpy(bool), clusters(group), seed))
        if "unread" in table:
            results[-1]["reference_unread"] = other["unread"].mean()
    table = pd.concat([table, pd.DataFrame(results)], axis=1)
    return effects.corrected(table)


def paired(own: np.ndarray, other: np.ndarray, cluster: Sequence, seed: int = 42) -> dict:
    """What items that were answered twice show: the columns of one row of `compare`.

    Args:
        own, other: right or not, bool [items]; the gap is other minus own.
        cluster: of each item.
        seed: of bootstrap and permutations.

    Returns:
        `reference_accuracy, gap_points, gap_low, gap_high, p`, and `error` (standard, in points)
        and `df` for `effects.corrected`.
    """
    differences = 100.0 * other - 100.0 * own
    n, lost, won = len(own), int((other & ~own).sum()), int((own & ~other).sum())
    if len(set(cluster)) == n:
        p = mcnemar([[0, won], [lost, 0]], exact=True).pvalue
        # The paired difference of an item is one of three.
        counts = [lost, won, n - lost - won]
        means = resampling.resample([100, -100, 0], seed, counts=counts)
    else:
        p = resampling.p_value(differences, seed, cluster)
        means = resampling.resample(differences, seed, cluster)
    low, high = resampling.interval(means)
    found = effects.estimate(differences, cluster)
    return {
        "reference_accuracy": other.mean(),
        "gap_points": found.mean,
        "gap_low": low,
        "gap_high": high,
        "p": p,
        "error": found.error,
        "df": found.df,
    }


def english(decisions: pd.DataFrame, base: str = "en") -> pd.DataFrame:
    """The decisions on questions entirely in the base language."""
    return decisions.query("recomposition == 'full' and language == @base")


def barrier(
    decisions: pd.DataFrame, base: str = "en", seed: int = 42, by: Sequence[str] = ()
) -> pd.DataFrame:
    """The crosslingual barrier of each language l: accuracy(en, en) - accuracy(l, l), in points.

    One row per condition (model, rule, …) and language; columns as in `compare`. What is the same
    in all rows is no column, unless `by` names it.
    """
    foreign = decisions.query("recomposition == 'full' and language != @base")
    return compare(foreign, english(decisions, base), _varying(decisions, by), seed)


def mixup_gap(
    decisions: pd.DataFrame, base: str = "en", seed: int = 42, by: Sequence[str] = ()
) -> pd.DataFrame:
    """accuracy(en, en) - accuracy(mixup), in points; rows and columns as in `barrier`."""
    mixed = decisions.query("recomposition == 'mixup'")
    return compare(mixed, english(decisions, base), _varying(decisions, by), seed)


def _varying(decisions: pd.DataFrame, by: Sequence[str]) -> list[str]:
    told = [c for c in CONDITION if c in by or decisions[c].nunique() > 1]
    return [*told, "language"]


def in_words(comparison: pd.DataFrame, base: str = "en") -> str:
    """What a table of `barrier` or `mixup_gap` over several rules says, language by language.

    A gap *survives* if its interval lies above zero under every rule and no adjusted p exceeds
    0.05; it is *reversed* if all intervals lie below zero.
    """
    sentences = []
    name = LANGUAGES[base].name
    for language, group in comparison.groupby("language", sort=False):
        gaps = f"{group['gap_points'].min():.1f} to {group['gap_points'].max():.1f} points"
        rules = f"{len(group)} rule{'s' if len(group) > 1 else ''}"
        if (group["gap_low"] > 0).all() and (group["p_adjusted"] <= 0.05).all():
            verdict = f"{name} is better under all {rules}"
        elif (group["gap_high"] < 0).all():
            verdict = f"{name} is worse under all {rules}"
        else:
            verdict = f"the {rules} disagree or leave it open" if len(group) > 1 else "it is open"
        sentences.append(f"{language}: {verdict} ({gaps}, n = {group['n'].min()}).")
    return "\n".join(sentences) or f"Nothing is compared with {name}: there is no other language."

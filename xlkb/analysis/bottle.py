"""The bottle: what came of its trials, with the seed as the unit of inference.

A seed makes a world and a network's first weights; trials of one seed are paired. Intervals (95 %)
and p are Student's over seeds (scipy), for which it takes three seeds; Holm's correction runs over
the rows of a table. `least_detectable` is the true difference that a paired t-test at 5 % would
find with a power of 80 %, by the seeds' own scatter.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats as tests

from xlkb.analysis import effects, stats

FEWEST = 3
"""Seeds from which there are intervals and tests."""

CHANCE = 0.25
LEARNED = 0.98
"""Share in K from which the facts count as learned."""

MOST = 0.999
"""Largest correlation that Fisher's transformation is given; that of 1 is infinite."""

LISTED = 10
"""Differences that `in_words` lists, at most."""

SHARES = ["accuracy_learned", "accuracy_k", "accuracy_c", "accuracy_known", "accuracy_own"]
SHARES += ["accuracy_described"]

LAYERS = {
    "cosine_first": "embeddings",
    "cosine_middle": "middle layer",
    "cosine_last": "last layer",
}


def table(outcomes: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Means over seeds; outcomes: from `training.trials.outcomes`.

    Returns:
        `by` and `n_seeds`, the means of `SHARES` (accuracy_own where it is not accuracy_c),
        `seeds_low, seeds_high` (interval of accuracy_c), `least_learned` (accuracy_learned of the
        worst seed) and `n_tokens` per model.
    """
    rows = []
    for key, part in outcomes.groupby(list(by), sort=False):
        low, high = _interval(part["accuracy_c"])
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "n_seeds": len(part),
                **part[SHARES].mean(),
                "seeds_low": low,
                "seeds_high": high,
                "least_learned": part["accuracy_learned"].min(),
                "n_tokens": round(part["n_tokens"].mean()),
            }
        )
    found = pd.DataFrame(rows)
    same = found["accuracy_own"].fillna(-1).equals(found["accuracy_c"])
    return found.drop(columns="accuracy_own") if same else found


def contrasts(outcomes: pd.DataFrame, what: str, against: str, within: str) -> pd.DataFrame:
    """accuracy_c of each value of a column less that of one of them, paired by seed.

    Args:
        outcomes: from `training.trials.outcomes` of a grid.
        what: "arm" or "order"; against: the value that the others are compared with.
        within: the other column, each of whose values is compared by itself.

    Returns:
        `order, arm, against, n_seeds, difference_points, seeds_low, seeds_high,
        least_detectable, p`; no rows where there is nothing to compare.
    """
    rows = []
    for place, part in outcomes.groupby(within, sort=False):
        wide = part.pivot(index="seed", columns=what, values="accuracy_c")
        for value in dict.fromkeys(part[what]):
            if value == against or against not in wide:
                continue
            points = 100 * (wide[value] - wide[against])
            low, high = _interval(points)
            rows.append(
                {
                    within: place,
                    what: value,
                    "against": against,
                    "n_seeds": len(points),
                    "difference_points": points.mean(),
                    "seeds_low": low,
                    "seeds_high": high,
                    "least_detectable": _detectable(points),
                    "p": _p(points),
                }
            )
    columns = ["order", "arm", "against", "n_seeds", "difference_points", "seeds_low"]
    return pd.DataFrame(rows, columns=[*columns, "seeds_high", "least_detectable", "p"])


def tested(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of `contrasts` as one, with `p_adjusted` (Holm, over all rows)."""
    found = stats.concat(tables)
    if found["p"].notna().any():
        return found.assign(p_adjusted=effects.holm(found["p"]))
    return found.assign(p_adjusted=np.nan)


def aligned(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Does transfer follow alignment? Spearman's rank correlation, for each layer.

    Over all models, and over those of each order. The unit is the seed: its own correlation over
    arms (and orders) is taken, and interval and p are of the mean of these after Fisher's
    transformation.

    Returns:
        `layer, orders, n_models, n_seeds, rho` (over all models together), `seeds_rho` (mean of the
        seeds'), `seeds_low, seeds_high, p`; p is of seeds_rho being 0.
    """
    parts = {"all": outcomes, **dict(list(outcomes.groupby("order", sort=False)))}
    if outcomes["order"].nunique() < 2:
        parts.pop("all")
    rows = []
    for column, layer in LAYERS.items():
        for name, part in parts.items():
            own = part.groupby("seed").apply(_spearman, column, include_groups=False)
            fisher = np.arctanh(own.clip(-MOST, MOST))
            rows.append(
                {
                    "layer": layer,
                    "orders": name,
                    "n_models": len(part),
                    "n_seeds": len(own),
                    "rho": _spearman(part, column),
                    "seeds_rho": np.tanh(fisher.mean()),
                    **dict(
                        zip(("seeds_low", "seeds_high"), np.tanh(_interval(fisher)), strict=True)
                    ),
                    "p": _p(fisher),
                }
            )
    return pd.DataFrame(rows)


def points(outcomes: pd.DataFrame, correlations: pd.DataFrame) -> pd.DataFrame:
    """A row for each model and layer, for a scatter: `layer` with its rho, and `cosine`."""
    overall = correlations.drop_duplicates("layer").set_index("layer")
    parts = []
    for column, layer in LAYERS.items():
        row = overall.loc[layer]
        low, high = row["seeds_low"], row["seeds_high"]
        spread = ""
        if pd.notna(low):
            spread = f" (mean over seeds {row['seeds_rho']:.2f} [{low:.2f}, {high:.2f}])"
        models = f"n = {row['n_models']} models"
        label = f"{layer}: Spearman's rho = {row['rho']:.2f}{spread}, {models}"
        parts.append(outcomes.assign(layer=label, cosine=outcomes[column]))
    return stats.concat(parts)


def asked(outcomes: pd.DataFrame) -> pd.DataFrame:
    """A row for each model and whether it was asked in K or in the other languages: `asked`,
    `accuracy`."""
    named = {"accuracy_k": "in K, the language of the facts", "accuracy_c": "in other languages"}
    parts = [outcomes.assign(asked=name, accuracy=outcomes[c]) for c, name in named.items()]
    return stats.concat(parts)


def in_words(orders: pd.DataFrame, differences: pd.DataFrame, correlations: pd.DataFrame) -> str:
    """What the tables say, a sentence a line.

    Args:
        orders: from `table`, by order and arm. differences: from `tested`. correlations: from
            `aligned`.
    """
    n = orders["n_seeds"].min()
    late = orders[orders["least_learned"] < LEARNED]
    lowest = f"{100 * orders['least_learned'].min():.0f} %"
    said = [f"In every arm, order and seed (of {n}), K was learned to {lowest} or more."]
    if len(late):
        named = ", ".join(late["arm"] + ", " + late["order"])
        wanted = f"{100 * LEARNED:.0f} %"
        said = [f"K was learned to {lowest} only, where all shall reach {wanted}, in: {named}."]
    for order, part in orders.groupby("order", sort=False):
        cells = [
            f"{row['arm']} {_percent(row, 'accuracy_c')}{'*' * bool(row['seeds_low'] > CHANCE)}"
            for row in part.to_dict("records")
        ]
        kept = f"{_percent(part.min(), 'accuracy_k')} to {_percent(part.max(), 'accuracy_k')}"
        said.append(f"{order.capitalize()} (kept of K: {kept}): {', '.join(cells)}.")
    said.append("Per cent right in other languages; chance is 25 %; *: the interval lies above it.")
    if differences["p_adjusted"].notna().any():
        sure = differences[differences["p_adjusted"] < 0.05]
        which = f"; the largest {LISTED}" if len(sure) > LISTED else ""
        end = which + ":" if len(sure) else "."
        said.append(f"Differences that stand after Holm: {len(sure)} of {len(differences)}{end}")
        sure = sure.sort_values("difference_points", key=abs, ascending=False).head(LISTED)
        said += [
            f"  {row.arm}, {row.order}, less {row.against}: {row.difference_points:+.1f} points "
            f"[{row.seeds_low:.1f}, {row.seeds_high:.1f}]."
            for row in sure.itertuples()
        ]
    else:
        said.append(f"No test: it takes {FEWEST} seeds, and two arms or orders.")
    overall = correlations.drop_duplicates("layer")
    listed = ", ".join(f"{row.rho:.2f} ({row.layer})" for row in overall.itertuples())
    said.append(f"Transfer against alignment, Spearman's rho: {listed}.")
    return "\n".join(said)


def _percent(row: Mapping[str, float], column: str) -> str:
    return f"{100 * row[column]:.0f} %"


def _spearman(part: pd.DataFrame, column: str) -> float:
    """NaN for fewer than five models, or where either does not vary."""
    if len(part) < 5 or min(part[column].nunique(), part["accuracy_c"].nunique()) < 2:
        return np.nan
    return tests.spearmanr(part[column], part["accuracy_c"]).statistic


def _interval(values: pd.Series) -> tuple[float, float]:
    if len(values) < FEWEST or values.isna().any():
        return np.nan, np.nan
    found = tests.ttest_1samp(values, 0).confidence_interval()
    return found.low, found.high


def _p(values: pd.Series) -> float:
    if len(values) < FEWEST or values.isna().any():
        return np.nan
    return tests.ttest_1samp(values, 0).pvalue if values.nunique() > 1 else np.nan


def _detectable(values: pd.Series) -> float:
    if len(values) < FEWEST:
        return np.nan
    t = tests.t(len(values) - 1)
    return (t.ppf(0.975) + t.ppf(0.8)) * values.std() / np.sqrt(len(values))

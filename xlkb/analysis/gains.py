"""What a remedy gains: groups of questions compared between models, item by item.

A group may ask the same item in several languages; these answers are not independent. So items are
the unit: an item's score is its share of right answers in the group. Nor are items about the same
country or character independent (`tasks.cluster`), so these go together as a cluster. Intervals
come from a bootstrap over clusters (95 %, percentile), and p from a paired permutation test that
flips the sign of a cluster's difference (`resampling.p_value`). For one language per item and
clusters of one that is the exact McNemar test, up to the number of permutations. Holm's correction
runs over the rows of a table, and `least_points` is the least gain that its first step finds with
80 % power (`effects.least`). Here a model is an arm of the experiment; each base model has arms of
its own, and a table, which `pairing.each` puts together in one with a first column `base_model`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from xlkb import tasks
from xlkb.analysis import effects, stats
from xlkb.ground import languages, names, resampling
from xlkb.ground.languages import LANGUAGES

GROUPS = ("other trained languages", "mixup", "held-out languages")
"""Of questions, after those in the base language, whose name is that of their group."""

COLUMNS = ["group", "model", "n", "n_questions", "accuracy", "low", "high"]
COLUMNS += ["gain_points", "gain_low", "gain_high", "p", "p_adjusted", "least_points"]


def grouped(decisions: pd.DataFrame, trained: Sequence[str], base: str = "en") -> pd.DataFrame:
    """Decisions with a column `group`: the base language's name or one of `GROUPS`; other
    recompositions are left out.

    Args:
        decisions: from `stats.decide`.
        trained: languages of the mixed text; all others are held out.
        base: the language of teaching.

    Raises:
        ValueError: there is no such language as the base.
    """
    named = languages.get(base).name
    full = decisions["recomposition"] == "full"
    group = np.select(
        [
            full & (decisions["language"] == base),
            full & decisions["language"].isin(trained),
            decisions["recomposition"] == "mixup",
            full & decisions["language"].isin(list(LANGUAGES)),
        ],
        [named, *GROUPS],
        "",
    )
    return decisions.assign(group=group)[group != ""]


def over_control(decisions: pd.DataFrame, control: str, seed: int = 42) -> pd.DataFrame:
    """Accuracy of each model in each group, and its gain over the control on the same questions.

    Args:
        decisions: from `grouped`, of one task and rule.
        control: label of the model that the others are compared with.
        seed: of bootstrap and permutations.

    Returns:
        `group, model, n` (items), `n_questions, accuracy, low, high` (shares), `gain_points,
        gain_low, gain_high` (model minus control), `p, p_adjusted, least_points` (empty for the
        control).

        Without decisions the table is empty.

    Raises:
        ValueError: there is no such control, or a model answered other questions than it.
    """
    if decisions.empty:
        return pd.DataFrame(columns=COLUMNS)
    keys = ["task", *stats.ITEM]
    if control not in set(decisions["model"]):
        known = names.nearest(control, decisions["model"].unique())
        raise ValueError(f"There is no model {control!r} to compare with; {known}")
    rows = []
    for group in sorted(decisions["group"].unique(), key=_place):
        part = decisions[decisions["group"] == group]
        reference = part[part["model"] == control].set_index(keys)["correct"]
        for model, answers in part.groupby("model", sort=False):
            own = answers.set_index(keys)["correct"]
            differing = own.index.symmetric_difference(reference.index)
            if len(differing):
                raise ValueError(
                    f"{group}: {len(differing)} questions were answered by only one of {model!r} "
                    f"and {control!r}, such as {differing[0][1]!r}; compare runs on the same "
                    "questions."
                )
            item = ["task", "item_id"]
            scores = own.groupby(item).mean()
            others = reference.groupby(item).mean().loc[scores.index]
            cluster = [tasks.cluster(*each) for each in scores.index]
            low, high = resampling.interval(resampling.resample(scores, seed, cluster))
            row = {"group": group, "model": model, "n": len(scores), "n_questions": len(own)}
            row |= {"accuracy": scores.mean(), "low": low, "high": high}
            if model != control:
                row |= gain(100 * (scores - others).to_numpy(), cluster, seed)
            rows.append(row)
    return effects.corrected(pd.DataFrame(rows)).reindex(columns=COLUMNS)


def _place(group: str) -> int:
    return GROUPS.index(group) if group in GROUPS else -1


def gain(points: np.ndarray, cluster: Sequence, seed: int = 42) -> dict[str, float]:
    """What the differences of items show, in points, float [items]: columns of `over_control`.

    With `error` (standard, in points) and `df` for `effects.corrected`.
    """
    low, high = resampling.interval(resampling.resample(points, seed, cluster))
    found = effects.estimate(points, cluster)
    return {
        "gain_points": found.mean,
        "gain_low": low,
        "gain_high": high,
        "p": resampling.p_value(points, seed, cluster),
        "error": found.error,
        "df": found.df,
    }


def by_rule(
    decisions: pd.DataFrame,
    control: str,
    trained: Sequence[str],
    base: str = "en",
    seed: int = 42,
) -> pd.DataFrame:
    """`over_control` for each decision rule, one below the other, with a first column `rule`.

    Arguments as for `grouped`, which it begins with, and `over_control`.
    """
    tables = [pd.DataFrame(columns=["rule", *COLUMNS])]
    for rule, part in grouped(decisions, trained, base).groupby("rule", sort=False):
        table = over_control(part, control, seed)
        table.insert(0, "rule", rule)
        tables.append(table)
    return stats.concat(tables)


def in_words(table: pd.DataFrame) -> str:
    """What a table of `gains_by_rule` says, a line for each group and model that differs.

    A difference counts if its interval excludes zero under every rule; "in part" if it does so
    under some, all of them with the same sign. Of a table with a column `base_model`, the lines
    about each base model stand below its label.
    """
    if "base_model" in table and len(table):
        each = table.drop(columns="base_model").groupby(table["base_model"], sort=False)
        return "\n".join(f"{label}:\n{in_words(part)}" for label, part in each)
    lines = []
    for (group, model), rows in table[table["p"].notna()].groupby(["group", "model"], sort=False):
        better, worse = rows["gain_low"] > 0, rows["gain_high"] < 0
        differing = int(better.sum() + worse.sum())
        if not differing or (better.any() and worse.any()):
            continue
        points = f"{rows['gain_points'].min():+.1f} to {rows['gain_points'].max():+.1f} points"
        extent = "under all" if differing == len(rows) else f"under {differing} of"
        verdict = "better" if better.any() else "worse"
        lines.append(f"  {group}: {model} is {verdict} {extent} {len(rows)} rules ({points}).")
    none = (
        "No model differs from the control under any rule." if len(table) else "Nothing was asked."
    )
    return "\n".join(lines) or f"  {none}"

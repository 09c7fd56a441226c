"""What a remedy brings and what it costs, against the model that it was given to.

The gain is in the other trained languages, the cost in the base language: right answers lost there.
A cost is said to be none only where the equivalence test (`effects.equivalence`) says so.
"""

from collections.abc import Sequence

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from xlkb import tasks
from xlkb.analysis import effects, gains, pairing
from xlkb.ground.languages import LANGUAGES

COLUMNS = ["base_model", "model", "n", "n_seeds", "gain_points", "gain_low", "gain_high"]
COLUMNS += ["cost_points", "cost_low", "cost_high", "margin", "p_kept", "verdict"]


def costs(
    decisions: pd.DataFrame, start: str, languages: Sequence[str], base: str = "en"
) -> pd.DataFrame:
    """Gain and cost of each remedy, on the same questions as the model that it starts from.

    Args:
        decisions: of one task and rule, with `base_model`, `model` (the remedy, or `start`) and
            `training_seed`; `start` has one seed, which stands beside each of a remedy's.
        start: label of the model without a remedy.
        languages: of the mixed text, the base among them.
        base: the language in which nothing should be lost.

    Returns:
        A row per base model and remedy: `n` (items), `n_seeds`; `gain_points, gain_low, gain_high`
        (other trained languages, 95 %); `cost_points, cost_low, cost_high` (accuracy lost in the
        base language, 90 %, as the test has it), `margin` (points), `p_kept` (of equivalence) and
        `verdict` ("equivalent", "not worse", "worse", "open").

    Raises:
        ValueError: a remedy has no `start` to stand beside, answered other questions, or none in
            the base language or in the others (where no one answered any, the table is empty);
            `start` has several training seeds.
    """
    rows = []
    grouped = gains.grouped(decisions, languages, base)
    groups = gains.GROUPS[0], LANGUAGES[base].name
    asked = set(groups) <= set(grouped["group"])
    for label, every in decisions.groupby("base_model", sort=False):
        part = grouped[grouped["base_model"] == label]
        if start not in set(part["model"]):
            raise ValueError(f"{label}: there is no {start!r} that remedies are compared with.")
        before = part[part["model"] == start]
        seeds = before[pairing.SEED].unique()
        if len(seeds) > 1:
            raise ValueError(
                f"{label}: {start!r} has the training seeds {', '.join(map(str, seeds))}; it "
                "stands beside every seed of a remedy, so give it with one."
            )
        for remedy in every["model"].unique() if asked else []:
            if remedy == start:
                continue
            own = part[part["model"] == remedy]
            lacking = [group for group in groups if group not in set(own["group"])]
            if lacking:
                raise ValueError(
                    f"{label}, {remedy}: nothing was asked in {' or in '.join(lacking)}; a remedy "
                    f"needs answers in {groups[1]} for its cost and in the others for its gain."
                )
            gained, told = (_differences(own, before, group, (label, remedy)) for group in groups)
            gain, kept = effects.effect(*gained), effects.equivalence(*told)
            rows.append(
                {
                    "base_model": label,
                    "model": remedy,
                    "n": gain["n"],
                    "n_seeds": gain["n_seeds"],
                    "gain_points": gain["effect_points"],
                    "gain_low": gain["effect_low"],
                    "gain_high": gain["effect_high"],
                    "cost_points": 0.0 - kept["effect_points"],
                    "cost_low": -kept["effect_high"],
                    "cost_high": -kept["effect_low"],
                    "margin": kept["margin"],
                    "p_kept": kept["p"],
                    "verdict": kept["verdict"],
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _differences(
    own: pd.DataFrame, before: pd.DataFrame, group: str, where: tuple[str, str]
) -> tuple[pd.DataFrame, list[str]]:
    """Shares of right answers gained, a row per item and a column per seed, with its clusters."""
    own, before = (each[each["group"] == group] for each in (own, before))
    # The model without the remedy stands beside every seed.
    seeds = own[[pairing.SEED]].drop_duplicates()
    before = before.drop(columns=pairing.SEED).merge(seeds, how="cross")
    named = dict(zip(("base_model", "model"), where, strict=True))
    after, start = pairing.shares(own, before, {"group": group, **named})
    return after - start, [tasks.cluster(*item) for item in after.index]


def right_language(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How often a model goes on with a text in the text's language.

    Args:
        rows: from `scoring.continued`, perhaps of several models.
        by: columns that tell the groups apart.

    Returns:
        `by`, `n` (continuations that were judged), `short` (those too short to tell), `share` (of
        the judged in the language of the prompt; NaN of none), `low, high` (95 % Wilson interval).
    """
    columns = [*by, "n", "short", "share", "low", "high"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    grouped = rows.groupby(list(by), sort=False)
    table = grouped.agg(n=("judged", "sum"), asked=("judged", "size"), found=("right", "sum"))
    table = table.reset_index()
    table["short"] = table["asked"] - table["n"]
    some = table["n"].where(table["n"] > 0)
    table["share"] = table["found"] / some
    table["low"], table["high"] = proportion_confint(table["found"], some, method="wilson")
    return table[columns]

"""Between which languages is most lost, and on which questions?

Questions whose parts are in different languages are few for each pair of languages. So each pair's
loss is drawn to the mean of all pairs, the more the fewer questions it has (random effects by
DerSimonian and Laird 1986, statsmodels), and pairs are ordered by what it is at least.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.meta_analysis import combine_effects

from xlkb.analysis import effects, gaps, stats

PAIR = ["question_language", "answer_language"]
COLUMNS = [*PAIR, "n", "accuracy", "low", "high", "reference_accuracy", "gap_points", "gap_low"]
SHRUNK = ["shrunk_points", "shrunk_low", "shrunk_high"]
COLUMNS += ["gap_high", *SHRUNK]
MIXED = "recomposition == 'mixup' and language == 'mixed'"


def pairs(decisions: pd.DataFrame, base: str = "en") -> tuple[pd.DataFrame, float]:
    """What is lost in mixup questions, by language of the question and of its right choice.

    Exploratory: nothing is tested, and the pairs are told from each other by their spread only.

    Args:
        decisions: from `stats.decide`, of one condition; each mixup question was asked in the base
            language, too.

    Returns:
        A row per pair, by falling `shrunk_low`: `question_language, answer_language, n, accuracy,
        low, high` (shares, 95 % Wilson), `reference_accuracy` (share, the same questions in the
        base language), `gap_points, gap_low, gap_high` (lost against it, 95 % t interval; none of
        one cluster) and `shrunk_points, shrunk_low, shrunk_high` (drawn to the mean, with the 95 %
        interval of the random effect; none where nothing varied). And the standard deviation of
        the pairs' true losses in points: 0 where they differ no more than chance would have them,
        NaN of fewer than two pairs.

    Raises:
        ValueError: a question was asked twice.
    """
    mixed = decisions.query(MIXED)
    home = gaps.english(decisions, base).set_index("item_id")["correct"]
    mixed = mixed[mixed["item_id"].isin(home.index)]
    if mixed.empty:
        return pd.DataFrame(columns=COLUMNS), np.nan
    if not home.index.is_unique or mixed["item_id"].duplicated().any():
        raise ValueError("An item occurs twice, so nothing can be paired.")
    reference = home.loc[mixed["item_id"]].to_numpy(float)
    mixed = mixed.assign(reference=reference, lost=reference - mixed["correct"].to_numpy(float))
    found = []
    for _, part in mixed.groupby(PAIR, sort=False):
        told = effects.effect(part["lost"], stats.clusters(part))
        gap = {f"gap_{end}": told[f"effect_{end}"] for end in ("points", "low", "high")}
        found.append({"reference_accuracy": part["reference"].mean(), **gap})
    table = pd.concat([stats.accuracy(mixed, PAIR), pd.DataFrame(found)], axis=1)
    shrunk, spread = _shrunk(table, 100 * mixed["lost"], mixed[PAIR])
    table = table.assign(**dict(zip(SHRUNK, shrunk, strict=True)))
    order = ["shrunk_low", "gap_low", "gap_points"]
    table = table.sort_values(order, ascending=False, kind="stable").reset_index(drop=True)
    return table[COLUMNS], spread


def _shrunk(
    table: pd.DataFrame, lost: pd.Series, pair: pd.DataFrame
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], float]:
    """Each pair's loss drawn to their mean with its interval, and the true ones' spread."""
    gap = table["gap_points"].to_numpy()
    alone = (gap, np.full(len(gap), np.nan), np.full(len(gap), np.nan))
    if len(table) < 2:
        return alone, np.nan
    groups = lost.groupby([pair[name] for name in PAIR])
    inside, left = ((lost - groups.transform("mean")) ** 2).sum(), len(lost) - len(table)
    variance = inside / left if left and inside > 0 else lost.var(ddof=1)
    if not variance > 0:
        return alone, 0.0
    errors = (variance / table["n"]).to_numpy()
    found = combine_effects(gap, errors, method_re="chi2")
    between = max(0.0, float(found.tau2))
    weight = between / (between + errors)
    shrunk = found.mean_effect_re * (1 - weight) + weight * gap
    reach = 1.96 * np.sqrt(weight * errors)
    return (shrunk, shrunk - reach, shrunk + reach), between**0.5


def examples(
    rows: pd.DataFrame, cell: Mapping[str, str], rule: str = "sum", base: str = "en", n: int = 3
) -> list[dict[str, Any]]:
    """Questions that are right in the base language and wrong in a cell, the clearest first.

    A question is clear as its smaller margin is: of the right choice in the base language, and of
    the choice that was taken in the cell.

    Args:
        rows: of `scoring.score`, of one condition.
        cell: columns of `stats.decide` and their values, as {"recomposition": "full", "language":
            "fr"}.
        rule: of decision.
        n: at most so many. Answers that were not understood are none.

    Returns:
        `item_id, subject, margin` (nats, or nats per byte by rule), and `base` and `asked`, each a
        dict of `question` (text, None where the rows have no texts), `language` (of the question),
        `options`: a list of `text, language, log_likelihood` (nats), `score` (under the rule),
        `is_answer, taken`.
    """
    rows = rows.reset_index(drop=True)
    decided = stats.decide(rows, rule)
    scores = stats.points(rows, rule) if len(rows) else np.empty((0, 4))
    chosen = np.ones(len(decided), bool)
    for column, value in cell.items():
        chosen &= (decided[column] == value).to_numpy(bool)
    home = gaps.english(decided, base)
    home = home[home["correct"]].reset_index(names="place").set_index("item_id")
    lost = decided[chosen & ~decided["correct"].to_numpy(bool) & (decided["predicted"] >= 0)]
    lost = lost[lost["item_id"].isin(home.index)].reset_index(names="place")
    known = home.loc[lost["item_id"]]
    clear = np.minimum(known["margin"].to_numpy(float), -lost["margin"].to_numpy(float))
    lost = lost.assign(clear=clear, home=known["place"].to_numpy())
    lost = lost.sort_values(["clear", "item_id"], ascending=[False, True]).head(n)
    return [
        {
            "item_id": row["item_id"],
            "subject": row["subject"],
            "margin": row["clear"],
            "base": _told(rows, decided, scores, row["home"]),
            "asked": _told(rows, decided, scores, row["place"]),
        }
        for row in lost.to_dict("records")
    ]


def _told(
    rows: pd.DataFrame, decided: pd.DataFrame, scores: np.ndarray, place: int
) -> dict[str, Any]:
    four = rows.iloc[4 * place : 4 * place + 4].to_dict("records")
    return {
        "question": four[0].get("question"),
        "language": four[0]["question_language"],
        "options": [
            {
                "text": row.get("option"),
                "language": row["option_language"],
                "log_likelihood": row["log_likelihood"],
                "score": score,
                "is_answer": bool(row["is_answer"]),
                "taken": choice == decided["predicted"].iloc[place],
            }
            for choice, (row, score) in enumerate(zip(four, scores[place], strict=True))
        ],
    }

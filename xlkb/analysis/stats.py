"""From rows of log-likelihoods to decisions and accuracies.

Accuracies carry 95 % Wilson intervals (statsmodels), with n divided by the design effect of their
clusters (Kish; Korn and Graubard 1998): answers to questions about one country, or to one question
in several languages, are fewer than they look. Nothing here looks at a model: every number is
recomputed from the rows that `scoring.score` returns. Of no rows every function makes an empty
frame with its columns.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from xlkb import tasks
from xlkb.analysis import effects
from xlkb.ground import names

RULES = ("sum", "per_byte", "pmi")
CONDITION = ["model", "task", "style", "n_shots", "demonstrations", "prompt", "rule"]
"""What must be equal for two cells to be compared, apart from what is compared."""

CELL = ["recomposition", "language"]
ITEM = ["item_id", "question_language", "answer_language"]

DECISIONS = [*CONDITION, *CELL, *ITEM, "subject", "predicted_language", "predicted", "correct"]
DECISIONS += ["margin"]


def points(rows: pd.DataFrame, rule: str = "sum") -> np.ndarray:
    """Score of each choice under a rule, float64 [items, 4], in nats (`per_byte`: nats a byte).

    `sum`: log-likelihood summed over tokens. `per_byte`: divided by the choice's UTF-8 bytes
    (lm-evaluation-harness's `acc_bytes`). `pmi`: minus the log-likelihood of the choice after the
    bare answer word (pointwise mutual information, Holtzman et al. 2021). Letters have no PMI.

    Raises:
        ValueError: an unknown rule, PMI for letters, or rows that are not four per item in order.
    """
    if rule not in RULES:
        raise ValueError(f"There is no rule {rule!r}; {names.nearest(rule, RULES)}")
    if len(rows) % 4 or (rows["choice"].to_numpy().reshape(-1, 4) != np.arange(4)).any():
        raise ValueError("Rows must hold the choices 0, 1, 2, 3 of each question in this order.")
    values = rows["log_likelihood"].to_numpy(float)
    if rule == "per_byte":
        values = values / rows["n_bytes"].to_numpy()
    if rule == "pmi":
        values = values - rows["unconditional_log_likelihood"].to_numpy(float)
    if np.isnan(values).any():
        row = rows.iloc[int(np.isnan(values).argmax())]
        raise ValueError(
            f"{row['model']}, item {row['item_id']!r}: no score under the rule {rule!r}"
            + (" (letters have none)." if rule == "pmi" and row["style"] != "cloze" else ".")
        )
    return values.reshape(-1, 4)


def decide(rows: pd.DataFrame, rule: str = "sum") -> pd.DataFrame:
    """Which choice the model takes: one row per question.

    A question counts as right only if the right choice is strictly best: ties earn nothing. But in
    the style `paper` the first of tied letters is taken, as in the released code (commit 62d79fe,
    `MMLU/models/hf.py`, lines 103 to 117): logits in half precision can be equal.

    Returns:
        Columns `CONDITION + CELL` (`n_shots` is the number asked for here, so that a prompt that
        got fewer stays in its group), `item_id, subject, question_language`, `answer_language`
        (language of the right choice), `predicted_language`, `predicted` (0-3; the first of tied
        ones; -1 if all are -inf), `correct` (bool), `margin` (right choice minus best wrong one);
        and `unread` where the rows have it (NaN for models that have weights).
    """
    if rows.empty:
        return pd.DataFrame(columns=DECISIONS).astype({"correct": bool})
    values = points(rows, rule)
    first = as_asked(rows).iloc[::4].reset_index(drop=True)
    answer = rows["is_answer"].to_numpy().reshape(-1, 4).argmax(1)
    spoken = rows["option_language"].to_numpy(object).reshape(-1, 4)
    index = np.arange(len(first))
    others = values.copy()
    others[index, answer] = -np.inf
    silent = np.isneginf(values).all(1)
    predicted = np.where(silent, -1, values.argmax(1))
    takes_first = (first["style"] == "paper").to_numpy() & (predicted == answer)
    return first.assign(
        rule=rule,
        answer_language=spoken[index, answer],
        predicted_language=np.where(silent, "", spoken[index, predicted]),
        predicted=predicted,
        margin=np.where(silent, np.nan, values[index, answer]) - others.max(1),
        correct=takes_first | (values[index, answer] > others.max(1)),
    )[[*DECISIONS, *(["unread"] if "unread" in first else [])]]


def as_asked(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the number of demonstrations asked for as `n_shots`, for grouping."""
    return rows.assign(n_shots=rows["n_shots_asked"]) if "n_shots_asked" in rows else rows


def concat(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Frames one below the other, with a fresh index; empty ones count for their columns only."""
    frames = list(frames)
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled or frames or [pd.DataFrame()], ignore_index=True)


def decide_by_rules(rows: pd.DataFrame, rules: Sequence[str] = RULES) -> pd.DataFrame:
    """`decide` under several rules, one below the other."""
    return concat(decide(rows, rule) for rule in rules)


def clusters(frame: pd.DataFrame) -> list[str]:
    """What each row's question is about (`tasks.cluster`)."""
    return [tasks.cluster(*row) for row in zip(frame["task"], frame["item_id"], strict=True)]


def accuracy(decisions: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Share of right decisions per group, with its 95 % Wilson interval.

    Returns:
        `by` and `n, accuracy, low, high` (shares), groups in order of appearance; and `unread`, the
        share of answers that were not understood, where a model behind an endpoint is among them.
        Where there are `task` and `item_id`, the interval is that of n divided by the design
        effect.
    """
    groups = decisions.groupby(list(by), sort=False, observed=True)
    table = groups["correct"].agg(n="count", right="sum").reset_index()
    if table.empty:
        return table.drop(columns="right").assign(accuracy=[], low=[], high=[])
    named = {"task", "item_id"} <= set(decisions)
    design = [effects.design(g["correct"], clusters(g)) if named else 1.0 for _, g in groups]
    right, n = table.pop("right") / design, table["n"] / design
    table["accuracy"] = right / n
    table["low"], table["high"] = proportion_confint(right, n, method="wilson")
    if "unread" in decisions and decisions["unread"].notna().any():
        table["unread"] = groups["unread"].mean().to_numpy()
    return table


def accuracy_of_parts(parts: Iterable[pd.DataFrame], by: Sequence[str]) -> pd.DataFrame:
    """`accuracy` of decisions that come in parts, of which only sums are kept.

    Raises:
        ValueError: a question is not a cluster of its own, so that the interval would take all
            answers at once; one is twice in a group of a part.
    """
    sums = pd.DataFrame()
    for decisions in parts:
        alone = clusters(decisions) == decisions["item_id"].tolist()
        if not alone or decisions.duplicated([*by, "item_id"]).any():
            raise ValueError(
                f"The accuracy by {', '.join(by)} of these questions needs all answers at once: "
                "several are about one thing (`accuracy`)."
            )
        counted = decisions.assign(n=1, right=decisions["correct"], read=np.nan)
        if "unread" in decisions:
            counted["read"] = counted["unread"]
        counted = counted[[*by, "n", "right", "read"]].astype({"right": int})
        sums = concat([sums, counted]).groupby(list(by), sort=False, observed=True)
        sums = sums.sum(min_count=1).reset_index()
    if sums.empty:
        return pd.DataFrame(columns=[*by, "n", "accuracy", "low", "high"])
    table = sums[[*by, "n"]].assign(accuracy=sums["right"] / sums["n"])
    table["low"], table["high"] = proportion_confint(sums["right"], sums["n"], method="wilson")
    unread = sums["read"] / sums["n"]
    return table.assign(unread=unread) if unread.notna().any() else table


def letters_taken(decisions: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How often each letter was taken, right or wrong: `by` and `A, B, C, D` (questions)."""
    taken = {letter: decisions["predicted"] == place for place, letter in enumerate("ABCD")}
    counted = decisions[list(by)].assign(**taken).groupby(list(by), observed=True)
    return counted[list(taken)].sum().reset_index()


def same_items(own: pd.Series, other: pd.Series | None, cell: dict) -> None:
    """Check that two series, indexed by item, are about the same items; `cell` says whose.

    Raises ValueError, with an item that is on one side only.
    """
    where = ", ".join(f"{name} {value}" for name, value in cell.items())
    if other is None:
        raise ValueError(f"There is nothing to compare {where} with.")
    if not own.index.is_unique or not other.index.is_unique:
        raise ValueError(f"{where}: an item occurs twice, so nothing can be paired.")
    differing = own.index.symmetric_difference(other.index)
    if len(differing):
        raise ValueError(
            f"{where}: {len(differing)} items are on one side only (such as {differing[0]!r}); "
            "runs are compared on the same items or not at all (`pairing.shared` keeps these)."
        )


def option_language_bias(rows: pd.DataFrame, rule: str = "sum") -> pd.DataFrame:
    """Does the model take choices in some languages whatever they say? On mixup questions.

    Every wrong choice of a wrongly answered question had the same claim to be taken, so without a
    bias a language's share of the choices taken is its share of the wrong choices on offer. Leave
    out questions whose choices read the same in every language (calling codes). Answers that were
    not understood took none, and are left out.

    Returns:
        `language, n` (wrongly answered questions), `offered` (share of their wrong choices),
        `taken` (share of the wrong answers), `low, high` (95 % Wilson interval of `taken`).
    """
    mixed = rows[rows["recomposition"] == "mixup"].reset_index(drop=True)
    decisions = decide(mixed, rule)
    wrong = (~decisions["correct"] & (decisions["predicted"] >= 0)).to_numpy(bool)
    if not wrong.any():
        return pd.DataFrame(columns=["language", "n", "offered", "taken", "low", "high"])
    offered = mixed[np.repeat(wrong, 4) & ~mixed["is_answer"]]["option_language"]
    taken = decisions.loc[wrong, "predicted_language"]
    table = pd.DataFrame({"offered": offered.value_counts(normalize=True)})
    counts = taken.value_counts().reindex(table.index, fill_value=0)
    table["taken"] = counts / wrong.sum()
    table["low"], table["high"] = proportion_confint(counts, wrong.sum(), method="wilson")
    table.insert(0, "n", wrong.sum())
    return table.rename_axis("language").reset_index()

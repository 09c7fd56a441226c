"""From rows of log-likelihoods to accuracies, barriers and their uncertainty.

Accuracies carry 95 % Wilson intervals (statsmodels). Differences are paired on the same items:
95 % percentile bootstrap interval, exact McNemar test (statsmodels), Holm-adjusted over the rows
of a table. Nothing here looks at a model: every number is recomputed from the rows that
`scoring.score` returns. Of no rows every function makes an empty frame with its columns.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from xlkb.analysis import power
from xlkb.ground import names, resampling
from xlkb.ground.languages import LANGUAGES

RULES = ("sum", "per_byte", "pmi")
CONDITION = ["model", "task", "style", "n_shots", "demonstrations", "prompt", "rule"]
"""What must be equal for two cells to be compared, apart from what is compared."""

CELL = ["recomposition", "language"]
ITEM = ["item_id", "question_language", "answer_language"]

DECISIONS = [*CONDITION, *CELL, *ITEM, "subject", "predicted_language", "predicted", "correct"]
DECISIONS += ["margin"]
COMPARED = ["reference_accuracy", "gap_points", "gap_low", "gap_high", "p", "p_adjusted"]


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


def accuracy(decisions: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Share of right decisions per group, with its 95 % Wilson interval.

    Returns:
        `by` and `n, accuracy, low, high` (shares), groups in order of appearance; and `unread`, the
        share of answers that were not understood, where a model behind an endpoint is among them.
    """
    grouped = decisions.groupby(list(by), sort=False, observed=True)["correct"]
    table = grouped.agg(n="count", right="sum").reset_index()
    if table.empty:
        return table.drop(columns="right").assign(accuracy=[], low=[], high=[])
    table["accuracy"] = table["right"] / table["n"]
    table["low"], table["high"] = proportion_confint(table["right"], table["n"], method="wilson")
    if "unread" in decisions and decisions["unread"].notna().any():
        shares = decisions.groupby(list(by), sort=False, observed=True)["unread"].mean()
        table["unread"] = shares.to_numpy()
    return table.drop(columns="right")


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
        minus accuracy), `gap_low, gap_high` (95 % bootstrap), `p` (exact McNemar) and `p_adjusted`
        (Holm, over all rows of this table); `unread` as of `accuracy`, and `reference_unread`.

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
        results.append(_paired(own, other.loc[own.index, "correct"], seed))
        if "unread" in table:
            results[-1]["reference_unread"] = other["unread"].mean()
    table = pd.concat([table, pd.DataFrame(results)], axis=1)
    return table.assign(p_adjusted=power.holm(table["p"]))


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


def _paired(own: pd.Series, other: pd.Series, seed: int) -> dict[str, float]:
    lost = int((other & ~own).sum())
    won = int((own & ~other).sum())
    n = len(own)
    both = int((own & other).sum())
    test = mcnemar([[both, won], [lost, n - both - won - lost]], exact=True)
    # The paired difference of an item is one of three.
    gaps = resampling.resample([100, -100, 0], seed, counts=[lost, won, n - lost - won])
    low, high = resampling.interval(gaps)
    return {
        "reference_accuracy": other.mean(),
        "gap_points": 100 * (lost - won) / n,
        "gap_low": low,
        "gap_high": high,
        "p": test.pvalue,
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

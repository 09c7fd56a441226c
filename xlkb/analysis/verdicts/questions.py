"""The questions that two answered: are they the same, and which did the two answer differently?"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from xlkb.analysis import stats

QUESTION = ["task", "item_id", "recomposition", "language"]
DIFFERING = [*QUESTION, "question", "options", "right", "change"]
DIFFERING += [f"{who}{what}" for who in ("reference_", "") for what in ("taken", "nats", "margin")]


def require_same(rows: Mapping[str, pd.DataFrame], rules: Sequence[str] = ("sum",)) -> None:
    """Check that each label's rows are answers to the same questions as the first one's.

    Args:
        rows: by label, from `scoring.score`; texts are compared where both have them.
        rules: under which they are to be compared.

    Raises:
        ValueError: an identifier stands for different questions (text, choices or right answer), a
            question was answered twice, or a rule is not one of letters.
    """
    first, *others = rows
    for label, each in rows.items():
        lettered = each["style"].ne("cloze").any()
        if "pmi" in rules and lettered:
            raise ValueError(
                f"{label}: letters have no PMI, so they cannot be compared under the rule pmi; "
                "leave it out, or compare cloze with cloze."
            )
    one = _described(first, rows[first])
    for label in others:
        both = one.join(_described(label, rows[label]).add_suffix("_other"), how="inner")
        for what in ("right answer", "choices' languages", "question", "choices"):
            if f"{what}_other" not in both or what not in both:
                continue
            here, there = both[what], both[f"{what}_other"]
            differing = (here != there).to_numpy(bool) & (here.notna() & there.notna()).to_numpy()
            if differing.any():
                at = int(differing.argmax())
                raise ValueError(
                    f"{both.index[at][1]!r} ({both.index[at][3]}) is not the same question in both:"
                    f" the {what} is {here.iloc[at]!r} for {first!r} and {there.iloc[at]!r} for "
                    f"{label!r}. Ask both the same version of the task."
                )


def _described(label: str, rows: pd.DataFrame) -> pd.DataFrame:
    """A row per question: what it must share with the same question of another model."""
    heads = rows.iloc[::4]
    index = pd.MultiIndex.from_frame(heads[QUESTION])
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ValueError(
            f"{label}: {twice[1]!r} ({twice[3]}, {twice[2]}) was answered twice; compare one way of"
            " asking (style, demonstrations) at a time."
        )
    answer = rows["is_answer"].to_numpy(bool).reshape(-1, 4).argmax(1)
    found = {"right answer": [f"number {place + 1}" for place in answer]}
    found["choices' languages"] = _fours(rows["option_language"])
    if "question" in rows:
        found["question"] = heads["question"].to_numpy(object)
    if "option" in rows:
        found["choices"] = _fours(rows["option"])
    return pd.DataFrame(found, index=index)


def _fours(column: pd.Series) -> list[tuple | None]:
    values = map(tuple, column.to_numpy(object).reshape(-1, 4))
    return [None if any(pd.isna(each) for each in four) else four for four in values]


def differing(own: pd.DataFrame, reference: pd.DataFrame, rule: str = "sum") -> pd.DataFrame:
    """The questions that two answered differently, the most telling first.

    First come those that one had right and the other wrong; among these the ones that both were
    sure of: the smaller of their margins, each in units of its model's median one.

    Args:
        own, reference: rows of the same questions; rule: of decision.

    Returns:
        `task, item_id, recomposition, language, question` ("" where the rows have no texts),
        `options` (list), `right` (number of the right choice, from 0), `change` ("lost": the
        reference alone is right; "won"; "other"), and of the reference, then of the model: `taken`
        (-1: none), `nats` (log-likelihood of the choice taken), `margin` (`stats.decide`).
    """
    sides = [_answered(rows, rule) for rows in (reference, own)]
    both = sides[0].add_suffix("_reference").join(sides[1], how="inner")
    changed = both["correct_reference"] != both["correct"]
    both = both[changed | (both["taken_reference"] != both["taken"])]
    changed = changed[both.index]
    won = np.where(both["correct"], "won", "lost")
    sure = np.minimum(both["sure_reference"], both["sure"]).fillna(0)
    both = both.assign(change=np.where(changed, won, "other"), _sure=sure, _changed=changed)
    both = both.sort_values(["_changed", "_sure"], ascending=False, kind="stable").reset_index()
    names = {f"{name}_reference": f"reference_{name}" for name in ("taken", "nats", "margin")}
    return both.rename(columns=names)[DIFFERING]


def _answered(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    decided = stats.decide(rows, rule)
    n, taken = len(decided), decided["predicted"].to_numpy(int)
    values = rows["log_likelihood"].to_numpy(float).reshape(-1, 4)
    scale = decided["margin"].abs().replace(np.inf, np.nan).median()
    texts = "question" in rows and "option" in rows
    options = rows["option"].to_numpy(object).reshape(-1, 4).tolist() if texts else [[]] * n
    return pd.DataFrame(
        {
            "question": rows["question"].to_numpy(object)[::4] if texts else "",
            "options": options,
            "right": rows["is_answer"].to_numpy(bool).reshape(-1, 4).argmax(1),
            "correct": decided["correct"].to_numpy(bool),
            "taken": taken,
            "nats": np.where(taken < 0, np.nan, values[np.arange(n), taken]),
            "margin": decided["margin"].to_numpy(float),
            "sure": (decided["margin"].abs() / (scale or 1)).to_numpy(float),
        },
        index=pd.MultiIndex.from_frame(decided[QUESTION]),
    )

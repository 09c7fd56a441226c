"""Two models, or two ways of asking one, compared on the same questions.

Each of several is compared with the first: in every language (all of a question in it), in the
languages other than the base together, and on mixed-language questions. Differences are those of
`gaps` (one answer per item) and `gains` (an item's share of right answers over the languages), with
items that belong together (`tasks.cluster`) kept together. Holm's correction runs over all rows of
the table: every model, task, rule and group. What both were not asked is left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from xlkb import tasks
from xlkb.analysis import effects, gains, gaps, stats

OTHERS = "other languages"
MIXUP = "mixup"

PAIRED = ["model", "against", "task", "rule", "group"]
"""What tells the rows of a comparison apart."""

COLUMNS = [*PAIRED, "n", "n_clusters", "accuracy", "low", "high", "reference_accuracy"]
COLUMNS += ["difference_points", "difference_low", "difference_high", "p", "p_adjusted"]
COLUMNS += ["least_points", "n_lost", "n_won"]

QUESTION = ["task", "item_id", "recomposition", "language"]
DIFFERING = [*QUESTION, "question", "options", "right", "change"]
DIFFERING += [f"{who}{what}" for who in ("reference_", "") for what in ("taken", "nats", "margin")]


class Pair(NamedTuple):
    """Answers of two models to the same questions of a group.

    where: `PAIRED` -> value. own, reference: their decisions, a row per question in the same order.
    cluster: of each question.
    """

    where: dict[str, str]
    own: pd.DataFrame
    reference: pd.DataFrame
    cluster: list[str]

    @property
    def right(self) -> tuple[np.ndarray, np.ndarray]:
        """Right or not, bool [questions]: own, reference."""
        return self.own["correct"].to_numpy(bool), self.reference["correct"].to_numpy(bool)


def table(decisions: Mapping[str, pd.DataFrame], base: str = "en", seed: int = 42) -> pd.DataFrame:
    """Each model against the first, in every group of questions that both were asked.

    Args:
        decisions: by label, from `stats.decide`, of one or several rules.
        base: language that is no "other" one.
        seed: of bootstrap and permutations.

    Returns:
        `model, against, task, rule, group` (a language's code, `OTHERS` or `MIXUP`), `n` (items),
        `n_clusters`, `accuracy, low, high, reference_accuracy` (shares), `difference_points` (model
        minus the first), `difference_low, difference_high` (95 %, bootstrap), `p` (McNemar's exact
        test where items stand alone, else by permutation of clusters), `p_adjusted` (Holm, over
        all rows), `least_points` (`effects.least`, Holm's first step), `n_lost, n_won` (answers
        that went from right to wrong, and back).

    Raises:
        ValueError: as of `pairs`.
    """
    rows = [_row(pair, seed) for pair in pairs(decisions, base)]
    return effects.corrected(pd.DataFrame(rows)).reindex(columns=COLUMNS)


def pairs(decisions: Mapping[str, pd.DataFrame], base: str = "en") -> Iterator[Pair]:
    """The groups of `table`, with the answers of both.

    Raises:
        ValueError: there is nothing to compare; a question was answered twice; two were asked
            different questions of a group.
    """
    first, *others = decisions
    if not others:
        raise ValueError(f"There is nothing to compare {first!r} with: give another one.")
    for label in others:
        found = False
        for (task, rule), own in decisions[label].groupby(["task", "rule"], sort=False):
            reference = decisions[first]
            reference = reference[(reference["task"] == task) & (reference["rule"] == rule)]
            where = {"model": label, "against": first, "task": task, "rule": rule}
            for group, here, there in _groups(own, reference, base):
                found = True
                yield _paired({**where, "group": group}, here, there)
        if not found:
            raise ValueError(
                f"{label!r} and {first!r} have no question in common: neither a task and a language"
                " in which both were asked, nor mixed-language questions. Ask both the same ones."
            )


def _groups(
    own: pd.DataFrame, reference: pd.DataFrame, base: str
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    sides = own, reference
    full = [side[side["recomposition"] == "full"] for side in sides]
    asked = set(full[0]["language"])
    spoken = [code for code in full[1]["language"].unique() if code in asked]
    foreign = [code for code in spoken if code != base]
    for code in sorted(spoken, key=lambda code: code != base):
        yield code, *(side[side["language"] == code] for side in full)
    if len(foreign) > 1:
        yield OTHERS, *(side[side["language"].isin(foreign)] for side in full)
    mixed = [side[side["recomposition"] == "mixup"] for side in sides]
    if len(mixed[0]) and len(mixed[1]):
        yield MIXUP, *mixed


def _paired(where: dict[str, str], own: pd.DataFrame, reference: pd.DataFrame) -> Pair:
    key = [*QUESTION, "question_language", "answer_language"]
    sides = [side.set_index(key) for side in (own, reference)]
    told = f"{where['group']}: {where['model']!r} and {where['against']!r}"
    for label, side in zip((where["model"], where["against"]), sides, strict=True):
        if not side.index.is_unique:
            twice = side.index[side.index.duplicated()][0]
            raise ValueError(
                f"{where['group']}: {label!r} answered {twice[1]!r} twice; compare answers of one "
                "way of asking (style, demonstrations) at a time, each under a label of its own."
            )
    differing = sides[0].index.symmetric_difference(sides[1].index)
    if len(differing):
        raise ValueError(
            f"{told} were asked different questions: {len(differing)} are on one side only, such "
            f"as {differing[0][1]!r}. Ask both the same items in the same languages (task, profile,"
            " languages)."
        )
    reference = sides[1].loc[sides[0].index].reset_index()
    own = sides[0].reset_index()
    return Pair(where, own, reference, stats.clusters(own))


def _row(pair: Pair, seed: int) -> dict:
    own, reference = pair.right
    accuracy = stats.accuracy(pair.own, ["task"]).iloc[0]
    if pair.where["group"] == OTHERS:
        item = ["task", "item_id"]
        shares, others = (s.groupby(item)["correct"].mean() for s in (pair.own, pair.reference))
        cluster = [tasks.cluster(*each) for each in shares.index]
        found = gains.gain(100 * (shares - others).to_numpy(float), cluster, seed)
        difference = [found[f"gain_{name}"] for name in ("points", "low", "high")]
    else:
        found, cluster = gaps.paired(own, reference, pair.cluster, seed), pair.cluster
        difference = [-found[f"gap_{name}"] for name in ("points", "high", "low")]
    names = ("difference_points", "difference_low", "difference_high")
    return {
        **pair.where,
        "n": len(cluster),
        "n_clusters": len(set(cluster)),
        **accuracy[["accuracy", "low", "high"]],
        "reference_accuracy": reference.mean(),
        # -0.0 would be shown with its sign.
        **{name: value + 0.0 for name, value in zip(names, difference, strict=True)},
        **{name: found[name] for name in ("p", "error", "df")},
        "n_lost": int((reference & ~own).sum()),
        "n_won": int((own & ~reference).sum()),
    }


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
        both = one.join(_described(label, rows[label]), how="inner", rsuffix="_other")
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
    both = sides[0].join(sides[1], how="inner", lsuffix="_reference")
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


def in_words(table: pd.DataFrame) -> str:
    """What a comparison shows, and what it could have shown: a sentence or two for each model.

    A difference is shown where its adjusted p is below 5 %.
    """
    several = [c for c in ("task", "rule") if table[c].nunique() > 1]
    lines = []
    for key, rows in table.groupby(["model", "against", *several], sort=False):
        more = f" ({', '.join(key[2:])})" if several else ""
        shown = rows["p_adjusted"] < effects.ALPHA
        ways = (("better", rows["difference_points"] > 0), ("worse", rows["difference_points"] < 0))
        said = [
            f"{way} in {_listed(rows[shown & which])}" for way, which in ways if any(shown & which)
        ]
        line = f"{key[0]} against {key[1]}{more}: {' and '.join(said)}"
        line += " (points, 95 % intervals). Not shown: " if said else "no difference is shown in "
        if len(rows[~shown]):
            line += f"{', '.join(rows.loc[~shown, 'group'])}{_least(rows[~shown])}."
        lines.append(line.removesuffix(" Not shown: "))
    tests = len(table)
    return "\n".join([*lines, f"Holm's correction over {tests} comparison{'s' * (tests > 1)}."])


def _least(rows: pd.DataFrame) -> str:
    if not (rows["n_lost"] + rows["n_won"]).any():
        return " (no answer changed)"
    ends = sorted({f"{value:.1f}" for value in rows["least_points"].dropna()}, key=float)
    span = " to ".join(dict.fromkeys([*ends[:1], *ends[-1:]]))
    return f" (80 % power for {span} points)" if ends else ""


def _listed(rows: pd.DataFrame) -> str:
    columns = ["group", "difference_points", "difference_low", "difference_high"]
    parts: Iterable = rows[columns].itertuples(index=False)
    return ", ".join(f"{group} {d:+.1f} [{low:.1f}, {high:.1f}]" for group, d, low, high in parts)

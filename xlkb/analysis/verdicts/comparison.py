"""Two models, or two ways of asking one, compared on the same questions.

Each of several is compared with the first: in every language (all of a question in it), in the
languages other than the base together, and on mixed-language questions. Differences are those of
`gaps` (one answer per item) and `gains` (an item's share of right answers over the languages), with
items that belong together (`tasks.cluster`) kept together. Holm's correction runs over all rows of
the table: every model, task, rule and group. What both were not asked is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from xlkb import tasks
from xlkb.analysis import effects, gains, gaps, stats
from xlkb.analysis.verdicts.questions import QUESTION, differing, require_same

__all__ = ["COLUMNS", "MIXUP", "OTHERS", "PAIRED", "Pair", "differing", "in_words", "pairs"]
__all__ += ["require_same", "table"]

OTHERS = "other languages"
MIXUP = "mixup"

PAIRED = ["model", "against", "task", "rule", "group"]
"""What tells the rows of a comparison apart."""

COLUMNS = [*PAIRED, "n", "n_clusters", "accuracy", "low", "high", "reference_accuracy"]
COLUMNS += ["difference_points", "difference_low", "difference_high", "p", "p_adjusted"]
COLUMNS += ["least_points", "n_lost", "n_won"]


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
        minus the first), `difference_low, difference_high` (95 %, bootstrap; NaN of one cluster),
        `p` (McNemar's exact test where items stand alone, else by permutation of clusters),
        `p_adjusted` (Holm, over all rows), `least_points` (`effects.least`, Holm's first step; NaN
        above 100), `n_lost, n_won` (answers that went from right to wrong, and back).

    Raises:
        ValueError: as of `pairs`.
    """
    rows = [_row(pair, seed) for pair in pairs(decisions, base)]
    return effects.possible(effects.corrected(pd.DataFrame(rows)).reindex(columns=COLUMNS))


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
    if len(set(cluster)) == 1:  # One thing was asked about, which shows nothing of others.
        difference[1:] = np.nan, np.nan
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
    return f" (80 % power for {span} points)" if ends else " (too few questions to show one)"


def _listed(rows: pd.DataFrame) -> str:
    columns = ["group", "difference_points", "difference_low", "difference_high"]
    parts: Iterable = rows[columns].itertuples(index=False)
    return ", ".join(f"{group} {d:+.1f} [{low:.1f}, {high:.1f}]" for group, d, low, high in parts)

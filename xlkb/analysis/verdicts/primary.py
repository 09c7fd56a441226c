"""The comparisons that the project's claim stands on, named before any of them was made.

Two questions, each a family of four tests of its own with Holm's correction within it: does mixed
text do more than the same text in English, and does it do more, or less, than parallel text? All
else that a notebook compares is exploratory. The base model itself reads the text, as in the paper.
"""

import contextlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from xlkb import tasks, training
from xlkb.analysis import effects, gains, pairing, stats
from xlkb.ground import names
from xlkb.ground.languages import get

TASK = "worldfacts"
GROUPS = gains.GROUPS[:2]
"""Of questions: the other trained languages, and mixup."""

TREATMENTS = (training.ARMS["sentence"], training.ARMS["words"])
RIVAL = training.PARALLEL
"""What they are compared with, besides the control."""

RULE = "sum"
"""Of decision; the run's first where it has others, as for letters."""

NEEDED = ("base_model", "model", "rule", "task", *stats.CELL, *stats.ITEM, "correct")
"""Columns of decisions."""

COLUMNS = ["base_model", "against", "model", "group", "n", "n_seeds", "n_clusters", "accuracy"]
COLUMNS += ["reference_accuracy", "effect_points", "effect_low", "effect_high", "p"]
COLUMNS += ["p_adjusted", "least_points", "per_seed"]
EFFECT = ("effect_points", "effect_low", "effect_high")
NARROWED = ("narrowed_points", "narrowed_low", "narrowed_high")
COLUMNS += NARROWED


def in_words(languages: Sequence[str], task: str = TASK) -> str:
    """The plan, to be printed above its results.

    Args:
        languages: of the mixed text, the base first.
        task: what is asked.
    """
    control = training.control(languages)
    treatments, groups = " and ".join(TREATMENTS), " and ".join(GROUPS)
    tests = len(TREATMENTS) * len(GROUPS)
    return "\n".join(
        [
            f"Primary comparisons, named in advance: {task}, rule {RULE} (or the run's first).",
            f"1. {treatments} against {control}; {groups}: {tests} tests.",
            f"2. {treatments} against {RIVAL}; {groups}: {tests} tests.",
            "Two-sided, alpha 5 %, Holm's correction within each of the two. The base model itself",
            "reads the text. Intervals are over training seeds and items, and items about one",
            "country or character stay together. All else is exploratory.",
        ]
    )


def table(decisions: pd.DataFrame, languages: Sequence[str], base: str = "en") -> pd.DataFrame:
    """Each primary comparison, on the same questions under the same training seeds.

    Args:
        decisions: from `stats.decide`, of one task, with the arm as `model`, and columns
            `base_model` and, if there are several, `training_seed`. Other arms, rules and groups
            are left out.
        languages: of the mixed text, the base first.
        base: the language of teaching.

    Returns:
        A row per base model, reference (`against`), treatment (`model`) and `group`: `n` (items),
        `n_seeds, n_clusters, accuracy, reference_accuracy` (shares), `effect_points, effect_low,
        effect_high` (95 %), `p, p_adjusted` (Holm over the rows of a base model and reference),
        `least_points` (that Holm's first step finds with 80 % power), `per_seed` (text) and
        `narrowed_points, narrowed_low, narrowed_high` (95 %): the effect less that on the same
        items in the base language, which is by how much the gap to it became smaller (exploratory,
        not corrected; empty where not all of them were asked in it). A
        comparison that the run has no answers for has no row, and does not count in its family: so
        the table is empty without a second language, or where other units were mixed.

    Raises:
        ValueError: arms or seeds answered different questions, or one of them twice; a column is
            missing; there is no such base; an arm is missing and another has almost its name.
            A name that is like none of theirs is taken for that of another arm.
    """
    empty = pd.DataFrame(columns=COLUMNS)
    if decisions.empty:
        return empty
    lacking = [column for column in NEEDED if column not in decisions]
    if lacking:
        raise ValueError(
            f"The decisions have no column {', '.join(lacking)}: they are from `stats.decide`, "
            "with `base_model` and the arm as `model`."
        )
    rules = decisions["rule"].unique()
    part = decisions[decisions["rule"] == (RULE if RULE in rules else rules[0])]
    if pairing.SEED not in part:
        part = part.assign(**{pairing.SEED: 0})
    part = gains.grouped(part, languages, base)
    rows = []
    for label, answers in part.groupby("base_model", sort=False):
        arms = dict(list(answers.groupby("model", sort=False)))
        _refuse_mistyped(label, list(arms), (training.control(languages), RIVAL, *TREATMENTS))
        for reference in (training.control(languages), RIVAL):
            treated = [arm for arm in TREATMENTS if arm in arms and reference in arms]
            groups = [g for g in GROUPS if (answers["group"] == g).any()]
            family = [
                {"base_model": label, "against": reference, "model": arm, "group": group}
                | _compared(arms[arm], arms[reference], group, base, len(treated) * len(groups))
                for arm in treated
                for group in groups
            ]
            if family:
                found = pd.DataFrame(family)
                rows.append(found.assign(p_adjusted=effects.holm(found["p"])))
    return stats.concat([empty, *rows])[COLUMNS]


def best(table: pd.DataFrame) -> dict[str, str]:
    """Base model -> the treatment that gained most over the control in the other languages."""
    part = table[(table["group"] == GROUPS[0]) & (table["against"] != RIVAL)]
    tops = part.sort_values("effect_points", ascending=False, kind="stable")
    return dict(tops.groupby("base_model", sort=False)["model"].first())


def _refuse_mistyped(label: str, arms: Sequence[str], wanted: Sequence[str]) -> None:
    """A comparison must not go missing, and its family shrink, because of a letter."""
    others = [arm for arm in arms if arm not in (*wanted, *training.ARMS.values())]
    for arm in wanted:
        if arm not in arms and (meant := names.closest(arm, others)):
            raise ValueError(
                f"{label}: {names.unknown('arm', arm, arms)} If {meant!r} is another arm, leave it "
                "out."
            )


def _compared(own: pd.DataFrame, other: pd.DataFrame, group: str, base: str, tests: int) -> dict:
    arm, reference = _shares(own, other, group)
    cluster = [tasks.cluster(*item) for item in arm.index]
    told = effects.effect(arm - reference, cluster, tests)
    del told["standard_error"]
    home, narrowed = get(base).name, dict.fromkeys(NARROWED, np.nan)
    asked = [each[each["item_id"].isin(arm.index.get_level_values(1))] for each in (own, other)]
    if all((each["group"] == home).any() for each in asked):
        with contextlib.suppress(ValueError):  # They were asked other questions in it.
            at_home, before = _shares(*asked, home)
            less = effects.effect((arm - reference) - (at_home - before), cluster)
            narrowed = {name.replace("effect", "narrowed"): less[name] for name in EFFECT}
    per_seed = ", ".join(f"{points:+.1f}" for points in told["per_seed"])
    return told | {
        "accuracy": arm.to_numpy().mean(),
        "reference_accuracy": reference.to_numpy().mean(),
        "per_seed": per_seed,
        **narrowed,
    }


def _shares(
    own: pd.DataFrame, other: pd.DataFrame, group: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    arms = " against ".join(repr(each["model"].iloc[0]) for each in (own, other))
    parts = (each[each["group"] == group] for each in (own, other))
    return pairing.shares(*parts, {"group": group, "arm": arms})

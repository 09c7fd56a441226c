"""What is compared is about the same items, and of the same model."""

import warnings
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from xlkb.analysis.stats import CELL, CONDITION, ITEM, concat, same_items

SEED = "training_seed"
"""The column that tells the training runs of a model apart."""


def each(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    function: Callable[..., pd.DataFrame],
    /,
    *rest: object,
    **options: object,
) -> pd.DataFrame:
    """What a function makes of each group of rows, as it would be alone, one below the other.

    So comparisons, and corrections for their number, stay within a model.

    Args:
        frame: rows of all groups.
        by: the column that tells them apart, as "base_model", or several.
        function: takes a group's rows, then `rest` and `options`.

    Returns:
        As the function, with `by` as the first columns; groups in order of appearance. Of no rows,
        whatever their columns, the function's empty table.
    """
    by = [by] if isinstance(by, str) else list(by)
    empty = {("",) * len(by): frame}
    groups = dict(list(frame.groupby(by, sort=False))) if len(frame) else empty
    tables = []
    for labels, part in groups.items():
        table = function(part, *rest, **options).drop(columns=by, errors="ignore")
        for place, (column, label) in enumerate(zip(by, labels, strict=True)):
            table.insert(place, column, label)
        tables.append(table)
    return concat(tables)


def shared(decisions: pd.DataFrame, by: Sequence[str] = ("model", "task")) -> pd.DataFrame:
    """Decisions on the items that all cells and conditions of each group of `by` have.

    For comparing what comes from several calls of `scoring.score`, each of which leaves out
    the questions that are longer than the model's context. What goes is counted in a warning.
    """
    group = decisions.groupby(list(by), sort=False).ngroup() if by else decisions["item_id"].eq("")
    cell = decisions.groupby([*CONDITION, *CELL], sort=False).ngroup()
    has = cell.groupby([group, decisions["item_id"]]).transform("nunique")
    kept = has == cell.groupby(group).transform("nunique")
    if kept.all():
        return decisions
    ids = decisions["item_id"].nunique()
    warnings.warn(
        f"{ids - decisions.loc[kept, 'item_id'].nunique()} of {ids} items are left out, because "
        "not all that is compared has them.",
        stacklevel=2,
    )
    return decisions[kept].reset_index(drop=True)


def shares(
    own: pd.DataFrame, other: pd.DataFrame, where: Mapping[str, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How much of each item two models have right, on the same questions under the same seeds.

    Args:
        own, other: decisions of a model each, on one group of questions, with `training_seed`.
        where: what is compared, for messages.

    Returns:
        Two frames of shares, a row per item (`task, item_id`), a column per training seed.

    Raises:
        ValueError: a question was answered twice under a seed, or not under every seed, or by one
            of the models only.
    """
    answers = [_by_seed(each, where) for each in (own, other)]
    same_items(*(each.stack() for each in answers), where)
    return tuple(each.groupby(["task", "item_id"]).mean() for each in answers)


def _by_seed(decisions: pd.DataFrame, where: Mapping[str, str]) -> pd.DataFrame:
    """Right or not, 0 or 1: a row per question, a column per training seed."""
    what = ", ".join(f"{name} {value}" for name, value in where.items())
    arm = next(iter(decisions["model"]), "")
    questions = decisions.set_index(["task", *ITEM, SEED])["correct"].astype(float)
    if not questions.index.is_unique:
        twice = questions.index[questions.index.duplicated()][0]
        raise ValueError(
            f"{what}: {arm!r} answered {twice[1]!r} twice under one seed; a column `{SEED}` tells "
            "runs apart."
        )
    table = questions.unstack(SEED)
    if table.isna().any(axis=None):
        missing = table.index[table.isna().any(axis=1)][0]
        raise ValueError(
            f"{what}: {arm!r} was not asked {missing[1]!r} under every training seed; compare "
            "seeds on the same questions."
        )
    return table

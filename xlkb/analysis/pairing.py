"""What is compared is about the same items."""

import warnings
from collections.abc import Sequence

import pandas as pd

from xlkb.analysis.stats import CELL, CONDITION


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

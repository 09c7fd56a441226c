"""What the paper reports: published numbers, each with its source; what is unknown is absent."""

from functools import cache

import pandas as pd

from xlkb.paths import PACKAGE_DATA

STATUSES = ("certain", "second-hand")
FILE = PACKAGE_DATA / "published.csv"


@cache
def _all() -> pd.DataFrame:
    return pd.read_csv(FILE, keep_default_na=False)


def published(table: str = "") -> pd.DataFrame:
    """Published numbers, all or those of one table.

    Returns:
        Columns `table, model, setting, metric, value, unit, source, status` ("certain": released
        by the authors; "second-hand": quoted by others).

    Raises:
        ValueError: there is no such table.
    """
    frame = _all()
    if not table:
        return frame.copy()
    if table not in set(frame["table"]):
        known = ", ".join(frame["table"].unique())
        raise ValueError(f"{FILE} has no table {table!r}; there are: {known}.")
    return frame[frame["table"] == table].reset_index(drop=True)

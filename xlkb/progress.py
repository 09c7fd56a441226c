"""One kind of progress bar, shown where a person is watching and nowhere else."""

import os
import sys

from tqdm import tqdm


def bar(total: int, description: str, unit: str) -> tqdm:
    """A tqdm bar with speed and time left; use it as a context manager.

    It is shown in a terminal and in a Jupyter notebook that somebody runs by hand. The environment
    variable `XLKB_PROGRESS` names another terminal to draw on (`xlkb.reproduce` sets it, because a
    kernel's own streams end up in the notebook), or is "off".
    """
    where = os.environ.get("XLKB_PROGRESS", "")
    named = where not in ("", "off")
    stream = open(where, "w", encoding="utf-8") if named else sys.stderr  # noqa: SIM115
    watched = where != "off" and (stream.isatty() or "ipykernel" in sys.modules)
    return tqdm(
        total=total,
        desc=description,
        unit=unit,
        file=stream,
        disable=not watched,
        leave=False,
        dynamic_ncols=True,
    )

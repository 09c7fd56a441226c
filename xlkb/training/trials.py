"""Many trials of the bottle: which there are, and their outcomes, computed side by side once.

Networks this small gain nothing from a second thread, so that each trial runs in a process of its
own, with one thread, as many at a time as there are cores. A trial's outcome is stored when it
comes; of one that was interrupted, the finished stages are kept, and the next run goes on from its
checkpoint.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from xlkb import corpora, models, scoring
from xlkb.ground import progress
from xlkb.ground.names import unknown
from xlkb.training import bottle
from xlkb.training.bottle import Trial

FOLDER = "bottle"
"""Where outcomes lie among the stored results."""

MOST = 8
"""Processes at a time; each holds a copy of torch."""

SWEPT = ("unmixed", "word")
"""Arms of a sweep; the order is "together"."""


class Sweep(NamedTuple):
    """What is swept, its values (label -> what it changes of a `Trial`), and in which arms."""

    what: str
    values: dict[str, dict[str, Any]]
    arms: tuple[str, ...] = SWEPT


SWEEPS = {
    "people": Sweep(
        "described people told of in all languages (%)",
        {"10": {"everywhere": 0.1}, "30": {"everywhere": 0.3}, "100": {}},
    ),
    "share": Sweep(
        "documents that are mixed (%)",
        {"0": {"share": 0.0}, "10": {"share": 0.1}, "30": {"share": 0.3}, "100": {}},
        ("word",),
    ),
    "passes": Sweep(
        "times that each described person is told of",
        {"20": {"copies": 5}, "40": {}, "80": {"copies": 20}},
    ),
    "languages": Sweep(
        "languages", {"2": {"languages": 2}, "3": {"languages": 3}, "5": {}, "8": {"languages": 8}}
    ),
    "size": Sweep(
        "layers x width",
        {
            "1 x 64": {"layers": 1},
            "2 x 64": {},
            "4 x 64": {"layers": 4},
            "2 x 128": {"width": 128},
        },
    ),
    "overlap": Sweep(
        "values whose word is the same in all languages (%)",
        {"0": {}, "25": {"overlap": 0.25}, "50": {"overlap": 0.5}, "100": {"overlap": 1.0}},
    ),
}
"""By name; in each, one value is the trial's own."""


def grid(
    arms: Sequence[str], orders: Sequence[str], seeds: Sequence[int], **sizes: Any
) -> pd.DataFrame:
    """Every arm in every order, a row each: `order, arm, seed` and the `trial`.

    Raises:
        ValueError: an unknown arm or order.
    """
    for kind, given, known in (
        ("order", orders, bottle.ORDERS),
        ("arm", arms, corpora.bottle.ARMS),
    ):
        for name in given:
            if name not in known:
                raise ValueError(unknown(kind, name, known))
    rows = [
        {"order": order, "arm": arm, "seed": seed, "trial": Trial(seed, arm, order, **sizes)}
        for order in orders
        for arm in arms
        for seed in seeds
    ]
    return pd.DataFrame(rows)


def sweeps(names: Sequence[str], seeds: Sequence[int], **sizes: Any) -> pd.DataFrame:
    """Every value of some of `SWEEPS`, a row each: `sweep, value, arm, seed` and the `trial`.

    Raises:
        ValueError: an unknown sweep.
    """
    rows = []
    for name in names:
        if name not in SWEEPS:
            raise ValueError(unknown("sweep", name, SWEEPS))
        for value, changes in SWEEPS[name].values.items():
            for arm in SWEEPS[name].arms:
                for seed in seeds:
                    trial = replace(Trial(seed, arm, **sizes), **changes)
                    rows.append((name, value, arm, seed, trial))
    columns = ["sweep", "value", "arm", "seed", "trial"]
    return pd.DataFrame(rows, columns=columns)


def outcomes(asked: pd.DataFrame, store: Path, workers: int | None = None) -> pd.DataFrame:
    """The frame with the columns of `bottle.outcome` in place of `trial`, but for the time it took,
    which is another one each time: the same trials give the same tables.

    Args:
        asked: from `grid` or `sweeps`, or rows of both.
        store: folder of stored results.
        workers: processes at a time; None: one for each core. 0: in this process.

    A script that calls this without `workers=0` needs the guard of `multiprocessing`, `if __name__
    == "__main__"`; a notebook does not.

    Raises:
        RuntimeError: outcomes are missing, and XLKB_REPLAY=1 is set.
    """
    trials = list(asked["trial"])
    keys = [bottle.key(trial) for trial in trials]
    folder, schema = Path(store) / FOLDER, scoring.results.TRIALS
    known = scoring.results.index.known(folder, schema, keys)
    missing = {k: trial for k, trial, done in zip(keys, trials, known, strict=True) if not done}
    # Worlds one after the other, so that what their trials share is made once.
    missing = dict(sorted(missing.items(), key=lambda pair: pair[1].seed))
    if missing and models.replaying():
        raise RuntimeError(
            f"{len(missing)} outcomes of the bottle are missing from {folder}, and XLKB_REPLAY=1 "
            "forbids training. Unset XLKB_REPLAY and run again."
        )
    with progress.bar(len(missing), "Training in the bottle", " models") as bar:
        for key, row in _computed(missing, Path(store), workers):
            scoring.results.append(folder, pd.DataFrame([{"key": key, **row}]), schema)
            bar.update()
    if missing:
        scoring.results.merge(folder, schema)
    print(f"The bottle: trained {len(missing):,} / reused {len({*keys}) - len(missing):,} models")
    rows = scoring.results.index.rows(folder, schema, keys).drop(columns="seconds")
    return pd.concat([asked.drop(columns="trial").reset_index(drop=True), rows], axis=1)


def _computed(
    missing: dict[bytes, Trial], store: Path, workers: int | None
) -> Iterator[tuple[bytes, dict[str, float]]]:
    """Key and outcome of each trial, as they come."""
    n = min(len(missing), MOST, os.cpu_count() or 1) if workers is None else workers
    if not n or scoring.engines.chosen() == "ray":
        keys, calls = list(missing), [(trial, store) for trial in missing.values()]
        for number, row in scoring.engines.each(bottle.outcome, calls, place="any", n_threads=1):
            yield keys[number], row
        return
    start = multiprocessing.get_context("spawn")  # A fork would copy torch's threads, locked.
    with ProcessPoolExecutor(n, start) as pool:
        running = {pool.submit(_alone, trial, store): key for key, trial in missing.items()}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _alone(trial: Trial, store: Path) -> dict[str, float]:
    """The outcome, in a process of its own: silent, and with one thread."""
    import torch

    torch.set_num_threads(1)
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        os.environ["XLKB_PROGRESS"] = "off"
        return bottle.outcome(trial, store)

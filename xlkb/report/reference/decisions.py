"""A run's answers against the committed reference's, question by question, by stored scores.

Tables of trained models have wide tolerances (`reference.TRAINED_FACTOR`), because processors round
differently and training amplifies that: answers change, in both directions. A gain that vanished
changes them in one. So each rows file that the run wrote is answered once more from the reference's
scores of the very same texts (found by `key`), and the two are compared as paired answers.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from xlkb import analysis, tasks
from xlkb.ground import paths
from xlkb.profiles import Run
from xlkb.scoring import results

MARGIN = 3.0
"""Points that an accuracy of a model trained on another processor may differ by."""

NATS = 0.3
"""By which a model that was not trained in the run may differ on another processor, as `nats` in
`reference.TOLERANCES`: a margin beyond it decides alike."""

TIE = 1e-3
"""Nats within which two choices are as good as each other, on any processor."""

ASKED = ["task", "style", "prompt", "n_shots_asked", "demonstrations"]


def check(run: Run, since: datetime) -> list[str]:
    """Compare the answers that a run stored with the reference's; print a line for each model.

    Models are matched by name and adapter, not by weights, which are others where they were trained
    on another machine. A problem is a difference in accuracy that is shown (5 %, Holm over all
    models and groups) and may be larger than `MARGIN` points (`analysis.equivalence`); and, of a
    model that was not trained in the run, an answer that is another one though its margin in the
    reference is beyond `NATS`.

    Args:
        run: a profile without overrides; since: when it started.

    Returns:
        The problems.
    """
    tables, problems, compared = [], [], 0
    for described, rows in _stored(run.results, since):
        scores = _reference(run.profile, described)
        if scores is None:
            print(f"{described['label']}: no reference of its answers.")
            continue
        ours, theirs = _both(rows, scores)
        if ours.empty:
            print(f"{described['label']}: no question in common with the reference.")
            continue
        compared += 1
        trained = bool(described.get("adapter"))
        label = described["label"]
        table = differences(ours, theirs, run.base).assign(model=label)
        tables.append(table)
        line, sure = _alike(ours, theirs)
        print(f"{label}: {line}{_largest(table)}")
        if sure and not trained:
            problems.append(
                f"{label}: {sure} answers differ from the reference's though its margin is "
                f"beyond {NATS} nats"
            )
    if not compared:
        print("No stored answers of this run to compare with the reference's.")
    return problems + (_shown(pd.concat(tables, ignore_index=True)) if tables else [])


def _stored(folder: Path, since: datetime) -> Iterator[tuple[dict, pd.DataFrame]]:
    """What describes each model, and the rows that the run wrote of it."""
    for place in sorted(folder.glob("*/rows")):
        files = [
            file
            for file in sorted(place.glob("*.parquet"))
            # A clock of files may be cut to whole seconds.
            if file.stat().st_mtime >= int(since.timestamp())
        ]
        tables = [pq.read_table(file) for file in files]
        tables = [table for table in tables if "key" in table.column_names]
        if tables:
            described = json.loads((tables[0].schema.metadata or {})[b"xlkb"])
            yield described, analysis.concat(table.to_pandas() for table in tables)


def _reference(profile: str, described: dict) -> pd.Series | None:
    """The reference's log-likelihoods of a model by key, None where it has none."""
    for path in sorted((paths.REFERENCE / profile).glob("*/model.json")):
        known = json.loads(path.read_text(encoding="utf-8"))
        same = ("name", "adapter")
        if [known.get(each) for each in same] == [described.get(each) for each in same]:
            return results.read(path.parent).set_index("key")["log_likelihood"]
    return None


def _both(rows: pd.DataFrame, scores: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decisions of the run and of the reference on the questions whose scores both have, each once
    for each way of asking."""
    found = scores.reindex(rows["key"]).to_numpy(float).reshape(-1, 4)
    texts = rows["key"].to_numpy(object).reshape(-1, 4).sum(1)
    again = rows.iloc[::4][[*ASKED, "recomposition"]].assign(texts=texts).duplicated()
    kept = np.repeat(~np.isnan(found).any(1) & ~again.to_numpy(), 4)
    ours = rows[kept].reset_index(drop=True)
    theirs = ours.assign(log_likelihood=found.ravel()[kept])
    return analysis.decide(ours), analysis.decide(theirs)


def _alike(ours: pd.DataFrame, theirs: pd.DataFrame) -> tuple[str, int]:
    """How many answers are the same, in words, and how many differ beyond `NATS`."""
    differ = (ours["predicted"] != theirs["predicted"]).to_numpy()
    sure = theirs["margin"].abs().to_numpy()
    ties, far = (int((differ & each).sum()) for each in (sure <= TIE, sure > NATS))
    line = f"{len(ours):,} answers compared, {100 * (1 - differ.mean()):.1f} % are the reference's"
    if differ.any():
        line += f" ({differ.sum()} not: {ties} near-ties, {far} with a margin beyond {NATS} nats)"
    return line, far


def differences(ours: pd.DataFrame, theirs: pd.DataFrame, base: str) -> pd.DataFrame:
    """Accuracy of the run minus the reference's in each group of questions, paired.

    Args:
        ours, theirs: decisions on the same questions in the same order.

    Returns:
        `task, style, group` (a language, other languages, mixup, all of these), `n` (items),
        `difference_points, low, high` (90 %), `p` (two-sided), `beyond` (whether it lies beyond 0
        and may be larger than `MARGIN`).
    """
    gained = ours["correct"].astype(float) - theirs["correct"]
    rows = []
    for (task, style), part in ours.assign(gained=gained).groupby(["task", "style"], sort=False):
        for group, each in _groups(part, base):
            shares = each.groupby("item_id", sort=False)["gained"].mean()
            cluster = [tasks.cluster(task, item) for item in shares.index]
            if not shares.any():
                continue
            found = analysis.effect(shares, cluster)
            sides = [analysis.equivalence(sign * shares, cluster, MARGIN) for sign in (1, -1)]
            rows.append(
                {
                    **{"task": task, "style": style, "group": group, "n": len(shares)},
                    "difference_points": found["effect_points"],
                    "low": sides[0]["effect_low"],
                    "high": sides[0]["effect_high"],
                    "p": found["p"],
                    "beyond": any(side["verdict"] == "worse" for side in sides),
                }
            )
    columns = ["task", "style", "group", "n", "difference_points", "low", "high", "p", "beyond"]
    return pd.DataFrame(rows, columns=columns)


def _groups(decisions: pd.DataFrame, base: str) -> Iterator[tuple[str, pd.DataFrame]]:
    full = decisions[decisions["recomposition"] == "full"]
    foreign = full[full["language"] != base]
    mixed = decisions[decisions["recomposition"] == "mixup"]
    yield from full.groupby("language", sort=False)
    if foreign["language"].nunique() > 1:
        yield analysis.comparison.OTHERS, foreign
    if len(mixed):
        yield analysis.comparison.MIXUP, mixed
    if len(full) and len(decisions) > len(full):
        yield "all", decisions


def _largest(table: pd.DataFrame) -> str:
    if table.empty:
        return ""
    row = table.loc[table["difference_points"].abs().idxmax()]
    return (
        f"; largest difference {row['difference_points']:+.1f} points "
        f"[{row['low']:.1f}, {row['high']:.1f}] ({row['task']}, {row['group']}, n = {row['n']})"
    )


def _shown(table: pd.DataFrame) -> list[str]:
    """The differences that are a problem."""
    if table.empty:
        return []
    wrong = table[(analysis.holm(table["p"]) < 0.05) & table["beyond"].astype(bool)]
    return [
        f"{row['model']}, {row['task']} ({row['style']}), {row['group']}: the accuracy differs "
        f"from the reference's by {row['difference_points']:+.1f} points [{row['low']:.1f}, "
        f"{row['high']:.1f}], n = {row['n']}"
        for _, row in wrong.iterrows()
    ]

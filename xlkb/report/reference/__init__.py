"""Accounting for artefacts, and the committed reference results that a run is compared with.

`tests/reference/<profile>/` holds the stored scores that the notebooks are replayed from and, in
`tables/`, the CSV of every table.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from xlkb.ground import disk, paths
from xlkb.profiles import Run
from xlkb.report import manifest, notebooks, tables
from xlkb.report.reference import decisions as decisions
from xlkb.scoring import results

TOLERANCES: dict[str, tuple[float, str]] = {
    r"^n($|_)": (0.0, "questions; 5 % where it counts answers of one kind (`OUTCOMES`)"),
    r"^p($|_)": (np.inf, "follows from the other columns, and a small change moves it far"),
    r"^seeds_|least_|^rho": (np.inf, "rests on the scatter of a few seeds"),
    r"log_likelihood|margin|nats": (0.3, "nats; bfloat16 sums differ by that between machines"),
    r"loss": (0.05, "nats per token"),
    r"perplexity|bits_per_byte|distance|length_ratio|tokens_per": (0.02, "of the value"),
    r"^(empty|copies|cut|other_language)$": (2.0, "texts"),
    r"cosine|difference": (0.01, "cosine"),
    r"gap|points|percent|chrf|bleu|^(english|mixup|change)$": (
        2.0,
        "points, or two answers where that is more",
    ),
    r"accuracy|rate|right_in|independent|at_most|rankc|taken|offered|mass|low|high|ours": (
        2.0,
        "points (0.02 where the column holds shares), or two answers where that is more",
    ),
}
"""How far a number may lie from the reference, by a pattern in its column's name (first match).

Two points let a few near-ties of 400 questions fall the other way, as they do between processors
that round bfloat16 products differently. A column without a match, and any text, must be equal.
"""

FOLLOWING = ("per_seed", "verdict")
"""Texts that follow from numbers, and so from small differences between machines."""

TRAINED = ("table03", "table05", "table06", "table07")
"""Tables of models that were trained in the run itself. Training amplifies rounding: two processors
end with models that answer some questions differently, so these tables get `TRAINED_FACTOR` times
the tolerance."""

TRAINED_FACTOR = 6

OUTCOMES = {"transfer_rate", "taken"}
"""In a table with one of these columns, `n` counts answers that were right, or wrong."""


def folder(profile: str, must_exist: bool = False) -> Path:
    """The folder of a profile's committed tables.

    Raises:
        ValueError: `must_exist`, and the profile has no reference.
    """
    tables = paths.REFERENCE / profile / "tables"
    if must_exist and not any(tables.glob("*.csv")):
        have = sorted(path.parent.name for path in paths.REFERENCE.glob("*/tables"))
        raise ValueError(
            f"Profile {profile!r} has no committed reference to check against; "
            f"profiles that have one: {', '.join(have) or 'none'}."
        )
    return tables


def artefacts(run: Run, ran: Sequence[str], started: datetime) -> list[str]:
    """Print every artefact of the run's folder with its age, those that were left out, with the
    reason, and those that are stale; return what is wrong with them. A notebook that did not run
    may leave stale ones: that is no fault of this run.

    What a notebook made once and no longer makes is removed. A notebook that made nothing at all
    is a problem, and what it made once stays.

    Args:
        run: whose `figures` folder is looked at.
        ran: names of the notebooks that just ran, each to its end.
        started: when they started; what they make is younger.
    """
    problems = _remove_old(run.figures, ran, started)
    listing = manifest.listing(run.figures)
    if listing.empty:
        return [f"no artefact was recorded in {run.figures}"]
    absent = listing["left_out"] != ""
    print(f"\nArtefacts in {run.figures}: {(~absent).sum()}")
    print(
        listing[~absent].drop(columns=["created", "stale", "left_out"]).to_string(index=False)
        + "\n"
    )
    for name, why in listing.loc[absent, ["name", "left_out"]].itertuples(index=False):
        print(f"left out: {name}, {why}")
    for name, what in listing.loc[listing["stale"] != "", ["name", "stale"]].itertuples(
        index=False
    ):
        print(f"stale: {name}, as {what} changed since it was made")
    return manifest.damaged(run.figures) + problems


def _remove_old(figures: Path, ran: Sequence[str], started: datetime) -> list[str]:
    """Remove what notebooks no longer make; return which of them made nothing."""
    listing, problems = manifest.listing(figures), []
    # Recorded times may be cut to whole seconds.
    new = pd.to_datetime(listing["created"], utc=True) >= started.replace(microsecond=0)
    for name in ran:
        own = listing["notebook"].str[:2] == name[:2]
        if not (own & new).any():
            problems.append(f"{name} recorded no table and no figure")
        elif old := listing.loc[own & ~new, "name"].to_list():
            manifest.remove(figures, old)
            print(f"Removed, as {name} no longer makes it: {', '.join(old)}")
    return problems


def check(run: Run, ran: Sequence[str]) -> list[str]:
    """Compare the run's tables with the committed ones; print and return the differences.

    Args:
        run: a profile without overrides.
        ran: names of the notebooks that ran; other notebooks' tables are left out.
    """
    reference = {path.stem: path for path in sorted(folder(run.profile).glob("*.csv"))}
    ours = {path.stem: path for path in sorted(run.figures.glob("*.csv"))}
    names = [n for n in sorted(reference | ours) if _number(n) in map(_number, ran)]
    problems, found = [], []
    for name in names:
        if name not in ours:
            problems.append(f"{name}.csv is in the reference but was not made")
        elif name not in reference:
            problems.append(f"{name}.csv has no reference; make one with --update-reference")
        else:
            factor = TRAINED_FACTOR if name.startswith(TRAINED) else 1
            differing = compare(tables.read(reference[name]), tables.read(ours[name]), factor)
            found.append(differing.assign(table=name))
    differences = pd.concat(found) if found else pd.DataFrame()
    if len(differences):
        columns = ["table", "row", "column", "reference", "ours", "tolerance"]
        print(differences[columns].to_string(index=False))
        problems.append(
            f"values that differ from the reference by more than allowed: {len(differences)}"
        )
    else:
        print(f"Tables that agree with the reference within its tolerances: {len(found)}.")
    return problems


def _number(name: str) -> int:
    """Of a notebook, or of the one that a table is named after: 2 for "02_barrier", "table02a"."""
    return int(re.search(r"\d+", name)[0])


def tolerances(column: str, reference: pd.DataFrame) -> pd.Series:
    """How far each number in a column may lie from the reference's; see `TOLERANCES`."""
    values = reference[column]
    pattern = next((p for p in TOLERANCES if re.search(p, column)), "")
    allowed, unit = TOLERANCES.get(pattern, (0.0, "equal"))
    allowed = pd.Series(allowed, index=reference.index)
    if pattern == r"^n($|_)" and OUTCOMES & set(reference.columns):
        allowed = 0.05 * values
    if unit == "of the value":
        allowed *= values.abs()
    if unit.startswith("points"):
        if "n" in reference:
            allowed = allowed.clip(lower=200 / reference["n"])
        if "shares" in unit and values.abs().max() <= 1:
            allowed /= 100
    return allowed


def compare(reference: pd.DataFrame, ours: pd.DataFrame, factor: float = 1) -> pd.DataFrame:
    """Values of a table that lie outside `factor` times the tolerance of their column.

    Rows are matched by their texts (equal ones in their order), so a table sorted by a number may
    be in another order.

    Returns:
        DataFrame with the columns `row, column, reference, ours, tolerance`, empty when all agree.
    """
    differences = []
    for column in [*reference.columns, *(c for c in ours.columns if c not in reference.columns)]:
        if column not in ours.columns or column not in reference.columns:
            here, there = ("", column) if column not in ours.columns else (column, "")
            differences.append(("", "columns", there, here, "equal"))
    shared = [column for column in reference.columns if column in ours.columns]
    numeric = [
        c
        for c in shared
        if pd.api.types.is_numeric_dtype(reference[c]) and pd.api.types.is_numeric_dtype(ours[c])
    ]
    texts = [column for column in shared if column not in (*numeric, *FOLLOWING)]
    left, right = _by_text(reference, texts), _by_text(ours, texts)
    allowed = {column: factor * tolerances(column, left) for column in numeric}
    for row in left.index.union(right.index, sort=False):
        if row not in left.index or row not in right.index:
            here, there = ("present", "") if row in right.index else ("", "present")
            differences.append((row, "rows", there, here, "equal"))
            continue
        for column in numeric:
            a, b = float(left.at[row, column]), float(right.at[row, column])
            # Rounding for display may add an ulp to a difference that is exactly allowed.
            if np.isnan(a) != np.isnan(b) or abs(a - b) > allowed[column][row] + 1e-9:
                differences.append((row, column, a, b, allowed[column][row]))
    return pd.DataFrame(differences, columns=["row", "column", "reference", "ours", "tolerance"])


def _by_text(frame: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """Index `frame` by its text columns and a running number among equal rows."""
    label = frame[texts].fillna("").astype(str).agg(" | ".join, axis=1) if texts else ""
    label = pd.Series(label, index=frame.index, dtype=str)
    number = frame.groupby(label).cumcount().astype(str)
    return frame.set_index(label.where(number == "0", label + " #" + number))


def _copy_run(adapter: str) -> None:
    """Put a fine-tuning run's loss curve and outcome, not its weights, into the reference."""
    run = paths.results() / "runs" / adapter
    for file in ("loss.csv", "finished.json"):
        disk.write(paths.REFERENCE / "runs" / run.name / file, (run / file).read_bytes())


def _remove_runs() -> None:
    """Remove the fine-tuning runs that no model of any profile's reference came from."""
    stored = paths.REFERENCE.glob("*/*/model.json")
    named = {json.loads(path.read_text(encoding="utf-8")).get("adapter") for path in stored}
    for run in (paths.REFERENCE / "runs").glob("*"):
        if run.is_dir() and run.name not in named:
            shutil.rmtree(run)


def _recover(work: Path) -> None:
    """Put back what an update that was killed had moved away, and remove what it had begun."""
    for old in work.glob("*/old"):
        if not (paths.REFERENCE / old.parent.name).exists():
            old.rename(paths.REFERENCE / old.parent.name)
    shutil.rmtree(work, ignore_errors=True)


def update(run: Run, ran: Sequence[Path]) -> None:
    """Replace the committed reference by this run: tables, stored scores, executed notebooks.

    The committed notebooks are replayed from the new reference with their default parameters, so
    they show what a reader of the repository gets.

    What is new is made beside what it replaces, and what nothing needs any more goes last. Killed
    on the way, the same command goes on.

    Args:
        run: a profile without overrides whose notebooks have all just run without a problem.
        ran: the notebooks.
    """
    destination = paths.REFERENCE / run.profile
    work = paths.REFERENCE / ".update"
    _recover(work)
    new = work / run.profile / "new"  # Too deep for a replay to find models there.
    (new / "tables").mkdir(parents=True)
    for name in manifest.listing(run.figures)["name"]:
        if (run.figures / f"{name}.csv").exists():
            shutil.copyfile(run.figures / f"{name}.csv", new / "tables" / f"{name}.csv")
    for path in sorted(run.results.glob("*/model.json")):
        described = json.loads(path.read_text(encoding="utf-8"))
        # Runs with another model store their scores beside the profile's own.
        if described["name"] in run.every_model:
            if described.get("adapter"):
                _copy_run(described["adapter"])
            results.compact(path.parent, new / path.parent.name)
            shutil.copyfile(path, new / path.parent.name / "model.json")
    results.compact(run.results, new)  # Of models that have no folder of their own.
    if destination.exists():
        destination.rename(new.with_name("old"))
    new.rename(destination)
    shutil.rmtree(work)
    _remove_runs()
    print(f"Replaced: {destination}")
    if run.profile != "demo":
        return
    replay = {"XLKB_REPLAY": "1", "XLKB_RESULTS": str(paths.REFERENCE)}
    with notebooks.environment(**replay), tempfile.TemporaryDirectory() as temporary:
        for notebook in ran:
            executed = Path(temporary, notebook.name)
            notebooks.execute(notebook, executed, {})
            notebooks.clean(executed, notebook)
            print(f"Replayed and written with its outputs: {notebook}")

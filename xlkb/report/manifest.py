"""The list of what a run made: every table and figure, and what it was made from.

A table or figure that a request gives nothing to is left out: it has no files, stands in the list
with the reason, and the notebook says so.
"""

import json
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
from filelock import FileLock
from IPython.display import Markdown

from xlkb.ground import disk
from xlkb.models import LanguageModel
from xlkb.profiles import Run

FILE = "manifest.json"
KINDS = {"table": ("csv", "md", "tex"), "figure": ("png", "svg")}
"""What can be made, and the endings of its files."""


def record(
    run: Run,
    models: Sequence[LanguageModel],
    name: str,
    kind: str,
    files: Sequence[Path],
    n_rows: int,
    caption: str,
) -> None:
    """Enter an artefact (a "table" or a "figure") in `manifest.json` of the run's figures."""
    hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in files}
    _enter(run, models, name, kind, caption, {"files": hashes, "n_rows": n_rows})


def leave_out(
    run: Run,
    models: Sequence[LanguageModel],
    name: str,
    kind: str,
    caption: str,
    needs: str = "",
) -> Markdown:
    """Enter an artefact that there is nothing to make from, and remove what an older run made.

    Args:
        run, models, name, kind, caption: as for `record`.
        needs: what it would have needed, as "two languages".

    Returns:
        A sentence for the notebook.
    """
    why = f"it needs {needs}" if needs else "there is nothing to show"
    for ending in KINDS[kind]:
        (run.figures / f"{name}.{ending}").unlink(missing_ok=True)
    _enter(run, models, name, kind, caption, {"files": {}, "n_rows": 0, "left_out": why})
    return Markdown(f"`{name}` ({caption}) is left out: {why}.")


def _enter(
    run: Run, models: Sequence[LanguageModel], name: str, kind: str, caption: str, made: dict
) -> None:
    entry = {
        "kind": kind,
        "caption": caption,
        **made,
        "notebook": run.notebook,
        "profile": run.name,
        "task": run.task.partition("/")[0],
        "seed": run.seed,
        "models": {model.label: model.fingerprint for model in models},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = run.figures / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    # Notebooks may run side by side; each reads, adds its own and writes.
    with FileLock(path.with_suffix(".lock")):
        entries = _read(run.figures)
        entries[name] = entry
        disk.write_json(path, dict(sorted(entries.items())))
    path.with_suffix(".lock").unlink(missing_ok=True)


def listing(folder: Path) -> pd.DataFrame:
    """One row per artefact: `name, kind, notebook, profile, n_rows, created (UTC), age, left_out`
    (why there is none, or empty)."""
    entries = _read(folder)
    columns = ["kind", "notebook", "profile", "n_rows", "created"]
    table = pd.DataFrame(
        [{"name": name, **{c: entry[c] for c in columns}} for name, entry in entries.items()],
        columns=["name", *columns],
    )
    left_out = [entry.get("left_out", "") for entry in entries.values()]
    created = pd.to_datetime(table["created"], utc=True)
    age = (pd.Timestamp.now(tz="UTC") - created).dt.floor("s")
    return table.assign(age=age.astype(str), left_out=left_out)


def check(folder: Path) -> list[str]:
    """What is wrong with a folder's artefacts: files that are missing or were changed."""
    problems = []
    for name, entry in _read(folder).items():
        for file, expected in entry["files"].items():
            path = Path(folder) / file
            if not path.exists():
                problems.append(f"{name}: {file} is missing; run {entry['notebook']} again")
            elif sha256(path.read_bytes()).hexdigest() != expected:
                problems.append(f"{name}: {file} was changed after {entry['notebook']} wrote it")
    return problems


def _read(folder: Path) -> dict[str, dict]:
    path = Path(folder) / FILE
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        aside = path.rename(path.with_name(f"{FILE}.damaged-{datetime.now():%Y%m%d-%H%M%S}"))
        warnings.warn(
            f"{path} is damaged (not valid JSON) and was set aside as {aside.name}: what it listed "
            "is listed again when its notebook runs.",
            stacklevel=2,
        )
        return {}

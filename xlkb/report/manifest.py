"""The list of what a run made: every table and figure, and what it was made from.

A table or figure that a request gives nothing to is left out: it has no files, stands in the list
with the reason, and the notebook says so.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
from filelock import FileLock
from IPython.display import Markdown

from xlkb.ground import disk
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import labels

FILE = "manifest.json"
KINDS = {"table": ("csv", "md", "tex"), "figure": ("png", "svg")}
"""What can be made, and the endings of its files."""


@dataclass(frozen=True)
class Artefact:
    """A table or a figure that a run makes from models."""

    kind: str
    name: str
    run: Run
    models: Sequence[LanguageModel] = ()

    @property
    def files(self) -> list[Path]:
        """Where it is written, a file for each ending of `KINDS`."""
        return [self.run.figures / f"{self.name}.{ending}" for ending in KINDS[self.kind]]

    def record(self, n_rows: int, caption: str) -> None:
        """Enter it, whose files are written, in `manifest.json` of the run's figures."""
        hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in self.files}
        self._enter(caption, {"files": hashes, "n_rows": n_rows})

    def leave_out(self, caption: str, needs: str = "") -> Markdown:
        """Enter it as left out, as there is nothing to make it from; remove an older run's files.

        Args:
            needs: what it would have needed, as "two languages".

        Returns:
            A sentence for the notebook.
        """
        why = f"it needs {needs}" if needs else "there is nothing to show"
        for path in self.files:
            path.unlink(missing_ok=True)
        self._enter(caption, {"files": {}, "n_rows": 0, "left_out": why})
        return Markdown(f"`{self.name}` ({caption}) is left out: {why}.")

    def _enter(self, caption: str, made: dict) -> None:
        fingerprints: dict[str, str] = {}
        for model in self.models:
            if fingerprints.get(model.label) != model.fingerprint:
                # Arms of several base models are called alike.
                fingerprints[labels.another(model.label, fingerprints)] = model.fingerprint
        entry = {
            "kind": self.kind,
            "caption": caption,
            **made,
            "notebook": self.run.notebook,
            "profile": self.run.name,
            "task": self.run.task.partition("/")[0],
            "seed": self.run.seed,
            "models": fingerprints,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        with _entries(self.run.figures) as entries:
            entries[self.name] = entry


@contextmanager
def _entries(folder: Path) -> Iterator[dict[str, dict]]:
    """What a folder lists, to be changed and written; others, who run side by side, wait."""
    path = folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        entries = _read(folder)
        yield entries
        disk.write_json(path, dict(sorted(entries.items())))
    path.with_suffix(".lock").unlink(missing_ok=True)


def remove(folder: Path, names: Sequence[str]) -> None:
    """Remove artefacts: their files, then what is listed of them."""
    with _entries(folder) as entries:
        for name in names:
            for file in entries.pop(name)["files"]:
                (folder / file).unlink(missing_ok=True)


def recorded(folder: Path) -> dict[str, dict]:
    """What a folder lists: the name of each artefact -> what was entered of it."""
    return _read(folder)


def listing(folder: Path) -> pd.DataFrame:
    """One row per artefact: `name, kind, notebook, profile, n_rows, created (UTC), age, left_out`
    (why there is none, or empty)."""
    columns = ["name", "kind", "notebook", "profile", "n_rows", "created", "age", "left_out"]
    rows = [{"name": name, "left_out": "", **entry} for name, entry in _read(folder).items()]
    table = pd.DataFrame(rows, columns=columns)
    created = pd.to_datetime(table["created"], utc=True)
    age = (pd.Timestamp.now(tz="UTC") - created).dt.floor("s")
    return table.assign(age=age.astype(str))


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

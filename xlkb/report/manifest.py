"""The list of what a run made: every table and figure, and what it was made from.

A table or figure that a request gives nothing to is left out: it has no files, stands in the list
with the reason, and the notebook says so.
"""

import contextlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
from filelock import FileLock
from IPython.display import Markdown

from xlkb import profiles
from xlkb.ground import disk, progress
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import labels, provenance
from xlkb.report.provenance import short

FILE = "manifest.json"
KINDS = {"table": ("csv", "md", "tex"), "figure": ("png", "svg")}
"""What can be made, and the endings of its files."""

SHARED = ("made_by", "models")
"""In the list beside the artefacts, by the start of a digest: what several of them refer to."""

NEEDED = {"kind", "caption", "files", "n_rows", "notebook", "profile", "models", "created"}
"""Of an artefact's entry, in every version of this package."""


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

    def digest(self, frame: pd.DataFrame | None = None) -> str:
        """SHA-256 (hex) of what it is made from so far, and of the frame that it shows."""
        return self._digest(provenance.inputs(self.run, self.models), frame)

    def _digest(self, inputs: Mapping, frame: pd.DataFrame | None) -> str:
        shown = None if frame is None else provenance.digest_of(frame)
        models = sorted(model.fingerprint for model in self.models)
        made_from = {
            **inputs,
            "models": models,
            "frame": shown,
            "seed": self.run.seed,
        }
        return provenance.digest_of({"name": self.name, **made_from})

    def record(self, frame: pd.DataFrame, caption: str) -> None:
        """Enter it, whose files are written, in `manifest.json` of the run's figures."""
        hashes = {path.name: sha256(path.read_bytes()).hexdigest() for path in self.files}
        self._enter(caption, {"files": hashes, "n_rows": len(frame)}, frame)

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

    def _enter(self, caption: str, made: dict, frame: pd.DataFrame | None = None) -> None:
        fingerprints: dict[str, str] = {}
        for model in self.models:
            if fingerprints.get(model.label) != model.fingerprint:
                # Arms of several base models are called alike.
                fingerprints[labels.another(model.label, fingerprints)] = model.fingerprint
        inputs = provenance.inputs(self.run, self.models)
        made_by = {"command": provenance.command(), **provenance.code()}
        made_by |= {"packages": provenance.packages(), "machine": provenance.machine()}
        now = datetime.now(UTC)
        entry = {
            "kind": self.kind,
            "caption": caption,
            **made,
            "notebook": self.run.notebook,
            "profile": self.run.name,
            "task": provenance.portable(self.run.task),
            "seed": self.run.seed,
            "models": fingerprints,
            "inputs": inputs,
            "digest": self._digest(inputs, frame),
            "reproducible": provenance.level(self.models),
            "made_by": short(provenance.digest_of(made_by)),
            "created": max(now, progress.started(now)).isoformat(timespec="seconds"),
        }
        with _opened(self.run.figures) as listed:
            listed[self.name] = entry
            listed.setdefault("made_by", {})[entry["made_by"]] = made_by
            for model in self.models:
                listed.setdefault("models", {})[short(model.fingerprint)] = _described(model)


def _described(model: LanguageModel) -> dict[str, str | None]:
    """By what a model is known, without its folder; another day it may have other weights."""
    adapter = Path(model.adapter).name if model.adapter else None
    name = provenance.portable(model.name)
    if name != model.name:  # Checkpoints of several trainings may be called alike.
        name += f" ({short(provenance.digest_of(model.name))})"
    return {"name": name, "adapter": adapter, "dtype": model.dtype}


@contextmanager
def _opened(folder: Path) -> Iterator[dict[str, dict]]:
    """A folder's list, to be changed and written; others, who run side by side, wait.

    What no artefact refers to any more is left out.
    """
    path = folder / FILE
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        listed = _all(folder)
        yield listed
        entries = [each for name, each in listed.items() if name not in SHARED]
        used = {each.get("made_by") for each in entries}
        used |= {short(each) for entry in entries for each in entry["models"].values()}
        shared = {
            what: {name: each for name, each in sorted(listed.pop(what).items()) if name in used}
            for what in SHARED
            if what in listed
        }
        disk.write_json(path, {**shared, **dict(sorted(listed.items()))})
        # While it is held: who waits for it sees that it is gone, and asks for a new one. Removed
        # later, it might be another's already, and two would write.
        with contextlib.suppress(PermissionError):  # Windows.
            path.with_suffix(".lock").unlink()


def remove(folder: Path, names: Sequence[str]) -> None:
    """Remove artefacts: their files, then what is listed of them."""
    with _opened(folder) as listed:
        for name in names:
            for file in listed.pop(name)["files"]:
                (folder / file).unlink(missing_ok=True)


def recorded(folder: Path) -> dict[str, dict]:
    """What a folder lists: the name of each artefact -> what was entered of it."""
    return _read(folder)


def listing(folder: Path) -> pd.DataFrame:
    """One row per artefact: `name, kind, notebook, profile, n_rows, created (UTC), age, stale`
    (what changed since, see `stale`, or empty) and `left_out` (why there is none, or empty)."""
    columns = ["name", "kind", "notebook", "profile", "n_rows", "created", "age", "stale"]
    rows = [{"name": name, "left_out": "", **entry} for name, entry in _read(folder).items()]
    table = pd.DataFrame(rows, columns=[*columns, "left_out"])
    created = pd.to_datetime(table["created"], utc=True)
    age = (pd.Timestamp.now(tz="UTC") - created).dt.floor("s").clip(lower=pd.Timedelta(0))
    changed = {name: ", ".join(what) for name, what in stale(folder).items()}
    return table.assign(age=age.astype(str), stale=[changed.get(n, "") for n in table["name"]])


def check(folder: Path) -> list[str]:
    """What is wrong with a folder's artefacts: files that are missing or were changed, and what
    changed that they were made from (`stale`)."""
    entries = _read(folder)
    return damaged(folder) + [
        f"{name}: {', '.join(what)} changed since; run {entries[name]['notebook']} again"
        for name, what in stale(folder).items()
    ]


def damaged(folder: Path) -> list[str]:
    """Files of a folder's artefacts that are missing or were changed."""
    problems = []
    for name, entry in _read(folder).items():
        for file, expected in entry["files"].items():
            path = Path(folder) / file
            if not path.exists():
                problems.append(f"{name}: {file} is missing; run {entry['notebook']} again")
            elif sha256(path.read_bytes()).hexdigest() != expected:
                problems.append(f"{name}: {file} was changed after {entry['notebook']} wrote it")
    return problems


def stale(folder: Path) -> dict[str, list[str]]:
    """Artefacts that were made from something that is another one now, and what that is.

    The notebook's code is that of its file, and a profile's settings those of its file, where it is
    one of this package's without overrides. Of all else, what a later artefact of the folder was
    made from counts: the settings, the questions of the same task, the weights of the same model,
    the results of the same request. Of what an older version of this package made, nothing is
    known.
    """
    listed = _all(folder)
    entries = {n: each for n, each in listed.items() if n not in SHARED and "inputs" in each}
    facts = {name: _facts(each, listed.get("models", {})) for name, each in entries.items()}
    latest: dict[tuple, tuple[str, str]] = {}
    for name, each in facts.items():
        for key, digest in each.items():
            latest[key] = max(latest.get(key, ("", "")), (entries[name]["created"], digest))
    now = {key: value for key, value in _now(facts.values()).items() if value}
    found = {}
    for name, each in facts.items():
        later = {k: v for k, (when, v) in latest.items() if when > entries[name]["created"]}
        changed = [k[0] for k, digest in each.items() if (later | now).get(k, digest) != digest]
        if changed:
            found[name] = list(dict.fromkeys(changed))
    return found


def _facts(entry: dict, models: Mapping[str, dict]) -> dict[tuple, str]:
    """(what is said of it, what tells it from others) -> digest, of all that an entry rests on."""
    inputs, of = entry["inputs"], sorted(entry["models"].values())
    facts = {("the profile", entry["profile"]): inputs["profile"]}
    if "notebook" in inputs:
        facts["the notebook's code", entry["notebook"]] = inputs["notebook"]
    for task, digest in inputs.get("questions", {}).items():
        facts[f"the questions of {task}", entry["profile"]] = digest
    for fingerprint in of:
        if model := models.get(short(fingerprint)):
            words = [model["name"], *filter(None, [model["adapter"]])]
            facts[f"the model {' + '.join(words)}", model["dtype"]] = fingerprint
    if "scores" in inputs:
        facts["scores", *of, inputs["asked"]] = inputs["scores"]
    return facts


def _now(facts: Iterable[Mapping[tuple, str]]) -> dict[tuple, str]:
    """The digests of today's profiles and notebooks among these, "" where that is not known."""
    keys = {key for each in facts for key in each}
    read = {"the notebook's code": provenance.cells, "the profile": _settings}
    return {key: read[key[0]](key[1]) for key in keys if key[0] in read}


def _settings(profile: str) -> str:
    plain = profile.removesuffix("-quick")
    if plain not in profiles.names():
        return ""
    return provenance.settings(profiles.load(plain, quick=plain != profile))


def _read(folder: Path) -> dict[str, dict]:
    """The artefacts of a folder's list."""
    return {name: each for name, each in _all(folder).items() if name not in SHARED}


def _all(folder: Path) -> dict[str, dict]:
    path = Path(folder) / FILE
    if not path.exists():
        return {}
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        for name, entry in listed.items():
            if name not in SHARED and not entry.keys() >= NEEDED:
                raise ValueError(name)
        return listed
    except (ValueError, AttributeError):
        aside = path.rename(path.with_name(f"{FILE}.damaged-{datetime.now():%Y%m%d-%H%M%S}"))
        warnings.warn(
            f"{path} is damaged (not valid JSON, or no list of artefacts) and was set aside as "
            f"{aside.name}: what it listed is listed again when its notebook runs.",
            stacklevel=2,
        )
        return {}

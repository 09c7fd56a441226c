"""Seals: what a folder holds when it is whole, and what run it is of.

A folder without a seal was being written when the run was killed; one that differs from its seal is
damaged, or of another run. Both are passed over.
"""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

from xlkb.ground import disk
from xlkb.models import checkpoints

SEAL = "checkpoint.json"
DESCRIPTION = "run.json"


def seal(folder: Path, record: str = SEAL, **facts: Any) -> None:
    """Write the SHA-256 of each file of a folder, and `facts`, to the file `record` in it."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != record]
    disk.write_json(folder / record, {"files": checkpoints.hashes(files), **facts})


def damage(
    folder: Path, record: str = SEAL, kinds: tuple[str, ...] = ("",), **facts: Any
) -> str | None:
    """The first file of a sealed folder, of those whose names end with one of `kinds`, that is not
    as it was sealed, or None.

    It is `record` where that tells another of these `facts`; an older one may tell none.
    """
    sealed = told(folder, record)
    if not sealed or any(sealed.get(name, value) != value for name, value in facts.items()):
        return record
    for name in [name for name in sealed["files"] if name.endswith(kinds)]:
        path = folder / name
        if not path.is_file() or checkpoints.sha256(path) != sealed["files"][name]:
            return name
    return None


def told(folder: Path, record: str = SEAL) -> dict[str, Any]:
    """What a seal tells: `files`, their SHA-256, and facts; {} where it is damaged."""
    try:
        found = json.loads((folder / record).read_text(encoding="utf-8"))
        return found if isinstance(found["files"], dict) else {}
    except (ValueError, KeyError, TypeError):
        return {}


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint of a run; what is damaged is named in a warning and set aside."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: -int(path.name.split("-")[1]))
    for path in found:
        if not (path / SEAL).exists():
            shutil.rmtree(path)
            continue
        bad = damage(path, key=key(folder))
        if bad is None:
            return path
        aside = disk.set_damaged_aside(path)
        warnings.warn(
            f"{path / bad} is damaged, or of another run ({SEAL} tells other files or another run "
            f"than there are). The checkpoint was moved to {aside}; training goes on from the one "
            "before, or begins anew.",
            stacklevel=2,
        )
    return None


def key(folder: Path) -> str | None:
    """The key of the run whose checkpoints a folder holds; None where nothing describes it."""
    run = folder.parent
    return description(run)["key"] if (run / DESCRIPTION).exists() else None


def description(folder: Path) -> dict[str, Any]:
    """What a run's folder says that it was made from (`runs.described`); ValueError where that is
    damaged."""
    path = folder / DESCRIPTION
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        run = None
    if isinstance(run, dict) and {"key", "base", "base_fingerprint"} <= run.keys():
        return run
    raise ValueError(
        f"{path} is damaged: restore it, or give the command that made it again; of another run, "
        "name another folder."
    )

"""A repository of the stand-in: its commits, each a folder of files, made when it is asked for."""

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

LFS = (".safetensors", ".parquet", ".bin", ".model", "tokenizer.json")
"""Ends of names that the hub keeps in LFS, and serves from elsewhere."""

Make = Callable[[Path], None]
"""Writes a commit's files into an empty folder."""


@dataclass(frozen=True)
class File:
    """One file of a commit: where it lies, its size, and what the hub knows it by."""

    path: Path
    size: int
    git: str
    sha256: str | None

    @property
    def etag(self) -> str:
        return self.sha256 or self.git


@dataclass
class Repository:
    """kind: "model" or "dataset". commits: hex -> what makes it. branches: name -> commit."""

    kind: str
    name: str
    commits: dict[str, Make]
    branches: dict[str, str]
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _files: dict[str, dict[str, File]] = field(default_factory=dict)

    def commit(self, revision: str) -> str | None:
        """The commit that a branch or a commit's own name stands for."""
        found = self.branches.get(revision, revision)
        return found if found in self.commits else None

    def files(self, commit: str, store: Path) -> Mapping[str, File]:
        """The files of a commit by their names, made in `store` where they are not there yet."""
        with self._lock:
            if commit not in self._files:
                folder = store / f"{self.kind}s" / self.name / commit
                if not folder.exists():
                    part = folder.with_name(f"{commit}.part")
                    shutil.rmtree(part, ignore_errors=True)
                    part.mkdir(parents=True)
                    self.commits[commit](part)
                    part.rename(folder)
                paths = sorted(path for path in folder.rglob("*") if path.is_file())
                names = [path.relative_to(folder).as_posix() for path in paths]
                self._files[commit] = dict(zip(names, map(_file, paths), strict=True))
            return self._files[commit]


def repository(kind: str, name: str, make: Make, commit: str = "") -> Repository:
    """A repository of one commit, its branch main; without a name, the commit gets one."""
    commit = commit or hashlib.sha1(f"{kind} {name}".encode()).hexdigest()
    return Repository(kind, name, {commit: make}, {"main": commit})


def write(folder: Path, name: str, text: str) -> None:
    """Write a text file, with the folders above it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8", newline="")


def write_json(folder: Path, name: str, value: object) -> None:
    """Write a JSON file, with the folders above it."""
    write(folder, name, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def _file(path: Path) -> File:
    data = path.read_bytes()
    git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
    sha256 = hashlib.sha256(data).hexdigest() if path.name.endswith(LFS) else None
    return File(path, len(data), git, sha256)

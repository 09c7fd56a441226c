"""What every command checks before it computes, and how it ends.

Importing this module needs the standard library only. A refusal is a ValueError or an OSError whose
message names what was asked for and the cure; `command` turns it into a line and the exit code 2.
"""

import argparse
import difflib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xlkb.models import LanguageModel
    from xlkb.training.recipes import Recipe


class Failed(Exception):
    """Something went wrong after the request was found good; the message says what."""


def command(work: Callable[[], int], goes_on: str) -> int:
    """Do a command's work and return its exit code: 0 done, 1 failed, 2 refused, 130 stopped.

    Args:
        work: returns an exit code; a ValueError, OSError, ImportError or RuntimeError out of it is
            a refusal, a `Failed` a failure.
        goes_on: a sentence for somebody who stopped the command, on what is kept.
    """
    printable()
    try:
        return work()
    except Failed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped. {goes_on}", file=sys.stderr)
        return 130


@contextmanager
def computing() -> "Iterator[None]":
    """Errors in here are failures (`Failed`), because the request itself was found good."""
    try:
        yield
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        raise Failed(error) from error


def printable() -> None:
    """Let the terminal's encoding never stop a command: what it lacks is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The options; an unknown one is refused with the nearest name.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    options, rest = parser.parse_known_args(arguments)
    if rest:
        word = rest[0].partition("=")[0]
        known = sorted(o for action in parser._actions for o in action.option_strings if o != "-h")
        if not word.startswith("-"):
            parser.error(f"{rest[0]!r} belongs to no option; put a value with spaces into quotes.")
        close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
        hint = f" Did you mean {close[0]}?" if close else ""
        parser.error(f"unknown option {word}; there are: {', '.join(known)}.{hint}")
    return options


def text(value: str) -> str:
    """A value of an option that is given, and so cannot be empty, as when a shell's variable is."""
    if not value.strip():
        raise argparse.ArgumentTypeError("it is empty: give it a value, or leave it out")
    return value.strip()


def count(value: str) -> int:
    """A whole number of at least 1."""
    if not value.strip().isdecimal() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} must be a whole number, at least 1")
    return int(value)


def place(value: str) -> Path:
    """A path as the user means it (`paths.user`)."""
    from xlkb.ground import paths

    return paths.user(text(value))


def given(text: str, option: str, parts: Sequence[str] | None = None) -> list[str]:
    """The values that commas separate in an option, or `parts`, which were separated before.

    Raises:
        ValueError: one of them is empty, or there twice.
    """
    if parts is None:
        parts = [part.strip() for part in text.split(",")] if text else []
    for number, part in enumerate(parts):
        if not part:
            raise ValueError(f"{option} {text}: a value is empty; check the commas.")
        if part in parts[:number]:
            raise ValueError(f"{option} {text}: {part} is given twice.")
    return list(parts)


def model_names(text: str) -> list[str]:
    """The models that commas separate; a comma in the name of a folder that exists is none."""
    found: list[str] = []
    for part in text.split(","):
        whole = f"{found[-1]},{part}" if found else part
        kind, _, folder = whole.strip().partition(":")
        if found and kind == "path" and os.path.isdir(os.path.expanduser(folder)):
            found[-1] = whole
        else:
            found.append(part)
    return [name.strip() for name in found]


def writable(folder: Path, what: str) -> None:
    """Raise OSError unless the folder exists and can be written to, or can be made."""
    place = _existing(folder)
    if not place.is_dir():
        raise NotADirectoryError(f"{what}: {place} is a file, and a folder is needed there.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{what}: {place} cannot be written to. Choose another folder.")


def file_to_write(path: Path, option: str) -> None:
    """Raise OSError unless a file can be written there, in a folder that exists."""
    if path.is_dir():
        raise IsADirectoryError(f"{option} {path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option} {path}: there is no folder {path.parent}; make it.")
    writable(path.parent, option)
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{option} {path} cannot be written to. Choose another name.")


def room(needs: Iterable[tuple[Path, float, str]]) -> None:
    """Raise OSError when a disk has less room than what will be written to it.

    Args:
        needs: folder, bytes, and what they are; those on one disk are added up.
    """
    disks: dict[int, list[tuple[Path, float, str]]] = {}
    for folder, size, what in needs:
        place = _existing(folder)
        disks.setdefault(place.stat().st_dev, []).append((folder, size, what))
    for wanted in disks.values():
        free = shutil.disk_usage(_existing(wanted[0][0])).free
        if sum(size for _, size, _ in wanted) > free:
            parts = [
                f"{what}: {size / 1e9:.1f} GB in {folder}" for folder, size, what in wanted if size
            ]
            raise OSError(
                f"There is too little room: {sum(size for _, size, _ in wanted) / 1e9:.1f} GB are "
                f"needed, and {free / 1e9:.1f} GB are free ({'; '.join(parts)}). Make room, or "
                "move folders to another disk with XLKB_RESULTS, XLKB_CACHE or HF_HOME."
            )


def trainable(model: "LanguageModel", recipe: "Recipe") -> None:
    """Raise what would stop a fine-tuning, before weights are loaded.

    Raises:
        ValueError: the model has no weights; it has an adapter, and the method is not "full";
            sequences are longer than its context;
            several processes were started; the device is not one that trains.
        ModuleNotFoundError: the method needs a package that is not installed.
        RuntimeError: the device does not exist.
    """
    if model.name.startswith("api:"):
        raise ValueError(f"{model.name} has no weights here to train: name a model with weights.")
    if model.adapter is not None and recipe.method != "full":
        raise ValueError(
            f"{model.label} has an adapter already, which a second one of the method "
            f"{recipe.method!r} would not contain: use method 'full', or fine-tune the base model."
        )
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ValueError("Training runs in one process: start it without torchrun or accelerate.")
    if model.context and recipe.sequence_length > model.context:
        raise ValueError(
            f"sequence_length={recipe.sequence_length}: the model takes {model.context}."
        )
    if recipe.method == "qlora" and importlib.util.find_spec("bitsandbytes") is None:
        raise ModuleNotFoundError("The method qlora needs bitsandbytes: pip install bitsandbytes")
    if model.requested_device != "auto" and (model.device == "balanced" or ":" in model.device):
        raise ValueError(
            f"Training runs on cpu, mps or the first visible GPU, not on {model.device!r}: choose "
            "a GPU with the environment variable CUDA_VISIBLE_DEVICES."
        )


def _existing(path: Path) -> Path:
    """The path, or the nearest of the folders that it is in, that exists."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())

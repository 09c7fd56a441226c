"""The folder of a training: known by what it is made from, made once, sealed when it is done."""

import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from filelock import FileLock

from xlkb import models
from xlkb.ground import disk, paths
from xlkb.models import LanguageModel, checkpoints
from xlkb.training.folders import model_card
from xlkb.training.loop import processes, seals
from xlkb.training.recipes import Recipe

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FINISHED = "finished.json"
WORK = "checkpoints"


def described(model: LanguageModel, recipe: Recipe, **made_from: Any) -> dict[str, Any]:
    """What a run is made from, for its `run.json`, with the `key` that it is known by.

    Args:
        model: what training starts from.
        recipe: the hyper-parameters.
        made_from: the version of the way of training, and the fingerprint of what is learned.
    """
    dtype = recipe.computes_in(model.compute_dtype)
    run = {
        "base": model.name,
        "base_label": model.label,
        "base_fingerprint": model.weights_fingerprint,
        "recipe": recipe.described() | {"dtype": dtype},
        **made_from,
    }
    if model.adapter is not None:
        run["start"] = model.adapter.name
        run["start_fingerprint"] = model.adapter_fingerprint
    labels = ("base", "base_label", "start")
    return {"key": checkpoints.digest({k: run[k] for k in run if k not in labels}), **run}


def made(
    run: Mapping[str, Any],
    folder: str | Path | None,
    name: str,
    train: Callable[[Path], None],
) -> Path:
    """The folder of a run, which `train` fills if it is not there, finished and whole.

    Of several processes the first one looks and holds the lock, and all of them train.

    Args:
        run: from `described`.
        folder: where the result goes; by default `runs/` among the stored results, under the
            model's name, `name` and the start of the run's key.
        name: of what is learned.
        train: called with the folder, while nothing else trains there.

    Raises:
        ValueError: `folder` holds another run.
    """
    if folder is None:
        words = (models.slug(run["base"]), *name.replace("/", "-").split(), run["key"][:12])
        folder = paths.results() / "runs" / "-".join(words)
    folder = paths.user(folder)
    if models.replaying():
        return folder
    processes.once(lambda: _ready(folder))
    lock = FileLock(folder.parent / f".{folder.name}.lock")
    with lock if processes.first() else nullcontext():
        if not processes.once(lambda: _begun(folder, run)):
            train(folder)
        processes.wait()
    return folder


def finish(
    model: LanguageModel,
    network: "PreTrainedModel",
    folder: Path,
    curve: pd.DataFrame,
    read: Mapping[str, int],
) -> None:
    """Write what came of a run: weights, `loss.csv`, model card and, last, `finished.json`.

    Of several processes, only the first one calls this.

    Args:
        network: that was trained.
        curve: of the loss, a row per step.
        read: `texts` and `tokens` that were learned from.
    """
    from xlkb.training.loop import trainable

    with disk.writing(folder):
        trainable.save(model, network, folder)
        curve.to_csv(folder / "loss.csv", index=False)
    for path in folder.glob("*.safetensors"):  # A folder may be shared; these were 0600.
        path.chmod((folder / seals.DESCRIPTION).stat().st_mode)
    tenth = max(1, len(curve) // 10)
    outcome = {
        **read,
        "steps": len(curve),
        "first_loss": float(curve["loss"].head(tenth).mean()),
        "final_loss": float(curve["loss"].tail(tenth).mean()),
    }
    run = seals.description(folder)
    (folder / "README.md").write_text(model_card.text(run, outcome), encoding="utf-8")
    seals.seal(folder, FINISHED, key=run["key"], **outcome)
    shutil.rmtree(folder / WORK)
    print(f"{folder.name}: loss {outcome['first_loss']:.3f} → {outcome['final_loss']:.3f}")


def _ready(folder: Path) -> None:
    disk.writable(folder, "The result's folder")
    folder.mkdir(parents=True, exist_ok=True)


def _begun(folder: Path, run: Mapping[str, Any]) -> bool:
    """Whether the run is finished; where it is not, its folder says from now on what it is."""
    _restore(folder, run)
    finished = _finished(folder, run["key"])
    if not finished:
        disk.write_json(folder / seals.DESCRIPTION, run)
    return finished


def _restore(folder: Path, run: Mapping[str, Any]) -> None:
    """Write a damaged description anew; ValueError where `finished.json` tells of another run."""
    path = folder / seals.DESCRIPTION
    try:
        if path.exists():
            seals.description(folder)
    except ValueError:
        if (folder / FINISHED).exists() and seals.told(folder, FINISHED).get("key") != run["key"]:
            raise
        aside = disk.set_damaged_aside(path).parent
        print(f"{path} is damaged. It was moved to {aside} and is written anew.", file=sys.stderr)
        disk.write_json(path, run)


def _finished(folder: Path, key: str) -> bool:
    """Whether the folder holds this very run, finished and whole."""
    if (folder / seals.DESCRIPTION).exists() and seals.description(folder)["key"] != key:
        raise ValueError(
            f"{folder} holds another run (model, corpus, recipe or dtype differ; its own are "
            f"in {seals.DESCRIPTION}). Give another folder, or remove it."
        )
    if not (folder / FINISHED).exists():
        return False
    bad = seals.damage(folder, FINISHED, key=key)
    if bad is None:
        shutil.rmtree(folder / WORK, ignore_errors=True)
        print(f"{folder.name}: finished before, reused")
        return True
    for path in folder.iterdir():  # Not overwritten: another process may have them in memory.
        if path.is_file() and path.name != seals.DESCRIPTION:
            disk.set_damaged_aside(path)
    told = f"The finished run was moved to {folder / 'damaged'}; the model is trained again."
    print(f"{folder / bad} is damaged. {told}", file=sys.stderr)
    return False

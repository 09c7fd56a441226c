"""What models take, on a disk and in memory, known before they are there."""

import contextlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from xlkb.models import LanguageModel, checkpoints, hub_models
from xlkb.training.recipes import Recipe

CHECKPOINTS = 9
"""Checkpoints of a training under way: up to three, each of three times the trained weights."""

EMBEDDINGS = ("embed_tokens.", "wte.", "word_embeddings.", "tok_embeddings.")
"""In the names of weights that a recipe with a frozen embedding does not train."""


def trained_bytes(model: LanguageModel, recipe: Recipe) -> float:
    """Bytes that a fine-tuned model takes, in float32, from the shapes of the model's weights.

    Of a model on the hub that was not fetched yet, from its known size; 0 where that is unknown.
    """
    shapes = _shapes(model)
    if shapes is None:
        return 4e9 * billions(model.name) if recipe.method == "full" else 0
    inner = {n: s for n, s in shapes.items() if not any(e in n for e in EMBEDDINGS)}
    if recipe.method == "full":
        trained = inner if recipe.freeze_embedding else shapes
        return 4 * sum(prod(shape) for shape in trained.values())
    linear = [s for n, s in inner.items() if len(s) == 2 and "lm_head" not in n]
    return 4 * recipe.lora_rank * sum(rows + columns for rows, columns in linear)


def billions(name: str) -> float:
    """Parameters (10^9) of a model on the hub by its name; 0 where that is unknown."""
    sizes = {known["name"]: float(known["billions"]) for known in hub_models.known()}
    return sizes.get(name.partition("@")[0], 0)


def parameters(folder: Path) -> int:
    """How many parameters the weights in a folder have; 0 where there are none."""
    return sum(prod(shape) for shape in _shapes_in(folder).values())


def memory(device: str) -> tuple[float, str]:
    """Bytes of memory that a device has, and what that is in words.

    Args:
        device: as of `LanguageModel.device`, or "balanced" for all GPUs together.

    Raises:
        RuntimeError: there is no such device.
    """
    import torch

    if device == "mps":
        return float(torch.mps.recommended_max_memory()), "the GPU"
    if device == "cpu":
        import psutil

        limits = [psutil.virtual_memory().total]
        with contextlib.suppress(OSError, ValueError):  # A container may have less.
            limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
        return float(min(limits)), "this machine"
    several = device == "balanced"
    cards = range(torch.cuda.device_count()) if several else [torch.device(device)]
    total = sum(torch.cuda.get_device_properties(card).total_memory for card in cards)
    return float(total), "all GPUs together" if several else torch.cuda.get_device_name(cards[0])


def _shapes(model: LanguageModel) -> dict[str, Sequence[int]] | None:
    """Name -> shape of the model's weights, from the headers of its files; None without files."""
    if model.name.startswith("hub:"):
        folder = checkpoints.cached(checkpoints.on_hub(str(model.location), model.revision))
    else:
        folder = Path(model.source)
    return (_shapes_in(folder) if folder else None) or None


def _shapes_in(folder: Path) -> dict[str, Sequence[int]]:
    from safetensors import safe_open

    shapes: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="np") as stored:
            for name in stored.keys():  # noqa: SIM118
                shapes[name] = stored.get_slice(name).get_shape()
    return shapes

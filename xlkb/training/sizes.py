"""What models take, on a disk and in memory, known before they are there."""

import contextlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

from xlkb.models import LanguageModel, checkpoints, hub_models
from xlkb.training.recipes import Recipe

CHECKPOINTS = 3
"""Of a training under way, at most: two, and one that is being written."""

IN_8_BITS = 2 * (1 + 4 / 256)
"""Bytes of AdamW's two states of a weight: blocks of 256 have a scale in 32 bits."""

IN_8_BITS_FROM = 4096
"""Weights of a tensor whose states are not kept in 32 bits all the same."""

EMBEDDINGS = ("embed_tokens.", "wte.", "word_embeddings.", "tok_embeddings.")
"""In the names of weights that a recipe with a frozen embedding does not train."""


def trained_bytes(model: LanguageModel, recipe: Recipe) -> float:
    """Bytes that a fine-tuned model takes, from the shapes of the model's weights.

    Of a model on the hub that was not fetched yet, from its known size; 0 where that is unknown.
    """
    return _bytes(recipe) * sum(_trained(model, recipe))


def checkpoints_bytes(model: LanguageModel, recipe: Recipe) -> float:
    """Bytes that the checkpoints of a training take: the trained weights and AdamW's states."""
    embedding, rest = _trained(model, recipe)
    state = {"adamw_8bit": IN_8_BITS, "paged_adamw_32bit": 8}.get(recipe.optim, 2 * _bytes(recipe))
    in_32_bits = max(state, 8) if recipe.optim == "adamw_8bit" else state
    one = embedding * (_bytes(recipe) + in_32_bits) + rest * (_bytes(recipe) + state)
    return CHECKPOINTS * one


def _bytes(recipe: Recipe) -> int:
    """Of a trained weight."""
    return 2 if recipe.weights_dtype == "bfloat16" else 4


def _trained(model: LanguageModel, recipe: Recipe) -> tuple[float, float]:
    """How many weights are trained: of the token embedding, and others."""
    shapes = _shapes(model)
    if shapes is None:
        return 0, 1e9 * billions(model.name) if recipe.method == "full" else 0
    inner = {n: s for n, s in shapes.items() if not any(e in n for e in EMBEDDINGS)}
    if recipe.method == "full":
        every, rest = (sum(map(prod, each.values())) for each in (shapes, inner))
        return 0 if recipe.freeze_embedding else every - rest, rest
    linear = [s for n, s in inner.items() if len(s) == 2 and "lm_head" not in n]
    return 0, recipe.lora_rank * sum(rows + columns for rows, columns in linear)


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
        with (
            checkpoints.readable(f"The weights of {file}"),
            safe_open(file, framework="np") as stored,
        ):
            for name in stored.keys():  # noqa: SIM118
                shapes[name] = stored.get_slice(name).get_shape()
    return shapes

"""What models take on a disk, known before they are there."""

import re
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


def to_fetch(model: LanguageModel) -> float:
    """Bytes of weights that are still to be fetched from the hub.

    Where the hub does not say, 2 for each known parameter; 0 for other models.

    Raises:
        ValueError: the repository holds pickled weights only.
    """
    if not model.name.startswith("hub:") or _shapes(model) is not None:
        return 0
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    try:
        found = HfApi().model_info(
            str(model.location), revision=model.revision, files_metadata=True
        )
    except (OSError, HTTPError):
        return 2e9 * billions(model.name)
    files = {each.rfilename: each.size or 0 for each in found.siblings or ()}
    sizes = [size for name, size in files.items() if re.fullmatch(r"model[^/]*\.safetensors", name)]
    if not sizes and any(name.endswith((".bin", ".pt", ".pth")) for name in files):
        raise ValueError(f"{model.name} {checkpoints.PICKLED}")
    return sum(sizes)


def billions(name: str) -> float:
    """Parameters (10^9) of a model on the hub by its name; 0 where that is unknown."""
    sizes = {known["name"]: float(known["billions"]) for known in hub_models.known()}
    return sizes.get(name.partition("@")[0], 0)


def _shapes(model: LanguageModel) -> dict[str, Sequence[int]] | None:
    """Name -> shape of the model's weights, from the headers of its files; None without files."""
    from safetensors import safe_open

    if model.name.startswith("hub:"):
        from huggingface_hub import try_to_load_from_cache

        where = {"repo_id": str(model.location), "revision": model.revision}
        found = try_to_load_from_cache(filename="config.json", **where)
        folder = Path(found).parent if isinstance(found, str) else None
    else:
        folder = Path(model.source)
    files = sorted(folder.glob("*.safetensors")) if folder else []
    shapes: dict[str, Any] = {}
    for file in files:
        with safe_open(file, framework="np") as stored:
            for name in stored.keys():  # noqa: SIM118
                shapes[name] = stored.get_slice(name).get_shape()
    return shapes or None

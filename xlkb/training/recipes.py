"""Recipes: the hyper-parameters of a fine-tuning run, with presets in `data/recipes.toml`."""

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from typing import Any

from xlkb.ground import paths
from xlkb.ground.names import nearest, unknown

FILE = paths.PACKAGE_DATA / "recipes.toml"

CHOICES = {
    "method": ("full", "lora", "qlora"),
    "schedule": ("cosine", "linear", "constant", "constant_with_warmup"),
    "dtype": ("auto", "bfloat16", "float32"),
    "weights_dtype": ("float32", "bfloat16"),
    "optim": ("adamw_torch_fused", "paged_adamw_32bit", "adamw_8bit"),
}

BITSANDBYTES = ("paged_adamw_32bit", "adamw_8bit")
"""Optimizers that this package has."""

ADDED = ("weights_dtype", "optim", "activation_checkpointing")
"""Hyper-parameters that runs of before did not have: no part of a run's key where they have their
defaults, so that those runs are found again."""

ONLY_WITH = {
    "lora_rank": ("lora", "qlora"),
    "lora_alpha": ("lora", "qlora"),
    "freeze_embedding": ("full",),
    "weights_dtype": ("full",),
}
"""Hyper-parameters that count for some methods only."""


@dataclass(frozen=True)
class Recipe:
    """How a model is fine-tuned; `get` makes one from a preset.

    method: "full" trains the weights themselves; "lora" low-rank adapters of rank `lora_rank`,
    scaled by `lora_alpha / lora_rank`; "qlora" the same beside a base model in 4 bits (NF4).
    learning_rate: highest rate of AdamW. epochs: passes over the corpus. sequence_length: tokens
    per packed sequence. batch_size: sequences per forward pass. gradient_accumulation: forward
    passes per step. schedule: of the rate after its linear warm-up over `warmup_ratio` of the
    steps (0 to 1; "constant" has none). weight_decay: not applied to norms and biases.
    freeze_embedding: leave the token embedding as it is, and the output head where they share
    weights. dtype: of the computation; "auto" is the model's own, and bfloat16 where the weights
    are. seed: of shuffling, adapters and dropout. max_steps: stop earlier, 0 for not.
    weights_dtype: of the weights that train, with "full"; in bfloat16 updates of less than 1/256 of
    a weight are rounded away. Adapters are always float32.
    optim: AdamW, as transformers names it: torch's, or those of bitsandbytes, with states in 32
    bits that a GPU pages to the host's memory when its own runs out, or in 8 bits (the token
    embedding's in 32, Dettmers et al. 2022). activation_checkpointing: keep the inputs of layers
    only, and compute the rest again for the gradient: a third more time, much less memory.

    Raises:
        ValueError: a value out of range; the message names it and what is allowed.
    """

    method: str = "full"
    learning_rate: float = 1e-5
    epochs: int = 1
    sequence_length: int = 256
    batch_size: int = 4
    gradient_accumulation: int = 1
    schedule: str = "cosine"
    warmup_ratio: float = 0.0
    weight_decay: float = 0.0
    freeze_embedding: bool = True
    lora_rank: int = 16
    lora_alpha: int = 32
    dtype: str = "auto"
    seed: int = 42
    max_steps: int = 0
    weights_dtype: str = "float32"
    optim: str = "adamw_torch_fused"
    activation_checkpointing: bool = False

    def __post_init__(self) -> None:
        """Check every value."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is float and type(value) is int:
                object.__setattr__(self, field.name, float(value))
            elif type(value) is not field.type:
                kind = {int: "a whole number", float: "a number", bool: "true or false"}
                raise _wrong(field.name, value, kind.get(field.type, "a text"))
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                value = getattr(self, name)
                raise ValueError(f"Recipe: {name}={value!r}; {nearest(value, allowed)}")
        least = {"learning_rate": 1e-45, "sequence_length": 2, "lora_rank": 1, "lora_alpha": 1}
        least |= {"epochs": 1, "batch_size": 1, "gradient_accumulation": 1}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type in (int, float) and not least.get(field.name, 0) <= value < math.inf:
                raise _wrong(field.name, value, f"at least {least.get(field.name, 0)}")
        if self.warmup_ratio > 1:
            raise _wrong("warmup_ratio", self.warmup_ratio, "a share of the steps, from 0 to 1")
        if self.schedule == "constant" and self.warmup_ratio:
            raise _wrong("warmup_ratio", self.warmup_ratio, "0, or schedule constant_with_warmup")
        if self.weights_dtype != "float32" and self.method != "full":
            raise _wrong(
                "weights_dtype",
                self.weights_dtype,
                f"left out with the method {self.method!r}, which trains adapters in float32; "
                "dtype is that of the frozen weights",
            )
        if self.weights_dtype != "float32" and self.dtype == "float32":
            raise _wrong("dtype", self.dtype, "auto or bfloat16, with weights_dtype bfloat16")

    def computes_in(self, auto: str) -> str:
        """The dtype of the computation, of a model whose own is `auto`."""
        if self.weights_dtype != "float32":
            return self.weights_dtype
        return auto if self.dtype == "auto" else self.dtype

    def described(self) -> dict[str, Any]:
        """The values as a run is known by: of those in `ADDED`, what differs from the default."""
        defaults = {field.name: field.default for field in fields(self) if field.name in ADDED}
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in defaults or value != defaults[name]
        }


def names() -> dict[str, str]:
    """The presets and what each is for."""
    return {name: table["description"] for name, table in _presets().items()}


def get(name: str, **overrides: Any) -> Recipe:
    """A preset, with some values replaced: `training.recipe("lora", epochs=3)`.

    Raises:
        ValueError: an unknown preset or hyper-parameter, a value out of range, or one that does not
            count for the method.
    """
    presets = _presets()
    if name not in presets:
        raise ValueError(unknown("recipe", name, presets))
    known = [field.name for field in fields(Recipe)]
    for key in overrides:
        if key not in known:
            raise ValueError(f"A recipe has no {key!r}; {nearest(key, known)}")
    values = {key: value for key, value in presets[name].items() if key != "description"}
    recipe = Recipe(**(values | overrides))
    for key, methods in ONLY_WITH.items():
        if key in overrides and recipe.method not in methods:
            raise ValueError(
                f"Recipe: {key} has no effect with the method {recipe.method!r}, only with "
                f"{' and '.join(methods)}: leave it out, or choose another method."
            )
    return recipe


def _presets() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _wrong(name: str, value: Any, allowed: str) -> ValueError:
    return ValueError(f"Recipe: {name}={value!r}, but it must be: {allowed}.")

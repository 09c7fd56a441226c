"""How much memory a training takes at its peak, known before anything is loaded.

The forward and backward passes are run on torch's fake tensors, which have shapes and dtypes but no
values: the very network, method and loss of the training, so that an architecture needs no formula
of its own. What is alive at a time is added up. Weights and the optimizer's states follow from
their shapes. `benchmarks/training_memory.py` compares this with what was measured.

Not counted: fragmentation of a GPU's memory (a few per cent), what `xlkb` itself read, and some 0.1
GB that bitsandbytes takes on a CPU to compile what turns 4-bit weights into numbers.
"""

import contextlib
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xlkb.models import LanguageModel
from xlkb.training import sizes
from xlkb.training.loop import processes
from xlkb.training.recipes import BITSANDBYTES, Recipe

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

CONTEXT = {"cuda": 0.6e9, "mps": 0.3e9, "cpu": 0.6e9}
"""Bytes of a process that has loaded nothing yet: a GPU's kernels, or torch and the package."""

NF4 = 0.5 + 1 / 64 + 4 / (64 * 256)
"""Bytes of a weight in 4 bits: blocks of 64 have a scale in 8 bits, 256 of which have one in 32."""

ON_CPU = {"paged_adamw_32bit": 16, "adamw_8bit": 24}
"""Bytes per weight of the largest tensor, while bitsandbytes updates it on a CPU, in copies."""

PAGED_FROM = 100_000
"""Weights of a tensor whose states bitsandbytes pages."""

FEW = 2
"""Layers, and twice as many, from which those of a deep network are counted."""

WIDTHS = 160
"""Values that a layer keeps of a token for the way back, in widths of the network, at most: some 30
to 60 in the transformers that were looked at."""

SMALLER = {
    "bf16 weights, 8-bit AdamW": {
        "method": "full",
        "weights_dtype": "bfloat16",
        "optim": "adamw_8bit",
        "dtype": "auto",
        "activation_checkpointing": True,
    },
    "LoRA": {"method": "lora"},
    "LoRA, activation_checkpointing": {"method": "lora", "activation_checkpointing": True},
    "QLoRA, activation_checkpointing": {"method": "qlora", "activation_checkpointing": True},
}
"""Changes of a recipe that take less memory, from what changes the result least."""


class Peak(NamedTuple):
    """Bytes at the peak of a training, by what takes them.

    weights, states: there all the time. passes: gradients and what is computed, at most, in the
    forward and backward passes; step: gradients and copies while the optimizer updates weights.
    context: of a process that has loaded nothing. paged: of the states, what a GPU may page to the
    host's memory. whole: False where the passes could not be followed, and count gradients only.
    """

    weights: float
    states: float
    passes: float
    step: float
    context: float
    paged: float
    whole: bool

    @property
    def total(self) -> float:
        """The peak, with paged states."""
        return self.weights + self.states + max(self.passes, self.step) + self.context

    def __str__(self) -> str:
        """The peak in words, by parts."""
        rest = max(self.passes, self.step)
        return (
            f"{'' if self.whole else 'at least '}{self.total / 1e9:.1f} GB "
            f"(weights {self.weights / 1e9:.1f}, optimizer {self.states / 1e9:.1f}, gradients and "
            f"activations {rest / 1e9:.1f}, the process {self.context / 1e9:.1f})"
        )


def peak(model: LanguageModel, recipe: Recipe) -> Peak:
    """The peak of `finetuning.train`, from the model's config; no weights are read."""
    return of_config(_config(model), recipe, model.compute_dtype, model.device)


def at_most(model: LanguageModel, recipe: Recipe) -> float:
    """Bytes that a training of a transformer does not reach by far: a look, where `peak` computes.

    Weights, gradients and states in 32 bits, with copies; and for each token the logits, and in
    each layer `WIDTHS` times its width.
    """
    text = _config(model).get_text_config()
    weights = sizes.parameters(Path(model.source)) if not model.name.startswith("hub:") else 0
    if not weights:
        weights = 1e9 * (sizes.billions(model.name) or 1000)
    tokens = recipe.batch_size * recipe.sequence_length
    layers = WIDTHS * text.hidden_size * text.num_hidden_layers
    return 24 * weights + 4 * tokens * (layers + 4 * text.vocab_size) + 2e9


def _config(model: LanguageModel) -> Any:
    from transformers import AutoConfig

    safe = {"revision": model.revision, "trust_remote_code": False, "local_files_only": True}
    place = model.location if model.name.startswith("hub:") else model.source
    return AutoConfig.from_pretrained(place, **safe)


def of_config(config: Any, recipe: Recipe, dtype: str, device: str) -> Peak:
    """The peak of a training of a network with a config of transformers.

    Args:
        dtype: that the model computes in where the recipe says "auto".
        device: cpu, mps or cuda.
    """
    same = {"epochs": 1, "learning_rate": 1.0, "seed": 0, "max_steps": 0, "weight_decay": 0.0}
    same |= {"schedule": "linear", "warmup_ratio": 0.0}
    accumulated = min(2, recipe.gradient_accumulation)
    recipe = replace(recipe, **same, gradient_accumulation=accumulated)
    kind = device.partition(":")[0]
    return _peak(config.to_json_string(), type(config), recipe, recipe.computes_in(dtype), kind)


def require(model: LanguageModel, recipe: Recipe) -> str:
    """How much memory a training that fits the device takes, or each process of it, in words.

    Nothing ("") where FSDP shares out weights and states, of which nothing is known here.

    Raises:
        ValueError: it does not fit; the message has the recipes that would, with what they take.
    """
    if processes.sharded(model.device.partition(":")[0]):
        return ""
    size, accumulation = processes.share(recipe)
    recipe = replace(recipe, batch_size=size, gradient_accumulation=accumulation)
    room, where = sizes.memory(model.device)
    if (most := at_most(model, recipe)) <= room:
        return f"less than {most / 1e9:.0f} GB"
    found = peak(model, recipe)
    if processes.count() > 1:  # DDP sends the gradients from a copy of them.
        found = found._replace(passes=found.passes + found.step, step=2 * found.step)
    if fits(found, room):
        return f"{'' if found.whole else 'at least '}{found.total / 1e9:.1f} GB"
    ways = []
    for name, changes in SMALLER.items():
        other = replace(recipe, **({"weights_dtype": "float32"} | changes))
        with contextlib.suppress(ValueError):
            if other != recipe and fits(smaller := peak(model, other), room):
                ways.append(f"{name}: {smaller.total / 1e9:.1f} GB")
    cure = "Choose a larger device, or a smaller model"
    if ways:
        cure = f"These recipes would fit: {'; '.join(ways)}. Or choose a larger device"
    raise ValueError(
        f"Training {model.label} takes {found}, but {where} has {room / 1e9:.1f} GB. {cure}, or "
        "lower batch_size or sequence_length."
    )


def fits(found: Peak, room: float) -> bool:
    """Whether a device with so many bytes can hold it, the host's memory taking what is paged."""
    over = found.total - room
    return over <= 0 or (over <= found.paged and found.paged <= sizes.memory("cpu")[0])


@lru_cache(maxsize=64)
def _peak(config: str, kind: type, recipe: Recipe, dtype: str, device: str) -> Peak:
    import torch

    made = kind.from_dict(json.loads(config))
    network = _network(made, recipe, dtype)
    weights, largest = _weights(network, recipe)
    embedding = {id(m.weight) for m in network.modules() if isinstance(m, torch.nn.Embedding)}
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    states = {id(w): w.numel() * _state(recipe, w, id(w) in embedding) for w in trained}
    paged = 0.0
    if device == "cuda" and recipe.optim.startswith("paged"):
        paged = float(sum(states[id(w)] for w in trained if w.numel() >= PAGED_FROM))
    gradients = sum(weight.numel() * weight.element_size() for weight in trained)
    copies = ON_CPU.get(recipe.optim, 0) if device == "cpu" else 0
    step = gradients + copies * max(weight.numel() for weight in trained)
    try:
        found, whole = _activations(made, recipe, dtype), True
    except RuntimeError:  # Its course depends on values, as that of a mixture of experts.
        found, whole = 0.0, False
    # Gradients of the passes before are there all the time; of one pass, they come as it goes.
    passes = found + gradients if recipe.gradient_accumulation > 1 else max(found, gradients)
    passes += largest
    return Peak(weights, sum(states.values()), passes, step, CONTEXT[device], paged, whole)


def _network(config: Any, recipe: Recipe, dtype: str) -> "PreTrainedModel":
    """The network to be trained, in shapes alone."""
    import torch
    from transformers import AutoModelForCausalLM

    from xlkb.training.loop import methods

    weights_dtype = recipe.weights_dtype if recipe.method == "full" else dtype
    with torch.device("meta"):
        made = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, weights_dtype))
        return methods.applied(made, recipe)


def _activations(config: Any, recipe: Recipe, dtype: str) -> float:
    """Bytes alive at most beside weights and their gradients, in the passes of a batch.

    Layers that are all alike add the same each, so that a few of them tell what many take.
    """
    from xlkb.training.loop import passes

    text = config.get_text_config()
    depth, kinds = text.num_hidden_layers, getattr(text, "layer_types", None)
    if depth <= 2 * FEW or len(set(kinds or [""])) > 1 or hasattr(text, "layers_block_type"):
        return passes.peak(_network(config, recipe, dtype), recipe, dtype)
    found = []
    for few in (FEW, 2 * FEW):
        text.num_hidden_layers = few
        if kinds:
            text.layer_types = kinds[:few]
        found.append(passes.peak(_network(config, recipe, dtype), recipe, dtype))
    return found[1] + (found[1] - found[0]) / FEW * (depth - 2 * FEW)


def _weights(network: "PreTrainedModel", recipe: Recipe) -> tuple[float, float]:
    """Bytes of the weights, and of the largest that QLoRA turns from 4 bits into numbers."""
    four = {
        id(module.base_layer.weight): module.base_layer.weight
        for module in network.modules()
        if recipe.method == "qlora" and hasattr(module, "base_layer")
    }
    total = sum(
        weight.numel() * (NF4 if id(weight) in four else weight.element_size())
        for weight in network.parameters()
    )
    return total, max((w.numel() * w.element_size() for w in four.values()), default=0)


def _state(recipe: Recipe, weight: "torch.nn.Parameter", embedding: bool) -> float:
    """Bytes of the optimizer's two states for each value of a weight."""
    if recipe.optim not in BITSANDBYTES:
        return 2 * weight.element_size()
    whole = recipe.optim != "adamw_8bit" or embedding or weight.numel() < sizes.IN_8_BITS_FROM
    return 8 if whole else sizes.IN_8_BITS

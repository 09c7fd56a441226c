"""A network on its way through fine-tuning: made trainable, measured, probed and saved."""

import copy
import time
from functools import partial
from pathlib import Path
from typing import Any

import peft
import torch
from transformers import PreTrainedModel, TrainingArguments, set_seed

from xlkb import models
from xlkb.ground import progress
from xlkb.models import LanguageModel, variants
from xlkb.training.loop import chunked_loss, methods, optimizers, processes, trainer
from xlkb.training.recipes import Recipe


def make(
    model: LanguageModel, recipe: Recipe, work: Path, n_sequences: int
) -> tuple[PreTrainedModel, TrainingArguments, str]:
    """A new copy of the network in which what is to be trained, and only that, has gradients.

    Args:
        model: what training starts from; networks that other models hold are let go.
        work: folder for checkpoints.
        n_sequences: how many are learned from.

    Returns:
        The network, the settings that `trainer.run` takes, and the dtype of the computation.

    Raises:
        ValueError: the device is not one that trains.
    """
    models.release()
    optimizers.forget()
    dtype = recipe.computes_in(model.compute_dtype)
    settings = trainer.arguments(work, recipe, dtype, model.device, n_sequences)
    with progress.step(f"Loading {model.label}"):
        return _network(model, recipe, dtype, str(settings.device)), settings, dtype


def _network(model: LanguageModel, recipe: Recipe, dtype: str, device: str) -> PreTrainedModel:
    if not model.device.startswith(device.partition(":")[0]) or model.device[-1:].isdigit():
        raise ValueError(
            f"Training runs on cpu, mps or the first visible GPU, not on {model.device!r}: choose "
            "a GPU with the environment variable CUDA_VISIBLE_DEVICES."
        )
    set_seed(recipe.seed)
    options: dict[str, Any] = {"dtype": dtype, "device_map": device}
    if recipe.method == "full":
        options["dtype"] = recipe.weights_dtype
    if recipe.method == "qlora":
        options["quantization_config"] = variants.quantization("nf4", dtype)
    network = model.instantiate(**options)
    if model.adapter is not None:
        if recipe.method != "full":  # It learns on, so that the result holds what it knew, too.
            return peft.PeftModel.from_pretrained(network, model.adapter, is_trainable=True)
        network = peft.PeftModel.from_pretrained(network, model.adapter).merge_and_unload()
    return methods.applied(network, recipe)


def skeleton(network: PreTrainedModel) -> PreTrainedModel:
    """A copy without values (on the device "meta"), before FSDP shares the network out."""
    empty = {
        id(weight): torch.nn.Parameter(
            torch.empty_like(weight, device="meta"), weight.requires_grad
        )
        for weight in network.parameters()
    }
    return copy.deepcopy(network, empty)


def whole(network: PreTrainedModel, bones: PreTrainedModel) -> PreTrainedModel:
    """The skeleton `bones` with the trained values of a network that is shared out, for `save`.

    All processes take part; only in the first does the result have values, on the CPU.
    """
    places = trainer.trained(bones)
    for name, weight in processes.gathered(trainer.trained(network)).items():
        torch.utils.swap_tensors(places[name], torch.nn.Parameter(weight))
    return bones


def save(model: LanguageModel, network: PreTrainedModel, folder: Path) -> None:
    """Write what was trained: an adapter, or the whole model where all of it was trained."""
    vars(network).pop("forward", None)
    network.config.use_cache = True
    if not isinstance(network, peft.PeftModel):
        modules = {
            name: module
            for name, module in network.named_modules()
            if any(weight.requires_grad for weight in module.parameters(recurse=False))
        }
        everything = all(weight.requires_grad for weight in network.parameters())
        # Such an adapter hides what is inside a module (Mamba's) from the code around it.
        if everything or any(list(module.children()) for module in modules.values()):
            network.save_pretrained(folder)
            model.tokenizer.save_pretrained(folder)
            return
        network = peft.get_peft_model(
            network, peft.LNTuningConfig(target_modules=list(modules), task_type="CAUSAL_LM")
        )
    config = network.peft_config["default"]
    config.base_model_name_or_path = model.name
    if isinstance(config.target_modules, set):  # Its order would be another one in each process.
        config.target_modules = sorted(config.target_modules)
    network.save_pretrained(folder, save_embedding_layers=False)


def logits(network: PreTrainedModel, tokens: torch.Tensor) -> torch.Tensor:
    """Logits of the first 16 tokens, by the network's own forward pass.

    FSDP, where no other forward pass is put in its place, computes in bfloat16 what is plain
    before the training: a network that learned nothing is seen there in float32 only.
    """
    plain = partial(type(network).forward, chunked_loss.evaluating(network))
    if processes.sharded(tokens.device.type):  # It puts weights together when they are called.
        plain = network
    with torch.no_grad():
        return plain(tokens[:, :16], use_cache=False).logits


def estimate(
    network: PreTrainedModel,
    probe: torch.Tensor,
    recipe: Recipe,
    dtype: str,
    n_sequences: int,
    n_tokens: int,
) -> str:
    """Tokens, steps and minutes of the run, from one forward and backward pass.

    Of several processes, each works on its share; where FSDP will share out what one of them cannot
    hold, nothing is computed, and tokens and steps are all that is known.
    """
    trained = sum(weight.numel() for weight in trainer.trained(network).values())
    known = f"{n_tokens:,} tokens in {trainer.n_steps(recipe, n_sequences):,} steps, "
    known += f"{trained:,} weights trained"
    if processes.sharded(probe.device.type):
        return f"{known} by {processes.count()} processes that share them (FSDP)"
    network.train()
    device = probe.device.type
    with (
        torch.random.fork_rng(devices=[probe.device] if device == "cuda" else []),
        torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"),
    ):
        network(input_ids=probe[:, :16], labels=probe[:, :16]).loss.backward()  # Warms up.
        start = time.perf_counter()
        loss = network(input_ids=probe, labels=probe).loss
        loss.backward()
        loss.item()  # Waits for a GPU.
        seconds = time.perf_counter() - start
    network.zero_grad()
    several = processes.count()
    if several > 1:
        known += f" by {several} processes (DDP)"
    rate = several * probe.shape[1] / seconds
    return f"{known}, about {n_tokens / rate / 60:.1f} min at {rate:,.0f} tokens/s"

"""The training loop: transformers' Trainer, with checkpoints that survive kills and bad disks.

A checkpoint is a folder `checkpoint-STEP` with the trained tensors (safetensors) and the Trainer's
optimizer, schedule and random states (read with `weights_only=True`, which runs no code). Last of
all it is sealed (`seals`).

Several processes (`processes`) leave the same checkpoints as one, so that any number goes on from
them. Each process adds its random states, which only the same number of processes finds again:
they matter to a model with dropout, and to no other.
"""

import functools
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer import OPTIMIZER_NAME, SCHEDULER_NAME

from xlkb.ground import disk
from xlkb.ground.progress import bar
from xlkb.training.loop import chunked_loss, processes, seals
from xlkb.training.recipes import Recipe

Loss = Callable[[torch.nn.Module, Mapping[str, torch.Tensor]], torch.Tensor]
"""What is to be minimised, from a network and a batch."""

WEIGHTS = "trained.safetensors"
KEPT = 2
"""Checkpoints kept at a time."""


def trained(network: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """The parameters that train, by name."""
    return {name: weight for name, weight in network.named_parameters() if weight.requires_grad}


def arguments(
    folder: Path, recipe: Recipe, dtype: str, device: str, n_sequences: int
) -> TrainingArguments:
    """The recipe as transformers' arguments: nothing is sent anywhere, nothing is shuffled.

    The warm-up is counted in steps here, because transformers takes `warmup_steps=1.0` for one
    step. Gradients are clipped to a norm of 1, its default, which the script that the paper ran
    (TOFU's `finetune.py`, commit bdc209e) leaves as is. Of several processes each gets its share
    of a step.
    """
    batch_size, accumulation = processes.share(recipe)
    # Otherwise a setting of accelerate's own would count for more than the recipe.
    mixed = dtype == "bfloat16"
    if processes.sharded(device) and recipe.weights_dtype == dtype:
        mixed = False  # accelerate would make float32 of such weights.
    os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16" if mixed else "no"
    made = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=batch_size,
        gradient_accumulation_steps=accumulation,
        num_train_epochs=1,  # The sequences of all epochs are laid out beforehand.
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=recipe.schedule,
        warmup_steps=round(recipe.warmup_ratio * n_steps(recipe, n_sequences)),
        weight_decay=recipe.weight_decay,
        optim=recipe.optim,
        activation_checkpointing=recipe.activation_checkpointing,
        bf16=mixed,
        use_cpu=device == "cpu",
        seed=recipe.seed,
        train_sampling_strategy="sequential",
        remove_unused_columns=False,
        dataloader_pin_memory=device.startswith("cuda"),
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",  # `_Watch` saves, by the clock.
        save_total_limit=KEPT,
        report_to="none",
        disable_tqdm=True,
    )
    made._n_gpu = min(made.n_gpu, 1)  # Otherwise the Trainer splits batches over all GPUs.
    return made


def n_steps(recipe: Recipe, n_sequences: int) -> int:
    """Optimizer steps that the sequences make."""
    return math.ceil(math.ceil(n_sequences / recipe.batch_size) / recipe.gradient_accumulation)


def run(
    network: torch.nn.Module,
    data: Sequence[Mapping[str, torch.Tensor]],
    settings: TrainingArguments,
    checkpoint_seconds: float,
    loss: Loss | None = None,
) -> list[dict[str, float]]:
    """Train the parameters that require gradients, from the last checkpoint on if there is one.

    Args:
        network: computes a loss from `input_ids` and `labels`; changed in place.
        data: in training order, tensors by name, `input_ids` among them; those of a batch have the
            same shapes.
        settings: from `arguments`; `output_dir` holds the checkpoints.
        checkpoint_seconds: time between checkpoints.
        loss: the mean loss of a batch, from the network and its tensors; the network's own, of
            `input_ids` and `labels` (-100 where a token is not learned), when None.

    Returns:
        One dict per step: step, tokens (so far, filling included), loss (nats per token, or what
        `loss` gives), learning_rate.

    Raises:
        ValueError: the loss is not finite.
    """
    checkpoint = processes.once(lambda: seals.last_checkpoint(Path(settings.output_dir)))
    watch = _Watch(checkpoint_seconds)
    kind = _Trainer if loss is None else _LossTrainer
    filled = _filled(data, settings.per_device_train_batch_size * processes.count())
    trainer = kind(model=network, args=settings, train_dataset=filled, callbacks=[watch])
    trainer.loss = loss
    trainer.remove_callback(PrinterCallback)
    if checkpoint and processes.first():
        print(f"going on from step {checkpoint.name.split('-')[1]}")
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    finally:
        watch.close()
    per_step = settings.per_device_train_batch_size * settings.gradient_accumulation_steps
    per_step *= processes.count()
    # Filling is read too, but where a mask says that it is not.
    masks = (each.get("attention_mask", torch.ones_like(each["input_ids"])) for each in data)
    read = np.cumsum([int(mask.sum()) for mask in masks])
    return [
        {
            "step": row["step"],
            "tokens": int(read[min(row["step"] * per_step, len(data)) - 1]),
            "loss": row["loss"],
            "learning_rate": row["learning_rate"],
        }
        for row in trainer.state.log_history
        if "loss" in row
    ]


def _filled(
    data: Sequence[Mapping[str, torch.Tensor]], together: int
) -> Sequence[Mapping[str, torch.Tensor]]:
    """The data, and after it sequences of which nothing is learned, for processes without one.

    accelerate would give them the first sequences again. together: sequences of a forward pass in
    all processes.
    """
    if processes.count() == 1:
        return data
    nothing = {**data[-1], "labels": torch.full_like(data[-1]["labels"], chunked_loss.IGNORED)}
    return [*data, *[nothing] * (-len(data) % together)]


class _Trainer(Trainer):
    """A Trainer whose checkpoints hold the trained tensors only, and are sealed.

    The files are those of one process where FSDP shares tensors out, too: `gathered`.
    """

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        folder = Path(output_dir or self.args.output_dir)
        weights = processes.gathered(trained(self.model)).items()
        if processes.first():
            folder.mkdir(parents=True, exist_ok=True)
            save_file({name: w.contiguous() for name, w in weights}, folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        stored = load_file(Path(resume_from_checkpoint) / WEIGHTS)
        with torch.no_grad():
            for name, weight in trained(self.model).items():
                weight.copy_(processes.shared_out(stored[name], weight))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        states = self.optimizer.state_dict()
        states["state"] = {n: processes.gathered(each) for n, each in states["state"].items()}
        if processes.first():
            torch.save(states, Path(output_dir) / OPTIMIZER_NAME)
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None or not self.is_fsdp_enabled:
            super()._load_optimizer_and_scheduler(checkpoint)
            return
        read = functools.partial(torch.load, map_location="cpu", weights_only=True)
        states = read(Path(checkpoint) / OPTIMIZER_NAME)
        weights = [each for group in self.optimizer.param_groups for each in group["params"]]
        for number, state in states["state"].items():
            for name, tensor in state.items():
                state[name] = processes.shared_out(tensor, weights[number])
        self.optimizer.load_state_dict(states)
        self.lr_scheduler.load_state_dict(read(Path(checkpoint) / SCHEDULER_NAME))

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        folder = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with disk.writing(folder.parent):  # What is half written goes when the run goes on.
            super()._save_checkpoint(model, trial)
        processes.wait()  # Each process writes its random states.
        if processes.first():
            seals.seal(folder, key=seals.key(folder.parent))
        processes.wait()


class _LossTrainer(_Trainer):
    """One with a loss of its own, a mean over a batch."""

    loss_is_scaled_for_ga = False

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
        return self.loss(model, inputs)


class _Watch(TrainerCallback):
    """Draws the bar, asks for checkpoints, and stops a run whose loss is not finite."""

    def __init__(self, checkpoint_seconds: float) -> None:
        self.checkpoint_seconds = checkpoint_seconds
        self.saved = time.monotonic()
        self.bar = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar = bar(state.max_steps, "Training", " steps", state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar.update()
        due = processes.told(time.monotonic() - self.saved >= self.checkpoint_seconds)
        control.should_save = due and state.global_step < state.max_steps

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.saved = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not math.isfinite(logs.get("loss", 0)):
            raise ValueError(
                f"The loss is {logs['loss']} at step {state.global_step}: lower the learning rate "
                f"({args.learning_rate:g})."
            )
        if "loss" in logs:
            self.bar.set_postfix(loss=f"{logs['loss']:.3f}")

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

"""The processes of one training, started by accelerate or torchrun, and what they agree on.

The first one decides, writes and speaks; what must be the same in all of them (whether a
checkpoint is due, which one to go on from) it tells the others, so that no two clocks or looks at
the disk can differ. In one process, nothing here does anything, and torch is not imported.

DDP gives each process all weights; FSDP2 (`sharded`) a share of each weight, a `DTensor`.
"""

import functools
import io
import math
import os
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from xlkb.ground import stops
from xlkb.training.recipes import BITSANDBYTES, Recipe

if TYPE_CHECKING:
    import torch

SHARDING = {"cuda"}
"""Kinds of devices on which accelerate shards. On others it leaves FSDP out without a word."""

CONFIGURED = {
    "FSDP_VERSION": "2",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",  # Weights would be missing where they are looked at.
    "FSDP_OFFLOAD_PARAMS": "false",
    "FSDP_ACTIVATION_CHECKPOINTING": "false",  # It renames the weights.
}
"""What accelerate must be told for FSDP: see `data/accelerate/fsdp.yaml`."""

PATIENCE = timedelta(days=2)
"""How long processes wait for the first one, which may fetch a model or wait for another run."""

GRACE = 5
"""Seconds in which the launcher ends a process after another one has failed."""

Found = TypeVar("Found")


def count() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def first() -> bool:
    """Whether this is the process that decides, writes and speaks."""
    return count() == 1 or os.environ.get("RANK", "0") == "0"


def sharded(device: str) -> bool:
    """Whether training on a kind of device ("cuda") shares the weights out, by FSDP."""
    return _fsdp() and device in SHARDING


def left_out(device: str) -> bool:
    """Whether FSDP was asked for and accelerate does without, as it does on a CPU."""
    return count() > 1 and _fsdp() and device not in SHARDING


def share(recipe: Recipe) -> tuple[int, int]:
    """Sequences per forward pass, and passes per step, of each process.

    Together they make the recipe's step, of the same sequences; passes are divided first.

    Raises:
        ValueError: the processes cannot share a step equally.
    """
    step = recipe.batch_size * recipe.gradient_accumulation
    if step % count():
        fitting = [str(n) for n in range(1, step + 1) if step % n == 0]
        raise ValueError(
            f"{count()} processes cannot share a step of {step} equally (batch_size "
            f"{recipe.batch_size} x gradient_accumulation {recipe.gradient_accumulation}). As many "
            f"can as one of: {', '.join(fitting)}."
        )
    passes = math.gcd(recipe.gradient_accumulation, count())
    return recipe.batch_size // (count() // passes), recipe.gradient_accumulation // passes


def require(recipe: Recipe) -> None:
    """Raise what would stop several processes, before anything is loaded.

    Raises:
        ValueError: they cannot share a step; they were started in a way that is not known here; or
            what the recipe uses cannot be shared out by FSDP.
    """
    share(recipe)
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "false") == "true":
        raise ValueError("Training runs by DDP or FSDP, not by DeepSpeed: see xlkb finetune --help")
    if not _fsdp():
        return
    for name, value in CONFIGURED.items():
        if os.environ.get(name, value).lower() != value:
            raise ValueError(
                f"{name}={os.environ[name]}: FSDP trains here with {value} only. Start it with "
                "accelerate launch --config_file $(xlkb finetune --accelerate fsdp)"
            )
    if recipe.method == "qlora":
        raise ValueError(
            "FSDP cannot share out the 4-bit weights of the method qlora: start it with the "
            "configuration ddp, or choose the method lora."
        )
    if recipe.optim in BITSANDBYTES:
        raise ValueError(
            f"FSDP cannot share out the states of {recipe.optim} (bitsandbytes). Choose torch's "
            "AdamW, which it shares out, or the configuration ddp, where each GPU holds all states."
        )


def alone(what: str) -> None:
    """Raise ValueError where several processes were started for something that takes one."""
    if count() > 1:
        raise ValueError(
            f"{what} runs in one process, and {count()} were started: start it without torchrun "
            "and accelerate. Several processes train by xlkb finetune and training.train only."
        )


def wait() -> None:
    """Go on when all processes are here."""
    if count() > 1:
        import torch.distributed

        torch.distributed.barrier(group=_group())


def told(value: Found) -> Found:
    """The first process's value (a small object), in all of them."""
    if count() == 1:
        return value
    import torch.distributed

    parts = [value]
    torch.distributed.broadcast_object_list(parts, src=0, group=_group())
    return parts[0]


def once(make: Callable[[], Found]) -> Found:
    """What `make` gives in the first process, in all of them; what it raises is raised in all."""
    if count() == 1:
        return make()
    found, error = None, None
    if first():
        try:
            found = make()
        except BaseException as raised:
            error = raised
    found, sent = told((found, error and _sendable(error)))
    if sent is not None:
        raise error or sent
    return found


def in_turn(make: Callable[[], Found]) -> Found:
    """What `make` gives in each process: after the first, the others, if it raised nothing."""
    mine: list[Found] = []
    once(lambda: mine.append(make()))
    return mine[0] if mine else make()


def one_voice(work: Callable[[], int]) -> int:
    """Do a command's work, of which only the first process is heard; the exit code.

    What another one says is held back, and printed if it fails in a way in which the first, and so
    the launcher, does not.
    """
    if count() > 1:  # Before torch is imported: DDP warns that it looks for unused weights.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if first():
        code = work()
    else:
        said = io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(said):
            code = work()
        if code not in (0, *stops.CODES):
            time.sleep(GRACE)
            print(f"process {os.environ['RANK']}: {said.getvalue()[-2000:]}", file=sys.stderr)
    if code == 0 and count() > 1:
        import torch.distributed

        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return code


def gathered(tensors: Mapping[Any, "torch.Tensor"]) -> dict[Any, "torch.Tensor"]:
    """Whole tensors on the CPU, of which each process may have a share; none but in the first."""
    found = {}
    for name, tensor in tensors.items():
        whole = tensor.detach()
        whole = whole.full_tensor() if hasattr(whole, "full_tensor") else whole
        if first():
            found[name] = whole.cpu()
    return found


def shared_out(whole: "torch.Tensor", weight: "torch.Tensor") -> "torch.Tensor":
    """A whole tensor in the way in which a weight of the same shape lies in the processes."""
    if not hasattr(weight, "full_tensor") or whole.shape != weight.shape:
        return whole
    from torch.distributed.tensor import distribute_tensor

    # Each process has read the whole, so that nothing need be sent.
    return distribute_tensor(whole, weight.device_mesh, weight.placements, src_data_rank=None)


def _fsdp() -> bool:
    return "RANK" in os.environ and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def _sendable(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(str(error))
    return error


@functools.cache
def _group() -> "torch.distributed.ProcessGroup":
    """All processes, for what they tell each other beside the training; called in all at once."""
    import torch
    from transformers.utils import logging

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    if not torch.distributed.is_initialized():
        gpu = torch.cuda.is_available()
        torch.distributed.init_process_group("cuda:nccl,cpu:gloo" if gpu else "gloo")
    if not first():
        os.environ["XLKB_PROGRESS"] = "off"
        logging.disable_progress_bar()
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)

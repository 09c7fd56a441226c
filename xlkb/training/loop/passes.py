"""The passes of a training on torch's fake tensors: what is alive at a time, without a value.

Torch has a tracker of its own (`torch.distributed._tools.mem_tracker`), which knows modules and
optimizers; here the sum at the peak is all that is asked for.
"""

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import PreTrainedModel, masking_utils

from xlkb.training.loop import chunked_loss
from xlkb.training.recipes import Recipe


def peak(network: PreTrainedModel, recipe: Recipe, dtype: str) -> float:
    """The peak of one batch's passes through a network; gradients of weights go when they come."""

    def drop(weight: torch.nn.Parameter) -> None:
        weight.grad = None

    base = network if recipe.method == "full" else network.get_base_model()
    shape = (recipe.batch_size, recipe.sequence_length)
    with FakeTensorMode(allow_non_fake_inputs=True), _unmasked():
        network.to_empty(device="cpu")
        base.tie_weights()
        if recipe.activation_checkpointing:
            network.activation_checkpointing_enable()
        for weight in network.train().parameters():
            if weight.requires_grad:
                weight.register_post_accumulate_grad_hook(drop)
        with _alive() as alive:
            tokens = torch.zeros(shape, dtype=torch.long)
            loss = chunked_loss.summed(base, getattr(torch, dtype))
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                hidden = base.base_model(input_ids=tokens, use_cache=False).last_hidden_state
                total = loss(hidden[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())
            del hidden
            total.backward()
    return float(alive["peak"])


@contextlib.contextmanager
def _alive() -> Iterator[dict[str, int]]:
    """Adds up the bytes of tensors that are made inside: those alive `now`, and at their `peak`."""
    there: dict[int, int] = {}
    alive = {"now": 0, "peak": 0}

    def gone(place: int) -> None:
        alive["now"] -= there.pop(place)

    def places(values: Any) -> Iterator[tuple[int, Any]]:
        for value in values if isinstance(values, (list, tuple)) else (values,):
            if isinstance(value, torch.Tensor):
                yield value.untyped_storage()._cdata, value.untyped_storage()
            elif isinstance(value, (list, tuple)):
                yield from places(value)

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            given = {place for place, _ in places((*args, *(kwargs or {}).values()))}
            result = function(*args, **(kwargs or {}))
            for place, storage in places(result):
                if place not in given and place not in there:
                    there[place] = storage.nbytes()
                    alive["now"] += there[place]
                    weakref.finalize(storage, gone, place)
            alive["peak"] = max(alive["peak"], alive["now"])
            return result

    with Counting():
        yield alive


@contextlib.contextmanager
def _unmasked() -> Iterator[None]:
    """transformers takes fake tensors for a graph that is traced, and would mask all attention."""
    with mock.patch.object(
        masking_utils, "find_packed_sequence_indices", create=True, return_value=None
    ):
        yield

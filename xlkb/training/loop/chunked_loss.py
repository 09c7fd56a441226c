"""Next-token cross-entropy without the logits of a whole batch in memory.

Gemma 3 has 262,144 vocabulary entries: the logits of four sequences of 256 tokens take 1 GB, and
autograd keeps them several times. Here a few rows at a time meet the output head; their gradient is
taken at once and their logits are dropped, as in Liger Kernel (Hsu et al. 2024). The head runs
twice less often than with activation checkpointing, which would compute all logits again.
"""

import copy
import types
import warnings
from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

LOGITS_PER_CHUNK = 1 << 25
"""134 MB in float32; two or three such buffers live at a time."""

IGNORED = -100


class _SumOfLosses(torch.autograd.Function):
    """Sum of cross-entropies (nats) over rows; the gradient is computed in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        targets: torch.Tensor,
        logits: Callable[[torch.Tensor], torch.Tensor] | torch.Tensor,
        rows_per_chunk: int,
        *parameters: torch.Tensor,
    ) -> torch.Tensor:
        total = torch.zeros((), device=hidden.device)
        gradients = [torch.zeros_like(tensor) for tensor in (hidden, *parameters)]
        for start in range(0, len(hidden), rows_per_chunk):
            rows = slice(start, start + rows_per_chunk)
            if isinstance(logits, torch.Tensor):
                loss, gradients[0][rows] = _frozen(hidden[rows], targets[rows], logits)
                total += loss
                continue
            with torch.enable_grad():
                part = hidden[rows].detach().requires_grad_()
                loss = torch.nn.functional.cross_entropy(
                    logits(part).float(), targets[rows], reduction="sum"
                )
            found = torch.autograd.grad(loss, [part, *parameters])
            gradients[0][rows] = found[0]
            for gradient, new in zip(gradients[1:], found[1:], strict=True):
                gradient += new
            total += loss.detach()
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden, *parameters = (found * gradient for found in ctx.saved_tensors)
        return hidden, None, None, None, *parameters


def _frozen(
    hidden: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and gradient for a head that is one frozen matrix: the softmax, less one at the target.

    Autograd would write the logits' size five times where this writes it twice: on a CPU that was a
    sixth of a training step.
    """
    scores = torch.nn.functional.linear(hidden.to(weight.dtype), weight).float()
    highest = scores.amax(-1)
    right = scores.gather(1, targets[:, None])[:, 0]
    torch.softmax(scores, -1, out=scores)
    log_sum = highest - scores.amax(-1).log()
    scores[torch.arange(len(targets), device=targets.device), targets] -= 1
    return (log_sum - right).sum(), (scores.to(weight.dtype) @ weight).to(hidden.dtype)


def install(
    network: PreTrainedModel, dtype: torch.dtype, logits_per_chunk: int = LOGITS_PER_CHUNK
) -> bool:
    """Make `network(input_ids, labels=…)` compute its loss in chunks, and return no logits.

    The loss is that of transformers: mean cross-entropy (nats) of each label given the tokens
    before it, labels of -100 left out, or sum / `num_items_in_batch`. Call it once the weights that
    train are known (`requires_grad`). dtype: of the computation, under autocast perhaps.

    Returns:
        False, with a warning and the network as it was, when the architecture does something to
        its logits that is not known here: the losses of a few tokens are compared.
    """
    total = summed(network, dtype, logits_per_chunk)

    def forward(
        self: PreTrainedModel,
        input_ids: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        num_items_in_batch: torch.Tensor | int | None = None,
        **options: Any,
    ) -> CausalLMOutput:
        options = {name: value for name, value in options.items() if value is not None}
        body = self.base_model(input_ids=input_ids, **(options | {"use_cache": False}))
        targets = labels[:, 1:].to(body.last_hidden_state.device)
        counted = targets != IGNORED
        hidden = body.last_hidden_state[:, :-1][counted]
        n_items = counted.sum() if num_items_in_batch is None else num_items_in_batch
        return CausalLMOutput(loss=total(hidden, targets[counted]) / max(n_items, 1))

    if not _agrees(network, forward):
        warnings.warn(
            f"{type(network).__name__} is trained with all logits in memory, because it turns its "
            "hidden states into logits in a way that `chunked_loss` does not know. If memory "
            "runs out, lower batch_size and raise gradient_accumulation.",
            stacklevel=2,
        )
        return False
    network.forward = types.MethodType(forward, network)
    return True


def summed(
    network: PreTrainedModel, dtype: torch.dtype, logits_per_chunk: int = LOGITS_PER_CHUNK
) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """What makes the sum of cross-entropies (nats) of hidden states [n, width] and targets [n]."""
    head = network.get_output_embeddings()
    config = network.config.get_text_config()
    cap = getattr(config, "final_logit_softcapping", None)  # Gemma 2
    scale = getattr(config, "logit_scale", None) or 1.0  # Cohere
    parameters = [weight for weight in head.parameters() if weight.requires_grad]
    if not parameters and head.weight.dtype.is_floating_point and head.weight.dtype != dtype:
        head = copy.deepcopy(head).to(dtype)  # Autocast would convert it anew for each chunk.
    rows_per_chunk = max(1, logits_per_chunk // config.vocab_size)

    def logits(hidden: torch.Tensor) -> torch.Tensor:
        found = head(hidden.to(head.weight.dtype)) * scale
        return found if cap is None else torch.tanh(found / cap) * cap

    plain = not parameters and cap is None and scale == 1 and type(head) is torch.nn.Linear
    source = head.weight if plain and head.bias is None else logits

    def total(hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return _SumOfLosses.apply(hidden, targets, source, rows_per_chunk, *parameters)

    return total


@torch.no_grad()
def _agrees(network: PreTrainedModel, forward: Callable[..., CausalLMOutput]) -> bool:
    """Whether the loss of 16 tokens is the network's own."""
    last = network.config.get_text_config().vocab_size - 1
    tokens = torch.linspace(0, last, 16, device=network.device).long()[None]
    evaluating(network)
    try:
        expected = network(input_ids=tokens, labels=tokens, use_cache=False).loss
        found = forward(network, input_ids=tokens, labels=tokens).loss
    except (AttributeError, TypeError):
        return False
    return bool((found - expected).abs() <= 0.02 * expected.abs() + 1e-4)


def evaluating(network: PreTrainedModel) -> PreTrainedModel:
    """The network without dropout, and with 4-bit layers that can still be trained.

    On a CPU, bitsandbytes repacks a 4-bit layer at its first call in evaluation mode; after that no
    gradient passes through it any more, and nothing says so.
    """
    network.eval()
    for module in network.modules():
        if hasattr(module, "quant_state"):
            module.train()
    return network

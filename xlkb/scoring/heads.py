"""Log-probabilities of tokens from hidden states, a part of the vocabulary at a time.

Gemma 3 has 262,144 vocabulary entries: the logits of one row of merged prompts (250 places) take
262 MB in float32, and go through memory several times. A thousand entries at a time stay in a CPU's
cache: on two cores a row took 1.99 s for 2.52.
"""

import numpy as np
import torch
from transformers import PreTrainedModel

PART = 1024
"""Vocabulary entries at a time."""

TURNED = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier")
"""What some architectures do to logits afterwards: Gemma 2, Cohere, Granite, Falcon H1."""


def matrix(network: PreTrainedModel) -> torch.Tensor | None:
    """The output head, float32 [vocabulary, width], where logits are hidden states times it.

    None where they are not, or where it is not on a CPU: a GPU takes all logits at once.
    """
    head, config = network.get_output_embeddings(), network.config.get_text_config()
    plain = type(head) is torch.nn.Linear and head.bias is None
    if not plain or any(getattr(config, name, None) not in (None, 1, 1.0) for name in TURNED):
        return None
    here = head.weight.device.type == "cpu" and head.weight.dtype == torch.float32
    return head.weight if here else None


def log_probabilities(
    weight: torch.Tensor, hidden: torch.Tensor, rows: torch.Tensor, targets: np.ndarray
) -> np.ndarray:
    """log softmax(hidden @ weight.T)[rows, targets], float64 [k].

    Args:
        weight: float32 [vocabulary, width]; hidden: float [n, width].
        rows, targets: int64 [k], of the hidden states and of the vocabulary.
    """
    hidden = hidden.to(weight.dtype)
    buffer = hidden.new_empty(len(hidden), min(PART, len(weight)))
    sums = []
    for part in weight.split(PART):
        logits = torch.mm(hidden, part.T, out=buffer[:, : len(part)])
        top = logits.amax(-1, keepdim=True)
        sums.append(logits.sub_(top).exp_().sum(-1).log_().add_(top[:, 0]))
    chosen = (hidden[rows] * weight[torch.from_numpy(targets)]).sum(-1)
    return (chosen - torch.stack(sums).logsumexp(0)[rows]).double().numpy()

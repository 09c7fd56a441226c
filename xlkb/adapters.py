"""Adapters of PEFT, put into a network and seen to do something there."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


def adapted(network: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    """The network with the adapter's layers in it.

    Raises:
        ValueError: the adapter changes no logit.
    """
    import torch
    from peft import PeftModel

    before = probe(network)
    found = PeftModel.from_pretrained(network, folder)
    if not found.active_peft_config.is_prompt_learning:  # Those stay in PEFT's wrapper.
        found = found.get_base_model()
    if torch.equal(before, probe(found)):
        raise ValueError(
            f"The adapter {folder} changes no logit. Either it was trained on another architecture "
            "(its base model is in adapter_config.json), or its weights are still zero."
        )
    return found


def probe(network: "PreTrainedModel") -> "torch.Tensor":
    """Logits after 64 tokens from all over the vocabulary."""
    import torch

    last = network.config.get_text_config().vocab_size - 1
    tokens = torch.linspace(0, last, 64).long()[None]
    with torch.inference_mode():
        return network.eval()(input_ids=tokens.to(network.device), use_cache=False).logits

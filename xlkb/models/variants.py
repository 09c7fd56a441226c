"""Variants of a network: weights in 4 or 8 bits by bitsandbytes, and adapters of PEFT."""

from pathlib import Path
from typing import TYPE_CHECKING

from xlkb.models import checkpoints

if TYPE_CHECKING:
    import torch
    from transformers import BitsAndBytesConfig, PreTrainedModel

QUANTIZED = ("nf4", "int8")
"""NF4 with double quantisation (Dettmers et al. 2023); LLM.int8 (Dettmers et al. 2022)."""


def quantization(kind: str, compute_dtype: str) -> "BitsAndBytesConfig":
    """What `from_pretrained` takes as `quantization_config`; embedding and head stay as they are.

    Args:
        kind: one of `QUANTIZED`.
        compute_dtype: of the products with 4-bit weights, "bfloat16" or "float32".
    """
    import torch
    from transformers import BitsAndBytesConfig

    if kind == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, compute_dtype),
    )


def adapted(network: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    """The network with the adapter's layers in it.

    Raises:
        ValueError: the adapter changes no logit.
    """
    import torch
    from peft import PeftModel

    before = probe(network)
    with checkpoints.readable(f"The adapter {folder}"):
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

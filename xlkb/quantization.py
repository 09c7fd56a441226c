"""Weights in 4 or 8 bits, by bitsandbytes; embedding and output head stay as they are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig

KINDS = ("nf4", "int8")
"""NF4 with double quantisation (Dettmers et al. 2023); LLM.int8 (Dettmers et al. 2022)."""


def config(kind: str, compute_dtype: str) -> "BitsAndBytesConfig":
    """What `from_pretrained` takes as `quantization_config`.

    Args:
        kind: one of `KINDS`.
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

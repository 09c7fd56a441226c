"""Tiny random models under the names of `xlkb/data/hub_models.toml`, laid out as the real ones."""

import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from . import vocabularies
from .repositories import Repository, repository, write, write_json

LISTED = Path(__file__).parents[3] / "xlkb" / "data" / "hub_models.toml"

SIZES = {
    "vocab_size": 1000,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}

LLAMA3_BOS = {"bos": "<|begin_of_text|>", "eos": "<|end_of_text|>"}


def _llama2(**more: object) -> dict:
    """config.json of meta-llama/Llama-2-7b-hf: 4,096 tokens, no grouping of heads."""
    real = {"max_position_embeddings": 4096, "num_key_value_heads": 4, "rms_norm_eps": 1e-5}
    return {"model_type": "llama", "bos_token_id": 1, "eos_token_id": 2} | real | more


def _llama3(**more: object) -> dict:
    """config.json of meta-llama/Meta-Llama-3-8B: 8,192 tokens, rope_theta 500,000."""
    real = {"max_position_embeddings": 8192, "rope_theta": 500000.0, "rms_norm_eps": 1e-5}
    return {"model_type": "llama", "bos_token_id": 0, "eos_token_id": 1} | real | more


LLAMA31_ROPE = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}

GEMMA = {
    "model_type": "gemma3_text",
    "head_dim": 8,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 0,
    "query_pre_attn_scalar": 8,
    "rope_theta": 1e6,
    "rope_local_base_freq": 10000.0,
}


def _gemma(**more: object) -> dict:
    """config.json of google/gemma-3-270m and -1b-pt: 32,768 tokens, a window of 512."""
    real = {"max_position_embeddings": 32768, "sliding_window": 512}
    return GEMMA | real | {"layer_types": ["sliding_attention", "full_attention"]} | more


def _gemma_with_pictures() -> dict:
    """config.json of google/gemma-3-4b-pt and larger: two models, and no context in the text's."""
    text = {k: v for k, v in GEMMA.items() if not k.endswith("token_id")}
    sizes = {k: SIZES[k] for k in SIZES if k not in ("vocab_size",)} | {"vocab_size": 1000}
    rope = {"factor": 8.0, "rope_type": "linear"}
    text |= sizes | {"sliding_window": 1024, "rope_scaling": rope}
    seen = {"model_type": "siglip_vision_model", "hidden_size": 16, "intermediate_size": 16}
    seen |= {"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
    tokens = {"boi_token_index": 4, "eoi_token_index": 5, "image_token_index": 6}
    ends = {"bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0}
    config = {"model_type": "gemma3", "text_config": text, "vision_config": seen}
    return config | tokens | ends | {"mm_tokens_per_image": 4}


MISTRAL = {
    "model_type": "mistral",
    "bos_token_id": 1,
    "eos_token_id": 2,
    "max_position_embeddings": 32768,
    "sliding_window": 4096,
}
"""config.json of mistralai/Mistral-7B-v0.1."""

MIXTRAL = MISTRAL | {
    "model_type": "mixtral",
    "sliding_window": None,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "rope_theta": 1e6,
}
"""config.json of mistralai/Mixtral-8x7B-v0.1, which has eight experts."""

NEMO = MISTRAL | {
    "max_position_embeddings": 131072,
    "sliding_window": None,
    "head_dim": 16,
    "rope_theta": 1e6,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""config.json of mistralai/Mistral-Nemo-Base-2407: heads are wider than the hidden size says."""

COHERE = {
    "model_type": "cohere",
    "max_position_embeddings": 8192,
    "logit_scale": 0.0625,
    "bos_token_id": 5,
    "eos_token_id": 6,
    "pad_token_id": 0,
    "rope_theta": 10000,
}
"""config.json of CohereForAI/aya-23-8B."""

ZAMBA = {
    "model_type": "zamba",
    "max_position_embeddings": 4096,
    "num_hidden_layers": 9,
    "num_key_value_heads": 4,
    "attention_hidden_size": 64,
    "attention_head_dim": 16,
    "attn_layer_period": 3,
    "attn_layer_offset": 1,
    "n_mamba_heads": 2,
    "mamba_dt_rank": 4,
    "mamba_d_state": 8,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "use_mamba_kernels": True,
}
"""config.json of Zyphra/Zamba-7B-v1; it asks for the kernels of mamba, which need a GPU."""

QWEN = {
    "model_type": "qwen2",
    "max_position_embeddings": 131072,
    "sliding_window": 131072,
    "use_sliding_window": False,
    "max_window_layers": 28,
    "rope_theta": 1e6,
    "bos_token_id": 900,
    "eos_token_id": 900,
}
"""config.json of Qwen/Qwen2.5-7B."""

Tokenizer = Callable[[Path], None]

LLAMA3_TOKENIZER = partial(
    vocabularies.bytes_bpe,
    special=(*LLAMA3_BOS.values(), "<|eot_id|>", "<|reserved_special_token_0|>"),
    kind="PreTrainedTokenizerFast",
    roles=LLAMA3_BOS,
    model_input_names=["input_ids", "attention_mask"],
    model_max_length=1000000000000000019884624838656,
)
COHERE_SPECIAL = ("<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>", "<EOS_TOKEN>")
COHERE_TOKENIZER = partial(
    vocabularies.bytes_bpe,
    special=(*COHERE_SPECIAL, "<|END_OF_TURN_TOKEN|>"),
    kind="CohereTokenizer",
    roles={"pad": "<PAD>", "bos": "<BOS_TOKEN>", "eos": "<EOS_TOKEN>"},
    add_bos_token=True,
    add_eos_token=False,
)
NEMO_TOKENIZER = partial(
    vocabularies.bytes_bpe,
    special=("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "<pad>"),
    kind="PreTrainedTokenizerFast",
    roles={"bos": "<s>", "eos": "</s>", "unk": "<unk>"},
    add_bos_token=True,
)
QWEN_TOKENIZER = partial(
    vocabularies.bytes_bpe,
    special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    kind="Qwen2Tokenizer",
    roles={"eos": "<|endoftext|>", "pad": "<|endoftext|>"},
    files=True,
    add_prefix_space=False,
)

KINDS: dict[str, tuple[dict, Tokenizer]] = {
    "meta-llama/Llama-2": (_llama2(), vocabularies.pieces),
    "meta-llama/Meta-Llama-3": (_llama3(), LLAMA3_TOKENIZER),
    "meta-llama/Llama-3.1": (
        _llama3(max_position_embeddings=131072, rope_scaling=LLAMA31_ROPE),
        LLAMA3_TOKENIZER,
    ),
    "cross-ling-know/llama2": (_llama2(), vocabularies.pieces),
    "cross-ling-know/llama2-7b-wiki2-en": (_llama2(), partial(vocabularies.pieces, ends=True)),
    "cross-ling-know/llama3": (_llama3(), LLAMA3_TOKENIZER),
    "Unbabel/TowerBase": (_llama2(), partial(vocabularies.pieces, converted=False)),
    "mistralai/Mistral-7B": (MISTRAL, vocabularies.pieces),
    "mistralai/Mixtral": (MIXTRAL, vocabularies.pieces),
    "mistralai/Mistral-Nemo": (NEMO, NEMO_TOKENIZER),
    "CohereForAI/aya-23": (COHERE, COHERE_TOKENIZER),
    "Zyphra/Zamba": (ZAMBA, vocabularies.pieces),
    "Qwen/Qwen2.5": (QWEN, QWEN_TOKENIZER),
    "google/gemma-3-270m": (_gemma(), vocabularies.gemma),
    "google/gemma-3-1b": (_gemma(), vocabularies.gemma),
    "google/gemma-3": (_gemma_with_pictures(), vocabularies.gemma),
}
"""How names begin -> config and tokenizer; the longest beginning counts."""

SHARDED = ("meta-llama/Llama-2-13b-hf", "mistralai/Mixtral-8x7B-v0.1", "google/gemma-3-4b-pt")
"""Models whose weights are in several files with an index, as all of those of 7 billion are."""


def names() -> list[str]:
    """Every model of the list."""
    groups = tomllib.loads(LISTED.read_text(encoding="utf-8")).values()
    return [name for group in groups for name in group if name != "note"]


def repositories() -> list[Repository]:
    """A repository for each model of the list."""
    return [repository("model", name, partial(make, name)) for name in names()]


def make(name: str, folder: Path) -> None:
    """Write a model's config, weights, tokenizer and card, as the real repository has them."""
    import torch
    import transformers

    settings, tokenizer = KINDS[max((k for k in KINDS if name.startswith(k)), key=len)]
    plain = SIZES if "text_config" not in settings else {}
    config = transformers.AutoConfig.for_model(**plain | settings | {"dtype": "bfloat16"})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(name.encode()[-4:]))
        kind = "ImageTextToText" if "text_config" in settings else "CausalLM"
        network = getattr(transformers, f"AutoModelFor{kind}").from_config(config)
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.data.normal_(std=0.15)
    options = {"max_shard_size": "60KB"} if name in SHARDED else {}
    network.bfloat16().save_pretrained(folder, **options)
    tokenizer(folder)
    write_json(folder, "config.json", _as_published(settings, name, network))
    write(folder, "README.md", f"---\nlibrary_name: transformers\n---\n# {name}\n")
    write(folder, ".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n")


def _as_published(settings: dict, name: str, network: object) -> dict:
    """The config under the keys that it is published with, which later versions rename."""
    plain = SIZES if "text_config" not in settings else {}
    made = {"architectures": [type(network).__name__], "torch_dtype": "bfloat16"}
    return made | plain | settings | {"transformers_version": "4.45.0"}

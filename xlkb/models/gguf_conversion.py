"""From a GGUF file to the folder that `from_pretrained` reads: config, tokenizer, bfloat16 weights.

The result equals that of `from_pretrained(gguf_file=...)` in transformers 5.23 bit for bit, but for
one pre-tokenizer (see `_tokenizer`). That call takes 60 s for Gemma 3 270M on two cores, mostly in
gguf's reader, which keeps one NumPy view per entry of the vocabulary and is run three times. Here
such arrays are stepped over, and the conversion takes 12 s.
"""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from gguf import (
    MODEL_ARCH_NAMES,
    GGUFReader,
    GGUFValueType,
    ReaderTensor,
    dequantize,
    get_tensor_name_map,
)
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GemmaTokenizer,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.integrations.ggml import GGUF_CONFIG_MAPPING
from transformers.integrations.gguf import read_gguf_metadata
from transformers.modeling_gguf_pytorch_utils import TENSOR_PROCESSORS, TensorProcessor

from xlkb.models import checkpoints

ROWS_PER_CHUNK = 1024


def convert(source: Path, folder: Path, begin: Callable[[str], None] = lambda step: None) -> None:
    """Write config, tokenizer and weights of the GGUF file `source` into `folder`.

    `begin` is told the name of each step: "tokenizer", "weights", "writing". Tied weights are
    written once. Peak memory is that of the weights plus the largest one in float32.

    Raises:
        ValueError: the file is damaged, lacks a weight, has one in another shape, or is of an
            architecture that transformers' GGUF support does not know.
    """
    with checkpoints.readable(source):
        _convert(source, folder, begin)


def _convert(source: Path, folder: Path, begin: Callable[[str], None]) -> None:
    metadata, tensor_names = read_gguf_metadata(str(source))
    begin("tokenizer")
    _tokenizer(source, metadata).save_pretrained(folder)
    begin("weights")
    config = _config(metadata, tensor_names)
    if config.num_hidden_layers > len(tensor_names):
        told = f"names {config.num_hidden_layers:,} layers and has {len(tensor_names):,} weights"
        raise ValueError(f"{source} is damaged: it {told}.")
    tensors = _tensors(source, config, metadata["general.architecture"])
    begin("writing")
    weights = folder / "model.safetensors"
    save_file(tensors, weights, metadata={"format": "pt"})
    config.save_pretrained(folder)
    weights.chmod((folder / "config.json").stat().st_mode)  # A cache may be shared; this was 0600.


def _config(metadata: dict, tensor_names: tuple[str, ...]) -> PreTrainedConfig:
    """The config that the metadata describe, as `AutoConfig` would read it."""
    architecture = metadata["general.architecture"]
    settings = {
        # `read_gguf_metadata` gives the vocabulary as its length.
        "vocab_size": metadata["tokenizer.ggml.tokens"],
        "tie_word_embeddings": "output.weight" not in tensor_names,
        "dtype": torch.bfloat16,
    }
    for group in (architecture, "tokenizer"):
        for key, setting in GGUF_CONFIG_MAPPING[group].items():
            if setting and f"{group}.{key}" in metadata:
                settings[setting] = metadata[f"{group}.{key}"]
    # A Gemma 3 GGUF file holds the text model alone.
    model_type = {"gemma3": "gemma3_text"}.get(architecture, architecture)
    return AutoConfig.for_model(model_type, **settings)


def _tokenizer(source: Path, metadata: dict) -> PreTrainedTokenizerBase:
    """The tokenizer that `AutoTokenizer` would read, without its detour over the whole file."""
    gemma = metadata["general.architecture"].startswith("gemma")
    kind = GemmaTokenizer if gemma else PreTrainedTokenizerFast
    tokenizer = kind.from_pretrained(source.parent, gguf_file=source.name)
    if metadata.get("tokenizer.ggml.pre") == "smollm":
        # transformers 5.23 lacks this pre-tokenizer, which takes each digit on its own (llama.cpp's
        # LLAMA_VOCAB_PRE_TYPE_SMOLLM). It shows only where several spaces precede a digit.
        backend = tokenizer.backend_tokenizer
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
        )
    return tokenizer


def _tensors(source: Path, config: PreTrainedConfig, architecture: str) -> dict[str, torch.Tensor]:
    """The weights (bfloat16) under the names that the model class gives them."""
    with torch.device("meta"):
        skeleton = AutoModelForCausalLM.from_config(config)
    config.architectures = [type(skeleton).__name__]
    shapes = {name: weight.shape for name, weight in skeleton.state_dict().items()}
    if config.tie_word_embeddings:
        shapes.pop("lm_head.weight", None)
    arch = next(key for key, value in MODEL_ARCH_NAMES.items() if value == architecture)
    in_gguf = get_tensor_name_map(arch, config.num_hidden_layers).get_name
    names = {}
    for name in shapes:
        stem, _, suffix = name.rpartition(".")
        names[f"{in_gguf(stem)}.{suffix}"] = name
    # Undoes what llama.cpp did to the weights: the order of rotary dimensions (llama), the 1 added
    # to the norms (Gemma).
    processor = TENSOR_PROCESSORS.get(architecture, TensorProcessor)(config=config.to_dict())
    tensors = {}
    for tensor in _TensorReader(source).tensors:
        if name := names.get(tensor.name):
            weights = processor.process(_dequantized(tensor), tensor.name).weights
            tensors[name] = torch.from_numpy(weights).to(torch.bfloat16).contiguous()
    wrong = {name for name in shapes if name not in tensors or tensors[name].shape != shapes[name]}
    if wrong:
        raise ValueError(f"{source} lacks weights in the right shape: {', '.join(sorted(wrong))}.")
    return tensors


class _TensorReader(GGUFReader):
    """gguf's reader of tensors, without the metadata's arrays."""

    def _get_field_parts(self, orig_offs: int, raw_type: int) -> tuple[int, list, list, list]:
        if raw_type != GGUFValueType.ARRAY:
            return super()._get_field_parts(orig_offs, raw_type)
        kind, count = struct.unpack_from("<IQ", self.data, orig_offs)
        end = orig_offs + 12
        if kind == GGUFValueType.STRING:
            for _ in range(count):
                end += 8 + struct.unpack_from("<Q", self.data, end)[0]
        else:
            end += count * np.dtype(self.gguf_scalar_to_np[GGUFValueType(kind)]).itemsize
        return end - orig_offs, [], [], []


def _dequantized(tensor: ReaderTensor) -> np.ndarray:
    """A tensor's values (float32), by chunks that fit the processor's cache: 4 times as fast."""
    values = np.empty(tensor.shape[::-1].tolist(), dtype=np.float32)
    for start in range(0, len(values), ROWS_PER_CHUNK):
        rows = slice(start, start + ROWS_PER_CHUNK)
        values[rows] = dequantize(np.ascontiguousarray(tensor.data[rows]), tensor.tensor_type)
    return values

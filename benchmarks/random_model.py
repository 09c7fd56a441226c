"""A model with random weights in the shape of a known one, to measure speed and memory without it.

Speed does not depend on what the weights are, so a machine without the hub can be measured. The
tokenizer is that of a demo model, whose ids all lie in the shape's vocabulary. Example:

  python benchmarks/random_model.py llama-3-8b random-8b
  python benchmarks/scoring.py --model path:random-8b
  python benchmarks/finetuning.py --model path:random-8b --recipe lora
"""

import argparse

import torch
import transformers

from xlkb import models
from xlkb.commands import line
from xlkb.ground import disk

TOKENIZER = "pip:smollm2-135m"

SHAPES = {
    "llama-3-8b": {
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 8192,
    },
    "small": {
        "vocab_size": 65_536,
        "hidden_size": 512,
        "intermediate_size": 1792,
        "num_hidden_layers": 8,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
    },
}
"""Architecture Llama: the published configuration of Llama 3 8B, and one for trying this out."""


def main() -> None:
    """Parse the command line, make the model and save it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("folder", type=line.place, help="to save it in: 16 GB for llama-3-8b")
    options = line.parse(parser)
    config = transformers.LlamaConfig(**SHAPES[options.shape])
    with torch.device("meta"):
        weights = transformers.AutoModelForCausalLM.from_config(config).parameters()
    try:
        tokenizer = models.load(TOKENIZER).tokenizer
        disk.writable(options.folder, "folder")
        size = 2 * sum(weight.numel() for weight in weights)
        disk.room([(options.folder, size, "the weights")])
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    network.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)
    billions = sum(weight.numel() for weight in network.parameters()) / 1e9
    print(f"{options.folder}: {billions:.2f} billion random weights in the shape {options.shape}")


if __name__ == "__main__":
    main()

"""How much memory does a training take at its peak, beside the estimate made before it?

Each mode trains a random model of one shape for two steps, in a process of its own. On a CPU the
peak is what the process grew by (VmHWM, reset after everything is imported), so that the estimate
is taken without its constant for a process. On a GPU it is what the driver reports as used, by all,
sampled a hundred times a second: states that bitsandbytes pages are outside torch's allocator.
Examples:

  python benchmarks/training_memory.py
  python benchmarks/training_memory.py --shape llama-3-8b --modes paper-8bit --sequence-length 512
  python benchmarks/training_memory.py --model pip:smollm2-135m --modes paper,paper-8bit

The second measures, on one GPU of 80 GB, the profile `paper`'s recipe on 8 billion weights.
"""

import argparse
import ctypes
import gc
import json
import multiprocessing
import os
import platform
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from xlkb.commands import line
from xlkb.ground import disk

BF16 = {"method": "full", "weights_dtype": "bfloat16", "freeze_embedding": False}
KEPT = {"activation_checkpointing": True}
MODES: dict[str, dict[str, Any]] = {
    "float32": {"method": "full", "freeze_embedding": False},
    "float32-checkpointing": {"method": "full", "freeze_embedding": False} | KEPT,
    "float32-frozen-embedding": {"method": "full"},
    "bf16": BF16,
    "paper-no-checkpointing": BF16 | {"optim": "paged_adamw_32bit"},
    "paper": BF16 | {"optim": "paged_adamw_32bit"} | KEPT,
    "paper-8bit": BF16 | {"optim": "adamw_8bit"} | KEPT,
    "lora": {"method": "lora"},
    "lora-checkpointing": {"method": "lora"} | KEPT,
    "qlora": {"method": "qlora"},
}
"""Values of a recipe, by what is compared."""

IMPORTED = ["bitsandbytes", "peft", "xlkb.training.loop.trainable", "xlkb.training.loop.passes"]
IMPORTED += ["transformers.models.llama.modeling_llama"]
"""Once, for the processes of all modes."""

MIDDLE = {
    "vocab_size": 8192,
    "hidden_size": 640,
    "intermediate_size": 2048,
    "num_hidden_layers": 6,
    "num_attention_heads": 10,
    "num_key_value_heads": 5,
    "max_position_embeddings": 2048,
}
"""Some 40 million weights."""


def measure(
    mode: str, model_name: str, shape: str, changes: dict[str, Any], steps: int
) -> dict[str, Any]:
    """One row: the estimate (without the process on a CPU), the peak, tokens/s."""
    import torch
    import transformers
    from random_model import SHAPES

    from xlkb import models
    from xlkb.training import memory, recipes

    recipe = recipes.Recipe(**(MODES[mode] | changes | {"learning_rate": 1e-5}))
    count = steps * recipe.batch_size * recipe.gradient_accumulation
    given = models.load(model_name) if model_name else None
    device = given.device if given else "cuda" if torch.cuda.is_available() else "cpu"
    dtype = recipe.computes_in(given.compute_dtype if given else "bfloat16")
    if given:
        found = memory.peak(given, recipe)
    else:
        config = transformers.LlamaConfig(**SHAPES.get(shape, MIDDLE))
        found = memory.of_config(config, recipe, dtype, device)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tiny = transformers.LlamaConfig(**MIDDLE | {"hidden_size": 40, "vocab_size": 64})
        # Imports what is imported late.
        _train(_Made(tiny, work / "tiny", recipe, dtype, device), work, 2 * recipe.batch_size)
        made = given or _Made(config, work / "base", recipe, dtype, device)
        with _Peak(device) as peak:
            seconds = _train(made, work, count, recipe)
    estimate = found.total - (found.context if device == "cpu" else 0)
    return {
        "mode": mode,
        "estimate_gb": estimate / 1e9,
        "measured_gb": peak["bytes"] / 1e9,
        "ratio": estimate / peak["bytes"],
        "paged_gb": found.paged / 1e9,
        "tokens_per_s": count * recipe.sequence_length / seconds,
        "place": torch.cuda.get_device_name() if device == "cuda" else device,
    }


class _Made:
    """A random network of a shape, made when it is called; in 4 bits, from a folder."""

    def __init__(self, config: Any, folder: Path, recipe: Any, dtype: str, device: str) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self.config, self.folder, self.recipe = config, folder, recipe
        self.dtype, self.device = dtype, device
        if recipe.method == "qlora":
            plain = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
            plain.save_pretrained(folder)

    def __call__(self) -> Any:
        import torch
        from transformers import AutoModelForCausalLM

        from xlkb.models import variants
        from xlkb.training.loop import methods

        if self.recipe.method == "qlora":
            made = AutoModelForCausalLM.from_pretrained(
                self.folder,
                dtype=self.dtype,
                device_map=self.device,
                quantization_config=variants.quantization("nf4", self.dtype),
            )
            return methods.applied(made, self.recipe)
        weights = self.recipe.weights_dtype if self.recipe.method == "full" else self.dtype
        with torch.device(self.device):
            made = AutoModelForCausalLM.from_config(self.config, dtype=getattr(torch, weights))
        return methods.applied(made, self.recipe)


def _train(made: Any, work: Path, count: int, recipe: Any = None) -> float:
    """Seconds of the steps."""
    import torch

    from xlkb.training.loop import chunked_loss, trainable, trainer

    recipe = recipe or made.recipe
    if isinstance(made, _Made):
        dtype, network = made.dtype, made()
        settings = trainer.arguments(work / str(count), recipe, dtype, made.device, count)
    else:
        network, settings, dtype = trainable.make(made, recipe, work / str(count), count)
    base = network if recipe.method == "full" else network.get_base_model()
    _reset()
    if not chunked_loss.install(base, getattr(torch, dtype)):
        raise RuntimeError("the loss is not computed in chunks")
    ids = torch.randint(64, (count, recipe.sequence_length))
    data = [{"input_ids": row, "labels": row} for row in ids]
    begun = time.perf_counter()
    trainer.run(network, data, settings, checkpoint_seconds=1e9)
    return time.perf_counter() - begun


class _Peak:
    """Measures what is used at most inside, in `bytes`."""

    def __init__(self, device: str) -> None:
        self.gpu, self.found, self.over = device == "cuda", {"bytes": 0}, threading.Event()

    def __enter__(self) -> dict[str, int]:
        import torch

        if self.gpu:
            torch.cuda.empty_cache()
            self.watch = threading.Thread(target=self._sample)
            self.watch.start()
        else:
            _reset()
            self.before = _status("VmRSS")
        return self.found

    def __exit__(self, *_: object) -> None:
        self.over.set()
        if self.gpu:
            self.watch.join()
        else:
            self.found["bytes"] = _status("VmHWM") - self.before

    def _sample(self) -> None:
        import torch

        while not self.over.wait(0.01):
            free, whole = torch.cuda.mem_get_info()
            self.found["bytes"] = max(self.found["bytes"], whole - free)


def _reset() -> None:
    """Begin anew with the peak: pages of files that were read, as by a loader, need no memory."""
    gc.collect()
    if platform.system() == "Linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def _status(name: str) -> int:
    """Bytes of a line of /proc/self/status."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(text.split(f"{name}:")[1].split()[0])


def main() -> None:
    """Parse the command line, measure each mode and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, some = parser.add_argument, line.at_least(1)
    add("--modes", default=",".join(MODES), help=f"of {', '.join(MODES)} (default: all)")
    from random_model import SHAPES

    shapes = ["middle", *SHAPES]
    add("--shape", default="middle", choices=shapes, help="(default middle)")
    add("--model", default="", help="a model in place of a shape, as in paper_reproduce.sh")
    add("--batch-size", type=some, default=2, help="sequences per forward pass (default 2)")
    add("--sequence-length", type=some, default=128, help="tokens (default 128)")
    add("--accumulation", type=some, default=2, help="forward passes per step (default 2)")
    add("--dtype", default="bfloat16", help="of the computation (default bfloat16)")
    add("--steps", type=some, default=2, help="steps (default 2)")
    add("--json", type=line.place, metavar="FILE", help="also write the rows here")
    given = line.parse(parser)
    modes = given.modes.split(",")
    if wrong := set(modes) - set(MODES):
        parser.error(f"--modes: {', '.join(wrong)}: choose of {', '.join(MODES)}.")
    if given.json:
        disk.file_to_write(given.json, "--json")
    os.environ["MALLOC_MMAP_THRESHOLD_"] = "65536"  # What is freed is given back at once.
    os.environ["MALLOC_TRIM_THRESHOLD_"] = "65536"
    changes = {
        "batch_size": given.batch_size,
        "sequence_length": given.sequence_length,
        "gradient_accumulation": given.accumulation,
    }
    rows, apart = [], multiprocessing.get_context("forkserver")
    apart.set_forkserver_preload(IMPORTED)
    print("mode                       estimate  measured  ratio   paged   tokens/s")
    for mode in modes:
        dtype = {"dtype": "bfloat16" if "weights_dtype" in MODES[mode] else given.dtype}
        with ProcessPoolExecutor(1, apart) as process:
            rows.append(
                process.submit(
                    measure, mode, given.model, given.shape, changes | dtype, given.steps
                ).result()
            )
        row = rows[-1]
        print(
            f"{mode:26} {row['estimate_gb']:6.3f} GB {row['measured_gb']:6.3f} GB "
            f"{row['ratio']:6.2f} {row['paged_gb']:6.2f} GB {row['tokens_per_s']:8.1f}",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""How fast is fine-tuning, and in how much memory, beside transformers' own way?

Two arms, one after the other, each in a process of its own:
  trainer   transformers' Trainer and the model's own loss, with all logits of a batch in memory
  xlkb      the same Trainer with the loss in chunks (xlkb.training.loop.chunked_loss)
Both get the same sequences, seed and trained weights, so their losses must agree. Peak memory is
that of the GPU's allocator, or of the process on a CPU. Examples:

  python benchmarks/finetuning.py --recipe lora
  python benchmarks/finetuning.py --model path:random-8b --recipe qlora --batch-size 16
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from xlkb import corpora, models
from xlkb.commands import line
from xlkb.ground import disk, paths
from xlkb.training import finetuning, packing, recipes
from xlkb.training.loop import chunked_loss, trainable, trainer

ARMS = ("trainer", "xlkb")
WARM_UP = 1


def train(arm: str, name: str, recipe: recipes.Recipe, steps: int) -> dict:
    """Train `WARM_UP` steps, then `steps` more under the clock."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    model = models.load(name)
    texts = [corpora.text(row, "en") for row in corpora.load("almanac", ["en"])]
    packed, labels, _ = packing.pack(model.tokenizer, texts, recipe)
    with tempfile.TemporaryDirectory() as folder:
        wrapped, settings, dtype = trainable.make(model, recipe, Path(folder), len(packed))
        if arm == "xlkb":
            network = wrapped.get_base_model() if recipe.method != "full" else wrapped
            assert chunked_loss.install(network, getattr(torch, dtype))
        per_step = recipe.batch_size * recipe.gradient_accumulation
        needed = per_step * (WARM_UP + steps)
        if len(packed) < needed:
            sys.exit(f"{len(packed)} sequences are too few for {needed}: raise --epochs.")
        pairs = zip(torch.from_numpy(packed).long(), torch.from_numpy(labels).long(), strict=True)
        data = [{"input_ids": tokens, "labels": targets} for tokens, targets in pairs]
        for part in (slice(0, per_step * WARM_UP), slice(per_step * WARM_UP, needed)):
            started = time.perf_counter()
            log = trainer.run(wrapped, data[part], settings, 1e9)
            seconds = time.perf_counter() - started
    if model.device.startswith("cuda"):
        peak = torch.cuda.max_memory_allocated()
        place = torch.cuda.get_device_name()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        place = f"{model.device}, {torch.get_num_threads()} threads"
    return {
        "arm": arm,
        "model": model.label,
        "place": f"{dtype} on {place}",
        "tokens_per_s": steps * per_step * recipe.sequence_length / seconds,
        "peak_gb": peak / 1e9,
        "losses": [row["loss"] for row in log],
    }


def main() -> None:
    """Parse the command line, run both arms and print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, some = parser.add_argument, line.at_least(1)
    add("--model", default="pip:gemma-3-270m", help="as in paper_reproduce.sh")
    add("--recipe", default="lora", help=f"one of {', '.join(recipes.names())}")
    add(
        "--batch-size",
        type=some,
        default=4,
        help="sequences per forward pass (default 4)",
    )
    add("--sequence-length", type=some, default=256, help="tokens (default 256)")
    add(
        "--epochs",
        type=some,
        default=4,
        help="how often the text is repeated (default 4)",
    )
    add("--steps", type=some, default=5, help="timed steps (default 5)")
    add("--json", type=line.place, metavar="FILE", help="also write the rows here")
    given = line.parse(parser)
    changes = {key: getattr(given, key) for key in ("batch_size", "sequence_length", "epochs")}
    try:
        recipe = recipes.get(given.recipe, **changes)
        if given.json:
            disk.file_to_write(given.json, "--json")
        given.model = paths.absolute(given.model)
        finetuning.require_trainable(models.load(given.model), recipe)
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    rows = []
    for arm in ARMS:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            rows.append(process.submit(train, arm, given.model, recipe, given.steps).result())
        row = rows[-1]
        print(
            f"  {arm:8s} {row['tokens_per_s']:10.1f} tokens/s   peak {row['peak_gb']:6.2f} GB   "
            f"last loss {row['losses'][-1]:.4f} nats/token   {row['model']}, {row['place']}"
        )
    plain, ours = rows
    gap = max(abs(a - b) for a, b in zip(plain["losses"], ours["losses"], strict=True))
    print(
        f"{given.recipe}, {recipe.batch_size} x {recipe.sequence_length} tokens: xlkb is "
        f"{ours['tokens_per_s'] / plain['tokens_per_s']:.2f} x as fast, in "
        f"{ours['peak_gb'] / plain['peak_gb']:.2f} x the memory; losses differ by {gap:.1e}"
    )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

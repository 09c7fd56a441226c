"""How fast are choices scored, beside two peers on the same model, prompts and machine?

Peers, run one after another in each round, in this order:
  one at a time   one forward pass per choice, all logits (the paper's released code, which reads
                  letters, makes one per question: commit 62d79fe, MMLU/models/hf.py, line 98)
  harness         lm-evaluation-harness's `loglikelihood`, at the best of several batch sizes
  xlkb            this package's token tries

An item is a question with its four choices; speeds are medians over rounds. Nothing is shared
between recompositions here: every question is asked once, in English. Examples:

  python benchmarks/scoring.py --quick
  python benchmarks/scoring.py --model path:my-model --items 200 --json speed.json
"""

import argparse
import json
import statistics
import time

import numpy as np
import torch

from xlkb import models, tasks
from xlkb.commands import line
from xlkb.ground import disk, paths
from xlkb.scoring.likelihoods import log_likelihoods
from xlkb.scoring.tries import Pair, encode
from xlkb.tasks import prompts, recompose

BATCH_SIZES = (8, 32, 64)


def pairs_of(n_items: int, shots: int) -> list[Pair]:
    """Every choice of `n_items` English questions, after `shots` demonstrations."""
    items = recompose.full(tasks.load("worldfacts", languages=["en"], n=n_items), "en").to_list()
    dev = recompose.full(tasks.load("worldfacts", languages=["en"], split="dev"), "en").to_list()
    built = []
    for item in items:
        shown = [row for row in dev if row["subject"] == item["subject"]][:shots]
        built.append(prompts.build(item, "cloze", shown))
    return [Pair(p.context, continuation) for p in built for continuation in p.continuations]


@torch.inference_mode()
def one_at_a_time(network, tokenizer, pairs) -> np.ndarray:
    """One forward pass per choice, as plain as can be."""
    values = []
    for ids, start in encode(tokenizer, pairs):
        logits = network(torch.tensor([ids], device=network.device)).logits[0, start - 1 : -1]
        targets = torch.tensor(ids[start:], device=network.device)
        values.append(logits.float().log_softmax(-1).gather(-1, targets[:, None]).sum().item())
    return np.array(values)


def harness(peer, pairs) -> np.ndarray:
    """lm-evaluation-harness on the same strings."""
    from lm_eval.api.instance import Instance

    requests = [
        Instance("loglikelihood", {}, (pair.context, pair.continuation), i)
        for i, pair in enumerate(pairs)
    ]
    return np.array([value for value, _ in peer.loglikelihood(requests, disable_tqdm=True)])


def ours(network, tokenizer, pairs) -> np.ndarray:
    """Token tries."""
    values = np.empty(len(pairs))
    for indices, log_likelihood, _ in log_likelihoods(network, tokenizer, pairs):
        values[indices] = log_likelihood
    return values


def timed(function, *arguments) -> tuple[float, np.ndarray]:
    """Seconds and result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def best_batch_size(network, tokenizer, pairs):
    """The harness at the batch size that is fastest on a sample of the pairs."""
    from lm_eval.models.huggingface import HFLM

    peers = [HFLM(pretrained=network, tokenizer=tokenizer, batch_size=size) for size in BATCH_SIZES]
    seconds = [timed(harness, peer, pairs)[0] for peer in peers]
    return peers[int(np.argmin(seconds))]


def compare(network, tokenizer, shots: int, n_items: int, rounds: int) -> list[dict]:
    """Run all three `rounds` times; print and return speeds, ratios and largest differences."""
    pairs = pairs_of(n_items, shots)
    peer = best_batch_size(network, tokenizer, pairs[: 4 * min(n_items, 32)])
    runs = {
        "one at a time": lambda: one_at_a_time(network, tokenizer, pairs),
        f"harness (batch {peer.batch_size})": lambda: harness(peer, pairs),
        "xlkb": lambda: ours(network, tokenizer, pairs),
    }
    ours(network, tokenizer, pairs[:8])
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    values = {}
    for _ in range(rounds):
        for name, run in runs.items():
            elapsed, values[name] = timed(run)
            seconds[name].append(elapsed)
    speed = {name: n_items / statistics.median(times) for name, times in seconds.items()}
    rows = []
    print(f"\n{shots}-shot, {n_items} items of 4 choices, {rounds} round(s)")
    for name in runs:
        ratio = speed["xlkb"] / speed[name]
        gap = np.abs(values[name] - values["xlkb"]).max()
        same = (decided(values[name]) == decided(values["xlkb"])).mean()
        print(
            f"  {name:22s} {speed[name]:8.2f} items/s   xlkb is {ratio:5.1f} x this   "
            f"largest difference {gap:.1e} nats, same decisions {same:.1%}"
        )
        rows.append(
            {"name": name, "shots": shots, "items_per_s": speed[name], "ours_over_this": ratio}
        )
    return rows


def decided(values: np.ndarray) -> np.ndarray:
    """The choice with the highest log-likelihood, per item."""
    return values.reshape(-1, 4).argmax(1)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="pip:gemma-3-270m", help="as in paper_reproduce.sh")
    parser.add_argument("--items", type=line.at_least(1), help="questions (default 64)")
    parser.add_argument("--rounds", type=line.at_least(1), help="rounds per setting (default 1)")
    parser.add_argument("--quick", action="store_true", help="32 items, one round: minutes")
    parser.add_argument("--json", type=line.place, metavar="FILE", help="also write the rows here")
    options = line.parse(parser)
    if options.quick and (options.items or options.rounds):
        parser.error("--quick sets --items and --rounds: leave it out, or leave them out.")
    options.items, options.rounds = (
        options.items or (32 if options.quick else 64),
        options.rounds or 1,
    )
    there = len(tasks.load("worldfacts", languages=["en"]))
    if options.items > there:
        parser.error(f"--items {options.items}: there are {there} questions.")
    try:
        if options.json:
            disk.file_to_write(options.json, "--json")
        model = models.load(paths.absolute(options.model))
    except (ValueError, OSError, ImportError) as error:
        parser.error(str(error))
    network, tokenizer = model.network, model.tokenizer
    print(f"{model.label}, {model.dtype} on {model.device}, {torch.get_num_threads()} threads")
    rows = [
        row
        for shots in (0, 5)
        for row in compare(network, tokenizer, shots, options.items, options.rounds)
    ]
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""How much memory do a thousand, a hundred thousand, a million own questions take?

Questions about sums are written to a file and asked of a tiny random model by `xlkb score`, each
number of them in a process of its own. With --at-once the same questions also go through
`tasks.load`, `recompose.full` and `scoring.score`, which hold all of them in memory. A model of
yours takes its weights beside that, and longer texts take longer batches.

MB are the peak of resident memory, with what Python and its libraries take (the first line says
how much that is), seconds those of the processor (a machine may be busy with other things) and of
the clock, bytes those of the answers on disk, for each question. Examples:

  python benchmarks/million.py
  python benchmarks/million.py --questions 1e4 1e5 1e6 --at-once 1e4 1e5 --json million.json
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import tokenizers
import torch
import transformers

from xlkb import commands, models, scoring, tasks
from xlkb.ground import disk
from xlkb.tasks import recompose


def question(i: int) -> dict:
    """A question about the last digit of a sum."""
    other = i * 7919 % 1_000_003
    options = [str((i + other + place - i % 4) % 10) for place in range(4)]
    return {
        "id": f"q{i}",
        "subject": f"sums {i % 7}",
        "answer": i % 4,
        "question": {"en": f"Last digit of {i} + {other}?"},
        "options": {"en": options},
    }


def make(folder: Path, n: int) -> Path:
    """A file of so many questions, and beside it the model, if it is not there yet."""
    if not (folder / "model").exists():
        torch.manual_seed(0)
        names = ["<s>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
        core = tokenizers.Tokenizer(
            tokenizers.models.BPE({name: place for place, name in enumerate(names)}, [])
        )
        core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = tokenizers.decoders.ByteLevel()
        config = transformers.LlamaConfig(
            vocab_size=len(names),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=512,
        )
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=core, bos_token="<s>", eos_token="</s>"
        )
        tokenizer.save_pretrained(folder / "model")
        transformers.LlamaForCausalLM(config).save_pretrained(folder / "model")
    file = folder / f"sums-{n}.jsonl"
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(f"{json.dumps(question(i))}\n" for i in range(n))
    return file


def stream(folder: Path, file: Path) -> None:
    """Ask them as a user does."""
    out = folder / f"answers-{file.stem}"
    command = ["score", f"path:{folder / 'model'}", "--task", f"path:{file}", "--out", str(out)]
    assert commands.main(command) == 0


def at_once(folder: Path, file: Path) -> None:
    """Ask them with everything in memory."""
    model = models.load(f"path:{folder / 'model'}")
    scoring.score(model, recompose.full(tasks.load(f"path:{file}"), "en"), folder / "store")


def nothing(folder: Path, file: Path) -> None:
    """Load the model."""
    assert models.load(f"path:{folder / 'model'}").network is not None


WORK = {"nothing": nothing, "stream": stream, "at once": at_once}


def measured(what: str, folder: Path, file: Path) -> dict[str, float]:
    """Peak in MB and seconds of a process that does only this; its signs of life are shown.

    The peak is at least what the parent holds, which therefore holds little.
    """
    command = [sys.executable, __file__, "--child", what, str(folder), str(file)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def child(what: str, folder: Path, file: Path) -> None:
    """Do this and print what it took."""
    begun = time.perf_counter()
    with open(os.devnull, "w", encoding="utf-8") as silent, contextlib.redirect_stdout(silent):
        WORK[what](folder, file)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = {"s": used.ru_utime + used.ru_stime, "clock": time.perf_counter() - begun}
    print(json.dumps({"MB": used.ru_maxrss / 1e3, **seconds}))


def rows_of(folder: Path, counts: list[int], compared: list[int]) -> Iterator[dict]:
    """A row of the table for each number of questions, and for each way."""
    for n in sorted({*counts, *compared}):
        file = make(folder, n)
        for what, wanted in (("stream", counts), ("at once", compared)):
            if n in wanted:
                row = {"questions": n, "way": what, **measured(what, folder, file)}
                size = sum(each.stat().st_size for each in folder.glob(f"*-{file.stem}/part-*"))
                yield row | ({"bytes": size / n} if what == "stream" else {})
        file.unlink()


def main() -> None:
    """Make questions and print a row for each number of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=float, nargs="+", default=[1e3, 1e4])
    parser.add_argument("--at-once", type=float, nargs="+", default=[], help="also in memory")
    parser.add_argument("--json", type=Path, help="write the numbers there, too")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, folder, file = asked.child
        child(what, Path(folder), Path(file))
        return
    counts, compared = ([int(n) for n in each] for each in (asked.questions, asked.at_once))
    if min(*counts, *compared, 1) < 1:
        parser.error("--questions and --at-once: at least 1 each.")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        empty = measured("nothing", folder, make(folder, 1))
        print("MB with the model and nothing else:", round(empty["MB"]), flush=True)
        rows = []
        for row in rows_of(folder, counts, compared):
            rows.append(row)
            print(
                ", ".join(
                    f"{name} {value if isinstance(value, str | int) else f'{value:.4g}'}"
                    for name, value in row.items()
                ),
                flush=True,
            )
    if asked.json:
        disk.write_json(asked.json, rows)


if __name__ == "__main__":
    main()

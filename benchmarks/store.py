"""How long does the store of results take to find, add and merge, and how much memory?

Folders of random scores are made, and each of these is timed in a process of its own:
  look    `results.stored` for 160,000 keys (20,000 questions with four choices, each scored after
          its question and alone) of which half are stored: the other half is found to be missing,
          given without a model, written, and all values are returned
  again   the same for other keys, later in the same process
  append  one part of 1,000 scores
  merge   the parts, as far as they are small

Seconds are those of the processor (a machine may be busy with other things), then those of the
clock; MB are the peak of resident memory, with what Python and its libraries take (see the first
line). Examples:

  python benchmarks/store.py --rows 1e5 1e6
  python benchmarks/store.py --rows 1e5 1e6 1e7 --json store.json
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
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xlkb.ground import disk
from xlkb.scoring import results

ASKED, CALLS = 160_000, 2
"""Keys of a call, and calls."""

MANY = 10_000
"""Parts in which only the largest store comes: eight writers make as many in four hours."""

MODEL = SimpleNamespace(name="random", label="random", fingerprint="0" * 12, describe=dict)


def keys_of(rng: np.random.Generator, n: int) -> np.ndarray:
    """Random keys, uint8 [n, 12]."""
    return rng.integers(0, 256, (n, 12), np.uint8)


def table_of(keys: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """A score of each key."""
    raw = pa.Array.from_buffers(pa.binary(12), len(keys), [None, pa.py_buffer(keys.tobytes())])
    values = rng.normal(-20, 9, len(keys)).astype("float32")
    counts = rng.integers(1, 9, len(keys)).astype("int32")
    return pa.table([raw, pa.array(values), pa.array(counts)], results.SCORES)


def make(store: Path, n_rows: int, n_parts: int) -> None:
    """Parts, as their writers leave them, and what is to be asked for beside them."""
    rng = np.random.default_rng(0)
    keys, folder = keys_of(rng, n_rows), results.store_folder(store, MODEL)
    folder.mkdir(parents=True)
    for chunk in np.array_split(keys, n_parts):
        buffer = BytesIO()
        table = table_of(chunk, rng)
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        name = f"part-{sha256(buffer.getbuffer()).hexdigest()[:16]}.parquet"
        (folder / name).write_bytes(buffer.getbuffer())
    known = keys[rng.integers(0, n_rows, CALLS * ASKED // 2)]
    asked = np.concatenate([known, keys_of(rng, len(known))])
    np.save(store / "asked.npy", asked[rng.permutation(len(asked))])


def look(store: Path, call: int) -> None:
    """Find what is missing of the keys of a call, and return what is stored of all."""
    rng = np.random.default_rng(os.getpid() + call)
    keys = np.load(store / "asked.npy")[call * ASKED : (call + 1) * ASKED]

    def compute(missing):
        values = rng.normal(-20, 9, len(missing)).astype("float32")
        yield missing, pd.DataFrame({"log_likelihood": values, "n_tokens": np.int32(3)})

    listed = [each.tobytes() for each in keys]
    found = results.stored(MODEL, store, ".", listed, compute, "Scoring with", "scores")
    assert len(found) == ASKED


def append(store: Path, _) -> None:
    """Write a small part."""
    rng = np.random.default_rng(os.getpid())
    frame = table_of(keys_of(rng, 1000), rng).to_pandas()
    results.append(results.store_folder(store, MODEL), frame, results.SCORES)


def merge(store: Path, _) -> None:
    """Put parts together."""
    results.merge(results.store_folder(store, MODEL), results.SCORES)


WORK = {"look": look, "again": look, "append": append, "merge": merge}


def measured(what: str, store: Path, *sizes: int) -> dict[str, float]:
    """Seconds and the peak in MB, of a process that does only this.

    The peak is at least what the parent holds, which therefore holds nothing.
    """
    command = [sys.executable, __file__, "--child", what, str(store), *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {f"{what} {name}": value for name, value in json.loads(done.stdout).items()}


def child(what: str, store: Path, *sizes: int) -> None:
    """Do this and print what it took."""
    with open(os.devnull, "w", encoding="utf-8") as silent, contextlib.redirect_stdout(silent):
        if what == "again":
            look(store, 1)
        begun = time.process_time(), time.perf_counter()
        if what == "make":
            make(store, *sizes)
        elif what != "nothing":
            WORK[what](store, 0)
        ended = time.process_time(), time.perf_counter()
    seconds, clock = (end - begin for begin, end in zip(begun, ended, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"s": seconds, "clock": clock, "MB": peak}))


def main() -> None:
    """Make stores and print a row of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=float, nargs="+", default=[1e5, 1e6], help="scores stored")
    parser.add_argument("--parts", type=int, nargs="+", help="default: 1 and 100; 1e7: 10,000 too")
    parser.add_argument("--json", type=Path, help="write the numbers there, too")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if min(*asked.rows, *(asked.parts or [1]), 1) < 1:
        parser.error("--rows and --parts: at least 1 each.")
    if asked.child:
        what, store, *sizes = asked.child
        child(what, Path(store), *map(int, sizes))
        return
    print("MB of an empty process:", round(measured("nothing", Path())["nothing MB"]))
    rows = []
    for n_rows in map(int, asked.rows):
        for n_parts in asked.parts or [1, 100, *([MANY] if n_rows >= 1e7 else [])]:
            with tempfile.TemporaryDirectory() as temporary:
                store = Path(temporary)
                measured("make", store, n_rows, n_parts)
                size = sum(each.stat().st_size for each in store.glob("*/part-*"))
                row = {"rows": n_rows, "parts": n_parts, "bytes": size / n_rows}
                for what in WORK:
                    row |= measured(what, store)
                row["parts left"] = len(list(store.glob("*/part-*")))
                rows.append(row)
                print(", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False, float_format="{:.4g}".format))
    if asked.json:
        disk.write_json(asked.json, rows)


if __name__ == "__main__":
    main()

"""Kind: memory that runs out, for real: the process may take no more than so many bytes.

With XLKB_TEST_GPU=1 it is a GPU's that runs out.
"""

import contextlib
import os
import re
import resource
import sys
from pathlib import Path

import faults
import notebook_cells
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
import transformers
from safetensors import SafetensorError

from xlkb import commands
from xlkb.commands import line
from xlkb.models import checkpoints
from xlkb.scoring import likelihoods

WIDE = {"vocab_size": 400, "hidden_size": 16, "intermediate_size": 60_000, "num_hidden_layers": 1}
WIDE |= {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 4096}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model that takes 240 kB for each token of a row, and more for one that it learns."""
    folder = tmp_path_factory.mktemp("memory")
    transformers.set_seed(0)
    network = transformers.LlamaForCausalLM(transformers.LlamaConfig(**WIDE))
    network.save_pretrained(folder / "model")
    tiny.tokenizer().save_pretrained(folder / "model")
    notebook_cells.own(folder / "q.jsonl", ("en", "fr"), 24)
    (folder / "texts.txt").write_text("One two three four five. " * 400, encoding="utf-8")
    return folder


def starved(function, room, arguments):
    """A command whose process takes at most `room` bytes more once it is at its work."""
    from xlkb import commands
    from xlkb.models import LanguageModel
    from xlkb.training.loop import trainer

    where = {"run_row": likelihoods, "run": trainer, "instantiate": LanguageModel}[function]
    plain = getattr(where, function)

    def limited(*given, **options):
        if function == "run_row":
            _ = given[0].dtype  # The weights are there.
        if torch.cuda.is_available():
            whole = torch.cuda.get_device_properties(0).total_memory
            share = (torch.cuda.memory_reserved() + room) / whole
            torch.cuda.set_per_process_memory_fraction(min(1.0, share))
        else:
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * os.sysconf("SC_PAGE_SIZE") + room
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
        setattr(where, function, plain)
        return plain(*given, **options)

    setattr(where, function, limited)
    sys.exit(commands.main(list(map(str, arguments))))


def told(done):
    """The one line that says what is wrong."""
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    (line,) = [each for each in done.err.splitlines() if each.startswith("error: ")]
    return line


def scored(folder):
    (path,) = folder.glob("part-*.parquet")
    return pd.read_parquet(path)


def test_rows_that_do_not_fit_are_scored_in_parts_and_a_text_that_does_not_is_named(
    place, tmp_path
):
    asked = ["score", f"path:{place / 'model'}", "--task", f"path:{place / 'q.jsonl'}", "--out"]
    runs = {
        name: faults.Started(tmp_path / f"said-{name}", starved, "run_row", room, [*asked, out])
        for name, room, out in (
            ("calm", 1 << 40, tmp_path / "calm"),
            ("tight", 260_000_000, tmp_path / "tight"),
            ("none", 1_000_000, tmp_path / "none"),
        )
    }
    done = {name: run.ends() for name, run in runs.items()}
    assert done["calm"].code == 0, done["calm"].err
    assert done["tight"].code == 0, done["tight"].err
    calm, tight = (scored(tmp_path / name) for name in ("calm", "tight"))
    assert not calm["log_likelihood"].equals(tight["log_likelihood"]), "it fitted as a whole"
    close = 0.05 if torch.cuda.is_available() else 1e-4  # Of bfloat16.
    np.testing.assert_allclose(calm["log_likelihood"], tight["log_likelihood"], atol=close)
    assert re.search("does not fit in memory|Memory ran out", told(done["none"]))
    again = faults.start(tmp_path / "again", *asked, tmp_path / "none").ends()
    assert again.code == 0, again.err
    pd.testing.assert_frame_equal(scored(tmp_path / "none"), calm)


@pytest.mark.skipif(torch.cuda.is_available(), reason="its weights are small")
@pytest.mark.parametrize("room", [1_000_000, 4_000_000, 9_000_000])
def test_weights_that_do_not_fit_say_so(place, tmp_path, room):
    asked = ["score", f"path:{place / 'model'}", "--task", f"path:{place / 'q.jsonl'}", "--out"]
    done = faults.Started(tmp_path / "a", starved, "instantiate", room, [*asked, tmp_path / "o"])
    assert told(done.ends()).startswith("error: Memory ran out. Close other programs, or use")
    assert faults.start(tmp_path / "b", *asked, tmp_path / "o").ends().code == 0


@pytest.mark.parametrize(
    "error",
    [
        OSError(12, "Cannot allocate memory"),
        OSError("Cannot allocate memory (os error 12)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        SafetensorError("Cannot allocate memory"),
        MemoryError(),
        MemoryError("Cannot allocate memory (os error 12)"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("where", [line.computing, contextlib.nullcontext])
def test_memory_that_ran_out_is_known_by_whatever_says_so(capsys, error, wrapped, where):
    def work():
        reading = checkpoints.readable("The weights") if wrapped else contextlib.nullcontext()
        with where(), reading:
            raise error

    if isinstance(error, SafetensorError) and not wrapped:
        pytest.skip("no library's error comes here as it is")
    assert line.command(work, "") == 1
    assert capsys.readouterr().err.startswith("error: Memory ran out. Close other programs, or use")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), ImportError("libtorch_cpu.so: failed to map segment from shared object")],
    ids=repr,
)
def test_memory_that_runs_out_while_libraries_are_imported_is_said(monkeypatch, capsys, error):
    def imported(name):
        raise error

    monkeypatch.setattr(commands, "_module", imported)
    assert commands.main(["score"]) == 1
    assert capsys.readouterr().err.startswith("error: Memory ran out. Close other programs, or use")


def test_a_training_that_does_not_fit_says_so_and_goes_on_where_it_does(place, tmp_path):
    asked = ["finetune", f"path:{place / 'model'}", place / "texts.txt", "--recipe", "full"]
    asked += ["--sequence-length", "256", "--batch-size", "4", "--max-steps", "2", "--folder"]
    asked += [tmp_path / "run"]
    done = faults.Started(tmp_path / "a", starved, "run", 100_000_000, asked).ends()
    assert told(done).startswith("error: Memory ran out. ")
    assert not (tmp_path / "run" / "finished.json").exists()
    assert faults.start(tmp_path / "b", *asked).ends().code == 0
    assert (tmp_path / "run" / "finished.json").exists()

"""Several processes train one model: as one process does, to the end of the run, killed or not."""

import json
import time
from dataclasses import asdict
from types import SimpleNamespace

import accelerate
import launched
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from accelerate.commands.config import config_args
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from xlkb import commands, models, training
from xlkb.commands import finetune
from xlkb.training import processes, recipes
from xlkb.training.loop import chunked_loss, trainable

TEXTS = [f"{text} {number}" for number in range(3) for text in tiny.TEXT[:3]]
RECIPE = ["--sequence-length", "16", "--batch-size", "2", "--gradient-accumulation", "2"]
RECIPE += ["--learning-rate", "0.01", "--epochs", "1", "--weight-decay", "0.01"]
METHODS = {
    "lora": ["--recipe", "lora"],
    "full": ["--recipe", "full"],
    "embedding-too": ["--recipe", "full", "--freeze-embedding", "false"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model whose head is its embedding, and a corpus that fills no last step."""
    place = tmp_path_factory.mktemp("processes")
    network = tiny.network("llama", tie_word_embeddings=True, num_hidden_layers=2)
    network.save_pretrained(place / "llama")
    tiny.tokenizer().save_pretrained(place / "llama")
    (place / "corpus.txt").write_text("\n\n".join(TEXTS))
    return place


def request(place, name, method, *more):
    given = [f"path:{place}/llama", f"{place}/corpus.txt", "--device", "cpu", *METHODS[method]]
    return [*given, *RECIPE, *more, "--folder", str(place / name)]


@pytest.fixture(scope="module")
def alone(place):
    """Method -> the folder that one process leaves."""
    return {
        method: place / "alone" / method
        for method in METHODS
        if finetune.main(request(place, f"alone/{method}", method)) == 0
    }


def weights(folder):
    (path,) = folder.glob("*model.safetensors")
    return load_file(path)


def agree(one, other):
    """Two folders hold the same run: curve and weights to 1e-4, key and outcome."""
    curves = [pd.read_csv(folder / "loss.csv") for folder in (one, other)]
    assert list(curves[0]["tokens"]) == list(curves[1]["tokens"])
    np.testing.assert_allclose(*curves, rtol=0, atol=1e-4)
    stored = [weights(folder) for folder in (one, other)]
    assert stored[0].keys() == stored[1].keys()
    for name, weight in stored[0].items():
        torch.testing.assert_close(weight, stored[1][name], rtol=0, atol=1e-4)
    keys = [json.loads((folder / "run.json").read_text())["key"] for folder in (one, other)]
    assert keys[0] == keys[1]
    names = [{path.name for path in folder.iterdir()} for folder in (one, other)]
    assert names[0] == names[1]


def kill(started, folder, victims):
    """Kill (SIGKILL) some of the processes once there is a checkpoint; the others end by that."""
    deadline = time.monotonic() + 120
    sealed = "checkpoints/checkpoint-2/checkpoint.json"
    while not (folder / sealed).exists():
        assert all(process.is_alive() for process, _ in started)
        assert time.monotonic() < deadline
        time.sleep(0.002)
    for victim in victims:
        started[victim][0].kill()
    for process, _ in started:
        process.join(60)
        assert not process.is_alive()
    assert not (folder / "finished.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "sharded"), [("embedding-too", False), ("full", True)])
def test_two_processes_learn_what_one_does(place, alone, method, sharded):
    name = f"two/{method}-{sharded}"
    (code, out, _), other = launched.said(launched.start(2, request(place, name, method), sharded))
    assert (code, other[:2]) == (0, (0, ""))
    assert f"2 processes {'that share them (FSDP)' if sharded else '(DDP)'}" in out
    agree(alone[method], place / name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "sharded", "victims", "then"),
    [
        ("lora", False, (1,), (2, False)),
        ("full", False, (0, 1), (1, False)),
        ("lora", True, (0,), (2, True)),
        ("embedding-too", True, (0, 1), (2, False)),
    ],
    ids=["one-of-ddp", "ddp-then-alone", "one-of-fsdp", "fsdp-then-ddp"],
)
def test_killed_processes_go_on_to_the_same_result(place, alone, method, sharded, victims, then):
    name = f"killed/{method}-{sharded}"
    wanted = request(place, name, method)
    kill(launched.start(2, wanted, sharded), place / name, victims)
    n, sharded = then
    first, *_ = launched.said(launched.start(n, wanted, sharded))
    assert first[0] == 0
    assert "going on from step" in first[1]
    agree(alone[method], place / name)


@pytest.mark.slow
def test_a_finished_run_is_found_by_any_number_of_processes(place, alone):
    before = {path: path.stat().st_mtime_ns for path in alone["lora"].iterdir()}
    first, other = launched.said(launched.start(2, request(place, "alone/lora", "lora")))
    assert "lora: finished before, reused" in first[1]
    assert (first[0], other) == (0, (0, "", ""))
    assert before == {path: path.stat().st_mtime_ns for path in alone["lora"].iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--batch-size", "1", "--gradient-accumulation", "3"], 2, "cannot share a step of 3"),
        (["--learning-rate", "1e30"], 1, "lower the learning rate"),
        (["--seed", "1"], 1, "holds another run"),
    ],
    ids=["refused", "failed", "not-this-run"],
)
def test_an_error_is_told_once_and_ends_all(place, alone, more, code, message):
    name = "alone/lora" if "--seed" in more else "wrong"
    started = launched.start(2, request(place, name, "lora", *more), grace=600)
    first = started[0][1].recv()
    assert first[0] == code
    assert first[2].count(message) == 1
    # The other knows, too, is silent, and waits for the launcher to end it.
    assert not started[1][1].poll(0.5)
    started[1][0].kill()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 16))
def test_processes_share_a_step_equally_or_not_at_all(batch_size, accumulation, n):
    recipe = recipes.get("full", batch_size=batch_size, gradient_accumulation=accumulation)
    step = batch_size * accumulation
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORLD_SIZE", str(n))
        if step % n:
            with pytest.raises(ValueError, match=f"^{n} processes cannot share") as refused:
                processes.share(recipe)
            fitting = str(refused.value).partition("one of: ")[2].strip(".").split(", ")
            assert fitting == [str(k) for k in range(1, step + 1) if step % k == 0]
        else:
            each, passes = processes.share(recipe)
            assert each * passes * n == step


@pytest.mark.parametrize(
    ("method", "environment", "message"),
    [
        ("full", {"FSDP_VERSION": "1"}, "FSDP_VERSION=1: .*with 2 only.*--accelerate fsdp"),
        ("full", {"FSDP_OFFLOAD_PARAMS": "true"}, "with false only"),
        ("full", {"ACCELERATE_USE_DEEPSPEED": "true"}, "not by DeepSpeed"),
        ("qlora", {}, "4-bit weights .* choose the method lora"),
    ],
)
def test_a_start_that_would_train_otherwise_is_refused(method, environment, message, monkeypatch):
    fsdp = {"WORLD_SIZE": "2", "RANK": "0", **launched.configured("fsdp")}
    for name, value in (fsdp | environment).items():
        monkeypatch.setenv(name, value)
    processes.require(recipes.get("lora")) if not environment else None
    with pytest.raises(ValueError, match=message):
        processes.require(recipes.get(method))


def test_optimizers_of_bitsandbytes_are_not_for_fsdp(monkeypatch):
    for name, value in {"RANK": "0", **launched.configured("fsdp")}.items():
        monkeypatch.setenv(name, value)
    values = asdict(recipes.get("full")) | {"optim": "adamw_8bit"}
    with pytest.raises(ValueError, match=r"states of adamw_8bit .*configuration ddp"):
        processes.require(SimpleNamespace(**values))
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    processes.require(SimpleNamespace(**values))


def test_what_takes_one_process_says_so(place, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    model = models.load(f"path:{place}/llama")
    for train in (
        lambda: training.agree(model, [], ["en", "fr"], recipes.get("agree")),
        lambda: training.readers(model, {}, recipes.get("mix")),
        lambda: training.orders([], model, {}, {}, recipes.get("mix"), {}, ({}, None)),
    ):
        with pytest.raises(ValueError, match="runs in one process, and 2 were started"):
            train()
    assert commands.main(["tofu", "--authors", "1"]) == 2
    assert "only xlkb finetune takes accelerate launch" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["ddp", "fsdp"])
def test_accelerate_reads_the_configurations(name, capsys):
    with pytest.raises(SystemExit) as stop:
        finetune.main(["--accelerate", name])
    assert stop.value.code == 0
    read = config_args.load_config_from_file(capsys.readouterr().out.strip())
    assert (read.distributed_type.value, read.num_processes) == (
        {"ddp": "MULTI_GPU", "fsdp": "FSDP"}[name],
        -1,  # It asks for --num_processes.
    )
    told = {key.upper(): str(value).lower() for key, value in read.fsdp_config.items()}
    assert processes.CONFIGURED.items() <= told.items() or name == "ddp"
    assert accelerate.FullyShardedDataParallelPlugin


def test_a_batch_of_which_nothing_is_learned_adds_nothing():
    network = tiny.network("llama")
    assert chunked_loss.install(network, torch.float32)
    tokens = torch.randint(400, (2, 16))
    found = network(input_ids=tokens, labels=torch.full_like(tokens, -100), num_items_in_batch=7)
    found.loss.backward()
    assert found.loss == 0
    assert not any(w.grad.any() for w in network.parameters())


def test_a_setting_of_accelerate_does_not_change_the_dtype(monkeypatch, tmp_path):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    settings = trainable.trainer.arguments(tmp_path, recipes.get("full"), "float32", "cpu", 4)
    assert settings.mixed_precision == "no"


def test_a_skeleton_takes_the_trained_values_and_ties():
    network = tiny.network("llama", tie_word_embeddings=True)
    bones = trainable.skeleton(network)
    assert all(weight.is_meta for weight in bones.parameters())
    filled = trainable.whole(network, bones)
    assert torch.equal(filled.lm_head.weight, network.lm_head.weight)
    assert filled.lm_head.weight is filled.get_input_embeddings().weight


def test_fsdp_on_a_cpu_is_told_to_be_left_out(monkeypatch):
    for name, value in {"WORLD_SIZE": "2", "RANK": "0", "ACCELERATE_USE_FSDP": "true"}.items():
        monkeypatch.setenv(name, value)
    assert processes.left_out("cpu")
    assert not processes.sharded("cpu")
    assert processes.sharded("cuda")

"""Fine-tuning: it learns, it resumes to the last bit, and it never passes off an old model."""

import json
import os
import shutil
import signal
import time

import apart
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
import transformers
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from xlkb import models
from xlkb.commands import finetune
from xlkb.scoring import likelihoods
from xlkb.scoring.tries import Pair
from xlkb.training import finetuning, packing, recipes
from xlkb.training.folders import model_card
from xlkb.training.loop import chunked_loss, seals, trainable, trainer

TEXTS = [f"{text} {number}" for number in range(3) for text in tiny.TEXT[:3]]
QUICK = {"sequence_length": 16, "batch_size": 2, "learning_rate": 1e-2}
PAIRS = [Pair("Question: euro?\nAnswer:", " yen"), Pair("Question: euro?\nAnswer:", " euro")]


def save(architecture, folder):
    tiny.network(architecture).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["llama", "gemma3"])
def base(request, tmp_path_factory):
    return load(save(request.param, tmp_path_factory.mktemp("models") / request.param))


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return load(save("llama", tmp_path_factory.mktemp("models") / "llama"))


def load(folder):
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def recipe(method="full", **changes):
    return recipes.get(method, **(QUICK | changes))


def scores(model):
    rows = likelihoods.log_likelihoods(model.network, model.tokenizer, PAIRS)
    return {i: v for indices, values, _ in rows for i, v in zip(indices, values, strict=True)}


def weights(folder):
    (path,) = folder.glob("*model.safetensors")
    return {name: weight.clone() for name, weight in load_file(path).items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# What comes out


@pytest.mark.parametrize(
    "changes",
    [{"method": "full"}, {"method": "full", "freeze_embedding": False}, {"method": "lora"}],
    ids=["full", "embedding-too", "lora"],
)
def test_training_lowers_the_loss_and_changes_the_scores(base, tmp_path, changes, capsys):
    folder = finetuning.train(base, TEXTS[:1] * 4, recipe(**changes, epochs=15), tmp_path / "run")
    curve = pd.read_csv(folder / "loss.csv")
    assert list(curve) == ["step", "tokens", "loss", "learning_rate"]
    assert curve["loss"].iloc[-3:].mean() < curve["loss"].iloc[0] - 1
    assert curve["tokens"].iloc[-1] == json.loads((folder / "finished.json").read_text())["tokens"]
    assert "min at" in capsys.readouterr().out
    tuned, before = scores(finetuning.load(base, folder)), scores(base)
    assert all(abs(tuned[i] - before[i]) > 1e-3 for i in (0, 1))
    assert not list(folder.glob("*.bin")) + list(folder.glob("*.p*t*"))
    assert all(weight.dtype == torch.float32 for weight in weights(folder).values())


def test_a_frozen_embedding_is_not_changed_and_not_stored(base, tmp_path):
    folder = finetuning.train(base, TEXTS, recipe(), tmp_path / "run")
    tuned = finetuning.load(base, folder).network
    assert torch.equal(
        tuned.get_input_embeddings().weight, base.network.get_input_embeddings().weight
    )
    assert not any("embed_tokens" in name for name in weights(folder))
    everything = finetuning.train(
        base, TEXTS, recipe(freeze_embedding=False), tmp_path / "everything"
    )
    moved = finetuning.load(base, everything).network.get_input_embeddings().weight
    assert not torch.equal(moved, base.network.get_input_embeddings().weight)


def test_the_stored_weights_are_the_trained_ones(llama, tmp_path, monkeypatch):
    kept = {}

    def spy(model, network, folder, saving=trainable.save):
        kept.update({name: w.detach().clone() for name, w in network.named_parameters()})
        saving(model, network, folder)

    monkeypatch.setattr(trainable, "save", spy)
    folder = finetuning.train(llama, TEXTS, recipe(), tmp_path / "run")
    loaded = dict(finetuning.load(llama, folder).network.named_parameters())
    for name, weight in kept.items():
        module, _, leaf = name.rpartition(".")
        inside = f"{module}.ln_tuning_layers.default.{leaf}"
        assert torch.equal(weight, loaded.get(inside, loaded.get(name))), name


def test_qlora_trains_every_layer_on_a_cpu(tmp_path):
    config = transformers.LlamaConfig(**tiny.SMALL | {"hidden_size": 64})
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tiny.tokenizer().save_pretrained(tmp_path / "base")
    model = load(tmp_path / "base")
    folder = finetuning.train(model, TEXTS, recipe("qlora", epochs=3), tmp_path / "run")
    assert all(weight.any() for name, weight in weights(folder).items() if "lora_B" in name)
    curve = pd.read_csv(folder / "loss.csv")["loss"]
    assert curve.iloc[-3:].mean() < curve.iloc[0]
    assert abs(scores(finetuning.load(model, folder))[0] - scores(model)[0]) > 1e-3


def test_bfloat16_trains_float32_weights(llama, tmp_path):
    for method in ("full", "lora"):
        folder = finetuning.train(llama, TEXTS, recipe(method, dtype="bfloat16"), tmp_path / method)
        assert {weight.dtype for weight in weights(folder).values()} == {torch.float32}
        curve = pd.read_csv(folder / "loss.csv")["loss"]
        assert curve.iloc[-3:].mean() < curve.iloc[0]


def test_an_unknown_value_of_a_recipe_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"^Recipe: dtype='bf17'; there are: auto, .*[^.]\.$"):
        recipe("lora", dtype="bf17")


def test_training_without_effect_is_an_error(base, tmp_path):
    for method in ("full", "lora"):
        with pytest.raises(ValueError, match=r"training was not applied.*learning rate \(1e-30\)"):
            finetuning.train(base, TEXTS, recipe(method, learning_rate=1e-30), tmp_path / method)
        assert not (tmp_path / method / "finished.json").exists()


def test_a_loss_that_is_not_finite_stops_the_run(llama, tmp_path):
    with pytest.raises(ValueError, match=r"The loss is (nan|inf) at step \d+: lower the learning"):
        finetuning.train(llama, TEXTS, recipe(learning_rate=1e30), tmp_path / "run")


def test_the_card_tells_where_a_model_comes_from(llama, tmp_path):
    folder = finetuning.train(llama, TEXTS, recipe(), tmp_path / "run")
    card = (folder / "README.md").read_text()
    for part in (
        llama.weights_fingerprint,
        packing.fingerprint(TEXTS, [0] * len(TEXTS)),
        "| learning_rate | 0.01 |",
    ):
        assert part in card
    assert "Gemma Terms of Use" in model_card._licence("pip:gemma-3-270m")
    assert "Apache" in model_card._licence("pip:smollm2-135m")


# Resuming


def train_with_checkpoints(say, location, folder, method, changes):
    settings = recipe(method, **changes, epochs=10, gradient_accumulation=2)
    finetuning.train(load(location), TEXTS, settings, folder, checkpoint_seconds=0)


def run_and_kill(model, folder, method, step, changes=None):
    """Train in another process and kill it (SIGKILL) once it is past a checkpoint."""
    given = (model.location, folder, method, changes or {})
    process, _ = apart.start(train_with_checkpoints, *given)
    deadline = time.monotonic() + 300
    while not any(
        int(sealed.parent.name.split("-")[1]) >= step
        for sealed in folder.glob("checkpoints/checkpoint-*/checkpoint.json")
    ):
        assert process.is_alive(), "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (folder / "finished.json").exists()


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_bits(base, tmp_path, capsys):
    method = {"llama": "full", "gemma3": "lora"}[base.label]
    settings = recipe(method, epochs=10, gradient_accumulation=2)
    whole = finetuning.train(base, TEXTS, settings, tmp_path / "whole")
    run_and_kill(base, tmp_path / "killed", method, 3)
    killed = finetuning.train(base, TEXTS, settings, tmp_path / "killed")
    assert "going on from step" in capsys.readouterr().out
    assert same(weights(whole), weights(killed))
    assert (whole / "loss.csv").read_bytes() == (killed / "loss.csv").read_bytes()
    assert (whole / "finished.json").read_text() == (killed / "finished.json").read_text()


@pytest.fixture(scope="module")
def killed(llama, tmp_path_factory):
    """A run that was not interrupted, and one that was killed with checkpoints on the disk."""
    folder = tmp_path_factory.mktemp("runs")
    settings = recipe(epochs=10, gradient_accumulation=2)
    finetuning.train(llama, TEXTS, settings, folder / "whole")
    run_and_kill(llama, folder / "killed", "full", 4)
    return folder


@pytest.mark.parametrize("file", ["trained.safetensors", "optimizer.pt", "trainer_state.json"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    llama, killed, tmp_path, file, capsys
):
    folder = shutil.copytree(killed / "killed", tmp_path / "killed")
    good = [path for path in folder.glob("checkpoints/*") if (path / "checkpoint.json").exists()]
    newest = max(good, key=lambda path: int(path.name.split("-")[1]))
    os.truncate(newest / file, (newest / file).stat().st_size // 2)
    with pytest.warns(UserWarning, match=f"{newest.name}/{file} is damaged"):
        finetuning.train(llama, TEXTS, recipe(epochs=10, gradient_accumulation=2), folder)
    step = int(newest.name.split("-")[1])
    assert f"going on from step {step - 1}" in capsys.readouterr().out
    assert same(weights(killed / "whole"), weights(folder))
    assert not (folder / "checkpoints").exists()


def test_a_checkpoint_without_seal_is_passed_over(tmp_path):
    (tmp_path / "checkpoint-2").mkdir()
    (tmp_path / "checkpoint-2" / "trained.safetensors").write_bytes(b"half")
    (tmp_path / "checkpoint-1").mkdir()
    seals.seal(tmp_path / "checkpoint-1")
    assert seals.last_checkpoint(tmp_path).name == "checkpoint-1"
    assert not (tmp_path / "checkpoint-2").exists()


def test_a_finished_run_is_reused(llama, results_folder, capsys, monkeypatch):
    settings = recipe(max_steps=2)
    folder = finetuning.train(llama, TEXTS, settings, name="mixed")
    assert folder.parent == results_folder / "runs"
    assert folder.name.startswith("llama-mixed-")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert finetuning.train(llama, Dataset.from_dict({"text": TEXTS}), settings, name="mixed")
    assert f"{folder.name}: finished before, reused" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    for changed in (recipe(max_steps=2, seed=1), recipe(max_steps=2, weight_decay=0.1)):
        assert finetuning.train(llama, TEXTS, changed, name="mixed") != folder
    assert finetuning.train(llama, TEXTS[1:], settings, name="mixed") != folder
    monkeypatch.setenv("XLKB_REPLAY", "1")
    shutil.rmtree(folder)
    assert finetuning.train(llama, TEXTS, settings, name="mixed") == folder
    assert not folder.exists()


def test_a_finished_run_that_was_damaged_is_run_again(llama, tmp_path, capsys):
    folder = finetuning.train(llama, TEXTS, recipe(), tmp_path / "run")
    before = weights(folder)
    os.truncate(folder / "adapter_model.safetensors", 1000)
    finetuning.train(llama, TEXTS, recipe(), tmp_path / "run")
    assert "adapter_model.safetensors is damaged" in capsys.readouterr().err
    assert same(before, weights(folder))


def test_a_folder_with_another_run_is_not_overwritten(llama, tmp_path):
    finetuning.train(llama, TEXTS, recipe(max_steps=1), tmp_path / "run")
    with pytest.raises(ValueError, match="holds another run"):
        finetuning.train(llama, TEXTS, recipe(max_steps=2), tmp_path / "run")


def test_a_result_is_not_put_on_another_base(llama, tmp_path):
    folder = finetuning.train(llama, TEXTS, recipe(max_steps=1), tmp_path / "run")
    other = load(save("qwen2", tmp_path / "qwen2"))
    with pytest.raises(ValueError, match="was made from llama"):
        finetuning.load(other, folder)
    (folder / "finished.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"no finished\.json"):
        finetuning.load(llama, folder)


@pytest.mark.parametrize(("method", "then"), [("full", "full"), ("lora", "full"), ("lora", "lora")])
def test_a_second_training_starts_where_the_first_ended(base, method, then, tmp_path):
    first = finetuning.train(base, TEXTS, recipe(method, epochs=5), tmp_path / "first")
    tuned = finetuning.load(base, first)
    still = recipe(then, learning_rate=1e-6 if then == "lora" else 1e-7, max_steps=1)
    second = finetuning.load(base, finetuning.train(tuned, TEXTS, still, tmp_path / "second"))
    assert (
        abs(scores(second)[0] - scores(tuned)[0]) < 1e-2 < abs(scores(tuned)[0] - scores(base)[0])
    )
    fresh = finetuning.train(base, TEXTS, still, tmp_path / "fresh")
    runs = [json.loads((f / "run.json").read_text()) for f in (tmp_path / "second", fresh)]
    assert runs[0]["key"] != runs[1]["key"]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_an_adapter_is_the_same_file_in_every_process(llama, method, tmp_path):
    folder = finetuning.train(llama, TEXTS, recipe(method, max_steps=1), tmp_path / "run")
    saved = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert len(saved["target_modules"]) > 5
    assert saved["target_modules"] == sorted(saved["target_modules"])


@pytest.mark.parametrize(("method", "rank"), [("lora", 8), ("full", 16)])
def test_an_adapter_beside_one_of_another_kind_is_refused(llama, method, rank, tmp_path):
    folder = finetuning.train(llama, TEXTS, recipe(method, max_steps=1), tmp_path / "run")
    other = recipe("lora", lora_rank=rank)
    with pytest.raises(ValueError, match="has an adapter already"):
        finetuning.train(finetuning.load(llama, folder), TEXTS, other, tmp_path / "again")


# Loss in chunks


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("architecture", tiny.CONFIGS)
def test_the_chunked_loss_and_its_gradients_are_the_plain_ones(architecture, frozen):
    plain, chunked = tiny.network(architecture), tiny.network(architecture)
    for network in (plain, chunked):
        if architecture == "gemma3":
            network.config.final_logit_softcapping = 3.0
        network.get_output_embeddings().requires_grad_(not frozen)
    assert chunked_loss.install(chunked, torch.float32, logits_per_chunk=7 * 400)
    torch.manual_seed(0)
    tokens = torch.randint(400, (3, 20))
    labels = tokens.where(torch.rand(3, 20) > 0.2, -100)
    n_items = (labels[:, 1:] != -100).sum()
    for options in ({}, {"num_items_in_batch": n_items * 2}):
        losses = [
            network(input_ids=tokens, labels=labels, **options).loss for network in (plain, chunked)
        ]
        torch.testing.assert_close(*losses, rtol=1e-5, atol=1e-5)
        for network, loss in zip((plain, chunked), losses, strict=True):
            network.zero_grad()
            loss.backward()
        gradients = [dict(network.named_parameters()) for network in (plain, chunked)]
        for name in gradients[0]:
            one, other = (found[name].grad for found in gradients)
            assert (one is None) == (other is None), name
            if one is not None:
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5, msg=name)


def test_no_logits_of_the_whole_batch_are_made():
    network, rows = tiny.network("llama"), []
    network.get_output_embeddings().register_forward_hook(
        lambda module, inputs, output: rows.append(len(output))
    )
    chunked_loss.install(network, torch.float32, logits_per_chunk=10 * 400)
    rows.clear()
    network(input_ids=torch.ones(4, 16).long(), labels=torch.ones(4, 16).long()).loss.backward()
    assert sum(rows) == 4 * 15
    assert max(rows) == 10


def test_an_unknown_way_to_logits_falls_back_to_the_plain_loss():
    config = transformers.GraniteConfig(**tiny.SMALL, logits_scaling=8.0)
    torch.manual_seed(0)
    network = transformers.GraniteForCausalLM(config)
    network.lm_head.weight.data.normal_()
    tokens = torch.arange(16)[None]
    before = network(input_ids=tokens, labels=tokens).loss
    with pytest.warns(UserWarning, match="GraniteForCausalLM is trained with all logits"):
        assert not chunked_loss.install(network, torch.float32)
    assert network(input_ids=tokens, labels=tokens).loss == before


# Packing


def test_every_token_of_every_text_is_packed_once_per_epoch():
    tokenizer = tiny.tokenizer()
    settings = recipe(epochs=3)
    packed, labels, n_tokens = packing.pack(tokenizer, TEXTS, settings)
    assert packed.shape[1] == 16
    assert (labels != packing.IGNORED).sum() == n_tokens
    stream = packed.reshape(-1)[:n_tokens].tolist()
    documents = [tuple([*tokenizer(text)["input_ids"], 1]) for text in TEXTS]
    ends = [i + 1 for i, token in enumerate(stream) if token == 1]
    found = [tuple(stream[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    per_epoch = [found[i : i + len(TEXTS)] for i in range(0, len(found), len(TEXTS))]
    assert [sorted(epoch) for epoch in per_epoch] == [sorted(documents)] * 3
    assert per_epoch[0] != per_epoch[1]


@given(st.integers(1, 6), st.integers(2, 40), st.integers(0, 3))
def test_packing_is_the_same_for_the_same_seed(epochs, length, max_steps):
    settings = recipe(epochs=epochs, sequence_length=length, max_steps=max_steps)
    one, _, n_tokens = packing.pack(tiny.tokenizer(), TEXTS, settings)
    other, _, _ = packing.pack(tiny.tokenizer(), TEXTS, settings)
    assert np.array_equal(one, other)
    assert (len(one) - 1) * length + 1 < n_tokens <= one.size
    if max_steps:
        assert trainer.n_steps(settings, len(one)) <= max_steps


def test_a_context_is_read_but_not_learned():
    tokenizer, text = tiny.tokenizer(), "Question: which country? Answer: euro"
    settings = recipe(epochs=1)
    context = text.index(" euro")
    tokens, labels, n_tokens = packing.pack(tokenizer, [text], settings, [context])
    learned = tokens[labels != packing.IGNORED].tolist()
    assert tokens.reshape(-1)[:n_tokens].tolist() == [*tokenizer(text)["input_ids"], 1]
    assert tokenizer.decode(learned) == " euro</s>"
    corpus = Dataset.from_dict({"text": [text], "context": [context]})
    assert packing.contexts_of(corpus) == [context]


def test_the_fingerprint_sees_where_a_text_ends_and_what_is_learned():
    fingerprint = packing.fingerprint
    assert fingerprint(["a", "bc"], [0, 0]) != fingerprint(["ab", "c"], [0, 0])
    assert fingerprint(["ab"], [0]) != fingerprint(["ab"], [1])


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "has no texts"),
        (["fine", " \n"], "Text 1"),
        (["fine", None], "Text 1"),
        ("one text", "single text"),
        (Dataset.from_dict({"content": ["a"]}), "no column 'text'"),
    ],
)
def test_a_corpus_without_text_is_refused(corpus, message):
    with pytest.raises(ValueError, match=message):
        packing.texts_of(corpus)


def test_a_corpus_is_read_from_each_kind_of_file(tmp_path):
    (tmp_path / "a.txt").write_text("One\ntwo\n\n\nThree\n")
    (tmp_path / "a.jsonl").write_text('{"text": "One\\ntwo"}\n\n{"text": "Three"}\n')
    dataset = Dataset.from_dict({"text": ["One\ntwo", "Three"]})
    dataset.save_to_disk(tmp_path / "folder")
    DatasetDict(train=dataset).save_to_disk(tmp_path / "splits")
    for name in ("a.txt", "a.jsonl", "folder", "splits"):
        assert packing.read(tmp_path / name) == ["One\ntwo", "Three"]
    (tmp_path / "bad.jsonl").write_text('{"text": "One"}\n{"texts": "two"}\n')
    with pytest.raises(ValueError, match=r"bad\.jsonl, line 2: .*texts"):
        packing.read(tmp_path / "bad.jsonl")


def test_training_texts_are_read_however_they_were_saved(tmp_path):
    parts = "\u200bCafe\u0301\u2028 one\r\ntwo\u00a0\r\n \u200b\r\n\r\nThree"
    rows = '{"text": " Café\\u2028 one\\ntwo"}\r\n\r\n{"text": "Three\\ufeff"}'
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "a.TXT").write_bytes(parts.encode(encoding))
        (tmp_path / "a.JSONL").write_bytes(rows.encode(encoding))
        for name in ("a.TXT", "a.JSONL"):
            assert packing.read(tmp_path / name) == ["Café\u2028 one\ntwo", "Three"]
    bad = ['{"text": ""}', '{"text": null}', "[1]", "nonsense"]
    (tmp_path / "b.jsonl").write_text("\n".join(bad))
    with pytest.raises(ValueError, match="line 1: 'text' is empty") as refused:
        packing.read(tmp_path / "b.jsonl")
    for number in range(1, 5):
        assert f"b.jsonl, line {number}: " in str(refused.value)
    (tmp_path / "c.txt").write_bytes(b"One\n\xe9")
    with pytest.raises(ValueError, match=r"c.txt, line 2: byte 1 is not UTF-8"):
        packing.read(tmp_path / "c.txt")
    with pytest.raises(FileNotFoundError, match=r"Did you mean .*b\.jsonl"):
        packing.read(tmp_path / "d.jsonl")


# Recipes


def test_the_preset_of_the_paper():
    paper = recipes.get("paper")
    assert (paper.method, paper.learning_rate, paper.weight_decay) == ("full", 2e-5, 0.01)
    assert (paper.batch_size, paper.gradient_accumulation, paper.epochs) == (2, 8, 1)
    assert not paper.freeze_embedding
    settings = trainer.arguments("x", paper, "float32", "cpu", n_sequences=160)
    assert settings.get_warmup_steps(10) == 10


def test_the_papers_rate_rises_to_the_end(llama, tmp_path):
    settings = recipes.get("paper", sequence_length=16, gradient_accumulation=1)
    folder = finetuning.train(llama, TEXTS, settings, tmp_path / "run")
    rates = pd.read_csv(folder / "loss.csv")["learning_rate"]
    np.testing.assert_allclose(rates, 2e-5 * np.arange(len(rates)) / len(rates))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("lorra", {}, "Did you mean 'lora'"),
        ("lora", {"learnig_rate": 1.0}, "Did you mean 'learning_rate'"),
        ("lora", {"method": "Lora"}, "Did you mean 'lora'"),
        ("lora", {"schedule": "cosin"}, "Did you mean 'cosine'"),
        ("lora", {"epochs": 0}, "epochs=0.*at least 1"),
        ("lora", {"epochs": 1.5}, "epochs=1.5.*whole number"),
        ("lora", {"learning_rate": float("nan")}, "learning_rate=nan"),
        ("lora", {"warmup_ratio": 2.0}, "warmup_ratio"),
        ("lora", {"schedule": "constant"}, "constant_with_warmup"),
        ("lora", {"sequence_length": 1}, "sequence_length=1.*at least 2"),
    ],
)
def test_a_wrong_recipe_is_answered_with_what_is_allowed(name, changes, message):
    with pytest.raises(ValueError, match=message):
        recipes.get(name, **changes)


def test_every_preset_is_valid():
    assert next(iter(recipes.names())) == "paper"
    for name in recipes.names():
        recipes.get(name)


def test_sequences_longer_than_the_context_are_refused(llama, tmp_path):
    with pytest.raises(ValueError, match="sequence_length=1024: the model takes 512"):
        finetuning.train(llama, TEXTS, recipe(sequence_length=1024), tmp_path / "run")


# The command


def test_the_command_trains_and_says_how_to_load(llama, tmp_path, capsys):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n\n".join(TEXTS))
    request = [llama.name, str(corpus), "--folder", str(tmp_path / "run"), "--device", "cpu"]
    request += ["--recipe", "full", "--sequence-length", "16", "--freeze-embedding", "false"]
    assert finetune.main([*request, "--learning-rate", "1e-3", "--max-steps", "2"]) == 0
    assert "training.load(" in capsys.readouterr().out
    assert (tmp_path / "run" / "config.json").exists()


def test_the_command_learns_what_the_api_learns(llama, tmp_path, monkeypatch):
    """A saved data set keeps its contexts: questions are read and not learned."""
    dataset = Dataset.from_dict({"text": TEXTS, "context": [9] * len(TEXTS), "id": TEXTS})
    dataset.save_to_disk(tmp_path / "quiz")
    taught = recipes.get("full", sequence_length=16, max_steps=1, learning_rate=1e-2)
    by_api = finetuning.train(llama, dataset, taught, tmp_path / "api")
    monkeypatch.chdir(tmp_path)
    request = [llama.name, "quiz/", "--folder", "command", "--device", "cpu", "--recipe", "full"]
    request += ["--sequence-length", "16", "--max-steps", "1", "--learning-rate", "0.01"]
    assert finetune.main([*request, "--dtype", "float32"]) == 0
    runs = [
        json.loads((folder / "run.json").read_text()) for folder in (by_api, tmp_path / "command")
    ]
    assert runs[0]["corpus_fingerprint"] == runs[1]["corpus_fingerprint"]
    assert same(weights(by_api), weights(tmp_path / "command"))


@pytest.mark.parametrize(
    ("column", "value"), [("context", -1), ("context", 99), ("context", None), ("context", "9")]
)
def test_a_context_that_is_none_is_refused(tmp_path, column, value):
    Dataset.from_dict({"text": ["a text"], column: [value]}).save_to_disk(tmp_path / "quiz")
    with pytest.raises(ValueError, match=r"Text 0 \(from 0\) of the corpus has context"):
        packing.corpus(tmp_path / "quiz")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.TXT", "\ufeffOne\r\ntwo\r\n \r\n\r\n\u200bThree\r\n"),
        ("a.jsonl", '\ufeff{"text": "One\\ntwo"}\r\n\r\n{"text": "Three "}'),
        ("a.json", '[{"text": "One\\ntwo"},\n {"text": "Three"}]'),
        ("a.csv", '\ufeffid,text\r\n1,"One\ntwo"\r\n2,Three\r\n'),
        ("a.tsv", 'id\ttext\n1\t"One\ntwo"\n2\tThree\n'),
    ],
)
def test_a_file_of_texts_is_read_however_it_was_saved(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    assert packing.corpus(tmp_path / name) == ["One\ntwo", "Three"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", '{"text": "Q: x A: y", "context": 4}'), ("a.csv", "text,context\nQ: x A: y,4\n")],
)
def test_a_file_keeps_its_contexts(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    found = packing.corpus(tmp_path / name)
    assert (found["text"][:], packing.contexts_of(found)) == (["Q: x A: y"], [4])
    (tmp_path / name).write_text(content.replace("4", "400"))
    with pytest.raises(ValueError, match="has context 400"):
        packing.corpus(tmp_path / name)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.docx").write_text("One")
    with pytest.raises(ValueError, match=r"or a file \.txt, \.jsonl, \.json, \.csv, \.tsv"):
        packing.corpus(tmp_path / "a.docx")
    (tmp_path / "a.csv").write_text("txt\nOne\n")
    with pytest.raises(ValueError, match="there is no column text"):
        packing.corpus(tmp_path / "a.csv")


def test_folders_of_other_kinds_are_refused(tmp_path):
    dataset = Dataset.from_dict({"text": ["One"]})
    DatasetDict(train=dataset, test=dataset).save_to_disk(tmp_path / "splits")
    with pytest.raises(ValueError, match=r"splits train, test: name one, as .*splits/train"):
        packing.corpus(tmp_path / "splits")
    assert packing.read(tmp_path / "splits" / "train") == ["One"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="not a data set saved by save_to_disk"):
        packing.corpus(tmp_path / "empty")
    Dataset.from_dict({"text": ["One", " "]}).save_to_disk(tmp_path / "blank")
    with pytest.raises(ValueError, match="Text 1"):
        packing.corpus(tmp_path / "blank")


def test_a_hyper_parameter_without_effect_is_refused():
    for method, name, value in (("full", "lora_rank", 8), ("lora", "freeze_embedding", False)):
        with pytest.raises(ValueError, match=f"{name} has no effect with the method '{method}'"):
            recipes.get(method, **{name: value})


def test_a_disk_that_is_too_full_is_named_before_training(llama, tmp_path, monkeypatch, capsys):
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    monkeypatch.setattr(finetuning, "train", lambda *_, **__: pytest.fail("it trained"))
    (tmp_path / "a.txt").write_text("One")
    request = [llama.name, str(tmp_path / "a.txt"), "--folder", str(tmp_path / "run")]
    assert finetune.main([*request, "--recipe", "full"]) == 2
    said = capsys.readouterr().err
    assert "too little room" in said
    assert str(tmp_path / "run") in said


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (["api:m@http://127.0.0.1:1/v1", "CORPUS"], "no weights here to train"),
        (["TINY", "CORPUS", "--epochs", "0"], "epochs=0"),
        (["TINY", "CORPUS", "--seed", "-1"], "seed=-1"),
        (["TINY", "CORPUS", "--recipe", "full", "--lora-rank", "4"], "no effect with the method"),
        (["TINY", "CORPUS", "--folder", "x", "--name", "y"], "leave out --folder"),
        (["TINY", "CORPUS", "--folder", ""], "it is empty"),
        (["TINY", "CORPUS", "--name", "a/b"], "leave out the slash"),
        (["TINY", "CORPUS", "--sequence-length", "1024"], "the model takes 512"),
        (["TINY", "CORPUS", "--folder", "CORPUS"], "is a file"),
        (["TINY", "CORPUS", "--recpie", "lora"], "Did you mean --recipe"),
        (["TINY", "CORPUS", "--device", "gpu"], "choose auto, cpu"),
        (["TINY", "", "--device", "cpu"], "it is empty"),
    ],
)
def test_a_wrong_request_is_refused_before_weights_are_loaded(
    request_, message, llama, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(finetuning, "train", lambda *_, **__: pytest.fail("it trained"))
    (tmp_path / "a.txt").write_text("One")
    named = {"TINY": llama.name, "CORPUS": str(tmp_path / "a.txt")}
    try:
        code = finetune.main([named.get(part, part) for part in request_])
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert (code, message in err, "Traceback" in err) == (2, True, False), err


def test_what_goes_wrong_in_training_is_a_failure(llama, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise ValueError("The loss is not finite")

    monkeypatch.setattr(finetuning, "train", fail)
    (tmp_path / "a.txt").write_text("One")
    assert finetune.main([llama.name, str(tmp_path / "a.txt")]) == 1
    assert "error: The loss is not finite" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (["pip:gema-3-270m", "a.txt"], "Did you mean 'pip:gemma-3-270m'"),
        (["pip:gemma-3-270m", "a.txt", "--recipe", "papr"], "Did you mean 'paper'"),
        (["pip:gemma-3-270m", "nowhere.txt"], "no corpus nowhere.txt"),
    ],
)
def test_a_mistake_in_the_command_is_explained(request_, message, capsys):
    assert finetune.main(request_) == 2
    assert message in capsys.readouterr().err

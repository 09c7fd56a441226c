"""What a training takes in memory is known before it, and runs of other recipes resume, too."""

import json
import subprocess
import sys
from dataclasses import fields, replace

import pandas as pd
import pytest
import tiny
import torch
import transformers
from test_finetuning import TEXTS, load, recipe, run_and_kill, same, save, scores, weights

from xlkb import corpora, models, profiles, tasks
from xlkb.ground import paths
from xlkb.training import finetuning, memory, recipes, sizes
from xlkb.training.folders import runs

PAPER = {
    "weights_dtype": "bfloat16",
    "activation_checkpointing": True,
    "freeze_embedding": False,
}


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    return load(save("llama", tmp_path_factory.mktemp("models") / "llama"))


# Recipes


def test_stored_runs_are_known_by_the_keys_that_they_had(monkeypatch):
    reference = paths.ROOT / "tests" / "reference"
    monkeypatch.setenv("XLKB_REPLAY", "1")
    monkeypatch.setenv("XLKB_RESULTS", str(reference))
    run = profiles.load("demo")
    taught = run.teaching
    asked = (taught.n_characters, taught.relations, run.languages)
    quiz = tasks.academy.questions("test", *asked)
    lessons = corpora.lessons(quiz, "en", run.teaching.form, seed=run.seed)
    teach = recipes.get(run.teaching.recipe, epochs=run.teaching.epochs, seed=run.seed)
    base = models.load(run.teaching.models[0])
    folder = finetuning.train(base, lessons, teach, name="academy-en")
    assert (reference / "runs" / folder.name).is_dir()


def test_a_new_value_is_another_run_and_a_default_is_none(llama):
    plain = recipes.get("full")
    assert not set(recipes.ADDED) & set(runs.described(llama, plain)["recipe"])
    keys = {runs.described(llama, plain)["key"]}
    for change in (
        {"weights_dtype": "bfloat16"},
        {"optim": "adamw_8bit"},
        {"activation_checkpointing": True},
    ):
        keys.add(runs.described(llama, replace(plain, **change))["key"])
    assert len(keys) == 4
    assert {*recipes.ADDED} < {field.name for field in fields(recipes.Recipe)}


def test_the_papers_own_fine_tuning():
    paper, eight = recipes.get("paper"), recipes.get("paper-8bit")
    assert (paper.weights_dtype, paper.optim) == ("bfloat16", "paged_adamw_32bit")
    assert paper.activation_checkpointing
    assert eight == replace(paper, optim="adamw_8bit")
    assert paper.computes_in("float32") == "bfloat16"
    run = profiles.load("paper")
    assert {run.teaching.recipe, run.text.recipe} == {"paper-8bit"}


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("lora", {"weights_dtype": "bfloat16"}, "trains adapters in float32; dtype is that of"),
        ("lora", {"weights_dtype": "float32"}, "no effect with the method 'lora'"),
        ("paper", {"dtype": "float32"}, "auto or bfloat16, with weights_dtype bfloat16"),
        ("paper", {"optim": "adamw_8bits"}, "Did you mean 'adamw_8bit'"),
        ("paper", {"activation_checkpointing": 1}, "true or false"),
    ],
)
def test_what_does_not_go_together_is_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        recipes.get(name, **changes)


def test_an_optimizer_without_its_package_is_refused(llama, monkeypatch, tmp_path):
    monkeypatch.setattr(finetuning.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="optim adamw_8bit needs bitsandbytes: pip"):
        finetuning.check(llama, recipe(optim="adamw_8bit"), tmp_path)


# Memory


def config(**changes):
    return transformers.LlamaConfig(**tiny.SMALL | changes)


def test_a_deep_network_is_counted_from_a_few_of_its_layers(monkeypatch):
    settings = recipe(freeze_embedding=False)
    few = memory.of_config(config(num_hidden_layers=9), settings, "float32", "cuda")
    monkeypatch.setattr(memory, "FEW", 9)
    memory._peak.cache_clear()
    every = memory.of_config(config(num_hidden_layers=9), settings, "float32", "cuda")
    assert few.total == pytest.approx(every.total, rel=1e-6)


def test_each_saving_saves_and_is_counted_where_it_is_made():
    wide = config(hidden_size=256, intermediate_size=512)
    full = recipes.get("full", freeze_embedding=False, batch_size=4)

    def of(**changes):
        return memory.of_config(wide, replace(full, **changes), "bfloat16", "cuda")

    plain, bf16 = of(), of(weights_dtype="bfloat16")
    assert bf16.weights == plain.weights / 2
    assert bf16.states == plain.states / 2
    assert of(activation_checkpointing=True).passes < plain.passes / 2
    paged, eight = (of(optim=name) for name in recipes.BITSANDBYTES)
    assert paged.states == plain.states
    assert 0 < paged.paged <= paged.states
    assert eight.states < plain.states / 2
    assert of(freeze_embedding=True).total < plain.total
    lora = replace(full, method="lora")
    qlora = replace(full, method="qlora")
    found = [memory.of_config(wide, each, "bfloat16", "cuda") for each in (lora, qlora)]
    assert found[1].weights < found[0].weights < plain.weights


def test_a_network_whose_course_depends_on_values_is_counted_at_least():
    experts = tiny.CONFIGS["mixtral"]()
    found = memory.of_config(experts, recipe(), "float32", "cpu")
    assert found.total > found.weights + found.states
    assert found.whole or "at least" in str(found)


def test_what_does_not_fit_is_refused_with_what_would(llama, monkeypatch, tmp_path):
    needed = memory.peak(llama, recipe())
    monkeypatch.setattr(sizes, "memory", lambda device: (needed.total - 1, "a small GPU"))
    with pytest.raises(
        ValueError, match=r"but a small GPU has .* would fit: .*LoRA: \d"
    ) as refused:
        finetuning.check(llama, recipe(), tmp_path)
    assert "weights" in str(refused.value)
    monkeypatch.setattr(sizes, "memory", lambda device: (1.0, "a small GPU"))
    with pytest.raises(ValueError, match="Choose a larger device, or a smaller model, or lower"):
        finetuning.train(llama, TEXTS, recipe(), tmp_path / "run")
    monkeypatch.setattr(sizes, "memory", lambda device: (needed.total, "a small GPU"))
    assert memory.require(llama, recipe()) == f"{needed.total / 1e9:.1f} GB"


@pytest.mark.parametrize("changes", [{}, {"sequence_length": 512, "batch_size": 8}])
def test_what_a_look_says_is_more_than_what_is_computed(llama, monkeypatch, changes):
    most = memory.at_most(llama, recipe(**changes))
    assert most > memory.peak(llama, recipe(**changes)).total
    monkeypatch.setattr(memory, "peak", lambda *_: pytest.fail("computed"))
    assert memory.require(llama, recipe(**changes)) == f"less than {most / 1e9:.0f} GB"


def test_states_that_are_paged_may_lie_in_the_hosts_memory(monkeypatch):
    found = memory.Peak(10.0, 60.0, 10.0, 0.0, 1.0, 60.0, True)
    monkeypatch.setattr(sizes, "memory", lambda device: (64.0, device))
    assert memory.fits(found, 50.0)
    assert not memory.fits(found, 20.0)
    assert not memory.fits(found._replace(paged=0.0), 50.0)
    monkeypatch.setattr(sizes, "memory", lambda device: (32.0, device))
    assert not memory.fits(found, 50.0)


@pytest.mark.rehearsal
@pytest.mark.slow
def test_the_estimate_is_what_is_measured(tmp_path):
    command = [sys.executable, "benchmarks/training_memory.py", "--json", str(tmp_path / "rows")]
    command += ["--modes", "float32,paper-8bit", "--sequence-length", "32", "--batch-size", "1"]
    subprocess.run(
        [*command, "--dtype", "float32"], cwd=paths.ROOT, check=True, capture_output=True
    )
    for row in json.loads((tmp_path / "rows").read_text()):
        assert row["ratio"] == pytest.approx(1, abs=0.1), row


# Runs


@pytest.mark.slow
@pytest.mark.parametrize("optim", recipes.BITSANDBYTES)
def test_weights_in_bfloat16_learn_and_are_stored_so(llama, tmp_path, optim):
    settings = recipe(**PAPER, optim=optim, epochs=15)
    folder = finetuning.train(llama, TEXTS[:1] * 4, settings, tmp_path / "run")
    curve = pd.read_csv(folder / "loss.csv")["loss"]
    assert curve.iloc[-3:].mean() < curve.iloc[0] - 1
    assert {weight.dtype for weight in weights(folder).values()} == {torch.bfloat16}
    assert abs(scores(finetuning.load(llama, folder))[0] - scores(llama)[0]) > 1e-2
    size = (folder / "model.safetensors").stat().st_size
    assert sizes.trained_bytes(llama, settings) == pytest.approx(size, rel=0.1)
    assert "bfloat16" in (folder / "README.md").read_text().partition("## Load it")[0]


def test_activations_computed_again_change_nothing(llama, tmp_path):
    one, other = (
        finetuning.train(llama, TEXTS, recipe(activation_checkpointing=kept), tmp_path / str(kept))
        for kept in (False, True)
    )
    assert same(weights(one), weights(other))


def test_checkpoints_take_what_is_said(llama, tmp_path):
    for name in ("adamw_torch_fused", *recipes.BITSANDBYTES):
        folder, settings = tmp_path / name, recipe(**PAPER, optim=name, max_steps=3)
        said = {}

        def note(model, network, place, *rest, said=said):
            said["size"] = sum(
                file.stat().st_size
                for file in next(place.glob("checkpoints/checkpoint-2")).glob("*")
                if file.suffix in (".safetensors", ".pt")
            )

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs, "finish", note)
            finetuning.train(llama, TEXTS, settings, folder, checkpoint_seconds=0)
        one = sizes.checkpoints_bytes(llama, settings) / sizes.CHECKPOINTS
        assert 0.5 < one / said["size"] < 1.1, name


@pytest.mark.slow
def test_a_killed_run_of_8_bits_goes_on_to_the_same_bits(llama, tmp_path, capsys):
    changes = PAPER | {"optim": "adamw_8bit"}
    whole = recipe(**changes, epochs=10, gradient_accumulation=2)
    first = finetuning.train(llama, TEXTS, whole, tmp_path / "whole")
    run_and_kill(llama, tmp_path / "killed", "full", 3, changes)
    again = finetuning.train(llama, TEXTS, whole, tmp_path / "killed")
    assert "going on from step" in capsys.readouterr().out
    assert same(weights(first), weights(again))
    assert (first / "loss.csv").read_bytes() == (again / "loss.csv").read_bytes()


def test_a_training_is_not_told_by_the_one_before_which_weights_are_embeddings(llama, tmp_path):
    import bitsandbytes

    settings = recipe(**PAPER, optim="adamw_8bit", max_steps=1)
    manager = bitsandbytes.optim.GlobalOptimManager.get_instance()
    for number in range(2):
        finetuning.train(llama, TEXTS, settings, tmp_path / str(number))
        assert len(manager.module_weight_config_triple) == 1

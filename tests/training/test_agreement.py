"""Languages learn to agree: the loss is the paper's, labels are never read, and runs resume."""

import json

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from xlkb import models, scoring, tasks
from xlkb.analysis.languages import consistency
from xlkb.training import agreement, finetuning, recipes
from xlkb.training.loop import trainer

LANGUAGES = ("en", "fr", "de")
numbers = st.lists(st.floats(-30, 0, width=32), min_size=8, max_size=8).map(
    lambda values: torch.tensor(values).view(2, 4)
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def questions():
    return tasks.load("worldfacts", LANGUAGES, "validation", n=6)


def recipe(**changes):
    return recipes.get("agree", **({"learning_rate": 3e-3, "epochs": 2} | changes))


def weights(folder):
    (path,) = folder.glob("*model.safetensors")
    return load_file(path)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# The loss


@given(numbers, st.sampled_from([0.5, 1.0, 2.0]), st.floats(-5, 5))
def test_the_loss_is_nothing_at_the_product_of_both_languages(frozen, beta, shift):
    weights = torch.tensor([[1 / beta], [beta]])
    product = frozen + weights * frozen.flip(0) + shift
    assert agreement.loss(product, frozen, beta) < 1e-3
    # One is the other, up to a power: both rank all choices alike.
    assert (beta * product[0] - product[1]).std() < 1e-3


@given(numbers, numbers)
def test_the_loss_is_that_of_the_released_code_over_all_pairs_of_choices(trained, frozen):
    found = []
    for i in range(4):
        for j in range(i):
            (p1, p2), (q1, q2) = (rows[:, i] - rows[:, j] for rows in (trained, frozen))
            found.append(abs(p1 - q1 - q2) + abs(p2 - q2 - q1))
    told = float(agreement.loss(trained, frozen))
    assert told == pytest.approx(float(np.mean(found)), abs=1e-3)


@given(numbers, numbers, st.permutations(range(4)))
def test_neither_the_order_of_languages_nor_that_of_choices_matters(trained, frozen, order):
    plain = float(agreement.loss(trained, frozen))
    assert float(agreement.loss(trained.flip(0), frozen.flip(0))) == pytest.approx(plain, abs=1e-3)
    moved = float(agreement.loss(trained[:, order], frozen[:, order]))
    assert moved == pytest.approx(plain, abs=1e-3)


def test_equal_choices_need_nothing():
    even = torch.full((3, 2, 4), -2.0)
    assert agreement.loss(even, even).tolist() == [0, 0, 0]


# What is read


def test_the_likelihoods_are_those_of_scoring(model, questions, tmp_path):
    asked = [[tasks.recompose.full(questions, code)[0] for code in ("en", "fr")]]
    (example,) = agreement._tensors(model, asked)
    with torch.no_grad():
        batch = {name: tensor[None] for name, tensor in example.items()}
        found = agreement._log_likelihoods(model.network, batch)[0]
    grid = tasks.recompose.grid(questions.select([0]), ["full"], ("en", "fr"))
    rows = scoring.score(model, grid, tmp_path)
    assert found.flatten().tolist() == pytest.approx(rows["log_likelihood"].tolist(), abs=1e-3)


@given(st.integers(2, 4), st.integers(0, 9), st.integers(1, 3))
def test_each_epoch_asks_every_question_in_two_languages(n, seed, epochs):
    questions = tasks.load("worldfacts", LANGUAGES, "validation", n=n)
    drawn = list(agreement.draws(questions, LANGUAGES, recipe(seed=seed, epochs=epochs)))
    assert sorted(place for place, _ in drawn) == sorted(list(range(n)) * epochs)
    assert all(len({*pair}) == 2 and {*pair} <= {*LANGUAGES} for _, pair in drawn)
    cut = list(agreement.draws(questions, LANGUAGES, recipe(seed=seed, epochs=epochs, max_steps=1)))
    assert cut == drawn[:4]


def test_labels_are_never_read(model, questions, tmp_path):
    moved = questions.map(lambda row: {"answer": (row["answer"] + 1) % 4})
    one = agreement.agree(model, questions, LANGUAGES, recipe(epochs=1), tmp_path / "one")
    other = agreement.agree(model, moved, LANGUAGES, recipe(epochs=1), tmp_path / "other")
    keys = [json.loads((each / "run.json").read_text())["key"] for each in (one, other)]
    assert keys[0] == keys[1]
    assert same(weights(one), weights(other))


def test_questions_for_results_are_refused(model, questions):
    for task in tasks.OWN:
        test = tasks.load(task, LANGUAGES, n=2)
        with pytest.raises(ValueError, match=f"2 questions are of the split 'test' of {task}"):
            agreement.agree(model, test, LANGUAGES, recipe())
    with pytest.raises(ValueError, match="two languages or more, not en alone"):
        agreement.agree(model, questions, ["en"], recipe())
    with pytest.raises(ValueError, match="no questions"):
        agreement.agree(model, questions.select([]), LANGUAGES, recipe())


# What comes out


def test_languages_agree_more_after_it(model, questions, tmp_path):
    settings = recipe(epochs=12, learning_rate=1e-2, gradient_accumulation=1)
    folder = agreement.agree(model, questions, LANGUAGES, settings, tmp_path / "run")
    grid = tasks.recompose.grid(questions, ["full"], LANGUAGES)

    def agreeing(m):
        return consistency.rankc(scoring.score(m, grid, tmp_path))["rankc"].mean()

    tuned = finetuning.load(model, folder)
    assert agreeing(tuned) > agreeing(model) + 0.05
    curve = pd.read_csv(folder / "loss.csv")
    assert list(curve) == ["step", "tokens", "loss", "learning_rate"]
    assert curve["loss"].tail(6).mean() < curve["loss"].head(6).mean() / 2
    assert len(curve) == 12 * 6
    card = (folder / "README.md").read_text()
    for words in ("| loss | DCO, beta 1 |", "| languages | en, fr, de |", "per pair of choices"):
        assert words in card
    assert "packed" not in card


def test_a_run_is_known_by_questions_languages_and_recipe(model, questions, capsys):
    one = agreement.agree(model, questions, LANGUAGES, recipe(epochs=1))
    assert agreement.agree(model, questions, LANGUAGES, recipe(epochs=1)) == one
    assert "finished before, reused" in capsys.readouterr().out
    assert one.parent.name == "runs"
    assert agreement.agree(model, questions, LANGUAGES[:2], recipe(epochs=1)) != one
    assert agreement.agree(model, questions.select(range(5)), LANGUAGES, recipe(epochs=1)) != one


def test_an_interrupted_run_goes_on_to_the_same_bits(model, questions, tmp_path, monkeypatch):
    settings = recipe(epochs=4)
    whole = agreement.agree(model, questions, LANGUAGES, settings, tmp_path / "whole")
    stopped = trainer._Watch.on_step_end

    def stop(self, args, state, control, **rest):
        stopped(self, args, state, control, **rest)
        if state.global_step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(trainer._Watch, "on_step_end", stop)
    with pytest.raises(KeyboardInterrupt):
        agreement.agree(
            model, questions, LANGUAGES, settings, tmp_path / "cut", checkpoint_seconds=0
        )
    monkeypatch.setattr(trainer._Watch, "on_step_end", stopped)
    assert list((tmp_path / "cut").glob("checkpoints/checkpoint-*"))
    cut = agreement.agree(model, questions, LANGUAGES, settings, tmp_path / "cut")
    assert same(weights(whole), weights(cut))
    assert (whole / "loss.csv").read_bytes() == (cut / "loss.csv").read_bytes()


def test_lora_learns_to_agree_too(model, questions, tmp_path):
    settings = recipe(method="lora", learning_rate=1e-2, epochs=8, gradient_accumulation=1)
    folder = agreement.agree(model, questions, LANGUAGES, settings, tmp_path / "run")
    curve = finetuning.curve(folder)
    assert curve["loss"].tail(6).mean() < curve["loss"].head(6).mean()

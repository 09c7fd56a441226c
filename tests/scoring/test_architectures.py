"""Every family of models that the paper and its reviewers name: scored, taught, adapted."""

import warnings

import numpy as np
import pytest
import tiny
import torch

from xlkb import models
from xlkb.scoring import generation, likelihoods
from xlkb.scoring.generation import Prompt
from xlkb.scoring.tries import Pair, encode
from xlkb.training import finetuning, recipes

PAIRS = [Pair("Question: euro?\nAnswer:", answer) for answer in (" yen", " euro", " a long dollar")]
TEXTS = [f"{text} {number}" for number in range(2) for text in tiny.TEXT[:3]]
PROMPTS = [Prompt("Question: ", own) for own in ("Which currency?", "Frage: Welche Währung?", "A")]


@pytest.fixture(params=[*tiny.CONFIGS, *tiny.HYBRID])
def model(request, tmp_path):
    folder = tmp_path / request.param
    tiny.network(request.param).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def scores(model):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not follow a token trie")
        found = np.empty(len(PAIRS))
        for indices, values, _ in likelihoods.log_likelihoods(
            model.network, model.tokenizer, PAIRS
        ):
            found[indices] = values
    return found


def by_hand(model):
    for sequence in encode(model.tokenizer, PAIRS):
        ids = torch.tensor([sequence.ids])
        with torch.inference_mode():
            logits = model.network(ids, use_cache=False).logits[0].log_softmax(-1)
        yield sum(float(logits[i - 1, ids[0, i]]) for i in range(sequence.start, ids.shape[1]))


def greedy(model, prompt, n):
    ids = model.tokenizer(prompt.shared + prompt.own)["input_ids"]
    start, ends = len(ids), set(generation._ends(model.tokenizer))
    while len(ids) < start + n and (len(ids) == start or ids[-1] not in ends):
        with torch.inference_mode():
            logits = model.network(torch.tensor([ids]), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
    text = model.tokenizer.decode(ids[start:], skip_special_tokens=True)
    return text.partition("\n")[0].strip()


def test_scores_are_those_of_one_text_at_a_time(model):
    np.testing.assert_allclose(scores(model), list(by_hand(model)), atol=2e-4)


def test_generated_lines_are_those_of_one_prompt_at_a_time(model, tmp_path):
    found = generation.generate(model, PROMPTS, tmp_path, max_new_tokens=6)
    assert found["text"].tolist() == [greedy(model, prompt, 6) for prompt in PROMPTS]


@pytest.mark.parametrize("method", ["full", "lora"])
def test_fine_tuning_changes_the_scores_and_is_found_again(model, tmp_path, method):
    recipe = recipes.get(method, learning_rate=1e-2, sequence_length=16, batch_size=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*all logits in memory")
        folder = finetuning.train(model, TEXTS, recipe, tmp_path / "run")
    tuned = finetuning.load(model, folder)
    assert finetuning.outcome(folder)["steps"] > 1
    before = scores(model)
    assert not np.allclose(before, scores(tuned), atol=1e-3)
    np.testing.assert_allclose(scores(tuned), list(by_hand(tuned)), atol=2e-4)

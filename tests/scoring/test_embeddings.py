"""Embeddings: pooled as stated, whatever the batch, and stored like scores."""

import numpy as np
import pytest
import tiny
import torch
from tokenizers import Tokenizer, pre_tokenizers, processors
from tokenizers import models as token_models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from xlkb import models
from xlkb.scoring import embeddings

TEXTS = ["Question: Which currency?", "euro", "Frage: Welche Währung wird verwendet?", "Вопрос"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-gemma3"
    tiny.network("gemma3").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A model to which word i of language a and word i of language b are the same vector."""
    folder = tmp_path_factory.mktemp("models") / "planted"
    n = 40
    words = {"<s>": 0} | {
        f"{code}{i}": 1 + i + n * (code == "b") for code in "ab" for i in range(n)
    }
    core = Tokenizer(token_models.WordLevel(words, unk_token="<s>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 0)]
    )
    PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>").save_pretrained(folder)
    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(**(tiny.SMALL | {"vocab_size": 2 * n + 1})))
    weight = network.model.embed_tokens.weight.data
    weight[n + 1 :] = weight[1 : n + 1]
    network.save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.mark.parametrize("depth", [0.0, 0.5, 1.0])
def test_poolings_are_those_of_the_plain_forward_pass(model, depth):
    for text in TEXTS:
        ids = torch.tensor([model.tokenizer(text)["input_ids"]])
        states = model.network.base_model(ids, output_hidden_states=True).hidden_states
        states = states[round(depth * (len(states) - 1))][0, 1:].detach().numpy()  # Without <s>.
        weights = np.arange(1, len(states) + 1)[:, None]
        expected = {
            "mean": states.mean(0),
            "weighted_mean": (states * weights).sum(0) / weights.sum(),
            "last_token": states[-1],
        }
        for pooling, vector in expected.items():
            found = embeddings.embed(model, TEXTS, pooling, [depth])[TEXTS.index(text), 0]
            np.testing.assert_allclose(found, vector, atol=1e-4)


def test_prompt_pooling_is_the_last_token_of_the_prompt(model):
    prompted = [embeddings.PROMPT.format(text=text) for text in TEXTS]
    np.testing.assert_array_equal(
        embeddings.embed(model, TEXTS, "prompt"), embeddings.embed(model, prompted, "last_token")
    )


def test_a_batch_changes_nothing(model):
    together = embeddings.embed(model, TEXTS, "mean", [0.25, 1.0])
    alone = np.concatenate([embeddings.embed(model, [t], "mean", [0.25, 1.0]) for t in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_translations_that_share_vectors_always_find_each_other(planted, tmp_path):
    rng = np.random.default_rng(0)
    drawn = [rng.permutation(40)[:5] for _ in range(30)]
    texts = {code: [" ".join(f"{code}{i}" for i in row) for row in drawn] for code in "ab"}
    for pooling in ("mean", "weighted_mean", "last_token"):
        found = embeddings.retrieval(planted, texts, tmp_path, [pooling], [0.5, 1.0])
        assert len(found) == 2 * 2 * 30
        assert found["correct"].all()


def test_random_vectors_find_one_in_n():
    rng = np.random.default_rng(0)
    n, trials = 20, 300
    hits = [
        (embeddings.ranks(rng.normal(size=(n, 8)), rng.normal(size=(n, 8))) == 1).sum()
        for _ in range(trials)
    ]
    expected = 1 / n
    error = (expected * (1 - expected) / (n * trials)) ** 0.5
    assert abs(sum(hits) / (n * trials) - expected) < 4 * error


def test_embeddings_that_are_all_alike_find_nothing():
    same = np.ones((5, 3))
    assert (embeddings.ranks(same, same) == 5).all()


def test_a_text_is_as_close_to_itself_as_can_be(model, tmp_path):
    pairs = [(TEXTS[0], TEXTS[0]), (TEXTS[0], TEXTS[1]), (TEXTS[1], TEXTS[0])]
    table = embeddings.similarities(model, pairs, tmp_path, ["mean", "last_token"], [0.5, 1.0])
    assert len(table) == 3 * 2 * 2
    same, one, other = (table[table["pair"] == i] for i in range(3))
    np.testing.assert_allclose(same["cosine"], 1, atol=1e-5)
    np.testing.assert_allclose(same["distance"], 0, atol=1e-3)
    np.testing.assert_allclose(one["cosine"], other["cosine"], atol=1e-5)
    assert (one["distance"] > 0).all()


def test_what_is_stored_is_not_computed_again(model, tmp_path, capsys):
    pairs = [(TEXTS[0], text) for text in TEXTS[1:]]
    texts = {"en": TEXTS[:2], "fr": TEXTS[2:]}
    first = embeddings.similarities(model, pairs[:2], tmp_path)
    embeddings.retrieval(model, texts, tmp_path)
    capsys.readouterr()
    again = embeddings.similarities(model, pairs, tmp_path)
    embeddings.retrieval(model, texts, tmp_path)
    printed = capsys.readouterr().out
    assert "computed 1 / reused 2 similarities" in printed
    assert "computed 0 / reused 4 ranks" in printed
    np.testing.assert_array_equal(again["cosine"][:2], first["cosine"])


def test_mistakes_are_named(model, tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'mean'"):
        embeddings.embed(model, TEXTS, "meen")
    with pytest.raises(ValueError, match="depth 2"):
        embeddings.embed(model, TEXTS, "mean", [2])
    with pytest.raises(ValueError, match=r"Text 1 \(''\) has no token"):
        embeddings.embed(model, ["a", ""])
    with pytest.raises(ValueError, match="different numbers"):
        embeddings.retrieval(model, {"en": TEXTS, "fr": TEXTS[:1]}, tmp_path)

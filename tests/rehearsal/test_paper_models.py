"""Every model that the profile `paper` and its readers name, from a stand-in of the hub."""

import numpy as np
import pytest
from hub.models import names
from questions import toy

from xlkb import models, scoring
from xlkb.models import tokens
from xlkb.tasks import prompts, recompose

TEXTS = [
    "Which stone?",
    " two  spaces\n",
    "Laquelle — « pierre » ?",
    "哪一块石头？",
    "तक़ <s> </s> 😀",
]


@pytest.mark.parametrize("name", names())
def test_a_model_of_the_list_loads_keeps_every_text_and_scores_in_every_style(hub, name, tmp_path):
    model = models.load(f"hub:{name}", dtype="float32", device="cpu")
    assert model.context >= 4096
    tokenizer = model.tokenizer
    begin, _ = tokens.added(tokenizer)
    for text, ids in zip(TEXTS, tokens.encode(tokenizer, TEXTS), strict=True):
        assert tokens.decode(tokenizer, ids[len(begin) :]).strip(" ") == text.strip(" ")
    assert len(tokenizer) <= model.network.get_input_embeddings().num_embeddings
    for style in prompts.STYLES:
        found = scoring.score(model, recompose.full(toy(2), "fr"), tmp_path, style)
        assert len(found) == 8
        assert np.isfinite(found["log_likelihood"]).all()


def test_the_kinds_of_tokenizers_are_those_of_the_real_models(hub):
    added = {
        "Qwen/Qwen2.5-7B": ([], []),
        "google/gemma-3-270m": (["<bos>"], []),
        "meta-llama/Meta-Llama-3-8B": (["<|begin_of_text|>"], []),
        "cross-ling-know/llama2-7b-wiki2-en": (["<s>"], ["</s>"]),
        "Unbabel/TowerBase-7B-v0.1": (["<s>"], []),
        "CohereForAI/aya-23-8B": (["<BOS_TOKEN>"], []),
    }
    for name, ends in added.items():
        tokenizer = models.load(f"hub:{name}").tokenizer
        found = tuple(tokenizer.convert_ids_to_tokens(ids) for ids in tokens.added(tokenizer))
        assert found == ends, name
    assert "tokenizer.json" not in hub.fetched("Unbabel/TowerBase-7B-v0.1")
    assert "tokenizer.model" in hub.fetched("Unbabel/TowerBase-7B-v0.1")

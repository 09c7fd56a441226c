"""Every model that the profile `paper` and its readers name, from a stand-in of the hub."""

import pytest
from hub.models import names

from xlkb import models, tasks
from xlkb.models import tokens

TEXTS = [
    "Which stone?",
    " two  spaces\n",
    "Laquelle — « pierre » ?",
    "哪一块石头？",
    "तक़ <s> </s> 😀",
]


@pytest.mark.parametrize("name", names())
def test_a_model_of_the_list_loads_and_its_tokenizer_keeps_every_text(hub, name):
    model = models.load(f"hub:{name}", dtype="float32", device="cpu")
    assert model.context >= 4096
    tokenizer = model.tokenizer
    begin, _ = tokens.added(tokenizer)
    for text, ids in zip(TEXTS, tokens.encode(tokenizer, TEXTS), strict=True):
        assert tokens.decode(tokenizer, ids[len(begin) :]).strip(" ") == text.strip(" ")
    assert len(tokenizer) <= model.network.get_input_embeddings().num_embeddings


def test_a_data_set_of_the_hub_is_read(hub):
    assert len(tasks.load("hp_quiz")) == 300
    assert hub.fetched("cross-ling-know/HarryPotter-Quiz")

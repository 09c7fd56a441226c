"""Tokens of a word are those that the tokenizer makes of the questions' texts."""

import pytest
import tiny

from xlkb import models, tasks
from xlkb.scoring import lengths


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def test_tokens_of_a_word_are_counted_without_what_begins_a_text(model, tmp_path):
    spoken = ("en", "hi", "zh")
    questions = tasks.load("worldfacts", spoken, n=4)
    table = lengths.per_word(model, questions, tmp_path, spoken).set_index("language")
    assert table.index.tolist() == list(spoken)
    for code in spoken:
        texts = [row["question"][code] for row in questions]
        ids = model.tokenizer(texts, add_special_tokens=False)["input_ids"]
        assert table.loc[code, "n_tokens"] == sum(map(len, ids))
    words = sum(len(row["question"]["hi"].split()) for row in questions)
    assert table.loc["hi", "n_words"] == words
    assert table.loc["hi", "tokens_per_word"] == table.loc["hi", "n_tokens"] / words
    assert table["tokens_per_word"].isna().tolist() == [False, False, True]
    assert table.loc["en", "tokens_ratio"] == 1

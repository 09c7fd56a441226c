"""Perplexity: the plain definition, document by document."""

import math

import pytest
import tiny
import torch

from xlkb import corpora, models
from xlkb.ground.languages import FIVE
from xlkb.scoring import running_text


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def documents():
    whole = corpora.load("almanac", FIVE, split="heldout", n=2)
    short = [{**row, "segments": row["segments"][:3]} for row in whole]
    return corpora.dataset(short, FIVE)


def test_perplexity_is_that_of_the_plain_forward_pass(model, documents, tmp_path):
    table = running_text.perplexities(model, documents, tmp_path, ["en", "it"]).set_index(
        "language"
    )
    for code in ("en", "it"):
        nats, n_tokens, n_bytes = 0.0, 0, 0
        for row in documents:
            text = corpora.text(row, code)
            ids = torch.tensor([model.tokenizer(text)["input_ids"]])
            nats += float(model.network(ids, labels=ids).loss.detach()) * (ids.shape[1] - 1)
            n_tokens += ids.shape[1] - 1
            n_bytes += len(text.encode())
        assert table.loc[code, "n_tokens"] == n_tokens
        assert table.loc[code, "perplexity"] == pytest.approx(math.exp(nats / n_tokens), rel=1e-4)
        assert table.loc[code, "bits_per_byte"] == pytest.approx(nats / math.log(2) / n_bytes)
        assert table.loc[code, "low"] <= table.loc[code, "perplexity"] <= table.loc[code, "high"]


def test_perplexity_is_stored_like_any_score(model, documents, tmp_path, capsys):
    running_text.perplexities(model, documents, tmp_path)
    capsys.readouterr()
    running_text.perplexities(model, documents, tmp_path)
    assert "computed 0 / reused 10" in capsys.readouterr().out


def test_a_document_longer_than_the_context_is_left_out_in_all_languages(
    model, documents, tmp_path
):
    rows = documents.to_list()
    rows[0]["segments"] = rows[0]["segments"] * 20
    with pytest.warns(UserWarning, match=r"1 of 2 documents are left out.*512 tokens.*: \S+\."):
        table = running_text.perplexities(
            model, corpora.dataset(rows, FIVE), tmp_path, ["en", "it"]
        )
    assert table["n"].tolist() == [1, 1]
    rest = running_text.perplexities(model, documents.select([1]), tmp_path, ["en", "it"])
    assert table.to_dict() == rest.to_dict()
    with pytest.warns(UserWarning, match="1 of 1 documents"):
        none = running_text.perplexities(model, corpora.dataset(rows[:1], FIVE), tmp_path, ["en"])
    assert len(none) == 0
    assert none.columns.tolist() == table.columns.tolist()


def test_of_no_language_there_is_no_row(model, documents, tmp_path):
    table = running_text.perplexities(model, documents, tmp_path, [])
    assert table.empty
    assert list(table) == running_text.READ

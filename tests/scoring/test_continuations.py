"""Continuations are judged by their language where there is enough of them."""

import pandas as pd
import pytest
import tiny

from xlkb import analysis, corpora, models
from xlkb.scoring import running_text

WRITTEN = {
    "en": "The children walked along the river until the evening came.",
    "fr": "Les enfants marchaient le long de la rivière jusqu'au soir.",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def documents():
    return corpora.load("almanac", ["en", "fr"], n=2)


def spoken(monkeypatch, answer):
    """Let every continuation be what `answer` says of its prompt."""

    def generate(model, prompts, store, max_new_tokens):
        return pd.DataFrame({"text": [answer(prompt.own) for prompt in prompts]})

    monkeypatch.setattr(running_text, "generate", generate)


def test_sentences_of_the_documents_are_continued_in_turn(model, documents, tmp_path, capsys):
    rows = running_text.continued(model, documents, tmp_path, n=3, max_new_tokens=4)
    assert list(rows) == running_text.CONTINUED
    assert rows["language"].tolist() == ["en"] * 3 + ["fr"] * 3
    ids = documents["id"]
    for _, part in rows.groupby("language"):
        assert part["id"].tolist() == [ids[0], ids[1], ids[0]]
        assert part["sentence"].tolist() == [0, 0, 1]
    assert rows["prompt"].iloc[0] == corpora.sentences(documents[0], "en")[0]
    capsys.readouterr()
    running_text.continued(model, documents, tmp_path, n=3, max_new_tokens=4)
    assert "computed 0 / reused 6 texts" in capsys.readouterr().out


def test_the_right_language_is_told_from_another(model, documents, tmp_path, monkeypatch):
    spoken(monkeypatch, lambda _: WRITTEN["fr"])
    rows = running_text.continued(model, documents, tmp_path, n=4)
    assert rows["right"].tolist() == [False] * 4 + [True] * 4
    assert set(rows["identified"]) == {"fr"}
    table = analysis.right_language(rows, ["language"]).set_index("language")
    assert table["share"].to_dict() == {"en": 0, "fr": 1}
    assert table["n"].tolist() == [4, 4]
    assert table.loc["fr", "low"] == pytest.approx(0.51, abs=0.01)


def test_what_is_too_short_is_not_judged(model, documents, tmp_path, monkeypatch):
    spoken(monkeypatch, lambda prompt: "Oui." if "e" in prompt else "")
    rows = running_text.continued(model, documents, tmp_path, n=2)
    assert not rows["judged"].any()
    (row,) = analysis.right_language(rows, ["model"]).to_dict("records")
    assert (row["n"], row["short"]) == (0, 4)
    assert pd.isna(row["share"])


def test_of_no_languages_or_texts_there_is_nothing(model, documents, tmp_path):
    for few in ({"languages": []}, {"n": 0}):
        rows = running_text.continued(model, documents, tmp_path, **few)
        assert rows.empty
        assert list(rows) == running_text.CONTINUED
        assert analysis.right_language(rows, ["model", "language"]).empty

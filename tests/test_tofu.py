"""TOFU: its measures by their definitions, and its files by their counts."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from xlkb import models, paths, recipes, tofu, tofu_questions

DATA = paths.local_data() or Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no local data sets in {DATA}: set XLKB_DATA")

PERTURBED = {
    "question": "Which currency?",
    "answer": "It is the euro.",
    "paraphrased_answer": "The euro it is.",
    "perturbed_answer": ["It is the yen.", "It is the peso, or a dollar."],
}
CHOICES = {"question": "Where is it?", "answer": "Paris"}
CHOICES |= {"option1": "Rome", "option2": "Paris", "option3": "Bonn", "option4": "Bern"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def test_rouge_counts_the_words_of_every_script():
    assert tofu.rouge_l_recall("She writes books", "she wrote a book") == pytest.approx(2 / 3)
    assert tofu.rouge_l_recall("Der Käse ist da.", "Der Käse!", "de") == pytest.approx(2 / 4)
    assert tofu.rouge_l_recall("वह लिखती है", "वह है", "hi") == pytest.approx(2 / 3)
    assert tofu.rouge_l_recall("她写书", "她书", "zh") == pytest.approx(2 / 3)


def questions(tmp_path, *items, split="mine"):
    lines = "".join(json.dumps(item) + "\n" for item in items)
    (tmp_path / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return tofu_questions.load(split, tmp_path)


def per_token(model, question, answer):
    """P(answer | question) to the power of 1 / tokens, by the plain forward pass."""
    context = f"Question: {question}\nAnswer:"
    start = len(model.tokenizer(context)["input_ids"])
    ids = torch.tensor([model.tokenizer(f"{context} {answer}")["input_ids"]])
    with torch.no_grad():
        log = model.network(ids).logits[0].log_softmax(-1)
    found = [float(log[i - 1, ids[0, i]]) for i in range(start, ids.shape[1])]
    return math.exp(sum(found) / len(found))


def test_measures_are_those_of_the_definition(model, tmp_path):
    rows = questions(tmp_path, PERTURBED, CHOICES)
    found = tofu.evaluate(model, rows, tmp_path, max_new_tokens=5)
    q = PERTURBED["question"]
    right = per_token(model, q, PERTURBED["paraphrased_answer"])
    ratio = np.mean([per_token(model, q, text) for text in PERTURBED["perturbed_answer"]]) / right
    assert found["probability"][0] == pytest.approx(per_token(model, q, PERTURBED["answer"]), 1e-4)
    assert found["truth_ratio"][0] == pytest.approx(ratio, 1e-4)
    assert found["truth"][0] == pytest.approx(max(0, 1 - ratio), abs=1e-4)
    each = {
        text: per_token(model, CHOICES["question"], text)
        for text in ["Rome", "Paris", "Bonn", "Bern"]
    }
    assert found["probability"][1] == pytest.approx(each["Paris"] / sum(each.values()), 1e-4)


def test_a_question_without_wrong_answers_has_no_truth_ratio(model, tmp_path):
    rows = questions(tmp_path, {"question": "Who?", "answer": "Jaime Vasquez."})
    found = tofu.evaluate(model, rows, tmp_path, max_new_tokens=3)
    assert np.isnan(found["truth_ratio"][0])
    table = tofu.summary(found)
    assert table["measure"].tolist() == ["probability", "rouge_l"]


def test_rouge_is_recall():
    assert (
        tofu.rouge_l_recall("Born in Santiago, Chile", "She was born in Santiago, Chile, I say")
        == 1
    )
    assert tofu.rouge_l_recall("Born in Santiago, Chile", "born") == pytest.approx(0.25)


def test_only_the_answer_is_learned(tmp_path):
    rows = questions(tmp_path, PERTURBED)
    (document,) = tofu.documents(rows)
    assert document["text"][document["context"] :] == f" {PERTURBED['answer']}"


def test_a_translation_has_every_text_in_the_other_language(model, tmp_path):
    def shout(texts, source, target):
        return [f"{target}: {text}" for text in texts]

    rows = questions(tmp_path, PERTURBED, CHOICES)
    french = tofu_questions.translated(rows, shout, "fr")
    assert french[0]["wrong"] == [f"fr: {text}" for text in PERTURBED["perturbed_answer"]]
    assert french[0]["paraphrased_answer"] == "fr: The euro it is."
    assert french[1]["paraphrased_answer"] == ""
    (document, _) = tofu.documents(french)
    assert document["text"] == "Question : fr: Which currency?\nRéponse : fr: It is the euro."
    assert set(tofu.evaluate(model, french, tmp_path, max_new_tokens=3)["language"]) == {"fr"}


def test_an_experiment_compares_before_and_after(model, tmp_path, monkeypatch):
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "results"))
    taught, others = (questions(tmp_path, each) for each in (PERTURBED, CHOICES))
    splits = {"full": taught, "forget10_perturbed": taught}
    monkeypatch.setattr(tofu, "load", lambda split: splits.get(split, others))
    recipe = recipes.get("teach", epochs=3, learning_rate=1e-2)
    table = tofu.experiment(model, recipe, authors=1)
    assert set(table["questions"]) == {"taught authors", "real authors", "world facts"}
    before, after = (
        table.query("questions == 'taught authors' and measure == 'probability' and model == @name")
        for name in (model.label, f"{model.label}, after TOFU")
    )
    assert after["mean"].item() > before["mean"].item()


def test_the_command_says_what_is_wrong(capsys):
    assert tofu.main(["--authors", "0"]) == 2
    assert "TOFU has 200" in capsys.readouterr().err
    assert tofu.main(["--languages", "en,fr"]) == 2
    assert "need a --translator" in capsys.readouterr().err


def test_files_are_counted_and_lines_checked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"full\.jsonl"):
        tofu_questions.load("full", tmp_path)
    with pytest.raises(ValueError, match="has 1 questions; TOFU has 4000"):
        questions(tmp_path, PERTURBED, split="full")
    with pytest.raises(ValueError, match="row 1: no question"):
        questions(tmp_path, {"question": " ", "answer": "x"})
    with pytest.raises(ValueError, match="row 1: the answer is not among the choices"):
        questions(tmp_path, CHOICES | {"answer": "Oslo"})


@real
@pytest.mark.parametrize("split", ["full", "real_authors", "world_facts", "forget10_perturbed"])
def test_the_published_splits_load(split):
    assert len(tofu_questions.load(split, DATA / "tofu")) == tofu_questions.SPLITS[split]

"""TOFU: its measures by their definitions, and its files by their counts."""

import json
import math

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from xlkb import models
from xlkb.analysis import tofu
from xlkb.commands import tofu as command
from xlkb.ground import paths
from xlkb.tasks.public import tofu as public
from xlkb.training import recipes

DATA = paths.local_data() or paths.ROOT.parent / "shared" / "data"
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
    return public.load(split, tmp_path)


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
    rows = questions(tmp_path, PERTURBED, CHOICES)
    french = tofu.translated(rows, shout, "fr")
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
    monkeypatch.setattr(tofu.tasks.tofu, "load", lambda split: splits.get(split, others))
    recipe = recipes.get("teach", epochs=3, learning_rate=1e-2)
    table = tofu.experiment(model, recipe, authors=1)
    assert set(table["questions"]) == {"taught authors", "real authors", "world facts"}
    before, after = (
        table.query("questions == 'taught authors' and measure == 'probability' and model == @name")
        for name in (model.label, f"{model.label}, after TOFU")
    )
    assert after["mean"].item() > before["mean"].item()


def test_the_command_says_what_is_wrong(capsys):
    assert command.main(["--authors", "0"]) == 2
    assert "TOFU has 200" in capsys.readouterr().err
    assert command.main(["--languages", "en,fr"]) == 2
    assert "need a --translator" in capsys.readouterr().err


def test_files_are_read_however_they_were_saved_and_ten_lines_named_at_once(tmp_path):
    rows = [PERTURBED | {"question": "\u200bWhich\u00a0?  "}, CHOICES | {"answer": " Paris"}]
    text = "\r\n\r\n".join(map(json.dumps, rows))
    (tmp_path / "Mine.JSONL").write_text(text, encoding="utf-8-sig", newline="")
    first, second = public.load("mine", tmp_path)
    assert first["question"] == "Which\u00a0?"
    assert (second["answer"], second["wrong"]) == ("Paris", ["Rome", "Bonn", "Bern"])
    bad = [{}, [1], {"question": 7, "answer": None}, PERTURBED | {"perturbed_answer": ["a", 3]}]
    (tmp_path / "mine.jsonl").write_text("\n".join([*map(json.dumps, bad), "nonsense"]))
    (tmp_path / "Mine.JSONL").unlink()
    with pytest.raises(ValueError, match=r"line 5: not JSON at column 1"):
        public.load("mine", tmp_path)
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, bad)))
    with pytest.raises(ValueError, match=r"line 1: 'question' is missing") as refused:
        public.load("mine", tmp_path)
    for said in ("line 2: not a JSON object", "line 3: 'answer' is null", "line 4: a wrong or"):
        assert said in str(refused.value)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of questions, a handful for each set, in $XLKB_DATA."""
    monkeypatch.setattr(public, "SPLITS", {})
    folder = tmp_path / "data" / "tofu"
    folder.mkdir(parents=True)
    for split, items in {
        "full": [PERTURBED, PERTURBED | {"question": "Who?"}],
        "forget10_perturbed": [PERTURBED],
        "real_authors": [CHOICES],
        "world_facts": [CHOICES],
    }.items():
        questions(folder, *items, split=split)
    monkeypatch.setenv("XLKB_DATA", str(folder.parent))
    return folder


def shout(texts, source, target):
    return [f"{target}: {text}" for text in texts]


def test_the_command_asks_in_every_language(model, data, tmp_path, monkeypatch, capsys):
    """The whole command, its questions translated before anything is trained."""
    done = []

    def translator(texts, source, target):
        done.append("translated")
        return shout(texts, source, target)

    train = tofu.finetuning.train
    monkeypatch.setattr(tofu.translators, "by_name", lambda *_: translator)
    monkeypatch.setattr(
        tofu.finetuning, "train", lambda *a, **k: done.append("trained") or train(*a, **k)
    )
    monkeypatch.chdir(tmp_path)
    request = ["--model", model.name, "--authors", "1", "--languages", "en,fr", "--epochs", "1"]
    assert command.main([*request, "--translator", "nllb:X", "--out", "table.csv"]) == 0
    assert done[-1] == "trained"
    assert done.count("trained") == 1
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table["language"]) == {"en", "fr"}
    assert set(table["questions"]) == {"taught authors", "real authors", "world facts"}
    assert table["model"].nunique() == 2
    assert "taught authors" in capsys.readouterr().out


def test_a_quick_request_asks_a_few_questions_about_one_author(model, data, tmp_path, capsys):
    questions(data, *[CHOICES | {"question": f"{n}?"} for n in range(9)], split="world_facts")
    assert command.main(["--model", model.name, "--quick", "--out", str(tmp_path / "t.csv")]) == 0
    asked = pd.read_csv(tmp_path / "t.csv").groupby("questions")["n"].max()
    assert asked.to_dict() == {"taught authors": 1, "real authors": 1, "world facts": command.QUICK}


def test_a_translation_that_fails_costs_no_training(model, data, monkeypatch, capsys):
    def broken(texts, source, target):
        raise ConnectionError("the endpoint is gone")

    monkeypatch.setattr(tofu.translators, "by_name", lambda *_: broken)
    monkeypatch.setattr(tofu.finetuning, "train", lambda *_, **__: pytest.fail("it trained"))
    request = ["--model", model.name, "--languages", "fr", "--translator", "nllb:X"]
    assert command.main(request) == 1
    assert "the endpoint is gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--authors", "201"], "choose from 1 to 200"),
        (["--authors", "-1"], "choose from 1 to 200"),
        (["--epochs", "0"], "epochs=0"),
        (["--recipe", "tech"], "Did you mean 'teach'"),
        (["--languages", "fr"], "need a --translator"),
        (["--languages", "en,"], "a value is empty"),
        (["--languages", "en,en"], "en is given twice"),
        (["--languages", "en,german", "--translator", "nllb:X"], "Did you mean 'de'"),
        (["--translator", "nllb:./X"], "nothing to do"),
        (["--languages", "en,fr", "--translator", "nlb:X"], "translators are named"),
        (["--languages", "en,fr", "--translator", "nllb:./nowhere"], "nowhere"),
        (["--out", "no/folder/table.csv"], "there is no folder"),
        (["--out", "."], "is a folder"),
        (["--out", ""], "it is empty"),
        (["--model", "pip:gema-3-270m"], "Did you mean 'pip:gemma-3-270m'"),
        (["--model", "path:nowhere"], "There is no folder"),
        (["--langages", "fr"], "Did you mean --languages"),
        (["--quick", "--authors", "201"], "choose from 1 to 200"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_trained(
    arguments, said, data, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tofu, "experiment", lambda *_: pytest.fail("it began"))
    monkeypatch.chdir(tmp_path)
    try:
        code = command.main(arguments)
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert (code, said in err, "Traceback" in err) == (2, True, False), err


def test_questions_that_are_missing_are_named_before_anything_is_trained(
    model, data, monkeypatch, capsys
):
    monkeypatch.setattr(tofu, "experiment", lambda *_: pytest.fail("it began"))
    (data / "world_facts.jsonl").unlink()
    assert command.main(["--model", model.name]) == 2
    assert "world_facts.jsonl" in capsys.readouterr().err


def test_files_are_counted_and_lines_checked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"full\.jsonl"):
        public.load("full", tmp_path)
    with pytest.raises(ValueError, match="has 1 questions; TOFU has 4000"):
        questions(tmp_path, PERTURBED, split="full")
    with pytest.raises(ValueError, match="line 1: 'question' is empty"):
        questions(tmp_path, {"question": " ", "answer": "x"})
    with pytest.raises(ValueError, match="line 1: the answer is not among the choices"):
        questions(tmp_path, CHOICES | {"answer": "Oslo"})


@real
@pytest.mark.parametrize("split", ["full", "real_authors", "world_facts", "forget10_perturbed"])
def test_the_published_splits_load(split):
    assert len(public.load(split, DATA / "tofu")) == public.SPLITS[split]

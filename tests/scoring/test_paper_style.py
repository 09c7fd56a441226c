"""The style `paper`, held against the released code's way, written down anew in a few plain lines.

The way (commit 62d79fe): `MMLU/dataset/mmlu.py` for the prompts, `MMLU/translate.py` for the
recompositions, `MMLU/models/hf.py` for the letters, `HP/evaluate.py` for the quiz. Nothing of the
package makes what is expected here, but for what is drawn at random.
"""

import csv
import json
import random
from functools import cache

import numpy as np
import pytest
import sentencepiece
import tiny
import torch
from transformers import AutoTokenizer

from xlkb import models, tasks
from xlkb.analysis import stats
from xlkb.ground.languages import LANGUAGES
from xlkb.scoring.evaluation import score
from xlkb.tasks import Asking, prompts, recompose, shots
from xlkb.tasks.public import hp_quiz, mmlu

FIVE = ("en", "fr", "de", "es", "it")
SUBJECTS = ("virology", "machine_learning", "us_foreign_policy", "high_school_european_history")
SPLITS = {"test": 25, "dev": 5}
SLOTS = {
    "full": lambda key: {0, 1, 2, 3, 4},
    "question": lambda key: {0},
    "options": lambda key: {1, 2, 3, 4},
    "gt": lambda key: {1 + key},
    "gt_question": lambda key: {0, 1 + key},
    "threewrong": lambda key: {1, 2, 3, 4} - {1 + key},
}
"""Which of a row's texts, the question first, are in the other language."""
WORDS = (" euro", " Währung", ",", "通貨", '"')
LEARNED = [
    "The following are multiple choice questions (with answers) about high school history.",
    *["\nA. en euro\nB. fr Währung\nC. de,\nD. es通貨\nAnswer: A\n\n it"] * 9,
]
"""What the tokenizers are made for, so that prompts are short."""
PREAMBLE = "The texts below come in five languages."


def row(draw, code):
    """A question, four choices and a letter, with outer spaces and line breaks in them."""
    texts = [f"{code}{draw.choice(WORDS)}{draw.randrange(10)}" for _ in range(5)]
    return [draw.choice(["{}", "{}", " {}", "{} ", "1.50\n{}"]).format(text) for text in texts]


def write(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(rows)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A folder in the layout of the released code, and (split, subject, language) -> rows."""
    folder, draw, made = tmp_path_factory.mktemp("mmlu"), random.Random(7), {}
    for split, n in SPLITS.items():
        for subject in SUBJECTS:
            keys = [draw.choice("ABCD") for _ in range(n)]
            for code in FIVE:
                rows = [[*row(draw, code), key] for key in keys]
                made[split, subject, code] = rows
                name = split if code == "en" else f"{split}_full_{code}"
                write(folder / name / f"{subject}_{split}.csv", rows)
    return folder, made


def cells(tables, item):
    """The row that the released code has in its recomposed file, and what was drawn for it."""
    subject, split, number = item["id"].split("/")
    rows = {code: tables[split, subject, code][int(number)] for code in FIVE}
    drawn = [item["question_language"], *item["option_languages"]]
    key = "ABCD".index(rows["en"][5])
    name, other = item["recomposition"], item["language"]
    if name == "mixup":
        assert sorted(drawn) == sorted(FIVE)
        return [*(rows[code][slot] for slot, code in enumerate(drawn)), rows["en"][5]]
    if name == "onewrong":
        (slot,) = (slot for slot, code in enumerate(drawn) if code != "en")
        assert slot not in (0, 1 + key)
        changed = {slot}
    else:
        changed = SLOTS[name](key)
    return [*(rows[other if slot in changed else "en"][slot] for slot in range(5)), rows["en"][5]]


def example(row, solved):
    text = row[0] + "".join(f"\n{letter}. {row[1 + i]}" for i, letter in enumerate("ABCD"))
    return text + "\nAnswer:" + (f" {row[5]}\n\n" if solved else "")


def released(subject, row, shown=(), preamble=""):
    """The prompt of a row after the rows of demonstrations."""
    about = "".join(f" {word}" for word in subject.split("_"))
    text = f"The following are multiple choice questions (with answers) about {about}."
    text += f" {preamble}\n\n" if preamble else "\n\n"
    return text + "".join(example(each, True) for each in shown) + example(row, False)


def expected(tables, item, asking, shown):
    """The released prompt of a question of `recompose`; `shown` says what was drawn for those of
    the file's rows that are recomposed."""
    rows = []
    for number in range(asking.n_shots):  # In the order of the file.
        name = f"{item['subject']}/dev/{number}"
        same = asking.demonstrations == "same"
        demo = shown[number] if same else {**item, "recomposition": "full", "language": "en"}
        rows.append(cells(tables, {**demo, "id": name}))
    return released(item["subject"], cells(tables, item), rows, asking.preamble)


def byte_level(folder):
    tiny.tokenizer(learned=LEARNED).save_pretrained(folder)


def sentence_piece(folder):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LEARNED),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=400,
        model_type="bpe",
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    settings = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": False}
    settings |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def loaded(folder, add_tokenizer, context):
    """A tiny model, and what tells the letter with the largest last logit after a prompt, each
    letter being the last token of the letter alone, by a tokenizer that is none of the package."""
    settings = {"num_hidden_layers": 1, "max_position_embeddings": context}
    tiny.network("llama", **settings).save_pretrained(folder)
    add_tokenizer(folder)
    model = models.load(f"path:{folder}", dtype="float32", device="cpu")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    letters = [tokenizer(each).input_ids[-1] for each in "ABCD"]

    @cache
    @torch.inference_mode()
    def read(prompt):
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        return int(model.network(input_ids=ids).logits[0, -1][letters].argmax())

    return model, read


@pytest.fixture(scope="module", params=[byte_level, sentence_piece], ids=lambda each: each.__name__)
def reader(request, tmp_path_factory):
    return loaded(tmp_path_factory.mktemp("models") / "tiny", request.param, 4096)


@pytest.mark.parametrize("preamble", ["", PREAMBLE], ids=["plain", "preamble"])
@pytest.mark.parametrize(("n_shots", "way"), [(0, "en"), (5, "en"), (5, "same")])
def test_every_prompt_is_the_released_one_to_the_byte(tables, n_shots, way, preamble):
    place, made = tables
    name = f"mmlu:{place}"
    items = recompose.grid(tasks.load(name, FIVE), recompose.PAPER, FIVE).to_list()
    assert len(items) == 100 * (5 + 6 * 4 + 1)
    asking = Asking("paper", n_shots=n_shots, demonstrations=way, preamble=preamble)
    demos = shots.shown(items, asking, tasks.demonstrations(name, FIVE))
    for item, shown in zip(items, demos, strict=True):
        prompt = prompts.build(item, asking, shown)
        assert prompt.context == expected(made, item, asking, shown)
        assert "ABCD"[item["answer"]] == cells(made, item)[5]


@pytest.mark.parametrize("n_shots", [0, 5])
def test_every_letter_is_the_released_one_whatever_is_recomposed(tables, reader, tmp_path, n_shots):
    model, read = reader
    place, made = tables
    name = f"mmlu:{place}"
    questions, dev = tasks.load(name, FIVE), tasks.demonstrations(name, FIVE)
    names = [each for each in recompose.PAPER if each not in ("full", "mixup")]
    parts = [recompose.full(questions, "fr"), recompose.mixup(questions)]
    parts += [recompose.grid(questions, [n], FIVE[i % 4 + 1 :][:1]) for i, n in enumerate(names)]
    asked = recompose.concatenate(parts)
    asking = Asking("paper", n_shots=n_shots, demonstrations="same")
    decided = stats.decide(score(model, asked, tmp_path, asking, dev))
    demos = shots.shown(asked.to_list(), asking, dev)
    wanted = [
        read(expected(made, item, asking, shown)) for item, shown in zip(asked, demos, strict=True)
    ]
    assert len(wanted) == 100 * len(recompose.PAPER)
    assert len({*wanted}) > 1
    assert decided["predicted"].tolist() == wanted
    assert decided["correct"].tolist() == (np.array(wanted) == asked["answer"][:]).tolist()


@pytest.mark.parametrize("n_shots", [0, 5])
def test_every_letter_of_the_released_mixup(tables, reader, tmp_path, monkeypatch, n_shots):
    """Its files have no header, and do not say which text is in which language."""
    model, read = reader
    place, made = tables
    monkeypatch.setattr(mmlu, "TEST_QUESTIONS", 100)
    rows, draw = {}, random.Random(5)
    for subject in SUBJECTS:
        five = [draw.sample(FIVE, 5) for _ in range(SPLITS["test"])]
        rows[subject] = [
            [made["test", subject, code][n][slot] for slot, code in enumerate([*order, "en"])]
            for n, order in enumerate(five)
        ]
        write(tmp_path / "data" / "test" / f"{subject}_test.csv", rows[subject])
    asked = mmlu.released_mixup(tmp_path)
    dev = tasks.demonstrations(f"mmlu:{place}", ["en"])
    rows_of = score(model, asked, tmp_path / "store", Asking("paper", n_shots=n_shots), dev)
    wanted = [
        read(released(subject, row, made["dev", subject, "en"][:n_shots]))
        for subject in sorted(SUBJECTS)
        for row in rows[subject]
    ]
    assert stats.decide(rows_of)["predicted"].tolist() == wanted


def tokens(model, text):
    return len(model.tokenizer(text).input_ids)


@pytest.mark.filterwarnings("ignore:.*have fewer demonstrations")
def test_demonstrations_that_do_not_fit_are_left_out_whole_from_the_last(tables, tmp_path):
    """The released code has the model read on past its context instead."""
    context = 160
    model, read = loaded(tmp_path / "model", byte_level, context)
    place, made = tables
    asked = recompose.full(tasks.load(f"mmlu:{place}", ["en"], n=20), "en")
    dev = tasks.demonstrations(f"mmlu:{place}", ["en"])
    rows = score(model, asked, tmp_path, Asking("paper", n_shots=5), dev)
    decided = zip(rows["n_shots"][::4], stats.decide(rows)["predicted"], asked, strict=True)
    for n, taken, item in decided:
        shown = made["dev", item["subject"], "en"]
        tries = [released(item["subject"], cells(made, item), shown[:k]) for k in range(6)]
        assert n == max(k for k, text in enumerate(tries) if tokens(model, text) <= context) < 5
        assert taken == read(tries[n])


@pytest.mark.parametrize("code", FIVE)
def test_the_quiz_ends_with_a_space_and_has_its_own_instruction(
    reader, tmp_path, monkeypatch, code
):
    model, read = reader
    monkeypatch.setattr(hp_quiz, "QUESTIONS", 20)
    draw = random.Random(3)
    keys = [draw.choice("ABCD") for _ in range(20)]
    rows = {each: [[*row(draw, each), key] for key in keys] for each in FIVE}
    for each in FIVE:
        write(tmp_path / f"{LANGUAGES[each].name}.csv", [hp_quiz.COLUMNS, *rows[each]])
    questions = tasks.load(f"hp_quiz:{tmp_path}", FIVE)
    asked = recompose.full(questions, code)
    taken = stats.decide(score(model, asked, tmp_path, "paper"))["predicted"].tolist()
    wanted = []
    for item in asked:
        first, *rest = prompts.build(item, "paper").context.split("\n")
        text = example(rows[code][int(item["id"].split("/")[1])], False)
        assert "\n".join(rest) == f"\n{text} "
        if code == "en":  # In the others the words are ours.
            assert first == (
                "The following are multiple choice questions (with answers) about Harry Potter."
            )
        wanted.append(read(f"{first}\n\n{text} "))
    assert taken == wanted

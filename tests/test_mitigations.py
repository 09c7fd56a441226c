"""Mitigations change the texts of a question and nothing else about it."""

import pytest
import tiny

from xlkb import mitigations, models, prompts, recompose, stats, tasks
from xlkb.evaluation import context_tokens, score
from xlkb.languages import FIVE

SAME = ["task", "id", "subject", "answer", "recomposition", "language", "question_language"]
SAME += ["option_languages"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    network = tiny.transformers.LlamaForCausalLM(
        tiny.transformers.LlamaConfig(**(tiny.SMALL | {"max_position_embeddings": 4096}))
    )
    network.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def questions():
    return tasks.load("worldfacts", languages=FIVE, n=4)


@pytest.fixture(scope="module")
def dev():
    return tasks.load("worldfacts", languages=FIVE, split="dev")


@pytest.fixture
def asked(questions):
    return recompose.grid(questions, ["full", "mixup"], FIVE)


def test_the_oracle_is_the_question_in_english(questions, asked):
    told = mitigations.oracle(asked, questions)
    assert [{k: row[k] for k in SAME} for row in told] == [
        {k: row[k] for k in SAME} for row in asked
    ]
    english = {row["id"]: row for row in recompose.full(questions, "en")}
    for row in told:
        assert row["question"] == english[row["id"]]["question"]
        assert row["options"] == english[row["id"]]["options"]


def test_only_what_is_not_english_is_translated(model, asked, dev, tmp_path):
    told, tokens = mitigations.translated(model, asked, dev, tmp_path, n_shots=2)
    foreign = [
        any(c != "en" for c in (r["question_language"], *r["option_languages"])) for r in asked
    ]
    assert (tokens > 0).tolist() == foreign
    for before, after in zip(asked, told, strict=True):
        assert {k: before[k] for k in SAME} == {k: after[k] for k in SAME}
        if before["question_language"] == "en":
            assert before["question"] == after["question"]
        for text, new, code in zip(
            before["options"], after["options"], before["option_languages"], strict=True
        ):
            assert new
            assert code != "en" or new == text


def test_an_english_answer_is_added_to_the_question(model, asked, dev, tmp_path):
    told, tokens = mitigations.english_first(model, asked, dev, tmp_path, n_shots=1)
    assert (tokens > 0).all()
    added = 0
    for before, after in zip(asked, told, strict=True):
        assert after["question"].startswith(before["question"])
        assert before["options"] == after["options"]
        added += "\nAnswer in English: " in after["question"]
    assert added


def test_gains_are_over_the_first_on_the_same_questions(model, questions, asked, tmp_path):
    told = mitigations.oracle(asked, questions)
    decided = {
        name: stats.decide(score(model, rows, tmp_path))
        for name, rows in (("default", asked), ("same", asked), ("oracle", told))
    }
    table = mitigations.gained(decided, {"default": 30, "same": 30, "oracle": 25}, FIVE)
    assert set(table["tokens_per_question"]) == {25, 30}
    assert table["group"].unique().tolist() == ["English", "other languages", "mixup"]
    assert (table.loc[table["mitigation"] == "same", "gain_points"] == 0).all()
    english = table[table["group"] == "English"].set_index("mitigation")["gain_points"]
    assert english["oracle"] == 0


def test_prompts_take_a_preamble_and_other_letters(asked):
    row = asked[0]
    plain = prompts.build(row, "cloze")
    told = prompts.build(row, "cloze", preamble=prompts.preambles()["expect"])
    assert told.context == f"{prompts.preambles()['expect']}\n\n{plain.context}"
    assert told.continuations == plain.continuations
    named = prompts.build(row, "letters", letters="1234")
    assert f"\n3. {row['options'][2]}\n" in named.context
    assert named.continuations == (" 1", " 2", " 3", " 4")
    for letters, style in (("ABC", "letters"), ("AABC", "letters"), ("1234", "cloze")):
        with pytest.raises(ValueError, match="four different characters"):
            prompts.build(row, style, letters=letters)


def test_tokens_of_a_prompt_are_those_of_its_text(model, asked, tmp_path):
    found = context_tokens(model, asked, tmp_path)
    built = [prompts.build(row, "cloze").context for row in asked]
    assert found.tolist() == [len(model.tokenizer(text)["input_ids"]) for text in built]
    told = context_tokens(model, asked, tmp_path, preamble="Well.")
    assert (told > found).all()


def test_demonstrations_may_be_mixed(model, asked, dev, tmp_path):
    rows = score(model, asked, tmp_path, n_shots=2, dev=dev, demonstrations="mixup")
    assert set(rows["demonstrations"]) == {"mixup"}
    english = score(model, asked, tmp_path, n_shots=2, dev=dev)
    assert (rows["log_likelihood"] != english["log_likelihood"]).any()

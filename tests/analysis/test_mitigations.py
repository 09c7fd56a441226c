"""Mitigations change the texts of a question and nothing else about it."""

import pytest
import tiny
from datasets import Dataset

from xlkb import models, tasks
from xlkb.analysis import stats
from xlkb.analysis.rivals import mitigations
from xlkb.ground.languages import FIVE
from xlkb.scoring.evaluation import context_tokens, score
from xlkb.tasks import Asking, prompts, recompose

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
    told = prompts.build(row, Asking(preamble=prompts.preambles()["expect"]))
    assert told.context == f"{prompts.preambles()['expect']}\n\n{plain.context}"
    assert told.continuations == plain.continuations
    named = prompts.build(row, Asking("letters", letters="1234"))
    assert f"\n3. {row['options'][2]}\n" in named.context
    assert named.continuations == (" 1", " 2", " 3", " 4")
    for letters in ("ABC", "AABC"):
        with pytest.raises(ValueError, match="four different characters"):
            Asking("letters", letters=letters)
    with pytest.raises(ValueError, match="for the style 'letters' only"):
        Asking("cloze", letters="1234")


def test_tokens_of_a_prompt_are_those_of_its_text(model, asked, tmp_path):
    found = context_tokens(model, asked, tmp_path)
    built = [prompts.build(row, "cloze").context for row in asked]
    assert found.tolist() == [len(model.tokenizer(text)["input_ids"]) for text in built]
    told = context_tokens(model, asked, tmp_path, Asking(preamble="Well."))
    assert (told > found).all()


def test_demonstrations_may_be_mixed(model, asked, dev, tmp_path):
    rows = score(model, asked, tmp_path, Asking(n_shots=2, demonstrations="mixup"), dev)
    assert set(rows["demonstrations"]) == {"mixup"}
    english = score(model, asked, tmp_path, Asking(n_shots=2), dev)
    assert (rows["log_likelihood"] != english["log_likelihood"]).any()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A model that reads 300 tokens."""
    folder = tmp_path_factory.mktemp("models") / "tiny-narrow"
    config = tiny.transformers.LlamaConfig(**(tiny.SMALL | {"max_position_embeddings": 300}))
    tiny.transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def lengthened(asked, row, words):
    rows = asked.to_list()
    rows[row]["question"] += " word" * words
    return Dataset.from_list(rows, features=recompose.FEATURES)


@pytest.mark.filterwarnings("ignore:.*have fewer demonstrations")
def test_what_is_too_long_to_be_translated_stays_and_the_rest_is_translated(
    narrow, asked, dev, tmp_path
):
    french = asked.filter(lambda row: row["language"] == "fr")
    long = lengthened(french, 0, 300)
    with pytest.warns(UserWarning, match="1 of 4 questions to translate are left out.*300 tokens"):
        told, tokens = mitigations.translated(narrow, long, dev, tmp_path)
    assert told[0]["question"] == long[0]["question"]
    assert (tokens > 0).all()  # Of the choices.
    with pytest.warns(UserWarning, match="1 of 4 questions to answer are left out"):
        told, tokens = mitigations.english_first(narrow, long, dev, tmp_path)
    assert told[0] == long[0]
    assert (tokens > 0).tolist() == [False, True, True, True]


def test_demonstrations_of_a_mitigation_are_as_many_as_fit(narrow, asked, dev, tmp_path):
    french = asked.filter(lambda row: row["language"] == "fr")
    with pytest.warns(UserWarning, match="prompts have fewer demonstrations than there are"):
        _, tokens = mitigations.english_first(narrow, french, dev, tmp_path, n_shots=5)
    assert (tokens <= 300).all()
    assert (tokens > mitigations.english_first(narrow, french, None, tmp_path)[1]).any()


def test_without_demonstrations_or_translations_of_them_there_are_none(narrow, asked, tmp_path):
    french = asked.filter(lambda row: row["language"] == "fr")
    english = tasks.load("worldfacts", ["en"], "dev").to_list()
    for row in english:
        row["question"]["fr"], row["options"]["fr"] = None, None
    told = [
        mitigation(narrow, french, dev, tmp_path)[0].to_list()
        for mitigation in (mitigations.translated, mitigations.english_first)
        for dev in (None, Dataset.from_list(english))
    ]
    assert told[0] == told[1]
    assert told[2] == told[3]


def test_gains_are_on_the_questions_that_fit_under_all_mitigations(model, asked, tmp_path):
    whole = stats.decide(score(model, asked, tmp_path))
    some = whole[whole["item_id"] != whole["item_id"].iloc[0]].reset_index(drop=True)
    with pytest.warns(UserWarning, match="1 of 4 items are left out"):
        table = mitigations.gained({"plain": whole, "told": some}, {"plain": 3, "told": 4}, FIVE)
    assert set(table["n"]) == {3}


@pytest.mark.parametrize(
    ("options", "style", "languages", "dev", "why"),
    [
        ({}, "paper", ["en"], None, ""),
        ({"instruction_language": "question"}, "paper", FIVE, None, "in English only"),
        ({"instruction_language": "question"}, "letters", FIVE, None, ""),
        ({"n_shots": 2}, "cloze", FIVE, None, "no split dev"),
        ({"n_shots": 0}, "cloze", FIVE, [1], "no examples"),
        ({"n_shots": 2, "demonstrations": "mixup"}, "cloze", ["en", "fr"], [1], "five languages"),
        ({"n_shots": 2, "demonstrations": "mixup"}, "cloze", FIVE, [1], ""),
    ],
)
def test_what_cannot_be_asked_is_told_with_its_reason(options, style, languages, dev, why):
    found = mitigations.obstacle(options, style, languages, dev)
    assert why in found
    assert bool(found) == bool(why)


def test_mixed_examples_speak_the_five_languages_of_the_run(model, tmp_path):
    five = ("en", "sw", "he", "ru", "zh")
    questions = tasks.load("worldfacts", languages=five, n=2)
    asked = recompose.grid(questions, ["full"], ["sw"])
    dev = tasks.load("worldfacts", languages=five, split="dev")
    rows = score(model, asked, tmp_path, Asking(n_shots=1, demonstrations="mixup"), dev)
    assert set(rows["demonstrations"]) == {"mixup"}


def test_the_base_language_of_a_run_takes_the_place_of_english(model, tmp_path):
    spoken = ("sw", "fr")
    questions = tasks.load("worldfacts", languages=spoken, n=2)
    dev = tasks.load("worldfacts", languages=spoken, split="dev")
    asked = recompose.grid(questions, ["full"], spoken)
    shown = score(model, asked, tmp_path, Asking(n_shots=1, demonstrations="sw"), dev)
    assert set(shown["demonstrations"]) == {"sw"}
    for step in (mitigations.translated, mitigations.english_first):
        changed, tokens = step(model, asked, dev, tmp_path, base="sw")
        assert len(changed) == len(tokens) == len(asked)
    bound = mitigations.oracle(asked, questions, "sw").to_pandas()
    assert set(bound["question"]) == set(recompose.full(questions, "sw")["question"])

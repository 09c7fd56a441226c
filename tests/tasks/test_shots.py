"""Demonstrations: as many as there are and fit, whole, in the order of the split; never a crash."""

import tempfile
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tiny
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from xlkb import models
from xlkb.analysis import gaps, pairing, stats
from xlkb.scoring import lengths
from xlkb.scoring.evaluation import context_tokens, fewer_shots, score
from xlkb.scoring.tries import Pair, encode
from xlkb.tasks import Asking, recompose, shots

CODES = ("en", "fr", "de", "es", "it")
TOKENIZER = tiny.tokenizer()


def question(name, subject="tea", languages=CODES, words=1):
    text = {code: f"{code} {'word ' * words}{name}?" for code in CODES}
    return {
        "task": "toy",
        "id": name,
        "subject": subject,
        "answer": 1,
        "question": {code: text[code] if code in languages else None for code in CODES},
        "options": {
            code: [f"{code} {slot}" for slot in "wxyz"] if code in languages else None
            for code in CODES
        },
    }


def dataset(*rows):
    return Dataset.from_list(list(rows))


def with_context(tokens):
    """A model that has a tokenizer and no weights."""
    return SimpleNamespace(
        name="path:none",
        label="none",
        fingerprint="0" * 64,
        context=tokens,
        tokenizer=TOKENIZER,
        describe=lambda: {"name": "path:none"},
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    network = tiny.network("llama")
    network.config.max_position_embeddings = 400
    network.save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def names(items, way, n=5, dev=None):
    return [
        [row["id"] for row in each]
        for each in shots.shown(items, Asking(n_shots=n, demonstrations=way), dev)
    ]


DEV = dataset(
    question("d0"),
    question("d1", languages=["en"]),
    question("d2", languages=["en", "fr"]),
    question("d3", "rice"),
    question("d4"),
)


def test_english_demonstrations_need_no_translation():
    asked = recompose.grid(dataset(question("q")), ["full", "mixup"], CODES).to_list()
    assert names(asked, "en", 4, DEV) == [["d0", "d1", "d2", "d4"]] * 6


@pytest.mark.filterwarnings("ignore:Subjects with fewer")
def test_demonstrations_in_the_languages_of_the_question_are_those_that_exist_in_them():
    items = dataset(question("q"))
    asked = recompose.grid(items, ["full", "question", "gt", "mixup", "pair"], CODES).to_list()
    for item, shown in zip(asked, names(asked, "same", dev=DEV), strict=True):
        spoken = {item["question_language"], *item["option_languages"]}
        expected = ["d0", "d1", "d2", "d4"]
        if not spoken <= {"en"}:
            expected.remove("d1")
        if not spoken <= {"en", "fr"}:
            expected.remove("d2")
        assert shown == expected, item
    assert names(asked, "mixup", dev=DEV) == [["d0", "d4"]] * len(asked)
    assert names(asked, "fr", dev=DEV) == [["d0", "d2", "d4"]] * len(asked)


def test_subjects_with_too_few_are_named_once_and_get_what_there_is():
    items = dataset(question("q"), question("r", "rice"), question("s", "law"))
    asked = recompose.grid(items, ["full"], ["en", "fr"]).to_list()
    with pytest.warns(UserWarning, match="Subjects with fewer") as caught:
        shown = shots.shown(asked, Asking(n_shots=3, demonstrations="same"), DEV)
    (message,) = [str(each.message) for each in caught]
    assert "fewer than 3 demonstrations (as 'same')" in message
    assert "rice (1), law (0)" in message
    assert [len(each) for each in shown] == [3, 1, 0, 3, 1, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shots.shown(asked[:1], Asking(n_shots=3, demonstrations="same"), DEV)


@pytest.mark.parametrize(
    ("n", "way", "dev", "message"),
    [
        (2, "en", None, r"split 'dev'.*tasks\.demonstrations.*None"),
        (-1, "en", DEV, "n_shots=-1"),
        (0, "sane", DEV, "Did you mean 'same'"),
        (2, "sw", DEV, "exists in Swahili; there are rows in en, fr, de, es, it"),
        (2, "mixup", dataset(question("d", languages=["en", "fr"])), "five languages.* en, fr"),
    ],
)
def test_what_cannot_be_shown_is_refused(n, way, dev, message):
    asked = recompose.full(dataset(question("q")), "en").to_list()
    with pytest.raises(ValueError, match=message):
        shots.shown(asked, Asking(n_shots=n, demonstrations=way), dev)


def test_mixed_demonstrations_speak_the_five_languages_of_the_questions():
    codes = ("en", "fr", "sw", "he", "ar", "de", "es", "it")
    row = question("q")
    for part in ("question", "options"):
        row[part] = {code: row[part]["en"] for code in codes}
    asked = recompose.grid(dataset(row), ["mixup"], codes[:5]).to_list()
    ((shown,),) = shots.shown(asked, Asking(n_shots=1, demonstrations="mixup"), dataset(row))
    assert {shown["question_language"], *shown["option_languages"]} == set(codes[:5])


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(texts, max_size=5), texts, st.integers(4, 300))
def test_as_many_whole_demonstrations_fit_as_possible(demonstrations, asked, limit):
    def made(_, n):
        return [Pair("".join(demonstrations[:n]) + asked + "\nAnswer:", f" {c}") for c in "AB"]

    def tokens(n):
        return max(len(ids) - 1 for ids, _ in encode(TOKENIZER, made(0, n)))

    with tempfile.TemporaryDirectory() as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (n,) = lengths.fitting(with_context(limit), [len(demonstrations)], made, store)
    fitting = [k for k in range(len(demonstrations) + 1) if tokens(k) <= limit]
    assert n == max(fitting, default=-1)


def test_short_prompts_need_no_tokenizer_and_models_without_a_limit_take_all(tmp_path):
    def made(i, n):
        return [Pair("word " * 10 * n, " x")]

    deaf = with_context(300)
    deaf.tokenizer = None
    assert lengths.fitting(deaf, [5, 0], made, tmp_path) == [5, 0]
    assert lengths.fitting(with_context(None), [500], made, tmp_path) == [500]
    with pytest.warns(UserWarning, match="2 of 2 prompts have fewer demonstrations"):
        known = lengths.fitting(with_context(30), [1, 9], made, tmp_path)
    deaf.context = 30
    with pytest.warns(UserWarning, match="fewer"):
        assert lengths.fitting(deaf, [1, 9], made, tmp_path) == known  # Lengths are stored.


LONG = dataset(
    *(question(f"l{i}", "long", words=20) for i in range(5)), *(question(f"t{i}") for i in range(5))
)


@pytest.mark.parametrize("style", ["cloze", "letters", "paper"])
def test_a_prompt_that_is_too_long_gets_fewer_and_the_rest_is_scored(model, tmp_path, style):
    asked = recompose.grid(dataset(question("a", "long"), question("b")), ["full"], ["en", "fr"])
    with pytest.warns(UserWarning, match="2 of 4 prompts have fewer .* 400 tokens"):
        rows = score(model, asked, tmp_path, Asking(style, 5), LONG)
    got = rows.groupby("item_id")["n_shots"].unique()
    assert got["b"].tolist() == [5]
    (fewer,) = got["a"]
    assert 0 < fewer < 5
    assert set(rows["n_shots_asked"]) == {5}
    with pytest.warns(UserWarning, match="fewer"):
        read = context_tokens(model, asked, tmp_path, Asking(style, 5), LONG)
    assert (read <= 400).all()
    # The prompt is that of so many demonstrations, so the score is the stored one.
    only = score(model, asked.select([0]), tmp_path, Asking(style, int(fewer)), LONG)
    same = rows.query("item_id == 'a' and language == 'en'")["log_likelihood"]
    assert only["log_likelihood"].tolist() == same.tolist()
    assert "2 of 4 few-shot prompts have fewer" in fewer_shots(rows)
    assert f"2 have {fewer}." in fewer_shots(rows)
    assert fewer_shots(only).startswith("All 1 few-shot prompts have")


def test_rows_with_fewer_stay_in_their_group(model, tmp_path):
    asked = recompose.grid(dataset(question("a", "long"), question("b")), ["full"], ["en", "fr"])
    with pytest.warns(UserWarning, match="fewer"):
        rows = score(model, asked, tmp_path, Asking(n_shots=5), LONG)
    decided = stats.decide(stats.concat([score(model, asked, tmp_path), rows]))
    table = stats.accuracy(decided, ["n_shots", "language"])
    assert table[["n_shots", "language", "n"]].to_numpy().tolist() == [
        [0, "en", 2],
        [0, "fr", 2],
        [5, "en", 2],
        [5, "fr", 2],
    ]
    assert gaps.barrier(decided)["n"].tolist() == [2, 2]


def test_a_question_that_never_fits_is_left_out_everywhere_and_named(model, tmp_path):
    huge = question("huge")
    huge["question"]["fr"] = "mot " * 300
    asked = recompose.grid(dataset(question("b"), huge), ["full", "mixup"], CODES)
    with pytest.warns(UserWarning, match=r"1 of 2 questions are left out.*400 tokens.*: huge\."):
        rows = score(model, asked, tmp_path)
    assert set(rows["item_id"]) == {"b"}
    decided = stats.decide(rows)
    assert gaps.barrier(decided)["n"].tolist() == [1] * 4
    read = context_tokens(model, asked, tmp_path)
    assert len(read) == len(asked)
    with pytest.warns(UserWarning, match="1 of 1 questions"):
        none = score(model, asked.filter(lambda row: row["id"] == "huge"), tmp_path)
    assert none.columns.tolist() == rows.columns.tolist()
    assert len(stats.decide(none)) == 0
    assert none["language"].dtype == rows["language"].dtype


def test_conditions_with_other_questions_left_out_are_compared_on_those_of_all():
    def decisions(ids, **more):
        frame = pd.DataFrame({"item_id": ids, "correct": True, "recomposition": "full"})
        plain = dict.fromkeys(stats.CONDITION, "x") | {"language": "en"} | more
        return frame.assign(**plain)

    both = stats.concat([decisions(["a", "b", "c"]), decisions(["a", "c"], language="fr")])
    with pytest.raises(ValueError, match=r"pairing\.shared"):
        gaps.barrier(both)
    with pytest.warns(UserWarning, match="1 of 3 items are left out"):
        kept = pairing.shared(both)
    assert gaps.barrier(kept)["n"].tolist() == [2]
    assert pairing.shared(kept) is kept
    other = stats.concat([both, decisions(["a", "b"], model="y")])
    with pytest.warns(UserWarning, match="of 3 items"):
        kept = pairing.shared(other)
    assert kept.groupby("model")["item_id"].nunique().to_dict() == {"x": 2, "y": 2}
    with pytest.warns(UserWarning, match="2 of 3 items"):
        assert set(pairing.shared(other, by=())["item_id"]) == {"a"}


@pytest.mark.filterwarnings("ignore:.*have fewer")
def test_a_replay_finds_the_same_rows_without_a_tokenizer(model, results_folder, monkeypatch):
    asked = recompose.grid(dataset(question("a", "long"), question("b")), ["full"], ["en", "fr"])
    told = {"store": results_folder / "demo", "asking": Asking(n_shots=5), "dev": LONG}
    rows, read = score(model, asked, **told), context_tokens(model, asked, **told)
    assert rows["n_shots"].nunique() == 2
    monkeypatch.setenv("XLKB_REPLAY", "1")
    again = models.load(model.name)  # Without a tokenizer.
    pd.testing.assert_frame_equal(score(again, asked, **told), rows)
    np.testing.assert_array_equal(context_tokens(again, asked, **told), read)

"""A barrier card: its numbers are those of the tables, and its sentences hold for every request."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import FIVE, toy

from xlkb import analysis
from xlkb.analysis import card, card_words
from xlkb.analysis.languages import pairs
from xlkb.ground import disk
from xlkb.tasks import recompose


def planted(right, n=20, languages=FIVE, style="cloze", mixup=True, **columns):
    """Rows of `n` toy questions; `right(language, i)` says which are right ("mixed" too)."""
    parts = ["full", "mixup"] if mixup and len(languages) == 5 else ["full"]
    asked = recompose.grid(toy(n, languages), parts, languages).to_list()
    rows = []
    for item in asked:
        number = int(item["id"].split("/")[1])
        told = right(item["language"], number)
        taken = item["answer"] if told else (item["answer"] + 1) % 4
        for choice in range(4):
            rows.append(
                {
                    **{name: item[name] for name in ("task", "subject", "recomposition")},
                    **{name: item[name] for name in ("language", "question_language", "question")},
                    "item_id": item["id"],
                    "option_language": item["option_languages"][choice],
                    "option": item["options"][choice],
                    "context": item["question"],
                    "choice": choice,
                    "is_answer": choice == item["answer"],
                    "style": style,
                    "n_shots": 0,
                    "n_shots_asked": 0,
                    "demonstrations": "none",
                    "prompt": "1/question",
                    "model": "Tiny",
                    "log_likelihood": -1.0 if choice == taken else -2.0 - choice / 10,
                    "n_tokens": 2,
                    "n_bytes": 4,
                    "unconditional_log_likelihood": -1.5 if style == "cloze" else np.nan,
                    "letter_mass": np.nan if style == "cloze" else 0.8,
                }
            )
    return pd.DataFrame(rows).assign(**columns)


def said(rows, **options):
    return card_words.headline("Tiny", card.tables(rows, **options))


def test_numbers_are_those_of_the_tables_of_notebook_02():
    rows = planted(lambda code, i: i % 5 != 0 if code == "en" else i % 3 == 0, n=40)
    found = card.tables(rows)
    by_rule = analysis.shared(analysis.decide_by_rules(rows))
    own = {
        "barrier": analysis.barrier(by_rule, "en", 42, by=["rule"]),
        "mixup": analysis.mixup_gap(by_rule, "en", 42, by=["rule"]),
        "transfer": analysis.transfer_rate(by_rule, "en"),
    }
    for name, table in own.items():
        pd.testing.assert_frame_equal(found[name], table[found[name].columns], check_dtype=False)
    bias = analysis.option_language_bias(rows)
    shown = found["option_bias"].query("rule == 'sum'").drop(columns="rule")
    pd.testing.assert_frame_equal(shown, bias)
    alike = analysis.rankc(rows.query("recomposition == 'full'"))
    shown = found["rankc"].query("rule == 'sum'").drop(columns="rule")
    pd.testing.assert_frame_equal(shown, alike)


def test_the_headline_says_what_is_lost_where():
    text = said(planted(lambda code, i: code == "en" and i % 10 != 0, n=200))
    assert text.startswith("Tiny answers 90.0 % [85.1, 93.4] in English, 90.0 points fewer in ")
    assert "French, German, Spanish and Italian; 90.0 points fewer where languages are" in text
    assert text.endswith("mixed (n = 200).")


def test_what_is_better_elsewhere_and_what_is_open_is_said_so():
    text = said(planted(lambda code, i: i % 2 == 0 if code == "en" else code != "fr", n=60))
    assert "50.0 points fewer in French; 50.0 points more in German, Spanish and Italian" in text
    text = said(planted(lambda code, i: i % 10 < 6 or (code == "fr" and i == 8), n=60))
    assert "no difference that stands in French, German, Spanish and Italian (0.0 to +1.7" in text
    assert "points fewer" not in text


@pytest.mark.parametrize(
    ("languages", "expected"),
    [
        (["fr"], "Tiny answers 100.0 % [83.9, 100.0] in French (n = 20)."),
        (["fr", "sw"], "Tiny answers 100.0 % [83.9, 100.0] in French, 100.0 points fewer in Swahi"),
        (["sw", "en"], "in English, "),
    ],
)
def test_one_or_two_languages_and_no_english(languages, expected):
    text = said(planted(lambda code, i: code in ("fr", "en"), languages=languages))
    assert expected in text
    assert "mixed" not in text


def test_one_question():
    text = said(planted(lambda code, i: code != "fr", n=1, languages=["en", "fr", "de"]))
    right = "Tiny answers the one question right in English and in German"
    assert text == f"{right} and wrong in French (n = 1)."


@pytest.mark.parametrize(
    ("every", "expected"),
    [(4, "no more than guessing gets (25 %)"), (20, "less than guessing gets"), (2, "")],
)
def test_a_model_at_chance_is_told_so(every, expected):
    text = said(planted(lambda code, i: i % every == 0, n=100))
    assert expected in text
    assert ("guessing" in text) == bool(expected)


def test_letters_have_one_rule_and_stuck_ones_are_named():
    rows = planted(lambda code, i: i % 4 == 0, n=20, style="letters")
    rows["log_likelihood"] = np.where(rows["choice"] == 0, -1.0, -2.0)
    found = card.tables(rows)
    assert found["rules"] == ["sum"]
    assert (
        "One letter is taken for nearly all questions: A in English" in card_words.notes(found)[0]
    )
    with pytest.raises(ValueError, match="letters have no other"):
        card.tables(rows, rule="pmi")


def test_rules_are_those_that_the_rows_have():
    rows = planted(lambda code, i: True, n=4)
    assert card.rules_of(rows) == ("sum", "per_byte", "pmi")
    assert card.rules_of(rows.drop(columns="unconditional_log_likelihood")) == ("sum", "per_byte")
    assert card.rules_of(rows.assign(n_bytes=np.nan)) == ("sum", "pmi")


def test_answers_that_were_not_understood_are_counted():
    rows = planted(lambda code, i: True, n=40, style="letters")
    silent = rows["item_id"].isin([f"toy/{i}" for i in range(10)])
    rows["log_likelihood"] = rows["log_likelihood"].mask(silent, -np.inf)
    rows["unread"] = silent.astype(float)
    text = said(rows)
    assert "75.0 % [" in text
    assert "25.0 % of the answers were not understood, and count as wrong." in text
    assert card.tables(rows)["examples"] == []


def test_items_that_are_not_asked_everywhere_are_left_out_and_counted():
    rows = planted(lambda code, i: True, n=6, languages=["en", "fr"])
    fewer = rows[~((rows["language"] == "fr") & (rows["item_id"] == "toy/3"))]
    found = card.tables(fewer)
    assert (found["n"], found["n_left_out"], found["paired"]) == (5, 1, True)


def test_different_questions_in_each_language_are_not_compared():
    rows = planted(lambda code, i: code == "en", n=6, languages=["en", "fr"])
    odd = rows["item_id"].str[-1].astype(int) % 2 == 1
    text = said(rows[(rows["language"] == "en") == odd])
    assert "100.0 % [43.9, 100.0] in English (n = 3)" in text
    assert "0.0 % [0.0, 56.1] in French (n = 3)" in text
    assert "No question was asked in all languages" in text


def test_mixed_questions_alone():
    rows = planted(lambda code, i: i % 2 == 0, n=20).query("recomposition == 'mixup'")
    found = card.tables(rows)
    assert found["base"] is None
    assert "50.0 % [29.9, 70.1] where languages are mixed (n = 20)" in said(rows)
    assert card_words.notes(found) == []


def test_examples_are_right_in_the_base_language_and_wrong_there():
    rows = planted(lambda code, i: code == "en" and i % 2 == 0, n=20)
    found = card.tables(rows)
    shown = found["examples"]
    assert {each["recomposition"] for each in shown} == {"full", "mixup"}
    for each in shown:
        for item in each["items"]:
            assert int(item["item_id"].split("/")[1]) % 2 == 0
            for side, right in (("base", True), ("asked", False)):
                (taken,) = [o for o in item[side]["options"] if o["taken"]]
                assert taken["is_answer"] == right
            assert item["asked"]["question"].startswith(each["question_language"])
            (answer,) = [o for o in item["asked"]["options"] if o["is_answer"]]
            assert answer["language"] == each["answer_language"]


def test_without_texts_examples_are_known_by_their_items():
    rows = planted(lambda code, i: code == "en", n=4, languages=["en", "fr"])
    (example,) = card.tables(rows.drop(columns=["question", "option", "context"]))["examples"]
    assert example["items"][0]["asked"]["question"] is None


def test_a_pair_with_few_questions_does_not_come_first_by_chance():
    cells = [("fr", "de", 3, 1.0), ("es", "it", 40, 0.8), ("it", "es", 40, 0.1)]
    decided = []
    for place, (asked, answered, n, lost) in enumerate(cells):
        for i in range(n):
            item = {"item_id": f"{place}/{i}", "task": "toy", "answer_language": answered}
            home = item | {"recomposition": "full", "language": "en", "question_language": "en"}
            decided.append(home | {"correct": True})
            there = item | {"recomposition": "mixup", "language": "mixed"}
            decided.append(there | {"question_language": asked, "correct": i >= lost * n})
    table, spread = pairs.pairs(pd.DataFrame(decided))
    assert table["question_language"].tolist() == ["es", "fr", "it"]
    assert spread > 0


@settings(max_examples=12)
@given(seed=st.integers(0, 1000), n=st.integers(1, 8), languages=st.sampled_from([1, 2, 5]))
def test_every_card_can_be_written_as_json_and_told(seed, n, languages):
    rng = np.random.default_rng(seed)
    right = rng.random((n, 6)) < rng.random()
    place = {code: number for number, code in enumerate((*FIVE, "mixed"))}
    rows = planted(lambda code, i: right[i, place[code]], n=n, languages=FIVE[:languages])
    found = card.tables(rows)
    json.dumps(disk.plain(found), allow_nan=False)
    text = " ".join([card_words.headline("Tiny", found), *card_words.notes(found)])
    assert "nan" not in text.lower().replace("language", "")
    assert "-0.0" not in text
    shrunk = found["pairs"]
    if len(shrunk) > 1:
        assert shrunk["shrunk_low"].dropna().is_monotonic_decreasing
        assert shrunk["shrunk_points"].between(*np.add([-1e-9, 1e-9], _ends(shrunk))).all()


def _ends(table):
    return table["gap_points"].min(), table["gap_points"].max()


def test_rows_that_no_card_is_made_of_are_refused():
    rows = planted(lambda code, i: True, n=2)
    with pytest.raises(ValueError, match="no column option_language"):
        card.check(rows.drop(columns="option_language"), "rows:x.parquet")
    with pytest.raises(ValueError, match="only question"):
        card.check(rows.assign(recomposition="question"), "x")
    two = pd.concat([rows, rows.assign(style="letters")])
    with pytest.raises(ValueError, match="style is cloze and letters"):
        card.check(two, "x")

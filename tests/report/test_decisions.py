"""A run's stored answers against the reference's, by the very texts."""

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import tiny
from questions import toy

from xlkb import analysis, models, profiles, scoring, tasks
from xlkb.exchange import answers
from xlkb.ground import paths
from xlkb.report import reference
from xlkb.report.reference import decisions
from xlkb.scoring import results
from xlkb.tasks import Asking, prompts

ARM = "gemma-3-270m-read-mixed-by-8-words-cbc6c8ca5cf6"
CONTROL = "gemma-3-270m-read-English-only-796634cc197e"
AGAIN = "gemma-3-270m-read-English-only-da9156d57bd9"
"""The control under another seed."""

START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def asked():
    """Rows of 420 questions in five languages and mixed, without scores, with their keys."""
    questions = answers.questions(profiles.load())
    items = questions.to_list()
    built = [prompts.build(item, Asking.of("cloze"), []) for item in items]
    pairs = [scoring.Pair(p.context, c, p.isolated) for p in built for c in p.continuations]
    names = ["task", "id", "subject", "recomposition", "language", "question_language"]
    rows = questions.select_columns(names).to_pandas().rename(columns={"id": "item_id"})
    rows = rows.loc[np.arange(len(rows)).repeat(4)].reset_index(drop=True)
    right = np.repeat([item["answer"] for item in items], 4)
    choice = np.tile(np.arange(4), len(items))
    return rows.assign(
        option_language=[code for item in items for code in item["option_languages"]],
        choice=choice,
        is_answer=choice == right,
        style="cloze",
        prompt="1/en",
        n_shots=0,
        n_shots_asked=0,
        demonstrations="none",
        model="m",
        key=[results.key(pair) for pair in pairs],
    )


@pytest.fixture
def run(results_folder):
    return profiles.load("study")


def described(adapter):
    for path in (paths.REFERENCE / "study").glob("*/model.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["adapter"] == adapter:
            return found, results.read(path.parent).set_index("key")["log_likelihood"]
    raise AssertionError(f"the reference has no {adapter}")


def answered(asked, adapter):
    _, scores = described(adapter)
    return asked.assign(log_likelihood=scores.reindex(asked["key"]).to_numpy())


def store(run, rows, model, name="a"):
    """The rows as `scoring.score` leaves them, of a model trained anew: with other weights."""
    made = {**model, "fingerprint": "0" * 64}
    results.write_rows(run.results / "m-000000000000" / "rows" / f"{name}.parquet", rows, made)


def test_a_gain_that_vanished_is_a_problem_and_equal_answers_are_none(run, asked, capsys):
    arm, _ = described(ARM)
    store(run, answered(asked, ARM), arm)
    assert decisions.check(run, START) == []
    assert "2,520 answers compared, 100.0 % are the reference's\n" in capsys.readouterr().out
    store(run, answered(asked, CONTROL), arm)
    problems = decisions.check(run, START)
    assert any("mixed by 8 words, worldfacts (cloze), mixup" in each for each in problems)
    assert "largest difference -5.0 points" in capsys.readouterr().out


def test_the_tables_alone_would_not_notice_it(asked):
    control = answered(asked, CONTROL).assign(model="control")
    tables = [
        analysis.gains_by_rule(
            analysis.decide(analysis.concat([control, answered(asked, arm).assign(model="arm")])),
            "control",
            ["en", "fr", "de", "es", "it"],
        )
        for arm in (ARM, AGAIN)
    ]
    gained, vanished = (table["gain_points"].abs().max() for table in tables)
    assert (gained > 4, vanished < 1) == (True, True)
    assert reference.compare(*tables, reference.TRAINED_FACTOR).empty


def test_chance_changes_in_both_directions_are_no_problem(run, asked, capsys):
    arm, _ = described(ARM)
    rng = np.random.default_rng(1)
    near = answered(asked, ARM)
    near["log_likelihood"] += rng.normal(0, 0.2, len(near))
    store(run, near, arm)
    assert decisions.check(run, START) == []
    assert " near-ties, " in capsys.readouterr().out


def test_a_model_that_was_not_trained_answers_alike_but_for_small_margins(run, asked, capsys):
    base, _ = described(None)
    rows = answered(asked, None)
    margin = analysis.decide(rows)["margin"].to_numpy()
    values = rows["log_likelihood"].to_numpy().reshape(-1, 4).copy()
    near = int(np.abs(margin).argmin())
    far = int(np.abs(margin).argmax())
    values[near] = np.roll(values[near], 1)
    store(run, rows.assign(log_likelihood=values.ravel()), base)
    assert abs(margin[near]) < decisions.NATS
    assert decisions.check(run, START) == []
    assert "(1 not: " in capsys.readouterr().out
    values[far] = np.roll(values[far], 1)
    store(run, rows.assign(log_likelihood=values.ravel()), base)
    (problem,) = decisions.check(run, START)
    assert "1 answers differ from the reference's though its margin is beyond 0.3 nats" in problem


def test_what_cannot_be_compared_is_said_and_no_problem(run, asked, capsys):
    assert decisions.check(run, START) == []
    assert "No stored answers of this run" in capsys.readouterr().out
    arm, _ = described(ARM)
    store(run, answered(asked, ARM), {**arm, "adapter": "another"})
    assert decisions.check(run, START) == []
    assert "mixed by 8 words: no reference of its answers." in capsys.readouterr().out
    other = answered(asked, ARM).assign(key=b"0" * 12)
    store(run, other, arm)
    assert decisions.check(run, START) == []
    assert "no question in common" in capsys.readouterr().out
    # Rows of an earlier run, and of one before keys were stored, are left alone.
    store(run, answered(asked, CONTROL), arm)
    assert decisions.check(run, datetime(2999, 1, 1, tzinfo=UTC)) == []
    store(run, answered(asked, CONTROL).drop(columns="key"), arm)
    assert decisions.check(run, START) == []


def test_rows_that_score_leaves_have_the_keys_of_their_scores(tmp_path, monkeypatch):
    tiny.network("llama").save_pretrained(tmp_path / "m")
    tiny.tokenizer().save_pretrained(tmp_path / "m")
    model = models.load(f"path:{tmp_path / 'm'}")
    asked = tasks.recompose.grid(toy(2), ["full"], ["en"], 42)
    given = scoring.score(model, asked, tmp_path / "store")
    assert "key" not in given
    (file,) = (tmp_path / "store").glob("*/rows/*.parquet")
    rows = pd.read_parquet(file)
    stored = results.read(file.parent.parent).set_index("key")["log_likelihood"]
    assert stored.reindex(rows["key"]).to_numpy() == pytest.approx(given["log_likelihood"])
    assert "key" not in answers.read(file).rows

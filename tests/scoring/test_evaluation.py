"""Rows of scores: right, reused across recompositions, and never lost or done twice."""

import contextlib
import random
import signal
import time
import warnings

import apart
import numpy as np
import pandas as pd
import pytest
import tiny
from datasets import Dataset

from xlkb import models
from xlkb.scoring import likelihoods, results
from xlkb.scoring.evaluation import score, store_folder
from xlkb.scoring.tries import Pair
from xlkb.tasks import Asking, recompose

WORDS = {
    "en": ["euro", "dollar", "yen", "peso", "currency", "country"],
    "fr": ["l'euro", "le dollar", "le yen", "le peso", "monnaie", "pays"],
    "de": ["Euro", "US-Dollar", "Yen (JPY)", "Peso", "Währung", "Land"],
    "es": ["el euro", "dólar", "yen japonés", "peso chileno", "moneda", "país"],
    "it": ["euro €", "dollaro", "lo yen", "un peso", "valuta", "paese"],
}


def questions(n=6, subject="currency"):
    return Dataset.from_list(
        [
            {
                "task": "toy",
                "id": f"toy/{subject}/{i}",
                "subject": subject,
                "answer": i % 4,
                "question": {c: f"{w[4]} {w[5]} {i}?" for c, w in WORDS.items()},
                "options": {c: w[:4] for c, w in WORDS.items()},
            }
            for i in range(n)
        ]
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def direct(model, context, continuation):
    (row,) = likelihoods.log_likelihoods(
        model.network, model.tokenizer, [Pair(context, continuation)]
    )
    return row[1][0]


def test_cloze_rows_hold_the_log_likelihood_of_each_choice(model, tmp_path):
    rows = score(model, recompose.full(questions(), "fr"), tmp_path)
    assert len(rows) == 6 * 4
    assert rows["is_answer"].sum() == 6
    assert set(rows["option_language"]) == {"fr"}
    row = rows.iloc[5]
    expected = direct(model, "Question: monnaie pays 1?\nAnswer:", " le dollar")
    assert row["log_likelihood"] == pytest.approx(expected, abs=1e-4)
    alone = direct(model, "Answer:", " le dollar")
    assert row["unconditional_log_likelihood"] == pytest.approx(alone, abs=1e-4)
    assert row["n_bytes"] == len("le dollar")
    assert np.isnan(row["letter_mass"])


@pytest.mark.parametrize("style", ["letters", "paper"])
def test_letter_rows_hold_the_mass_of_the_four_letters(model, tmp_path, style):
    rows = score(model, recompose.full(questions(), "en"), tmp_path, style)
    mass = np.exp(rows["log_likelihood"]).groupby(rows["item_id"]).sum()
    np.testing.assert_allclose(rows.groupby("item_id")["letter_mass"].first(), mass)
    assert ((mass > 0) & (mass < 1)).all()
    assert rows["unconditional_log_likelihood"].isna().all()


def test_recompositions_share_scores(model, tmp_path, capsys):
    score(model, recompose.grid(questions(), ["pair"], list(WORDS), 42), tmp_path)
    capsys.readouterr()
    names = ["full", "question", "options", "gt", "gt_question", "onewrong", "mixup"]
    rows = score(model, recompose.grid(questions(), names, list(WORDS), 42), tmp_path)
    assert "computed 0 / reused" in capsys.readouterr().out
    assert rows["log_likelihood"].notna().all()


@pytest.mark.parametrize("kind", ["en", "same"])
def test_demonstrations_stand_before_the_question(model, tmp_path, kind):
    dev = questions(3)
    grid = recompose.grid(questions(), ["full", "mixup", "pair"], list(WORDS), 42)
    rows = score(model, grid, tmp_path, Asking(n_shots=2, demonstrations=kind), dev)
    assert set(rows["n_shots"]) == {2}
    one = rows.query("recomposition == 'full' and language == 'de' and choice == 0").iloc[3]
    words = WORDS["en" if kind == "en" else "de"]
    shots = "".join(
        f"Question: {words[4]} {words[5]} {i}?\nAnswer: {words[i]}\n\n" for i in range(2)
    )
    context = f"{shots}Question: Währung Land 3?\nAnswer:"
    assert one["log_likelihood"] == pytest.approx(direct(model, context, " Euro"), abs=1e-4)


def test_too_few_demonstrations_are_named_and_counted(model, tmp_path, capsys):
    asked = recompose.full(questions(), "en")
    with pytest.raises(ValueError, match="pass dev="):
        score(model, asked, tmp_path, Asking(n_shots=2))
    one = score(model, asked, tmp_path, Asking(n_shots=1), questions(1))
    capsys.readouterr()
    with pytest.warns(UserWarning, match=r"fewer than 2 demonstrations .*currency \(1\)"):
        rows = score(model, asked, tmp_path, Asking(n_shots=2), questions(1))
    assert "computed 0" in capsys.readouterr().out
    assert (set(rows["n_shots"]), set(rows["n_shots_asked"])) == ({1}, {2})
    assert rows["log_likelihood"].tolist() == one["log_likelihood"].tolist()


def test_a_damaged_part_is_set_aside_and_computed_again(model, tmp_path, capsys):
    asked = recompose.grid(questions(), ["full"], list(WORDS), 42)
    before = score(model, asked, tmp_path)
    (part,) = store_folder(tmp_path, model).glob("part-*.parquet")
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 4
    part.write_bytes(data)
    capsys.readouterr()
    with pytest.warns(UserWarning, match=part.name):
        after = score(model, asked, tmp_path)
    assert "reused 0" in capsys.readouterr().out
    pd.testing.assert_frame_equal(before, after)


def in_small_steps(say, name, store):
    """Scores, says each pass, and stores what it gave at once."""
    results.SECONDS_PER_PART = 0
    likelihoods.TOKENS_PER_ROW["cpu"] = 40
    run = likelihoods.run_in_parts

    def said(*arguments):
        say("pass")
        time.sleep(0.01)
        return run(*arguments)

    likelihoods.run_in_parts = said
    model = models.load(name, dtype="float32", device="cpu")
    grid = recompose.grid(questions(), ["pair", "mixup"], list(WORDS), 42)
    score(model, grid, store).to_parquet(store / "table.parquet")


@pytest.mark.slow
def test_a_run_killed_five_times_ends_with_the_tables_of_one_left_in_peace(model, tmp_path):
    def finish(store):
        process, heard = apart.start(in_small_steps, model.name, store)
        passes = 0
        with contextlib.suppress(EOFError):
            while heard.recv():
                passes += 1
        process.join()
        assert process.exitcode == 0
        return passes

    calm, killed = tmp_path / "calm", tmp_path / "killed"
    calm.mkdir()
    killed.mkdir()
    passes = finish(calm)
    assert passes > 20
    rng = random.Random(0)
    for _ in range(5):
        process, heard = apart.start(in_small_steps, model.name, killed)
        # At a random moment of its work, however fast the machine is.
        for _ in range(rng.randint(2, passes // 6)):
            assert heard.recv()
        time.sleep(rng.uniform(0, 0.02))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert not (killed / "table.parquet").exists()
    assert len(results.read(store_folder(killed, model)))
    assert finish(killed) < passes
    pd.testing.assert_frame_equal(
        pd.read_parquet(calm / "table.parquet"), pd.read_parquet(killed / "table.parquet")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = store_folder(killed, model).glob("part-*.parquet")
        keys = pd.concat([pd.read_parquet(part) for part in parts])["key"]
    assert keys.is_unique
    assert len(keys) == len(results.read(store_folder(calm, model)))
    assert results.SECONDS_PER_PART > 1

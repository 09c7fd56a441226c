"""The bottle's models: what they read, and what comes of them."""

import numpy as np
import pandas as pd
import pytest

from xlkb import corpora, models, scoring, training
from xlkb.ground import paths
from xlkb.training import bottle, trials
from xlkb.training.bottle import Trial

TINY = {"described": 6, "tested": 4, "languages": 2, "copies": 2, "width": 16, "layers": 1}


@pytest.fixture
def few(monkeypatch):
    """Few documents about the tested people."""
    monkeypatch.setattr(bottle, "TOLD", 4)


@pytest.mark.parametrize("arm", corpora.bottle.ARMS)
@pytest.mark.parametrize("order", bottle.ORDERS)
def test_tested_people_occur_in_k_only_and_every_order_reads_the_same(arm, order, few):
    trial = Trial(1, arm, order, **TINY)
    rows = [row for stage in bottle.stages(trial).values() for row in stage]
    together = [row for row in bottle.stages(Trial(1, arm, **TINY))["together"]]
    assert sorted(row["text"] for row in rows) == sorted(row["text"] for row in together)
    for row in rows:
        if row["id"].partition("/")[0] in trial.world.tested:
            assert {span["language"] for span in row["spans"]} == {"en"}


def test_orders_are_what_they_are_called(few):
    def ids(order):
        read = bottle.stages(Trial(1, "word", order, **TINY))
        tested = {*Trial(1, "word", **TINY).world.tested}
        return {
            stage: sum(name.partition("/")[0] in tested for name in rows["id"]) / len(rows)
            for stage, rows in read.items()
        }

    assert list(ids("facts first").items()) == [("facts", 1.0), ("text", 0.0)]
    assert list(ids("text first").items()) == [("text", 0.0), ("facts", 1.0)]
    replay = ids("replay")
    assert replay["facts"] == 1.0
    assert 0 < replay["text"] < 0.5


def test_a_trial_from_end_to_end(few, tmp_path, monkeypatch, capsys):
    asked = trials.grid(["unmixed", "word"], ["together", "facts first"], [1], **TINY)
    found = trials.outcomes(asked, tmp_path, workers=0)
    assert "trained 4 / reused 0" in capsys.readouterr().out
    shares = ["accuracy_learned", "accuracy_k", "accuracy_c", "accuracy_described", "accuracy_own"]
    assert found[shares].stack().between(0, 1).all()
    assert (found["n_tokens"] == found["n_tokens"][0]).all()
    assert found["cosine_middle"].between(-2, 2).all()
    assert list(found.columns[:3]) == ["order", "arm", "seed"]
    runs = [path.name.split("-", 2)[2] for path in (paths.results() / "runs").glob("bottle-*-*")]
    assert len(runs) == 5  # Both arms start from one model that knows the facts.
    monkeypatch.setenv("XLKB_REPLAY", "1")
    again = trials.outcomes(asked, tmp_path)
    assert again.equals(found)
    assert "trained 0 / reused 4" in capsys.readouterr().out
    other = trials.grid(["unmixed"], ["together"], [2], **TINY)
    with pytest.raises(RuntimeError, match="1 outcomes of the bottle are missing"):
        trials.outcomes(other, tmp_path)


def test_processes_of_their_own_find_the_same(tmp_path):
    asked = trials.grid(["unmixed"], ["together"], [1], **(TINY | {"described": 3, "tested": 2}))
    alone = trials.outcomes(asked, tmp_path / "alone", workers=0)
    pd.testing.assert_frame_equal(alone, trials.outcomes(asked, tmp_path / "apart", workers=1))


def test_a_seed_makes_the_world_and_the_first_weights():
    one, again, other = (bottle.base(Trial(seed, "word", **TINY)) for seed in (1, 1, 2))
    assert one.weights_fingerprint == again.weights_fingerprint != other.weights_fingerprint
    assert bottle.base(Trial(1, "unmixed", **TINY)).name == one.name
    assert bottle.key(Trial(1, "word", **TINY)) != bottle.key(Trial(1, "unmixed", **TINY))


def test_every_word_is_one_token():
    trial = Trial(1, "word", **TINY)
    tokenizer = bottle.base(trial).tokenizer
    ids = tokenizer(trial.world.vocabulary)["input_ids"]
    assert all(len(each) == 1 for each in ids)
    assert tokenizer.unk_token_id not in {each[0] for each in ids}


def test_alignment_is_one_where_translations_are_the_same_and_others_orthogonal(monkeypatch):
    trial = Trial(1, "word", **TINY)
    world = trial.world
    number = {
        word: (relation * 8 + value)
        for relation, values in enumerate(world.values)
        for value, entry in enumerate(values)
        for word in entry.values()
    }

    def embed(model, texts, pooling, depths):
        states = np.eye(24)[[number[text.rpartition(" ")[2]] for text in texts]]
        return np.repeat(states[:, None], len(depths), 1)

    monkeypatch.setattr(scoring, "embed", embed)
    assert bottle.alignment(None, world) == pytest.approx(dict.fromkeys(bottle.DEPTHS, 1.0))


def test_each_sweep_has_the_trial_as_it_is_and_changes_only_what_it_says():
    found = trials.sweeps(list(trials.SWEEPS), [1])
    own = {arm: Trial(1, arm) for arm in trials.SWEPT}
    for _, rows in found.groupby("sweep"):
        assert any(row.trial == own[row.arm] for row in rows.itertuples())
    times = trials.SWEEPS["passes"].values
    for label, changes in times.items():
        trial = Trial(1, "word", **changes)
        assert int(label) == trial.copies * trial.recipe.epochs
    assert trials.sweeps([], [1]).empty
    with pytest.raises(ValueError, match="mean 'people'"):
        trials.sweeps(["poeple"], [1])
    with pytest.raises(ValueError, match="mean 'together'"):
        trials.grid(["word"], ["togther"], [1])


def test_the_recipe_is_a_preset_and_its_rate_falls_with_the_width():
    plain = training.recipe("bottle")
    assert Trial(1, "word").recipe.learning_rate == plain.learning_rate
    assert Trial(1, "word", width=128).recipe.learning_rate == plain.learning_rate / 2
    assert models.load(bottle.base(Trial(1, "word", **TINY)).name).context == bottle.CONTEXT

"""What a remedy gains in other languages, and what it loses in the base language."""

import numpy as np
import pandas as pd
import pytest
from test_stats import outcomes

from xlkb import analysis

N, READ = 40, ("en", "fr", "de")


def decisions(seeds=(7, 8), remedy=(0.5, 0.9), seed=3):
    """Answers of a model and, under each seed, with a remedy; its chances in English and others."""
    rng, parts = np.random.default_rng(seed), []
    for model, each, chances in (("start", (1,), (0.8, 0.3)), ("remedy", seeds, remedy)):
        for training_seed in each:
            for code in READ:
                right = rng.random(N) < chances[code != "en"]
                found = outcomes(right, language=code, recomposition="full", model=model)
                parts.append(found.assign(training_seed=training_seed, base_model="m"))
    return pd.concat(parts, ignore_index=True)


def test_gain_and_cost_are_differences_to_the_model_without_the_remedy():
    found = decisions()
    (row,) = analysis.costs(found, "start", READ).to_dict("records")
    english = found["language"] == "en"
    right = {
        (model, where): part["correct"].mean()
        for where, group in (("en", found[english]), ("other", found[~english]))
        for model, part in group.groupby("model")
    }
    gain = right["remedy", "other"] - right["start", "other"]
    assert row["gain_points"] == pytest.approx(100 * gain)
    assert row["cost_points"] == pytest.approx(100 * (right["start", "en"] - right["remedy", "en"]))
    assert (row["n"], row["n_seeds"], row["verdict"]) == (N, 2, "worse")
    assert row["cost_low"] < row["cost_points"] < row["cost_high"]


def test_a_remedy_is_compared_on_the_same_questions():
    found = decisions()
    remedy, french = found["model"] == "remedy", found["language"] == "fr"
    one = found["item_id"] == found["item_id"].iloc[0]
    others = found["language"] != "en"
    for lost in (remedy & french, remedy & one, ~remedy & french & one, ~remedy & others):
        with pytest.raises(ValueError, match=r"base_model m, model remedy: .* on one side only"):
            analysis.costs(found[~lost], "start", READ)
    under_one = remedy & one & (found["training_seed"] == 8)
    with pytest.raises(ValueError, match=r"not asked .* under every training seed"):
        analysis.costs(found[~under_one], "start", READ)
    with pytest.raises(ValueError, match="there is no 'none'"):
        analysis.costs(found, "none", READ)


def test_where_nothing_is_asked_in_other_languages_there_is_no_row():
    found = decisions()
    assert analysis.costs(found[found["language"] == "en"], "start", READ).empty

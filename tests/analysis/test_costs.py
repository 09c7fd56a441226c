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


def test_where_no_one_was_asked_in_the_base_language_there_is_no_row_either():
    found = decisions()
    assert analysis.costs(found[found["language"] != "en"], "start", READ).empty


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["fr", "de"], "in English;"),
        (["en"], "in other trained languages;"),
        (["es"], "in other trained languages or in English;"),
    ],
)
def test_a_remedy_without_a_gain_or_a_cost_is_refused_by_name(asked, said):
    found = decisions()
    other = found[found["model"] == "remedy"].assign(model="other")
    other = pd.concat([other, other[other["language"] == "fr"].assign(language="es")])
    both = pd.concat([found, other[other["language"].isin(asked)]])
    with pytest.raises(ValueError, match=f"m, other: nothing was asked {said}"):
        analysis.costs(both, "start", READ)


def test_a_remedy_that_was_asked_mixed_questions_only_is_refused_too():
    found = decisions()
    other = found[found["model"] == "remedy"].assign(model="other", recomposition="question")
    with pytest.raises(ValueError, match="m, other: nothing was asked"):
        analysis.costs(pd.concat([found, other]), "start", READ)


def test_the_model_without_a_remedy_has_one_seed():
    found = decisions()
    start = found[found["model"] == "start"]
    with pytest.raises(ValueError, match=r"m: 'start' has the training seeds 1, 2; .* with one"):
        analysis.costs(pd.concat([found, start.assign(training_seed=2)]), "start", READ)


def test_an_unknown_base_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"no language 'english'.*Did you mean 'en'"):
        analysis.costs(decisions(), "start", READ, base="english")

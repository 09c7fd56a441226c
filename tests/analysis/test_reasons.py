"""What a barrier goes with: planted names, scripts and tokens are found again."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from test_stats import outcomes, rows

from xlkb.analysis import gaps, stats
from xlkb.analysis.languages import reasons

EN = [True] * 8
OWN = {"fr": [True] * 6 + [False] * 2, "ru": [False] * 8, "he": [False] * 7 + [True]}
NAMED = {"fr": OWN["fr"], "ru": [True] * 4 + [False] * 4, "he": [True] * 8}


def decisions(rule="sum"):
    asked = [outcomes(EN, language="en")]
    asked += [outcomes(right, language=code) for code, right in OWN.items()]
    asked += [outcomes(r, language=c, recomposition="entity") for c, r in NAMED.items()]
    return stats.concat(asked).assign(rule=rule)


def test_what_a_name_gives_back_stands_beside_the_barrier():
    table = reasons.with_base_names(decisions()).set_index("language")
    assert table.index.tolist() == ["fr", "ru", "he", "all in other scripts"]
    assert table["gap_points"].tolist() == [25, 100, 87.5, 93.75]
    assert table["gain_points"].tolist() == [0, 50, 87.5, 68.75]
    assert table.loc["ru", "closed"] == 0.5
    assert table.loc["he", "closed"] == 1
    assert (table["gain_low"] <= table["gain_points"]).all()
    assert (table["p_adjusted"] >= table["p"]).all()
    assert table["n"].tolist() == [8] * 4


def test_a_share_of_a_barrier_that_is_in_doubt_is_not_told():
    assert np.isnan(reasons.with_base_names(decisions()).set_index("language").loc["fr", "closed"])


def test_a_question_that_reads_the_same_has_no_other_name():
    one = stats.decide(rows([[-1, -2, -2, -2], [-3, -2, -9, -9]], "fr"))
    two = stats.decide(rows([[-1, -2, -2, -2], [-1, -2, -9, -9]], "fr", "entity"))
    both = stats.concat([outcomes([True, True]), one, two])
    assert reasons.with_base_names(both)["changed"].tolist() == [0.5]


def test_questions_that_were_asked_in_one_way_only_are_refused():
    told = decisions()
    lacking = told[~((told["recomposition"] == "entity") & (told["item_id"] == "q0"))]
    with pytest.raises(ValueError, match="answered by only one"):
        reasons.with_base_names(lacking)
    assert reasons.with_base_names(told.query("recomposition == 'full'")).empty
    assert reasons.with_base_names(told.query("language == 'en'")).empty


def test_a_barrier_has_its_script_and_tokens_beside_it():
    barrier = gaps.barrier(decisions(), by=["rule"])
    lengths = pd.DataFrame(
        {"language": ["en", "fr", "ru"], "tokens_per_word": [1, 1.5, 2.5], "tokens_ratio": 1.0}
    )
    found = reasons.scripts(barrier, lengths).set_index("language")
    assert found["script"].tolist() == ["Latin", "Cyrillic", "Hebrew"]
    assert found["tokens_per_word"].tolist()[:2] == [1.5, 2.5]
    assert np.isnan(found.loc["he", "tokens_per_word"])
    assert found["gap_points"].tolist() == barrier["gap_points"].tolist()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=4, max_size=12))
def test_the_rank_correlation_is_spearmans(pairs):
    table = pd.DataFrame(pairs, columns=["x", "y"]).assign(rule="sum")
    found = reasons.correlation(table, "x", "y", "rule")
    constant = (table[["x", "y"]].nunique() < 2).any()
    assert len(found) == (not constant)
    if not constant:
        assert found["rho"].iloc[0] == pytest.approx(spearmanr(table["x"], table["y"]).statistic)
        assert 0 < found["p"].iloc[0] <= 1
        assert found["n"].iloc[0] == len(pairs)


def test_few_languages_are_not_ranked():
    table = pd.DataFrame({"x": [1, 2, 3, np.nan], "y": [3, 2, 1, 0], "rule": "sum"})
    assert reasons.correlation(table, "x", "y", "rule").empty
    assert reasons.correlation(table.iloc[:0], "x", "y", "rule").empty

"""The ensemble over languages: sums of stored scores, compared on the same questions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_stats import rows

from xlkb.analysis import stats
from xlkb.analysis.rivals import ensemble

VALUES = {
    "en": [[-1, -2, -9, -9], [-2, -1, -9, -9]],
    "fr": [[-3, -2, -9, -9], [-1, -2, -9, -9]],
    "de": [[-3, -2, -9, -9], [-1, -4, -9, -9]],
}
TOKENS = {"en": 20.0, "fr": 24.0, "de": 26.0}


def asked(values=VALUES, **more):
    return pd.concat([rows(each, code, **more) for code, each in values.items()])


def test_scores_are_added_up_choice_by_choice():
    taken = ensemble.decide(asked(), ["fr", "de"])
    assert taken["predicted"].tolist() == [1, 0] * 3
    assert taken["language"].tolist() == ["en", "en", "fr", "fr", "de", "de"]
    assert taken["margin"].tolist() == [-2, 4] * 3
    everyone = ensemble.decide(asked(), ["en", "fr", "de"])
    assert everyone["predicted"].tolist() == [1, 0] * 3
    assert everyone["margin"].tolist() == [-1, 3] * 3


numbers = st.lists(st.floats(-20, 0), min_size=8, max_size=8).map(lambda v: np.reshape(v, (2, 4)))


@given(numbers, st.sampled_from(stats.RULES))
def test_languages_that_agree_answer_together_as_each_does(values, rule):
    frame = asked(dict.fromkeys(("en", "fr"), values), n_bytes=[[1, 2, 3, 4]] * 2)
    alone, together = stats.decide(frame, rule), ensemble.decide(frame, ["en", "fr"], rule)
    assert together["predicted"].tolist() == alone["predicted"].tolist()
    assert together["correct"].tolist() == alone["correct"].tolist()
    assert set(together["rule"]) == {rule}


@given(numbers, numbers, numbers, st.permutations(["en", "fr", "de"]))
def test_the_order_of_languages_and_questions_does_not_matter(en, fr, de, order):
    frame = asked({"en": np.round(en), "fr": np.round(fr), "de": np.round(de)})
    turned = pd.concat(
        [frame.query("language == @code").iloc[[4, 5, 6, 7, 0, 1, 2, 3]] for code in order]
    )
    by = ["language", "item_id"]
    one = ensemble.decide(frame, ["en", "fr", "de"]).set_index(by)["predicted"]
    other = ensemble.decide(turned, order).set_index(by)["predicted"]
    pd.testing.assert_series_equal(one, other.loc[one.index])


def test_the_rules_are_applied_before_the_sum():
    frame = asked({"en": [[-8, -6, -99, -99]], "fr": [[-3, -4, -99, -99]]}, n_bytes=[[8, 3, 1, 1]])
    taken = {
        r: int(ensemble.decide(frame, ["en", "fr"], r)["predicted"].iloc[0])
        for r in ("sum", "per_byte")
    }
    assert taken == {"sum": 1, "per_byte": 0}


def test_differing_questions_are_refused():
    few = {**VALUES, "fr": VALUES["fr"][:1]}
    with pytest.raises(ValueError, match="language fr: 1 items are on one side only"):
        ensemble.decide(asked(few), ["en", "fr"])
    with pytest.raises(ValueError, match=r"over en, sw: the rows have the questions in en, fr, de"):
        ensemble.decide(asked(), ["en", "sw"])
    with pytest.raises(ValueError, match="over no language"):
        ensemble.decide(asked(), [])
    moved = pd.concat([rows(VALUES["en"], "en"), rows(VALUES["fr"], "fr", answers=[0, 1])])
    with pytest.raises(ValueError, match="language fr: a right choice does not stand where"):
        ensemble.decide(moved, ["en", "fr"])
    with pytest.raises(ValueError, match="an item occurs twice"):
        ensemble.decide(pd.concat([asked(), asked(model="n")]), ["en", "fr"])


@pytest.mark.parametrize(
    ("languages", "base", "found"),
    [
        (
            ["en", "fr", "de"],
            "en",
            {
                "sum over 2 languages without English": ["fr", "de"],
                "sum over 3 languages": ["en", "fr", "de"],
            },
        ),
        (["en", "fr"], "en", {"sum over 2 languages": ["en", "fr"]}),
        (["fr", "de"], "fr", {"sum over 2 languages": ["fr", "de"]}),
        (["en"], "en", {}),
        ([], "en", {}),
    ],
)
def test_an_ensemble_has_two_languages_or_more(languages, base, found):
    assert ensemble.members(languages, base) == found


def test_an_ensemble_is_compared_with_the_mean_of_its_languages_and_with_english():
    told = rows([[-1, -2, -9, -9]] * 2, "fr"), rows([[-2, -1, -9, -9]] * 2, "de")
    beside = ("translate, then answer", pd.concat(told), 300.0)
    table = ensemble.gained(asked(), TOKENS, stats.RULES, beside=beside)
    assert set(table["rule"]) == set(stats.RULES)
    part = table.query("rule == 'sum'").set_index(["mitigation", "group"])
    without, translated = "sum over 2 languages without English", "translate, then answer"
    assert part.loc[("one language", "other languages"), "accuracy"] == 0.5
    assert part.loc[(without, "other languages"), "accuracy"] == 0.5
    assert part.loc[(without, "English"), "gain_points"] == 0
    assert part.loc[(translated, "other languages"), ["n", "n_questions"]].tolist() == [2, 4]
    assert (translated, "English") not in part.index
    spent = part["tokens_per_question"].groupby("mitigation").first()
    assert spent[[without, "sum over 3 languages", translated]].tolist() == [50, 70, 300]


def test_one_language_alone_has_no_ensemble():
    assert ensemble.gained(rows([[-1, -2, -3, -4]]), TOKENS).empty
    mixed = rows([[-1, -2, -3, -4]], "mixed", "mixup")
    assert ensemble.gained(mixed, TOKENS).empty

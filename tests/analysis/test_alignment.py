"""Means and paired comparisons of similarities."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as tests

from xlkb.analysis import effects
from xlkb.analysis.languages import alignment


def values(shift=0.0, n=60, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.normal(0.8, 0.05, n)
    frames = [
        pd.DataFrame(
            {"id": "d", "sentence": range(n), "kind": kind, "probability": p, "cosine": cosine}
        )
        for kind, p, cosine in (
            ("mixed", 0.16, base),
            ("dropped", 0.8, base - shift + rng.normal(0, 0.01, n)),
        )
    ]
    return pd.concat(frames, ignore_index=True)


def test_means_have_intervals_around_them():
    table = alignment.means(values(), ["kind", "probability"])
    assert table["n"].tolist() == [60, 60]
    assert ((table["low"] < table["cosine"]) & (table["cosine"] < table["high"])).all()


def test_a_shift_is_found_and_no_shift_is_not():
    for shift, found in ((0.05, True), (0.0, False)):
        frame = values(shift)
        table = alignment.against(frame, ("mixed", 0.16)).set_index("kind")
        a, b = (frame[frame["kind"] == kind]["cosine"].to_numpy() for kind in ("mixed", "dropped"))
        assert table.loc["dropped", "p"] == pytest.approx(tests.wilcoxon(a, b).pvalue)
        assert table.loc["dropped", "difference"] == pytest.approx((a - b).mean())
        assert (table.loc["dropped", "p_adjusted"] < 0.05) == found
        assert np.isnan(table.loc["mixed", "p"])
        least = effects.least(tests.sem(a - b), len(a) - 1)
        assert table.loc["dropped", "least_difference"] == pytest.approx(least)


def test_other_sentences_are_refused():
    frame = values()
    with pytest.raises(ValueError, match="other sentences"):
        alignment.against(frame.iloc[:-1], ("mixed", 0.16))
    with pytest.raises(ValueError, match="no change"):
        alignment.against(frame, ("mixed", 0.5))


def test_of_no_sentences_the_tables_are_empty_with_their_columns():
    none = pd.DataFrame(columns=["id", "sentence", "kind", "probability", "cosine"])
    for table in (
        alignment.means(none, ["kind", "probability"]),
        alignment.against(none, ("mixed", 0.4)),
    ):
        assert table.empty
        assert {"kind", "n", "cosine", "low", "high"} <= set(table)

"""Weights in 4 and 8 bits, on a real model: close to the full ones, and told apart from them."""

import installed
import numpy as np
import pytest

from xlkb import models, tasks
from xlkb.analysis import stats
from xlkb.models import variants
from xlkb.scoring.evaluation import score
from xlkb.tasks import recompose

MODEL = "pip:smollm2-135m"
BOUNDS = {"nf4": (2.5, 0.75), "int8": (0.6, 0.85)}
"""Mean difference of a choice's log-likelihood (nats) at most, share of equal answers at least.

Measured on a CPU: 1.72 and 85 % in NF4, 0.38 and 90 % in 8 bits. The model has 135 million weights,
which were in 4 bits of another kind before.
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    return answers("float32", tmp_path_factory.mktemp("full"))


def answers(dtype, folder):
    model = models.load(installed.or_skip(MODEL), dtype=dtype, device="cpu")
    asked = recompose.grid(tasks.load("worldfacts", ["en"], n=20), ["full"], ["en"], 42)
    rows = score(model, asked, folder)
    models.release()
    return model, rows["log_likelihood"].to_numpy(), stats.decide(rows)["predicted"].to_numpy()


@pytest.mark.real_model
@pytest.mark.parametrize("dtype", variants.QUANTIZED)
def test_quantized_weights_score_nearly_as_full_ones(dtype, full, tmp_path):
    model, values, taken = answers(dtype, tmp_path)
    difference, alike = np.abs(values - full[1]).mean(), (taken == full[2]).mean()
    print(f"{dtype}: {difference:.3f} nats per choice, {alike:.0%} equal answers")
    most, least = BOUNDS[dtype]
    assert 0 < difference <= most
    assert alike >= least
    assert model.fingerprint != full[0].fingerprint


def test_a_quantized_model_is_named_by_its_dtype():
    model = models.load(installed.or_skip(MODEL), dtype="nf4", device="cpu")
    assert model.describe()["dtype"] == "nf4"
    assert model.compute_dtype in ("bfloat16", "float32")
    with pytest.raises(ValueError, match=r"dtype='int4'.*nf4, int8"):
        models.load(MODEL, dtype="int4")

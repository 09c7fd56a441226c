"""Log-probabilities, a part of the vocabulary at a time."""

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlkb.scoring import heads


@given(st.integers(1, 2 * heads.PART + 3), st.integers(1, 5), st.floats(0.1, 50), st.data())
def test_parts_of_the_vocabulary_give_what_all_of_it_gives(size, n, spread, data):
    random = torch.Generator().manual_seed(size)
    weight = torch.randn(size, 4, generator=random)
    hidden = spread * torch.randn(n, 4, generator=random)
    rows = torch.tensor(data.draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=6)))
    draw = st.lists(st.integers(0, size - 1), min_size=len(rows), max_size=len(rows))
    targets = np.array(data.draw(draw))
    plain = (hidden.double() @ weight.double().T).log_softmax(-1)
    found = heads.log_probabilities(weight, hidden, rows, targets)
    np.testing.assert_allclose(found, plain[rows, torch.from_numpy(targets)], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("how", ["bias", "dtype", "scale", "layer"])
def test_a_head_that_does_more_than_multiply_is_left_to_the_network(how):
    network = tiny.network("llama")
    assert heads.matrix(network) is network.lm_head.weight
    if how == "bias":
        network.lm_head.bias = torch.nn.Parameter(torch.ones(400))
    elif how == "dtype":
        network.lm_head.bfloat16()
    elif how == "scale":
        network.config.logits_scaling = 2.0
    else:
        network.lm_head = torch.nn.Sequential(network.lm_head)
    assert heads.matrix(network) is None

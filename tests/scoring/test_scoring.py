"""The scoring engine: one row of a token trie gives what each text alone would give."""

import warnings

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.scoring import heads, likelihoods
from xlkb.scoring.likelihoods import log_likelihoods, run_padded
from xlkb.scoring.tries import Pair, TokenIds, encode, merge, plan

SHOTS = "Question: Which currency is used in this country: Peru?\nAnswer: sol\n\n" * 3
PAIRS = [
    Pair(f"{shots}Question: Which {what} is used in this country: {where}?\nAnswer:", f" {option}")
    for shots in ("", SHOTS)
    for what, where in [("currency", "France"), ("language", "France"), ("currency", "日本")]
    for option in ("euro", "dollar and euro", "D", "A", "французский язык")
] + [Pair("Answer: ", "A", isolated=True), Pair("Answer: ", "euro"), Pair("", "euro dollar")]


def score(network, tokenizer, pairs=PAIRS, **options):
    values = np.full(len(pairs), np.nan)
    for indices, log_likelihood, _ in log_likelihoods(network, tokenizer, pairs, **options):
        assert np.isnan(values[indices]).all()
        values[indices] = log_likelihood
    return values


def by_hand(network, sequence):
    with torch.inference_mode():
        logits = network(torch.tensor([sequence.ids])).logits[0].log_softmax(-1)
    positions = range(sequence.start - 1, len(sequence.ids) - 1)
    return sum(logits[p, sequence.ids[p + 1]].item() for p in positions)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", tiny.CONFIGS)
def test_a_trie_row_gives_the_single_sequences_log_likelihoods(architecture, side):
    network, tokenizer = tiny.network(architecture), tiny.tokenizer(side)
    sequences = encode(tokenizer, PAIRS)
    assert max(len(s.ids) for s in sequences) > 30  # far beyond the sliding window of 7
    expected = [by_hand(network, s) for s in sequences]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = score(network, tokenizer, tokens_per_row=150)
    in_parts = heads.matrix(network) is not None
    assert in_parts == (architecture not in ("gemma2", "cohere"))
    run = likelihoods.run_in_parts if in_parts else likelihoods.run_forest
    assert likelihoods._RUNNERS[network] is run
    np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(run_padded(network, sequences), expected, atol=1e-4)


@pytest.mark.parametrize("change", ["bias", "head in bfloat16", "body in bfloat16"])
def test_a_head_that_changes_after_its_first_use_is_scored_as_it_is(change):
    network, tokenizer = tiny.network("llama"), tiny.tokenizer()
    score(network, tokenizer)
    if change == "bias":
        network.lm_head.bias = torch.nn.Parameter(torch.linspace(-1, 1, 400))
    else:
        (network.lm_head if change.startswith("head") else network.model).bfloat16()
        hook = lambda module, given: (given[0].to(module.weight.dtype),)  # noqa: E731
        network.lm_head.register_forward_pre_hook(hook)
    got = score(network, tokenizer)
    expected = run_padded(network, encode(tokenizer, PAIRS))
    np.testing.assert_allclose(got, expected, atol=1e-4 if change == "bias" else 0.3)


@pytest.mark.parametrize("bos", [True, False])
def test_log_likelihoods_are_those_of_lm_evaluation_harness(bos):
    harness = pytest.importorskip("lm_eval.models.huggingface")
    instance = pytest.importorskip("lm_eval.api.instance").Instance
    network, tokenizer = tiny.network("llama"), tiny.tokenizer(bos=bos)
    pairs = [pair for pair in PAIRS if pair.context and not pair.isolated]
    peer = harness.HFLM(pretrained=network, tokenizer=tokenizer, batch_size=4, backend="causal")
    requests = [
        instance("loglikelihood", {}, (pair.context, pair.continuation), i)
        for i, pair in enumerate(pairs)
    ]
    expected = [value for value, _ in peer.loglikelihood(requests, disable_tqdm=True)]
    np.testing.assert_allclose(score(network, tokenizer, pairs), expected, atol=1e-3)


def test_a_run_that_goes_on_gets_the_same_bits_as_one_left_in_peace():
    network, tokenizer = tiny.network(), tiny.tokenizer()
    rows = list(log_likelihoods(network, tokenizer, PAIRS, tokens_per_row=60))
    assert len(rows) > 3
    done = np.zeros(len(PAIRS), dtype=bool)
    done[np.concatenate([rows[0][0], rows[2][0]])] = True
    rest = log_likelihoods(network, tokenizer, PAIRS, done=done, tokens_per_row=60)
    again = {tuple(indices): values for indices, values, _ in rest}
    expected = {tuple(i): v for k, (i, v, _) in enumerate(rows) if k not in (0, 2)}
    assert again.keys() == expected.keys()
    assert all((again[key] == expected[key]).all() for key in again)


def test_a_model_that_ignores_the_mask_is_scored_in_plain_batches():
    network, tokenizer = tiny.network(), tiny.tokenizer()
    forward = network.model.forward

    def deaf(*args, attention_mask=None, **kwargs):
        if isinstance(attention_mask, torch.Tensor) and attention_mask.ndim == 4:
            attention_mask = None
        return forward(*args, attention_mask=attention_mask, **kwargs)

    network.model.forward = deaf
    with pytest.warns(UserWarning, match="one sequence per row"):
        got = score(network, tokenizer)
    expected = [by_hand(network, s) for s in encode(tokenizer, PAIRS)]
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_running_out_of_memory_halves_the_row():
    network, tokenizer = tiny.network(), tiny.tokenizer()
    expected = score(network, tokenizer)
    forward = network.model.forward

    def small(input_ids, **kwargs):
        if input_ids.shape[1] > 200:
            raise torch.OutOfMemoryError("out of memory")
        return forward(input_ids=input_ids, **kwargs)

    network.model.forward = small
    np.testing.assert_allclose(score(network, tokenizer), expected, atol=1e-5)
    network.model.forward = lambda **_: (_ for _ in ()).throw(
        torch.OutOfMemoryError("out of memory")
    )
    with pytest.raises(MemoryError, match="A single text"):
        score(network, tokenizer)


@pytest.mark.parametrize("architecture", [*tiny.CONFIGS, *tiny.HYBRID])
def test_a_long_text_is_read_in_pieces_to_the_same_result(architecture, monkeypatch):
    network, tokenizer = tiny.network(architecture), tiny.tokenizer()
    pairs = [Pair("", tiny.TEXT[0] * 3), Pair(tiny.TEXT[1] * 3, " Euro"), *PAIRS[:3]]
    expected = [by_hand(network, s) for s in encode(tokenizer, pairs)]
    monkeypatch.setattr(likelihoods, "LONG", 16)
    monkeypatch.setattr(likelihoods, "PROBE_TOKENS", 32)
    widest, merged = 0, likelihoods.merge

    def watched(sequences):
        nonlocal widest
        forest = merged(sequences)
        widest = max(widest, len(forest.tokens))
        return forest

    monkeypatch.setattr(likelihoods, "merge", watched)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = score(network, tokenizer, pairs, tokens_per_row=20)
    np.testing.assert_allclose(got, expected, atol=1e-3)
    assert widest <= 32 * likelihoods.PROBES
    assert max(len(s.ids) for s in encode(tokenizer, pairs)) > 6 * likelihoods.LONG


def test_bad_requests_are_named():
    network, tokenizer = tiny.network(), tiny.tokenizer()
    with pytest.raises(ValueError, match="adds no token"):
        score(network, tokenizer, [Pair("Answer:", "")])
    with pytest.raises(ValueError, match="exceeds the model's context of 512"):
        score(network, tokenizer, [Pair("euro " * 600, "A")])


token_lists = st.lists(
    st.builds(
        lambda ids, start: TokenIds(tuple(ids), min(start, len(ids) - 1)),
        st.lists(st.integers(0, 3), min_size=2, max_size=9),
        st.integers(1, 8),
    ),
    min_size=1,
    max_size=30,
)


@given(token_lists, st.integers(4, 40))
@settings(deadline=None)
def test_a_plan_covers_every_sequence_once_and_keeps_to_its_budget(sequences, budget):
    rows = plan(sequences, budget)
    assert sorted(i for row in rows for i in row) == list(range(len(sequences)))
    for row in rows:
        assert len(row) == 1 or len(merge([sequences[i] for i in row]).tokens) <= budget


@given(token_lists)
@settings(deadline=None)
def test_a_node_sees_exactly_the_tokens_before_it_in_its_sequence(sequences):
    ordered = sorted(sequences)
    forest = merge(ordered)
    prefixes = {s.ids[:k] for s in ordered for k in range(1, len(s.ids))}
    assert len(forest.tokens) == len(prefixes)
    seen = {tuple(forest.tokens[row].tolist()) for row in forest.mask}
    assert seen == prefixes
    assert (forest.mask.sum(1) == forest.positions + 1).all()
    for predictor, target, owner in zip(
        forest.predictors, forest.targets, forest.owners, strict=True
    ):
        ids = ordered[owner].ids
        position = forest.positions[predictor]
        assert ids[position + 1] == target
        assert tuple(forest.tokens[forest.mask[predictor]].tolist()) == ids[: position + 1]

"""Log-likelihoods of continuations under a causal language model, with shared work done once.

Rows of merged sequences come from `tries.py`. The last token of a continuation is never run, and
the output head meets only the nodes that predict a scored token (on a CPU, a part of the vocabulary
at a time: `heads.py`). Models that do not follow a four-dimensional attention mask (state-space
models, say) are recognised by a comparison at their first call and scored in plain right-padded
batches instead.
"""

import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xlkb.ground import stops
from xlkb.models import checkpoints, tokens
from xlkb.scoring import heads
from xlkb.scoring.tries import Forest, Pair, TokenIds, attention_masks, encode, merge, plan

TOKENS_PER_ROW = {"cpu": 512, "mps": 1024, "cuda": 4096}
"""Trie nodes in a row: attention is quadratic in it, matrix products are slow below it."""

LONG = 2048
"""A text of more tokens is read in pieces of this many: its mask would take the square of its
length, and its logits that times the vocabulary."""

ROWS_PER_HEAD_CHUNK = 16
PROBES = 8
PROBE_TOKENS = 512


@torch.inference_mode()
def run_forest(network: PreTrainedModel, sequences: Sequence[TokenIds]) -> np.ndarray:
    """Summed log-likelihoods (nats, float64 [sequences]) of one row of sorted sequences."""
    forest = merge(sequences)
    rows, where = _predictors(network, forest)
    logits = network(**_inputs(network, forest), logits_to_keep=rows).logits[0]
    log_likelihoods = _gather(logits, where, forest.targets)
    return np.bincount(forest.owners, weights=log_likelihoods, minlength=len(sequences))


@torch.inference_mode()
def run_in_parts(network: PreTrainedModel, sequences: Sequence[TokenIds]) -> np.ndarray:
    """The same, a part of the vocabulary at a time, where `heads.matrix` finds the output head."""
    weight = heads.matrix(network)
    if weight is None:
        return run_forest(network, sequences)
    forest = merge(sequences)
    rows, where = _predictors(network, forest)
    hidden = network.base_model(**_inputs(network, forest)).last_hidden_state[0, rows]
    log_likelihoods = heads.log_probabilities(weight, hidden, where, forest.targets)
    return np.bincount(forest.owners, weights=log_likelihoods, minlength=len(sequences))


def _inputs(network: PreTrainedModel, forest: Forest) -> dict[str, Any]:
    return {
        "input_ids": torch.from_numpy(forest.tokens).to(network.device)[None],
        "position_ids": torch.from_numpy(forest.positions).to(network.device)[None],
        "attention_mask": attention_masks(network, forest),
        "use_cache": False,
    }


def _predictors(network: PreTrainedModel, forest: Forest) -> tuple[torch.Tensor, torch.Tensor]:
    """The nodes that predict something, each once, and which of them predicts each target."""
    rows, where = np.unique(forest.predictors, return_inverse=True)
    return torch.from_numpy(rows).to(network.device), torch.from_numpy(where)


def _gather(logits: torch.Tensor, rows: torch.Tensor, targets: np.ndarray) -> np.ndarray:
    """log softmax(logits)[rows, targets] in float32; float32 logits are overwritten meanwhile."""
    rows = rows.to(logits.device)
    chosen = logits[rows, torch.from_numpy(targets).to(logits.device)].float()
    normaliser = torch.cat([_logsumexp_(c.float()) for c in logits.split(ROWS_PER_HEAD_CHUNK)])
    return (chosen - normaliser[rows]).double().cpu().numpy()


def _logsumexp_(logits: torch.Tensor) -> torch.Tensor:
    # torch.logsumexp takes 2.8 times as long on a CPU, because it looks for infinities.
    top = logits.amax(-1, keepdim=True)
    return logits.sub_(top).exp_().sum(-1).log() + top[:, 0]


@torch.inference_mode()
def run_padded(network: PreTrainedModel, sequences: Sequence[TokenIds]) -> np.ndarray:
    """The same, each sequence in a right-padded row of its own: slow, and right everywhere."""
    totals = np.empty(len(sequences))
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i].ids), reverse=True)
    while order:
        width = len(sequences[order[0]].ids) - 1
        size = max(1, TOKENS_PER_ROW["cpu"] // max(1, width))
        batch, order = order[:size], order[size:]
        tokens = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros_like(tokens)
        for row, index in enumerate(batch):
            run = sequences[index].ids[:-1]
            tokens[row, : len(run)] = torch.tensor(run)
            mask[row, : len(run)] = 1
        logits = network(
            input_ids=tokens.to(network.device),
            attention_mask=mask.to(network.device),
            use_cache=False,
        ).logits
        for row, index in enumerate(batch):
            ids, start = sequences[index]
            predictors = torch.arange(start - 1, len(ids) - 1)
            totals[index] = _gather(logits[row], predictors, np.array(ids[start:])).sum()
    return totals


@torch.inference_mode()
def run_pieces(network: PreTrainedModel, sequence: TokenIds) -> np.ndarray:
    """The same for one long sequence, whose keys and values are kept from piece to piece."""
    ids, start = sequence
    total, past = 0.0, None
    for begin in range(0, len(ids) - 1, LONG):
        end = min(begin + LONG, len(ids) - 1)
        scored = range(max(begin, start - 1), end)
        output = network(
            input_ids=torch.tensor([ids[begin:end]], device=network.device),
            past_key_values=past,
            use_cache=True,
            logits_to_keep=max(len(scored), 1),
        )
        past = output.past_key_values
        if scored:
            targets = np.array(ids[scored.start + 1 : end + 1])
            total += _gather(output.logits[0], torch.arange(len(scored)), targets).sum()
    return np.array([total])


class Row(NamedTuple):
    """What is run at once: places among the pairs (int64 [k]), and their sequences, sorted."""

    places: np.ndarray
    sequences: list[TokenIds]


Scored = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Places among the pairs (int64 [k]), summed log-likelihoods of the continuations in nats (float64
[k]) and their numbers of tokens (int64 [k])."""


def log_likelihoods(
    network: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    done: np.ndarray | None = None,
    tokens_per_row: int | None = None,
) -> Iterator[Scored]:
    """Score distinct pairs, yielding each row of them as soon as it is known.

    Args:
        network: any causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        pairs: what to score; duplicates are scored twice, so leave them out.
        done: bool [pairs], True for those not to be scored again.
        tokens_per_row: trie nodes per row; by default `TOKENS_PER_ROW` for the device.

    Raises:
        ValueError: a pair is longer than the model's context, or its continuation is empty.
        MemoryError: one sequence alone does not fit in memory.
    """
    budget = tokens_per_row or TOKENS_PER_ROW.get(network.device.type, 512)
    limit = checkpoints.context(network.config)
    rows, probes = planned(tokenizer, pairs, limit, budget, done)
    for row in rows:
        yield run_row(network, probes, row)


def planned(
    tokenizer: PreTrainedTokenizerBase,
    pairs: Sequence[Pair],
    limit: int | None,
    tokens_per_row: int,
    done: np.ndarray | None = None,
) -> tuple[list[Row], list[TokenIds]]:
    """The rows in which pairs are scored, and a few sequences to try on a network.

    Rows are planned from *all* pairs, and what is done is left out of them afterwards: a run that
    goes on after an interruption, or is spread over workers, meets the same rows, and so gets the
    same numbers to the last bit. `limit`: of the model's context, in tokens; the rest as above.
    """
    sequences = encode(tokenizer, pairs)
    _check_length(limit, pairs, sequences)
    rows = plan(sequences, tokens_per_row)
    order = [i for row in rows for i in row]
    probes = [sequences[i] for i in order[:: max(1, len(order) // PROBES)][:PROBES]]
    left = ([i for i in row if done is None or not done[i]] for row in rows)
    kept = [Row(np.array(row), [sequences[i] for i in row]) for row in left if row]
    return kept, [_shortened(each) for each in probes]


def run_row(network: PreTrainedModel, probes: Sequence[TokenIds], row: Row) -> Scored:
    """Score one row of `planned`; ValueError where network and tokenizer are of two models."""
    largest = max(max(each.ids) for each in row.sequences)
    tokens.check(network, largest, network.name_or_path)
    values = _backing_off(_runner(network, probes), network, row.sequences)
    return row.places, values, np.array([len(s.ids) - s.start for s in row.sequences])


Runner = Callable[[PreTrainedModel, Sequence[TokenIds]], np.ndarray]


def _backing_off(
    run: Runner, network: PreTrainedModel, sequences: Sequence[TokenIds]
) -> np.ndarray:
    """Run a row; when memory runs out, run its halves."""
    try:
        if run is not run_padded and len(sequences) == 1 and len(sequences[0].ids) > LONG:
            return run_pieces(network, sequences[0])
        return run(network, sequences)
    except (MemoryError, RuntimeError) as error:
        if not stops.out_of_memory(error):
            raise
        if len(sequences) == 1:
            raise MemoryError(
                f"A single text of {len(sequences[0].ids)} tokens does not fit in memory on "
                f"{network.device}: use a smaller model, a 4-bit one, or fewer shots."
            ) from error
    if network.device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(sequences) // 2
    return np.concatenate(
        [_backing_off(run, network, part) for part in (sequences[:half], sequences[half:])]
    )


def _check_length(limit: int | None, pairs: Sequence[Pair], sequences: Sequence[TokenIds]) -> None:
    for pair, sequence in zip(pairs, sequences, strict=True):
        if limit and len(sequence.ids) - 1 > limit:
            raise ValueError(
                f"A prompt of {len(sequence.ids)} tokens exceeds the model's context of {limit}: "
                f"use fewer shots. It begins {pair.context[:80]!r}."
            )


def _shortened(sequence: TokenIds) -> TokenIds:
    """Its beginning, so that a few probes together are small."""
    ids = sequence.ids[:PROBE_TOKENS]
    return TokenIds(ids, min(sequence.start, len(ids) - 1))


_RUNNERS: weakref.WeakKeyDictionary[PreTrainedModel, Runner] = weakref.WeakKeyDictionary()


def _runner(network: PreTrainedModel, probes: Sequence[TokenIds]) -> Runner:
    """The fastest way of running a row that is seen to be right on a few probes."""
    if network not in _RUNNERS:
        plain = _plain(network, probes)
        ways = [run_forest] if heads.matrix(network) is None else [run_in_parts, run_forest]
        right = next((run for run in ways if _agrees(run, network, probes, plain)), run_padded)
        if right is run_padded:
            warnings.warn(
                f"{type(network).__name__} does not follow a token trie's attention mask: its "
                "prompts are scored one sequence per row, which is right but several times slower.",
                stacklevel=2,
            )
        _RUNNERS[network] = right
    return _RUNNERS[network]


def _plain(network: PreTrainedModel, probes: Sequence[TokenIds]) -> np.ndarray:
    """Scores of a few probes; ValueError where the network cannot give any."""
    plain = np.concatenate([run_padded(network, [probe]) for probe in probes])
    if np.isnan(plain).any():
        raise ValueError(
            f"The scores of {network.name_or_path} are no numbers ({network.dtype}): its weights "
            "are damaged, or overflow. Put the right ones there, or compute in float32."
        )
    return plain


def _agrees(
    run: Runner, network: PreTrainedModel, probes: Sequence[TokenIds], plain: np.ndarray
) -> bool:
    try:
        difference = np.abs(run(network, probes) - plain)
    except (AttributeError, TypeError, ValueError, KeyError, IndexError):
        return False
    tokens = np.array([len(s.ids) - s.start for s in probes])
    tolerance = 1e-3 if network.dtype == torch.float32 else 0.15
    return bool((difference <= tolerance * np.maximum(tokens, 2)).all())

"""Token tries: the texts to score, merged so that what they share stands in them once.

Sequences (context + continuation) are sorted by their token ids, so that those with a common
beginning lie side by side, and are merged into rows of at most a given number of trie nodes. A
row is run through the model as one sequence whose attention mask lets each node see its ancestors
and itself only, with the node's depth as its position (`scoring.py`). Few-shot demonstrations, a
question template, a question under several recompositions and the first token of several choices
are thus run once per row, without a line of code for any of them, and no row holds padding.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Pair(NamedTuple):
    """A continuation to score after a context (texts).

    `isolated` tokenises the continuation alone and scores its last token only, which is how the
    paper's released code reads the letters A to D.
    """

    context: str
    continuation: str
    isolated: bool = False


class TokenIds(NamedTuple):
    """Token ids of context + continuation; `start` is the index of the continuation's first."""

    ids: tuple[int, ...]
    start: int


class Forest(NamedTuple):
    """A row of merged sequences, ready to be run.

    `tokens`, `positions`: int64 [nodes]. `mask`: bool [nodes, nodes], True where the row's node
    may attend to the column's. `predictors`, `targets`: int64 [scored tokens], the node whose
    output predicts the token, and that token's id. `owners`: int64 [scored tokens], which
    sequence of the row the token belongs to.
    """

    tokens: np.ndarray
    positions: np.ndarray
    mask: np.ndarray
    predictors: np.ndarray
    targets: np.ndarray
    owners: np.ndarray


def encode(tokenizer: "PreTrainedTokenizerBase", pairs: Sequence[Pair]) -> list[TokenIds]:
    """Tokenise pairs the way lm-evaluation-harness does (`api/model.py::_encode_pair`).

    Spaces at the end of a context move to the continuation; the continuation's tokens are those
    of the whole text past the context's. A context without tokens is replaced by the tokenizer's
    beginning-of-sequence (or else end-of-sequence) token, so that the first token has a predictor.

    Raises:
        ValueError: a continuation is empty or has no token of its own.
    """
    contexts = [pair.context.rstrip() if not pair.isolated else pair.context for pair in pairs]
    wholes = [pair.context + pair.continuation for pair in pairs if not pair.isolated]
    lone = [pair.continuation for pair in pairs if pair.isolated]
    ids = _token_ids(tokenizer, {*contexts, *wholes, *lone})
    fallback = tokenizer.bos_token_id
    fallback = tokenizer.eos_token_id if fallback is None else fallback
    sequences = []
    for pair, context in zip(pairs, contexts, strict=True):
        head = ids[context]
        if pair.isolated:
            tail = ids[pair.continuation][-1:]
        else:
            tail = ids[pair.context + pair.continuation][len(head) :]
        if not tail:
            raise ValueError(
                f"The continuation {pair.continuation!r} after {pair.context[-60:]!r} adds no "
                "token: give every choice a text."
            )
        head = head or (fallback,)
        sequences.append(TokenIds(head + tail, len(head)))
    return sequences


def _token_ids(tokenizer: "PreTrainedTokenizerBase", texts: set[str]) -> dict[str, tuple[int, ...]]:
    ordered = sorted(texts)
    if not ordered:
        return {}
    encoded = tokenizer(ordered, return_attention_mask=False)["input_ids"]
    eos = tokenizer.eos_token_id
    adds_eos = tokenizer("a")["input_ids"][-1:] == [eos]
    return {
        text: tuple(ids[:-1] if adds_eos else ids)
        for text, ids in zip(ordered, encoded, strict=True)
    }


def plan(sequences: Sequence[TokenIds], tokens_per_row: int) -> list[list[int]]:
    """Assign sequences (by index) to rows of at most `tokens_per_row` trie nodes.

    A single sequence that is longer gets a row of its own. The plan depends on the sequences
    alone, so an interrupted run that plans again gets the same rows.
    """
    order = sorted(range(len(sequences)), key=lambda i: sequences[i])
    rows: list[list[int]] = []
    previous: tuple[int, ...] = ()
    nodes = 0
    for index in order:
        run = sequences[index].ids[:-1]
        new = len(run) - _common(previous, run)
        if rows and nodes + new <= tokens_per_row:
            rows[-1].append(index)
            nodes += new
        else:
            rows.append([index])
            nodes = len(run)
        previous = run
    return rows


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    length = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        length += 1
    return length


def merge(sequences: Sequence[TokenIds]) -> Forest:
    """Merge sequences, sorted by their ids, into one forest of tries."""
    tokens: list[int] = []
    parents: list[int] = []
    positions: list[int] = []
    scored: list[tuple[int, int, int]] = []
    path: list[int] = []
    previous: tuple[int, ...] = ()
    for owner, (ids, start) in enumerate(sequences):
        run = ids[:-1]
        shared = _common(previous, run)
        del path[shared:]
        for depth in range(shared, len(run)):
            parents.append(path[-1] if path else -1)
            positions.append(depth)
            path.append(len(tokens))
            tokens.append(run[depth])
        scored += [(path[j - 1], ids[j], owner) for j in range(start, len(ids))]
        previous = run
    mask = np.eye(len(tokens), dtype=bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            mask[node, :node] = mask[parent, :node]
    predictors, targets, owners = np.array(scored, dtype=np.int64).T
    return Forest(np.array(tokens), np.array(positions), mask, predictors, targets, owners)

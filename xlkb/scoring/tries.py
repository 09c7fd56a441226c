"""Token tries: the texts to score, merged so that what they share stands in them once.

Sequences (context + continuation) are sorted by their token ids, so that those with a common
beginning lie side by side, and are merged into rows of at most a given number of trie nodes. A
row is run through the model as one sequence whose attention mask lets each node see its ancestors
and itself only, with the node's depth as its position (`scoring.py`). Few-shot demonstrations, a
question template, a question under several recompositions and the first token of several choices
are thus run once per row, without a line of code for any of them, and no row holds padding.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xlkb.models import tokens

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


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
    """Tokenise pairs as lm-evaluation-harness does, but for tokens that span the border.

    As in its `api/model.py::_encode_pair` (0.4.13): spaces at the end of a context move to the
    continuation, and the continuation's tokens are those of the whole text past the context's.

    That holds where the whole text's tokens begin with the context's. Where they do not, because a
    token such as ": A" spans the border, the harness cuts at the number of the context's tokens all
    the same: it scores "ern" for " Bern", or stops as nothing is left (its issues 1053 and 1297,
    and pull request 4055, which was open in August 2026). Here such a continuation is tokenised
    apart from its context (`tokens.following`), so what is scored is its whole text and nothing
    else. All choices of a question, and all questions of a language, are then conditioned on the
    very tokens of their prompt, their probabilities add up to at most 1, and a score depends on no
    other choice. Scoring from the last border that both share would count a piece of the prompt
    for some choices and not for others. The price is that the model has met such a text in other
    tokens; a warning says how many pairs it concerns. Ordinary tokenizers have none.

    The harness also reads special tokens that are spelt out in a text as special; see `tokens`. A
    context without tokens is replaced by `tokens.first`, so that the first token has a predictor.

    Raises:
        ValueError: a continuation is empty or has no token of its own.
    """
    contexts = [pair.context.rstrip() if not pair.isolated else pair.context for pair in pairs]
    wholes = [pair.context + pair.continuation for pair in pairs if not pair.isolated]
    lone = [pair.continuation for pair in pairs if pair.isolated]
    texts = sorted({*contexts, *wholes, *lone})
    ids = dict(zip(texts, map(tuple, tokens.encode(tokenizer, texts)), strict=True))
    n_begin = len(tokens.added(tokenizer)[0])
    sequences, n_apart = [], 0
    for pair, context in zip(pairs, contexts, strict=True):
        head = ids[context]
        if pair.isolated:
            tail = ids[pair.continuation][n_begin:][-1:]
        else:
            whole = ids[pair.context + pair.continuation]
            tail = whole[len(head) :]
            if whole[: len(head)] != head:
                moved = (pair.context + pair.continuation)[len(context) :]
                tail = tuple(tokens.following(tokenizer, moved))
                n_apart += 1
        if not tail:
            raise ValueError(
                f"The continuation {pair.continuation!r} after {pair.context[-60:]!r} adds no "
                "token: give every choice a text."
            )
        head = head or tuple(tokens.first(tokenizer))
        sequences.append(TokenIds(head + tail, len(head)))
    if n_apart:
        warnings.warn(
            f"In {n_apart:,} of {len(pairs):,} pairs a token spans the end of the prompt: the "
            "continuation is tokenised apart from it there.",
            stacklevel=2,
        )
    return sequences


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
        new = len(run) - tokens.n_shared(previous, run)
        if rows and nodes + new <= tokens_per_row:
            rows[-1].append(index)
            nodes += new
        else:
            rows.append([index])
            nodes = len(run)
        previous = run
    return rows


def merge(sequences: Sequence[TokenIds]) -> Forest:
    """Merge sequences, sorted by their ids, into one forest of tries."""
    nodes: list[int] = []
    parents: list[int] = []
    positions: list[int] = []
    scored: list[tuple[int, int, int]] = []
    path: list[int] = []
    previous: tuple[int, ...] = ()
    for owner, (ids, start) in enumerate(sequences):
        run = ids[:-1]
        shared = tokens.n_shared(previous, run)
        del path[shared:]
        for depth in range(shared, len(run)):
            parents.append(path[-1] if path else -1)
            positions.append(depth)
            path.append(len(nodes))
            nodes.append(run[depth])
        scored += [(path[j - 1], ids[j], owner) for j in range(start, len(ids))]
        previous = run
    mask = np.eye(len(nodes), dtype=bool)
    for node, parent in enumerate(parents):
        if parent >= 0:
            mask[node, :node] = mask[parent, :node]
    predictors, targets, owners = np.array(scored, dtype=np.int64).T
    return Forest(np.array(nodes), np.array(positions), mask, predictors, targets, owners)


def attention_masks(network: "PreTrainedModel", forest: Forest) -> "torch.Tensor | dict[str, Any]":
    """The mask(s) in the form that the architecture takes: bool [1, 1, nodes, nodes], or what is
    added to attention scores where it has no "sdpa" (Gemma 2, whose scores are capped).

    Models that mix full and sliding-window layers (Gemma 3, Qwen 2) take one mask per kind;
    models with one window for all layers (Mistral) take it folded into the one mask.
    """
    import torch

    config = network.config.get_text_config()
    full = torch.from_numpy(forest.mask).to(network.device)[None, None]
    kinds = set(getattr(config, "layer_types", None) or [])
    window = getattr(config, "sliding_window", None)
    if not window or (kinds and "sliding_attention" not in kinds):
        sliding = full
    else:
        positions = torch.from_numpy(forest.positions).to(network.device)
        sliding = full & (positions[:, None] - positions[None, :] < window)
    if config._attn_implementation == "eager":
        least = torch.finfo(network.dtype).min
        full, sliding = ((~mask).to(network.dtype) * least for mask in (full, sliding))
    if kinds:
        return {"full_attention": full, "sliding_attention": sliding}
    return sliding if getattr(config, "use_sliding_window", True) else full

"""Sentence embeddings from a causal language model: do texts that mean the same lie close?

A causal model has no sentence embedding of its own; how its hidden states are *pooled* into one
vector decides what is found (the paper's reviewers asked how it did). Here:

- "mean": over the text's tokens;
- "weighted_mean": token i of n weighs i, as later tokens have seen more (SGPT, Muennighoff 2022);
- "last_token": the state of the last token alone;
- "prompt": the last token of `PROMPT`, which asks for the text in one word (PromptEOL, Jiang et al.
  2023).

What the tokenizer puts before a text (Gemma's <bos>) is read and not pooled: its state is many
times as long as the others. *Depth* names a layer as a share of all: 0 the token embeddings, 1 the
last layer after the final norm, 0.5 the middle; so it is comparable between models.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xlkb.ground.names import unknown
from xlkb.models import LanguageModel, tokens
from xlkb.scoring import engines, results

POOLINGS = ("mean", "weighted_mean", "last_token", "prompt")
PROMPT = 'This sentence: "{text}" means in one word: "'
TOKENS_PER_BATCH = 2048
PAIRS_PER_BLOCK = 128


def embed(
    model: LanguageModel,
    texts: Sequence[str],
    pooling: str = "mean",
    depths: Sequence[float] = (1.0,),
) -> np.ndarray:
    """Embeddings of texts, float32 [texts, depths, width].

    Args:
        model: from `models.load`.
        texts: none may be empty; each is read alone, from the model's first position.
        pooling: one of `POOLINGS`.
        depths: of the layers, 0 to 1; the nearest layer is taken.

    Raises:
        ValueError: an unknown pooling, a depth out of range, or a text without a token.
    """
    _check([pooling], depths)
    if pooling == "prompt":
        texts = [PROMPT.format(text=text) for text in texts]
    encoded = tokens.encode(model.tokenizer, texts)
    n_begin = len(tokens.added(model.tokenizer)[0])
    lengths = np.array([len(ids) for ids in encoded])
    found: list[np.ndarray] = [None] * len(texts)
    for place, length in enumerate(lengths):
        if length <= n_begin:
            raise ValueError(f"Text {place} ({texts[place]!r}) has no token to pool.")
    order = np.argsort(-lengths, kind="stable")
    while len(order):
        size = max(1, TOKENS_PER_BATCH // int(lengths[order[0]]))
        batch, order = order[:size], order[size:]
        ids = [encoded[i] for i in batch]
        for i, vector in zip(batch, _run(model, ids, n_begin, pooling, depths), strict=True):
            found[i] = vector
    return np.stack(found)


def similarities(
    model: LanguageModel,
    pairs: Sequence[tuple[str, str]],
    store: Path,
    poolings: Sequence[str] = ("mean",),
    depths: Sequence[float] = (1.0,),
) -> pd.DataFrame:
    """Cosine and Euclidean distance between the embeddings of two texts, stored as they come.

    Returns:
        One row per pair, pooling and depth: `pair` (its place), `pooling, depth, cosine, distance`.
    """
    _check(poolings, depths)
    wanted = [(a, b, p, d) for p in poolings for d in depths for a, b in pairs]
    keys = [_key("pair", p, d, a, b) for a, b, p, d in wanted]

    def compute(missing: Sequence[int]) -> results.Found:
        # Planned from all, so that a run that goes on meets the same blocks.
        left, blocks = {keys[i]: i for i in missing}, []
        todo = list(dict.fromkeys(pairs))
        for pooling in poolings:
            for start in range(0, len(todo), PAIRS_PER_BLOCK):
                block = todo[start : start + PAIRS_PER_BLOCK]
                cells = [
                    (_key("pair", pooling, d, a, b), i, d)
                    for i, (a, b) in enumerate(block)
                    for d in depths
                ]
                cells = [(left[k], i, d) for k, i, d in cells if k in left]
                blocks += [(block, pooling, cells)] if cells else []
        yield from engines.over(model, _run_block, blocks)

    values = results.stored(
        model, store, "similarities", keys, compute, "Embedding with", "similarities"
    )
    frame = pd.DataFrame({"pair": np.tile(np.arange(len(pairs)), len(poolings) * len(depths))})
    frame["pooling"] = [p for _, _, p, _ in wanted]
    frame["depth"] = [d for _, _, _, d in wanted]
    return pd.concat([frame, values], axis=1)


def _run_block(model: LanguageModel, unit: tuple) -> tuple[list[int], pd.DataFrame]:
    """Places and similarities of the wanted (place, pair, depth) of a block of pairs."""
    block, pooling, cells = unit
    depths = list(dict.fromkeys(depth for _, _, depth in cells))
    texts = list(dict.fromkeys(text for pair in block for text in pair))
    vectors = embed(model, texts, pooling, depths)
    left, right = (
        np.stack([vectors[texts.index(block[i][side]), depths.index(d)] for _, i, d in cells])
        for side in (0, 1)
    )
    cosine = (_unit(left) * _unit(right)).sum(-1)
    distance = np.linalg.norm(left - right, axis=-1)
    places = [place for place, _, _ in cells]
    return places, pd.DataFrame({"cosine": cosine, "distance": distance})


def retrieval(
    model: LanguageModel,
    texts: Mapping[str, Sequence[str]],
    store: Path,
    poolings: Sequence[str] = ("mean",),
    depths: Sequence[float] = (1.0,),
    pairs: Sequence[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """Does a text find its translation among all texts of another language, by cosine?

    Args:
        model: from `models.load`.
        texts: language -> texts, the same ones in the same order in each.
        store: folder of stored results.
        poolings: some of `POOLINGS`.
        depths: of the layers, 0 to 1.
        pairs: (source, target) languages; all ordered pairs when None; none give no row.

    Returns:
        One row per text, language pair, pooling and depth: `source, target, item` (the text's
        place), `pooling, depth, rank` (1: found; a tie counts against the translation), `n`
        (candidates; chance of rank 1 is 1/n), `correct` (rank == 1).

    Raises:
        ValueError: languages with different numbers of texts; as `embed`.
    """
    _check(poolings, depths)
    counts = {code: len(each) for code, each in texts.items()}
    if len(set(counts.values())) > 1:
        raise ValueError(f"Languages have different numbers of texts: {counts}.")
    n = next(iter(counts.values()), 0)
    chosen = pairs if pairs is not None else [(a, b) for a in texts for b in texts if a != b]
    cells = [(a, b, p, d) for p in poolings for d in depths for a, b in chosen]
    digest = {code: sha256("\x00".join(each).encode()).hexdigest() for code, each in texts.items()}
    keys = [
        _key("rank", p, d, digest[a], digest[b], str(i)) for a, b, p, d in cells for i in range(n)
    ]

    def compute(missing: Sequence[int]) -> results.Found:
        todo = list(dict.fromkeys(cells[i // n] for i in missing))
        spoken = dict.fromkeys((pooling, code) for a, b, pooling, _ in todo for code in (a, b))
        units = [(pooling, code, texts[code]) for pooling, code in spoken]
        vectors: dict[tuple[str, str], np.ndarray] = {}
        for pooling, code, found in engines.over(model, partial(_run_texts, depths), units):
            vectors[pooling, code] = found
            whole = [each for each in todo if {(each[2], c) for c in each[:2]} <= {*vectors}]
            for cell in whole:
                level = depths.index(cell[3])
                found = ranks(*(vectors[cell[2], code][:, level] for code in cell[:2]))
                first = cells.index(cell) * n
                yield list(range(first, first + n)), pd.DataFrame({"rank": found})
            todo = [each for each in todo if each not in whole]
            left = {(each[2], code) for each in todo for code in each[:2]}
            vectors = {each: vectors[each] for each in vectors if each in left}

    values = results.stored(model, store, "ranks", keys, compute, "Embedding with", "ranks")
    frame = pd.DataFrame(
        [(*cell, i) for cell in cells for i in range(n)],
        columns=["source", "target", "pooling", "depth", "item"],
    )
    return frame.assign(rank=values["rank"], n=n, correct=values["rank"] == 1)


def _run_texts(
    depths: Sequence[float], model: LanguageModel, unit: tuple[str, str, Sequence[str]]
) -> tuple[str, str, np.ndarray]:
    """Pooling and language of texts, and their embeddings."""
    pooling, code, texts = unit
    return pooling, code, embed(model, texts, pooling, depths)


def ranks(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Place of row i of `targets` among all of them, by cosine to row i of `sources`; int64 [n].

    Ties count against it, so embeddings that are all alike find nothing.
    """
    cosines = _unit(sources) @ _unit(targets).T
    return (cosines >= np.diag(cosines)[:, None] - 1e-6).sum(1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _check(poolings: Sequence[str], depths: Sequence[float]) -> None:
    for pooling in poolings:
        if pooling not in POOLINGS:
            raise ValueError(unknown("pooling", pooling, POOLINGS))
    for depth in depths:
        if not 0 <= depth <= 1:
            raise ValueError(f"depth {depth}: it is a share of the layers, from 0 to 1.")


def _run(
    model: LanguageModel,
    ids: Sequence[Sequence[int]],
    n_begin: int,
    pooling: str,
    depths: Sequence[float],
) -> np.ndarray:
    """Pooled hidden states, float32 [texts, depths, width]; the first `n_begin` tokens are not."""
    import torch

    width, device = max(map(len, ids)), model.network.device
    inputs, mask, pooled = (torch.zeros(len(ids), width, dtype=torch.long) for _ in range(3))
    for row, own in enumerate(ids):
        inputs[row, : len(own)] = torch.tensor(own)
        mask[row, : len(own)] = 1
        pooled[row, n_begin : len(own)] = 1
    weights = _weights(pooled, pooling).to(device)
    with torch.inference_mode():
        states = model.network.base_model(
            input_ids=inputs.to(device),
            attention_mask=mask.to(device),
            output_hidden_states=True,
            use_cache=False,
        ).hidden_states
        layers = [states[round(depth * (len(states) - 1))] for depth in depths]
        vectors = [torch.einsum("nt,ntw->nw", weights, layer.float()) for layer in layers]
        return torch.stack(vectors, 1).cpu().numpy()


def _weights(pooled: Any, pooling: str) -> Any:
    """Each token's share in its text's vector, float32 [texts, tokens]; rows sum to 1."""
    count = pooled.cumsum(1) * pooled
    if pooling == "mean":
        weights = pooled.float()
    elif pooling == "weighted_mean":
        weights = count.float()
    else:
        weights = (count == count.amax(1, keepdim=True)).float()
    return weights / weights.sum(1, keepdim=True)


def _key(kind: str, pooling: str, depth: float, *texts: str) -> bytes:
    prompt = PROMPT if pooling == "prompt" else ""
    return results.address(kind, pooling, prompt, f"{depth:.6f}", *texts)

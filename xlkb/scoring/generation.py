"""Text from a causal language model: greedy, batched, and stored like scores.

Prompts come as (shared, own): what many of them begin with, few-shot demonstrations say, and the
rest. A shared part runs through the model once and its keys and values are copied for every prompt
of a batch that begins with it. A batch may hold several shared parts, because a step of a small
model costs what reading its weights costs; both parts are padded on the left. A text ends at the
first line break, so a prompt should be made such that an answer is one line.
"""

import copy
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import groupby, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from xlkb.ground import stops
from xlkb.models import LanguageModel, checkpoints, tokens
from xlkb.scoring import engines, results
from xlkb.scoring.served import lines

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase

BATCH = {"cpu": 64, "mps": 64, "cuda": 128}


class Prompt(NamedTuple):
    """A prompt in two parts; the model reads `shared + own`."""

    shared: str
    own: str


def generate(
    model: LanguageModel, prompts: Sequence[Prompt], store: Path, max_new_tokens: int = 96
) -> pd.DataFrame:
    """The line with which the model goes on after each prompt, by greedy decoding.

    Stored texts are reused; a run that was stopped goes on with the batches that were not done.

    Args:
        model: from `models.load`; its weights are loaded only if a text is missing.
        prompts: `Prompt` tuples.
        store: folder of stored results.
        max_new_tokens: a text that has not ended by then is cut there.

    Returns:
        One row per prompt: `text` (stripped; it may be empty), `n_tokens` (generated, with the line
        break), `n_prompt`
        (tokens of the prompt), `cut` (no line break came). Of a model behind an endpoint they are
        what the endpoint says, and 0 where it does not.

    Raises:
        ValueError: a prompt and the new tokens are longer than the model's context.
        MemoryError: one prompt alone does not fit in memory.
    """
    limit = str(max_new_tokens)
    keys = [results.address("greedy line", limit, each.shared + each.own) for each in prompts]

    def compute(missing: Sequence[int]) -> results.Found:
        if model.name.startswith("api:"):
            texts = [each.shared + each.own for each in prompts]
            yield from lines.written(model, texts, missing, max_new_tokens)
            return
        # Planned from all, so that a run that goes on meets the same batches.
        every, left = {k: place for place, k in reversed([*enumerate(keys)])}, {*missing}
        batches = _batches(model, {place: prompts[place] for place in every.values()})
        own = ([place for place in batch if place in left] for batch in batches)
        units = [(places, [prompts[place] for place in places]) for places in own if places]
        yield from engines.over(model, partial(_run_batch, max_new_tokens), units)

    return results.stored(model, store, "generations", keys, compute, "Generating with", "texts")


def _batches(model: LanguageModel, wanted: dict[int, Prompt]) -> Iterator[list[int]]:
    """Prompts with the same shared part stand together, those of like length side by side.

    wanted: place -> prompt. Batches hold places.
    """
    groups: dict[str, list[int]] = {}
    for place, prompt in wanted.items():
        groups.setdefault(prompt.shared, []).append(place)
    size = BATCH[model.device_kind]
    ordered = [
        place
        for shared in sorted(groups, key=lambda shared: (-len(shared), shared))
        for place in sorted(groups[shared], key=lambda i: (-len(wanted[i].own), wanted[i].own))
    ]
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _run_batch(
    max_new_tokens: int, model: LanguageModel, unit: tuple[list[int], list[Prompt]]
) -> tuple[list[int], pd.DataFrame]:
    """Places and texts of a batch."""
    places, batch = unit
    # State-space layers read padding as text.
    alone = len(batch) > 1 and getattr(model.network, "_is_stateful", False)
    parts = [[prompt] for prompt in batch] if alone else [batch]
    return places, pd.concat([_texts(model, part, max_new_tokens) for part in parts])


def _texts(model: LanguageModel, batch: Sequence[Prompt], max_new_tokens: int) -> pd.DataFrame:
    """Generate for a batch; when memory runs out, for its halves."""
    import torch

    network, tokenizer = model.network, model.tokenizer
    whole = [prompt.shared + prompt.own for prompt in batch]
    ids = [each or tokens.first(tokenizer) for each in tokens.encode(tokenizer, whole)]
    limit = checkpoints.context(network.config)
    longest = max(map(len, ids))
    if limit and longest + max_new_tokens > limit:
        raise ValueError(
            f"A prompt of {longest} tokens and {max_new_tokens} new ones exceed the model's "
            f"context of {limit}: use fewer demonstrations."
        )
    try:
        begun = [prompt.shared for prompt in batch]
        new = _decode(network, ids, begun, _ends(tokenizer), max_new_tokens)
    except (MemoryError, RuntimeError) as error:
        if not stops.out_of_memory(error):
            raise
        if len(batch) == 1:
            raise MemoryError(f"A single prompt of {longest} tokens does not fit.") from error
        if network.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(batch) // 2
        parts = [batch[:half], batch[half:]]
        return pd.concat([_texts(model, part, max_new_tokens) for part in parts])
    texts = [tokenizer.decode(made, skip_special_tokens=True) for made, _ in new]
    return pd.DataFrame(
        {
            "text": [text.partition("\n")[0].strip() for text in texts],
            "n_tokens": [len(made) for made, _ in new],
            "n_prompt": [len(own) for own in ids],
            "cut": [cut for _, cut in new],
        }
    )


def _decode(
    network: "PreTrainedModel",
    ids: Sequence[Sequence[int]],
    begun: Sequence[str],
    ends: Sequence[int],
    max_new_tokens: int,
) -> list[tuple[list[int], bool]]:
    """Greedy continuations of a batch: tokens up to the first of `ends`, and whether none came.

    Prompts that have the same text in `begun` follow each other, and share their first tokens.
    """
    import torch
    from transformers import GenerationConfig

    first = {
        text: _common([each for each, own in zip(ids, begun, strict=True) if own == text])
        for text in begun
    }
    shared = [first[text] for text in begun]
    width = max(map(len, shared))
    own = max(len(each) - len(part) for each, part in zip(ids, shared, strict=True))
    window = getattr(network.config.get_text_config(), "sliding_window", None)
    # Padding amid the tokens would push the first ones out of the window.
    fits = not window or width + own + max_new_tokens <= window
    if len(ids) == 1 or not all(shared) or not fits:
        shared, width, own = [()] * len(ids), 0, max(map(len, ids))
    filling = ends[0] if ends else 0
    inputs = torch.full((len(ids), width + own), filling)
    mask = torch.zeros_like(inputs)
    for row, (each, begin) in enumerate(zip(ids, shared, strict=True)):
        for part, end in ((begin, width), (each[len(begin) :], width + own)):
            inputs[row, end - len(part) : end] = torch.tensor(part, dtype=torch.long)
            mask[row, end - len(part) : end] = 1
    options = {"past_key_values": _cache(network, shared, width)} if width else {}
    with torch.inference_mode():
        settings = copy.deepcopy(network.generation_config) or GenerationConfig()
        settings.update(
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            max_length=None,
            max_new_tokens=max_new_tokens,
            eos_token_id=list(ends) or None,
            pad_token_id=filling,
        )
        made = network.generate(
            inputs.to(network.device),
            attention_mask=mask.to(network.device),
            generation_config=settings,
            **options,
        )[:, inputs.shape[1] :].tolist()
    last, found = set(ends), []
    for row in made:
        at = next((i for i, token in enumerate(row, 1) if token in last), None)
        found.append((row[:at], at is None))
    return found


def _common(ids: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The tokens that all begin with, but for the last one of the shortest."""
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*ids, strict=False))
    return tuple(column[0] for column in alike)[: min(map(len, ids)) - 1]


def _cache(
    network: "PreTrainedModel", shared: Sequence[tuple[int, ...]], width: int
) -> "DynamicCache":
    """Keys and values of the shared tokens, one row per prompt, zeros to the left of short ones."""
    import torch
    from torch.nn.functional import pad
    from transformers import DynamicCache

    rows: list[list[tuple[torch.Tensor, ...]]] = []
    for first, same in groupby(shared):
        past, count = DynamicCache(), len(list(same))
        with torch.inference_mode():
            network.base_model(torch.tensor([first], device=network.device), past_key_values=past)
        rows.append(
            [
                tuple(
                    pad(each, (0, 0, width - len(first), 0)).expand(count, -1, -1, -1)
                    for each in (layer.keys, layer.values)
                )
                for layer in past.layers
            ]
        )
    whole = DynamicCache()
    for number, layers in enumerate(zip(*rows, strict=True)):
        keys, values = (torch.cat(parts) for parts in zip(*layers, strict=True))
        whole.update(keys, values, number)
    return whole


@cache
def _ends(tokenizer: "PreTrainedTokenizerBase") -> tuple[int, ...]:
    """The end of text and every token with a line break in it, the end of text first."""
    texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))])
    breaks = [token for token, text in enumerate(texts) if "\n" in text]
    end = tokenizer.eos_token_id
    return tuple(dict.fromkeys([*([] if end is None else [end]), *breaks]))

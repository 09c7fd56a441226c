"""How long prompts are in tokens, and how many demonstrations fit into a model's context.

Lengths are stored like scores, so a replay needs no tokenizer. Most prompts need none at all: a
token stands for at least one byte of the text, so what has few bytes has few tokens.
"""

import math
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from datasets import Dataset

from xlkb.ground import disk
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.texts import short
from xlkb.models import LanguageModel, replaying, tokens
from xlkb.scoring import results
from xlkb.scoring.results import key, store_folder
from xlkb.scoring.tries import Pair, encode

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MARGIN = 16
"""Tokens that a tokenizer may add to any text, its beginning and end say."""

UNSPACED = ("Hans", "Jpan")
"""Scripts that put no spaces between words."""

SHOWN = 20
"""Of what is left out."""


def of(model: LanguageModel, pairs: Iterable[Pair], store: Path) -> dict[Pair, int]:
    """Tokens that the model reads to score each pair, from the store or else its tokenizer.

    The last token of a continuation is predicted and not read. Without a continuation, the tokens
    of the context.
    """
    folder = store_folder(store, model) / "lengths"
    keys = {pair: key(pair) for pair in pairs}
    there = results.index.known(folder, results.LENGTHS, list(keys.values()))
    missing = [pair for pair, known in zip(keys, there, strict=True) if not known]
    if missing:
        counts = _count(model.tokenizer, missing)
        disk.write_json(folder.parent / "model.json", model.describe())
        new = pd.DataFrame({"key": [keys[pair] for pair in missing], "n_tokens": counts})
        results.append(folder, new, results.LENGTHS)
    found = results.index.rows(folder, results.LENGTHS, list(keys.values()))
    return dict(zip(keys, found["n_tokens"].tolist(), strict=True))


def known(model: LanguageModel, store: Path) -> bool:
    """Whether texts can be measured: always, but for endpoints without a tokenizer."""
    if not model.name.startswith("api:") or (store_folder(store, model) / "lengths").is_dir():
        return True
    return not replaying() and model.tokenizer.there


def fitting(
    model: LanguageModel,
    wanted: Sequence[int],
    made: Callable[[int, int], Sequence[Pair]],
    store: Path,
    new_tokens: int = 0,
) -> list[int]:
    """How many demonstrations fit into the model's context, prompt by prompt.

    What does not fit loses its last demonstration, whole, until it does: so MMLU's own code and
    HELM do (lm-evaluation-harness cuts tokens off at the beginning instead, amid a demonstration),
    and a prompt that lost two of five is the one that three were asked for, with the same score.

    Args:
        model: from `models.load`; where its context is unknown, everything fits.
        wanted: demonstrations of each prompt, at most.
        made: (place of the prompt, demonstrations) -> what is to be scored then; a text to be
            continued has no continuation.
        store: folder of stored results.
        new_tokens: that are generated after each prompt.

    Returns:
        Demonstrations of each prompt; -1 where it does not even fit without any. A warning counts
        the prompts that have fewer than wanted.
    """
    counts, limit = list(wanted), model.context
    left = list(range(len(counts))) if limit is not None else []
    while left:
        tried = {i: made(i, counts[i]) for i in left}
        long = [p for each in tried.values() for p in each if _at_most(p) + new_tokens > limit]
        found = of(model, long, store) if long else {}
        left = [i for i in left if any(found.get(p, 0) + new_tokens > limit for p in tried[i])]
        for i in left:
            counts[i] -= 1
        left = [i for i in left if counts[i] >= 0]
    cut = sum(0 <= n < most for n, most in zip(counts, wanted, strict=True))
    if cut:
        warnings.warn(
            f"{model.label}: {cut:,} of {len(counts):,} prompts have fewer demonstrations than "
            f"there are, as many as fit into the context of {limit:,} tokens.",
            stacklevel=3,
        )
    return counts


def per_word(
    model: LanguageModel,
    questions: Dataset,
    store: Path,
    languages: Iterable[str],
    base: str = "en",
) -> pd.DataFrame:
    """How many tokens the model's tokenizer makes of a word, language by language.

    Args:
        model: from `models.load`.
        questions: of a task, in these languages and the base one; their texts are counted, not
            their choices, without what a tokenizer puts before a text.
        store: folder of stored results.
        base: the language that the others are compared with.

    Returns:
        `language, n` (questions), `n_words` (between spaces; NaN in Chinese and Japanese, which
        write none), `n_tokens, tokens_per_word` and `tokens_ratio` (over that of the same questions
        in the base language). No rows of a model behind an endpoint that has no tokenizer.
    """
    columns = ["language", "n", "n_words", "n_tokens", "tokens_per_word", "tokens_ratio"]
    if not known(model, store):
        return pd.DataFrame(columns=columns)
    texts = {code: [each[code] for each in questions["question"]] for code in (base, *languages)}
    pairs = {text: Pair(text, "") for each in texts.values() for text in each}
    found = of(model, [*pairs.values(), Pair("", "")], store)
    begin, rows = found[Pair("", "")], []
    counts = {code: sum(found[pairs[t]] - begin for t in each) for code, each in texts.items()}
    for code, each in texts.items():
        words = [word for text in each for word in text.split() if any(map(str.isalnum, word))]
        n_words = math.nan if LANGUAGES[code].script in UNSPACED else len(words)
        rates = counts[code] / n_words, counts[code] / counts[base]
        rows.append((code, len(each), n_words, counts[code], *rates))
    return pd.DataFrame(rows, columns=columns)


def _at_most(pair: Pair) -> int:
    """More tokens a pair cannot have; some tokenizers normalise, which makes a few texts longer."""
    text = pair.context + pair.continuation
    normal = unicodedata.normalize("NFKC", text)
    return max(len(text.encode()), len(normal.encode())) + MARGIN


def _count(tokenizer: "PreTrainedTokenizerBase", pairs: Sequence[Pair]) -> list[int]:
    alone = [pair.context for pair in pairs if not pair.continuation]
    contexts = iter(tokens.encode(tokenizer, alone))
    whole = iter(encode(tokenizer, [pair for pair in pairs if pair.continuation]))
    return [
        len(next(whole).ids) - 1 if pair.continuation else len(next(contexts)) for pair in pairs
    ]


def left_out(model: LanguageModel, kind: str, names: Sequence[object], total: int) -> None:
    """Warn of the texts of a kind that do not even fit without demonstrations, if there are any."""
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        warnings.warn(
            f"{model.label}: {len(names):,} of {total:,} {kind} are left out, because they are "
            f"longer than the context of {model.context:,} tokens even without demonstrations: "
            f"{', '.join(short(str(name)) for name in names[:SHOWN])}{more}.",
            stacklevel=4,
        )

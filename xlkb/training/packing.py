"""Training texts: read, identified, and packed into sequences of equal length."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datasets import Dataset, DatasetDict, load_from_disk

from xlkb.ground import texts
from xlkb.models import tokens
from xlkb.training.recipes import Recipe

IGNORED = -100
"""The label of a token that is not learned, as in torch and transformers."""

FILES = (".jsonl", ".json", ".csv", ".tsv")
"""Kinds of files with named fields, beside `.txt`."""

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def read(path: str | Path) -> list[str]:
    """The texts of a corpus on disk; see `corpus`."""
    return texts_of(corpus(path))


def corpus(path: str | Path) -> list[str] | Dataset:
    """A corpus on disk, for `finetuning.train`.

    A folder is one saved by `datasets` with a column `text`, and perhaps `context`. A `.txt` file
    has empty lines between texts; `.jsonl` and `.json` have objects, and `.csv` and `.tsv` rows
    below a header, with the same two names.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: a folder with anything else, or with several splits; another kind of file, or
            what is wrong in it, by lines.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _saved(path)
    path = texts.existing(path, "corpus")
    kind = path.suffix.lower()
    if kind == ".txt":
        parts = groupby(texts.lines(path), key=lambda line: bool(texts.clean(line)))
        return texts_of([texts.clean("\n".join(lines)) for filled, lines in parts if filled])
    if kind not in FILES:
        raise ValueError(
            f"{path}: a corpus is a datasets folder, or a file {', '.join(('.txt', *FILES))}."
        )
    problems: list[str] = []
    table = kind in (".csv", ".tsv")
    rows = texts.records(path, ["text"], problems) if table else texts.items(path, problems)
    found: dict[str, list] = {"text": [], "context": []}
    for at, row in rows:
        for text in texts.fields(row, ["text"], f"{path}, {at}", problems):
            found["text"].append(text)
            found["context"].append(row.get("context"))
    texts.refuse(problems, f"{path} is no corpus as it stands:")
    if not any(value is not None for value in found["context"]):
        return texts_of([texts.clean(text) for text in found["text"]])
    if table:
        found["context"] = [int(n) if n.strip().isdecimal() else n for n in found["context"]]
    # What the contexts count are characters of the texts as they stand.
    contexts_of(found)
    return Dataset.from_dict(found)


def _saved(folder: Path) -> Dataset:
    """What `save_to_disk` of `datasets` wrote: a data set, or a dict of one."""
    try:
        found = load_from_disk(str(folder))
    except FileNotFoundError:
        raise ValueError(
            f"{folder} is a folder, but not a data set saved by save_to_disk of datasets. Name "
            "such a folder (xlkb mix makes one), or a file of texts."
        ) from None
    except Exception as error:  # datasets raises whatever its parsers do.
        raise ValueError(
            f"{folder} is a damaged data set ({type(error).__name__}: {error}): make it again, "
            "as by xlkb mix with --replace."
        ) from error
    if isinstance(found, DatasetDict):
        if len(found) != 1:
            first = folder / next(iter(found))
            raise ValueError(f"{folder} holds the splits {', '.join(found)}: name one, as {first}.")
        (found,) = found.values()
    texts_of(found)
    contexts_of(found)
    return found


def texts_of(corpus: Sequence[str] | Dataset) -> list[str]:
    """The texts as a list.

    Raises:
        ValueError: there is none, or one of them is empty or no text; its number is given.
    """
    if isinstance(corpus, Dataset):
        if "text" not in corpus.column_names:
            raise ValueError(f"The corpus has no column 'text'; it has {corpus.column_names}.")
        corpus = corpus["text"]
    if isinstance(corpus, str):
        raise ValueError("The corpus is a single text: pass a list of texts, or packing.read(FILE)")
    texts = list(corpus)
    if not texts:
        raise ValueError("The corpus has no texts.")
    for number, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"Text {number} (from 0) of the corpus is {text!r}: remove or fill it."
            )
    return texts


def contexts_of(corpus: Sequence[str] | Dataset | Mapping[str, list]) -> list[int]:
    """How many characters at the start of each text are read but not learned; 0 for all of a list.

    A Dataset says so in a column `context`: the question before an answer, for example.

    Raises:
        ValueError: it is no number of characters, or a text has nothing after it.
    """
    named = corpus.column_names if isinstance(corpus, Dataset) else corpus
    if not isinstance(corpus, Dataset | Mapping) or "context" not in named:
        return [0] * len(corpus)
    contexts = list(corpus["context"])
    for number, (text, context) in enumerate(zip(corpus["text"], contexts, strict=True)):
        if type(context) is not int or not 0 <= context < len(text):
            raise ValueError(
                f"Text {number} (from 0) of the corpus has context {context!r:.60}: it must be how "
                f"many of its {len(text)} characters are read and not learned, fewer than all."
            )
    return contexts


def fingerprint(texts: Sequence[str], contexts: Sequence[int]) -> str:
    """SHA-256 (hex) of the texts in their order, and of what in them is not learned."""
    found = hashlib.sha256()
    for text, context in zip(texts, contexts, strict=True):
        data = text.encode()
        found.update(len(data).to_bytes(8, "big") + data)
        if context:
            found.update(b"context" + context.to_bytes(8, "big"))
    return found.hexdigest()


def pack(
    tokenizer: "PreTrainedTokenizerBase",
    texts: Sequence[str],
    recipe: Recipe,
    contexts: Sequence[int] | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """The token sequences of the whole run, in the order in which they are trained on.

    Each text is tokenised as the tokenizer does it (Gemma's puts <bos> first) and closed with one
    end-of-sequence token, where the tokenizer has one; special tokens that are spelt out in a text
    are characters (`tokens`). In every epoch the texts are shuffled (by
    seed and epoch alone) and laid end to end, epoch after epoch, and the row of tokens is cut into
    sequences. So a sequence may begin inside a text and hold several; positions count from its
    start, and a token sees all earlier ones of the sequence, other texts' included.

    Returns:
        Tokens, int32 [sequences, recipe.sequence_length]; labels of the same shape, -100 where a
        token is read but not learned (`contexts`, and filling at the end of the last sequence);
        and the number of tokens without the filling. `recipe.max_steps` cuts off what is never
        reached.
    """
    documents = _tokens_and_labels(tokenizer, texts, contexts or [0] * len(texts))
    limit = recipe.max_steps * recipe.gradient_accumulation * recipe.batch_size
    limit = limit * recipe.sequence_length or float("inf")
    stream, n_tokens = [], 0
    for epoch in range(recipe.epochs):
        for index in np.random.default_rng([recipe.seed, epoch]).permutation(len(documents)):
            if n_tokens >= limit:
                break
            stream.append(documents[index])
            n_tokens += documents[index].shape[1]
    n_tokens = int(min(n_tokens, limit))
    if n_tokens % recipe.sequence_length == 1:
        n_tokens -= 1  # A sequence of one token has nothing to predict.
    n_sequences = -(-n_tokens // recipe.sequence_length)
    filling = (tokens.last(tokenizer) or [0])[-1]
    packed = np.full((2, n_sequences * recipe.sequence_length), [[filling], [IGNORED]], np.int32)
    packed[:, :n_tokens] = np.concatenate(stream, axis=1)[:, :n_tokens]
    sequences, labels = packed.reshape(2, n_sequences, recipe.sequence_length)
    return sequences, labels, n_tokens


def _tokens_and_labels(
    tokenizer: "PreTrainedTokenizerBase", texts: Sequence[str], contexts: Sequence[int]
) -> list[np.ndarray]:
    """Per text, int32 [2, tokens]: the tokens with the closing one, and what is to be learned.

    What a text's tokens have in common with those of its context alone is not learned; a token that
    spans the context's end is. (Not every tokenizer says where in a text its tokens lie.)
    """
    end = tokens.last(tokenizer)
    heads = tokens.encode(tokenizer, [t[:c] for t, c in zip(texts, contexts, strict=True) if c])
    rest = iter(heads)
    found = []
    for ids, context in zip(tokens.encode(tokenizer, texts), contexts, strict=True):
        pair = np.array([[*ids, *end]] * 2, np.int32)
        if context:
            pair[1, : tokens.n_shared(ids, next(rest))] = IGNORED
        found.append(pair)
    return found

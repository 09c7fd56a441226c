"""What fine-tuning may spoil: how well a model predicts running text, language by language, and in
which language it goes on with it."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import corpora
from xlkb.ground import resampling
from xlkb.models import LanguageModel
from xlkb.scoring import lengths
from xlkb.scoring.evaluation import scores
from xlkb.scoring.generation import Prompt, generate
from xlkb.scoring.tries import Pair

READ = ["model", "language", "n", "n_tokens", "perplexity", "low", "high", "bits_per_byte"]
CONTINUED = [
    "model",
    "language",
    "id",
    "sentence",
    "prompt",
    "text",
    "identified",
    "judged",
    "right",
]

NEW_TOKENS = 48


def perplexities(
    model: LanguageModel,
    documents: Dataset,
    store: Path,
    languages: Iterable[str] | None = None,
    seed: int = 42,
) -> pd.DataFrame:
    """Perplexity of a parallel corpus, each document read from its beginning.

    Perplexities of different tokenizers or languages cannot be compared, as their tokens differ in
    length; bits per byte can between tokenizers, and between languages with care.

    Args:
        model: from `models.load`.
        documents: from `corpora.load`. One that is longer than the model's context in any of the
            languages is left out in all, with a warning.
        store: folder of stored results.
        languages: all of the corpus when None; of none there is no row.
        seed: of the bootstrap.

    Returns:
        One row per language (none if no document is left): `model, language, n` (documents),
        `n_tokens, perplexity, low, high` (95 % bootstrap interval over documents), `bits_per_byte`.
    """
    spoken = tuple(corpora.languages_of(documents) if languages is None else languages)
    documents = _fitting(model, documents, spoken, store)
    texts = {code: [corpora.text(row, code) for row in documents] for code in spoken}
    pairs = {code: [Pair("", text) for text in texts[code]] for code in spoken}
    found = scores(model, dict.fromkeys(p for each in pairs.values() for p in each), store)
    rows = []
    for code in spoken if len(documents) else ():
        nats, n_tokens = np.array([found[pair] for pair in pairs[code]]).T
        n_bytes = sum(len(text.encode()) for text in texts[code])
        means = resampling.resample(-nats, seed, sizes=n_tokens)
        low, high = resampling.interval(np.exp(means))
        rows.append(
            {
                "model": model.label,
                "language": code,
                "n": len(documents),
                "n_tokens": int(n_tokens.sum()),
                "perplexity": float(np.exp(-nats.sum() / n_tokens.sum())),
                "low": low,
                "high": high,
                "bits_per_byte": -nats.sum() / np.log(2) / n_bytes,
            }
        )
    return pd.DataFrame(rows, columns=READ)


def _fitting(
    model: LanguageModel, documents: Dataset, spoken: Sequence[str], store: Path
) -> Dataset:
    def pairs(i: int, _: int) -> list[Pair]:
        return [Pair("", corpora.text(documents[i], code)) for code in spoken]

    fit = lengths.fitting(model, [0] * len(documents), pairs, store)
    long = [documents[i]["id"] for i, n in enumerate(fit) if n < 0]
    lengths.left_out(model, "documents", long, len(documents))
    return documents.select([i for i, n in enumerate(fit) if n >= 0])


def continued(
    model: LanguageModel,
    documents: Dataset,
    store: Path,
    languages: Iterable[str] | None = None,
    n: int = 20,
    max_new_tokens: int = NEW_TOKENS,
) -> pd.DataFrame:
    """What a model writes after sentences of documents, greedily, up to the end of the line.

    Its language is identified by py3langid (`corpora.audits.identify`). A continuation of fewer
    than 30 letters (10 in Chinese and Japanese) is not judged, as nobody can tell its language.

    Args:
        model: from `models.load`, with weights.
        documents: from `corpora.load`, none that the model was trained on.
        store: folder of stored results.
        languages: all of the corpus when None; of none there is no row.
        n: sentences per language at most, taken from the documents in turn; the same ones in every
            language.
        max_new_tokens: of a continuation.

    Returns:
        A row per language and sentence: `model, language, id` (of the document), `sentence` (its
        number), `prompt, text, identified` (code), `judged` (bool), `right` (bool: judged, and in
        the language of the prompt).
    """
    spoken = tuple(corpora.languages_of(documents) if languages is None else languages)
    rows = [
        (model.label, code, document, place, text)
        for code in spoken
        for document, place, text in _sentences(documents, code)[:n]
    ]
    table = pd.DataFrame(rows, columns=CONTINUED[:5])
    if table.empty:
        return pd.DataFrame(columns=CONTINUED).astype({"judged": bool, "right": bool})
    prompts = [Prompt("", text) for text in table["prompt"]]
    table["text"] = generate(model, prompts, store, max_new_tokens)["text"].to_numpy()
    said = list(zip(table["text"], table["language"], strict=True))
    table["identified"] = [corpora.audits.identify(text)[0] for text, _ in said]
    table["judged"] = [corpora.audits.long_enough(text, code) for text, code in said]
    other = [corpora.audits.is_other(text, code) for text, code in said]
    return table.assign(right=table["judged"] & ~pd.Series(other))


def _sentences(documents: Dataset, language: str) -> list[tuple[str, int, str]]:
    """Document, number and text of sentences: the first of each document, then the second ones."""
    each = [
        [(row["id"], place, text) for place, text in enumerate(corpora.sentences(row, language))]
        for row in documents
    ]
    return [sentence for turn in zip_longest(*each) for sentence in turn if sentence]

"""How well a model predicts running text, language by language: what fine-tuning made it forget."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import corpora
from xlkb.ground import resampling
from xlkb.models import LanguageModel
from xlkb.scoring import lengths
from xlkb.scoring.evaluation import scores
from xlkb.scoring.tries import Pair

COLUMNS = ["model", "language", "n", "n_tokens", "perplexity", "low", "high", "bits_per_byte"]


def per_language(
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
    return pd.DataFrame(rows, columns=COLUMNS)


def _fitting(
    model: LanguageModel, documents: Dataset, spoken: Sequence[str], store: Path
) -> Dataset:
    def pairs(i: int, _: int) -> list[Pair]:
        return [Pair("", corpora.text(documents[i], code)) for code in spoken]

    fit = lengths.fitting(model, [0] * len(documents), pairs, store)
    long = [documents[i]["id"] for i, n in enumerate(fit) if n < 0]
    lengths.left_out(model, "documents", long, len(documents))
    return documents.select([i for i, n in enumerate(fit) if n >= 0])

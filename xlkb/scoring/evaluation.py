"""From recomposed questions to rows of log-likelihoods, computing only what is not stored yet."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb.models import LanguageModel, replaying, slug
from xlkb.scoring import engines, lengths, results
from xlkb.scoring.results import key, store_folder
from xlkb.scoring.served import answering, texts
from xlkb.scoring.tries import Pair, TokenIds
from xlkb.tasks import Asking, prompts, shots

if TYPE_CHECKING:
    from xlkb.scoring.likelihoods import Row, Scored

ROWS_AT_ONCE = {"cpu": 8, "mps": 16, "cuda": 64}
"""That a worker of a cluster takes at a time, by device."""

MODELS_AT_ONCE = 4
"""While one is loaded, the workers of another compute."""

NUMBERS = ["choice", "is_answer"]
"""Columns of `_columns` that hold no text."""


def score(
    model: LanguageModel,
    questions: Dataset,
    store: Path,
    asking: str | Asking = "cloze",
    dev: Dataset | None = None,
    with_texts: bool = False,
) -> pd.DataFrame:
    """Log-likelihood of every choice of every recomposed question.

    Scores are kept in `store` as they come. What is there already is reused, whichever
    recomposition it was computed for: two recompositions that put the same choice after the same
    prompt share one score. A stored score is found by the text and by the model's fingerprint.

    A question whose subject has fewer demonstrations, or whose prompt would be longer than the
    model's context, gets as many as there are and fit (`lengths.fitting`), without another word in
    the prompt. One that does not fit even without any is left out, in all recompositions, so that
    what is compared stays the same questions. Warnings say which.

    Args:
        model: from `models.load`; its weights are loaded only if a score is missing.
        questions: from `recompose`, one or many recompositions.
        store: folder of stored results, e.g. `run.results`.
        asking: how they are asked, or the style alone (one of `prompts.STYLES`).
        dev: the task's "dev" split, from `tasks.demonstrations`; needed for demonstrations.
        with_texts: whether to give the texts, too.

    Returns:
        One row per question and choice with the columns `task, item_id, subject, recomposition,
        language, question_language, option_language, choice, is_answer, style, prompt, n_shots`
        (demonstrations that the prompt has), `n_shots_asked, demonstrations, model,
        log_likelihood` (nats, sum over tokens), `n_tokens, n_bytes` (UTF-8 bytes of the choice),
        `unconditional_log_likelihood` (nats; NaN for letters), `letter_mass` (probability of the
        four letters together; NaN for cloze), and of a model behind an endpoint, but for cloze,
        `unread` (1 where its answer was not understood, else 0). `with_texts` adds `context` (what
        stands before the choice), `question` and `option` (the choice).

    Raises:
        ValueError: what `Asking` refuses; `n_shots` without `dev`; demonstrations that there are
            none of at all (see `shots.shown`); a text the model cannot take.
    """
    items, asking = questions.to_list(), Asking.of(asking)
    built, n_shown = _built(model, items, store, asking, dev)
    kept = _kept(model, items, n_shown)
    items, built, n_shown = ([each[i] for i in kept] for each in (items, built, n_shown))
    conditional = [Pair(p.context, c, p.isolated) for p in built for c in p.continuations]
    unconditional = [
        Pair(p.unconditional, c) for p in built if p.unconditional for c in p.continuations
    ]
    found = scores(model, dict.fromkeys(conditional + unconditional), store)

    rows = _columns(items)
    rows["style"] = asking.style
    more = [asking.preamble] if asking.preamble else []
    more += [asking.letters] if asking.letters != prompts.LETTERS else []
    rows["prompt"] = "/".join([prompts.VERSION, asking.instruction_language, *more])
    rows["n_shots"] = np.repeat(n_shown, 4)
    rows["n_shots_asked"] = asking.n_shots
    rows["demonstrations"] = asking.demonstrations if asking.n_shots else "none"
    rows["model"] = model.label
    rows["log_likelihood"] = [found[pair][0] for pair in conditional]
    rows["n_tokens"] = [found[pair][1] for pair in conditional]
    rows["n_bytes"] = [len(pair.continuation.strip().encode()) for pair in conditional]
    rows["unconditional_log_likelihood"] = (
        [found[pair][0] for pair in unconditional] if unconditional else np.nan
    )
    mass = np.exp(rows["log_likelihood"].to_numpy().reshape(-1, 4)).sum(1).repeat(4)
    rows["letter_mass"] = np.nan if asking.style == "cloze" else mass
    if model.name.startswith("api:") and asking.style != "cloze":
        rows["unread"] = (mass == 0).astype(float)
    if not replaying() and items:
        keyed = rows.assign(key=[key(pair) for pair in conditional])
        results.write_rows(_rows_file(store, model, rows), keyed, model.describe())
    if with_texts:
        rows["context"] = np.repeat(np.array([p.context for p in built], object), 4)
        rows["question"] = np.repeat(np.array([i["question"] for i in items], object), 4)
        rows["option"] = [option for item in items for option in item["options"]]
    return rows


def score_each(
    models: Sequence[LanguageModel], questions: Dataset, store: Path, asking: str | Asking = "cloze"
) -> list[pd.DataFrame]:
    """`score` of several models, on a cluster side by side, `MODELS_AT_ONCE` at a time."""

    def ask(model: LanguageModel) -> pd.DataFrame:
        return score(model, questions, store, asking)

    if engines.chosen() == "local":
        return list(map(ask, models))
    with ThreadPoolExecutor(MODELS_AT_ONCE) as pool:
        return list(pool.map(ask, models))


def fewer_shots(rows: pd.DataFrame) -> str:
    """How many prompts of `score` got fewer demonstrations than were asked for, in a sentence."""
    few = rows.iloc[::4].query("n_shots_asked > 0") if len(rows) else rows
    if few.empty:
        return "No prompt has demonstrations."
    short = few.query("n_shots < n_shots_asked")
    missing = short["n_shots"].value_counts().sort_index()
    if missing.empty:
        return f"All {len(few):,} few-shot prompts have the demonstrations that were asked for."
    listed = ", ".join(f"{count:,} have {n}" for n, count in missing.items())
    return (
        f"{missing.sum():,} of {len(few):,} few-shot prompts have fewer demonstrations than were "
        f"asked for, because their subject has no more or the model's context no room: {listed}."
    )


def context_tokens(
    model: LanguageModel,
    questions: Dataset,
    store: Path,
    asking: str | Asking = "cloze",
    dev: Dataset | None = None,
) -> np.ndarray:
    """Tokens of the prompt before the choices, int64 [questions]; arguments as for `score`.

    Of a question that `score` leaves out, those of its prompt without demonstrations. NaN, and
    float64, where an endpoint has no tokenizer.
    """
    built, _ = _built(model, questions.to_list(), store, Asking.of(asking), dev)
    contexts = [Pair(prompt.context, "") for prompt in built]
    if not lengths.known(model, store):
        return np.full(len(built), np.nan)
    found = lengths.of(model, contexts, store)
    return np.array([found[pair] for pair in contexts], np.int64)


def _built(
    model: LanguageModel,
    items: Sequence[dict],
    store: Path,
    asking: Asking,
    dev: Dataset | None,
) -> tuple[list[prompts.Prompt], list[int]]:
    """The prompt of each item and its number of demonstrations, -1 where it does not fit at all."""
    shown = shots.shown(items, asking, dev)

    @cache
    def built(i: int, n: int) -> prompts.Prompt:
        return prompts.build(items[i], asking, shown[i][:n])

    def pairs(i: int, n: int) -> list[Pair]:
        prompt = built(i, n)
        return [Pair(prompt.context, c, prompt.isolated) for c in prompt.continuations]

    counts = lengths.fitting(model, [len(each) for each in shown], pairs, store)
    return [built(i, max(n, 0)) for i, n in enumerate(counts)], counts


def _kept(model: LanguageModel, items: Sequence[dict], counts: Sequence[int]) -> list[int]:
    """Places of the items that fit in all recompositions; the others are named in a warning."""
    every = dict.fromkeys(item["id"] for item in items)
    out = dict.fromkeys(item["id"] for item, n in zip(items, counts, strict=True) if n < 0)
    lengths.left_out(model, "questions", list(out), len(every))
    return [i for i, item in enumerate(items) if item["id"] not in out]


def _columns(items: Sequence[dict]) -> pd.DataFrame:
    """The columns that describe the question, four rows (choices) per question."""
    names = ["task", "id", "subject", "recomposition", "language", "question_language"]
    frame = pd.DataFrame({name: [item[name] for item in items] for name in names})
    frame = frame.rename(columns={"id": "item_id"}).loc[np.arange(len(items)).repeat(4)]
    frame = frame.reset_index(drop=True)
    frame["option_language"] = [code for item in items for code in item["option_languages"]]
    frame["choice"] = np.tile(np.arange(4, dtype=np.int8), len(items))
    frame["is_answer"] = frame["choice"] == np.array([i["answer"] for i in items]).repeat(4)
    # Without rows, columns would be numbers, which cannot be merged with texts.
    return frame if items else frame.astype(dict.fromkeys(frame.columns.drop(NUMBERS), "str"))


def _rows_file(store: Path, model: LanguageModel, rows: pd.DataFrame) -> Path:
    tasks = "+".join(sorted(slug(task) for task in rows["task"].unique()))
    first = rows.iloc[0]
    question = ["item_id", "recomposition", "option_language", "prompt", "demonstrations"]
    digest = sha256(pd.util.hash_pandas_object(rows[question], index=False).to_numpy().tobytes())
    name = f"{tasks}-{first['style']}-{first['n_shots']}shot-{digest.hexdigest()[:8]}.parquet"
    return store_folder(store, model) / "rows" / name


def scores(
    model: LanguageModel, pairs: Iterable[Pair], store: Path
) -> dict[Pair, tuple[float, int]]:
    """Log-likelihood and number of tokens of each pair, from the store or else the model."""
    pairs = list(dict.fromkeys(pairs))
    if model.name.startswith("api:"):
        kind = answering if answering.lists_choices(pairs) else texts
        return kind.scores(model, pairs, store)

    def compute(missing: Sequence[int]) -> results.Found:
        from xlkb.scoring import likelihoods  # torch takes seconds to import

        done = np.ones(len(pairs), bool)
        done[missing] = False
        budget = likelihoods.TOKENS_PER_ROW[model.device_kind]
        rows, probes = likelihoods.planned(model.tokenizer, pairs, model.context, budget, done)
        run = partial(_run_row, probes)
        for places, values, counts in engines.over(
            model, run, rows, ROWS_AT_ONCE[model.device_kind]
        ):
            yield places, pd.DataFrame({"log_likelihood": values, "n_tokens": counts})

    keys = [key(pair) for pair in pairs]
    found = results.stored(model, store, ".", keys, compute, "Scoring with", "scores")
    values = zip(found["log_likelihood"].tolist(), found["n_tokens"].tolist(), strict=True)
    return dict(zip(pairs, values, strict=True))


def _run_row(probes: Sequence[TokenIds], model: LanguageModel, row: "Row") -> "Scored":
    from xlkb.scoring import likelihoods

    return likelihoods.run_row(model.network, probes, row)

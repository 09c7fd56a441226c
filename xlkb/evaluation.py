"""From recomposed questions to rows of log-likelihoods, computing only what is not stored yet."""

import time
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import prompts, recompose, results
from xlkb.languages import FIVE, LANGUAGES
from xlkb.models import LanguageModel, replaying, slug
from xlkb.progress import bar
from xlkb.tries import Pair

SECONDS_PER_PART = 10


def store_folder(store: Path, model: LanguageModel) -> Path:
    """The folder of a model's scores: its name and the start of its fingerprint."""
    return Path(store) / f"{slug(model.name)}-{model.fingerprint[:12]}"


def key(pair: Pair) -> bytes:
    """Content address of a score: 12 bytes of the SHA-256 of the very texts that are scored.

    A changed fact, template or instruction changes the text, so it can never meet an old score.
    """
    text = "\x00".join([pair.context, pair.continuation, "isolated" if pair.isolated else ""])
    return sha256(text.encode()).digest()[:12]


def score(
    model: LanguageModel,
    questions: Dataset,
    store: Path,
    style: Literal["cloze", "letters", "paper"] = "cloze",
    n_shots: int = 0,
    dev: Dataset | None = None,
    demonstrations: str = "en",
    instruction_language: Literal["en", "question"] = "en",
    preamble: str = "",
    letters: str = prompts.LETTERS,
    seed: int = 42,
) -> pd.DataFrame:
    """Log-likelihood of every choice of every recomposed question.

    Scores are kept in `store` as they come. What is there already is reused, whichever
    recomposition it was computed for: two recompositions that put the same choice after the same
    prompt share one score. A stored score is found by the text and by the model's fingerprint.

    Args:
        model: from `models.load`; its weights are loaded only if a score is missing.
        questions: from `recompose`, one or many recompositions.
        store: folder of stored results, e.g. `run.results`.
        style: how choices are scored, see `prompts.build`.
        n_shots: demonstrations before each question.
        dev: the task's "dev" split, needed when `n_shots` > 0.
        demonstrations: "en", or another code, for ones in that language, "same" for ones recomposed
            as the question is, "mixup" for ones whose parts are in different languages.
        instruction_language, preamble, letters: see `prompts.build`.
        seed: of the recomposition of demonstrations.

    Returns:
        One row per question and choice with the columns `task, item_id, subject, recomposition,
        language, question_language, option_language, choice, is_answer, style, prompt, n_shots,
        demonstrations, model, log_likelihood` (nats, sum over tokens), `n_tokens, n_bytes`
        (UTF-8 bytes of the choice), `unconditional_log_likelihood` (nats; NaN for letters),
        `letter_mass` (probability of the four letters together; NaN for cloze).

    Raises:
        ValueError: too few demonstrations of a subject, or a text the model cannot take.
    """
    items = questions.to_list()
    told = (instruction_language, preamble, letters)
    built = _built(items, style, n_shots, dev, demonstrations, told, seed)
    conditional = [Pair(p.context, c, p.isolated) for p in built for c in p.continuations]
    unconditional = [
        Pair(p.unconditional, c) for p in built if p.unconditional for c in p.continuations
    ]
    found = scores(model, dict.fromkeys(conditional + unconditional), store)

    rows = _columns(items)
    rows["style"] = style
    more = [preamble] * bool(preamble) + [letters] * (letters != prompts.LETTERS)
    rows["prompt"] = "/".join([prompts.VERSION, instruction_language, *more])
    rows["n_shots"] = n_shots
    rows["demonstrations"] = demonstrations if n_shots else "none"
    rows["model"] = model.label
    rows["log_likelihood"] = [found[pair][0] for pair in conditional]
    rows["n_tokens"] = [found[pair][1] for pair in conditional]
    rows["n_bytes"] = [len(pair.continuation.strip().encode()) for pair in conditional]
    rows["unconditional_log_likelihood"] = (
        [found[pair][0] for pair in unconditional] if unconditional else np.nan
    )
    mass = np.exp(rows["log_likelihood"].to_numpy().reshape(-1, 4)).sum(1).repeat(4)
    rows["letter_mass"] = np.nan if style == "cloze" else mass
    if not replaying():
        results.write_rows(_rows_file(store, model, rows), rows, model.describe())
    return rows


def context_tokens(
    model: LanguageModel,
    questions: Dataset,
    store: Path,
    style: Literal["cloze", "letters", "paper"] = "cloze",
    n_shots: int = 0,
    dev: Dataset | None = None,
    demonstrations: str = "en",
    instruction_language: Literal["en", "question"] = "en",
    preamble: str = "",
    letters: str = prompts.LETTERS,
    seed: int = 42,
) -> np.ndarray:
    """Tokens of the prompt before the choices, int64 [questions]; arguments as for `score`."""
    told = (instruction_language, preamble, letters)
    built = _built(questions.to_list(), style, n_shots, dev, demonstrations, told, seed)
    folder = store_folder(store, model) / "lengths"
    keys = [key(Pair(p.context, "")) for p in built]
    known = results.read(folder, results.LENGTHS)
    there = set(known["key"])
    missing = {k: p.context for k, p in zip(keys, built, strict=True) if k not in there}
    if missing:
        results.write_json(folder.parent / "model.json", model.describe())
        lengths = [len(ids) for ids in model.tokenizer(list(missing.values()))["input_ids"]]
        new = pd.DataFrame({"key": list(missing), "n_tokens": lengths})
        results.append(folder, new, results.LENGTHS)
        known = pd.concat([known, new])
    return results.by_key(known, keys)["n_tokens"].to_numpy(np.int64)


def _built(
    items: Sequence[dict],
    style: str,
    n_shots: int,
    dev: Dataset | None,
    demonstrations: str,
    told: tuple[str, str, str],
    seed: int,
) -> list[prompts.Prompt]:
    """The prompt of each item; `told`: instruction language, preamble and letters."""
    shots = _demonstrations(items, n_shots, dev, demonstrations, seed)
    return [
        prompts.build(item, style, shown, *told) for item, shown in zip(items, shots, strict=True)
    ]


def _columns(items: Sequence[dict]) -> pd.DataFrame:
    """The columns that describe the question, four rows (choices) per question."""
    names = ["task", "id", "subject", "recomposition", "language", "question_language"]
    frame = pd.DataFrame({name: [item[name] for item in items] for name in names})
    frame = frame.rename(columns={"id": "item_id"}).loc[np.arange(len(items)).repeat(4)]
    frame = frame.reset_index(drop=True)
    frame["option_language"] = [code for item in items for code in item["option_languages"]]
    frame["choice"] = np.tile(np.arange(4, dtype=np.int8), len(items))
    frame["is_answer"] = frame["choice"] == np.array([i["answer"] for i in items]).repeat(4)
    return frame


def _rows_file(store: Path, model: LanguageModel, rows: pd.DataFrame) -> Path:
    tasks = "+".join(sorted(slug(task) for task in rows["task"].unique()))
    first = rows.iloc[0]
    question = ["item_id", "recomposition", "option_language", "prompt", "demonstrations"]
    digest = sha256(pd.util.hash_pandas_object(rows[question], index=False).to_numpy().tobytes())
    name = f"{tasks}-{first['style']}-{first['n_shots']}shot-{digest.hexdigest()[:8]}.parquet"
    return store_folder(store, model) / "rows" / name


def _demonstrations(
    items: Sequence[dict], n_shots: int, dev: Dataset | None, language: str, seed: int
) -> list[Sequence[dict]]:
    """The demonstrations that precede each item: the first `n_shots` of its subject."""
    if not n_shots:
        return [()] * len(items)
    if dev is None:
        raise ValueError(f"{n_shots}-shot prompts need the task's 'dev' split: pass dev=.")
    if language in LANGUAGES:
        shown = recompose.full(dev, language).to_list()
    elif language == "mixup":
        shown = recompose.mixup(dev, _five(dev), seed).to_list()
    else:
        recompositions = list(dict.fromkeys(item["recomposition"] for item in items))
        spoken = {c for i in items for c in (i["question_language"], *i["option_languages"])}
        languages = [code for code in LANGUAGES if code in spoken]
        shown = recompose.grid(dev, recompositions, languages, seed).to_list()
    by_cell: dict[tuple, list[dict]] = {}
    for row in shown:
        by_cell.setdefault(_cell(row, language), []).append(row)
    chosen = [by_cell.get(_cell(item, language), [])[:n_shots] for item in items]
    for item, rows in zip(items, chosen, strict=True):
        if len(rows) < n_shots:
            raise ValueError(
                f"Subject {item['subject']!r} has {len(rows)} demonstrations as "
                f"{item['recomposition']}/{item['language']}, and {n_shots} are wanted: add rows "
                "to the task's 'dev' split or use fewer shots."
            )
    return chosen


def _five(dev: Dataset) -> Sequence[str]:
    """The languages of the split where they are five, else the paper's."""
    spoken = tuple(dev.features["question"])
    return spoken if len(spoken) == 5 else FIVE


def _cell(row: dict, language: str) -> tuple:
    if language != "same":
        return (row["subject"],)
    options = row["option_languages"][0] if row["recomposition"] == "pair" else ""
    return (row["subject"], row["recomposition"], row["language"], options)


def scores(
    model: LanguageModel, pairs: Iterable[Pair], store: Path
) -> dict[Pair, tuple[float, int]]:
    """Log-likelihood and number of tokens of each pair, from the store or else the model."""
    if model.name.startswith("api:"):
        from xlkb import api_scoring

        return api_scoring.scores(model, pairs, store)
    folder = store_folder(store, model)
    wanted = {key(pair): pair for pair in pairs}
    stored = results.read(folder)
    known = {
        wanted[k]: (float(value), int(n))
        for k, value, n in zip(
            stored["key"], stored["log_likelihood"], stored["n_tokens"], strict=True
        )
        if k in wanted
    }
    reused = len(known)
    if reused < len(wanted):
        results.write_json(folder / "model.json", model.describe())
        known |= _compute(model, list(wanted.values()), known, folder)
    print(f"{model.label}: computed {len(wanted) - reused:,} / reused {reused:,} scores")
    return known


def _compute(
    model: LanguageModel, pairs: list[Pair], known: dict[Pair, tuple[float, int]], folder: Path
) -> dict[Pair, tuple[float, int]]:
    from xlkb.scoring import log_likelihoods  # torch takes seconds to import

    done = np.array([pair in known for pair in pairs])
    computed: dict[Pair, tuple[float, int]] = {}
    pending: list[Pair] = []
    flushed = time.monotonic()

    def flush() -> None:
        if pending:
            frame = pd.DataFrame([computed[pair] for pair in pending], columns=results.VALUES)
            frame.insert(0, "key", [key(pair) for pair in pending])
            results.append(folder, frame)
            pending.clear()

    with bar(int((~done).sum()), f"Scoring with {model.label}", " choices") as progress:
        try:
            for indices, values, lengths in log_likelihoods(
                model.network, model.tokenizer, pairs, done
            ):
                for i, value, n in zip(indices, values, lengths, strict=True):
                    computed[pairs[i]] = (float(np.float32(value)), int(n))
                    pending.append(pairs[i])
                progress.update(len(indices))
                if time.monotonic() - flushed > SECONDS_PER_PART:
                    flush()
                    flushed = time.monotonic()
        finally:
            flush()
    return computed

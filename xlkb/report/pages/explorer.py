"""The explorer's data: what models were asked in notebook 02, and how likely each choice was.

All of it comes from the store; where it is not there, nothing is computed.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from datasets import Dataset

from xlkb import analysis, exchange, models, tasks
from xlkb.ground.languages import LANGUAGES
from xlkb.profiles import Run
from xlkb.report import manifest, notebooks

MOST = 600
"""Questions of a headline cell that are shown."""
TABLE = "table02b_multilingual"
"""Whose models were asked."""


def asked(run: Run) -> list[Dataset]:
    """What notebook 02 asks: of every model, and of the main one only.

    The first are its headline cells, at most `MOST` questions each; the others are the remaining
    recompositions and all languages, in which few questions are asked.
    """
    loaded = tasks.load(run.task, languages=run.languages, n=run.barrier.n_items, seed=run.seed)
    few = loaded.select(range(min(run.barrier.n_exploratory, len(loaded))))
    shown = loaded.select(range(min(MOST, len(loaded))))
    names = tasks.recompose.possible(tasks.recompose.PAPER, run.five)
    rest = [name for name in names if name not in ("full", "mixup")]
    parts = [tasks.recompose.grid(few, ["full"], run.languages, run.seed)]
    if rest:
        parts.append(tasks.recompose.grid(few, rest, run.five, run.seed, run.base))
    return [exchange.answers.recomposed(shown, run), *parts]


def data(run: Run) -> dict[str, Any]:
    """What the explorer shows of a run, for JSON.

    Returns:
        `models` (labels), `rule`, `style`, `languages` (code -> name, own name, direction),
        `texts` (each once), and `questions`: `id, subject, recomposition, language` (reported
        under), `spoken` (of the question and the four choices), `context, question` and `options`
        (places in `texts`), `answer`, and `scores`: of each model the four log-likelihoods (nats),
        the choice taken, whether it is right, and the margin (nats) — or null where it was not
        asked.

    Raises:
        FileNotFoundError: notebook 02 has not run, or scores are not in the store.
    """
    known = _models(run)
    sets, found = asked(run), {}
    with _store_only():
        for place, model in enumerate(known):
            for each in sets if place == 0 else sets[:1]:
                rows = exchange.answers.of_model(model, each, run.results, run.style).rows
                _enter(found, rows, run.rules[0], place, len(known))
    texts: dict[str, int] = {}
    questions = [_placed(question, texts) for question in found.values()]
    spoken = sorted({c for q in questions for c in q["spoken"]}, key=list(LANGUAGES).index)
    return {
        "models": [model.label for model in known],
        "rule": run.rules[0],
        "style": run.style,
        "languages": {code: _language(code) for code in spoken},
        "texts": list(texts),
        "questions": questions,
    }


def _models(run: Run) -> list[models.LanguageModel]:
    """The models that notebook 02 asked, by the fingerprints in the list of artefacts."""
    entry = manifest.recorded(run.figures).get(TABLE)
    if not entry or not entry["files"]:
        raise FileNotFoundError(f"{TABLE}, of notebook 02, has not been made in {run.figures}.")
    found = []
    for label, fingerprint in entry["models"].items():
        folders = list(run.results.glob(f"*-{fingerprint[:12]}"))
        if not folders:
            raise FileNotFoundError(f"The scores of {label} are not in {run.results}.")
        found.append(models.replay.stored_in(folders[0], label))
    return found


@contextlib.contextmanager
def _store_only() -> Iterator[None]:
    """Nothing is computed meanwhile, and what the notebook has said is not said again."""
    with (
        notebooks.environment(XLKB_REPLAY="1"),
        contextlib.redirect_stdout(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _enter(found: dict, rows: pd.DataFrame, rule: str, place: int, n_models: int) -> None:
    """Enter a model's answers with the question that each is to."""
    decided = analysis.decide(rows, rule).to_dict("records")
    likely = rows["log_likelihood"].to_numpy(float).reshape(-1, 4)
    spoken = rows["option_language"].to_numpy(object).reshape(-1, 4)
    options = rows["option"].to_numpy(object).reshape(-1, 4)
    right = rows["is_answer"].to_numpy().reshape(-1, 4).argmax(1)
    asked = rows.iloc[::4].to_dict("records")
    for i, (row, decision) in enumerate(zip(asked, decided, strict=True)):
        question = found.setdefault(
            (row["item_id"], row["recomposition"], row["language"]),
            {
                "id": row["item_id"],
                "subject": row["subject"],
                "recomposition": row["recomposition"],
                "language": row["language"],
                "spoken": [row["question_language"], *spoken[i]],
                "context": row["context"],
                "question": row["question"],
                "options": list(options[i]),
                "answer": int(right[i]),
                "scores": [None] * n_models,
            },
        )
        question["scores"][place] = [
            [_rounded(value) for value in likely[i]],
            int(decision["predicted"]),
            bool(decision["correct"]),
            _rounded(decision["margin"]),
        ]


def _placed(question: dict, texts: dict[str, int]) -> dict:
    """The question with the places of its texts among all."""

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    named: Sequence[str] = ("context", "question")
    options = [place(option) for option in question["options"]]
    return question | {name: place(question[name]) for name in named} | {"options": options}


def _rounded(value: float) -> float | None:
    return round(float(value), 2) if math.isfinite(value) else None


def _language(code: str) -> list[str]:
    language = LANGUAGES[code]
    return [language.name, language.autonym, "rtl" if language.right_to_left else "ltr"]

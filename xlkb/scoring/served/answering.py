"""Scores of models behind an endpoint (`api.py`): the letters of listed choices.

Every endpoint can name a letter (what else a text's probability takes: `texts.py`), by the first of
`WAYS` that it takes: the top log-probabilities of the next token, or else some
generated text in which a letter is read (`letters.read`). Each answer is stored when it comes, with
its text and the way it was read; an answer without a letter is stored too, and counts as wrong.
Generated text is read anew each time, so what is stored gains when the reader does.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from xlkb.ground import disk
from xlkb.ground.progress import bar
from xlkb.models import LanguageModel, api, endpoints, replies
from xlkb.scoring import results
from xlkb.scoring.results import store_folder
from xlkb.scoring.served import letters
from xlkb.scoring.served.asking import tell
from xlkb.scoring.tries import Pair

if TYPE_CHECKING:
    from openai import OpenAI

IN_FLIGHT = endpoints.IN_FLIGHT

WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "completions, top 20": ("completions", {"logprobs": 20, "max_tokens": 1, "temperature": 0}),
    "completions, top 5": ("completions", {"logprobs": 5, "max_tokens": 1, "temperature": 0}),
    "chat, top 20": (
        "chat",
        {"logprobs": True, "top_logprobs": 20, "max_tokens": 1, "temperature": 0},
    ),
    "chat, top 5": (
        "chat",
        {"logprobs": True, "top_logprobs": 5, "max_tokens": 1, "temperature": 0},
    ),
    "completions, text": ("completions", {"max_tokens": 16, "temperature": 0}),
    "chat, text": ("chat", {"max_tokens": 64, "temperature": 0}),
    "chat, text after reasoning": ("chat", {"max_tokens": 4096, "temperature": 0}),
}
"""Way of reading a letter -> endpoint and options of the request, which `endpoints.post` adapts.
Completions see the prompt as it is, as local models do; chat sees it below `INSTRUCTION`. Sentences
such as "The right answer is option B." take several times as many tokens in some languages."""

INSTRUCTION = "Answer the last question with one letter only: {}, {}, {} or {}.\n\n"

MOST = 0.01
"""Largest log-probability that is one, with what rounding adds; NaN is none."""


class Question(NamedTuple):
    """A prompt that lists its choices, and the four letters that name them."""

    context: str
    letters: tuple[str, ...]

    @property
    def choices(self) -> list[str]:
        """The texts of the choices, of the last question in the prompt."""
        marks = [f"\n{letter}. " for letter in self.letters]
        return [self.context.rpartition(mark)[2].partition("\n")[0] for mark in marks]


class Answer(NamedTuple):
    """One row of `results.ANSWERS`, without its key."""

    way: str
    served: str
    text: str
    log_likelihoods: list[float]


def scores(
    model: LanguageModel, pairs: Iterable[Pair], store: Path
) -> dict[Pair, tuple[float, int]]:
    """Log-probability of each letter, from the store or else the endpoint; for `evaluation.scores`.

    The pairs are letters of listed choices (`lists_choices`); `texts` scores all others. A letter's
    probability is that of all tokens that read as it, with and without a space; -inf
    where none was among the top ones. A letter that was generated gets 0 nats, the others -inf, and
    all four -inf when there was none.

    Raises:
        ValueError: the endpoint refuses the request.
        PermissionError: it refuses the key. ConnectionError: it cannot be reached.
        RuntimeError: the budget is used up.
    """
    asked: dict[tuple[str, bool], list[Pair]] = {}
    for pair in pairs:
        asked.setdefault((pair.context, pair.isolated), []).append(pair)
    questions = [_question(group) for group in asked.values()]
    keys = [_key(question) for question in questions]
    wanted = dict(zip(keys, questions, strict=True))
    folder = store_folder(store, model) / "answers"
    there = results.index.known(folder, results.ANSWERS, list(wanted))
    missing = {k: q for (k, q), known in zip(wanted.items(), there, strict=True) if not known}
    if missing:
        _ask(model, missing, folder)
        known = results.index.everything(folder, results.ANSWERS)
        about = {"served": sorted({*known["served"]}), **_counts(known)}
        if refused := endpoints.left_out(model.name):
            about["left out"] = refused
        tell(folder.parent, answers=about)
    found = _read_anew(results.index.rows(folder, results.ANSWERS, keys), questions)
    reused = len(wanted) - len(missing)
    print(f"{model.label}: computed {len(missing):,} / reused {reused:,} answers ({_told(found)})")
    return {
        pair: (float(value), 1)
        for group, values in zip(asked.values(), found["log_likelihoods"], strict=True)
        for pair, value in zip(group, values, strict=True)
    }


def _read_anew(found: pd.DataFrame, questions: Sequence[Question]) -> pd.DataFrame:
    """Stored answers, read as they are today where they have a text and no log-probabilities."""
    values = [
        row.log_likelihoods
        if row.way not in WAYS or "logprobs" in WAYS[row.way][1]
        else _values(row.way, row.text, question)
        for row, question in zip(found.itertuples(), questions, strict=True)
    ]
    return found.assign(log_likelihoods=pd.Series(values, index=found.index, dtype=object))


def _values(way: str, text: str, question: Question) -> list[float]:
    """0 nats for the letter that a generated text names, -inf for the others."""
    # A completion goes on with a next question, below an empty line.
    said = re.split(r"\n\s*\n", text.strip())[0] if way.startswith("completions") else text
    named = _letter(said, question.letters, question.choices)
    return [0.0 if letter == named else -math.inf for letter in question.letters]


def lists_choices(pairs: Iterable[Pair]) -> bool:
    """Whether all pairs are letters of choices that their contexts list, four of each."""
    asked: dict[tuple[str, bool], list[str]] = {}
    for pair in pairs:
        asked.setdefault((pair.context, pair.isolated), []).append(pair.continuation.strip())
    return all(
        len(letters) == 4 and all(f"\n{letter}. " in context for letter in letters)
        for (context, _), letters in asked.items()
    )


def _question(pairs: Sequence[Pair]) -> Question:
    return Question(pairs[0].context, tuple(pair.continuation.strip() for pair in pairs))


def _key(question: Question) -> bytes:
    return results.address(INSTRUCTION, question.context, *question.letters)


def _counts(answers: pd.DataFrame) -> dict[str, int]:
    """Answers by the way they were read, and those without a letter among them."""
    none = sum(np.isneginf(each).all() for each in answers["log_likelihoods"])
    return {**answers["way"].value_counts().to_dict(), "no letter": int(none)}


def _told(answers: pd.DataFrame) -> str:
    """The counts in words; of the answers without a letter, how many only think."""
    counts = ", ".join(f"{n:,} by {way}" for way, n in _counts(answers).items())
    thought = sum(bool(text.strip()) and not replies.cleaned(text) for text in answers["text"])
    return counts + (f"; {thought:,} think until they are cut" if thought else "")


def _ask(model: LanguageModel, missing: dict[bytes, Question], folder: Path) -> None:
    """Ask for what is missing and store each answer as it comes, whatever becomes of the others."""
    client, name = api.client(model.name), model.name
    disk.write_json(folder.parent / "model.json", model.describe())

    def keep(answers: Mapping[bytes, Answer]) -> None:
        rows = [{"key": key, **answer._asdict()} for key, answer in answers.items()]
        if rows:
            results.append(folder, pd.DataFrame(rows), results.ANSWERS)

    def ended(futures: Iterable[Future]) -> dict[bytes, Answer]:
        well = [each for each in futures if not each.cancelled() and not each.exception()]
        return {keys[each]: each.result()[0] for each in well}

    known = results.index.everything(folder, results.ANSWERS)
    pending, counts = dict(missing), known["way"].value_counts()
    with bar(len(missing), f"Asking {model.label}", " questions") as progress:
        way = next((way for way in counts.index if way in WAYS), "")  # Read all of them alike.
        if not way:
            key, question = pending.popitem()
            way, answer = _find_way(client, name, question)
            keep({key: answer})
            progress.update(1)
        pool = ThreadPoolExecutor(IN_FLIGHT)
        keys = {pool.submit(_answer, client, name, way, q): key for key, q in pending.items()}
        left = set(keys)
        try:
            while left:
                done, _ = wait(left, return_when=FIRST_COMPLETED)
                answers = ended(done)
                keep(answers)
                left -= done
                progress.update(len(answers))
                for each in done:
                    each.result()  # Raises what the request raised.
        finally:
            pool.shutdown(cancel_futures=True)
            keep(ended(left))
            results.merge(folder, results.ANSWERS)


def _find_way(client: "OpenAI", name: str, question: Question) -> tuple[str, Answer]:
    """The first way in which the endpoint names a letter, or else answers at all; its answer."""
    answers: dict[str, Answer] = {}
    without: set[str] = set()
    refusal: Exception = ValueError(
        f"{name} answers, but not as an OpenAI-compatible endpoint does: check the URL (most end "
        "in /v1)."
    )
    for way, (endpoint, options) in WAYS.items():
        if endpoint in without and "logprobs" in options:
            continue
        answering = bool(answers or without)
        try:
            # Some servers fail where they should refuse: no reason to wait long.
            quick = client.with_options(max_retries=2) if answering else client
            answer, offered = _answer(quick, name, way, question)
        except ValueError as error:
            refusal = error
            continue
        except endpoints.ServerError:
            if not answering:
                raise
            continue
        if max(answer.log_likelihoods) > -math.inf:
            return way, answer
        if offered:
            answers[way] = answer
        else:
            without.add(endpoint)
    if not answers:
        raise refusal
    return next(iter(answers.items()))


def _answer(client: "OpenAI", name: str, way: str, question: Question) -> tuple[Answer, bool]:
    """Ask one question; also says whether there was anything to read, log-probabilities or text."""
    endpoint, options = WAYS[way]
    told = INSTRUCTION.format(*question.letters) if endpoint == "chat" else ""
    choice, served = api.send(client, name, endpoint, told + question.context, options)
    text, top = api.hidden(replies.text(choice)), _top(choice)
    if "logprobs" in options:
        values, offered = [_logsumexp(top, letter) for letter in question.letters], bool(top)
    else:
        values = _values(way, text, question)
        offered = bool(text or replies.refusal(choice))
    return Answer(way, served, text, values), offered


def _top(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The first token's likeliest candidates and their log-probabilities, [] if it has none.

    Completions hold {token: value}, chat (and llama.cpp's completions) a list of objects.
    """
    found = choice.get("logprobs") or {}
    try:
        first = (found.get("content") or [found])[0]["top_logprobs"]
        if "content" not in found:
            first = first[0]
        pairs = (
            first.items()
            if isinstance(first, dict)
            else [(t["token"], t["logprob"]) for t in first]
        )
        return [(str(token), float(value)) for token, value in pairs if value <= MOST]
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        return []


def _logsumexp(top: Sequence[tuple[str, float]], letter: str) -> float:
    """Log-probability of all tokens that read as the letter; ▁ and Ġ are raw tokens' spaces."""
    values = [value for token, value in top if _same(token.strip(" \n▁Ġ"), letter)]
    return float(np.logaddexp.reduce(values)) if values else -math.inf


def _same(token: str, letter: str) -> bool:
    """Whether a token is the letter, in its full-width form too."""
    return token == letter or (len(token) == 1 and unicodedata.normalize("NFKC", token) == letter)


def _letter(text: str, names: Sequence[str], choices: Sequence[str] = ()) -> str | None:
    """The letter that an answer names, after its thinking."""
    return letters.read(replies.cleaned(text), names, choices)

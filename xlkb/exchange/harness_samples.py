"""One line of a log of lm-evaluation-harness: a question, and how likely each choice was."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xlkb.exchange import harness_names
from xlkb.exchange.harness_tasks import UNCONDITIONAL
from xlkb.ground import texts
from xlkb.ground.languages import LANGUAGES
from xlkb.tasks import prompts

OURS = ("task", "id", "subject", "answer", "recomposition", "language", "question")
OURS += ("question_language", "options", "option_languages", "style", "prompt", "n_shots")
OURS += ("n_shots_asked", "demonstrations", "context", "choices", UNCONDITIONAL)
"""Fields of a document that `harness_tasks` made."""

_COUNTS = ("answer", "n_shots", "n_shots_asked")
_LISTS = ("options", "option_languages", "choices")
_KNOWN = {"style": prompts.STYLES, "language": (*LANGUAGES, "mixed")}
_KNOWN |= {"question_language": tuple(LANGUAGES), "option_languages": tuple(LANGUAGES)}


class OtherChoices(ValueError):
    """A question has another number of choices than four."""


class Sample(NamedTuple):
    """What a line says.

    columns: of `scoring.score`, those that are the same for all choices, and `answer`; `language`
    may be None, `n_shots` are missing where the document does not say. values, unconditional: nats,
    the latter NaN where the log has none. bare: the values are those without the question. counted:
    the identifier is only the place in the data set.
    """

    columns: dict[str, Any]
    option_languages: list[str | None]
    options: list[str]
    continuations: list[str]
    values: list[float]
    unconditional: list[float]
    bare: bool
    counted: bool


def read(line: object, name: str) -> Sample:
    """What a line of the task `name` says.

    Raises:
        OtherChoices: there are not four choices.
        ValueError: it is no line of a multiple-choice task, or contradicts itself.
    """
    if not isinstance(line, dict) or not isinstance(line.get("doc"), dict):
        raise ValueError("it has no doc: it is no line of the harness's samples_*.jsonl")
    contexts, continuations = _arguments(line.get("arguments"))
    values = _values(line.get("resps"), len(contexts))
    unconditional = [math.nan] * 4
    if len(contexts) == 8 and not any(contexts[4:]):  # acc_mutual_info
        unconditional, values = values[4:], values[:4]
        contexts, continuations = contexts[:4], continuations[:4]
    if len(contexts) != 4:
        raise OtherChoices(f"it has {len(contexts)} choices, and four are needed")
    if len(set(contexts)) > 1:
        raise ValueError("each choice has a context of its own: it is no question with choices")
    document, context = line["doc"], contexts[0]
    answer = _answer(line.get("target"), continuations)
    best = values.index(max(values))
    if line.get("acc") in (0, 1) and (best == answer) != bool(line["acc"]):
        raise ValueError(
            f"its acc is {line['acc']:g}, but of the log-likelihoods that of choice {best} is the "
            f"largest, and the target is {line.get('target')!r}: the log was changed"
        )
    if all(field in document for field in OURS):
        _refuse_changed(document, answer)
        return _ours(document, name, context, continuations, values, unconditional)
    number = line.get("doc_id")
    if not isinstance(number, int):
        raise ValueError("it has no doc_id, so nothing tells which document it is")
    named = harness_names.of_document(name, document, number)
    letters = harness_names.are_letters(continuations)
    stripped = [each.strip() for each in continuations]
    columns = {
        "task": named.task,
        "item_id": named.identifier,
        "subject": named.subject,
        "recomposition": "full",
        "language": named.language,
        "question_language": named.language,
        "answer": answer,
        "style": "letters" if letters else "cloze",
        "prompt": "lm-evaluation-harness",
        "context": context,
        "question": harness_names.question(document, context),
    }
    options = harness_names.options(document, stripped) if letters else stripped
    spoken = [named.language] * 4
    return Sample(
        columns, spoken, options, continuations, values, unconditional, False, named.counted
    )


def _ours(
    document: Mapping[str, Any],
    name: str,
    context: str,
    continuations: list[str],
    values: list[float],
    unconditional: list[float],
) -> Sample:
    """A line whose document `harness_tasks` made."""
    same = ("task", "subject", "recomposition", "language", "question_language", "answer", "style")
    same += ("prompt", "n_shots", "n_shots_asked", "demonstrations", "question")
    bare = context == document[UNCONDITIONAL] != document["context"]
    if context not in (document[UNCONDITIONAL], document["context"]):  # In a chat's template.
        bare = name.endswith(f"_{UNCONDITIONAL}")
    columns = {field: document[field] for field in same}
    columns |= {"item_id": document["id"], "context": context}
    spoken, options = list(document["option_languages"]), list(document["options"])
    return Sample(columns, spoken, options, continuations, values, unconditional, bare, False)


def _refuse_changed(document: Mapping[str, Any], answer: int) -> None:
    """Raise ValueError, with its name, where a field is none that `harness_tasks` writes."""
    for field in OURS:
        value, listed = document[field], field in _LISTS
        parts = value if listed and isinstance(value, list) else [value]
        kind = int if field in _COUNTS else str
        good = all(type(each) is kind for each in parts) and len(parts) == (4 if listed else 1)
        good = good and all(each in _KNOWN.get(field, parts) for each in parts)
        good = good and (kind is str or value >= 0)
        if not good or (field == "answer" and value != answer):
            said = texts.shown(value)
            raise ValueError(f"its document's {field} is {said}: the log was changed")


def _arguments(given: object) -> tuple[list[str], list[str]]:
    """Contexts and continuations of a line's requests."""
    every = list(given.values()) if isinstance(given, dict) else given
    every = every if isinstance(every, list) else []
    pairs = [list(each.values()) if isinstance(each, dict) else each for each in every]
    if not pairs:
        raise ValueError("it has no arguments: it is no line of the harness's samples_*.jsonl")
    if not all(isinstance(pair, list) for pair in pairs):
        raise ValueError("its arguments are not a context and a continuation for each choice")
    if any(len(pair) == 2 and isinstance(pair[1], dict) for pair in pairs):
        raise ValueError(
            "the task has a model write text (generate_until): the log-likelihoods of choices are "
            "in the logs of multiple-choice tasks only"
        )
    if any(len(pair) != 2 or not all(isinstance(t, str) for t in pair) for pair in pairs):
        raise ValueError("its arguments are not a context and a continuation for each choice")
    contexts, continuations = zip(*pairs, strict=True)
    return list(contexts), list(continuations)


def _values(given: object, wanted: int) -> list[float]:
    """Log-likelihoods, which the harness writes as [[["-1.25", "False"]], …]."""
    try:
        values = [float(each[0][0]) for each in given]
    except (TypeError, ValueError, IndexError, KeyError):
        raise ValueError("its resps are not a log-likelihood for each choice") from None
    if len(values) != wanted:
        raise ValueError(f"it has {len(values)} resps for {wanted} choices")
    for value in values:
        if math.isnan(value) or value == math.inf:
            raise ValueError(f"a log-likelihood is {value}: the model overflowed, run it anew")
    return values


def _answer(target: object, continuations: Sequence[str]) -> int:
    """The right choice's place: the target is that, or the choice itself."""
    text = str(target).strip()
    stripped = [each.strip() for each in continuations]
    if text in ("0", "1", "2", "3"):
        return int(text)
    if stripped.count(text) == 1:
        return stripped.index(text)
    raise ValueError(f"its target, {target!r:.80}, is none of its four choices")

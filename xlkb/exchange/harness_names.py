"""What the harness's tasks are about: names, subjects, identifiers and texts of known data sets.

Read off the tasks of lm-evaluation-harness 0.4.13 (`lm_eval/tasks/{mmlu,global_mmlu,belebele,okapi,
arc}`). Tasks and identifiers are called as in `xlkb.tasks`, where it has them, so that answers of
both can be paired.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from xlkb.ground import languages
from xlkb.ground.languages import FLORES, LANGUAGES

MMLU = ("mmlu", "mmlu_continuation", "mmlu_flan_n_shot_loglikelihood")
"""What is left of a name of MMLU's tasks, which are English, without the subject."""

ENGLISH = ("arc_easy", "arc_challenge")

QUESTIONS = ("question", "instruction", "query")
OPTIONS = ("option_{}", "mc_answer{}")
"""Names of a document's fields with the question, and with the choices a to d or 1 to 4."""

_DATE = r"_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(\.\d+)?)"
_GLOBAL = re.compile(r"(?P<task>global_mmlu(_full)?)_(?P<code>[a-z]{2})(_(?P<subject>\w+))?")
_FLORES = re.compile(r"(?P<task>\w+)_(?P<code>[a-z]{3}_[A-Z][a-z]{3})")
_CODE = re.compile(r"(?P<task>\w+)_(?P<code>[a-z]{2})")
_LETTER = re.compile(r"\(?([A-D])[.)]?")


class Named(NamedTuple):
    """What a document is: the task and subject, its language (None: not told), its identifier, and
    whether that is only the place in the data set."""

    task: str
    subject: str
    language: str | None
    identifier: str
    counted: bool


def of_file(name: str) -> tuple[str, str]:
    """The task and the date that a file is named after: "samples_TASK_DATE.jsonl"."""
    found = re.fullmatch(f"samples_(?P<task>.+){_DATE}", name.removesuffix(".jsonl"))
    if found:
        return found["task"], found["date"]
    return name.removesuffix(".jsonl").removeprefix("samples_"), ""


def of_document(name: str, document: Mapping[str, Any], number: int) -> Named:
    """What a document of the task `name` is; `number`: its place in the data set.

    Raises:
        ValueError: its language is none of the package's; the message says which it has.
    """
    subject = document.get("subject")
    subject = subject if isinstance(subject, str) and subject else None
    task, code = name, None
    plain = name.replace(f"_{subject}", "", 1) if subject else name
    if found := _GLOBAL.fullmatch(name):
        task, code = found["task"], languages.get(found["code"]).code
        subject = subject or found["subject"]
    elif plain in MMLU:
        task, code = plain, "en"
    elif name in ENGLISH:
        code = "en"
    elif (found := _FLORES.fullmatch(name)) and name not in FLORES.values():
        task, code = found["task"], _of_flores(found["code"])
    elif (found := _CODE.fullmatch(name)) and found["code"] in LANGUAGES:
        task, code = found["task"], found["code"]
    known = {"belebele": "reading", "arc": "science"}
    subject = subject or known.get(task.partition("_")[0]) or task
    identifier = _identifier(task, subject, document, number)
    return Named(task, subject, code, identifier or f"{subject}/{number}", not identifier)


def question(document: Mapping[str, Any], otherwise: str) -> str:
    """The question's text, as `xlkb.tasks` has it; `otherwise` where no field is known."""
    texts = [document[name] for name in QUESTIONS if isinstance(document.get(name), str)]
    if not texts:
        return otherwise
    passage = document.get("flores_passage")
    return f"{passage}\n\n{texts[0]}" if isinstance(passage, str) else texts[0]


def options(document: Mapping[str, Any], otherwise: Sequence[str]) -> list[str]:
    """The texts of the four choices; `otherwise` where there are no fields of a known name."""
    choices = document.get("choices")
    if isinstance(choices, Mapping):
        choices = choices.get("text")
    for form in OPTIONS:
        places = "abcd" if form.startswith("option") else "1234"
        listed = [document.get(form.format(place)) for place in places]
        choices = choices or (listed if all(listed) else None)
    good = isinstance(choices, list) and len(choices) == 4
    good = good and all(isinstance(each, str) for each in choices)
    return list(choices) if good else list(otherwise)


def are_letters(continuations: Sequence[str]) -> bool:
    """Whether choices are named A to D, as "A", "(A)" or "A."."""
    found = [_LETTER.fullmatch(each.strip()) for each in continuations]
    return [each and each[1] for each in found] == list("ABCD")


def _of_flores(code: str) -> str:
    for ours, theirs in FLORES.items():
        if theirs == code:
            return ours
    raise ValueError(f"There is no language {code!r}; there are: {', '.join(FLORES.values())}.")


def _identifier(task: str, subject: str, document: Mapping[str, Any], number: int) -> str:
    """Of a document, the same in all languages; nothing where its data set gives it none."""
    if isinstance(document.get("sample_id"), str):
        return document["sample_id"]
    if task == "belebele" and "link" in document and "question_number" in document:
        return f"{document['link']}/{document['question_number']}"
    if task in MMLU:
        return f"{subject}/test/{number}"
    found = document.get("id")
    return str(found) if isinstance(found, str | int) else ""

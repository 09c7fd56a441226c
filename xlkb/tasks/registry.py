"""Tasks: multiple-choice questions that exist in several languages.

`load` returns a `datasets.Dataset` with the columns `task, id, subject` (text), `answer` (0-3),
`question` ({language: text}) and `options` ({language: [4 texts]}), the same languages in every
row. Everything downstream sees only this.
"""

import json
import random
import warnings
from collections.abc import Iterable
from functools import cache
from hashlib import sha256

import pandas as pd
from datasets import Dataset

from xlkb.ground import disk, hub, paths
from xlkb.ground import languages as room
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.names import unknown
from xlkb.tasks import order, own, own_batches
from xlkb.tasks.builtin import academy, worldfacts
from xlkb.tasks.public import arc, belebele, hp_quiz, mmlu

OWN = {"worldfacts": worldfacts.rows, "academy": academy.rows}
"""Tasks that come with the package, and what gives their rows."""

PUBLIC = {"mmlu": mmlu, "arc": arc, "hp_quiz": hp_quiz, "belebele": belebele}
"""Public data sets, from the hub (`mmlu`) or a folder of files (`mmlu:FOLDER`)."""

_LOADED: dict[str, None] = {}

COLUMNS = ("task", "id", "subject", "answer", "question", "options")


def names() -> tuple[str, ...]:
    """Tasks by name: those of the package, then public ones; your own questions are `path:FILE`."""
    return (*OWN, *PUBLIC)


def load(
    name: str,
    languages: Iterable[str] | None = None,
    split: str = "test",
    n: int | None = None,
    seed: int = 42,
) -> Dataset:
    """Questions of one task.

    Args:
        name: one of `names()`; a public one may name its folder, as "mmlu:FOLDER" (its module says
            what should be there); or "path:FILE" for your own (format: `xlkb.tasks.own`).
        languages: codes, in the order wanted; all of the task's languages when None. Of a public
            task, questions that do not exist in all of them are left out, with a warning.
        split: "test", "validation" or "dev".
        n: at most this many questions, as evenly over the subjects as there are questions; all
            when None. The questions for `n` are among those for any larger `n`.
        seed: decides which questions come first.

    Returns:
        Dataset with the columns `COLUMNS`. Rows alternate between the subjects, so that those for
        `n` are the first `n` of all; but the split "dev" of public and own questions keeps the
        order of the file, in which demonstrations are shown.

    Raises:
        ValueError: unknown task, language or split (with the nearest match), a split without
            questions, `n` below 1, malformed own questions.
        FileNotFoundError: there is no such file of own questions, or folder of a public task.
    """
    order.check_split(split)
    if n is not None and n < 1:
        raise ValueError(f"n = {n}, but at least one question must be asked for; None means all.")
    every, spoken = _rows(name, languages)
    _LOADED[name] = None
    rows = [row for row in every if row["split"] == split]
    if not rows:
        found = sorted({row["split"] for row in every})
        raise ValueError(
            f"{name} has no questions in the split {split!r}, only in {', '.join(found)}. "
            f'Give some of its rows "split": "{split}".'
        )
    if name.partition(":")[0] in PUBLIC or (split == "dev" and name not in OWN):
        rows, spoken = _existing(rows, languages, name, split)
    if split == "dev" and name not in OWN:
        return order.dataset(order.first(rows, n), spoken)
    return order.dataset(order.alternating(rows, seed)[:n], spoken)


def loaded() -> dict[str, str]:
    """The tasks that this process loaded, by name, with the SHA-256 (hex) of their questions: of
    the file, the folder's files, or the package's rows. Those of the hub have none."""
    found = {}
    for name in _LOADED:
        if place := name.partition(":")[2]:
            found[name] = disk.digest(paths.user(place))
        elif name in OWN:
            found[name] = _digest(name)
    return found


@cache
def _digest(name: str) -> str:
    rows = json.dumps(OWN[name](), sort_keys=True, ensure_ascii=False)
    return sha256(rows.encode()).hexdigest()


def needed(
    name: str, languages: Iterable[str] | None = None, released: bool = False
) -> list[hub.Source]:
    """What a task reads of the hub: nothing where it comes with the package, or from a folder.

    Args:
        name, languages: as for `load`.
        released: whether `released_mixup` will be read, too.
    """
    kind, _, folder = name.partition(":")
    found = PUBLIC[kind].needed(folder or None, languages) if kind in PUBLIC else []
    return [*found, mmlu.needed_mixup()] if found and released and kind == "mmlu" else found


def demonstrations(name: str, languages: Iterable[str]) -> Dataset | None:
    """The split "dev" of a task, for few-shot prompts.

    Returns:
        As from `load`, in the languages asked for and English, if any row has it; but here rows
        need not exist in all of them, and have None in those that they lack. None if the task has
        no such split (hp_quiz, say).

    Raises:
        ValueError, FileNotFoundError: as `load` does.
    """
    asked = room.check(languages)
    wanted = asked if "en" in asked else ("en", *asked)
    kind, _, file = name.partition(":")
    if kind == "path" and file:
        rows = list(own_batches.rows(file, asked, "dev"))
    else:
        rows = [row for row in _rows(name, asked)[0] if row["split"] == "dev"]
    if not rows:
        return None
    if name in OWN:  # The order of what is generated is a seeded one.
        return load(name, wanted, "dev")
    there = {code for row in rows for code in row["question"]}
    return order.dataset(rows, [code for code in wanted if code in asked or code in there])


def released_mixup(name: str, questions: Dataset) -> Dataset | None:
    """The mixup of these very questions that the paper's authors released, if they did.

    Args:
        name: of the task; only "mmlu" from the hub has one.
        questions: from `load`.

    Returns:
        A recomposed dataset under the language "released", in the order of `questions`; None
        for other tasks.

    Raises:
        ValueError: a question is not among those released, or has another key there.
        OSError: the hub cannot be reached.
    """
    if name != "mmlu" or paths.data_folder(None, "mmlu") is not None:
        return None
    every = mmlu.released_mixup()
    keys = dict(zip(every["id"], every["answer"], strict=True))
    for identifier, answer in zip(questions["id"], questions["answer"], strict=True):
        if keys.get(identifier) != answer:
            fault = "has another key there" if identifier in keys else "is missing there"
            raise ValueError(f"{mmlu.MIXUP[0]}: the question {identifier!r} {fault}.")
    place = {identifier: number for number, identifier in enumerate(keys)}
    return every.select([place[identifier] for identifier in questions["id"]])


def spoken(name: str) -> tuple[str, ...]:
    """The languages of a task by its name; of a public one, those that any question exists in.

    Raises ValueError, FileNotFoundError and OSError as `load` does.
    """
    return _rows(name, None)[1]


def languages_of(dataset: Dataset) -> tuple[str, ...]:
    """The languages of a task's dataset, in its order.

    Raises ValueError when `dataset` does not have the columns that `load` gives.
    """
    missing = [column for column in COLUMNS if column not in dataset.column_names]
    if missing:
        raise ValueError(f"not a task: it lacks {', '.join(missing)}; see xlkb.tasks.load")
    question, options = dataset.features["question"], dataset.features["options"]
    if not isinstance(question, dict) or not isinstance(options, dict):
        raise ValueError("not a task: question and options must hold one entry per language")
    if set(question) != set(options):
        differing = ", ".join(sorted(set(question) ^ set(options)))
        raise ValueError(f"not a task: question and options differ in the languages {differing}")
    return tuple(question)


def counts(name: str = "worldfacts", languages: Iterable[str] | None = None) -> pd.DataFrame:
    """How many questions a task has, for looking at.

    Returns:
        One row per subject and split: `subject, split, distinct_answers` (in the first language),
        and the number of questions in each language, equal by construction, under its English name.
    """
    every, spoken = _rows(name, languages)
    table = pd.DataFrame(
        {
            "subject": row["subject"],
            "split": row["split"],
            "answer": next(row["options"][c] for c in spoken if c in row["options"])[row["answer"]],
            **{LANGUAGES[code].name: bool(row["question"].get(code)) for code in spoken},
        }
        for row in every
    )
    grouped = table.groupby(["subject", "split"], sort=False)
    asked = grouped[[LANGUAGES[code].name for code in spoken]].sum()
    asked.insert(0, "distinct_answers", grouped["answer"].nunique())
    return asked.reset_index()


def sample(
    dataset: Dataset, n: int = 3, languages: Iterable[str] | None = None, seed: int = 42
) -> pd.DataFrame:
    """`n` random questions, each in several languages, for looking at.

    Returns:
        One row per question and language: `id, language (English name), question, A, B, C, D,
        answer (letter)`.
    """
    spoken = _known(languages, languages_of(dataset), "the dataset")
    chosen = random.Random(seed).sample(range(len(dataset)), min(n, len(dataset)))
    return pd.DataFrame(
        {
            "id": row["id"],
            "language": LANGUAGES[code].name,
            "question": row["question"][code],
            **dict(zip("ABCD", row["options"][code], strict=True)),
            "answer": "ABCD"[row["answer"]],
        }
        for row in dataset.select(chosen)
        for code in spoken
    )


def _rows(name: str, languages: Iterable[str] | None) -> tuple[list[dict], tuple[str, ...]]:
    wanted = None if languages is None else room.check(languages)
    kind, _, file = name.partition(":")
    if kind == "path" and file:
        rows = own.rows(file, wanted)
        first = next((row for row in rows if row["split"] != "dev"), rows[0])
        return rows, wanted or tuple(first["question"])
    if kind in PUBLIC and (file or kind == name):
        rows = PUBLIC[kind].rows(file or None, wanted)
        return rows, tuple(c for c in LANGUAGES if any(c in row["question"] for row in rows))
    if name in OWN:
        return OWN[name](), _known(wanted, tuple(LANGUAGES), name)
    if kind == "path":
        raise ValueError(f"There is no task {name!r}: name a file, as path:FILE.")
    file = name if name == kind and name.endswith((".jsonl", ".json")) else "FILE"
    raise ValueError(unknown("task", name, (*names(), f"path:{file}")))


def _existing(
    rows: list[dict], languages: Iterable[str] | None, name: str, split: str
) -> tuple[list[dict], tuple[str, ...]]:
    """The rows that exist in all languages wanted; by default in all that every row has."""
    spoken = [code for code in LANGUAGES if all(code in row["question"] for row in rows)]
    wanted = tuple(spoken) if languages is None else room.check(languages)
    whole = [row for row in rows if all(code in row["question"] for code in wanted)]
    where = f"{name}, split {split!r},"
    if not whole:
        every = [row for row in _rows(name, None)[0] if row["split"] == split]
        counts = {c: sum(c in row["question"] for row in every) for c in LANGUAGES}
        have = ", ".join(f"{code} ({n})" for code, n in counts.items() if n)
        raise ValueError(f"{where} has no question in all of {', '.join(wanted)}. It has {have}.")
    if len(whole) < len(rows):
        warnings.warn(
            f"{where} {len(rows) - len(whole)} of {len(rows)} questions are left out: they do not "
            f"exist in all of {', '.join(wanted)}.",
            stacklevel=3,
        )
    return whole, wanted


def _known(wanted: Iterable[str] | None, available: tuple[str, ...], where: str) -> tuple[str, ...]:
    if wanted is None:
        return available
    wanted = room.check(wanted)
    lacking = [code for code in wanted if code not in available]
    if lacking:
        raise ValueError(f"{where} lacks {', '.join(lacking)}; it has {', '.join(available)}")
    return wanted

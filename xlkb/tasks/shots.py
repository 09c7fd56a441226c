"""Which demonstrations stand before a question: those of its subject, in the order of the split.

A subject may have fewer than are asked for, because there are no more, or because they do not exist
in the languages of the question: its questions then get those that there are.
"""

import warnings
from collections.abc import Sequence

from datasets import Dataset

from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.tasks import recompose
from xlkb.tasks.prompts import Asking


def shown(items: Sequence[dict], asking: Asking, dev: Dataset | None) -> list[list[dict]]:
    """The demonstrations of each item: the first `asking.n_shots` of its subject.

    Args:
        items: rows of a dataset from `recompose`.
        asking: how many, in which way; subjects that have fewer are named in a warning.
        dev: from `tasks.demonstrations`, where a row may lack some of the languages (None there).

    Returns:
        Recomposed rows of `dev` for each item.

    Raises:
        ValueError: no `dev`; no demonstration in the language asked for, or no five languages to
            mix.
    """
    n_shots, way = asking.n_shots, asking.demonstrations
    if not n_shots:
        return [[] for _ in items]
    if dev is None:
        raise ValueError(
            f"{n_shots}-shot prompts need the task's split 'dev': pass "
            "dev=tasks.demonstrations(…). Where that is None, the task has no demonstrations, and "
            "n_shots=0 is all that can be asked for."
        )
    by_cell: dict[tuple, list[dict]] = {}
    for row in _recomposed(items, dev, way, asking.seed):
        by_cell.setdefault(_cell(row, way), []).append(row)
    chosen = [by_cell.get(_cell(item, way), [])[:n_shots] for item in items]
    fewest: dict[str, int] = {}
    for item, rows in zip(items, chosen, strict=True):
        fewest[item["subject"]] = min(len(rows), fewest.get(item["subject"], n_shots))
    short = [f"{subject} ({n})" for subject, n in fewest.items() if n < n_shots]
    if short:
        warnings.warn(
            f"Subjects with fewer than {n_shots} demonstrations (as {way!r}), whose questions get "
            f"those that there are: {', '.join(short)}.",
            stacklevel=4,
        )
    return chosen


def _recomposed(items: Sequence[dict], dev: Dataset, way: str, seed: int) -> list[dict]:
    rows = dev.to_list()
    if way == "mixup":
        languages = _five(items, rows)
        return recompose.mixup(_having(dev, rows, languages), languages, seed).to_list()
    if way != "same":
        there = _having(dev, rows, [way])
        if rows and not len(there):
            have = ", ".join(c for c in LANGUAGES if any(_has(row, c) for row in rows))
            raise ValueError(
                f"demonstrations={way!r}: no row of the split 'dev' exists in "
                f"{LANGUAGES[way].name}; there are rows in {have}. Ask for one of these, or 'same'."
            )
        return recompose.full(there, way).to_list()
    made: list[dict] = []
    for name in dict.fromkeys(item["recomposition"] for item in items):
        these = [item for item in items if item["recomposition"] == name]
        made += _same(these, name, dev, rows, seed)
    place = {row["id"]: number for number, row in enumerate(rows)}
    return sorted(made, key=lambda row: place[row["id"]])


def _same(items: Sequence[dict], name: str, dev: Dataset, rows: list, seed: int) -> list[dict]:
    """Demonstrations recomposed as items are, each in those languages that it has of theirs."""
    spoken = _spoken(items)
    groups: dict[tuple[str, ...], list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(tuple(c for c in spoken if _has(row, c)), []).append(number)
    base = next((c for item in items for c in _codes(item) if c != item["language"]), "en")
    made: list[dict] = []
    for languages, numbers in groups.items():
        if name == "mixup" and len(languages) != 5:
            continue
        if name not in ("full", "pair", "mixup") and base not in languages:
            continue
        made += recompose.grid(dev.select(numbers), [name], languages, seed, base).to_list()
    return made


def _five(items: Sequence[dict], rows: Sequence[dict]) -> Sequence[str]:
    """The five languages to mix: those of the questions, the paper's, or those that there are."""
    there = [code for code in LANGUAGES if any(_has(row, code) for row in rows)]
    for languages in (_spoken(items), FIVE, there):
        if len(languages) == 5 and set(languages) <= set(there):
            return languages
    raise ValueError(
        "demonstrations='mixup' needs the split 'dev' in five languages, one for the question and "
        f"each choice; it has {', '.join(there)}. Ask for 'same' or one language."
    )


def _having(dev: Dataset, rows: Sequence[dict], languages: Sequence[str]) -> Dataset:
    return dev.select([i for i, row in enumerate(rows) if all(_has(row, c) for c in languages)])


def _has(row: dict, code: str) -> bool:
    return bool(row["question"].get(code) and row["options"].get(code))


def _codes(item: dict) -> tuple[str, ...]:
    return (item["question_language"], *item["option_languages"])


def _spoken(items: Sequence[dict]) -> list[str]:
    spoken = {code for item in items for code in _codes(item)}
    return [code for code in LANGUAGES if code in spoken]


def _cell(row: dict, way: str) -> tuple:
    if way != "same":
        return (row["subject"],)
    options = row["option_languages"][0] if row["recomposition"] == "pair" else ""
    return (row["subject"], row["recomposition"], row["language"], options)

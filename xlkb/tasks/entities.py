"""What a question is about: the country, city or person whose name stands in it.

The package's own tasks make questions of templates and names, and so know the name in every
language; of other questions nobody has said which words are the name.
"""

from functools import cache

from datasets import Dataset

from xlkb.tasks.builtin import academy, worldfacts

_ROWS = {"worldfacts": worldfacts.rows, "academy": academy.rows}


def known(questions: Dataset) -> bool:
    """Whether the entity of every one of these questions is known."""
    return all(item in _by_id(task) for task, item in _ids(questions))


def question(task: str, item: str, language: str, name_language: str) -> str:
    """A question in one language with the name of its entity in another.

    Raises ValueError when the entity of the question is not known.
    """
    row = _by_id(task).get(item)
    if row is None:
        raise ValueError(
            f"Question {item!r}: it is not known which of its words are a name. Only questions of "
            f"{' and '.join(_ROWS)} can have it in another language."
        )
    return row["template"][language].format(name=row["entity"][name_language])


def _ids(questions: Dataset) -> zip:
    return zip(questions["task"], questions["id"], strict=True)


@cache
def _by_id(task: str) -> dict[str, dict]:
    return {row["id"]: row for row in _ROWS[task]()} if task in _ROWS else {}

"""English questions of public data sets, and whether a translated one belongs to one of them."""

from collections.abc import Iterable

from xlkb.ground.languages import LANGUAGES
from xlkb.ground.texts import LETTERS


def wanted(languages: Iterable[str] | None) -> list[str]:
    """The languages to read: English and those asked for, or all that there are when None."""
    return [code for code in LANGUAGES if languages is None or code in ("en", *languages)]


def question(task: str, name: str, subject: str, split: str, answer: int) -> dict:
    """A row of a task that has no texts yet, in any language."""
    return {
        "task": task,
        "id": name,
        "subject": subject,
        "split": split,
        "answer": answer,
        "question": {},
        "options": {},
    }


def fits(row: dict | None, answer: int, where: str, problems: list[str], code: str = "") -> bool:
    """Whether there is such an English question with this key, not yet in the language `code`.

    Where not, `problems` is told, with the place `where` in the file. A key below 0 is none, and
    its problem told.
    """
    if answer < 0:
        return False
    if row is None:
        problems.append(f"{where}: there is no such English question")
    elif row["answer"] != answer:
        problems.append(
            f"{where}: the key is {LETTERS[answer]}, but {LETTERS[row['answer']]} in English; the "
            "rows are not aligned, or the translation moved the choices"
        )
    elif code in row["question"]:
        problems.append(f"{where}: this question is there twice: take one away")
    else:
        return True
    return False

"""Whether a translated question belongs to an English one."""

from xlkb.ground.texts import LETTERS


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

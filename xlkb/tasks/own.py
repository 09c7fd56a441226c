"""Your own questions: a file of JSON lines, one question a line, or of one JSON list, in UTF-8.

    {"id": "q1", "subject": "tea", "answer": 0,
     "question": {"en": "What is chai?", "fr": "Qu’est-ce que le chai ?"},
     "options": {"en": ["tea", "coffee", "milk", "juice"],
                 "fr": ["du thé", "du café", "du lait", "du jus"]}}

(on one line). `answer` counts from 0 and is the same in every language. `"split"` may be "test"
(the default), "dev" (few-shot demonstrations, which may be in English only) or "validation". Other
fields are ignored. Texts are cleaned (`texts.clean`), and no two options may look the same.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from xlkb.ground import languages as room
from xlkb.ground import texts
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.texts import near, shown
from xlkb.tasks.order import SPLITS

_TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet")
HEADING = "{} is not a file of questions as it stands:"


def rows(file: str | Path, languages: tuple[str, ...] | None = None) -> list[dict]:
    """Every question of the file, of all splits, in the file's order.

    Args:
        file: path of the JSON lines or list.
        languages: codes that every question must have; those of the first question when None. A
            row of the split "dev" may be in any languages: an English demonstration needs no more.

    Returns:
        Dicts of `task, id, subject, split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}` in those languages ("dev": in its own); `task` is "path:" and the
        file's name.

    Raises:
        FileNotFoundError: no such file; the nearest existing name is suggested.
        ValueError: malformed rows; up to ten problems are listed, each with its line and its cure.
    """
    path, problems, seen = existing(file), [], {}
    found = list(checked(path, languages, problems, seen.setdefault))
    texts.refuse(problems, HEADING.format(path))
    if not found:
        raise ValueError(f"{path} holds no question: write one JSON object a line.")
    return found


def existing(file: str | Path) -> Path:
    """The file of this name (`texts.existing`); ValueError for a table."""
    path = texts.existing(file)
    if path.suffix.lower() in _TABLES:
        raise ValueError(
            f"{path} is a table; own questions are JSON lines, one question a line: "
            '{"id": …, "subject": …, "answer": 0, "question": {"en": …}, "options": {"en": […]}}'
        )
    return path


def checked(
    path: Path,
    languages: tuple[str, ...] | None,
    problems: list[str],
    first: Callable[[str, str], str],
) -> Iterator[dict]:
    """The rows that are as they should be, each read when it is asked for.

    Args:
        path, languages: as for `rows`.
        problems: told of the others.
        first: (what an id looks like, where it is) -> where it was first.
    """
    expected = languages
    for where, row in texts.items(path, problems):
        faults = list(_row_faults(row))
        spoken = _spoken(row)
        dev = _is_dev(row)
        if not languages and spoken and not dev:
            if expected is None:
                expected = spoken
            faults += [
                f"has {_called(code)}, which the first question lacks: add it there, or ask "
                "for the languages you want"
                for code in spoken
                if code not in expected
            ]
        told = _language_faults(row, spoken if dev else expected or ())
        faults += islice(told, texts.SHOWN + 1)
        identifier = row.get("id") if isinstance(row, dict) else None
        if isinstance(identifier, str):
            faults += double(identifier, first(texts.looks(identifier), where), where)
        problems += [f"{path}, {where}: {fault}" for fault in faults]
        if len(problems) > texts.SHOWN:
            break
        if not faults:
            yield _clean(row, path, spoken if dev else expected)


def double(identifier: str, first: str, where: str) -> list[str]:
    """What is wrong with an id at a place, if it was first at another one."""
    return [f"id {identifier!r:.80} is that of {first} too: make it unique"] * (first != where)


def spoken(file: str | Path) -> tuple[str, ...]:
    """Languages of the file's first question that is no demonstration; nothing is checked.

    There are none where it cannot be read.

    Raises FileNotFoundError as `rows` does.
    """
    rows = (row for _, row in texts.items(texts.existing(file), []))
    return _spoken(next((row for row in rows if not _is_dev(row)), None))


def _is_dev(row: object) -> bool:
    return isinstance(row, dict) and row.get("split") == "dev"


def _row_faults(row: object) -> Iterator[str]:
    """What is wrong with the fields that have nothing to do with languages."""
    if not isinstance(row, dict):
        yield "not a JSON object: write {…} with id, subject, answer, question, options"
        return
    for field in ("id", "subject", "answer", "question", "options"):
        if field not in row:
            yield f"{field!r} is missing{near(field, row)}: add it"
    for field in ("id", "subject"):
        if field in row and (fault := texts.fault(row[field])):
            yield f"{field!r} {fault}"
    answer = row.get("answer", 0)
    if type(answer) is not int or not 0 <= answer <= 3:
        yield (
            f"'answer' is {shown(answer)}: write the right option's position, 0, 1, 2 or 3, "
            "without quotes"
        )
    split = row.get("split", "test")
    if split not in SPLITS:
        yield f"'split' is {shown(split)}{near(split, SPLITS)}: write {', '.join(SPLITS)}"


def _spoken(row: object) -> tuple[str, ...]:
    """Known languages of a row, in the order of its question."""
    if not isinstance(row, dict):
        return ()
    asked = [row[part] for part in ("question", "options") if isinstance(row.get(part), dict)]
    return tuple(dict.fromkeys(code for part in asked for code in part if code in LANGUAGES))


def _language_faults(row: object, expected: tuple[str, ...]) -> Iterator[str]:
    for part in ("question", "options"):
        if not isinstance(row, dict) or part not in row:
            continue
        spoken = row[part]
        if not isinstance(spoken, dict) or not spoken:
            yield f"{part!r} is {shown(spoken)}: write an object, language code to text"
            continue
        for code in spoken:
            try:
                room.get(code)
            except ValueError as error:
                yield f"{part!r}: {error}"
        for code in expected:
            if code not in spoken:
                yield f"{part!r} lacks {_called(code)}: add it, or leave that language out"
            elif part == "question":
                if fault := texts.fault(spoken[code]):
                    yield f"'question' in {_called(code)} {fault}"
            else:
                yield from _option_faults(spoken[code], code)


def _option_faults(options: object, code: str) -> Iterator[str]:
    if not isinstance(options, list) or len(options) != 4:
        count = f"has {len(options)} entries" if isinstance(options, list) else "is no list"
        yield f"'options' in {_called(code)} {count}: write a list of four texts"
        return
    seen = []
    for position, option in enumerate(options):
        if fault := texts.fault(option):
            yield f"option {position} in {_called(code)} {fault}"
        elif texts.looks(option) in seen:
            yield (
                f"option {position} in {_called(code)}, {shown(option)}, is there twice: make the "
                "four options different, and not by a character that cannot be seen"
            )
        else:
            seen.append(texts.looks(option))


def _clean(row: dict, path: Path, languages: tuple[str, ...]) -> dict:
    return {
        "task": f"path:{path.name}",
        "id": row["id"],
        "subject": texts.clean(row["subject"]),
        "split": row.get("split", "test"),
        "answer": row["answer"],
        "question": {code: texts.clean(row["question"][code]) for code in languages},
        "options": {code: [*map(texts.clean, row["options"][code])] for code in languages},
    }


def _called(code: str) -> str:
    return f"{LANGUAGES[code].name} ({code})"

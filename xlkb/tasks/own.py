"""Your own questions: a file of JSON lines, one question a line, in UTF-8.

    {"id": "q1", "subject": "tea", "answer": 0,
     "question": {"en": "What is chai?", "fr": "Qu’est-ce que le chai ?"},
     "options": {"en": ["tea", "coffee", "milk", "juice"],
                 "fr": ["du thé", "du café", "du lait", "du jus"]}}

(on one line). `answer` counts from 0 and is the same in every language. `"split"` may be "test"
(the default), "dev" (few-shot demonstrations) or "validation". Other fields are ignored.
"""

import json
import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from xlkb import languages as room
from xlkb.languages import LANGUAGES

_SPLITS = ("test", "dev", "validation")
_SHOWN = 10


def rows(file: str | Path, languages: tuple[str, ...] | None = None) -> list[dict]:
    """Every question of the file, of all splits, in the file's order.

    Args:
        file: path of the JSON lines.
        languages: codes that every question must have; those of the first row when None.

    Returns:
        Dicts of `task, id, subject, split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}` in those languages; `task` is "path:" and the file's name.

    Raises:
        FileNotFoundError: no such file; the nearest existing name is suggested.
        ValueError: malformed rows; up to ten problems are listed, each with its line and its cure.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(_missing(path))
    problems, found, seen, expected = [], [], {}, languages
    # Only b"\n" ends a line: texts may hold the other characters that str.splitlines splits at.
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip(b" \t\r\xef\xbb\xbf"):
            continue
        row, faults = _parse(line)
        if row is not None:
            faults += _row_faults(row)
            spoken = _spoken(row)
            if not languages and spoken:
                if expected is None:
                    expected = spoken
                faults += [
                    f"has {_called(code)}, which the first question lacks: add it there, or ask "
                    "for the languages you want"
                    for code in spoken
                    if code not in expected
                ]
            faults += _language_faults(row, expected or ())
            identifier = row.get("id")
            if isinstance(identifier, str) and identifier in seen:
                faults.append(
                    f"id {identifier!r} is that of line {seen[identifier]} too: make it unique"
                )
            elif isinstance(identifier, str):
                seen[identifier] = number
        problems += [f"line {number}: {fault}" for fault in faults]
        if len(problems) > _SHOWN:
            break
        if not faults:
            found.append(_clean(row, path, expected))
    if problems:
        shown = [f"  {problem}." for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            shown.append("  and more; the rest of the file was not read.")
        raise ValueError("\n".join([f"{path} is not a file of questions as it stands:", *shown]))
    if not found:
        raise ValueError(f"{path} holds no question: write one JSON object a line.")
    return found


def spoken(file: str | Path) -> tuple[str, ...]:
    """Languages of the file's first question, none if it cannot be read; nothing is checked.

    Raises FileNotFoundError as `rows` does.
    """
    path = Path(file)
    if not path.is_file():
        raise FileNotFoundError(_missing(path))
    lines = (line for line in path.read_bytes().split(b"\n") if line.strip(b" \t\r\xef\xbb\xbf"))
    return _spoken(_parse(next(lines, b"{}"))[0] or {})


def _parse(line: bytes) -> tuple[dict | None, list[str]]:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return None, [f"byte {error.start + 1} is not UTF-8: save the file as UTF-8"]
    except json.JSONDecodeError as error:
        return None, [f"not JSON at column {error.colno} ({error.msg}): write one object a line"]
    except (ValueError, RecursionError) as error:
        return None, [f"not JSON ({error}): write one object a line"]
    if not isinstance(row, dict):
        return None, ["not a JSON object: write {…} with id, subject, answer, question, options"]
    return row, []


def _row_faults(row: dict) -> Iterator[str]:
    """What is wrong with the fields that have nothing to do with languages."""
    for field in ("id", "subject", "answer", "question", "options"):
        if field not in row:
            yield f"{field!r} is missing{_near(field, row)}: add it"
    for field in ("id", "subject"):
        if field in row and (fault := _text_fault(row[field])):
            yield f"{field!r} {fault}"
    answer = row.get("answer", 0)
    if type(answer) is not int or not 0 <= answer <= 3:
        yield (
            f"'answer' is {_shown(answer)}: write the right option's position, 0, 1, 2 or 3, "
            "without quotes"
        )
    split = row.get("split", "test")
    if split not in _SPLITS:
        yield f"'split' is {_shown(split)}{_near(split, _SPLITS)}: write {', '.join(_SPLITS)}"


def _spoken(row: dict) -> tuple[str, ...]:
    """Known languages of a row, in the order of its question."""
    asked = [row[part] for part in ("question", "options") if isinstance(row.get(part), dict)]
    return tuple(dict.fromkeys(code for part in asked for code in part if code in LANGUAGES))


def _language_faults(row: dict, expected: tuple[str, ...]) -> Iterator[str]:
    for part in ("question", "options"):
        if part not in row:
            continue
        texts = row[part]
        if not isinstance(texts, dict) or not texts:
            yield f"{part!r} is {_shown(texts)}: write an object, language code to text"
            continue
        for code in texts:
            try:
                room.get(code)
            except ValueError as error:
                yield f"{part!r}: {error}"
        for code in expected:
            if code not in texts:
                yield f"{part!r} lacks {_called(code)}: add it, or leave that language out"
            elif part == "question":
                if fault := _text_fault(texts[code]):
                    yield f"'question' in {_called(code)} {fault}"
            else:
                yield from _option_faults(texts[code], code)


def _option_faults(options: object, code: str) -> Iterator[str]:
    if not isinstance(options, list) or len(options) != 4:
        count = f"has {len(options)} entries" if isinstance(options, list) else "is no list"
        yield f"'options' in {_called(code)} {count}: write a list of four texts"
        return
    clean = []
    for position, option in enumerate(options):
        if fault := _text_fault(option):
            yield f"option {position} in {_called(code)} {fault}"
        elif _normal(option) in clean:
            yield (
                f"option {position} in {_called(code)}, {_shown(option)}, is there twice: "
                "make the four options different"
            )
        else:
            clean.append(_normal(option))


def _text_fault(text: object) -> str | None:
    if not isinstance(text, str):
        return f"is {_shown(text)}, not a text: put it in quotes"
    if not _normal(text):
        return "is empty: write the text"
    if any(unicodedata.category(character) == "Cs" for character in text):
        return 'holds half a character (a lone "\\ud…" escape): write the character itself'
    return None


def _clean(row: dict, path: Path, languages: tuple[str, ...]) -> dict:
    return {
        "task": f"path:{path.name}",
        "id": row["id"],
        "subject": _normal(row["subject"]),
        "split": row.get("split", "test"),
        "answer": row["answer"],
        "question": {code: _normal(row["question"][code]) for code in languages},
        "options": {code: [_normal(o) for o in row["options"][code]] for code in languages},
    }


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _missing(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder: name the file of questions in it."
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = get_close_matches(path.name, siblings, 1)
    if near:
        return f"There is no file {path}; did you mean {path.with_name(near[0])}?"
    return f"There is no file {path}" + ("." if siblings else f", nor anything in {path.parent}.")


def _called(code: str) -> str:
    return f"{LANGUAGES[code].name} ({code})"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _near(name: object, known: object) -> str:
    near = get_close_matches(name, list(known), 1) if isinstance(name, str) else []
    return f" (did you mean {near[0]!r}?)" if near else ""

"""Your own parallel text: one UTF-8 file per language, one sentence per line, aligned by line.

An empty line (in all files) ends a document. With a phrase mark, "|" say, the lines are cut into
aligned phrases at it. Whatever does not fit is refused with file and line.
"""

from collections.abc import Mapping
from pathlib import Path

from xlkb import languages as room

_SHOWN = 10
Row = dict


def folder(path: str | Path) -> dict[str, Path]:
    """Language -> FOLDER/<language>.txt, for `read`.

    Where no file ends in .txt, those named after a language are taken, as FLORES's `en.devtest`.

    Raises FileNotFoundError when there is no such folder or no text file in it.
    """
    path = Path(path).expanduser()
    found = {file.stem: file for file in sorted(path.glob("*.txt"))}
    if not found:
        named = [file for file in sorted(path.glob("*.*")) if file.stem in room.LANGUAGES]
        found = {file.stem: file for file in named}
    if not found:
        raise FileNotFoundError(f"{path} holds no text: put en.txt, fr.txt, ... there.")
    known = [code for code in room.LANGUAGES if code in found]
    return {code: found[code] for code in (*known, *sorted(set(found) - set(known)))}


def read(
    texts: Mapping[str, str | Path],
    phrase_mark: str | None = None,
    lines_per_document: int | None = None,
) -> list[Row]:
    """Documents of line-aligned files.

    Args:
        texts: language -> file.
        phrase_mark: where lines are cut into aligned phrases; None leaves lines whole.
        lines_per_document: also end a document after so many sentences.

    Returns:
        Rows with `corpus` ("files"), `id` ("document-1", ...), `subject`, `segments`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: unknown language, a file that is empty or not UTF-8, differing numbers of lines
            or phrases, a line that is blank on one side only; up to ten problems are listed.
    """
    languages = room.check(texts)
    if lines_per_document is not None and lines_per_document < 1:
        raise ValueError(f"lines per document = {lines_per_document}: it must be at least 1.")
    files = {code: Path(texts[code]).expanduser() for code in languages}
    lines = {code: _lines(file) for code, file in files.items()}
    problems = _misaligned(files, lines)
    rows, segments, number = [], [], 0

    def finish() -> None:
        nonlocal segments, number
        if segments:
            name = f"document-{len(rows) + 1}"
            rows.append({"corpus": "files", "id": name, "subject": "text", "segments": segments})
        segments, number = [], 0

    for index in range(0 if problems else len(lines[languages[0]])):
        here = {code: lines[code][index] for code in languages}
        if not any(here.values()):
            finish()
            continue
        parts = {
            code: [part.strip() for part in text.split(phrase_mark)] if phrase_mark else [text]
            for code, text in here.items()
        }
        counts = {len(part) for part in parts.values()}
        if len(counts) > 1 or not all(all(part) for part in parts.values()):
            listed = ", ".join(f"{files[code].name} {len(part)}" for code, part in parts.items())
            problems.append(f"line {index + 1}: phrases are empty or differ in number ({listed})")
            continue
        segments += [
            {"sentence": number, "text": {code: parts[code][i] for code in languages}}
            for i in range(counts.pop())
        ]
        number += 1
        if number == lines_per_document:
            finish()
    finish()
    if problems:
        listed = [f"  {problem}." for problem in problems[:_SHOWN]]
        more = [f"  and {len(problems) - _SHOWN} more."] if len(problems) > _SHOWN else []
        raise ValueError("\n".join(["The files do not fit together:", *listed, *more]))
    return rows


def _lines(file: Path) -> list[str]:
    """The file's lines without spaces at their ends and without blank lines after the last."""
    if not file.is_file():
        raise FileNotFoundError(f"There is no file {file}.")
    data = file.read_bytes()
    try:
        # Only b"\n" ends a line: texts may hold the other characters that str.splitlines splits at.
        lines = [line.strip() for line in data.decode("utf-8-sig").split("\n")]
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise ValueError(
            f"{file}, line {line}, byte {column}: not UTF-8. Save the file as UTF-8."
        ) from None
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ValueError(f"{file}, line 1: the file is empty: one sentence per line is needed.")
    return lines


def _misaligned(files: Mapping[str, Path], lines: Mapping[str, list[str]]) -> list[str]:
    first, *others = files
    problems = []
    for other in others:
        here, there = lines[first], lines[other]
        for index, (one, two) in enumerate(zip(here, there, strict=False), 1):
            if bool(one) != bool(two):
                blank, full = (first, other) if two else (other, first)
                problems.append(
                    f"{files[blank]}, line {index}: blank, but line {index} of {files[full]} is "
                    f"{_shown(one or two)}"
                )
                break
        if len(here) != len(there):
            short, long = (first, other) if len(here) < len(there) else (other, first)
            index = len(lines[short])
            more = next(n for n in range(index, len(lines[long])) if lines[long][n])
            problems.append(
                f"{files[short]}, line {index}: the last line, but {files[long]} goes on to line "
                f"{len(lines[long])}; line {more + 1} there is {_shown(lines[long][more])}. "
                "Every line needs its counterpart"
            )
    return problems


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")

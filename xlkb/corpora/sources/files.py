"""Your own parallel text: one file per language, one sentence per line, aligned by line.

An empty line (in all files) ends a document. With a phrase mark, "|" say, the lines are cut into
aligned phrases at it. Lines are cleaned (`texts.clean`). Whatever does not fit is refused with
file and line.
"""

from collections.abc import Mapping
from pathlib import Path

from xlkb.ground import languages as room
from xlkb.ground import texts as way_in

Row = dict


def folder(path: str | Path) -> dict[str, Path]:
    """Language -> FOLDER/<language>.txt, for `read`.

    Where no file ends in .txt, those named after a language are taken, as FLORES's `en.devtest`.
    `EN.TXT` is meant for `en` too.

    Raises:
        FileNotFoundError: there is no such folder, or no text file in it.
        ValueError: there are two files of one language.
    """
    path = Path(path).expanduser()
    every = [(_code(file), file) for file in way_in.visible(path, "*.txt")]
    if not every:
        named = [(_code(file), file) for file in way_in.visible(path, "*.*")]
        every = [(code, file) for code, file in named if code in room.LANGUAGES]
    found = dict(every)
    if not found:
        raise FileNotFoundError(f"{path} holds no text: put en.txt, fr.txt, ... there.")
    way_in.refuse(
        [
            f"{file} and {found[code].name} are both {code}: take one away"
            for code, file in every
            if found[code] != file
        ]
    )
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
            or phrases, a line that is blank on one side only; up to ten are listed.
    """
    languages = room.check(texts)
    if lines_per_document is not None and lines_per_document < 1:
        raise ValueError(f"lines per document = {lines_per_document}: it must be at least 1.")
    files = {code: Path(texts[code]).expanduser() for code in languages}
    problems: list[str] = []
    every = {code: lines(file, problems) for code, file in files.items()}
    way_in.refuse(problems)
    problems = _misaligned(files, every)
    rows, segments, number = [], [], 0

    def finish() -> None:
        nonlocal segments, number
        if segments:
            name = f"document-{len(rows) + 1}"
            rows.append({"corpus": "files", "id": name, "subject": "text", "segments": segments})
        segments, number = [], 0

    for index in range(0 if problems else len(every[languages[0]])):
        here = {code: every[code][index] for code in languages}
        if not any(here.values()):
            finish()
            continue
        parts = {
            code: [*map(way_in.clean, text.split(phrase_mark))] if phrase_mark else [text]
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
    way_in.refuse(problems, "The files do not fit together:")
    return rows


def _code(file: Path) -> str:
    return file.stem.lower() if file.stem.lower() in room.LANGUAGES else file.stem


def lines(file: str | Path, problems: list[str] | None = None) -> list[str]:
    """The file's lines, cleaned, without blank lines after the last.

    Raises FileNotFoundError when there is no such file; ValueError when it is empty or not UTF-8
    and there are no `problems` to tell.
    """
    told: list[str] = []
    found = [way_in.clean(line) for line in way_in.lines(file, told)]
    found = [line if way_in.looks(line) else "" for line in found]
    while found and not found[-1]:
        found.pop()
    if not found and not told:
        told.append(f"{file}, line 1: the file is empty: one sentence per line is needed")
    if problems is None:
        way_in.refuse(told)
    else:
        problems += told
    return found


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
                    f"{(one or two)[:60]!r}"
                )
                break
        if len(here) != len(there):
            short, long = (first, other) if len(here) < len(there) else (other, first)
            index = len(lines[short])
            more = next(n for n in range(index, len(lines[long])) if lines[long][n])
            problems.append(
                f"{files[short]}, line {index}: the last line, but {files[long]} goes on to line "
                f"{len(lines[long])}; line {more + 1} there is {lines[long][more][:60]!r}. "
                "Every line needs its counterpart"
            )
    return problems

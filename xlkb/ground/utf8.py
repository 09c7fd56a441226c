"""The lines of a text file, one at a time, however long the file is."""

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
"""Bytes that are looked through at a time."""

LONGEST = 1 << 26
"""Bytes of a line: what is longer is no text that anybody wrote, and would fill the memory."""


def lines(
    file: Path, problems: list[str], as_it_is: bool = False, most: int = 10
) -> Iterator[tuple[int, str]]:
    """Numbered lines of a file in UTF-8, or in UTF-16 with a mark, which is read as a whole.

    Args:
        problems: told what is no text, with its place and its cure; then there is no such line.
        as_it_is: leave b"\\r" at the ends of lines, which a quoted cell may hold.
        most: problems after which reading ends.
    """
    with _opened(file, problems) as data:
        for number, line in enumerate(iter(partial(data.readline, LONGEST + 1), b""), 1):
            if len(line) > LONGEST:
                what = f"is longer than {LONGEST / 1e6:.0f} MB: cut it into lines"
                problems.append(f"{file}, line {number} {what}")
                return
            line = line.removesuffix(b"\n")
            try:
                yield number, (line if as_it_is else line.removesuffix(b"\r")).decode()
            except UnicodeDecodeError as error:
                what = f"byte {error.start + 1} is not UTF-8: save the file as UTF-8"
                problems.append(f"{file}, line {number}: {what}")
                if len(problems) > most:
                    return


def _opened(file: Path, problems: list[str]) -> BinaryIO:
    """A file's bytes as UTF-8 after a mark; nothing and a problem where it is no text."""
    data = file.open("rb")
    start = data.read(3)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        with data:
            text = (start + data.read()).decode("utf-16", "replace")
        data = BytesIO(text.replace("\ufffd", "\0").encode())
    begin = 3 * (start == b"\xef\xbb\xbf")
    data.seek(begin)
    first = data.readline(LONGEST + 1)
    zero = any(b"\0" in part for part in chain([first], iter(partial(data.read, CHUNK), b"")))
    if not zero and (first.endswith(b"\n") or b"\r" not in first.rstrip(b"\r")):
        data.seek(begin)
        return data
    data.close()
    what = "holds zero bytes: it is no text" if zero else "ends its lines with CR alone"
    problems.append(f"{file} {what}: save it as UTF-8 text with LF line ends")
    return BytesIO()

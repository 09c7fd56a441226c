"""The one way in for text: every file that a user or a data set brings is read here.

Files are UTF-8, with or without a byte order mark, or UTF-16 with one (Excel's "Unicode text").
Only b"\\n" and b"\\r\\n" end a line: texts may hold the other characters that str.splitlines splits
at. Hidden files, macOS's `._` files among them, are never listed, and names are found whatever
their case and normal form. Readers tell a list of `problems` what is wrong, each with file, line,
value and cure; `refuse` raises them, up to ten at once.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
from itertools import chain
from pathlib import Path
from unicodedata import name, normalize

from xlkb.ground import utf8
from xlkb.ground.names import closest

LETTERS = "ABCD"
SHOWN = 10
"""Problems shown at once."""

# Soft hyphen, zero-width space, word joiner and byte order mark have neither sound nor shape. The
# joiners (U+200C, U+200D) and direction marks shape Persian, Hindi, emoji and Hebrew from inside.
_NEVER = re.compile("[\u00ad\u200b\u2060\ufeff]")
_OUTSIDE = "".join(filter(str.isspace, map(chr, range(0x3001))))
_OUTSIDE += "\u061c\u180e\u200c\u200d\u200e\u200f\u2061\u2062\u2063\u2064"
_OUTSIDE += "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x2070))))
# Unicode's Default_Ignorable_Code_Point, less the tags, which tell flags apart.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0100-\U000e01ef]"
)
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_KEY_NAMES = {"answer", "correct answer", "correct", "key", "label", "target", "gt", "solution"}
_ONE = "write one object a line, or all of them as one list, [{…}, {…}]"

_lines = partial(utf8.lines, most=SHOWN)

Row = tuple[str, list[str]]  # Where it stands in its file, and its cells.


def clean(text: str) -> str:
    """NFC, without outer white space and without invisible characters that mean nothing there."""
    if text.isascii():
        return text.strip()
    return normalize("NFC", _NEVER.sub("", text)).strip(_OUTSIDE)


def looks(text: str) -> str:
    """What a reader sees of a text: equal for two that cannot be told apart, empty for none."""
    if text.isascii():
        return text.strip()
    return _SPACES.sub(" ", normalize("NFC", _INVISIBLE.sub("", text))).strip()


def fault(text: object) -> str | None:
    """What keeps a value from being a text, with its cure; None where nothing does."""
    if not isinstance(text, str):
        return f"is {shown(text)}, not a text: put it in quotes"
    if not looks(text):
        return "is empty: write the text"
    if not text.isascii() and re.search("[\ud800-\udfff]", text):
        return 'holds half a character (a lone "\\ud…" escape): write the character itself'
    return None


def halved(value: object) -> bool:
    """Whether a text in a value out of JSON holds half a character, which no file can."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def letter(value: object, where: str, problems: list[str]) -> int:
    """0 to 3 for a key that is one of A to D and nothing else; else -1 and a problem."""
    text = clean(value) if isinstance(value, str) else ""
    if len(text) == 1 and text in LETTERS:
        return LETTERS.index(text)
    like = normalize("NFKC", text).upper()
    hint = f"write {like}" if len(like) == 1 and like in LETTERS else "write one of A, B, C, D"
    what = f" ({name(text)})" if len(text) == 1 and not text.isascii() and name(text, "") else ""
    problems.append(f"{where}: the key is {shown(value)}{what}: {hint}")
    return -1


def fields(item: object, wanted: Sequence[str], where: str, problems: list[str]) -> list[str]:
    """The texts of an object's fields as they are; none, and problems, where one is no text."""
    if not isinstance(item, dict):
        problems.append(f"{where}: not a JSON object: write {{…}} with {', '.join(wanted)}")
        return []
    told = len(problems)
    for field in wanted:
        missing = f"is missing{near(field, item)}: add it" if field not in item else None
        if wrong := missing or fault(item[field]):
            problems.append(f"{where}: {field!r} {wrong}")
    return [item[field] for field in wanted] if len(problems) == told else []


def refuse(problems: Sequence[str], heading: str = "This cannot be read as it stands:") -> None:
    """Raises ValueError with the first ten problems; returns where there is none."""
    if len(problems) == 1:
        raise ValueError(f"{problems[0]}.")
    if problems:
        listed = [heading, *(f"  {problem}." for problem in problems[:SHOWN])]
        raise ValueError("\n".join(listed + ["  and more."] * (len(problems) > SHOWN)))


def visible(folder: str | Path, *patterns: str) -> list[Path]:
    """What is in a folder by pattern, whatever the case and normal form of names, in that order.

    Nothing hidden, such as macOS's `._` files, and no locks of Excel's (`~$`).
    """
    folder = Path(folder).expanduser()
    every = sorted(folder.iterdir()) if folder.is_dir() else []
    plain = [path for path in every if not path.name.startswith((".", "~$"))]
    wanted = [_spelt(pattern) for pattern in patterns or "*"]
    return [path for p in wanted for path in plain if fnmatchcase(_spelt(path.name), p)]


def existing(path: str | Path, what: str = "file") -> Path:
    """The file of this name, as the disk spells it; `what` it is called if it is not there.

    Raises FileNotFoundError when there is none, with the nearest name, or when it is a folder.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise FileNotFoundError(f"{path} is a folder: name a file in it.")
    siblings = {_spelt(sibling.name): sibling for sibling in visible(path.parent)}
    if path.is_file() or _spelt(path.name) in siblings:
        return path if path.is_file() else siblings[_spelt(path.name)]
    meant = closest(_spelt(path.name), siblings)
    hint = f" Did you mean {siblings[meant]}?" if meant else ""
    raise FileNotFoundError(f"There is no {what} {path}.{hint}")


def lines(file: str | Path, problems: list[str] | None = None) -> list[str]:
    """Every line of a text file, blank ones too, as it is but for its end.

    Raises FileNotFoundError as `existing`; ValueError where there are no `problems` to tell.
    """
    told: list[str] = []
    found = [text for _, text in _lines(existing(file), told if problems is None else problems)]
    refuse(told)
    return found


def items(file: Path, problems: list[str]) -> Iterator[tuple[str, object]]:
    """Entries of JSON lines, or of a file that is one JSON list, each with its place in the file.

    Lines are read as they are asked for, a list as a whole. Stops after more problems than are
    shown.
    """
    told = len(problems)
    lines = _lines(file, problems)
    first = next((each for each in lines if clean(each[1])), (1, ""))
    begun = first[1].lstrip(_OUTSIDE)
    if begun.startswith("["):
        text = "\n".join(line for _, line in chain([first], lines))
        found = _json(file, first[0], text, problems) if len(problems) == told else None
        yield from ((f"entry {n}", entry) for n, entry in enumerate(found or (), 1))
    elif begun.rstrip() == "{" and next(lines, None):
        problems.append(f"{file}: an object goes over several lines: {_ONE}")
    else:
        for number, line in chain([first], lines):
            told = len(problems)
            found = _json(file, number, line, problems) if clean(line) else None
            if told < len(problems) > SHOWN:
                return
            if clean(line) and len(problems) == told:
                yield f"line {number}", found


def cells(file: Path, width: int, problems: list[str]) -> Iterator[Row]:
    """Rows of so many columns, the last a key, cut at commas, semicolons or tabs, less a header."""

    def fit(row: list[str]) -> list[str]:  # Without the empty cells of a spreadsheet's rest.
        return row if any(map(looks, row[width:])) else row[:width]

    rows = _cut(file, problems, lambda rows: sum(len(fit(r)) == width for _, r in rows) / len(rows))
    rows = [(where, fit(row)) for where, row in rows]
    if rows and clean(rows[0][1][-1]).casefold().replace("_", " ") in _KEY_NAMES:
        del rows[0]
    for where, row in rows:
        if len(row) == width:
            yield where, row
        else:
            problems.append(
                f"{file}, {where}: {len(row)} cells, the last {row[-1][:60]!r}; there should be "
                f"{width}: put texts that hold a comma in quotes"
            )


def records(
    file: Path, columns: Iterable[str], problems: list[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a CSV file whose first line names its columns, which may be more than those asked."""
    wanted = set(columns)
    rows = _cut(file, problems, lambda rows: len(wanted & {*map(clean, rows[0][1])}) / len(wanted))
    header = [clean(cell) for cell in rows[0][1]] if rows else []
    if lacking := [column for column in columns if column not in header]:
        problems.append(
            f"{file}: there is no column {', '.join(lacking)}: the first line must name them; it "
            f"has {', '.join(header)[:80]!r}"
        )
        return
    for where, row in rows[1:]:
        if len(row) == len(header):
            yield where, dict(zip(header, row, strict=True))
        else:
            problems.append(f"{file}, {where}: {len(row)} cells, but {len(header)} columns")


def shown(value: object) -> str:
    """A value for a message, on one line and not too long."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return short(json.dumps(value, ensure_ascii=False, default=repr))


def short(text: str) -> str:
    """The beginning of a text on one line, so that no terminal obeys what stands in it."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:61])
    return text if len(text) <= 60 else f"{text[:57]}..."


def near(wanted: object, known: Iterable[str]) -> str:
    """` (did you mean 'options'?)`, or nothing where no name is near."""
    return f" (did you mean {found!r}?)" if (found := closest(wanted, known)) else ""


def _spelt(text: str) -> str:
    return normalize("NFC", text).casefold()


def _json(file: Path, number: int, text: str, problems: list[str]) -> object:
    try:
        return json.loads(text.strip(_OUTSIDE), object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        number += error.lineno - 1
        what = f"not JSON at column {error.colno} ({error.msg})"
    except (ValueError, RecursionError) as error:
        what = f"not JSON ({error})"
    problems.append(f"{file}, line {number}: {what}: {_ONE}")
    return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for field, value in pairs:
        if field in found:
            raise ValueError(f"the field {field!r:.80} is there twice in one object")
        found[field] = value
    return found


def _cut(file: Path, problems: list[str], share: Callable[[list[Row]], float]) -> list[Row]:
    """Rows of a CSV file, cut at whichever of comma, semicolon and tab fits the largest share."""
    told = len(problems)
    text = [f"{line}\n" for _, line in _lines(file, problems, as_it_is=True)]
    if len(problems) > told or not text:
        return []
    delimiters = re.findall("^sep=(.)$", text[0].rstrip("\r\n")) or [",", ";", "\t"]
    text[0] = "\n" if len(delimiters) == 1 else text[0]
    best, reached = [], -1.0
    for delimiter in delimiters:
        try:
            rows = _rows(text, delimiter)
        except csv.Error as error:
            problems.append(f"{file}, {error}: is a quote not closed, or a line end not in quotes?")
            return best
        if rows and (found := share(rows)) > reached:
            best, reached = rows, found
        if reached == 1:
            break
    return best


def _rows(text: list[str], delimiter: str) -> list[Row]:
    """Rows that are not blank, with their places."""
    reader = csv.reader(text, delimiter=delimiter)
    found, begins = [], 1
    try:
        for number, row in enumerate(reader, 1):
            line = f" (line {begins})" if begins != number else ""
            if any(map(looks, row)):
                found.append((f"row {number}{line}", row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {begins}: {error}") from None
    return found

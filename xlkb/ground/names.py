"""Names as users type them: lists of them, and what a mistyped one may have meant.

Importing this module needs the standard library only.
"""

import difflib
import os
import re
from collections.abc import Iterable
from itertools import islice

LISTED = 20
"""From so many names on, a message no longer lists them."""

COMPARED, LONGEST = 5000, 200
"""Names that are compared with a mistyped one, and characters of that."""


def closest(name: object, known: Iterable[str]) -> str | None:
    """Which of the known names `name` may have meant; None where none is near."""
    few = list(islice(known, COMPARED))
    found = difflib.get_close_matches(str(name)[:LONGEST], few, n=1)
    return found[0] if found else None


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: what exists, and which of it `name` may have meant."""
    known = list(known)
    return f"there are: {', '.join(known)}.{_meant(name, known)}"


def unknown(what: str, given: object, known: Iterable[str]) -> str:
    """An error message: there is no `what` of the name `given`, and which it may have meant.

    What exists is listed where it is fewer than `LISTED`: "There is no style 'close'; there are:
    cloze, letters. Did you mean 'cloze'?"
    """
    known = list(known)
    listed = f"; there are: {', '.join(known)}." if len(known) < LISTED else "."
    return f"There is no {what} {given!r:.300}{listed}{_meant(given, known)}"


def without_secrets(text: str) -> str:
    """A message without passwords in its URLs, and without what follows the ? or # of one that an
    `api:` name holds: the name may be refused for having them."""
    text = re.sub(r"(?i)([a-z]://)[^/@\s]+@", r"\1...@", text)
    return re.sub(r"(?i)(\bapi:\S*?[a-z]://[^\s?#]*[?#])[^\s'\"]+", r"\1...", text)


def _meant(name: object, known: Iterable[str]) -> str:
    meant = closest(name, known)
    return f" Did you mean {meant!r}?" if meant else ""


def split(names: str) -> tuple[str, ...]:
    """Names that commas separate."""
    return tuple(name.strip() for name in names.split(",") if name.strip())


def model_names(text: str) -> list[str]:
    """The models that commas separate; a comma in the name of a folder that exists is none."""
    found: list[str] = []
    for part in text.split(","):
        whole = f"{found[-1]},{part}" if found else part
        kind, _, folder = whole.strip().partition(":")
        if found and kind == "path" and os.path.isdir(os.path.expanduser(folder)):
            found[-1] = whole
        else:
            found.append(part)
    return [name.strip() for name in found]

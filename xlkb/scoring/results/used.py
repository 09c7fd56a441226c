"""Which results this process looked up: what its tables and figures were made from, in short.

A request is a list of keys, the content addresses of the texts that were asked. Of each there are
two digests here, of the keys and of what was found, so that memory and time do not grow with what
is asked again.
"""

from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pandas.api.types import is_numeric_dtype

_FOUND: dict[Path, dict[str, str]] = {}
_COMPUTED: set[Path] = set()


class Used(NamedTuple):
    """asked, found: SHA-256 (hex) of what was asked so far, in whatever order, and of the results.
    computed: whether this process computed some of them."""

    asked: str
    found: str
    computed: bool


def note(folder: Path, keys: Sequence[bytes], rows: pd.DataFrame) -> None:
    """A request, and the rows that were found for it in a folder of results; `seconds` that were
    measured are no result."""
    digest = sha256()
    for name, column in rows.drop(columns="seconds", errors="ignore").items():
        digest.update(name.encode())
        if is_numeric_dtype(column):
            digest.update(column.to_numpy().tobytes())
        else:
            digest.update("\x00".join(map(str, column)).encode())
    asked = sha256(b"".join(keys)).hexdigest()
    _FOUND.setdefault(Path(folder), {})[asked] = digest.hexdigest()


def computed(folder: Path) -> None:
    """That this process added results to a folder."""
    _COMPUTED.add(Path(folder))


def of(folders: Collection[str]) -> Used | None:
    """What was used so far of folders with these names (`store_folder`), of all kinds together.

    None: nothing was.
    """
    requests = {
        (*path.parts[_place(path, folders) :], asked): found
        for path, each in _FOUND.items()
        if _place(path, folders)
        for asked, found in each.items()
    }
    if not requests:
        return None
    listed = ["\x00".join(request) for request in sorted(requests)]
    found = ["\x00".join((*request, requests[request])) for request in sorted(requests)]
    return Used(
        *(sha256("\n".join(lines).encode()).hexdigest() for lines in (listed, found)),
        any(_place(path, folders) for path in _COMPUTED),
    )


def _place(path: Path, names: Collection[str]) -> int:
    """Which part of the path is one of the names; 0: none."""
    return next((i for i, part in enumerate(path.parts) if i and part in names), 0)

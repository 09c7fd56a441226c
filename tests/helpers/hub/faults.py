"""What can go wrong between a hub and its readers, told to the stand-in while it runs."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch


@dataclass
class Faults:
    """Of one repository; as a test sets them, or POST /_control with their names as JSON.

    gated: its files are refused, with 401 to who has no token and 403 to who has one that is not
    among `tokens`. hidden: it is private, as one that does not exist: 401, or 404 with a token.
    limited: so many of the next requests get 429, with `retry_after` seconds. broken: so many of
    the next requests get 503. cut: so many of the next downloads of files like `cut_file` (-1: all
    of them) end at the byte `cut_at`, a share of the file, with the connection closed. gone:
    commits that are no longer there.
    """

    gated: bool = False
    tokens: list[str] = field(default_factory=list)
    hidden: bool = False
    limited: int = 0
    retry_after: int = 0
    broken: int = 0
    cut: int = 0
    cut_file: str = "*"
    cut_at: float = 0.5
    gone: list[str] = field(default_factory=list)


class Counted:
    """Faults by repository, and how often each path and each file's content was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Faults] = {}
        self.requests: Counter[tuple[str, str]] = Counter()
        self.sent: Counter[tuple[str, str]] = Counter()
        self.refused_tokens: set[str] = set()

    def of(self, name: str) -> Faults:
        """The faults of a repository, "org/name"."""
        with self._lock:
            return self._faults.setdefault(name, Faults())

    def set(self, name: str, **changes: object) -> None:
        """Change some of a repository's faults; TypeError for one that there is not."""
        with self._lock:
            before = asdict(self._faults.get(name, Faults()))
            self._faults[name] = Faults(**before | changes)

    def clear(self) -> None:
        """Mend everything, and forget what was counted."""
        with self._lock:
            self._faults.clear()
            self.requests.clear()
            self.sent.clear()
            self.refused_tokens.clear()

    def count(self, method: str, path: str) -> None:
        """Count one request."""
        with self._lock:
            self.requests[method, path] += 1

    def send(self, name: str, file: str) -> None:
        """Count one download of a file, or of a part of it."""
        with self._lock:
            self.sent[name, file] += 1

    def spend(self, name: str, which: str) -> bool:
        """Whether the next of `limited` or `broken` requests is due; then it is used up."""
        found = self.of(name)
        with self._lock:
            left = getattr(found, which)
            if left > 0:
                setattr(found, which, left - 1)
            return left != 0

    def cut(self, name: str, file: str, size: int) -> int | None:
        """The byte at which the download of a file ends too early, or None."""
        found = self.of(name)
        if not found.cut or not fnmatch(file, found.cut_file):
            return None
        with self._lock:
            found.cut -= found.cut > 0
        return int(size * found.cut_at)

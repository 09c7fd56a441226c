"""The stand-in itself: repositories, faults, and the two ports that it serves on."""

import hashlib
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .faults import Counted
from .repositories import File, Repository, write
from .server import Server


class Hub:
    """A hub on loopback.

    Args:
        store: a folder; what is asked for is made there once, and found again.
        repositories: by default all of `content.repositories`.
        port: 0 for any that is free.
    """

    def __init__(
        self, store: Path, repositories: Iterable[Repository] | None = None, port: int = 0
    ) -> None:
        from .content import repositories as every

        chosen = every() if repositories is None else repositories
        self.repositories = {(each.kind, each.name): each for each in chosen}
        self._original = {key: (dict(r.commits), dict(r.branches)) for key, r in self._items()}
        self.store, self.faults = Path(store), Counted()
        self._ports, self._servers = [port, 0], []
        self.start()

    def _items(self) -> list[tuple[tuple[str, str], Repository]]:
        return list(self.repositories.items())

    @property
    def endpoint(self) -> str:
        """The value of HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def cdn(self) -> str:
        """Where files in LFS are served from."""
        return f"http://127.0.0.1:{self._ports[1]}"

    def start(self) -> None:
        """Serve, on the ports as before."""
        for number, port in enumerate(self._ports if not self._servers else ()):
            server = Server(self, port)
            self._ports[number] = server.server_port
            self._servers.append(server)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Serve nothing any more: as without a network."""
        for server in self._servers:
            server.shutdown()
            server.hang_up()
            server.server_close()
        self._servers.clear()

    def mend(self) -> None:
        """As it was in the beginning: no fault, nothing counted, no commit moved."""
        self.start()
        self.faults.clear()
        for key, repository in self._items():
            repository.commits, repository.branches = map(dict, self._original[key])

    def find(self, name: str) -> Repository:
        """A repository by its name; KeyError when there is none."""
        return next(r for (_, each), r in self._items() if each == name)

    def move(self, name: str) -> str:
        """Move the branch main to a new commit, whose card has another text; returns it."""
        repository = self.find(name)
        before = repository.branches["main"]

        def changed(folder: Path) -> None:
            files = repository.files(before, self.store)
            _copy(files, folder)
            write(folder, "README.md", f"After {before}.\n")

        return self._commit(repository, changed, f"after {before}")

    def pickle(self, name: str) -> str:
        """Move main to a commit whose weights are pickled (and empty); returns it."""
        repository = self.find(name)
        before = repository.branches["main"]

        def changed(folder: Path) -> None:
            files = repository.files(before, self.store)
            _copy({n: f for n, f in files.items() if "safetensors" not in n}, folder)
            write(folder, "pytorch_model.bin", "not to be read")

        return self._commit(repository, changed, f"pickled {before}")

    def _commit(self, repository: Repository, make: Any, about: str) -> str:
        commit = hashlib.sha1(f"{repository.name} {about}".encode()).hexdigest()
        repository.commits[commit] = make
        repository.branches["main"] = commit
        return commit

    def counts(self) -> dict[str, int]:
        """How often each path was asked for: "GET /api/models/a/b" -> 1."""
        return {" ".join(asked): n for asked, n in sorted(self.faults.requests.items())}

    def fetched(self, name: str) -> dict[str, int]:
        """The files of a repository whose content was sent, in whole or in part, and how often."""
        return {file: n for (whose, file), n in sorted(self.faults.sent.items()) if whose == name}

    def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What POST /_control does, from {"do": METHOD, "name": REPOSITORY, FAULT: VALUE …}.

        METHOD is "set" (the default), "mend", "move" or "pickle".
        """
        asked = dict(asked)
        do = asked.pop("do", "set")
        if do == "set":
            self.faults.set(asked.pop("name"), **asked)
            return {}
        if do not in ("mend", "move", "pickle"):
            return {"error": f"there is no {do!r}"}
        return {"commit": getattr(self, do)(**asked)}


def _copy(files: dict[str, File], folder: Path) -> None:
    for name, file in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.path, folder / name)

"""The hub's HTTP, as far as huggingface_hub, transformers and datasets speak it; without Xet.

As on the hub, files in LFS are served from another place, to which `resolve` leads: `Hub.cdn`,
another port. What is sent follows what the clients read (huggingface_hub 2.4: `hf_api`,
`file_download`, `utils/_http`) and the hub's API at https://huggingface.co/docs/hub/api.
"""

import contextlib
import json
import re
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

if TYPE_CHECKING:
    from .repositories import File, Repository
    from .standin import Hub

PAGE = 100
"""Entries of a page of a tree; the hub has 1000, which no repository here would fill."""

_API = re.compile(r"/api/(model|dataset)s/([^/]+/[^/]+)(?:/([^/]+)(?:/([^/]+)(?:/(.+))?)?)?")
_RESOLVE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class Refused(Exception):
    """A status with the headers that tell the client why."""

    def __init__(self, status: int, code: str = "", said: str = "", **headers: str) -> None:
        super().__init__(said or code)
        self.status, self.headers = status, {k.replace("_", "-"): v for k, v in headers.items()}
        if code:
            self.headers["X-Error-Code"] = code
        self.headers["X-Error-Message"] = said or code


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, hub: "Hub", port: int) -> None:
        self.hub, self._open = hub, set()
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request: socket.socket, client_address: tuple) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close what clients keep open for their next request."""
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        pass  # A client that was killed has hung up.


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        self.hub = self.server.hub
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        self.asked = parse_qs(url.query)
        self.hub.faults.count(self.command, unquote(url.path))
        try:
            self._route(url.path, body)
        except Refused as refused:
            self._json({"error": str(refused)}, refused.status, refused.headers)

    def _route(self, path: str, body: bytes) -> None:
        if path == "/_control":
            self._json(self.hub.control(json.loads(body)) if body else self.hub.counts())
        elif path == "/api/whoami-v2":
            if self._token() is None or self._token() in self.hub.faults.refused_tokens:
                raise Refused(401, said="Invalid credentials in Authorization header")
            self._json({"type": "user", "name": "reader", "orgs": []})
        elif path.startswith("/cdn/"):
            kind, commit, *name = unquote(path.removeprefix("/cdn/")).split("/", 4)
            repository = self.hub.repositories[kind, "/".join(name[:2])]
            self._file(repository, name[2], repository.files(commit, self.hub.store)[name[2]])
        elif found := _RESOLVE.fullmatch(path):
            kind = "dataset" if found[1] else "model"
            self._resolve(kind, found[2], *map(unquote, found.group(3, 4)))
        elif found := _API.fullmatch(path):
            kind, name, *rest = (unquote(part or "") for part in found.groups())
            self._api(kind, name, rest, body)
        else:
            raise Refused(404, said=f"no such page: {path}")

    def _token(self) -> str | None:
        found = self.headers.get("authorization", "")
        return found.removeprefix("Bearer ") or None

    def _repository(self, kind: str, name: str, files: bool = False) -> "Repository":
        """The repository that is asked for, unless something is wrong with it.

        A gated one is refused where `files` are asked for; what is said about it is public.
        """
        faults, token = self.hub.faults, self._token()
        if faults.spend(name, "limited"):
            wait = str(faults.of(name).retry_after)
            raise Refused(429, said="We had to rate limit you", Retry_After=wait)
        if faults.spend(name, "broken"):
            raise Refused(503, said="Service Unavailable")
        if token in faults.refused_tokens:
            raise Refused(401, said="Invalid credentials in Authorization header")
        found = self.hub.repositories.get((kind, name))
        if found is None or faults.of(name).hidden:
            raise Refused(404 if token else 401, "RepoNotFound", "Repository not found")
        if files and faults.of(name).gated and token not in faults.of(name).tokens:
            said = f"Access to {kind} {name} is restricted."
            raise Refused(403 if token else 401, "GatedRepo", said)
        return found

    def _commit(self, repository: "Repository", revision: str) -> str:
        commit = repository.commit(revision)
        if commit is None or commit in self.hub.faults.of(repository.name).gone:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    def _resolve(self, kind: str, name: str, revision: str, file: str) -> None:
        repository = self._repository(kind, name, files=True)
        commit = self._commit(repository, revision)
        found = repository.files(commit, self.hub.store).get(file)
        headers = {"X-Repo-Commit": commit}
        if found is None:
            raise Refused(404, "EntryNotFound", "Entry not found", X_Repo_Commit=commit)
        if found.sha256:
            headers |= {"X-Linked-Size": str(found.size), "X-Linked-Etag": f'"{found.etag}"'}
            place = quote(f"/cdn/{kind}/{commit}/{name}/{file}")
            self._send(302, headers | {"Location": self.hub.cdn + place})
        else:
            self._file(repository, file, found, headers)

    def _file(
        self, repository: "Repository", name: str, file: "File", headers: dict | None = None
    ) -> None:
        """A file, or the part of it that a header Range asks for."""
        headers = {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes", **(headers or {})}
        headers["Content-Type"] = "application/octet-stream"
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        start = int(asked[1]) if asked else 0
        end = min(int(asked[2]) if asked and asked[2] else file.size - 1, file.size - 1)
        if asked and start >= file.size:
            self._send(416, headers | {"Content-Range": f"bytes */{file.size}"})
            return
        if asked:
            headers["Content-Range"] = f"bytes {start}-{end}/{file.size}"
        headers["Content-Length"] = str(end + 1 - start)
        cut = None
        if self.command == "GET":
            self.hub.faults.send(repository.name, name)
            cut = self.hub.faults.cut(repository.name, name, file.size)
        with file.path.open("rb") as data:
            data.seek(start)
            sent = data.read(max(0, (end + 1 if cut is None else min(cut, end + 1)) - start))
        self._send(206 if asked else 200, headers, sent, close=cut is not None)

    def _api(self, kind: str, name: str, rest: list[str], body: bytes) -> None:
        what, revision, path = rest
        repository = self._repository(kind, name, files=what == "auth-check")
        if what in ("", "revision"):
            self._info(repository, revision or "main")
        elif what == "auth-check":
            self._json({})
        elif what == "refs":
            branches = [
                {"name": name, "ref": f"refs/heads/{name}", "targetCommit": commit}
                for name, commit in repository.branches.items()
            ]
            self._json({"branches": branches, "tags": [], "converts": []})
        elif what == "discussions":
            self._json({"discussions": [], "count": 0, "start": 0})
        elif what == "commits":
            commit = self._commit(repository, revision)
            self._json(
                [{"id": commit, "title": "Made", "message": "", "authors": [], "date": DATE}]
            )
        elif what == "tree":
            self._tree(repository, revision, path)
        elif what == "paths-info":
            entries = {entry["path"]: entry for entry in self._entries(repository, revision)}
            wanted = parse_qs(body.decode())["paths"]
            self._json([entries[each] for each in wanted if each in entries])
        else:
            raise Refused(404, said=f"no such page: {self.path}")

    def _info(self, repository: "Repository", revision: str) -> None:
        commit = self._commit(repository, revision)
        files = repository.files(commit, self.hub.store)
        siblings = [{"rfilename": name} for name in files]
        if "blobs" in self.asked:
            for sibling, file in zip(siblings, files.values(), strict=True):
                sibling |= {"size": file.size, "blobId": file.git} | _lfs(file)
        gated = "manual" if self.hub.faults.of(repository.name).gated else False
        known = {"_id": commit[:24], "id": repository.name, "sha": commit, "private": False}
        known |= {"gated": gated, "disabled": False, "tags": [], "downloads": 0, "likes": 0}
        known |= {"lastModified": DATE, "createdAt": DATE, "cardData": {}, "siblings": siblings}
        if repository.kind == "model":
            known |= {"modelId": repository.name, "library_name": "transformers", "config": {}}
        self._json(known)

    def _tree(self, repository: "Repository", revision: str, path: str) -> None:
        recursive = self.asked.get("recursive", [""])[0].lower() == "true"
        inside = f"{path}/" if path else ""
        entries = [
            entry
            for entry in self._entries(repository, revision)
            if entry["path"].startswith(inside)
            and (recursive or "/" not in entry["path"].removeprefix(inside))
        ]
        if path and not entries:
            commit = self._commit(repository, revision)
            raise Refused(404, "EntryNotFound", f"{path} does not exist", X_Repo_Commit=commit)
        start = int(self.asked.get("cursor", ["0"])[0])
        headers = {}
        if start + PAGE < len(entries):
            url = f"{self.hub.endpoint}{urlsplit(self.path).path}?recursive={recursive}"
            headers["Link"] = f'<{url}&cursor={start + PAGE}>; rel="next"'
        self._json(entries[start : start + PAGE], headers=headers)

    def _entries(self, repository: "Repository", revision: str) -> list[dict]:
        """Folders and files, as the tree and paths-info show them."""
        files = repository.files(self._commit(repository, revision), self.hub.store)
        folders = {p.rpartition("/")[0] for p in files} - {""}
        folders |= {"/".join(f.split("/")[:n]) for f in folders for n in range(1, f.count("/") + 1)}
        date = {"lastCommit": {"id": "0" * 40, "title": "Made", "date": DATE}}
        shown = date if self.asked.get("expand", [""])[0].lower() == "true" else {}
        found = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": f} for f in folders]
        found += [
            {"type": "file", "oid": file.git, "size": file.size, "path": name} | _lfs(file, "oid")
            for name, file in files.items()
        ]
        return [entry | shown for entry in sorted(found, key=lambda entry: entry["path"])]

    def _json(self, value: object, status: int = 200, headers: dict | None = None) -> None:
        data = json.dumps(value).encode()
        sizes = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        self._send(status, sizes | (headers or {}), data)

    def _send(self, status: int, headers: dict, data: bytes = b"", close: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        if close:
            self.close_connection = True


DATE = "2025-01-01T00:00:00.000Z"


def _lfs(file: "File", name: str = "sha256") -> dict:
    if file.sha256 is None:
        return {}
    return {"lfs": {name: file.sha256, "size": file.size, "pointerSize": 134}}

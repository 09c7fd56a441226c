"""A server that answers as a test says, for models behind an endpoint."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import questions

from xlkb import models
from xlkb.models import api, endpoints
from xlkb.scoring.evaluation import score
from xlkb.tasks import recompose

USED = {"prompt_tokens": 100, "completion_tokens": 10}


def completion(text="", top=None, **more):
    logprobs = {"top_logprobs": [top]} if top else None
    choice = {"index": 0, "text": text, "logprobs": logprobs}
    return {"model": "stub-1", "choices": [choice], "usage": USED} | more


def chatted(text="", top=None, **more):
    found = [{"token": token, "logprob": value} for token, value in (top or {}).items()]
    choice = {"index": 0, "message": {"role": "assistant", "content": text}}
    choice["logprobs"] = {"content": [{"token": "", "top_logprobs": found}]} if top else None
    return {"model": "stub-1", "choices": [choice], "usage": USED} | more


def refused(message="no such thing"):
    return {"error": {"message": message}}


class Stub(ThreadingHTTPServer):
    """Answers what `reply(path, body)` gives: (status, JSON or bytes[, headers]).

    `listed` is what a GET is answered with, None for HTTP 404.
    """

    daemon_threads = True

    def __init__(self, reply):
        self.reply, self.asked, self.listed = reply, [], None
        super().__init__(("127.0.0.1", 0), Handler)
        self.name = f"api:stub@http://127.0.0.1:{self.server_port}/v1"

    def prompts(self):
        return [body.get("prompt") or body["messages"][0]["content"] for _, body, _ in self.asked]

    def handle_error(self, *_):
        pass  # A client that was killed has hung up.


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.removeprefix("/v1/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((path, body, headers))
        self.answer(*self.server.reply(path, body))

    def do_GET(self):
        self.answer(404 if self.server.listed is None else 200, self.server.listed or {})

    def answer(self, status, said, *more):
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in (*more, {})[0].items():
            self.send_header(name, value)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def stubs_started() -> Iterator[Callable[..., Stub]]:
    """A function that starts a `Stub` for a reply; all of them are shut down at the end."""
    made = []

    def make(reply):
        made.append(Stub(reply))
        threading.Thread(target=made[-1].serve_forever, args=(0.01,), daemon=True).start()
        return made[-1]

    try:
        yield make
    finally:
        for each in made:
            each.shutdown()
            each.server_close()


@contextmanager
def stubs_asked(monkeypatch: pytest.MonkeyPatch, key: str, retries: int) -> Iterator[Callable]:
    """`stubs_started`, asked with this key and so many retries, at no price."""
    monkeypatch.setenv(api.KEY, key)
    monkeypatch.setattr(api, "RETRIES", retries)
    monkeypatch.setattr(endpoints, "_KNOWN", {})
    for name in (api.PRICE, api.BUDGET):
        monkeypatch.delenv(name, raising=False)
    with stubs_started() as make:
        yield make


def ask(say: Callable, name: str, store: Path) -> None:
    """Twelve questions; to be killed (`apart.start`)."""
    score(models.load(name), recompose.full(questions.toy(12), "en"), store, "letters")

"""Models behind an OpenAI-compatible endpoint, named `api:MODEL@BASE_URL`: names, requests, money.

The package reads the environment variables `OPENAI_API_KEY` (local servers need none),
`XLKB_API_PRICE="IN,OUT"` (USD per million tokens) and `XLKB_API_BUDGET` (USD). Tokens are counted
from the responses, over all runs, in `api_usage.json` in the results folder.
"""

import json
import math
import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from filelock import FileLock

from xlkb.ground import disk, paths, transfers
from xlkb.models import checkpoints, endpoints, replay, replies
from xlkb.models.endpoints import KEY, hidden
from xlkb.models.language_model import LanguageModel, replaying

if TYPE_CHECKING:
    from openai import OpenAI

PRICE, BUDGET = "XLKB_API_PRICE", "XLKB_API_BUDGET"

RETRIES = 6
"""Of a request after 408, 409, 429, 5xx, a timeout or a lost connection, by the openai client: it
waits twice as long each time (0.5 to 8 s), or as long as Retry-After says (up to 2 minutes)."""

TIMEOUT_SECONDS = 300
TOKENS, TOKENS_OF_THOUGHT = 1024, 8192
"""Limit of an answer of `chat`; the second for models that thought until the first was reached."""

USED = ("requests", "read", "written", "usd")
"""What is counted of each endpoint: requests, tokens, US dollars."""

MOST_TOKENS = 10**8
"""Of one request."""

_LOCK = threading.Lock()


def address(name: str) -> tuple[str, str]:
    """MODEL and BASE_URL of a name.

    Raises ValueError when the name has another form, or a URL with credentials in it, which the
    message does not repeat.
    """
    match = re.fullmatch(r"api:(.+?)@(https?://.+)", name)
    url = urlsplit(match[2]) if match else None
    if url is None or not url.netloc:
        raise ValueError(
            "Models behind an endpoint are named api:MODEL@BASE_URL, as in "
            "api:gpt-4o-mini@https://api.openai.com/v1; this name has another form."
        )
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError(
            "The URL of an api: name stands in results and tables, so it must not have a user, a "
            f"password, a query or a fragment. A key goes into the environment variable {KEY}."
        )
    return match[1], match[2].rstrip("/")


class Served(LanguageModel):
    """A model behind an endpoint: its weights are not here, its tokenizer may be lent."""

    @cached_property
    def tokenizer(self) -> endpoints.Tokenizer:
        """The server's; `there` says whether it has one."""
        served, url = address(self.name)
        return endpoints.Tokenizer(client(self.name), self.name, served, url.removesuffix("/v1"))

    @cached_property
    def context(self) -> int | None:
        """Tokens that are read at once, where the server says it and lends its tokenizer."""
        there = self.tokenizer.model_max_length
        return there if there and self.tokenizer.there else None


def load(
    name: str, adapter: str | Path | None, dtype: str, device: str, label: str
) -> LanguageModel:
    """The model of an `api:` name, for `models.load`; asks the endpoint nothing.

    Its fingerprint stands for the model's name and the URL: what is served there can change, and
    `served` in the stored answers is what the endpoint said it was.
    """
    model, url = address(name)
    if adapter is not None or (dtype, device) != ("auto", "auto"):
        raise ValueError(f"{name} runs elsewhere: adapter, dtype and device cannot be chosen.")
    if replaying():
        return replay.stored(name, None, dtype, label)
    _need_openai(name)
    price()
    budget()
    found = Served(name, label or model, url, checkpoints.digest([model, url]))
    found.dtype = "as served"
    return found


def price() -> tuple[float, float] | None:
    """USD per million tokens read and written, from `$XLKB_API_PRICE`; None when it is not set."""
    text = os.environ.get(PRICE, "").strip()
    if not text:
        return None
    try:
        read, written = (float(each) for each in text.split(","))
    except ValueError:
        read = written = math.nan
    if not (0 <= read < math.inf and 0 <= written < math.inf):
        raise ValueError(f'{PRICE}={text!r}: USD per million tokens, as in {PRICE}="0.15,0.60".')
    return read, written


def budget() -> float | None:
    """USD that may be spent, from `$XLKB_API_BUDGET`; None when it is not set."""
    text = os.environ.get(BUDGET, "").strip()
    if not text:
        return None
    try:
        allowed = float(text)
    except ValueError:
        allowed = math.nan
    if not 0 <= allowed < math.inf:
        raise ValueError(f"{BUDGET}={text!r}: an amount in USD, as in {BUDGET}=5.")
    if price() is None:
        raise ValueError(f'{BUDGET} is set, so prices are needed: {PRICE}="IN,OUT".')
    return allowed


def client(name: str) -> "OpenAI":
    """The openai client for a name's endpoint.

    Raises:
        RuntimeError: XLKB_REPLAY=1 is set. ValueError: the key cannot be sent.
        ModuleNotFoundError: the openai package is not installed.
    """
    _, url = address(name)
    if replaying():
        raise RuntimeError(
            f"Answers of {name} are missing from {paths.results()}, and XLKB_REPLAY=1 forbids "
            "asking for them. Unset XLKB_REPLAY and run again."
        )
    _need_openai(name)
    budget()
    key = os.environ.get(KEY, "").strip()
    if not (key.isascii() and key.isprintable()) or " " in key:
        # The client's own message would repeat the key.
        raise ValueError(f"{KEY} has characters that no key has, such as a space or a line break.")
    from openai import OpenAI

    options = {"max_retries": RETRIES, "timeout": TIMEOUT_SECONDS}
    return OpenAI(api_key=key or "none", base_url=url, http_client=transfers.client(), **options)


def chat(name: str, max_tokens: int = TOKENS) -> Callable[..., str]:
    """A function from a message to the model's answer, greedy and cleaned; threads may share it.

    The function takes the message and, optionally, the text in it that is to be translated, for
    `replies.cleaned`. A model that does nothing but think within `max_tokens` gets
    `TOKENS_OF_THOUGHT`, from then on. It counts into the budget, and raises what `send` raises, and
    ValueError where no whole text comes.
    """
    endpoint = client(name)
    limits = [max_tokens]

    def answer(message: str, source: str = "") -> str:
        while True:
            limit = limits[-1]
            options = {"max_tokens": limit, "temperature": 0}
            choice, _ = send(endpoint, name, "chat", message, options)
            answered = replies.cleaned(hidden(replies.text(choice)), source)
            cut = choice.get("finish_reason") == "length"
            if not cut or answered or limit >= TOKENS_OF_THOUGHT:
                break
            limits.append(TOKENS_OF_THOUGHT)
        about = f"the message that ends {message[-80:]!r}"
        if refused := hidden(replies.refusal(choice)):
            raise ValueError(f"{name} refuses to answer {about}: {refused[:300]}")
        if cut:
            did = "cut its answer to" if answered else f"only thought, for {limit} tokens, about"
            raise ValueError(f"{name} {did} {about}.")
        if not answered:
            raise ValueError(f"{name} gave no text for the message that begins {message[:80]!r}.")
        return answered

    return answer


def send(
    client: "OpenAI",
    name: str,
    endpoint: str,
    prompt: str | Sequence[int],
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], str]:
    """The first choice of `ask`, {} where the response is malformed; and what the endpoint says
    the model is. Arguments and errors as there."""
    body = ask(client, name, endpoint, prompt, options)
    return first(body), hidden(str(body.get("model", "")))


def ask(
    client: "OpenAI",
    name: str,
    endpoint: str,
    prompt: str | Sequence[int],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """One request, counted.

    Args:
        client: from `client`.
        name: of the model.
        endpoint: "completions", or "chat" (the prompt is then the one message).
        prompt: text or, for completions, token ids.
        options: other fields of the request, in the form for `endpoints.post`.

    Returns:
        The response, {} where it is malformed.

    Raises:
        RuntimeError: the budget is used up.
        PermissionError, ValueError, ConnectionError: as of `endpoints.post`.
    """
    _check_budget()
    model, _ = address(name)
    body, sent = endpoints.post(client, name, model, endpoint, prompt, options)
    _spend(name, body.get("usage"), prompt, sent)
    return body


def first(body: Mapping[str, Any]) -> dict[str, Any]:
    """The first choice of a response, {} where it has none."""
    choices = body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else {}


def counted(used: object, name: str) -> int | None:
    """Tokens by a response's `usage`; None where it does not say, or less than 0, which would give
    money back, or more than any request has."""
    found = used.get(name) if isinstance(used, dict) else None
    return found if type(found) is int and 0 <= found <= MOST_TOKENS else None


def usage() -> dict[str, dict[str, float]]:
    """Name -> `requests`, tokens `read` and `written`, and `usd`, over all runs."""
    path = _ledger()
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if all(0 <= row[each] < math.inf for row in found.values() for each in USED):
            return found
    except (ValueError, TypeError, KeyError, AttributeError):
        pass
    raise ValueError(f"{path} is damaged: repair it, or delete it to count anew.")


def _ledger() -> Path:
    return paths.results() / "api_usage.json"


def _check_budget() -> None:
    allowed, spent = budget(), sum(row["usd"] for row in usage().values())
    if allowed is not None and spent >= allowed:
        raise RuntimeError(
            f"USD {spent:.4f} are spent ({_ledger()} counts them), and {BUDGET} is {allowed:g}. "
            f"What was answered is stored: raise {BUDGET} and run again to go on."
        )


def _spend(name: str, used: Any, prompt: str | Sequence[int], options: Mapping[str, Any]) -> None:
    """Count one response. Where it does not say its tokens, they are no more than the bytes."""
    n_read, n_written = counted(used, "prompt_tokens"), counted(used, "completion_tokens")
    if n_read is None:
        n_read = len(prompt.encode() if isinstance(prompt, str) else prompt)
    if n_written is None:
        n_written = max(options.get(each, 0) for each in ("max_tokens", "max_completion_tokens"))
    to_read, to_write = price() or (0.0, 0.0)
    path = _ledger()
    path.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK, FileLock(f"{path}.lock"):
        table = usage()
        row = table.setdefault(name, {"requests": 0, "read": 0, "written": 0, "usd": 0.0})
        row["requests"] += 1
        row["read"] += n_read
        row["written"] += n_written
        row["usd"] += (n_read * to_read + n_written * to_write) / 1e6
        disk.write_json(path, table)


def _need_openai(name: str) -> None:
    if find_spec("openai") is None:
        raise ModuleNotFoundError(f"{name} needs the package openai: pip install 'openai>=3.54'")

"""What an endpoint accepts, found out in one place: requests that learn from refusals.

Servers that speak OpenAI's interface differ in what they take: reasoning models want
`max_completion_tokens` in place of `max_tokens` and no temperature, others allow fewer tokens than
are asked for. What a refusal (HTTP 400 or 422) names is left out or replaced, the request is sent
again, and what was learned holds for all further requests to this name in this process. `Tokenizer`
is the tokenizer of a model that is served, where the server lends it.
"""

import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from openai import OpenAI, OpenAIError

KEY = "OPENAI_API_KEY"
IN_FLIGHT = 8
"""Requests at a time; so many may still be answered, and paid, when the budget is used up."""

FEW, MANY = 16, 64
"""Limits of tokens are not halved below `FEW` nor doubled above `MANY`."""

_TOO_MANY = r"too (?:large|high|big|long)|at most|maximum|exceed|larger than|less than|<="
_TOO_FEW = r"too (?:small|low)|at least|minimum|greater than|>="
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RecursionError)
"""What reading an answer of another form raises."""

_LOCK = threading.Lock()
_KNOWN: dict[tuple[str, str], "Taken"] = {}


class ServerError(ConnectionError):
    """HTTP 5xx."""


class Taken(NamedTuple):
    """What is known of the options that an endpoint takes."""

    limit: str = "max_tokens"
    """What it calls the limit of tokens; "" if it takes none."""
    temperature: bool = True
    most: float = float("inf")
    least: int = 1
    answered: bool = False
    """It has answered a request before, so what it refuses is in the request."""


def post(
    client: "OpenAI",
    name: str,
    model: str,
    endpoint: str,
    prompt: str | Sequence[int],
    options: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One request, in the form that the endpoint takes.

    Args:
        client: from `api.client`.
        name: the `api:` name; what is learned is kept for it.
        model: what the endpoint calls the model.
        endpoint: "completions", or "chat" (the prompt is then the one message).
        prompt: text, or token ids, of which only completions are made.
        options: other fields of the request; `max_tokens` and `temperature` are adapted, and fields
            that OpenAI's interface does not have stand in `extra_body`.

    Returns:
        The response's JSON, {} where it is malformed, and the options that were sent.

    Raises:
        PermissionError: HTTP 401 or 403. ValueError: another refusal (4xx).
        ConnectionError: no answer or 429, after all retries; `ServerError` for 5xx.
    """
    import openai

    state, lasting = known(name, endpoint), True
    while True:
        sent, failure = _adapted(options, state), None
        try:
            body = _create(client, model, endpoint, prompt, sent)
        except openai.OpenAIError as error:
            failure = _failure(client, name, error)
            learned = _learn(endpoint, options, state, error)
            # Of a long prompt, not of the endpoint.
            lasting = lasting and "context" not in str(error)
        if failure is None:
            if lasting:
                _remember(name, endpoint, state)
            return body, sent
        if learned is None or learned == state:
            # Not raised in the handler: the client's error holds the request, with the key.
            raise failure
        state = learned


def known(name: str, endpoint: str) -> Taken:
    """What was learned of an endpoint in this process."""
    with _LOCK:
        return _KNOWN.get((name, endpoint), Taken())


def _remember(name: str, endpoint: str, state: Taken) -> None:
    """Keep a state in which a request was answered, beside what other threads learned."""
    with _LOCK:
        before = _KNOWN.get((name, endpoint), state)
        _KNOWN[name, endpoint] = Taken(
            limit=state.limit if state.limit != "max_tokens" else before.limit,
            temperature=state.temperature and before.temperature,
            most=min(state.most, before.most),
            least=max(state.least, before.least),
            answered=True,
        )


def left_out(name: str) -> list[str]:
    """Options that an endpoint was not sent, because it refuses them."""
    states = [known(name, endpoint) for endpoint in ("completions", "chat")]
    return ["temperature"] if not all(state.temperature for state in states) else []


def hidden(said: str) -> str:
    """What an endpoint said, without the key, in case it repeats it."""
    key = os.environ.get(KEY, "").strip()
    return said.replace(key, "[key]") if key else said


@dataclass
class Tokenizer:
    """The tokenizer of a served model, as far as `models.tokens` needs one; threads may share it.

    It is at `/tokenize`, beside the `/v1` of the base URL, in vLLM's form and llama.cpp's. Special
    tokens that are spelt out in a text are characters for llama.cpp; vLLM reads them as special.

    `served`: what the endpoint calls the model. `root`: the base URL without `/v1`. A call raises
    what `post` raises, and ValueError where the answer holds no token ids.
    """

    client: "OpenAI"
    name: str
    served: str
    root: str
    is_fast = True

    @cached_property
    def there(self) -> bool:
        """Whether the server has one; asked once."""
        try:
            return bool(replace(self, client=self.client.with_options(max_retries=2))._ids("a"))
        except (ValueError, ServerError):
            return False

    @cached_property
    def model_max_length(self) -> int | None:
        """Tokens that the model reads at once, where `/v1/models` says it; asked once."""
        import openai

        quick = self.client.with_options(max_retries=0, timeout=10)
        try:
            listed = quick.get("/models", cast_to=object)["data"]
            (each,) = (m for m in listed if len(listed) == 1 or m["id"] == self.served)
            found = each.get("max_model_len") or (each.get("meta") or {}).get("n_ctx")
        except (openai.OpenAIError, *MALFORMED):
            return None
        return found if type(found) is int and found > 0 else None

    def __call__(
        self, texts: str | Sequence[str], return_special_tokens_mask: bool = False, **_: Any
    ) -> dict[str, list]:
        """Token ids with what the server puts around a text; of one text, also which ones those
        are, like a tokenizer of transformers."""
        if isinstance(texts, str):
            ids, plain = self._ids(texts), self._ids(texts, around=False)
            found = (i for i in range(len(ids)) if plain and ids[i : i + len(plain)] == plain)
            at = next(found, len(ids))
            mask = [int(not at <= i < at + len(plain)) for i in range(len(ids))]
            return {"input_ids": ids, "special_tokens_mask": mask}
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            return {"input_ids": list(pool.map(self._ids, texts))}

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        """The text of tokens, "" where the server does not say."""
        body = self._post("/detokenize", {"tokens": list(ids)})
        found = body.get("prompt", body.get("content"))
        return hidden(found) if isinstance(found, str) else ""

    def get_vocab(self) -> dict[str, int]:
        """Nothing: no server tells its vocabulary."""
        return {}

    def _ids(self, text: str, around: bool = True) -> list[int]:
        forms = {"prompt": text, "add_special_tokens": around}  # vLLM
        forms |= {"content": text, "add_special": around, "parse_special": False}  # llama.cpp
        ids = self._post("/tokenize", forms).get("tokens")
        if not isinstance(ids, list) or not all(type(each) is int for each in ids):
            raise ValueError(f"{self.name}: {self.root}/tokenize gives no token ids.")
        return ids

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        import openai

        try:
            found = self.client.post(f"{self.root}{path}", cast_to=object, body=body)
        except openai.OpenAIError as error:
            failure = _failure(self.client, self.name, error)
        except (ValueError, RecursionError):
            failure = ValueError(f"{self.name}: {self.root}{path} does not answer in JSON.")
        else:
            return found if isinstance(found, dict) else {}
        raise failure  # Not in the handler: the client's error holds the request, with the key.


def _create(
    client: "OpenAI",
    model: str,
    endpoint: str,
    prompt: str | Sequence[int],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    if endpoint == "chat":
        messages = [{"role": "user", "content": prompt}]
        create = client.chat.completions.with_raw_response.create
        response = create(model=model, messages=messages, **options)
    else:
        create = client.completions.with_raw_response.create
        response = create(model=model, prompt=prompt, **options)
    try:
        body = json.loads(response.text)
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else {}


def _adapted(options: Mapping[str, Any], state: Taken) -> dict[str, Any]:
    """The options as the endpoint takes them."""
    sent = dict(options)
    if not state.temperature:
        sent.pop("temperature", None)
    tokens = sent.pop("max_tokens", None)
    if tokens is not None and state.limit:
        sent[state.limit] = int(min(max(tokens, state.least), state.most))
    return sent


def _learn(
    endpoint: str, options: Mapping[str, Any], state: Taken, error: "OpenAIError"
) -> Taken | None:
    """What a refusal teaches, None if it is no matter of options that can be changed."""
    if getattr(error, "status_code", None) not in (400, 422):
        return None
    sent, said = _adapted(options, state), str(error)
    tokens = sent.get(state.limit, 0)
    named = getattr(error, "param", None)
    if named not in sent:
        named = next(
            (each for each in ("temperature", state.limit) if each in sent and each in said), None
        )
    if named == "temperature":
        return state._replace(temperature=False)
    if named == state.limit and re.search(_TOO_MANY, said) and tokens > FEW:
        return state._replace(most=max(FEW, tokens // 2))
    if named == state.limit and re.search(_TOO_FEW, said) and tokens < MANY:
        return state._replace(least=min(MANY, 2 * tokens))
    if named == "max_tokens" and endpoint == "chat":
        return state._replace(limit="max_completion_tokens")
    if named == state.limit:
        return state._replace(limit="")
    reasoning = state._replace(limit="max_completion_tokens", temperature=False)
    unknown = endpoint == "chat" and not state.answered and "logprobs" not in sent
    # A refusal without a reason, by an endpoint that has taken nothing yet.
    return reasoning if unknown and named is None else None


def _failure(client: "OpenAI", name: str, error: "OpenAIError") -> Exception:
    """The package's own exception for one of the client's, with nothing of the request in it."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        state = "holds a key that it does not accept" if os.environ.get(KEY) else "is not set"
        return PermissionError(
            f"{name} refuses access (HTTP {status}): the environment variable {KEY} {state}."
        )
    said = hidden(str(error))[:300]
    if status is not None and 300 <= status < 400:
        why = "and redirects are not followed, for they may lead anywhere: give its real URL."
        return ValueError(f"{name} sends on to another address (HTTP {status}), {why}")
    if status is None or status in (408, 409, 429) or status >= 500:
        kind = ServerError if status and status >= 500 else ConnectionError
        return kind(
            f"{name} does not answer, after up to {client.max_retries} retries: {said} What was "
            "answered is stored; run again to go on."
        )
    return ValueError(f"{name} refuses the request: {said}")

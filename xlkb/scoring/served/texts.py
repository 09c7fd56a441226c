"""How likely an endpoint says that given texts are: cloze and running text for served models.

A text is sent as token ids, which the server's own tokenizer makes and `tries.encode` cuts at the
border of context and continuation, so that what is scored is what a local copy of the model would
score. Servers differ in how they can be asked, and some take a request and do another thing: a
server of llama.cpp answers `echo` with HTTP 200 and the generated token alone. So the first of
`WAYS` is taken whose numbers cover the text and agree with each other (`way`), and every answer is
checked: that it covers the text, names the tokens, where it names any, and holds probabilities.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from xlkb.models import LanguageModel, api, endpoints, tokens
from xlkb.scoring import results
from xlkb.scoring.served.asking import Told, tell, together
from xlkb.scoring.tries import Pair, TokenIds, encode

PER_TASK = 8
"""Continuations of one context that are asked for one after the other: servers keep the context's
keys and values from one request to the next."""

PROBES = ("The first letters are A, B,", "One morning the old man")
"""Texts after which `way` tries what a server can: one goes on in one way, one in many."""

TOLERANCE = 0.25, 0.05
"""Nats, and share of the larger one, by which two log-probabilities of one token may differ: what a
server computes beside other requests, or has cached, comes from kernels of other rounding."""

NEVER = -9000.0
"""Below it lies what servers write for a probability that is 0 in float32: -9999 (vLLM), -3e38
(llama.cpp)."""

LEAST = -104.0
"""What is put in its place: just below the logarithm of the smallest float32."""

Ask = Callable[..., dict[str, Any]]
"""(prompt as token ids, options of the request) -> the first choice of the answer."""


def by_prompt_logprobs(ask: Ask, text: TokenIds) -> list[Any]:
    """vLLM's field of this name: for each position, the values of some tokens by their ids."""
    told = ask(text.ids, extra_body={"prompt_logprobs": 1})["prompt_logprobs"]
    if len(told) != len(text.ids):
        raise ValueError(f"it tells of {len(told)} tokens where {len(text.ids)} were sent")
    after = range(text.start, len(text.ids))
    return [told[i][str(text.ids[i])]["logprob"] for i in after]


def by_echo(ask: Ask, text: TokenIds) -> list[Any]:
    """OpenAI's `echo` of completions, with vLLM's names of tokens where they are given."""
    named = {"return_tokens_as_token_ids": True}
    told = ask(text.ids, echo=True, extra_body=named)["logprobs"]
    values, names, n = told["token_logprobs"], told.get("tokens") or [], len(text.ids)
    if not n <= len(values) <= n + 1:
        raise ValueError(f"it tells of {len(values)} tokens where {n} were sent and 1 generated")
    for token, name in zip(text.ids, names, strict=False):
        if str(name).startswith("token_id:") and name != f"token_id:{token}":
            raise ValueError(f"it tells of the token {name[9:]} where {token} was sent")
    return values[text.start : n]


def by_grammar(ask: Ask, text: TokenIds) -> list[Any]:
    """llama.cpp's way: a grammar of token ids forces the continuation, and each token is told with
    its probability as the model has it, before the grammar (llama.cpp from December 2025 on)."""
    after = text.ids[text.start :]
    grammar = "root ::= " + " ".join(f"<[{token}]>" for token in after)
    liked = {str(token): 100 for token in after}  # The grammar then has less to sort out.
    asked = {"max_tokens": len(after), "logit_bias": liked, "extra_body": {"grammar": grammar}}
    told = ask(text.ids[: text.start], **asked)["logprobs"]["content"]
    made = [each["id"] for each in told[: len(after)]]
    if made != list(after):
        raise ValueError(f"it generates the tokens {made} where {list(after)} were to be forced")
    return [each["logprob"] for each in told[: len(after)]]


WAYS = {"prompt_logprobs": by_prompt_logprobs, "echo": by_echo, "grammar": by_grammar}
"""How an endpoint can be asked for the log-probabilities of a continuation's tokens."""

_FOUND: dict[str, str] = {}


def way(model: LanguageModel) -> str:
    """Which of `WAYS` an endpoint can be asked in, by some requests at the first call.

    After two texts, the token that the endpoint generates itself must have the value with which it
    was generated, another one must not have more, and two in a row must begin like one alone.

    Raises:
        ValueError: in none of them; the message says what was tried.
        PermissionError, ConnectionError, RuntimeError: as of `api.ask`.
    """
    if model.name not in _FOUND:
        _FOUND[model.name] = _find_way(model)
    return _FOUND[model.name]


def _find_way(model: LanguageModel) -> str:
    tried: dict[str, str] = {}
    if not model.tokenizer.there:
        tried["/tokenize"] = "there is none beside /v1, or it gives no token ids"
    for name in WAYS if not tried else ():
        try:
            for ids in tokens.encode(model.tokenizer, PROBES):
                _check_way(model, name, tuple(ids))
        except (ValueError, endpoints.ServerError) as error:
            tried[name] = str(error).removeprefix(f"{model.name} ")[:200].rstrip(".")
        else:
            return name
    raise ValueError(
        f"{model.name} cannot be scored by cloze or on running text: it does not say how likely a "
        f"given text is. Tried: {'; '.join(f'{name}: {why}' for name, why in tried.items())}. Use "
        "a style that lists the choices: 'letters' or 'paper'."
    )


def _check_way(model: LanguageModel, name: str, ids: tuple[int, ...]) -> None:
    """Raise ValueError where the numbers of a way do not agree with each other."""
    ask = _asking(model, quick=True)
    choice = ask(ids, extra_body={"return_tokens_as_token_ids": True})
    token, value = _generated(model, choice)
    other = next(each for each in (*reversed(ids), token + 1) if each != token)
    begin = len(ids)
    (own,) = _measured(ask, name, TokenIds((*ids, token), begin))
    (less,) = _measured(ask, name, TokenIds((*ids, other), begin))
    first, _ = _measured(ask, name, TokenIds((*ids, other, token), begin))
    if not (_alike(own, value) and _alike(first, less) and (less < own or _alike(less, own))):
        raise ValueError(
            f"its numbers contradict each other: {own:.2f} nats for a token that it generated "
            f"itself with {value:.2f}, and for another one {less:.2f} and {first:.2f}"
        )


def _alike(one: float, other: float) -> bool:
    return abs(one - other) <= TOLERANCE[0] + TOLERANCE[1] * max(-one, -other)


def _generated(model: LanguageModel, choice: dict[str, Any]) -> tuple[int, float]:
    """The token that an endpoint generated, and its log-probability, in vLLM's form or llama.cpp's.

    Raises ValueError where the answer does not tell.
    """
    try:
        told = choice["logprobs"]
        if "content" in told:
            return int(told["content"][0]["id"]), float(told["content"][0]["logprob"])
        name, value = str(told["tokens"][-1]), float(told["token_logprobs"][-1])
        if name.startswith("token_id:"):
            return int(name[9:]), value
        encoded = model.tokenizer(name, return_special_tokens_mask=True)
        plain = zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True)
        (token,) = (token for token, special in plain if not special)
        return token, value
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise ValueError("it does not tell the log-probability of what it generates") from None


def _asking(model: LanguageModel, quick: bool = False, served: set[str] | None = None) -> Ask:
    """One completion of at most a token, unless the options say another number."""
    client = api.client(model.name)
    client = client.with_options(max_retries=2) if quick else client

    def ask(ids: Sequence[int], **options: Any) -> dict[str, Any]:
        options = {"max_tokens": 1, "temperature": 0, "logprobs": 1} | options
        body = api.ask(client, model.name, "completions", list(ids), options)
        used = body.get("usage")
        read = used.get("prompt_tokens") if isinstance(used, dict) else None
        if type(read) is int and read not in (0, len(ids)):
            raise ValueError(f"it reads {read} tokens where {len(ids)} were sent")
        if served is not None:
            served.add(endpoints.hidden(str(body.get("model", ""))))
        return api.first(body)

    return ask


def _measured(ask: Ask, name: str, text: TokenIds) -> list[float]:
    """Log-probabilities of a continuation's tokens, checked."""
    try:
        found = WAYS[name](ask, text)
    except (KeyError, TypeError, IndexError, AttributeError):
        raise ValueError("its answer does not hold the log-probabilities of the text") from None
    if len(found) != len(text.ids) - text.start:
        raise ValueError(f"it gives {len(found)} of {len(text.ids) - text.start} values")
    for each in found:
        if type(each) not in (int, float) or math.isnan(each) or each > 0.01:
            raise ValueError(f"{each!r} stands where a log-probability should")
    return [float(each) if each > NEVER else LEAST for each in found]


def scores(
    model: LanguageModel, pairs: Iterable[Pair], store: Path
) -> dict[Pair, tuple[float, int]]:
    """Log-likelihood and number of tokens of each pair, from the store or else the endpoint.

    They are stored like those of a local model, under the same keys, as they come; what was
    answered before an error or an interrupt is kept.

    Raises:
        ValueError: the endpoint cannot say (`way`), or an answer is not right.
        PermissionError, ConnectionError, RuntimeError: as of `api.ask`.
    """
    pairs, served = list(dict.fromkeys(pairs)), set()

    def compute(missing: Sequence[int]) -> results.Found:
        name = way(model)
        ask = _asking(model, served=served)
        texts = encode(model.tokenizer, [pairs[place] for place in missing])

        def measure(task: Sequence[tuple[int, TokenIds]]) -> Told:
            values: list[tuple[float, int]] = []
            for place, text in task:
                try:
                    found = _measured(ask, name, text)
                except ValueError as error:
                    why = f"{model.name}, asked by {name} for {pairs[place].continuation[:60]!r}"
                    return Told(values, ValueError(f"{why}: {error}."))
                except (OSError, RuntimeError) as error:
                    return Told(values, error)
                values.append((math.fsum(found), len(found)))
            return Told(values, None)

        for task, values in together(measure, _tasks(missing, texts)):
            rows = pd.DataFrame(values, columns=["log_likelihood", "n_tokens"])
            yield [place for place, _ in task[: len(values)]], rows

    keys = [results.key(pair) for pair in pairs]
    found = results.stored(model, store, ".", keys, compute, "Asking", "scores")
    if served:
        about = {"way": way(model), "served": sorted(served)}
        tell(results.store_folder(store, model), texts=about)
    values = zip(found["log_likelihood"].tolist(), found["n_tokens"].tolist(), strict=True)
    return dict(zip(pairs, values, strict=True))


def _tasks(
    places: Sequence[int], texts: Sequence[TokenIds]
) -> Iterator[list[tuple[int, TokenIds]]]:
    """Texts with the same context together, at most `PER_TASK`, like ones after each other."""
    ordered = sorted(zip(places, texts, strict=True), key=lambda each: each[1])
    for _, same in groupby(ordered, key=lambda each: each[1].ids[: each[1].start]):
        group = list(same)
        for begin in range(0, len(group), PER_TASK):
            yield group[begin : begin + PER_TASK]

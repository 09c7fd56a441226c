"""Lines that a served model goes on with, greedily, for `generation.generate`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from xlkb.models import LanguageModel, api, endpoints, replies
from xlkb.scoring import results
from xlkb.scoring.served.asking import Told, together

INSTRUCTION = "Go on with this text. Write its next line, and nothing else.\n\n"
"""Before a prompt in a chat: what completions do by themselves."""

WAYS: dict[str, dict[str, Any]] = {"completions": {"stop": ["\n"]}, "chat": {}}
"""Endpoints in the order in which they are tried, and what is asked of them."""

_FOUND: dict[str, str] = {}


def written(
    model: LanguageModel, texts: Sequence[str], places: Sequence[int], max_new_tokens: int
) -> results.Found:
    """The line after each text, as they come; for `results.stored`.

    Args:
        model: behind an endpoint.
        texts: prompts.
        places: of those that are missing.
        max_new_tokens: a line is cut there.

    Raises:
        ValueError, PermissionError, ConnectionError, RuntimeError: as of `api.ask`.
    """
    client, name = api.client(model.name), model.name
    options = {"max_tokens": max_new_tokens, "temperature": 0}

    def line(way: str, place: int) -> dict[str, Any]:
        told = INSTRUCTION if way == "chat" else ""
        body = api.ask(client, name, way, told + texts[place], options | WAYS[way])
        choice, used = api.first(body), body.get("usage")
        said = replies.text(choice)
        said = replies.cleaned(said) if way == "chat" else said
        return {
            "text": endpoints.hidden(said).partition("\n")[0].strip(),
            "n_tokens": api.counted(used, "completion_tokens") or 0,
            "n_prompt": api.counted(used, "prompt_tokens") or 0,
            "cut": choice.get("finish_reason") == "length" and "\n" not in said,
        }

    def ask(place: int) -> Told:
        try:
            return Told([line(_FOUND[name], place)])
        except (OSError, ValueError, RuntimeError) as error:
            return Told([], error)

    rest = list(places)
    if name not in _FOUND:
        first = rest.pop(0)
        yield [first], pd.DataFrame([_first(name, line, first)])
    for place, values in together(ask, rest):
        yield [place], pd.DataFrame(values)


def _first(name: str, line: Any, place: int) -> dict[str, Any]:
    """The first line, in the first of `WAYS` that the endpoint takes."""
    refusals = {}
    for way in WAYS:
        try:
            found = line(way, place)
        except ValueError as error:
            refusals[way] = error
        else:
            _FOUND[name] = way
            return found
    raise refusals["completions"]

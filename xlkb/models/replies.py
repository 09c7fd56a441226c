"""What an endpoint said, cleaned: the one place for letters and translations alike.

Chat models wrap what they are asked for: they think aloud between tags, put it in quotes or code
fences, and announce it ("Translation:").
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from xlkb.ground.answer_words import of_role
from xlkb.ground.languages import LANGUAGES

_NAMES = r"(?:think|thinking|thought|thoughts|reasoning|reason|reflection|analysis|scratchpad)"
THINKING = (
    (rf"<(?:\w+:)?{_NAMES}\b[^<>]*>", rf"</(?:\w+:)?{_NAMES}>"),
    (r"\[THINK\]", r"\[/THINK\]"),
    ("◁think▷", "◁/think▷"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|channel\|>\s*(?:analysis|commentary)", r"<\|channel\|>\s*final\s*(?:<\|message\|>)?"),
    (r"<\|channel>\s*thought", r"<channel\|>"),
)
"""Signs before and after a model's thinking, as regular expressions."""

SPECIAL = r"<\|[^|<>\n]{1,40}\|>|</?s>|<(?:start|end)_of_turn>|<[be]os>|\[/?INST\]"
"""Special tokens that a server spells out."""

TAG = r"<(translation|answer|response|output|result|final|text)>(.*)</\1>"
FENCE = r"(?:[^\n`]*[:：]\s*)?(`{3,}|~{3,})[\w-]*\n(.*?)\n?\1"

QUOTES = (
    *('""', "''", "``", "“”", "‘’", "«»", "‹›", "„“", "„”", "‚‘", "»«", "›‹", "””", "״״"),
    *("「」", "『』", "﹁﹂", "〝〞", "＂＂", '„"', "““"),
)
"""Opening and closing marks, of every script of `languages.py`."""

_OPENING, _CLOSING = ({pair[end] for pair in QUOTES} for end in (0, 1))
EMPHASIS = ("**", "__", "*")


def text(choice: Mapping[str, Any]) -> str:
    """The generated text of a choice from `api.send`, "" if it has none; parts are put together."""
    message = choice.get("message")
    found = message.get("content") if isinstance(message, dict) else choice.get("text")
    if isinstance(found, list):
        parts = [part for part in found if isinstance(part, dict)]
        kinds = ("text", "output_text", None)
        texts = [part.get("text") for part in parts if part.get("type") in kinds]
        found = "".join(each for each in texts if isinstance(each, str))
    return found if isinstance(found, str) else ""


def refusal(choice: Mapping[str, Any]) -> str:
    """What a choice from `api.send` says instead of a text, "" if it does not refuse."""
    message = choice.get("message")
    found = message.get("refusal") if isinstance(message, dict) else None
    return found if isinstance(found, str) else ""


def cleaned(said: str, source: str = "") -> str:
    """A model's answer alone, stripped; "" if it thought only, cut or not.

    Thinking, special tokens, a code fence around all, an announcement such as "Translation:" and
    quotes around all are taken away, unless the text that was asked about has them too.

    Args:
        said: what the model generated.
        source: the text that was to be translated.
    """
    found = said
    for opening, closing in THINKING:
        if not re.search(f"{opening}|{closing}", source):
            found = re.sub(f"{opening}.*?{closing}", "", found, flags=re.DOTALL)
            # What an opening sign or the limit of tokens left half.
            found = re.sub(f"^.*{closing}", "", found, flags=re.DOTALL)
            found = re.sub(f"{opening}.*$", "", found, flags=re.DOTALL)
    if not re.search(SPECIAL, source):
        found = re.sub(SPECIAL, "", found)
    found = found.strip()
    before = None
    while found != before:
        before = found
        found = _unwrapped(found, source)
    return found


def _unwrapped(found: str, source: str) -> str:
    """A text without the outermost thing around it."""
    if "```" not in source and "~~~" not in source:
        fenced = re.fullmatch(FENCE, found, flags=re.DOTALL)
        found = fenced[2].strip() if fenced else found
    if not re.search(TAG, source, flags=re.DOTALL):
        tagged = re.fullmatch(TAG, found, flags=re.DOTALL)
        found = tagged[2].strip() if tagged else found
    if source:
        found = _unannounced(found, source)
    for mark in EMPHASIS:
        inner = found[len(mark) : -len(mark)]
        around = len(found) > 2 * len(mark) and found == f"{mark}{inner}{mark}"
        if around and mark[0] not in inner and not source.startswith(mark):
            return inner.strip()
    ends = source.rstrip(".。,，!?")[-1:]
    if source and source[0] in _OPENING and ends in _CLOSING:
        return found
    for pair in QUOTES:
        # The full stop may stand behind the quotes.
        for stop in ("", ".", "。"):
            inner = _inside(found.removesuffix(stop) if stop else found, *pair)
            if inner is not None and (not stop or (found.endswith(stop) and inner[-1:].isalnum())):
                return inner.strip() + stop
    return found


def _unannounced(found: str, source: str) -> str:
    """A translation without what announces it and what is remarked on it."""
    if not source.startswith("{"):
        try:
            values = list(json.loads(found).values())
        except (ValueError, AttributeError):
            values = []
        if len(values) == 1 and isinstance(values[0], str):
            return values[0].strip()
    heading, note = _announcements()
    if "\n" not in source:
        found = note.split(found, maxsplit=1)[0].rstrip() or found
    if ":" in source or "：" in source:
        return found
    found = heading.sub("", found, count=1) or found
    return re.sub(r"^[^\n]{1,80}[:：]\s*\n\s*(?=\S)", "", found) if "\n" not in source else found


def _inside(found: str, opening: str, closing: str) -> str | None:
    """What one pair of quotes encloses, None where a text has none or several."""
    found = found.strip()
    inner = found[1:-1]
    if len(found) < 3 or found[0] != opening or found[-1] != closing:
        return None
    if opening == closing:
        apart = re.sub(r"(?<=\w)'(?=\w)", "", inner) if opening == "'" else inner
        return None if opening in apart else inner
    depth = 0
    for character in inner:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return None
    return inner


@cache
def _announcements() -> tuple[re.Pattern, re.Pattern]:
    """ "Translation:", "Here is the French translation:", "French:" before a text; notes below."""
    words, notes = ("|".join(map(re.escape, of_role()[kind])) for kind in ("translation", "note"))
    names = "|".join(re.escape(n) for each in LANGUAGES.values() for n in (each.name, each.autonym))
    some = r"[^\n:：.!?]{0,60}"
    return (
        re.compile(
            rf"\s*(?:{some}[.!]\s+)?[*_#\s]*(?:{some}(?:{words}){some}|(?:{names}))"
            r"[*_\s]*[:：][*_]*\s*",
            re.IGNORECASE,
        ),
        re.compile(rf"\n\s*[*_(\[（]*(?:{notes})[*_\s]*[:：]", re.IGNORECASE),
    )

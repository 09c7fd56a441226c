"""Words that stand around a letter in free answers, in all languages: `data/answers.toml`, read."""

import re
import tomllib
import unicodedata
from functools import cache

from xlkb.ground.paths import PACKAGE_DATA

ROLES = ("wrong", "final", "answer", "because", "also", "option", "is", "link")
"""Kinds of words that tell of a letter; the first counts where languages disagree about a word."""

W = r"\w\u0900-\u0963\u0970-\u097f"
"""What words are made of; Python counts Devanagari's vowel signs as something else."""

CONNECTED = "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""Chinese, Japanese and Korean, where a word's ends are no spaces."""


def plain(text: str) -> str:
    """The text in NFKC, with straight apostrophes and without marks that stand on no letter."""
    text = text.replace("_", "*")  # Markdown's other sign of emphasis.
    text = re.sub("[\u2018\u2019\u02bc\u05f3\u00b4]", "'", text.replace("…", ", "))
    # NFKC leaves white letters on black circles and squares as they are.
    text = re.sub(
        "[\U0001f150-\U0001f169\U0001f170-\U0001f189]",
        lambda found: chr((ord(found[0]) - 0x1F150) % 0x20 + ord("A")),
        text,
    )
    text = "".join(each for each in text if unicodedata.category(each) != "Cf")
    text = re.sub("[\u0591-\u05bd\u0640\u064b-\u0652\u20e3\ufe0e\ufe0f]", "", text)
    return unicodedata.normalize("NFKC", text)


def chain(text: str) -> tuple[set[str], str, bool]:
    """Roles of the known words that a text ends with, what is before, and if commas are between."""
    roles: set[str] = set()
    crossed = False
    table, longest = _table()
    while True:
        bare = re.search(rf"[^{W}.!?;。।]*$", text)
        crossed = crossed or bool(re.search(r"[,:>\n–—،、]", bare[0]))
        text = text[: bare.start()]
        for length in range(min(longest, len(text)), 0, -1):
            role = table.get(text[-length:].lower())
            if role and (
                re.match(CONNECTED, text[-length]) or not re.search(rf"[{W}]$", text[:-length])
            ):
                break
        else:
            return roles, text, crossed
        if role == "because" or (role == "wrong" and crossed):
            return roles, text, crossed
        roles.add(role)
        text = text[:-length]


def follows(clause: str, word: bool) -> tuple[set[str], bool]:
    """Whether words after a letter say "wrong" or "answer", and whether the first one is known.

    After a letter that is a `word` itself, only some are.
    """
    found = pattern("because").split(pattern("sure").sub("", clause.lower()), maxsplit=1)[0]
    told = {role for role in ("wrong", "answer") if pattern(role).search(found)}
    word = word and not re.match(CONNECTED, clause)
    first = pattern(*(("is", "because") if word else (*ROLES, "sure"))).match(clause.lower())
    return (told if first or not word else set()), bool(first) or (not word and "answer" in told)


@cache
def of_role() -> dict[str, dict[str, str]]:
    """Role -> its words in all languages, in small letters and in the form of `plain`."""
    table = tomllib.loads((PACKAGE_DATA / "answers.toml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = {}
    for words in table.values():
        for role, each in words.items():
            found.setdefault(role, {}).update(dict.fromkeys(plain(word).lower() for word in each))
    return found


@cache
def _table() -> tuple[dict[str, str], int]:
    """Word -> its role, and the length of the longest word."""
    table = {word: role for role in reversed(ROLES) for word in of_role()[role]}
    return table, max(map(len, table))


@cache
def pattern(*roles: str) -> re.Pattern:
    """Any word of these roles, the longest first; whole where words are parted by spaces."""
    words = sorted({w for role in roles for w in of_role()[role]}, key=len, reverse=True)
    joined = [re.escape(word) for word in words if re.match(CONNECTED, word)]
    parted = [re.escape(word) for word in words if not re.match(CONNECTED, word)]
    return re.compile(
        f"(?:{'|'.join(joined) or '(?!)'})|(?<![{W}])(?:{'|'.join(parted) or '(?!)'})(?![{W}])"
    )

"""Who is at the academy and what is true of them: the facts behind `xlkb.tasks.builtin.academy`.

Names, values and wording are in `xlkb/data/academy.toml`. Everything random is drawn from its
`seed` through SHA-256, character by character, so that more characters change nothing about those
before them.
"""

import random
import tomllib
from collections.abc import Sequence
from functools import cache
from itertools import combinations
from typing import Any, NamedTuple

import pandas as pd
from babel import Locale
from datasets import Dataset

from xlkb.ground import languages as room
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.ground.paths import PACKAGE_DATA
from xlkb.tasks.builtin.cldr import Names
from xlkb.tasks.builtin.facts import digest

DEV, VALIDATION = 5, 24
"""Characters in the splits "dev" and "validation"; the rest are "test"."""

_BETWEEN_NAMES = {"zh": "·", "ja": "・"}


class Character(NamedTuple):
    """One person at the academy."""

    key: str
    """Readable and unique: "Mirelda_Tallovek"."""
    names: Names
    """Full name."""
    split: str
    """"dev", "validation" or "test": all questions about a character are in one split."""
    position: int
    """Among the characters of the split, from 0."""


class Relation(NamedTuple):
    """One kind of fact, in words."""

    question: Names
    """With the slot {name}."""
    values: dict[str, Names]
    """Key of a value -> its bare form, an option of the quiz."""
    prose: dict[str, dict[str, str]]
    """Key of a value -> its form inside a sentence, in the languages of `FIVE`."""
    sentences: list[dict[str, list[str]]]
    """Ways to state the fact: in each language of `FIVE` aligned phrases, slots {name}, {value}."""


class Fact(NamedTuple):
    """One fact, and the question about it."""

    id: str
    """"academy/companion/Mirelda_Tallovek"."""
    relation: str
    character: Character
    value: str
    """Key in the relation's `values`."""
    wrong: list[str]
    """Keys of the three wrong options."""
    answer: int
    """Position of the right option, 0-3."""


@cache
def typed() -> dict:
    """`xlkb/data/academy.toml`."""
    return tomllib.loads((PACKAGE_DATA / "academy.toml").read_text(encoding="utf-8"))


@cache
def relations() -> dict[str, Relation]:
    """Every relation by its name; the dict is shared, so do not change it."""
    found = {}
    for name, words in typed()["relations"].items():
        values = words.get("values") or _months()
        typed_prose = words.get("prose", {})
        prose = {
            key: {code: bare[code] for code in FIVE} | typed_prose.get(key, {})
            for key, bare in values.items()
        }
        sentences = [
            {code: phrases.split(" | ") for code, phrases in sentence.items()}
            for sentence in words["sentences"]
        ]
        found[name] = Relation(words["question"], values, prose, sentences)
    return found


def characters(count: int | None = None) -> list[Character]:
    """The first `count` characters (as many as the data file says when None), by split.

    Every full name is a pair of its own: a round through all given names gives each another family
    name. The first round is "dev" and "validation", so that in these splits, and among the first
    29 characters of "test", no two share a given name or a family name.

    Raises:
        ValueError: there are not that many pairs.
    """
    count = typed()["characters"] if count is None else count
    given, family = (
        sorted(typed()[kind], key=lambda name: _digest(kind, name)) for kind in ("given", "family")
    )
    if count > len(given) * len(family):
        raise ValueError(f"{count} characters, but names for {len(given) * len(family)} only.")
    found = []
    for turn in range(len(family)):
        pairs = [(first, family[(i + turn) % len(family)]) for i, first in enumerate(given)]
        found += sorted(pairs, key=lambda pair: _digest("character", *pair))
    return [_character(number, *pair) for number, pair in enumerate(found[:count])]


def facts(count: int | None = None) -> list[Fact]:
    """Every fact about the first `count` characters, character by character.

    The values of a relation are dealt in rounds over the characters of a split, each round in a
    random order of its own: every value is right equally often, up to one in the last round. The
    positions of the right options are dealt in the same way.
    """
    found = []
    for character in characters(count):
        for name, relation in relations().items():
            value = _dealt(list(relation.values), character, "value", name)
            others = [key for key in relation.values if key != value]
            wrong = random.Random(_digest("wrong", name, character.key)).sample(others, 3)
            answer = _dealt(range(4), character, "answer", name)
            key = f"academy/{name}/{character.key}"
            found.append(Fact(key, name, character, value, wrong, answer))
    return found


def shared_values(languages: Sequence[str] = FIVE) -> pd.DataFrame:
    """Values that two languages spell alike, which need no transfer between them.

    Returns:
        One row per value and pair of languages: `relation, value` (its text in the first),
        `first, second` (codes). Upper and lower case count as alike.
    """
    return pd.DataFrame(
        [
            (name, names[one], one, other)
            for name, relation in relations().items()
            for names in relation.values.values()
            for one, other in combinations(room.check(languages), 2)
            if names[one].casefold() == names[other].casefold()
        ],
        columns=["relation", "value", "first", "second"],
    )


def _character(number: int, given: str, family: str) -> Character:
    names = {
        code: _BETWEEN_NAMES.get(code, " ").join(
            typed()[kind][name].get(code, name)
            for kind, name in (("given", given), ("family", family))
        )
        for code in LANGUAGES
    }
    for split, size in (("dev", DEV), ("validation", VALIDATION)):
        if number < size:
            return Character(f"{given}_{family}", names, split, number)
        number -= size
    return Character(f"{given}_{family}", names, "test", number)


def _dealt(things: Sequence, character: Character, what: str, relation: str) -> Any:
    turn, place = divmod(character.position, len(things))
    order = random.Random(_digest(what, relation, character.split, str(turn)))
    return order.sample(things, len(things))[place]


@cache
def _months() -> dict[str, Names]:
    """The months in CLDR, by their English names."""
    months = {}
    for number in range(1, 13):
        # babel fills gaps of a language's "stand-alone" months with another language's. Only
        # Russian among ours needs it: its "format" months are in the genitive.
        names = {
            code: Locale(code).months["stand-alone" if code == "ru" else "format"]["wide"][number]
            for code in LANGUAGES
        }
        months[names["en"].lower()] = names
    return months


def _digest(*parts: str) -> str:
    return digest(str(typed()["seed"]), *parts)


def groups(questions: Dataset, parts: Sequence[str]) -> dict[str, Dataset]:
    """The academy's questions dealt out by character, as evenly as possible, under these names.

    Raises:
        ValueError: there are fewer characters than parts.
    """
    characters = [identifier.rsplit("/", 1)[1] for identifier in questions["id"]]
    place = {key: number % len(parts) for number, key in enumerate(dict.fromkeys(characters))}
    if len(place) < len(parts):
        raise ValueError(f"{len(place)} characters cannot be dealt out to {len(parts)} groups.")
    return {
        part: questions.select([i for i, key in enumerate(characters) if place[key] == number])
        for number, part in enumerate(parts)
    }

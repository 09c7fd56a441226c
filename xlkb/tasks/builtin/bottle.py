"""The bottle: a small invented world in invented languages, made from a seed.

People have one value of each relation; every relation can be said in several wordings. A wording is
a row of words, the same in all languages but for the words themselves, that ends in the person's
name and the value. Languages share no string but names, unless `overlap` says
so. The rest of the package knows languages by ISO codes, so these serve as labels here: "fr" is an
invented language, too. The first is K, in which the tested people are told of.

A question is a sentence without its value, in one language, and four values of the relation.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from datasets import Dataset

from xlkb.ground import languages as room

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "ru")
"""Labels of the invented languages, K first."""

ONSETS, VOWELS = "bdfgklmnprstvz", "aeiou"
ENDINGS = ("", "a", "en", "is", "or", "um", "ek", "ai")
"""What words of each language end in, after three letters: no two languages share a word."""

NAME = ""
"""In a wording, the place of the name."""


@dataclass(frozen=True)
class Sizes:
    """How large a world is.

    described: people whom the text describes. tested: people who are told of in K only. relations;
    values: of each. wordings: of each relation. words: of a sentence on average, name
    and value included; wordings have two fewer and two more in turn, so that some are longer than
    the eight words of a unit.
    overlap: share of a relation's values (0 to 1) whose word is K's in all languages.

    Raises:
        ValueError: a number out of range.
    """

    described: int = 100
    tested: int = 50
    relations: int = 3
    values: int = 8
    wordings: int = 2
    words: int = 9
    overlap: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        least = {"described": 1, "tested": 1, "relations": 1, "values": 4, "wordings": 1}
        for name, low in (least | {"words": 5}).items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} = {getattr(self, name)}: a world has at least {low}.")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap = {self.overlap}: it is a share, from 0 to 1.")

    @property
    def n_shared(self) -> int:
        """Values of a relation, the first ones, whose word is the same in all languages."""
        return round(self.overlap * self.values)


@dataclass(frozen=True)
class World:
    """What is true, and how it is said; made by `world`.

    described, tested: names. facts: name -> its value (a number) of each relation. values:
    [relation][value] -> language -> word. wordings: [relation][wording] -> the words before the
    value, each language -> word, or `NAME`.
    """

    seed: int
    languages: tuple[str, ...]
    sizes: Sizes
    described: tuple[str, ...]
    tested: tuple[str, ...]
    facts: dict[str, tuple[int, ...]]
    values: tuple[tuple[dict[str, str], ...], ...]
    wordings: tuple[tuple[tuple[dict[str, str] | str, ...], ...], ...]

    @property
    def vocabulary(self) -> list[str]:
        """Every word and name, each once."""
        words = [word for values in self.values for entry in values for word in entry.values()]
        for entry in (e for ways in self.wordings for way in ways for e in way if e != NAME):
            words += entry.values()
        return list(dict.fromkeys([*self.described, *self.tested, *words]))

    def said(self, person: str, relation: int, wording: int, language: str) -> str:
        """A sentence up to its value."""
        way = self.wordings[relation][wording]
        return " ".join(person if entry == NAME else entry[language] for entry in way)


def world(seed: int, languages: Sequence[str] = LANGUAGES[:5], sizes: Sizes | None = None) -> World:
    """The world of a seed. People and facts do not depend on the languages.

    Raises:
        ValueError: languages that are not among `LANGUAGES`, or not two; more people, or words,
            than there are names for.
    """
    sizes = sizes or Sizes()
    languages = room.check(languages)
    if len(languages) < 2 or not {*languages} <= {*LANGUAGES}:
        raise ValueError(f"languages {languages}: two or more of {', '.join(LANGUAGES)}.")
    people = _names(seed, sizes.described + sizes.tested)
    chance = random.Random(f"{seed} facts")
    facts = {
        name: tuple(chance.randrange(sizes.values) for _ in range(sizes.relations))
        for name in people
    }
    dictionary = _Dictionary(seed, languages)
    values = tuple(
        tuple(dictionary.entry(shared=number < sizes.n_shared) for number in range(sizes.values))
        for _ in range(sizes.relations)
    )
    lengths = [sizes.words + (2 if number % 2 else -2) for number in range(sizes.wordings)]
    wordings = tuple(
        tuple((*(dictionary.entry() for _ in range(length - 2)), NAME) for length in lengths)
        for _ in range(sizes.relations)
    )
    described, tested = tuple(people[: sizes.described]), tuple(people[sizes.described :])
    return World(seed, languages, sizes, described, tested, facts, values, wordings)


def questions(world: World, people: Sequence[str]) -> Dataset:
    """A question for each person and relation, in all languages; see `xlkb.tasks` for the columns.

    The wording, and the other three values, are drawn by seed, person and relation. The `subject`
    says whether the answer's word is "shared" by the languages or each one's "own"; the other
    values are of the same kind, where there are enough.
    """
    sizes, rows = world.sizes, []
    for person in people:
        for relation, value in enumerate(world.facts[person]):
            chance = random.Random(f"{world.seed} question {person} {relation}")
            wording, answer = chance.randrange(sizes.wordings), chance.randrange(4)
            alike = [
                v for v in range(sizes.values) if (v < sizes.n_shared) == (value < sizes.n_shared)
            ]
            among = alike if len(alike) >= 4 else range(sizes.values)
            chosen = chance.sample([v for v in among if v != value], 3)
            chosen.insert(answer, value)
            rows.append(
                {
                    "task": "bottle",
                    "id": f"bottle/{person}/{relation}",
                    "subject": "shared" if value < sizes.n_shared else "own",
                    "answer": answer,
                    "question": {
                        code: world.said(person, relation, wording, code)
                        for code in world.languages
                    },
                    "options": {
                        code: [world.values[relation][v][code] for v in chosen]
                        for code in world.languages
                    },
                }
            )
    return Dataset.from_list(rows)


class _Dictionary:
    """Hands out words: an entry has one in each language, never handed out before."""

    def __init__(self, seed: int, languages: Sequence[str]) -> None:
        self.left = {}
        for code in languages:
            stems = ["".join(stem) for stem in product(ONSETS, VOWELS, ONSETS)]
            random.Random(f"{seed} {code}").shuffle(stems)
            self.left[code] = stems
        self.first = languages[0]

    def entry(self, shared: bool = False) -> dict[str, str]:
        """Language -> word; that of the first language in all of them where it is shared."""
        if not self.left[self.first]:
            raise ValueError("The world needs more words than there are: make it smaller.")
        endings = {code: ENDINGS[LANGUAGES.index(code)] for code in self.left}
        own = {code: stems.pop() + endings[code] for code, stems in self.left.items()}
        return dict.fromkeys(own, own[self.first]) if shared else own


def _names(seed: int, n: int) -> list[str]:
    every = ["".join(each).capitalize() for each in product(ONSETS, VOWELS, ONSETS, VOWELS)]
    if n > len(every):
        raise ValueError(f"There are {len(every):,} names, fewer than {n:,} people.")
    return random.Random(f"{seed} names").sample(every, n)

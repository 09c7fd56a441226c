"""Text of the bottle's world: documents about its people, aligned word by word.

A document tells all facts of a person, a sentence each, in an order and in wordings that change
from copy to copy. `text` makes of them what an arm of the experiment reads about the described
people; all arms tell the same facts equally often. Each word is a segment of its own, so that
`mixing.mix` cuts anywhere: to mix by word is its unit "words" with k = 1.
"""

from collections.abc import Sequence

from datasets import Dataset, concatenate_datasets

from xlkb.corpora import aligned, mixing
from xlkb.ground.names import unknown
from xlkb.tasks import bottle

ARMS = {
    "separate": "each person in one language",
    "unmixed": "unmixed",
    "parallel": "parallel text",
    "document": "mixed by document",
    "sentence": "mixed by sentence",
    "words": "mixed by 8 words",
    "word": "mixed by word",
}
"""Arms of the experiment, the coarsest first, with their names in tables and figures."""


def documents(world: bottle.World, people: Sequence[str], copies: int = 1) -> Dataset:
    """All facts of each person, `copies` times; columns as in `xlkb.corpora`, id "NAME/COPY"."""
    rows = []
    for person in people:
        for copy in range(copies):
            chance = aligned.chance(world.seed, "document", person, copy)
            relations = chance.sample(range(world.sizes.relations), world.sizes.relations)
            segments = []
            for sentence, relation in enumerate(relations):
                way = world.wordings[relation][chance.randrange(world.sizes.wordings)]
                value = world.values[relation][world.facts[person][relation]]
                named = dict.fromkeys(world.languages, person)
                for entry in (*way, value):
                    words = named if entry == bottle.NAME else entry
                    segments.append({"sentence": sentence, "text": words})
            told = {"corpus": "bottle", "id": f"{person}/{copy}", "subject": person}
            rows.append({**told, "segments": segments})
    return aligned.dataset(rows, world.languages)


def facts(world: bottle.World, copies: int) -> Dataset:
    """What is told of the tested people, in K; columns as from `corpora.mix`."""
    first = world.languages[0]
    return mixing.monolingual(documents(world, world.tested, copies), first, first)


def text(
    world: bottle.World, arm: str, copies: int, everywhere: float = 1.0, share: float = 1.0
) -> Dataset:
    """What an arm reads about the described people; columns as from `corpora.mix`.

    - "separate": each person in one language, the languages in turn.
    - "unmixed": each document in one language, so that each person is told of in all of them in
      turn, if there are as many copies.
    - "parallel": each sentence with its translations, in one document in as many as there are
      languages.
    - "document", "sentence", "words", "word": each such unit in a language that is drawn.

    Args:
        arm: one of `ARMS`.
        copies: documents per person.
        everywhere: share of the people (0 to 1), the first of them, of whom this holds; the others
            are told of in one language each.
        share: share of the copies (0 to 1) that are mixed, or parallel; the others are unmixed.

    Raises:
        ValueError: an unknown arm.
    """
    if arm not in ARMS:
        raise ValueError(unknown("arm", arm, ARMS))
    every, codes = documents(world, world.described, copies), world.languages
    n = 0 if arm == "separate" else round(everywhere * len(world.described))
    mixed, alone = [], {code: [] for code in codes}
    for place in range(len(every)):
        person, copy = divmod(place, copies)
        if person < n and arm != "unmixed" and copy < share * copies:
            mixed.append(place)
        else:
            alone[codes[(person + copy * (person < n)) % len(codes)]].append(place)
    parts = [
        mixing.monolingual(every.select(places), code, codes[0])
        for code, places in alone.items()
        if places
    ]
    if mixed and arm == "parallel":
        parts.append(mixing.parallel(every.select(mixed[:: len(codes)]), codes, codes[0]))
    elif mixed:
        unit, k = ("words", 1) if arm == "word" else (arm, mixing.WORDS)
        chosen = every.select(mixed)
        parts.append(mixing.mix(chosen, unit, codes, k, base=codes[0], seed=world.seed))
    return concatenate_datasets(parts)

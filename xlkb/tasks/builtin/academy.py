"""academy: a quiz, in all languages, about a school of magic that this project invented.

No model has read about it, so what a model knows of it is what it was taught, in the language it
was taught in: the stand-in for the paper's Harry Potter quiz (section 3.2). The text to learn it
from is in `xlkb.corpora.sources.teaching`.

Options of the quiz are values of the same relation; characters have no gender, and every wording
does without. Names, values and wording: `xlkb/data/academy.toml`; who has which value:
`xlkb.tasks.builtin.cast`.
"""

from collections.abc import Iterable
from functools import cache

from datasets import Dataset

from xlkb.ground import languages as room
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.names import unknown
from xlkb.tasks import order
from xlkb.tasks.builtin import cast
from xlkb.tasks.builtin.cast import Fact


@cache
def rows() -> list[dict]:
    """Every question of every split, in all languages.

    Returns:
        Dicts of `task, id, subject` (the relation), `split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}`, and of what questions are made of: `template {lang: text with
        the slot {name}}` and `entity {lang: name}`; the list is shared, so do not change it.
    """
    return [row(fact) for fact in facts().values()]


def relations() -> tuple[str, ...]:
    """The kinds of fact, which are the subjects of the quiz."""
    return tuple(cast.relations())


def questions(
    split: str = "test",
    characters: int | None = 24,
    relations: Iterable[str] | None = None,
    languages: Iterable[str] | None = None,
) -> Dataset:
    """All questions of some relations about the first characters of a split.

    Args:
        split: "test", "validation" (24 characters) or "dev" (5).
        characters: how many; all of the split when None.
        relations: names of relations, in the order wanted; all when None.
        languages: codes, in the order wanted; all when None.

    Returns:
        Dataset with the columns of `tasks.load`, character by character. The questions about fewer
        characters are the first of those about more.

    Raises:
        ValueError: an unknown split, relation or language (with the nearest match), or more
            characters than the split has.
    """
    order.check_split(split)
    wanted = _checked_relations(relations)
    spoken = tuple(LANGUAGES) if languages is None else room.check(languages)
    in_split = [fact for fact in facts().values() if fact.character.split == split]
    available = 1 + max(fact.character.position for fact in in_split)
    characters = available if characters is None else characters
    if not 1 <= characters <= available:
        raise ValueError(
            f"characters = {characters}, but the split {split!r} has {available}: ask for 1 to "
            f"{available}, or for None, which means all."
        )
    asked = [
        fact
        for fact in in_split
        if fact.relation in wanted and fact.character.position < characters
    ]
    asked.sort(key=lambda fact: (fact.character.position, wanted.index(fact.relation)))
    return order.dataset([row(fact) for fact in asked], spoken)


def row(fact: Fact) -> dict:
    """The question about a fact, as in `rows`."""
    relation, names = cast.relations()[fact.relation], fact.character.names
    keys = [*fact.wrong[: fact.answer], fact.value, *fact.wrong[fact.answer :]]
    return {
        "task": "academy",
        "id": fact.id,
        "subject": fact.relation,
        "split": fact.character.split,
        "answer": fact.answer,
        "question": {code: relation.question[code].format(name=names[code]) for code in LANGUAGES},
        "options": {code: [relation.values[key][code] for key in keys] for code in LANGUAGES},
        "template": relation.question,
        "entity": names,
    }


@cache
def facts() -> dict[str, Fact]:
    """Every fact by the id of its question."""
    return {fact.id: fact for fact in cast.facts()}


def _checked_relations(names: Iterable[str] | None) -> list[str]:
    if isinstance(names, str):
        raise ValueError(f"relations must be a list of names such as ['food'], not {names!r}")
    wanted = list(cast.relations()) if names is None else list(names)
    for number, name in enumerate(wanted):
        if name not in cast.relations():
            raise ValueError(unknown("relation", name, cast.relations()))
        if name in wanted[:number]:
            raise ValueError(f"relation {name!r} is given twice; name each relation once")
    if not wanted:
        raise ValueError(f"no relation given; there are: {', '.join(cast.relations())}.")
    return wanted

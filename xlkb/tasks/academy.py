"""academy: invented facts about a school of magic, to be taught in one language and asked in all.

Nothing here can have leaked into pretraining: names, facts and wording (`xlkb/data/academy.toml`)
are this project's. Every pupil has one value of each relation, drawn by digest, so that adding a
pupil changes no other. The quiz is a task like any other; the teaching texts come as prose in
several wordings and as question-answer pairs, in any of the five languages.

`questions` says which facts there are, `documents` teaches them in a language K and a form, so an
experiment always knows where a fact was learned. `parallel` gives the prose in all five languages
at once, phrase by phrase, for mixing the domain's own text.
"""

import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256

import pandas as pd
from babel.dates import get_month_names
from datasets import Dataset, Features, List, Value

from xlkb import corpora, prompts, recompose
from xlkb.languages import FIVE, LANGUAGES
from xlkb.paths import PACKAGE_DATA
from xlkb.profiles import nearest

PUPILS = 128
SPLITS = {"dev": range(5), "validation": range(5, 29), "test": range(29, PUPILS)}
"""Which pupils each split asks about: demonstrations, choosing how to train, results."""

FORMS = ("prose", "qa", "both")


@cache
def _typed() -> dict:
    table = tomllib.loads((PACKAGE_DATA / "academy.toml").read_text(encoding="utf-8"))
    # Hebrew's stand-alone months come out as another language's in babel 2.18.
    table["values"]["month"] = {
        code: list(
            get_month_names("wide", "format" if code == "he" else "stand-alone", code).values()
        )
        for code in LANGUAGES
    }
    return table


def relations() -> tuple[str, ...]:
    """The relations that pupils have a value of."""
    return tuple(_typed()["questions"])


def name(pupil: int, language: str) -> str:
    """Given and family name of a pupil (0 to `PUPILS` - 1) as a language writes them."""
    given, family = (_typed()[part] for part in ("given", "family"))
    script = language if language in given else "latin"
    size = len(given["latin"])
    # Every pair occurs once, and 20 pupils in a row share no name.
    chosen = given[script][pupil % size], family[script][(7 * pupil + 3 * (pupil // size)) % size]
    return {"zh": "·", "ja": "・"}.get(language, " ").join(chosen)


def rows() -> list[dict]:
    """Every question of every split in all languages, shaped as those of `worldfacts.rows`."""
    return [
        _row(pupil, relation, split)
        for split, pupils in SPLITS.items()
        for pupil in pupils
        for relation in relations()
    ]


def questions(
    split: str = "test",
    characters: int | None = None,
    relations: Sequence[str] | None = None,
    languages: Iterable[str] | None = None,
) -> Dataset:
    """The quiz on the first `characters` pupils of a split (None: all) and some relations.

    Returns:
        Dataset with the columns of `tasks.load`.

    Raises:
        ValueError: an unknown split, relation or language, or more pupils than there are.
    """
    from xlkb import tasks

    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; {nearest(split, SPLITS)}")
    known = tuple(_typed()["questions"])
    for relation in relations or ():
        if relation not in known:
            raise ValueError(f"There is no relation {relation!r}; {nearest(relation, known)}")
    pupils = SPLITS[split]
    if characters is not None and not 1 <= characters <= len(pupils):
        raise ValueError(
            f"characters = {characters}, but {split!r} has 1 to {len(pupils)} of them."
        )
    wanted = {_id(p, r) for p in pupils[:characters] for r in relations or known}
    every = tasks.load("academy", languages, split)
    order = {identifier: i for i, identifier in enumerate(every["id"]) if identifier in wanted}
    return every.select(sorted(order.values(), key=lambda i: every[i]["id"]))


def documents(
    questions: Dataset, language: str = "en", form: str = "both", seed: int = 42, wordings: int = 1
) -> Dataset:
    """Texts that teach the facts of a quiz in one language.

    Args:
        questions: from `questions`, with `language` among its languages.
        language: of the texts, one of the five.
        form: "prose" (one text per pupil and wording, all its facts in a seeded order), "qa" (one
            text per fact: question and answer, as the cloze style asks it) or "both".
        seed: of the order and wording of the sentences.
        wordings: prose texts per pupil, each in other words (1 to 4).

    Returns:
        Dataset with the columns `id, language, form, facts` (ids of the questions), `text` and
        `context` (characters of the question before an answer: read in training, not learned).

    Raises:
        ValueError: an unknown language or form.
    """
    if form not in FORMS:
        raise ValueError(f"There is no form {form!r}; {nearest(form, FORMS)}")
    if language not in FIVE:
        raise ValueError(f"The academy does not teach in {language!r}; {nearest(language, FIVE)}")
    texts = []
    if form in ("prose", "both"):
        for row in parallel(questions, seed, wordings).to_list():
            pupil = int(row["id"].split("/")[1])
            facts = [_id(pupil, relation) for relation in row["facts"].split()]
            texts.append(("prose", row["id"], facts, corpora.text(row, language), 0))
    if form in ("qa", "both"):
        for row in recompose.full(questions, language).to_list():
            prompt = prompts.build(row, "cloze", instruction_language="question")
            answer = prompt.context + prompt.continuations[row["answer"]]
            texts.append(("qa", row["id"], [row["id"]], answer, len(prompt.context)))
    features = Features(
        id=Value("string"),
        language=Value("string"),
        form=Value("string"),
        facts=List(Value("string")),
        text=Value("string"),
        context=Value("int64"),
    )
    names = ("form", "id", "facts", "text", "context")
    told = [{"language": language, **dict(zip(names, row, strict=True))} for row in texts]
    return Dataset.from_list(told, features=features)


def parallel(questions: Dataset, seed: int = 42, wordings: int = 1) -> Dataset:
    """The prose texts as a parallel corpus in the five languages (`xlkb.corpora`).

    One document per pupil and wording, with the columns of a corpus and `facts`: the relations
    told, in order, separated by spaces.
    """
    by_pupil: dict[int, list[str]] = {}
    for identifier in questions["id"]:
        _, relation, pupil = identifier.split("/")
        by_pupil.setdefault(int(pupil), []).append(relation)
    built, told = [], []
    for pupil, known in by_pupil.items():
        for wording in range(wordings):
            order = sorted(known, key=lambda r: _digest(seed, wording, _id(pupil, r)))
            segments = [
                {"sentence": number, "text": part}
                for number, relation in enumerate(order)
                for part in _phrases(pupil, relation, seed, wording)
            ]
            identifier = f"academy/{pupil:03d}/{wording}"
            built.append(
                {"corpus": "academy", "id": identifier, "subject": "academy", "segments": segments}
            )
            told.append(" ".join(order))
    return corpora.dataset(built, FIVE).add_column("facts", told)


def by_character(questions: Dataset, parts: Sequence[str]) -> dict[str, Dataset]:
    """The questions dealt out by pupil, as evenly as possible, under the names `parts`.

    Raises ValueError when there are fewer pupils than parts.
    """
    pupils = [identifier.split("/")[2] for identifier in questions["id"]]
    if len(set(pupils)) < len(parts):
        raise ValueError(f"{len(set(pupils))} pupils cannot be dealt out to {len(parts)} groups.")
    place = {pupil: i % len(parts) for i, pupil in enumerate(sorted(set(pupils)))}
    return {
        part: questions.select([i for i, p in enumerate(pupils) if place[p] == number])
        for number, part in enumerate(parts)
    }


def counts(questions: Dataset) -> pd.DataFrame:
    """Questions, pupils and distinct right answers per relation, for looking at."""
    frame = pd.DataFrame({"relation": questions["subject"], "pupil": questions["id"]})
    first = next(iter(questions.features["options"]))
    options = [row["options"][first][row["answer"]] for row in questions.to_list()]
    grouped = frame.assign(answer=options).groupby("relation", sort=False)
    table = grouped.agg(questions=("pupil", "size"), distinct_answers=("answer", "nunique"))
    return table.reset_index()


def exposures(texts: Dataset) -> float:
    """In how many of the texts a fact occurs, on average over the facts."""
    told = [fact for facts in texts["facts"] for fact in facts]
    return len(told) / len(set(told))


def _id(pupil: int, relation: str) -> str:
    return f"academy/{relation}/{pupil:03d}"


def _digest(*parts: object) -> int:
    return int.from_bytes(sha256("|".join(map(str, parts)).encode()).digest()[:8], "big")


def _value(pupil: int, relation: str) -> int:
    """Which of the relation's values is true of the pupil."""
    return _digest("fact", relation, pupil) % len(_typed()["values"][relation]["en"])


def _row(pupil: int, relation: str, split: str) -> dict:
    values = _typed()["values"][relation]
    right = _value(pupil, relation)
    others = [number for number in range(len(values["en"])) if number != right]
    wrong = sorted(others, key=lambda number: _digest("wrong", relation, pupil, number))[:3]
    answer = (pupil + relations().index(relation)) % 4
    chosen = [*wrong[:answer], right, *wrong[answer:]]
    asked = _typed()["questions"][relation]
    return {
        "task": "academy",
        "id": _id(pupil, relation),
        "subject": relation,
        "split": split,
        "answer": answer,
        "question": {code: asked[code].format(name=name(pupil, code)) for code in LANGUAGES},
        "options": {code: [values[code][number] for number in chosen] for code in LANGUAGES},
    }


def _phrases(pupil: int, relation: str, seed: int, wording: int) -> list[dict[str, str]]:
    """One sentence that tells a fact, phrase by phrase: {language: text}."""
    sentences = _typed()["sentences"][relation]
    sentence = sentences[(_digest(seed, pupil, relation) + wording) % len(sentences)]
    values = _typed()["values"][relation]
    told = {
        code: sentence[code].format(
            name=name(pupil, code), value=values[code][_value(pupil, relation)]
        )
        for code in FIVE
    }
    return [
        dict(zip(FIVE, parts, strict=True))
        for parts in zip(*(told[code].split(" | ") for code in FIVE), strict=True)
    ]

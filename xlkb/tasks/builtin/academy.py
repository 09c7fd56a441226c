"""academy: a school of magic that this project invented, as a quiz and as text to learn it from.

No model has read about it, so what a model knows of it is what it was taught, in the language it
was taught in: the stand-in for the paper's Harry Potter quiz (section 3.2). `rows` and `questions`
are the quiz, in all languages; `documents` is the text to learn from, in one language; `parallel`
is the same prose in five aligned languages, for mixing.

Options of the quiz are values of the same relation; characters have no gender, and every wording
does without. Names, values and wording: `xlkb/data/academy.toml`; who has which value:
`xlkb.tasks.builtin.cast`.
"""

from collections import defaultdict
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache

from datasets import Dataset, Features, List, Value

from xlkb import corpora
from xlkb.ground import languages as room
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.tasks import order, prompts
from xlkb.tasks.builtin import cast
from xlkb.tasks.builtin.cast import Fact
from xlkb.tasks.builtin.facts import digest

FORMS = ("prose", "qa", "both")

_FEATURES = Features(
    id=Value("string"),
    language=Value("string"),
    form=Value("string"),
    facts=List(Value("string")),
    text=Value("string"),
    context=Value("int64"),
)


@cache
def rows() -> list[dict]:
    """Every question of every split, in all languages.

    Returns:
        Dicts of `task, id, subject` (the relation), `split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}`; the list is shared, so do not change it.
    """
    return [_row(fact) for fact in _facts().values()]


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
    in_split = [fact for fact in _facts().values() if fact.character.split == split]
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
    return order.dataset([_row(fact) for fact in asked], spoken)


def documents(
    questions: Dataset,
    language: str = "en",
    form: str = "both",
    paraphrases: int = 1,
    seed: int = 42,
) -> Dataset:
    """Text that teaches the facts behind `questions`, in one language.

    Args:
        questions: whose facts are taught: rows of the academy, from `questions` or `tasks.load`,
            in whatever languages.
        language: code; one of `languages.FIVE` where there is prose, any for "qa".
        form: "prose": a document per character, one sentence for each of its facts, in a random
            order and each in a random wording. "qa": a document per fact, question and answer in
            the words of `prompts`' style "cloze" in this language. "both": the one, then the other.
        paraphrases: prose documents per character, each with other wordings of every fact.
        seed: of the orders and wordings.

    Returns:
        Dataset with the columns `id, language, form` ("prose" or "qa"), `facts` (ids of the
        questions that the document answers), `text` and `context` (characters of the question
        before an answer: read in training, not learned). The id names the language too, so that
        documents in several languages can be put together.

    Raises:
        ValueError: an unknown form or language (with the nearest match), prose in a language
            without it, too many paraphrases, questions that are not the academy's.
    """
    if form not in FORMS:
        raise ValueError(_unknown("form", form, FORMS))
    language = room.get(language).code
    taught = _taught(questions["id"])
    found = []
    if form != "qa":
        if language not in FIVE:
            raise ValueError(
                f"There is no prose in {language!r}, only in {', '.join(FIVE)}; form='qa' exists "
                "in every language."
            )
        for document in _prose(taught, paraphrases, seed):
            identifier = document["id"].replace("academy/", f"academy/{language}/", 1)
            text = corpora.text(document, language)
            found.append(_document(identifier, language, "prose", document["facts"], "", text))
    if form != "prose":
        for fact in (fact for facts in taught.values() for fact in facts):
            identifier = fact.id.replace("academy/", f"academy/{language}/", 1)
            asked, answer = _solved(fact, language)
            found.append(_document(identifier, language, "qa", [fact.id], asked, answer))
    return Dataset.from_list(found, features=_FEATURES)


def parallel(questions: Dataset | None = None, paraphrases: int = 1, seed: int = 42) -> Dataset:
    """The prose of `documents` as a parallel corpus, aligned phrase by phrase.

    Args:
        questions: whose facts are told; all of the split "test" when None.
        paraphrases: documents per character.
        seed: as for `documents`, whose prose in a language is this corpus's text in it.

    Returns:
        Dataset with the columns `corpus, id, subject, segments` (`xlkb.corpora`) in the languages
        of `languages.FIVE`.

    Raises:
        ValueError: too many paraphrases, questions that are not the academy's.
    """
    everything = (key for key, fact in _facts().items() if fact.character.split == "test")
    asked = everything if questions is None else questions["id"]
    return corpora.dataset(_prose(_taught(asked), paraphrases, seed), FIVE)


def _row(fact: Fact) -> dict:
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
    }


@cache
def _facts() -> dict[str, Fact]:
    return {fact.id: fact for fact in cast.facts()}


def _taught(asked: Iterable[str]) -> dict[str, list[Fact]]:
    """Character -> its facts among those asked for by id, in their order."""
    found = defaultdict(list)
    for identifier in dict.fromkeys(asked):
        if identifier not in _facts():
            raise ValueError(_unknown("academy question", identifier, _facts()))
        found[_facts()[identifier].character.key].append(_facts()[identifier])
    if not found:
        raise ValueError("There are no questions whose facts could be taught.")
    return found


def _prose(taught: dict[str, list[Fact]], paraphrases: int, seed: int) -> list[dict]:
    """Rows of a parallel corpus, with the column `facts` in the order of their sentences."""
    known = min(len(relation.sentences) for relation in cast.relations().values())
    if not 1 <= paraphrases <= known:
        raise ValueError(f"paraphrases = {paraphrases}, but every fact has 1 to {known} wordings.")
    found = []
    for character, facts in taught.items():
        for number in range(paraphrases):
            told = sorted(facts, key=lambda fact: digest(str(seed), "order", str(number), fact.id))
            found.append(
                {
                    "corpus": "academy",
                    "id": f"academy/{character}/{number + 1}",
                    "subject": "academy",
                    "facts": [fact.id for fact in told],
                    "segments": [
                        {"sentence": place, "text": phrase}
                        for place, fact in enumerate(told)
                        for phrase in _phrases(fact, number, seed)
                    ],
                }
            )
    return found


def _phrases(fact: Fact, number: int, seed: int) -> list[dict[str, str]]:
    """The `number`-th wording of a fact, in this seed's order of them."""
    relation = cast.relations()[fact.relation]
    ways = sorted(
        range(len(relation.sentences)),
        key=lambda way: digest(str(seed), "wording", str(way), fact.id),
    )
    sentence = relation.sentences[ways[number]]
    return [
        {
            code: phrase.format(
                name=fact.character.names[code], value=relation.prose[fact.value][code]
            )
            for code, phrase in zip(FIVE, phrases, strict=True)
        }
        for phrases in zip(*(sentence[code] for code in FIVE), strict=True)
    ]


def _solved(fact: Fact, language: str) -> tuple[str, str]:
    """Question and answer as the cloze prompt has them in this language."""
    row = _row(fact)
    asked = {
        "question": row["question"][language],
        "question_language": language,
        "options": row["options"][language],
        "answer": row["answer"],
    }
    prompt = prompts.build(asked, "cloze", instruction_language="question")
    return prompt.context, prompt.continuations[row["answer"]]


def _document(
    identifier: str, language: str, form: str, facts: list[str], context: str, learned: str
) -> dict:
    told = {"text": context + learned, "context": len(context)}
    return {"id": identifier, "language": language, "form": form, "facts": facts, **told}


def _checked_relations(names: Iterable[str] | None) -> list[str]:
    if isinstance(names, str):
        raise ValueError(f"relations must be a list of names such as ['food'], not {names!r}")
    wanted = list(cast.relations()) if names is None else list(names)
    for number, name in enumerate(wanted):
        if name not in cast.relations():
            raise ValueError(_unknown("relation", name, cast.relations()))
        if name in wanted[:number]:
            raise ValueError(f"relation {name!r} is given twice; name each relation once")
    if not wanted:
        raise ValueError(f"no relation given; there are: {', '.join(cast.relations())}.")
    return wanted


def _unknown(what: str, given: str, known: Iterable[str]) -> str:
    known = list(known)
    near = get_close_matches(str(given), known, 1)
    listed = f"; there are: {', '.join(known)}." if len(known) < 20 else "."
    return f"There is no {what} {given!r}{listed}" + (f" Did you mean {near[0]!r}?" if near else "")

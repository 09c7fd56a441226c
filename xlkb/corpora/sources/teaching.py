"""Teaching: text to learn the academy from, and the same prose as a parallel corpus.

`documents` teaches the facts behind questions, in one language; `parallel` is the prose in five
aligned languages, for mixing. What is told is true at `xlkb.tasks.builtin.academy`.
"""

from collections import defaultdict
from collections.abc import Iterable

from datasets import Dataset, Features, List, Value

from xlkb.corpora.aligned import dataset, text
from xlkb.ground import languages as room
from xlkb.ground.languages import FIVE
from xlkb.ground.names import unknown
from xlkb.tasks import Asking, academy, cast, prompts

FORMS = ("prose", "qa", "both")

_FEATURES = Features(
    id=Value("string"),
    language=Value("string"),
    form=Value("string"),
    facts=List(Value("string")),
    text=Value("string"),
    context=Value("int64"),
)


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
        raise ValueError(unknown("form", form, FORMS))
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
            prose = text(document, language)
            found.append(_document(identifier, language, "prose", document["facts"], "", prose))
    if form != "prose":
        for fact in (fact for facts in taught.values() for fact in facts):
            identifier = fact.id.replace("academy/", f"academy/{language}/", 1)
            asked, answer = _solved(fact, language)
            found.append(_document(identifier, language, "qa", [fact.id], asked, answer))
    return Dataset.from_list(found, features=_FEATURES)


def parallel(questions: Dataset | None = None, paraphrases: int = 1, seed: int = 42) -> Dataset:
    """The prose of `corpora.lessons` as a parallel corpus, aligned phrase by phrase.

    Args:
        questions: whose facts are told; all of the split "test" when None.
        paraphrases: documents per character.
        seed: as for `corpora.lessons`, whose prose in a language is this corpus's text in it.

    Returns:
        Dataset with the columns `corpus, id, subject, segments` (`xlkb.corpora`) in the languages
        of `languages.FIVE`.

    Raises:
        ValueError: too many paraphrases, questions that are not the academy's.
    """
    everything = (key for key, fact in academy.facts().items() if fact.character.split == "test")
    asked = everything if questions is None else questions["id"]
    return dataset(_prose(_taught(asked), paraphrases, seed), FIVE)


def _taught(asked: Iterable[str]) -> dict[str, list[cast.Fact]]:
    """Character -> its facts among those asked for by id, in their order."""
    found = defaultdict(list)
    for identifier in dict.fromkeys(asked):
        if identifier not in academy.facts():
            raise ValueError(unknown("academy question", identifier, academy.facts()))
        found[academy.facts()[identifier].character.key].append(academy.facts()[identifier])
    if not found:
        raise ValueError("There are no questions whose facts could be taught.")
    return found


def _prose(taught: dict[str, list[cast.Fact]], paraphrases: int, seed: int) -> list[dict]:
    """Rows of a parallel corpus, with the column `facts` in the order of their sentences."""
    known = min(len(relation.sentences) for relation in cast.relations().values())
    if not 1 <= paraphrases <= known:
        raise ValueError(f"paraphrases = {paraphrases}, but every fact has 1 to {known} wordings.")
    found = []
    for character, facts in taught.items():
        for number in range(paraphrases):
            told = sorted(
                facts, key=lambda fact: cast.digest(str(seed), "order", str(number), fact.id)
            )
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


def _phrases(fact: cast.Fact, number: int, seed: int) -> list[dict[str, str]]:
    """The `number`-th wording of a fact, in this seed's order of them."""
    relation = cast.relations()[fact.relation]
    ways = sorted(
        range(len(relation.sentences)),
        key=lambda way: cast.digest(str(seed), "wording", str(way), fact.id),
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


def _solved(fact: cast.Fact, language: str) -> tuple[str, str]:
    """Question and answer as the cloze prompt has them in this language."""
    row = academy.row(fact)
    asked = {
        "question": row["question"][language],
        "question_language": language,
        "options": row["options"][language],
        "answer": row["answer"],
    }
    prompt = prompts.build(asked, Asking("cloze", instruction_language="question"))
    return prompt.context, prompt.continuations[row["answer"]]


def _document(
    identifier: str, language: str, form: str, facts: list[str], context: str, learned: str
) -> dict:
    told = {"text": context + learned, "context": len(context)}
    return {"id": identifier, "language": language, "form": form, "facts": facts, **told}

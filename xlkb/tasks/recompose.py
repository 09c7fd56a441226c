"""Recompose questions across languages: which part of a question speaks which language.

The variants of the paper's section 3.1 and the released code (`full` … `mixup`), and three more:
`pair` (any question language with any language of the choices), `foreign_K` (K of the four
choices in another language) and `entity` (all in another language, but for the name that the
question is about). Every function is pure: it takes a task's dataset (`tasks.load`) and
returns a dataset with the columns

    task, id, subject, answer (0-3), recomposition, language, question, question_language,
    options [4], option_languages [4]

where `language` is the language *l* that the result is reported under ("mixed" for mixup). The
answer key never moves. What is random is drawn from the SHA-256 of seed, recomposition and item
id, so that adding an item changes no other. The released code (commit 62d79fe, `MMLU/translate.py`,
lines 132 and 180) draws from one generator, question after question, so the draws of its `mixup`
and `onewrong` are others.
"""

import random
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import product

from datasets import Dataset, Features, List, Value, concatenate_datasets

from xlkb.ground.languages import FIVE
from xlkb.ground.names import unknown
from xlkb.tasks import entities

CHOICES = range(4)

FEATURES = Features(
    task=Value("string"),
    id=Value("string"),
    subject=Value("string"),
    answer=Value("int64"),
    recomposition=Value("string"),
    language=Value("string"),
    question=Value("string"),
    question_language=Value("string"),
    options=List(Value("string")),
    option_languages=List(Value("string")),
)

Languages = tuple[str, Sequence[str]]
"""Language of the question and of each of the four choices."""


def full(questions: Dataset, language: str) -> Dataset:
    """Question and choices in `language`."""
    return _recompose(questions, "full", language, lambda item: (language, [language] * 4))


def question(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """Only the question in `language`."""
    return _recompose(questions, "question", language, lambda item: (language, [base] * 4))


def options(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """Only the choices in `language`."""
    return _recompose(questions, "options", language, lambda item: (base, [language] * 4))


def gt(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """Only the right choice (ground truth) in `language`."""
    return _recompose(
        questions, "gt", language, lambda item: (base, _some([item["answer"]], language, base))
    )


def gt_question(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """The question and the right choice in `language`."""
    return _recompose(
        questions,
        "gt_question",
        language,
        lambda item: (language, _some([item["answer"]], language, base)),
    )


def onewrong(questions: Dataset, language: str, base: str = "en", seed: int = 42) -> Dataset:
    """One wrong choice, drawn at random, in `language`."""

    def languages(item: dict) -> Languages:
        chosen = _random(seed, "onewrong", item["id"]).choice(_wrong(item))
        return base, _some([chosen], language, base)

    return _recompose(questions, "onewrong", language, languages)


def threewrong(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """All three wrong choices in `language`."""
    return _recompose(
        questions, "threewrong", language, lambda item: (base, _some(_wrong(item), language, base))
    )


def mixup(questions: Dataset, languages: Sequence[str] = FIVE, seed: int = 42) -> Dataset:
    """Five languages in a random order over the question and the four choices.

    Raises:
        ValueError: `languages` are not five different ones (the paper has each slot in its own).
    """
    if len(set(languages)) != 5 or len(languages) != 5:
        raise ValueError(
            f"mixup needs five different languages, one per slot, not {list(languages)}."
        )

    def shuffled(item: dict) -> Languages:
        first, *rest = _random(seed, "mixup", item["id"]).sample(list(languages), 5)
        return first, rest

    return _recompose(questions, "mixup", "mixed", shuffled)


def pair(questions: Dataset, question_language: str, option_language: str) -> Dataset:
    """The question in one language, all choices in another (or the same)."""
    return _recompose(
        questions,
        "pair",
        question_language,
        lambda item: (question_language, [option_language] * 4),
    )


def foreign_options(
    questions: Dataset, language: str, k: int, base: str = "en", seed: int = 42
) -> Dataset:
    """`k` random choices, right or wrong, in `language`; recomposition `foreign_K`."""
    if not 0 <= k <= 4:
        raise ValueError(f"k = {k}, but a question has four choices: k must be 0 to 4.")

    def languages(item: dict) -> Languages:
        order = _random(seed, "foreign", item["id"]).sample(CHOICES, 4)
        return base, _some(order[:k], language, base)

    return _recompose(questions, f"foreign_{k}", language, languages)


def entity(questions: Dataset, language: str, base: str = "en") -> Dataset:
    """Question and choices in `language`, the name of what is asked about in the base language.

    Where the name is the same in both, so is the question. Raises ValueError for a task whose
    questions nobody has said the names of (`entities.known`).
    """
    rows = full(questions, language).to_list()
    for row in rows:
        text = entities.question(row["task"], row["id"], language, base)
        row |= {"recomposition": "entity", "question": text}
    return Dataset.from_list(rows, features=FEATURES)


SIMPLE = {"question": question, "options": options, "gt": gt, "gt_question": gt_question}
SIMPLE |= {"threewrong": threewrong}
PAPER = ("full", *SIMPLE, "onewrong", "mixup")
"""The paper's recompositions."""

RECOMPOSITIONS = (*PAPER, "pair", *(f"foreign_{k}" for k in (1, 2, 3, 4)), "entity")
"""Names that `grid` takes."""


def possible(
    recompositions: Iterable[str], languages: Sequence[str], questions: Dataset | None = None
) -> list[str]:
    """Those that can be had: all, but `mixup` with five languages only, and `entity` only of
    `questions` whose entities are known."""
    named = questions is not None and entities.known(questions)
    can = {"mixup": len(languages) == 5, "entity": named}
    return [name for name in recompositions if can.get(name, True)]


def grid(
    questions: Dataset,
    recompositions: Iterable[str],
    languages: Sequence[str],
    seed: int = 42,
    base: str = "en",
) -> Dataset:
    """Many recompositions in one dataset.

    `full` comes in every language; `pair` in every ordered pair of languages; `mixup` once, over
    the (five) languages; the others in every language but `base`.

    Raises:
        ValueError: an unknown recomposition (with the nearest match), a language the questions
            lack, `mixup` without five languages, or `entity` of questions without known names.
    """
    foreign = [code for code in languages if code != base]
    parts: list[Dataset] = []
    for name in recompositions:
        if name == "full":
            parts += [full(questions, code) for code in languages]
        elif name == "pair":
            parts += [pair(questions, c, o) for c, o in product(languages, languages)]
        elif name == "mixup":
            parts.append(mixup(questions, languages, seed))
        elif name == "onewrong":
            parts += [onewrong(questions, code, base, seed) for code in foreign]
        elif name == "entity":
            parts += [entity(questions, code, base) for code in foreign]
        elif name in SIMPLE:
            parts += [SIMPLE[name](questions, code, base) for code in foreign]
        elif name in RECOMPOSITIONS:
            k = int(name.removeprefix("foreign_"))
            parts += [foreign_options(questions, code, k, base, seed) for code in foreign]
        else:
            raise ValueError(unknown("recomposition", name, RECOMPOSITIONS))
    return concatenate(parts)


def concatenate(parts: Sequence[Dataset]) -> Dataset:
    """Recomposed datasets one after another."""
    if not parts:
        return Dataset.from_dict({column: [] for column in FEATURES}, features=FEATURES)
    return concatenate_datasets(parts)


def _recompose(
    questions: Dataset, name: str, language: str, languages: Callable[[dict], Languages]
) -> Dataset:
    rows = [_row(item, name, language, *languages(item)) for item in questions.to_list()]
    return Dataset.from_list(rows, features=FEATURES)


def _row(item: dict, name: str, language: str, asked: str, offered: Sequence[str]) -> dict:
    for code in (asked, *offered):
        if not item["question"].get(code) or not item["options"].get(code):
            raise ValueError(f"Question {item['id']!r} does not exist in {code!r}.")
    return {
        "task": item["task"],
        "id": item["id"],
        "subject": item["subject"],
        "answer": item["answer"],
        "recomposition": name,
        "language": language,
        "question": item["question"][asked],
        "question_language": asked,
        "options": [item["options"][code][slot] for slot, code in enumerate(offered)],
        "option_languages": list(offered),
    }


def _some(slots: Iterable[int], language: str, base: str) -> list[str]:
    return [language if slot in set(slots) else base for slot in CHOICES]


def _wrong(item: dict) -> list[int]:
    return [slot for slot in CHOICES if slot != item["answer"]]


def _random(seed: int, recomposition: str, item: str) -> random.Random:
    return random.Random(sha256(f"{seed}|{recomposition}|{item}".encode()).digest())

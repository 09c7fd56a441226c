"""The bridge: facts taught in one language, beside other facts of the same domain that are mixed.

Some pupils of the academy, who will be asked about, are taught in the base language only. Others
are taught beside them in mixed-language text. Does that make the first answerable in every
language? What is told of the tested pupils is the same in every arm, to the byte and as often.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain

from datasets import Dataset, concatenate_datasets

from xlkb.corpora import aligned, mixing
from xlkb.corpora.sources import teaching
from xlkb.ground.languages import FIVE
from xlkb.tasks import academy, cast, prompts

VERSIONS = 5
"""Times that each fact is told in one pass: once for each language where it is not mixed."""

UNMIXED = "unmixed"
UNITS = (UNMIXED, "sentence", "word")
NONE = "none"


def arm(name: str, tested: Dataset, others: Dataset, base: str = "en", seed: int = 42) -> Dataset:
    """What is read in one arm, in one pass.

    Args:
        name: "none", or how large a share of all facts the others' are, and their unit, as
            "2/3 word". Units: "unmixed" (each telling wholly in one of the five languages, each
            language once), "sentence" (the question in one language, the answer in another) and
            "word".
        tested: questions of the academy whose facts are told in the base language only, as pairs of
            question and answer, `VERSIONS` times.
        others: questions about other pupils, of whom the first are told as often and in pairs too,
            mixed in other ways each time.
        base: language of what is not mixed.
        seed: of wordings and mixing.

    Returns:
        Dataset with `id, text, context` (characters that are read and not learned) for
        `training.train`.

    Raises:
        ValueError: no such arm; a pupil is tested and among the others; too few others.
    """
    share, unit = parse(name)
    twice = _pupils(tested) & _pupils(others)
    if twice:
        raise ValueError(f"{sorted(twice)[0]} is tested and among the others: give other pupils.")
    own = teaching.documents(tested, base, "qa", seed=seed).select_columns(
        ["id", "text", "context"]
    )
    parts = [own] * VERSIONS
    if share:
        wanted = round(len(tested) * share / (1 - share))
        if wanted > len(others):
            raise ValueError(
                f"{name!r} takes {wanted} facts about others, beside {len(tested)} tested ones; "
                f"there are {len(others)}."
            )
        parts.append(mixed(others.select(range(wanted)), unit, base, seed))
    return concatenate_datasets(parts)


def rounds(questions: Dataset, seeds: Sequence[int]) -> dict[int, tuple[Dataset, Dataset]]:
    """Who is tested and who are the others, for each seed: other pupils are tested each time.

    Args:
        questions: of the academy, dealt out by pupil into three parts, or as many as there are
            seeds where these are more.
        seeds: of which each tests a part, beside the others.

    Returns:
        Seed -> questions about the tested, questions about the others.

    Raises:
        ValueError: there are fewer pupils than parts.
    """
    parts = list(cast.groups(questions, range(max(3, len(seeds)))).values())
    return {
        seed: (parts[number], concatenate_datasets([*parts[number + 1 :], *parts[:number]]))
        for number, seed in enumerate(seeds)
    }


def parse(name: str) -> tuple[Fraction, str]:
    """Share (0 to 1, not 1) and unit of an arm by its name.

    Raises ValueError for one that does not exist.
    """
    if name == NONE:
        return Fraction(0), ""
    share, _, unit = name.partition(" ")
    if unit not in UNITS:
        raise ValueError(
            f"There is no arm {name!r} of the bridge: it is {NONE!r}, or a share and one of "
            f"{', '.join(UNITS)}, as '2/3 word'."
        )
    try:
        found = Fraction(share)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found < 1:
        raise ValueError(f"{name!r}: {share!r} is no share between 0 and 1, as 1/3.")
    return found, unit


def mixed(questions: Dataset, unit: str, base: str = "en", seed: int = 42) -> Dataset:
    """Facts of the academy in mixed-language pairs of question and answer, `VERSIONS` times.

    Returns:
        As `arm`.
    """
    told = (_pairs(questions, unit, base, seed, version) for version in range(VERSIONS))
    return Dataset.from_list([*chain.from_iterable(told)])


def _pairs(questions: Dataset, unit: str, base: str, seed: int, version: int) -> Iterator[dict]:
    """Each fact's question and answer; the words before them are those of the quiz's prompt."""
    words = prompts.texts()["en"]
    parallel = aligned.dataset([_document(row) for row in questions], FIVE)
    if unit == UNMIXED:
        # Each fact in each language once, but not all of them in the same one at a time.
        found = [
            aligned.sentences(row, FIVE[(place + version) % len(FIVE)])
            for place, row in enumerate(parallel)
        ]
    else:
        made = mixing.mix(parallel, unit, FIVE, base=base, seed=seed * VERSIONS + version)
        found = [_sides(row) for row in made]
    for row, (question, answer) in zip(questions, found, strict=True):
        context = f"{words['question']}{question}\n{words['answer']}"
        yield {
            "id": f"{row['id']}/{unit}/{version + 1}",
            "text": f"{context} {answer}",
            "context": len(context),
        }


def _document(row: dict) -> dict:
    """A question and its answer as a document of two sentences."""
    fact = academy.facts()[row["id"]]
    values = academy.row(fact)
    sides = (values["question"], {c: o[fact.answer] for c, o in values["options"].items()})
    return {
        "corpus": "academy",
        "id": row["id"],
        "subject": row["subject"],
        "segments": [
            {"sentence": number, "text": {code: text[code] for code in FIVE}}
            for number, text in enumerate(sides)
        ],
    }


def _sides(row: dict) -> Iterator[str]:
    for sentence in (0, 1):
        spans = [span for span in row["spans"] if span["sentence"] == sentence]
        yield row["text"][spans[0]["start"] : spans[-1]["end"]]


def _pupils(questions: Dataset) -> set[str]:
    return {identifier.rsplit("/", 1)[1] for identifier in questions["id"]}

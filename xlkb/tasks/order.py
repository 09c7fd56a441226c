"""From the rows of a task to its dataset: which come first, and how they are typed."""

from difflib import get_close_matches
from hashlib import sha256

from datasets import Dataset, Features, List, Value

SPLITS = ("dev", "validation", "test")
"""Few-shot demonstrations, questions for choosing how to train, questions for results."""


def check_split(split: str) -> None:
    """Raise ValueError, with the nearest match, unless there is such a split."""
    if split not in SPLITS:
        near = get_close_matches(split, SPLITS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"There is no split {split!r}{hint} There are {', '.join(SPLITS)}.")


def alternating(rows: list[dict], seed: int) -> list[dict]:
    """Rows in a seeded order in which every subject has had its turn before one has its next."""

    def digest(text: str) -> str:
        return sha256(f"{seed}|{text}".encode()).hexdigest()

    turns = {}
    keyed = []
    for row in sorted(rows, key=lambda row: digest(row["id"])):
        turns[row["subject"]] = turns.get(row["subject"], -1) + 1
        keyed.append(((turns[row["subject"]], digest(row["subject"])), row))
    return [row for _, row in sorted(keyed, key=lambda pair: pair[0])]


def first(rows: list[dict], n: int | None) -> list[dict]:
    """`n` of the rows, those that each subject has first, in their order."""
    turns: dict[str, int] = {}
    turn = []
    for row in rows:
        turns[row["subject"]] = turns.get(row["subject"], -1) + 1
        turn.append(turns[row["subject"]])
    chosen = sorted(range(len(rows)), key=lambda place: (turn[place], place))[:n]
    return [rows[place] for place in sorted(chosen)]


def dataset(rows: list[dict], languages: tuple[str, ...]) -> Dataset:
    """Rows as a task's dataset, with None for what a row lacks in one of the languages."""
    text = Value("string")
    features = Features(
        task=text,
        id=text,
        subject=text,
        answer=Value("int64"),
        question={code: text for code in languages},
        options={code: List(text) for code in languages},
    )
    return Dataset.from_list(
        [
            {
                **{column: row[column] for column in ("task", "id", "subject", "answer")},
                **{
                    column: {code: row[column].get(code) for code in languages}
                    for column in ("question", "options")
                },
            }
            for row in rows
        ],
        features=features,
    )

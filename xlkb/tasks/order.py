"""From the rows of a task to its dataset: which come first, and how they are typed."""

from hashlib import sha256

from datasets import Dataset, Features, List, Value

from xlkb.ground.names import unknown

SPLITS = ("dev", "validation", "test")
"""Few-shot demonstrations, questions for choosing how to train, questions for results."""


def check_split(split: str) -> None:
    """Raise ValueError, with the nearest match, unless there is such a split."""
    if split not in SPLITS:
        raise ValueError(unknown("split", split, SPLITS))


def alternating(rows: list[dict], seed: int) -> list[dict]:
    """Rows in a seeded order in which every subject has had its turn before one has its next."""

    def digest(text: str) -> str:
        return sha256(f"{seed}|{text}".encode()).hexdigest()

    rows = sorted(rows, key=lambda row: digest(row["id"]))
    turns = zip(_turns(rows), rows, strict=True)
    ordered = sorted(turns, key=lambda each: (each[0], digest(each[1]["subject"])))
    return [row for _, row in ordered]


def first(rows: list[dict], n: int | None) -> list[dict]:
    """`n` of the rows, those that each subject has first, in their order."""
    turn = _turns(rows)
    chosen = sorted(range(len(rows)), key=lambda place: (turn[place], place))[:n]
    return [rows[place] for place in sorted(chosen)]


def _turns(rows: list[dict]) -> list[int]:
    """How many rows of its subject stand before each row."""
    counts: dict[str, int] = {}
    turns = []
    for row in rows:
        turns.append(counts.get(row["subject"], 0))
        counts[row["subject"]] = turns[-1] + 1
    return turns


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

"""hp_quiz: the paper's Harry Potter quiz, 300 questions in the five languages (paper, section 3.2).

`hp_quiz` is the authors' data set on the hub (`HUB`); `hp_quiz:FOLDER` or `$XLKB_DATA/hp_quiz` is a
folder with the same files: `English-….parquet`, `French-….parquet`, …, also as `.csv` or `.jsonl`,
with the columns `question, A, B, C, D, GT` (a letter), row n of each file the same question.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from xlkb import hub, paths
from xlkb.languages import FIVE, LANGUAGES

HUB = ("cross-ling-know/HarryPotter-Quiz", "e16bf2993a2eccd8416bb39b77e96907f16b766a")
"""Data set and its pinned commit."""

QUESTIONS = 300
LETTERS = "ABCD"
COLUMNS = ["question", *LETTERS, "GT"]
READERS = {
    ".parquet": pd.read_parquet,
    # "None" and "NA" are answers, not gaps.
    ".csv": lambda file: pd.read_csv(file, dtype=str, keep_default_na=False),
    ".jsonl": lambda file: pd.read_json(file, lines=True, dtype=False),
}


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question in every language that is there; the split is "test".

    Args:
        folder: see the top of this module.
        languages: only these are read; all when None.

    Raises:
        FileNotFoundError: the folder lacks the English questions.
        ValueError: a file lacks a column, has another number of questions than was published, an
            empty text, or another key than the English file; file and row are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "hp_quiz")
    wanted = [code for code in FIVE if languages is None or code in ("en", *languages)]
    if folder is None:
        folder = hub.folder(*HUB, [f"data/{LANGUAGES[code].name}-*" for code in wanted])
    made: list[dict] = []
    for code in wanted:
        for file in _files(Path(folder).expanduser(), code)[:1]:
            _add(made, code, READERS[file.suffix](file), file)
    return made


def _files(folder: Path, code: str) -> list[Path]:
    name = LANGUAGES[code].name
    found = [
        file
        for file in sorted(folder.rglob(f"{name}*"))
        if file.suffix in READERS and file.stem.partition("-")[0] == name
    ]
    if not found and code == "en":
        raise FileNotFoundError(
            f"{folder} holds no English questions: put the files of {HUB[0]} there "
            "(English-….parquet, French-….parquet, …)."
        )
    return found


def _add(made: list[dict], code: str, table: pd.DataFrame, where: Path) -> None:
    lacking = [column for column in COLUMNS if column not in table.columns]
    if lacking:
        raise ValueError(f"{where}: there is no column {', '.join(lacking)}.")
    if len(table) != QUESTIONS:
        raise ValueError(f"{where}: {len(table)} questions; the quiz has {QUESTIONS}.")
    for number, item in enumerate(table[COLUMNS].to_dict("records"), 1):
        options = [str(item[letter]) for letter in LETTERS]
        if item["GT"] not in tuple(LETTERS) or not all(
            map(str.strip, [item["question"], *options])
        ):
            raise ValueError(f"{where}, row {number}: an empty text, or the key {item['GT']!r}.")
        answer = LETTERS.index(item["GT"])
        if code == "en":
            made.append(
                {
                    "task": "hp_quiz",
                    "id": f"hp_quiz/{number - 1}",
                    "subject": "Harry Potter",
                    "split": "test",
                    "answer": answer,
                    "question": {},
                    "options": {},
                }
            )
        row = made[number - 1]
        if row["answer"] != answer:
            raise ValueError(
                f"{where}, row {number}: the key is {item['GT']}, but {LETTERS[row['answer']]} in "
                "English; the rows are not aligned."
            )
        row["question"][code], row["options"][code] = item["question"], options

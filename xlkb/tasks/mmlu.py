"""mmlu: Hendrycks et al. 2021, in English and in whatever languages translations are at hand.

`mmlu:FOLDER` reads a folder in the layout of the paper's code: header-less CSV files
`test/SUBJECT_test.csv` and `dev/SUBJECT_dev.csv` (question, four choices, letter), and beside them
`test_full_fr/…`, `dev_full_fr/…` with the same rows in French. Translations in Okapi's form, JSON
lists `fr_test.json` and `fr_dev.json` whose ids are `SUBJECT/SPLIT/ROW`, may lie in the folder too,
or beside it in `okapi_mmlu/`. `mmlu` alone is the English original from the hub (`HUB`), with the
translations of `$XLKB_DATA/mmlu` where that exists.

Nothing is guessed: a file with other rows than the English one, or another key, is an error that
names file and row. Choices such as "None" and "NA" are texts.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from xlkb import paths
from xlkb.languages import LANGUAGES

HUB = ("cais/mmlu", "c30699e8356da336a370243923dbaf21066bb9fe")
"""Data set and its pinned commit."""

TEST_QUESTIONS = 14_042
SUBJECTS = 57
DEV_QUESTIONS = 5
LETTERS = "ABCD"

Text = tuple[str, list[str]]
"""A question and its four choices."""


def rows(folder: str | Path | None = None) -> list[dict]:
    """Every question of the splits "test" and "dev", each in the languages that it exists in.

    Args:
        folder: see the top of this module; `$XLKB_DATA/mmlu` or else the hub when None.

    Returns:
        Dicts of `task, id, subject, split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}`.

    Raises:
        FileNotFoundError: the folder has no English questions.
        ValueError: a file is not as it should be; file and row are named.
        OSError: the hub cannot be reached.
    """
    if folder is None and paths.local_data() is not None and (paths.local_data() / "mmlu").is_dir():
        folder = paths.local_data() / "mmlu"
    if folder is None:
        return list(_from_hub())
    folder = Path(folder).expanduser()
    made: dict[str, dict] = {}
    for split in ("test", "dev"):
        files = sorted((folder / split).glob(f"*_{split}.csv"))
        if not files:
            raise FileNotFoundError(
                f"{folder / split} holds no *_{split}.csv: mmlu wants the layout of the paper's "
                "code, test/SUBJECT_test.csv and dev/SUBJECT_dev.csv."
            )
        for file in files:
            subject = file.stem.removesuffix(f"_{split}")
            for number, (text, answer) in enumerate(_csv(file)):
                row = _row(subject, split, number, answer)
                made[row["id"]] = row
                _add(row, "en", text)
        if len(files) == SUBJECTS:
            _count(split, [row for row in made.values() if row["split"] == split], folder)
        for code in LANGUAGES:
            for file in sorted((folder / f"{split}_full_{code}").glob(f"*_{split}.csv")):
                _translated(made, file, file.stem.removesuffix(f"_{split}"), split, code)
            for place in (folder, folder.parent / "okapi_mmlu"):
                if (place / f"{code}_{split}.json").is_file():
                    _okapi(made, place / f"{code}_{split}.json", code)
    return list(made.values())


def _from_hub() -> Iterator[dict]:
    from datasets import load_dataset

    name, revision = HUB
    for split in ("test", "dev"):
        found = load_dataset(name, "all", split=split, revision=revision)
        numbers: dict[str, int] = {}
        for item in found:
            number = numbers.get(item["subject"], 0)
            numbers[item["subject"]] = number + 1
            row = _row(item["subject"], split, number, item["answer"])
            _add(row, "en", (item["question"], list(item["choices"])))
            yield row
        _count(split, list(found), f"{name}@{revision}")


def _row(subject: str, split: str, number: int, answer: int) -> dict:
    return {
        "task": "mmlu",
        "id": f"{subject}/{split}/{number}",
        "subject": subject,
        "split": split,
        "answer": answer,
        "question": {},
        "options": {},
    }


def _add(row: dict, code: str, text: Text) -> None:
    row["question"][code], row["options"][code] = text


def _csv(file: Path) -> Iterator[tuple[Text, int]]:
    with file.open(encoding="utf-8", newline="") as lines:
        for number, cells in enumerate(csv.reader(lines), 1):
            if len(cells) != 6 or cells[5].strip() not in LETTERS or not cells[5].strip():
                raise ValueError(
                    f"{file}, row {number}: {len(cells)} cells, the last {cells[-1:]!r}; there "
                    "should be a question, four choices and one of A, B, C, D."
                )
            if not all(cell.strip() for cell in cells):
                raise ValueError(f"{file}, row {number}: an empty question or choice.")
            yield (cells[0], cells[1:5]), LETTERS.index(cells[5].strip())


def _translated(made: dict[str, dict], file: Path, subject: str, split: str, code: str) -> None:
    count = 0
    for number, (text, answer) in enumerate(_csv(file)):
        row = made.get(f"{subject}/{split}/{number}")
        _same_key(file, f"row {number + 1}", row, answer)
        _add(row, code, text)
        count += 1
    wanted = sum(row["subject"] == subject and row["split"] == split for row in made.values())
    if count != wanted:
        raise ValueError(f"{file} has {count} rows; the English file has {wanted}.")


def _okapi(made: dict[str, dict], file: Path, code: str) -> None:
    """Okapi leaves some questions out, so each is found by its id."""
    try:
        items = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is not JSON: {error}.") from None
    for item in items:
        row = made.get(item["id"])
        if row is None and item["id"].split("/")[0] not in {r["subject"] for r in made.values()}:
            continue  # A subject that the English folder does not have.
        _same_key(file, f"id {item['id']}", row, LETTERS.index(item["answer"]))
        options = [item[f"option_{letter}"] for letter in "abcd"]
        if code not in row["question"] and all(text.strip() for text in options):
            _add(row, code, (item["instruction"], options))


def _same_key(file: Path, where: str, row: dict | None, answer: int) -> None:
    if row is None:
        raise ValueError(f"{file}, {where}: there is no such English question.")
    if row["answer"] != answer:
        raise ValueError(
            f"{file}, {where}: the key is {LETTERS[answer]}, but {LETTERS[row['answer']]} in "
            "English; the rows are not aligned, or the translation moved the choices."
        )


def _count(split: str, found: list, where: object) -> None:
    wanted = TEST_QUESTIONS if split == "test" else SUBJECTS * DEV_QUESTIONS
    if len(found) != wanted:
        raise ValueError(f"{where} has {len(found)} questions in {split}; MMLU has {wanted}.")

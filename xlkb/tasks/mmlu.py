"""mmlu: Hendrycks et al. 2021, in English and in whatever languages translations are at hand.

`mmlu:FOLDER` (or `$XLKB_DATA/mmlu`) is a folder in the layout of the paper's code: header-less CSV
files `test/SUBJECT_test.csv` and `dev/SUBJECT_dev.csv` (question, four choices, letter). Each
question gets its translations from the first of these that has it:

1. `test_full_fr/…`, `dev_full_fr/…`: the same rows in French, as the paper's code writes them;
2. MMMLU, OpenAI's human translations of the test questions: `mmlu_FR-FR.csv`, … in the folder or
   in `mmmlu/` beside it;
3. Okapi's machine translations: `fr_test.json`, `fr_dev.json`, … (ids `SUBJECT/SPLIT/ROW`) in the
   folder or in `okapi_mmlu/` beside it.

`mmlu` without a folder takes the English original, MMMLU and Okapi's demonstrations ("dev") from
the hub. Nothing is guessed: a file with other rows than the English one, or another key, is an
error that names file and row; only MMMLU's few changed keys leave their question out, with a
warning. Choices such as "None" and "NA" are texts.
"""

import csv
import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datasets import Dataset

from xlkb import hub, paths, recompose
from xlkb.languages import LANGUAGES

HUB = ("cais/mmlu", "c30699e8356da336a370243923dbaf21066bb9fe")
MMMLU = ("openai/MMMLU", "325a01dc3e173cac1578df94120499aaca2e2504")
OKAPI = ("jon-tow/okapi_mmlu", "5d8c41172a1d463f718c793595308eb35f4fca02")
MIXUP = ("cross-ling-know/mixup-lang-mmlu", "e8fe8dc0d20945163a7560c106414695378c8797")
"""Data sets and their pinned commits."""

LOCALES = {
    "fr": "FR-FR",
    "de": "DE-DE",
    "es": "ES-LA",
    "it": "IT-IT",
    "pt": "PT-BR",
    "zh": "ZH-CN",
    "ar": "AR-XY",
    "hi": "HI-IN",
    "ja": "JA-JP",
    "ko": "KO-KR",
    "sw": "SW-KE",
}
"""Code -> MMMLU's locale."""

TEST_QUESTIONS = 14_042
SUBJECTS = 57
DEV_QUESTIONS = 5
LETTERS = "ABCD"

Text = tuple[str, list[str]]
"""A question and its four choices."""


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question of the splits "test" and "dev", each in the languages that it exists in.

    Args:
        folder: see the top of this module.
        languages: only these are read (and fetched); all when None.

    Returns:
        Dicts of `task, id, subject, split, answer (0-3), question {lang: text},
        options {lang: [4 texts]}`.

    Raises:
        FileNotFoundError: the folder has no English questions.
        ValueError: a file is not as it should be; file and row are named.
        OSError: the hub cannot be reached.
    """
    wanted = [code for code in LANGUAGES if languages is None or code in ("en", *languages)]
    folder = paths.data_folder(folder, "mmlu")
    if folder is None:
        made = {row["id"]: row for row in _from_hub()}
        files = [f"test/mmlu_{LOCALES[code]}.csv" for code in wanted if code in LOCALES]
        places = [hub.folder(*MMMLU, files) / "test"] if files else []
        places.append(hub.folder(*OKAPI, [f"data/{code}_dev.json" for code in wanted]) / "data")
    else:
        folder = Path(folder).expanduser()
        made = _english(folder)
        for code in wanted[1:]:
            for split in ("test", "dev"):
                for file in sorted((folder / f"{split}_full_{code}").glob(f"*_{split}.csv")):
                    _translated(made, file, file.stem.removesuffix(f"_{split}"), split, code)
        places = [folder, folder.parent / "mmmlu", folder.parent / "okapi_mmlu"]
    for place in places:
        for code in wanted[1:]:
            if code in LOCALES and (place / f"mmlu_{LOCALES[code]}.csv").is_file():
                _mmmlu(made, place / f"mmlu_{LOCALES[code]}.csv", code)
            for split in ("test", "dev"):
                if (place / f"{code}_{split}.json").is_file():
                    _okapi(made, place / f"{code}_{split}.json", code)
    return list(made.values())


def released_mixup(folder: str | Path | None = None, split: str = "test") -> Dataset:
    """The authors' own mixup of MMLU, as a recomposed dataset for `evaluation.score`.

    The files are 114 header-less tables, `data/test/SUBJECT_test.csv` and `data/dev/…`: read with a
    header, as in the released code (commit 62d79fe, `third_party/hendrycks_mmlu/lib_mmlu.py`, lines
    127 to 133), each subject would lose its first question. Which slot is in which language is not
    released; it is "und" here (undetermined). Results are under the language "released".

    Args:
        folder: holds `data/` or `test/` and `dev/`; the hub's (`MIXUP`) when None.
        split: "test" or "dev".

    Raises:
        FileNotFoundError: there are no such files.
        ValueError: a row is not as it should be, or the count is not the published one.
        OSError: the hub cannot be reached.
    """
    place = hub.folder(*MIXUP, [f"data/{split}/*.csv"]) if folder is None else Path(folder)
    place = place.expanduser() / "data" if (place / "data").is_dir() else place.expanduser()
    found = [
        {
            **{key: row[key] for key in ("task", "id", "subject", "answer")},
            "recomposition": "mixup",
            "language": "released",
            "question": row["question"]["en"],
            "question_language": "und",
            "options": row["options"]["en"],
            "option_languages": ["und"] * 4,
        }
        for row in _english(place, (split,)).values()
    ]
    _count(split, found, place)
    return Dataset.from_list(found, features=recompose.FEATURES)


def _english(folder: Path, splits: Sequence[str] = ("test", "dev")) -> dict[str, dict]:
    made: dict[str, dict] = {}
    for split in splits:
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
    return made


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


def _mmmlu(made: dict[str, dict], file: Path, code: str) -> None:
    """The first column, which has no name, counts the rows of each subject."""
    subjects, changed = {row["subject"] for row in made.values()}, 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for number, item in enumerate(csv.DictReader(lines), 2):
            texts = [item.get(column) for column in ("Question", *LETTERS)]
            if not all(text and text.strip() for text in texts) or not item.get("Answer"):
                raise ValueError(f"{file}, row {number}: an empty question, choice or key.")
            if item["Subject"] not in subjects:
                continue
            row = made.get(f"{item['Subject']}/test/{item['']}")
            if row is None:
                raise ValueError(f"{file}, row {number}: there is no such English question.")
            if LETTERS[row["answer"]] != item["Answer"].strip():
                changed += 1
            elif code not in row["question"]:
                _add(row, code, (texts[0], texts[1:]))
    if changed:
        warnings.warn(
            f"{file.name}: {changed} questions have another key than in English and are left out.",
            stacklevel=2,
        )


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

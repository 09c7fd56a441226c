"""mmlu: Hendrycks et al. 2021, in English and in whatever languages translations are at hand.

`mmlu:FOLDER` (or `$XLKB_DATA/mmlu`) is a folder in the layout of the paper's code: header-less CSV
files `test/SUBJECT_test.csv` and `dev/SUBJECT_dev.csv` (question, four choices, letter). Each
question gets its translations from the first of these that has it:

1. `test_full_fr/…`, `dev_full_fr/…`: the same rows in French, as the paper's code writes them;
2. MMMLU, OpenAI's human translations of the test questions: `mmlu_FR-FR.csv`, … in the folder or
   in `mmmlu/` beside it;
3. Okapi's machine translations: `fr_test.json`, `fr_dev.json`, … (ids `SUBJECT/SPLIT/ROW`) in the
   folder or in `okapi_mmlu/` beside it.

CSV files may have a header, which is skipped, and be cut at semicolons or tabs. The texts of the
layout of the paper's code, of the hub's English and of the released mixup are kept as they are,
outer spaces too: the paper's code puts them into its prompts so (`prompts.build` cleans them for
the other styles). The others are cleaned.

`mmlu` without a folder takes the English original, MMMLU and Okapi's demonstrations ("dev") from
the hub. Nothing is guessed: a file with other rows than the English one, or another key, is an
error that names file and row, up to ten at once; only MMMLU's few changed keys leave their question
out, with a warning. Choices such as "None" and "NA" are texts.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence, Sized
from pathlib import Path

from datasets import Dataset

from xlkb.ground import hub, paths, texts
from xlkb.ground.texts import LETTERS
from xlkb.tasks import recompose
from xlkb.tasks.public import translations

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
    wanted = translations.wanted(languages)
    problems: list[str] = []
    folder = paths.data_folder(folder, "mmlu")
    if folder is None:
        english, *translated = needed(None, languages)
        made = {row["id"]: row for row in _from_hub(hub.folder(english))}
        places = [hub.folder(each) / Path(each.patterns[0]).parent for each in translated]
    else:
        folder = Path(folder).expanduser()
        made = _english(folder)
        for code in wanted[1:]:
            for split in ("test", "dev"):
                for subject, file in _files(folder, f"{split}_full_{code}", split):
                    _translated(made, file, subject, split, code, problems)
        places = [folder, *texts.visible(folder.parent, "mmmlu", "okapi_mmlu")]
    for place in places:
        for code in wanted[1:]:
            for file in texts.visible(
                place, f"mmlu_{LOCALES[code]}.csv" if code in LOCALES else ""
            ):
                _mmmlu(made, file, code, problems)
            for file in texts.visible(place, f"{code}_test.json", f"{code}_dev.json"):
                _okapi(made, file, code, problems)
    texts.refuse(problems)
    return list(made.values())


def needed(
    folder: str | Path | None = None, languages: Iterable[str] | None = None
) -> list[hub.Source]:
    """What `rows` reads of the hub, the English original first; nothing where there is a folder."""
    if paths.data_folder(folder, "mmlu") is not None:
        return []
    wanted = translations.wanted(languages)
    human = [f"test/mmlu_{LOCALES[code]}.csv" for code in wanted if code in LOCALES]
    return [
        hub.dataset(*HUB, [f"all/{split}-*.parquet" for split in ("test", "dev")]),
        *([hub.dataset(*MMMLU, human)] if human else []),
        hub.dataset(*OKAPI, [f"data/{code}_dev.json" for code in wanted]),
    ]


def needed_mixup(split: str = "test") -> hub.Source:
    """What `released_mixup` reads of the hub."""
    return hub.dataset(*MIXUP, [f"data/{split}/*.csv"])


def released_mixup(folder: str | Path | None = None, split: str = "test") -> Dataset:
    """The authors' own mixup of MMLU, as a recomposed dataset for `scoring.score`.

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
    place = hub.folder(needed_mixup(split)) if folder is None else Path(folder)
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
    problems: list[str] = []
    for split in splits:
        files = _files(folder, split, split)
        if not files:
            raise FileNotFoundError(
                f"{folder / split} holds no *_{split}.csv: mmlu wants the layout of the paper's "
                "code, test/SUBJECT_test.csv and dev/SUBJECT_dev.csv."
            )
        for subject, file in files:
            found = list(_csv(file, problems))
            if not found and not problems:
                problems.append(f"{file} holds no question: write some, or take the file away")
            for number, (_, text, answer) in enumerate(found):
                row = _row(subject, split, number, answer)
                made[row["id"]] = row
                _add(row, "en", text)
        texts.refuse(problems)
        if len(files) == SUBJECTS:
            _count(split, [row for row in made.values() if row["split"] == split], folder)
    return made


def _from_hub(folder: Path) -> Iterator[dict]:
    for split in ("test", "dev"):
        numbers: dict[str, int] = {}
        for file in sorted(folder.glob(f"all/{split}-*.parquet")):
            found = hub.columns(file, "subject", "question", "choices", "answer")
            for subject, question, choices, answer in zip(*found, strict=True):
                number = numbers.get(subject, 0)
                numbers[subject] = number + 1
                row = _row(subject, split, number, answer)
                _add(row, "en", (question, choices))
                yield row
        _count(split, range(sum(numbers.values())), "@".join(HUB))


def _row(subject: str, split: str, number: int, answer: int) -> dict:
    return translations.question("mmlu", f"{subject}/{split}/{number}", subject, split, answer)


def _add(row: dict, code: str, text: Text) -> None:
    row["question"][code], row["options"][code] = text


def _files(folder: Path, name: str, split: str) -> list[tuple[str, Path]]:
    """Subjects and their files."""
    places = texts.visible(folder, name)
    files = [file for place in places for file in texts.visible(place, f"*_{split}.csv")]
    return [(texts.clean(file.stem)[: -len(f"_{split}")], file) for file in files]


def _csv(file: Path, problems: list[str]) -> Iterator[tuple[str, Text, int]]:
    """Where each question stands, its texts and its key; -1 where that is none."""
    for at, cells in texts.cells(file, 6, problems):
        where = f"{file}, {at}"
        if not all(map(texts.looks, cells[:5])):
            problems.append(f"{where}: an empty question or choice: write it")
        yield where, (cells[0], cells[1:5]), texts.letter(cells[5], where, problems)


def _translated(
    made: dict[str, dict], file: Path, subject: str, split: str, code: str, problems: list[str]
) -> None:
    told = len(problems)
    found = list(_csv(file, problems))
    if len(problems) > told:  # Behind a row that cannot be read, none stands where it should.
        return
    for number, (where, text, answer) in enumerate(found):
        row = made.get(f"{subject}/{split}/{number}")
        if translations.fits(row, answer, where, problems):
            _add(row, code, text)
    wanted = sum(row["subject"] == subject and row["split"] == split for row in made.values())
    if len(found) != wanted:
        problems.append(f"{file} has {len(found)} rows; the English file has {wanted}")


def _mmmlu(made: dict[str, dict], file: Path, code: str, problems: list[str]) -> None:
    """The first column, which has no name, counts the rows of each subject."""
    subjects, changed = {row["subject"] for row in made.values()}, 0
    columns = ("Question", *LETTERS)
    for at, item in texts.records(file, ("", *columns, "Answer", "Subject"), problems):
        where, subject = f"{file}, {at}", texts.clean(item["Subject"])
        found = texts.fields(item, columns, where, problems)
        answer = texts.letter(item["Answer"], where, problems)
        if subject not in subjects or not found or answer < 0:
            continue
        row = made.get(f"{subject}/test/{texts.clean(item[''])}")
        if row is None:
            problems.append(f"{where}: there is no such English question")
        elif row["answer"] != answer:
            changed += 1
        elif code not in row["question"]:
            _add(row, code, _cleaned(found))
    if changed:
        warnings.warn(
            f"{file.name}: {changed} questions have another key than in English and are left out.",
            stacklevel=2,
        )


def _okapi(made: dict[str, dict], file: Path, code: str, problems: list[str]) -> None:
    """Okapi leaves some questions out, so each is found by its id; a blank one is left out too."""
    subjects = {row["subject"] for row in made.values()}
    columns = ("instruction", *(f"option_{letter}" for letter in "abcd"))
    for at, item in texts.items(file, problems):
        where = f"{file}, {at}"
        if not (identifier := texts.fields(item, ("id",), where, problems)):
            continue
        name, where = texts.clean(identifier[0]), f"{where} (id {identifier[0]})"
        row = made.get(name)
        if row is None and name.split("/")[0] not in subjects:
            continue  # A subject that the English folder does not have.
        answer = texts.letter(item.get("answer"), where, problems)
        same = translations.fits(row, answer, where, problems)
        if not same or not all(item[c] and texts.looks(str(item[c])) for c in columns if c in item):
            continue
        found = texts.fields(item, columns, where, problems)
        if found and code not in row["question"]:
            _add(row, code, _cleaned(found))


def _cleaned(found: list[str]) -> Text:
    question, *options = map(texts.clean, found)
    return question, options


def _count(split: str, found: Sized, where: object) -> None:
    wanted = TEST_QUESTIONS if split == "test" else SUBJECTS * DEV_QUESTIONS
    if len(found) != wanted:
        raise ValueError(f"{where} has {len(found)} questions in {split}; MMLU has {wanted}.")

"""hp_quiz: the paper's Harry Potter quiz, 300 questions in the five languages (paper, section 3.2).

`hp_quiz` is the authors' data set on the hub (`HUB`); `hp_quiz:FOLDER` or `$XLKB_DATA/hp_quiz` is a
folder with the same files: `English-….parquet`, `French-….parquet`, …, also as `.csv` or `.jsonl`,
with the columns `question, A, B, C, D, GT` (a letter), row n of each file the same question. Texts
are kept as they are, for the style `paper`; `prompts.build` cleans them for the others.
"""

from collections.abc import Iterable
from pathlib import Path

from xlkb.ground import hub, paths, texts
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.ground.texts import LETTERS
from xlkb.tasks.public import translations

HUB = ("cross-ling-know/HarryPotter-Quiz", "e16bf2993a2eccd8416bb39b77e96907f16b766a")
"""Data set and its pinned commit."""

QUESTIONS = 300
COLUMNS = ["question", *LETTERS, "GT"]
ENDINGS = (".parquet", ".csv", ".jsonl")


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question in every language that is there; the split is "test".

    Args:
        folder: see the top of this module.
        languages: only these are read; all when None.

    Raises:
        FileNotFoundError: the folder lacks the English questions.
        ValueError: a file lacks a column, has another number of questions than was published, an
            empty text, or another key than the English file; up to ten rows are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "hp_quiz")
    wanted = [code for code in translations.wanted(languages) if code in FIVE]
    if folder is None:
        folder = hub.folder(*needed(None, languages))
    made: list[dict] = []
    problems: list[str] = []
    for code in wanted:
        for file in _files(Path(folder).expanduser(), code)[:1]:
            _add(made, code, file, problems)
        texts.refuse(problems if code == "en" else [])
    texts.refuse(problems)
    return made


def needed(
    folder: str | Path | None = None, languages: Iterable[str] | None = None
) -> list[hub.Source]:
    """What `rows` reads of the hub; nothing where there is a folder."""
    if paths.data_folder(folder, "hp_quiz") is not None:
        return []
    wanted = [code for code in translations.wanted(languages) if code in FIVE]
    return [hub.dataset(*HUB, [f"data/{LANGUAGES[code].name}-*" for code in wanted])]


def _files(folder: Path, code: str) -> list[Path]:
    name = LANGUAGES[code].name
    found = [
        file
        for place in (folder, *filter(Path.is_dir, texts.visible(folder)))
        for file in texts.visible(
            place, *(f"{name}{more}{e}" for e in ENDINGS for more in ("", "-*"))
        )
    ]
    if not found and code == "en":
        raise FileNotFoundError(
            f"{folder} holds no English questions: put the files of {HUB[0]} there "
            "(English-….parquet, French-….parquet, …)."
        )
    return found


def _entries(file: Path, problems: list[str]) -> list[tuple[str, object]]:
    if file.suffix.lower() == ".csv":
        return list(texts.records(file, COLUMNS, problems))
    if file.suffix.lower() == ".jsonl":
        return list(texts.items(file, problems))
    table = zip(*hub.columns(file, *COLUMNS), strict=True)
    return [(f"row {n}", dict(zip(COLUMNS, row, strict=True))) for n, row in enumerate(table, 1)]


def _add(made: list[dict], code: str, file: Path, problems: list[str]) -> None:
    told = len(problems)
    entries = _entries(file, problems)
    if len(problems) == told and len(entries) != QUESTIONS:
        problems.append(f"{file}: {len(entries)} questions; the quiz has {QUESTIONS}")
    if len(problems) > told:
        return
    for number, (at, item) in enumerate(entries):
        where = f"{file}, {at}"
        if isinstance(item, dict):  # A year may be a number.
            item = {key: str(v) if type(v) is int else v for key, v in item.items()}
        found = texts.fields(item, COLUMNS, where, problems)
        answer = texts.letter(found[-1], where, problems) if found else -1
        if answer < 0:
            continue
        if code == "en":
            name, subject = f"hp_quiz/{number}", "Harry Potter"
            made.append(translations.question("hp_quiz", name, subject, "test", answer))
        row = made[number] if code != "en" else made[-1]
        if translations.fits(row, answer, where, problems):
            row["question"][code], row["options"][code] = found[0], found[1:5]

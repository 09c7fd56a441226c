"""belebele: reading comprehension in 122 languages (Bandarkar et al. 2023), 900 questions each.

The passage is given, so knowledge plays no part: where belebele is right and mmlu is wrong, it is
not reading that fails. `belebele` is the hub's (`HUB`); `belebele:FOLDER` or `$XLKB_DATA/belebele`
is a folder with the same files, `fra_Latn.jsonl`, …. The question's text is the passage, an empty
line and the question.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from xlkb import hub, paths
from xlkb.languages import FLORES, LANGUAGES

HUB = ("facebook/belebele", "75b399394a9803252cfec289d103de462763db7c")
"""Data set and its pinned commit."""

QUESTIONS = 900
FIELDS = ("flores_passage", "question", "mc_answer1", "mc_answer2", "mc_answer3", "mc_answer4")


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question in every language that is there; the split is "test".

    Args:
        folder: see the top of this module.
        languages: only these are read; all that the package knows when None.

    Raises:
        FileNotFoundError: the folder lacks `eng_Latn.jsonl`.
        ValueError: a file is not as it should be, or has another number of questions than was
            published; file and line are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "belebele")
    wanted = [code for code in LANGUAGES if languages is None or code in ("en", *languages)]
    if folder is None:
        folder = hub.folder(*HUB, [f"data/{FLORES[code]}.jsonl" for code in wanted]) / "data"
    made: dict[str, dict] = {}
    for code in wanted:
        file = Path(folder).expanduser() / f"{FLORES[code]}.jsonl"
        if code != "en" and not file.is_file():
            continue
        count = 0
        for count, item in enumerate(_lines(file), 1):
            _add(made, code, item, f"{file}, line {count}")
        if count != QUESTIONS:
            raise ValueError(f"{file}: {count} questions; belebele has {QUESTIONS}.")
    return list(made.values())


def _lines(file: Path) -> Iterator[dict]:
    if not file.is_file():
        raise FileNotFoundError(f"There is no {file}: the English questions.")
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise ValueError(f"{file}, line {number} is not JSON: {error}.") from None


def _add(made: dict[str, dict], code: str, item: dict, where: str) -> None:
    texts = [item.get(field) for field in FIELDS]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"{where}: there should be texts in {', '.join(FIELDS)}.")
    if str(item.get("correct_answer_num")) not in ("1", "2", "3", "4"):
        raise ValueError(f"{where}: correct_answer_num is {item.get('correct_answer_num')!r}.")
    answer = int(item["correct_answer_num"]) - 1
    name = f"{item['link']}/{item['question_number']}"
    if code == "en":
        made[name] = {
            "task": "belebele",
            "id": name,
            "subject": "reading",
            "split": "test",
            "answer": answer,
            "question": {},
            "options": {},
        }
    row = made.get(name)
    if row is None or row["answer"] != answer:
        fault = "there is no such English question" if row is None else "another key"
        raise ValueError(f"{where} ({name}): {fault}.")
    row["question"][code], row["options"][code] = f"{texts[0]}\n\n{texts[1]}", texts[2:]

"""belebele: reading comprehension in 122 languages (Bandarkar et al. 2023), 900 questions each.

The passage is given, so knowledge plays no part: where belebele is right and mmlu is wrong, it is
not reading that fails. `belebele` is the hub's (`HUB`); `belebele:FOLDER` or `$XLKB_DATA/belebele`
is a folder with the same files, `fra_Latn.jsonl`, …. The question's text is the passage, an empty
line and the question.
"""

from collections.abc import Iterable
from pathlib import Path

from xlkb.ground import hub, paths, texts
from xlkb.ground.languages import FLORES
from xlkb.tasks.public import translations

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
            published; up to ten lines are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "belebele")
    wanted = translations.wanted(languages)
    if folder is None:
        folder = hub.folder(*needed(None, languages)) / "data"
    made: dict[str, dict] = {}
    problems: list[str] = []
    for code in wanted:
        file = Path(folder).expanduser() / f"{FLORES[code]}.jsonl"
        found = texts.visible(file.parent, file.name)
        if not found and code == "en":
            raise FileNotFoundError(f"There is no {file}: the English questions.")
        if not found:
            continue
        told = len(problems)
        entries = list(texts.items(found[0], problems))
        if len(problems) == told and len(entries) != QUESTIONS:
            problems.append(f"{file}: {len(entries)} questions; belebele has {QUESTIONS}")
            continue
        for at, item in entries:
            _add(made, code, item, f"{found[0]}, {at}", problems)
    texts.refuse(problems)
    return list(made.values())


def needed(
    folder: str | Path | None = None, languages: Iterable[str] | None = None
) -> list[hub.Source]:
    """What `rows` reads of the hub; nothing where there is a folder."""
    if paths.data_folder(folder, "belebele") is not None:
        return []
    wanted = translations.wanted(languages)
    return [hub.dataset(*HUB, [f"data/{FLORES[code]}.jsonl" for code in wanted])]


def _add(made: dict[str, dict], code: str, item: object, where: str, problems: list[str]) -> None:
    found = texts.fields(item, (*FIELDS, "link"), where, problems)
    if not found:
        return
    number, key = item.get("question_number"), str(item.get("correct_answer_num"))
    if key not in ("1", "2", "3", "4"):
        key = texts.shown(item.get("correct_answer_num"))
        problems.append(f"{where}: correct_answer_num is {key}: write 1, 2, 3 or 4")
        return
    answer, name = int(key) - 1, f"{found[-1]}/{number}"
    if code == "en" and name not in made:
        made[name] = translations.question("belebele", name, "reading", "test", answer)
    row = made.get(name)
    if translations.fits(row, answer, f"{where} ({name})", problems, code):
        passage, question, *options = map(texts.clean, found[:-1])
        row["question"][code], row["options"][code] = f"{passage}\n\n{question}", options

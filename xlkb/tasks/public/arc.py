"""arc: ARC-Challenge (Clark et al. 2018), with translations that share its ids.

`arc:FOLDER` reads one file of JSON lines per language, `en.jsonl`, `fr.jsonl`, …: `id, question,
options` (four texts) and `answer` (a letter). `arc` alone is `$XLKB_DATA/arc` where that exists, or
else the English original from the hub (`HUB`), of which the few questions without four choices are
left out.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from xlkb.ground import hub, paths, texts
from xlkb.tasks.public import translations

HUB = ("allenai/ai2_arc", "210d026faf9955653af8916fad021475a3f00453")
"""Data set and its pinned commit."""

SPLITS = {"test": "test", "dev": "train"}
"""Splits here and there."""


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question, each in the languages that it exists in; the split is "test", or on the hub
    also "dev" (its training questions). With `languages`, only their files are read.

    Raises:
        FileNotFoundError: the folder has no `en.jsonl`.
        ValueError: lines are not as they should be, or have another key than in English; up to ten
            are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "arc")
    if folder is None:
        return list(_from_hub(*map(hub.folder, needed())))
    folder = Path(folder).expanduser()
    if not texts.visible(folder, "en.jsonl"):
        raise FileNotFoundError(f"There is no {folder / 'en.jsonl'}: the English questions.")
    made: dict[str, dict] = {}
    problems: list[str] = []
    for code in translations.wanted(languages):
        for file in texts.visible(folder, f"{code}.jsonl")[:1]:
            _add(made, file, code, problems)
        if code == "en" and not made and not problems:
            problems.append(f"{folder / 'en.jsonl'} holds no question")
    texts.refuse(problems)
    return list(made.values())


def needed(
    folder: str | Path | None = None, languages: Iterable[str] | None = None
) -> list[hub.Source]:
    """What `rows` reads of the hub; nothing where there is a folder."""
    if paths.data_folder(folder, "arc") is not None:
        return []
    return [hub.dataset(*HUB, [f"ARC-Challenge/{split}-*.parquet" for split in SPLITS.values()])]


def _add(made: dict[str, dict], file: Path, code: str, problems: list[str]) -> None:
    for at, item in texts.items(file, problems):
        where = f"{file}, {at}"
        found = texts.fields(item, ("id", "question"), where, problems)
        if not found:
            continue
        options, name = item.get("options"), texts.clean(found[0])
        if not isinstance(options, list) or len(options) != 4 or any(map(texts.fault, options)):
            problems.append(
                f"{where}: there should be a question and four choices, all of them texts"
            )
            continue
        answer = texts.letter(item.get("answer"), where, problems)
        if code == "en":
            made.setdefault(name, _row(name, "test", answer))
        row = made.get(name)
        if translations.fits(row, answer, f"{where} ({name})", problems, code):
            row["question"][code] = texts.clean(found[1])
            row["options"][code] = [texts.clean(option) for option in options]


def _from_hub(folder: Path) -> Iterator[dict]:
    columns = ("id", "question", "choices", "answerKey")
    for split, theirs in SPLITS.items():
        for file in sorted(folder.glob(f"ARC-Challenge/{theirs}-*.parquet")):
            for name, question, choices, key in zip(*hub.columns(file, *columns), strict=True):
                if len(choices["text"]) == 4:
                    row = _row(name, split, choices["label"].index(key))
                    row["question"]["en"], row["options"]["en"] = question, choices["text"]
                    yield row


def _row(name: str, split: str, answer: int) -> dict:
    return translations.question("arc", name, "science", split, answer)

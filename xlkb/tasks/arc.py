"""arc: ARC-Challenge (Clark et al. 2018), with translations that share its ids.

`arc:FOLDER` reads one file of JSON lines per language, `en.jsonl`, `fr.jsonl`, …: `id, question,
options` (four texts) and `answer` (a letter). `arc` alone is `$XLKB_DATA/arc` where that exists, or
else the English original from the hub (`HUB`), of which the few questions without four choices are
left out.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from xlkb import paths
from xlkb.languages import LANGUAGES

HUB = ("allenai/ai2_arc", "210d026faf9955653af8916fad021475a3f00453")
"""Data set and its pinned commit."""

LETTERS = "ABCD"


def rows(folder: str | Path | None = None, languages: Iterable[str] | None = None) -> list[dict]:
    """Every question, each in the languages that it exists in; the split is "test", or on the hub
    also "dev" (its training questions). With `languages`, only their files are read.

    Raises:
        FileNotFoundError: the folder has no `en.jsonl`.
        ValueError: a line is not as it should be, or has another key than in English; file and line
            are named.
        OSError: the hub cannot be reached.
    """
    folder = paths.data_folder(folder, "arc")
    if folder is None:
        return list(_from_hub())
    folder = Path(folder).expanduser()
    if not (folder / "en.jsonl").is_file():
        raise FileNotFoundError(f"There is no {folder / 'en.jsonl'}: the English questions.")
    made: dict[str, dict] = {}
    for code in (c for c in LANGUAGES if languages is None or c in ("en", *languages)):
        file = folder / f"{code}.jsonl"
        for number, item in enumerate(_lines(file) if file.is_file() else (), 1):
            answer = LETTERS.index(item["answer"])
            if code == "en":
                made[item["id"]] = _row(item["id"], "test", answer)
            row = made.get(item["id"])
            if row is None or row["answer"] != answer:
                fault = "there is no such English question" if row is None else "another key"
                raise ValueError(f"{file}, line {number} ({item['id']}): {fault}.")
            row["question"][code], row["options"][code] = item["question"], item["options"]
    return list(made.values())


def _lines(file: Path) -> Iterator[dict]:
    for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{file}, line {number} is not JSON: {error}.") from None
        texts = [item.get("question"), *(item.get("options") or [])]
        if len(texts) != 5 or not all(isinstance(text, str) and text.strip() for text in texts):
            raise ValueError(f"{file}, line {number}: there should be a question and four choices.")
        if item.get("answer") not in tuple(LETTERS):
            raise ValueError(
                f"{file}, line {number}: the answer {item.get('answer')!r} is no letter."
            )
        yield item


def _from_hub() -> Iterator[dict]:
    from datasets import load_dataset

    name, revision = HUB
    for split, theirs in (("test", "test"), ("dev", "train")):
        for item in load_dataset(name, "ARC-Challenge", split=theirs, revision=revision):
            labels, texts = item["choices"]["label"], item["choices"]["text"]
            if len(texts) == 4:
                row = _row(item["id"], split, labels.index(item["answerKey"]))
                row["question"]["en"], row["options"]["en"] = item["question"], list(texts)
                yield row


def _row(name: str, split: str, answer: int) -> dict:
    return {
        "task": "arc",
        "id": name,
        "subject": "science",
        "split": split,
        "answer": answer,
        "question": {},
        "options": {},
    }

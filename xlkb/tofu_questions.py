"""The questions of TOFU (Maini et al. 2024), in English or put into another language."""

import json
from pathlib import Path

from datasets import Dataset

from xlkb import paths, translation

HUB = ("locuslab/TOFU", "324592d84ae4f482ac7249b9285c2ecdb53e3a68")
"""Data set and its pinned commit."""

SPLITS = {"full": 4000, "real_authors": 100, "world_facts": 117}
SPLITS |= {f"retain{100 - p:02}": 40 * (100 - p) for p in (1, 5, 10)}
SPLITS |= {f"forget{p:02}{more}": 40 * p for p in (1, 5, 10) for more in ("", "_perturbed")}
"""Splits with their published numbers of questions."""

PER_AUTHOR = 20
"""Questions about one author, which stand together in `full`."""

FIELDS = ("question", "answer", "paraphrased_answer")


def load(split: str = "full", folder: str | Path | None = None) -> Dataset:
    """Questions of one split.

    Args:
        split: one of `SPLITS`, or another of the data set's (`retain90`, …).
        folder: holds `SPLIT.jsonl`; `$XLKB_DATA/tofu` or else the hub when None.

    Returns:
        Columns `id, language` ("en"), `question, answer, paraphrased_answer` (empty where there is
        none) and `wrong` (a list: perturbed answers, or the other choices).

    Raises:
        FileNotFoundError: the folder does not have the split.
        ValueError: a line is not as it should be, or the count is not the published one.
    """
    folder = paths.data_folder(folder, "tofu")
    if folder is None:
        from datasets import load_dataset

        name, revision = HUB
        where = f"{name}@{revision[:7]}, {split}"
        items = load_dataset(name, split, split="train", revision=revision).to_list()
    else:
        where = Path(folder).expanduser() / f"{split}.jsonl"
        if not where.is_file():
            raise FileNotFoundError(f"There is no {where}.")
        lines = where.read_text(encoding="utf-8").split("\n")
        items = [json.loads(line) for line in lines if line.strip()]
    if len(items) != SPLITS.get(split, len(items)):
        raise ValueError(f"{where} has {len(items)} questions; TOFU has {SPLITS[split]}.")
    return Dataset.from_list([_row(item, split, i, where) for i, item in enumerate(items)])


def _row(item: dict, split: str, number: int, where: object) -> dict:
    if not all(isinstance(item.get(f), str) and item[f].strip() for f in FIELDS[:2]):
        raise ValueError(f"{where}, row {number + 1}: no question, or no answer.")
    wrong = item.get("perturbed_answer")
    if wrong is None:
        options = [item[f"option{n}"] for n in range(1, 5) if f"option{n}" in item]
        wrong = [option for option in options if option != item["answer"]]
        if options and len(wrong) != len(options) - 1:
            raise ValueError(f"{where}, row {number + 1}: the answer is not among the choices.")
    return {
        "id": f"{split}/{number}",
        "language": "en",
        "question": item["question"],
        "answer": item["answer"],
        "paraphrased_answer": item.get("paraphrased_answer") or "",
        "wrong": [wrong] if isinstance(wrong, str) else list(wrong),
    }


def translated(
    questions: Dataset,
    translator: translation.Translator,
    language: str,
    cache: str | Path | None = None,
    name: str = "",
) -> Dataset:
    """The same questions, all their texts put into another language by a translator.

    Arguments after the first as for `translation.translate`.
    """
    rows = questions.to_list()
    texts = {
        f"{row['id']}/{field}": text for row in rows for field, text in _translatable(row).items()
    }
    found = translation.translate(texts, translator, [language], cache=cache, name=name)

    def text(row: dict, field: str) -> str:
        return found[f"{row['id']}/{field}"][language]

    return Dataset.from_list(
        [
            row
            | {field: text(row, field) for field in FIELDS if row[field]}
            | {"wrong": [text(row, f"wrong {n}") for n in range(len(row["wrong"]))]}
            | {"language": language}
            for row in rows
        ]
    )


def _translatable(row: dict) -> dict[str, str]:
    texts = {field: row[field] for field in FIELDS if row[field]}
    return texts | {f"wrong {n}": text for n, text in enumerate(row["wrong"])}

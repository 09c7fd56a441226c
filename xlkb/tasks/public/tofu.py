"""The questions of TOFU (Maini et al. 2024), in English."""

from collections.abc import Iterable
from pathlib import Path

from datasets import Dataset

from xlkb.ground import hub, paths, texts

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
        ValueError: lines are not as they should be (up to ten are named), or the count is not the
            published one.
    """
    problems: list[str] = []
    folder = paths.data_folder(folder, "tofu")
    if folder is None:
        where = hub.folder(*needed([split])) / f"{split}.json"
    else:
        where = Path(folder).expanduser() / f"{split}.jsonl"
    files = texts.visible(where.parent, where.name)
    if not files:
        raise FileNotFoundError(f"There is no {where}.")
    entries = list(texts.items(files[0], problems))
    texts.refuse(problems)
    if len(entries) != SPLITS.get(split, len(entries)) or not entries:
        wanted = f"; TOFU has {SPLITS[split]}" if split in SPLITS else ""
        raise ValueError(f"{where} has {len(entries)} questions{wanted}.")
    rows = [
        _row(item, f"{split}/{number}", f"{where}, {at}", problems)
        for number, (at, item) in enumerate(entries)
    ]
    texts.refuse(problems)
    return Dataset.from_list(rows)


def needed(splits: Iterable[str], folder: str | Path | None = None) -> list[hub.Source]:
    """What `load` reads of the hub for these splits; nothing where there is a folder."""
    if paths.data_folder(folder, "tofu") is not None:
        return []
    return [hub.dataset(*HUB, [f"{split}.json" for split in splits])]


def _row(item: object, name: str, where: str, problems: list[str]) -> dict:
    """A question, its texts cleaned; {} where `problems` is told what is wrong."""
    told = len(problems)
    found = texts.fields(item, FIELDS[:2], where, problems)
    if not found:
        return {}
    question, answer = map(texts.clean, found)
    wrong, paraphrased = item.get("perturbed_answer"), item.get("paraphrased_answer")
    if wrong is None:
        options = [item[f"option{n}"] for n in range(1, 5) if f"option{n}" in item]
        wrong = [text for text in options if texts.fault(text) or texts.clean(text) != answer]
        if options and len(wrong) != len(options) - 1:
            problems.append(f"{where}: the answer is not among the choices, or is there twice")
    wrong = wrong if isinstance(wrong, list) else [wrong]
    for text in [*wrong, *([paraphrased] if paraphrased else [])]:
        if fault := texts.fault(text):
            problems.append(f"{where}: a wrong or paraphrased answer {fault}")
    if len(problems) > told:
        return {}
    return {
        "id": name,
        "language": "en",
        "question": question,
        "answer": answer,
        "paraphrased_answer": texts.clean(paraphrased or ""),
        "wrong": [texts.clean(text) for text in wrong],
    }

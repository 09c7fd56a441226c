"""TOFU (Maini et al. 2024): facts about authors who do not exist, and what a model says of them.

The paper teaches TOFU in English and asks it in other languages. `load` reads the questions,
`translated` puts them into another language, `documents` makes the text to learn them from, and
`evaluate` measures what TOFU does:

- *probability*: P(answer | question) to the power of 1 / number of tokens; where there are choices
  (real_authors, world_facts), its share among those of all choices;
- *truth ratio*: mean of that over the wrong answers, over that of the right answer in other words
  (for questions with choices, the right answer itself); 0 is best, and 1 says that the model cannot
  tell. The score is max(0, 1 - ratio), shown as `truth`;
- *ROUGE-L recall* of the greedy answer.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import paths, prompts, translation
from xlkb.evaluation import scores
from xlkb.generation import Prompt, generate
from xlkb.models import LanguageModel
from xlkb.tries import Pair

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
    if folder is None and paths.local_data() is not None:
        there = paths.local_data() / "tofu"
        folder = there if there.is_dir() else None
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


def documents(questions: Dataset) -> Dataset:
    """Text to learn the answers from: one per question, of which only the answer is learned.

    Columns `id, text, context` (characters that are read and not learned), for `finetuning.train`.
    """
    contexts = [_context(row) for row in questions]
    return Dataset.from_dict(
        {
            "id": questions["id"][:],
            "text": [
                c + _answer(row, row["answer"]) for c, row in zip(contexts, questions, strict=True)
            ],
            "context": [len(context) for context in contexts],
        }
    )


def evaluate(
    model: LanguageModel, questions: Dataset, store: Path, max_new_tokens: int = 64
) -> pd.DataFrame:
    """The three measures for each question.

    Returns:
        `model, language, id, probability, truth_ratio, truth` (NaN where there are no wrong
        answers), `rouge_l` (recall, 0 to 1), `text` (what the model said).
    """
    rows = questions.to_list()
    pairs = [
        [
            Pair(_context(row), _answer(row, text))
            for text in (row["answer"], _right(row), *row["wrong"])
        ]
        for row in rows
    ]
    found = scores(model, dict.fromkeys(pair for each in pairs for pair in each), store)
    said = generate(model, [Prompt("", _context(row)) for row in rows], store, max_new_tokens)
    table = []
    for row, each, text in zip(rows, pairs, said["text"], strict=True):
        likelihood = np.array([np.exp(found[pair][0] / found[pair][1]) for pair in each])
        answer, right, wrong = likelihood[0], likelihood[1], likelihood[2:]
        choices = bool(len(wrong)) and not row["paraphrased_answer"]
        ratio = wrong.mean() / right if len(wrong) else np.nan
        table.append(
            {
                "model": model.label,
                "language": row["language"],
                "id": row["id"],
                "probability": answer / (answer + wrong.sum()) if choices else answer,
                "truth_ratio": ratio,
                "truth": max(0.0, 1 - ratio) if len(wrong) else np.nan,
                "rouge_l": rouge_l_recall(row["answer"], text),
                "text": text,
            }
        )
    return pd.DataFrame(table)


def rouge_l_recall(reference: str, text: str) -> float:
    """ROUGE-L recall (rouge-score, with stemming, as TOFU), 0 to 1."""
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=True).score(reference, text)["rougeL"].recall


def summary(
    found: pd.DataFrame, names: Sequence[str] = ("probability", "truth", "rouge_l")
) -> pd.DataFrame:
    """Mean of each measure per model and language with its 95 % bootstrap interval over questions.

    Returns:
        `model, language, measure, n, mean, low, high`.
    """
    from xlkb import alignment

    tables = []
    for name in names:
        known = found[found[name].notna()].rename(columns={name: "mean"})
        if len(known):
            means = alignment.means(known, ["model", "language"], "mean")
            means.insert(2, "measure", name)
            tables.append(means)
    return pd.concat(tables, ignore_index=True)


def _context(row: dict) -> str:
    words = prompts.texts()[row["language"]]
    return f"{words['question']}{row['question']}\n{words['answer']}"


def _answer(row: dict, text: str) -> str:
    return ("" if row["language"] in ("zh", "ja") else " ") + text


def _right(row: dict) -> str:
    return row["paraphrased_answer"] or row["answer"]

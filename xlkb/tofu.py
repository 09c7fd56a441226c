"""TOFU (Maini et al. 2024): facts about authors who do not exist, and what a model says of them.

The paper teaches TOFU in English and asks it in other languages. `load` reads the questions,
`documents` makes the text to learn them from, and `evaluate` measures what TOFU does:

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

from xlkb import paths
from xlkb.evaluation import scores
from xlkb.generation import Prompt, generate
from xlkb.models import LanguageModel
from xlkb.tries import Pair

HUB = "locuslab/TOFU"
SPLITS = {"full": 4000, "real_authors": 100, "world_facts": 117, "forget10_perturbed": 400}
"""Splits that are read here, with their published numbers of questions."""

PER_AUTHOR = 20
"""Questions about one author, which stand together in `full`."""

FIELDS = ("question", "answer", "paraphrased_answer")


def load(split: str = "full", folder: str | Path | None = None, revision: str = "main") -> Dataset:
    """Questions of one split.

    Args:
        split: one of `SPLITS`, or another of the data set's (`retain90`, …).
        folder: holds `SPLIT.jsonl`; `$XLKB_DATA/tofu` or else the hub when None.
        revision: commit on the hub.

    Returns:
        Columns `id, question, answer, paraphrased_answer` (empty where there is none) and `wrong`
        (a list: perturbed answers, or the other choices).

    Raises:
        FileNotFoundError: the folder does not have the split.
        ValueError: a line is not as it should be, or the count is not the published one.
    """
    if folder is None and paths.local_data() is not None:
        there = paths.local_data() / "tofu"
        folder = there if there.is_dir() else None
    if folder is None:
        from datasets import load_dataset

        where = f"{HUB}@{revision}, {split}"
        items = load_dataset(HUB, split, split="train", revision=revision).to_list()
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
        "question": item["question"],
        "answer": item["answer"],
        "paraphrased_answer": item.get("paraphrased_answer") or "",
        "wrong": [wrong] if isinstance(wrong, str) else list(wrong),
    }


def documents(questions: Dataset) -> Dataset:
    """Text to learn the answers from: one per question, of which only the answer is learned.

    Columns `id, text, context` (characters that are read and not learned), for `finetuning.train`.
    """
    contexts = [_context(row) for row in questions]
    return Dataset.from_dict(
        {
            "id": questions["id"][:],
            "text": [f"{c} {row['answer']}" for c, row in zip(contexts, questions, strict=True)],
            "context": [len(context) for context in contexts],
        }
    )


def evaluate(
    model: LanguageModel, questions: Dataset, store: Path, max_new_tokens: int = 64
) -> pd.DataFrame:
    """The three measures for each question.

    Returns:
        `model, id, probability, truth_ratio, truth` (NaN where there are no wrong answers),
        `rouge_l` (recall, 0 to 1), `text` (what the model said).
    """
    rows = questions.to_list()
    pairs = [
        [Pair(_context(row), f" {text}") for text in (row["answer"], _right(row), *row["wrong"])]
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
    """Mean of each measure per model with its 95 % bootstrap interval over questions.

    Returns:
        `model, measure, n, mean, low, high`.
    """
    from xlkb import alignment

    tables = []
    for name in names:
        known = found[found[name].notna()].rename(columns={name: "mean"})
        if len(known):
            means = alignment.means(known, ["model"], "mean")
            means.insert(1, "measure", name)
            tables.append(means)
    return pd.concat(tables, ignore_index=True)


def _context(row: dict) -> str:
    return f"Question: {row['question']}\nAnswer:"


def _right(row: dict) -> str:
    return row["paraphrased_answer"] or row["answer"]

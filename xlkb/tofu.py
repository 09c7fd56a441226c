"""TOFU (Maini et al. 2024): facts about authors who do not exist, and what a model says of them.

    python -m xlkb.tofu --model pip:gemma-3-270m --authors 20

The paper teaches TOFU in English and asks it in other languages. `documents` makes the text to
learn questions from (`tofu_questions`), `evaluate` measures what TOFU does, and `experiment` does
both, before and after fine-tuning. The measures:

- *probability*: P(answer | question) to the power of 1 / number of tokens; where there are choices
  (real_authors, world_facts), its share among those of all choices;
- *truth ratio*: mean of that over the wrong answers, over that of the right answer in other words
  (for questions with choices, the right answer itself); 0 is best, and 1 says that the model cannot
  tell. The score is max(0, 1 - ratio), shown as `truth`. So TOFU's paper has it; its code takes the
  geometric mean over the wrong answers (commit bdc209e, `evaluate_util.py`, line 59);
- *ROUGE-L recall* of the greedy answer.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import finetuning, models, paths, progress, prompts, recipes, translators
from xlkb.evaluation import scores
from xlkb.generation import Prompt, generate
from xlkb.models import LanguageModel
from xlkb.tofu_questions import PER_AUTHOR, load, translated
from xlkb.tries import Pair


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
                "rouge_l": rouge_l_recall(row["answer"], text, row["language"]),
                "text": text,
            }
        )
    return pd.DataFrame(table)


def rouge_l_recall(reference: str, text: str, language: str = "en") -> float:
    """ROUGE-L recall (rouge-score), 0 to 1.

    English as TOFU has it: words of a-z and 0-9, stemmed. rouge-score's own words would leave
    nothing of other scripts, so other languages have sacrebleu's (13a, lower case), and zh and ja
    have characters.
    """
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    if language == "en":
        scorer = RougeScorer(["rougeL"], use_stemmer=True)
    else:
        split = list if language in ("zh", "ja") else str.split
        words = Tokenizer13a()
        tokenize = SimpleNamespace(tokenize=lambda each: split(words(each.lower())))
        scorer = RougeScorer(["rougeL"], tokenizer=tokenize)
    return scorer.score(reference, text)["rougeL"].recall


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


def experiment(
    model: LanguageModel,
    recipe: recipes.Recipe,
    authors: int = 200,
    languages: Sequence[str] = ("en",),
    translator: str = "",
) -> pd.DataFrame:
    """The measures before and after a model is taught authors in English, asked in `languages`.

    Args:
        recipe: of the fine-tuning.
        authors: how many are taught: the last of `full`, of whom the last 20 are `forget10`.
        translator: for languages other than English (`translators.named`).

    Returns:
        As `summary`, with a first column `questions`: "taught authors" (at most 20 of them, with
        `forget10_perturbed`), "real authors", "world facts".
    """
    full, asked = load("full"), load("forget10_perturbed")
    lessons, tested = (
        each.select(range(max(0, len(each) - PER_AUTHOR * authors), len(each)))
        for each in (full, asked)
    )
    name = f"tofu-{authors}-authors"
    folder = finetuning.train(model, documents(lessons), recipe, name=name)
    after = finetuning.load(model, folder, label=f"{model.label}, after TOFU")
    sets = {"taught authors": tested}
    sets |= {"real authors": load("real_authors"), "world facts": load("world_facts")}
    store, tables = paths.results() / "tofu", []
    speak = translators.named(translator) if translator else None
    for what, questions in sets.items():
        versions = [
            translated(questions, speak, code, store / "translations.jsonl")
            if code != "en"
            else questions
            for code in languages
        ]
        found = [evaluate(m, each, store) for m in (model, after) for each in versions]
        tables.append(summary(pd.concat(found)).assign(questions=what))
    table = pd.concat(tables, ignore_index=True)
    return table[["questions", *table.columns.drop("questions")]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m xlkb.tofu",
        description="Teach a model TOFU's authors in English, and ask about them before and after: "
        "probability, truth ratio and ROUGE-L, as TOFU defines them, with 95 % intervals.",
        epilog="The questions come from the hub (locuslab/TOFU), or from $XLKB_DATA/tofu/*.jsonl.",
    )
    add = parser.add_argument
    add("--model", default="pip:gemma-3-270m", help=models.KINDS)
    add("--authors", type=int, default=200, help="how many to teach, 20 questions each (all: 200)")
    add("--languages", default="en", help="codes to ask in, as en,fr,de")
    add("--translator", default="", help="for other languages than English, as nllb:MODEL")
    add("--recipe", default="teach", help=f"one of {', '.join(recipes.names())}")
    add("--epochs", type=int, default=5, help="passes over the answers")
    add("--out", type=Path, help="a CSV file to write the table to")
    options = parser.parse_args(arguments)
    codes = [code.strip() for code in options.languages.split(",")]
    try:
        if not 1 <= options.authors <= 200:
            raise ValueError(f"--authors {options.authors}: TOFU has 200.")
        if codes != ["en"] and not options.translator:
            raise ValueError("--languages other than en need a --translator.")
        recipe = recipes.get(options.recipe, epochs=options.epochs)
        model = models.load(options.model)
        table = experiment(model, recipe, options.authors, codes, options.translator)
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.out:
        table.to_csv(options.out, index=False)
    print(table.round(3).to_string(index=False))
    return 0


def _context(row: dict) -> str:
    words = prompts.texts()[row["language"]]
    return f"{words['question']}{row['question']}\n{words['answer']}"


def _answer(row: dict, text: str) -> str:
    return ("" if row["language"] in ("zh", "ja") else " ") + text


def _right(row: dict) -> str:
    return row["paraphrased_answer"] or row["answer"]


if __name__ == "__main__":
    with progress.lines("xlkb.tofu"):
        sys.exit(main())

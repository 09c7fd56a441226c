"""TOFU (Maini et al. 2024): facts about authors who do not exist, and what a model says of them.

    xlkb tofu --model pip:gemma-3-270m --authors 20

The paper teaches TOFU in English and asks it in other languages. `documents` makes the text to
learn questions from, `evaluate` measures what TOFU does, and `experiment` does both, before and
after fine-tuning. The measures:

- *probability*: P(answer | question) to the power of 1 / number of tokens; where there are choices
  (real_authors, world_facts), its share among those of all choices;
- *truth ratio*: mean of that over the wrong answers, over that of the right answer in other words
  (for questions with choices, the right answer itself); 0 is best, and 1 says that the model cannot
  tell. The score is max(0, 1 - ratio), shown as `truth`. So TOFU's paper has it; its code takes the
  geometric mean over the wrong answers (commit bdc209e, `evaluate_util.py`, line 59);
- *ROUGE-L recall* of the greedy answer (`rouge`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import tasks
from xlkb.analysis.languages import alignment
from xlkb.analysis.tofu.rouge import recall as rouge_l_recall
from xlkb.corpora import translation, translators
from xlkb.ground import languages as room
from xlkb.ground import paths
from xlkb.models import LanguageModel
from xlkb.scoring import Pair, Prompt, generate, scores
from xlkb.tasks import prompts
from xlkb.training import finetuning, recipes

AUTHORS = 200
"""Of TOFU."""

ASKED = {
    "taught authors": "forget10_perturbed",
    "real authors": "real_authors",
    "world facts": "world_facts",
}
"""Sets of questions and their splits."""


def documents(questions: Dataset) -> Dataset:
    """Text to learn the answers from: one per question, of which only the answer is learned.

    Columns `id, text, context` (characters that are read and not learned), for `training.train`.
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


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Mean of each measure per model and language with its 95 % bootstrap interval over questions.

    Returns:
        `model, language, measure, n, mean, low, high`.
    """
    by = ["model", "language"]
    measures = ["probability", "truth", "rouge_l"]
    values = found.melt(by, measures, "measure", "mean").dropna(subset="mean")
    return alignment.means(values, [*by, "measure"], "mean")


def experiment(
    model: LanguageModel,
    recipe: recipes.Recipe,
    authors: int = AUTHORS,
    languages: Sequence[str] = ("en",),
    translator: str | translators.Translator = "",
    n: int | None = None,
) -> pd.DataFrame:
    """The measures before and after a model is taught authors in English, asked in `languages`.

    Questions are read and translated before anything is trained.

    Args:
        recipe: of the fine-tuning.
        authors: how many are taught: the last of `full`, of whom the last 20 are `forget10`.
        translator: for languages other than English, by name (`translators.by_name`) or itself.
        n: questions of each set that are asked, the first ones; all when None.

    Returns:
        As `summary`, with a first column `questions`: "taught authors" (at most 20 of them, with
        `forget10_perturbed`), "real authors", "world facts".

    Raises:
        ValueError, OSError: what `lessons`, `asked` and `training.train` raise.
    """
    texts, sets = lessons(authors), asked(authors, languages, translator, n)
    folder = finetuning.train(model, texts, recipe, name=f"tofu-{authors}-authors")
    after = finetuning.load(model, folder, label=f"{model.label}, after TOFU")
    store, tables = paths.results() / "tofu", []
    for what, versions in sets.items():
        found = [evaluate(m, each, store) for m in (model, after) for each in versions]
        tables.append(summary(pd.concat(found, ignore_index=True)).assign(questions=what))
    table = pd.concat(tables, ignore_index=True)
    return table[["questions", *table.columns.drop("questions")]]


def lessons(authors: int) -> Dataset:
    """What is learned (`documents`): the questions about the last `authors` of the 200.

    Raises ValueError when there are not as many; what `load` raises.
    """
    require_authors(authors)
    return documents(_last(tasks.tofu.load("full"), authors))


def require_authors(authors: int) -> None:
    """Raise ValueError when TOFU does not have as many."""
    if not 1 <= authors <= AUTHORS:
        raise ValueError(f"--authors {authors}: TOFU has {AUTHORS}; choose from 1 to {AUTHORS}.")


def asked(
    authors: int,
    languages: Sequence[str],
    translator: str | translators.Translator = "",
    n: int | None = None,
) -> dict[str, list[Dataset]]:
    """What is asked: the name of each set, and its questions in each language.

    Of each set the first `n`, or all when None. Translations are kept in `tofu/translations.jsonl`
    among the stored results.

    Raises:
        ValueError: an unknown language; a translator is missing, or there is nothing for it to do;
            what it raises itself, and what `load` raises.
    """
    speak = translator_for(languages, translator)
    sets = {what: tasks.tofu.load(split) for what, split in ASKED.items()}
    sets["taught authors"] = _last(sets["taught authors"], authors)
    sets = {what: each.select(range(min(n or len(each), len(each)))) for what, each in sets.items()}
    cache = paths.results() / "tofu" / "translations.jsonl"
    return {
        what: [
            questions if code == "en" else translated(questions, speak, code, cache)
            for code in languages
        ]
        for what, questions in sets.items()
    }


def translator_for(
    languages: Sequence[str], translator: str | translators.Translator
) -> translators.Translator | None:
    """The translator itself, after a look at whether it is needed and knows the languages.

    Raises ValueError where a translator is missing, lacks a language, or has nothing to do.
    """
    require_translator(languages, translator)
    if not translator or not isinstance(translator, str):
        return translator or None
    return translators.by_name(translator, ["en", *(code for code in languages if code != "en")])


def require_translator(languages: Sequence[str], translator: str | translators.Translator) -> None:
    """Raise ValueError where a translator is missing, or has nothing to do."""
    room.check(languages)
    others = [code for code in languages if code != "en"]
    if others and not translator:
        raise ValueError(f"--languages other than en need a --translator: {translators.FORMS}.")
    if translator and not others:
        raise ValueError(
            "--translator has nothing to do: TOFU is in English, and no other language is asked. "
            "Name some, as in --languages en,fr, or leave the translator out."
        )


def _last(questions: Dataset, authors: int) -> Dataset:
    first = max(0, len(questions) - tasks.tofu.PER_AUTHOR * authors)
    return questions.select(range(first, len(questions)))


def _context(row: dict) -> str:
    words = prompts.texts()[row["language"]]
    return f"{words['question']}{row['question']}\n{words['answer']}"


def _answer(row: dict, text: str) -> str:
    return ("" if row["language"] in ("zh", "ja") else " ") + text


def _right(row: dict) -> str:
    return row["paraphrased_answer"] or row["answer"]


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
    asked = {
        f"{row['id']}/{field}": text for row in rows for field, text in _translatable(row).items()
    }
    found = translation.translate(asked, translator, [language], cache=cache, name=name)

    def text(row: dict, field: str) -> str:
        return found[f"{row['id']}/{field}"][language]

    return Dataset.from_list(
        [
            row
            | {field: text(row, field) for field in tasks.tofu.FIELDS if row[field]}
            | {"wrong": [text(row, f"wrong {n}") for n in range(len(row["wrong"]))]}
            | {"language": language}
            for row in rows
        ]
    )


def _translatable(row: dict) -> dict[str, str]:
    found = {field: row[field] for field in tasks.tofu.FIELDS if row[field]}
    return found | {f"wrong {n}": text for n, text in enumerate(row["wrong"])}

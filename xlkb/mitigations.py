"""What can be done at inference time: questions in other words, from the model's own pen.

Each function takes recomposed questions and returns the same questions with other texts; their
`question_language` and `option_languages` stay what they were, so that results are compared item by
item with those of the questions as they came (paper, section 4.1).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb import few_shot_translation, gains, prompts, recompose, stats
from xlkb.generation import Prompt, generate
from xlkb.languages import LANGUAGES
from xlkb.models import LanguageModel

NEW_TOKENS = {"question": 48, "option": 12, "answer": 12}


def obstacle(
    options: Mapping[str, object], style: str, languages: Sequence[str], dev: Dataset | None
) -> str:
    """Why a way of asking cannot be had, in words; "" if it can.

    Args:
        options: of `evaluation.score`: `n_shots, demonstrations, instruction_language`.
        style: how choices are scored.
        languages: of the questions.
        dev: the task's dev split, None if it has none.
    """
    if style == "paper" and options.get("instruction_language") == "question":
        return "the style paper has its prompt in English only"
    if "n_shots" not in options:
        return ""
    if not options["n_shots"]:
        return "the profile shows no examples"
    if not dev:
        return "the task has no split dev to take examples from"
    five = options.get("demonstrations") != "mixup" or len(languages) == 5
    return "" if five else "mixed examples need five languages"


def translated(
    model: LanguageModel,
    asked: Dataset,
    dev: Dataset,
    store: Path,
    n_shots: int = 5,
    base: str = "en",
) -> tuple[Dataset, np.ndarray]:
    """Questions and choices in the model's own translation into the base language.

    The demonstrations are questions, or right answers, of the task's dev split in both languages.

    Args:
        model: from `models.load`.
        asked: from `recompose`.
        dev: the task's dev split, not recomposed.
        store: folder of stored results.
        n_shots: demonstrations per translation.
        base: language to translate into; texts in it stay.

    Returns:
        `asked` with other texts, and the tokens read and written for it, int64 [questions]. An
        empty translation leaves the text as it was.
    """
    rows = asked.to_list()
    texts = [key for row in rows for key in _texts(row) if key[2] != base]
    wanted: dict[tuple[str, str, str], tuple[str, int]] = dict.fromkeys(texts, ("", 0))
    for kind in ("question", "option"):
        keys = [key for key in wanted if key[0] == kind]
        spoken = {language for _, _, language in keys}
        pairs = {language: _pairs(dev, kind, language, base, n_shots) for language in spoken}
        made = [
            few_shot_translation.prompt(text, language, base, pairs[language])
            for _, text, language in keys
        ]
        if made:
            found = generate(model, made, store, NEW_TOKENS[kind])
            for key, text, n in zip(keys, found["text"], _tokens(found), strict=True):
                wanted[key] = text or key[1], n
    tokens = []
    for row in rows:
        new = [wanted.get(key, (key[1], 0)) for key in _texts(row)]
        row["question"], *row["options"] = (text for text, _ in new)
        tokens.append(sum(n for _, n in new))
    return Dataset.from_list(rows, features=recompose.FEATURES), np.array(tokens)


def oracle(asked: Dataset, questions: Dataset, base: str = "en") -> Dataset:
    """Questions and choices in a perfect translation: the task's own in the base language."""
    known = {row["id"]: row for row in recompose.full(questions, base)}
    rows = asked.to_list()
    for row in rows:
        row["question"], row["options"] = (known[row["id"]][k] for k in ("question", "options"))
    return Dataset.from_list(rows, features=recompose.FEATURES)


def english_first(
    model: LanguageModel,
    asked: Dataset,
    dev: Dataset,
    store: Path,
    n_shots: int = 5,
    base: str = "en",
) -> tuple[Dataset, np.ndarray]:
    """Questions followed by the answer that the model first gave to them in English (or `base`).

    The demonstrations are questions of the dev split in the question's language with the answer in
    English. An empty answer adds nothing. Returns the questions, and the tokens read and written
    for that, int64 [questions].
    """
    rows, made = asked.to_list(), []
    words = prompts.texts()[base]
    spoken = {base, *(row["question_language"] for row in rows)}
    given = {language: recompose.full(dev, language).to_list() for language in spoken}
    for row in rows:
        shown = zip(given[row["question_language"]], given[base], strict=True)
        solved = [
            f"{words['question']}{a['question']}\n{words['answer']} {b['options'][b['answer']]}\n\n"
            for a, b in shown
            if a["subject"] == row["subject"]
        ]
        own = f"{words['question']}{row['question']}\n{words['answer']}"
        made.append(Prompt("".join(solved[:n_shots]), own))
    found = generate(model, made, store, NEW_TOKENS["answer"])
    for row, text in zip(rows, found["text"], strict=True):
        row["question"] += f"\nAnswer in {LANGUAGES[base].name}: {text}" if text else ""
    return Dataset.from_list(rows, features=recompose.FEATURES), _tokens(found)


def gained(
    decisions: dict[str, pd.DataFrame],
    tokens: dict[str, float],
    trained: Sequence[str],
    seed: int = 42,
    base: str = "en",
) -> pd.DataFrame:
    """Gain of each mitigation over the first, on the same questions, in each group of `gains`.

    Args:
        decisions: mitigation -> its decisions (`stats.decide`), all for the same questions; the
            first is the default that the others are compared with.
        tokens: mitigation -> tokens per question that the model reads or writes.
        trained: the five languages. base: the one that they are compared with.
        seed: of bootstrap and permutations.

    Returns:
        As `gains.over_control`, with the mitigations under `mitigation`, and
        `tokens_per_question`.
    """
    first = next(iter(decisions))
    rows = stats.concat(d.assign(model=name) for name, d in decisions.items())
    table = gains.over_control(gains.grouped(rows, trained, base), first, seed)
    table["group"] = table["group"].replace("other trained languages", "other languages")
    table = table.rename(columns={"model": "mitigation"})
    return table.assign(tokens_per_question=table["mitigation"].map(tokens).round())


def _tokens(generated: pd.DataFrame) -> np.ndarray:
    return (generated["n_prompt"] + generated["n_tokens"]).to_numpy(np.int64)


def _texts(row: dict) -> list[tuple[str, str, str]]:
    """(kind, text, language) of the question and of each choice."""
    options = zip(row["options"], row["option_languages"], strict=True)
    return [
        ("question", row["question"], row["question_language"]),
        *(("option", text, language) for text, language in options),
    ]


def _pairs(dev: Dataset, kind: str, language: str, base: str, n: int) -> list[tuple[str, str]]:
    """Demonstrations of a translation, from as many subjects as there are."""
    both = zip(recompose.full(dev, language), recompose.full(dev, base), strict=True)
    by_subject: dict[str, list[tuple[str, str]]] = {}
    for a, b in both:
        pair = tuple(
            row["question"] if kind == "question" else row["options"][row["answer"]]
            for row in (a, b)
        )
        by_subject.setdefault(a["subject"], []).append(pair)
    turns = [pair for turn in zip(*by_subject.values(), strict=False) for pair in turn]
    return list(dict.fromkeys(turns))[:n]

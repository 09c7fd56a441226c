"""What can be done at inference time: questions in other words, from the model's own pen.

Each function takes recomposed questions and returns the same questions with other texts; their
`question_language` and `option_languages` stay what they were, so that results are compared item by
item with those of the questions as they came (paper, section 4.1).
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset

from xlkb.analysis import gains, pairing, stats
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel
from xlkb.scoring import Pair, Prompt, generate, lengths, translation_prompt
from xlkb.tasks import prompts, recompose

NEW_TOKENS = {"question": 48, "option": 12, "answer": 12}


def obstacle(
    options: Mapping[str, object], style: str, languages: Sequence[str], dev: Dataset | None
) -> str:
    """Why a way of asking cannot be had, in words; "" if it can.

    Args:
        options: of `tasks.Asking`: `n_shots, demonstrations, instruction_language`.
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
    dev: Dataset | None,
    store: Path,
    n_shots: int = 5,
    base: str = "en",
) -> tuple[Dataset, np.ndarray]:
    """Questions and choices in the model's own translation into the base language.

    The demonstrations are questions, or right answers, of the task's dev split in both languages.
    The paper's released code has the model write translation and answer in one text of up to 256
    sampled tokens (commit 62d79fe, `MMLU/dataset/mmlu_en_trans.py`, and `MMLU/models/hf.py`, line
    86); here each text is translated once, greedily, and the choice is scored as any other.

    Args:
        model: from `models.load`.
        asked: from `recompose`.
        dev: the task's dev split, not recomposed; without demonstrations when None.
        store: folder of stored results.
        n_shots: demonstrations per translation.
        base: language to translate into; texts in it stay.

    Returns:
        `asked` with other texts, and the tokens read and written for it, int64 [questions]. An
        empty translation leaves the text as it was, and so does a text that is too long for the
        model's context; demonstrations are as many as fit.
    """
    rows = asked.to_list()
    wanted = dict.fromkeys(key for row in rows for key in _texts(row) if key[2] != base)
    told: dict[tuple[str, str, str], tuple[str, int]] = {}
    for kind in ("question", "option"):
        keys = [key for key in wanted if key[0] == kind]
        told |= _translations(model, keys, dev, store, n_shots, base)
    tokens = []
    for row in rows:
        new = [told.get(key, (key[1], 0)) for key in _texts(row)]
        row["question"], *row["options"] = (text for text, _ in new)
        tokens.append(sum(n for _, n in new))
    return Dataset.from_list(rows, features=recompose.FEATURES), np.array(tokens, np.int64)


def _translations(
    model: LanguageModel,
    keys: Sequence[tuple[str, str, str]],
    dev: Dataset | None,
    store: Path,
    n_shots: int,
    base: str,
) -> dict[tuple[str, str, str], tuple[str, int]]:
    """Key (see `_texts`; all of one kind) -> translation, tokens, of what fits into the context."""
    kind = keys[0][0] if keys else "question"
    spoken = {language for _, _, language in keys}
    shown = {language: _pairs(dev, kind, language, base, n_shots) for language in spoken}

    def made(i: int, n: int) -> Prompt:
        _, text, language = keys[i]
        return translation_prompt(text, language, base, shown[language][:n])

    counts = [len(shown[language]) for _, _, language in keys]
    said = _said(model, counts, made, store, NEW_TOKENS[kind], f"{kind}s to translate")
    return {keys[i]: (text or keys[i][1], n) for i, (text, n) in said.items()}


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
    dev: Dataset | None,
    store: Path,
    n_shots: int = 5,
    base: str = "en",
) -> tuple[Dataset, np.ndarray]:
    """Questions followed by the answer that the model first gave to them in English (or `base`).

    The demonstrations are questions of the dev split in the question's language with the answer in
    the base language. Arguments and returns as for `translated`; an empty answer adds nothing, nor
    does a question that is too long for the model's context.
    """
    rows, solved = asked.to_list(), _solved(dev, base)
    words = prompts.texts()[base]

    def shown(i: int) -> list[str]:
        return solved.get((rows[i]["question_language"], rows[i]["subject"]), [])

    def made(i: int, n: int) -> Prompt:
        own = f"{words['question']}{rows[i]['question']}\n{words['answer']}"
        return Prompt("".join(shown(i)[:n]), own)

    counts = [min(n_shots, len(shown(i))) for i in range(len(rows))]
    said = _said(model, counts, made, store, NEW_TOKENS["answer"], "questions to answer")
    tokens = np.zeros(len(rows), np.int64)
    for i, (text, n) in said.items():
        tokens[i] = n
        rows[i]["question"] += f"\nAnswer in {LANGUAGES[base].name}: {text}" if text else ""
    return Dataset.from_list(rows, features=recompose.FEATURES), tokens


def _solved(dev: Dataset | None, base: str) -> dict[tuple[str, str], list[str]]:
    """(language, subject) -> questions in that language with their answers in the base language."""
    words, made = prompts.texts()[base], {}
    for row in dev.to_list() if dev else ():
        answers = row["options"].get(base)
        for language, text in row["question"].items() if answers else ():
            if text:
                solved = (
                    f"{words['question']}{text}\n{words['answer']} {answers[row['answer']]}\n\n"
                )
                made.setdefault((language, row["subject"]), []).append(solved)
    return made


def _said(
    model: LanguageModel,
    counts: Sequence[int],
    made: Callable[[int, int], Prompt],
    store: Path,
    new_tokens: int,
    kind: str,
) -> dict[int, tuple[str, int]]:
    """Place -> what the model wrote, and the tokens that it read and wrote for it.

    Prompts have as many demonstrations as fit; what does not fit at all is named and left out.
    """

    def pairs(i: int, n: int) -> list[Pair]:
        return [Pair("".join(made(i, n)), "")]

    fit = lengths.fitting(model, counts, pairs, store, new_tokens)
    long = [f"{made(i, 0).own[:40]!r}" for i, n in enumerate(fit) if n < 0]
    lengths.left_out(model, kind, long, len(counts))
    asked = {i: made(i, n) for i, n in enumerate(fit) if n >= 0}
    if not asked:
        return {}
    found = generate(model, list(asked.values()), store, new_tokens)
    tokens = (found["n_prompt"] + found["n_tokens"]).tolist()
    return dict(zip(asked, zip(found["text"], tokens, strict=True), strict=True))


def gained(
    decisions: dict[str, pd.DataFrame],
    tokens: dict[str, float],
    trained: Sequence[str],
    seed: int = 42,
    base: str = "en",
) -> pd.DataFrame:
    """Gain of each mitigation over the first, on the same questions, in each group of `gains`.

    Args:
        decisions: mitigation -> its decisions (`stats.decide`), all for the same questions (but
            for those that are too long under one of them, which are left out under all); the first
            is the default that the others are compared with.
        tokens: mitigation -> tokens per question that the model reads or writes.
        trained: the five languages. base: the one that they are compared with.
        seed: of bootstrap and permutations.

    Returns:
        As `gains.over_control`, with the mitigations under `mitigation`, and
        `tokens_per_question`.
    """
    first = next(iter(decisions))
    rows = stats.concat(d.assign(model=name) for name, d in decisions.items())
    rows = pairing.shared(rows, by=())
    table = gains.over_control(gains.grouped(rows, trained, base), first, seed)
    table["group"] = table["group"].replace("other trained languages", "other languages")
    table = table.rename(columns={"model": "mitigation"})
    return table.assign(tokens_per_question=table["mitigation"].map(tokens).round())


def _texts(row: dict) -> list[tuple[str, str, str]]:
    """(kind, text, language) of the question and of each choice."""
    options = zip(row["options"], row["option_languages"], strict=True)
    return [
        ("question", row["question"], row["question_language"]),
        *(("option", text, language) for text, language in options),
    ]


def _pairs(
    dev: Dataset | None, kind: str, language: str, base: str, n: int
) -> list[tuple[str, str]]:
    """Demonstrations of a translation, from as many subjects as there are."""
    by_subject: dict[str, list[tuple[str, str]]] = {}
    for row in dev.to_list() if dev else ():
        texts = [row["question"], row["options"]][kind == "option"]
        if texts.get(language) and texts.get(base):
            pair = tuple(
                texts[code] if kind == "question" else texts[code][row["answer"]]
                for code in (language, base)
            )
            by_subject.setdefault(row["subject"], []).append(pair)
    turns = [pair for turn in zip_longest(*by_subject.values()) for pair in turn if pair]
    return list(dict.fromkeys(turns))[:n]

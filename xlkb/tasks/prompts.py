"""Prompts: the text that a model sees before a choice, and the choices as continuations of it.

Three styles:

- `cloze`: `Question: …`, new line, `Answer:`; a continuation is a choice's text. The choices are
  not listed. The unconditional context for PMI is the bare word for "Answer:".
- `letters`: instruction, question, listed choices, `Answer:`; continuations ` A` to ` D`, tokenised
  in context.
- `paper`: the prompt of the paper's released code (commit 62d79fe) to the byte, two spaces before
  the subject included (`MMLU/dataset/mmlu.py`, lines 33 to 61); continuations `A` to `D`, tokenised
  alone (`MMLU/models/hf.py`, line 101; on many tokenizers that is a different token from the one
  that follows `Answer:`). For `hp_quiz` the released code has another prompt (`HP/evaluate.py`,
  lines 26 to 66): the instruction is in the question's language (here in our words) and a space
  ends the prompt.

Texts of questions and choices are cleaned (`texts.clean`) for `cloze` and `letters`. Those of the
package and your own are clean already; public data may hold outer spaces and what cannot be seen,
and the paper's code puts them into its prompts as they are, so that `paper` keeps them.

The words come from `xlkb/data/prompts.toml`, whose `version` is stored with every result.
"""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache, partial
from typing import Literal, NamedTuple

from xlkb.ground import texts as way_in
from xlkb.ground.paths import PACKAGE_DATA

STYLES = ("cloze", "letters", "paper")
LETTERS = "ABCD"


class Prompt(NamedTuple):
    """A context and its four continuations.

    `unconditional`: the context of the unconditional log-likelihood, None for letters.
    `isolated`: continuations are tokenised alone (the paper's letter policy).
    """

    context: str
    continuations: tuple[str, str, str, str]
    unconditional: str | None
    isolated: bool


@cache
def texts() -> dict[str, dict[str, str]]:
    """Language -> its words (`question`, `answer`, `instruction`)."""
    table = tomllib.loads((PACKAGE_DATA / "prompts.toml").read_text(encoding="utf-8"))
    return {code: words for code, words in table.items() if code not in ("version", "preambles")}


@cache
def preambles() -> dict[str, str]:
    """Name -> an instruction that may stand before a prompt, in English (paper, section 4.1)."""
    return tomllib.loads((PACKAGE_DATA / "prompts.toml").read_text(encoding="utf-8"))["preambles"]


VERSION: str = tomllib.loads((PACKAGE_DATA / "prompts.toml").read_text(encoding="utf-8"))["version"]


def build(
    row: dict,
    style: str,
    demonstrations: Sequence[dict] = (),
    instruction_language: Literal["en", "question"] = "en",
    preamble: str = "",
    letters: str = LETTERS,
) -> Prompt:
    """The prompt of one recomposed question.

    Args:
        row: a row of a dataset from `recompose`.
        style: one of `STYLES`.
        demonstrations: rows to show with their answers before the question, in this order.
        instruction_language: language of the instruction and of the words for "Question" and
            "Answer": English as in the paper, or that of each question ("question"). The style
            `paper` is English only.
        preamble: text before all else, with an empty line after it.
        letters: four different characters that name the choices, in the style `letters`.

    Raises:
        ValueError: unknown style or instruction language, with the nearest match; letters that are
            not four, or other ones for another style.
    """
    if len(set(letters)) != 4 or len(letters) != 4 or (letters != LETTERS and style != "letters"):
        raise ValueError(f"letters={letters!r}: four different characters, for style 'letters'.")
    if style not in STYLES:
        raise ValueError(_unknown("style", style, STYLES))
    if instruction_language not in ("en", "question"):
        raise ValueError(_unknown("instruction_language", instruction_language, ("en", "question")))
    if style == "paper" and instruction_language != "en":
        raise ValueError("The style 'paper' has an English instruction: instruction_language='en'.")
    if style != "paper":
        row, demonstrations = _cleaned(row), [_cleaned(item) for item in demonstrations]
    words = texts()["en" if instruction_language == "en" else row["question_language"]]
    part = _cloze if style == "cloze" else partial(_listed, letters=letters)
    shown = f"{preamble}\n\n" if preamble else ""
    shown += "".join(
        part(item, texts()["en"] if instruction_language == "en" else _words(item), solved=True)
        for item in demonstrations
    )
    asked = part(row, words, solved=False)
    if style == "cloze":
        gap = _gap(words)
        options = tuple(f"{gap}{option}" for option in row["options"])
        return Prompt(shown + asked, options, words["answer"], isolated=False)
    subject = row["subject"].replace("_", " ")
    if style == "letters":
        gap = _gap(words)
        instruction = words["instruction"].format(subject=subject) + "\n\n"
        named = tuple(f"{gap}{letter}" for letter in letters)
        return Prompt(instruction + shown + asked, named, None, isolated=False)
    if row["task"] == "hp_quiz":
        instruction = _words(row)["instruction"].format(subject=subject) + "\n\n"
        return Prompt(instruction + shown + asked + " ", tuple(LETTERS), None, isolated=True)
    # The released format_subject puts a space before each word, hence two spaces after "about".
    instruction = (
        f"The following are multiple choice questions (with answers) about  {subject}.\n\n"
    )
    return Prompt(instruction + shown + asked, tuple(LETTERS), None, isolated=True)


def _cleaned(item: dict) -> dict:
    options = [way_in.clean(option) for option in item["options"]]
    return {**item, "question": way_in.clean(item["question"]), "options": options}


def _words(item: dict) -> dict[str, str]:
    return texts()[item["question_language"]]


def _gap(words: dict[str, str]) -> str:
    """A space after the colon of "Answer:", but none after a full-width one."""
    return "" if words["answer"].endswith("：") else " "


def _cloze(item: dict, words: dict[str, str], solved: bool) -> str:
    text = f"{words['question']}{item['question']}\n{words['answer']}"
    return f"{text}{_gap(words)}{item['options'][item['answer']]}\n\n" if solved else text


def _listed(item: dict, words: dict[str, str], solved: bool, letters: str) -> str:
    choices = [f"{name}. {option}" for name, option in zip(letters, item["options"], strict=True)]
    text = "\n".join([item["question"], *choices, words["answer"]])
    return f"{text}{_gap(words)}{letters[item['answer']]}\n\n" if solved else text


def _unknown(what: str, given: str, known: Sequence[str]) -> str:
    near = get_close_matches(given, known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"There is no {what} {given!r}; there are: {', '.join(known)}.{hint}"

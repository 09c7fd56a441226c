"""Prompts: the text that a model sees before a choice, and the choices as continuations of it.

Three styles:

- `cloze`: `Question: …`, new line, `Answer:`; a continuation is a choice's text. The choices are
  not listed. The unconditional context for PMI is the bare word for "Answer:".
- `letters`: instruction, question, listed choices, `Answer:`; continuations ` A` to ` D`, tokenised
  in context.
- `paper`: the prompt of the paper's released code (commit 62d79fe) to the byte, two spaces before
  the subject included (`MMLU/dataset/mmlu.py`, lines 33 to 80); a preamble follows the instruction
  on its line. Continuations `A` to `D`, tokenised alone (`MMLU/models/hf.py`, line 101; on many
  tokenizers that is a different token from the one that follows `Answer:`). For `hp_quiz` the
  released code has another prompt (`HP/evaluate.py`, lines 26 to 66): the instruction is in the
  question's language (here in our words but for English) and a space ends the prompt.

What `paper` does in another way than the released code, on purpose: demonstrations that do not fit
into the model's context are left out (`lengths.fitting`; there, the model reads on past it);
special tokens that are spelt out in a text are characters, and what a tokenizer puts after a text
is left off (`models.tokens`); the number format is the model's own (`models.load`; there, float16
for MMLU and bfloat16 for the quiz); an endpoint's answer is read as text (`letters.read`; there, it
must be the bare letter). The texts "None", "NA" and the like stay what they are (there, pandas
makes "nan" of them).

Texts of questions and choices are cleaned (`texts.clean`) for `cloze` and `letters`. Those of the
package and your own are clean already; public data may hold outer spaces and what cannot be seen,
and the paper's code puts them into its prompts as they are, so that `paper` keeps them.

The words come from `xlkb/data/prompts.toml`, whose `version` is stored with every result.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

from xlkb.ground import texts as way_in
from xlkb.ground.languages import LANGUAGES
from xlkb.ground.names import unknown
from xlkb.ground.paths import PACKAGE_DATA

STYLES = ("cloze", "letters", "paper")
INSTRUCTIONS = ("en", "question")
WAYS = (*LANGUAGES, "same", "mixup")
"""Languages of demonstrations: one for all, those of the question, or five in each."""
LETTERS = "ABCD"


@dataclass(frozen=True)
class Asking:
    """How questions are asked.

    style: how choices are scored, one of `STYLES`. n_shots: demonstrations before each question,
    at most. demonstrations: one of `WAYS`: "en" for English ones (or another code), "same" for ones
    recomposed as the question is, "mixup" for ones whose parts are in different languages.
    instruction_language: of the instruction and of the words for "Question" and "Answer": English
    as in the paper, or that of each question ("question"); the style `paper` is English only.
    preamble: text before demonstrations and question, with an empty line after it; in the style
    `paper` it follows the instruction on its line. letters: four different characters that name the
    choices, in the style `letters`. seed: of the recomposition of demonstrations.

    Raises:
        ValueError: unknown style, way of demonstrations or instruction language, with the nearest
            match; letters that are not four, or other ones for another style; `n_shots` below 0.
    """

    style: str = "cloze"
    n_shots: int = 0
    demonstrations: str = "en"
    instruction_language: str = "en"
    preamble: str = ""
    letters: str = LETTERS
    seed: int = 42

    def __post_init__(self) -> None:
        """Check every value."""
        if not len(set(self.letters)) == len(self.letters) == 4:
            raise ValueError(f"letters={self.letters!r}: give four different characters.")
        if self.letters != LETTERS and self.style != "letters":
            raise ValueError(f"letters={self.letters!r} are for the style 'letters' only.")
        if self.style not in STYLES:
            raise ValueError(unknown("style", self.style, STYLES))
        if self.instruction_language not in INSTRUCTIONS:
            given = self.instruction_language
            raise ValueError(unknown("instruction_language", given, INSTRUCTIONS))
        if self.style == "paper" and self.instruction_language != "en":
            raise ValueError(
                "The style 'paper' has an English instruction: instruction_language='en'."
            )
        if not isinstance(self.n_shots, int) or self.n_shots < 0:
            raise ValueError(f"n_shots={self.n_shots!r}: ask for 0 demonstrations or more.")
        if self.demonstrations not in WAYS:
            raise ValueError(unknown("way of demonstrations", self.demonstrations, WAYS))

    @staticmethod
    def of(given: "str | Asking") -> "Asking":
        """`given` itself, or where it is a text, that style and nothing else."""
        return Asking(given) if isinstance(given, str) else given


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


def build(row: dict, asking: str | Asking, demonstrations: Sequence[dict] = ()) -> Prompt:
    """The prompt of one recomposed question.

    Args:
        row: a row of a dataset from `recompose`.
        asking: how it is asked, or the style alone.
        demonstrations: rows to show with their answers before the question, in this order.

    Raises:
        ValueError: as `Asking` does.
    """
    asking = Asking.of(asking)
    style, english = asking.style, asking.instruction_language == "en"
    if style != "paper":
        row, demonstrations = _cleaned(row), [_cleaned(item) for item in demonstrations]
    words = texts()["en"] if english else _words(row)
    part = _cloze if style == "cloze" else partial(_listed, letters=asking.letters)
    shown = "".join(
        part(item, texts()["en"] if english else _words(item), solved=True)
        for item in demonstrations
    )
    asked = part(row, words, solved=False)
    if style == "paper":
        instruction, end = _released(row)
        instruction += f" {asking.preamble}" if asking.preamble else ""
        context = f"{instruction}\n\n{shown}{asked}{end}"
        return Prompt(context, tuple(LETTERS), None, isolated=True)
    shown = f"{asking.preamble}\n\n{shown}" if asking.preamble else shown
    gap = _gap(words)
    if style == "cloze":
        options = tuple(f"{gap}{option}" for option in row["options"])
        return Prompt(shown + asked, options, words["answer"], isolated=False)
    instruction = words["instruction"].format(subject=_subject(row)) + "\n\n"
    named = tuple(f"{gap}{letter}" for letter in asking.letters)
    return Prompt(instruction + shown + asked, named, None, isolated=False)


def _released(row: dict) -> tuple[str, str]:
    """Instruction and end of a prompt of the released code."""
    subject = _subject(row)
    if row["task"] == "hp_quiz":
        return _words(row)["instruction"].format(subject=subject), " "
    # Its format_subject puts a space before each word, hence two spaces after "about".
    return f"The following are multiple choice questions (with answers) about  {subject}.", ""


def _subject(row: dict) -> str:
    return row["subject"].replace("_", " ")


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

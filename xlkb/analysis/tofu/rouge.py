"""ROUGE-L recall of a free answer, the same measure in every language.

English is as TOFU has it: rouge-score's words of a to z and 0 to 9, stemmed. rouge-score would
leave nothing of other scripts, so other languages have words of their own here, made by the same
rule: letters and digits are words, all else stands between them, and case does not count. Two
things differ from English, because no rule for them holds in all languages. There is no stemmer, so
an inflected form is another word (a Korean one with its particle, too), which makes recall in these
languages a little lower. And a Chinese character or a kana is a word, because Chinese and Japanese
have no spaces.
"""

import unicodedata
from functools import cache
from types import SimpleNamespace
from typing import Any

from xlkb.ground.languages import folded, get, unspaced


def recall(reference: str, text: str, language: str = "en") -> float:
    """ROUGE-L recall, 0 to 1: the share of the reference's words that `text` has in their order.

    Final punctuation, quotes, case (by the rules of `language`), Unicode's ways to write the same
    letter, full-width forms, digits of other scripts, invisible characters, and Arabic and Hebrew
    vowel points, which writers leave out, do not change it. 0 when the reference has no words.

    Raises:
        ValueError: an unknown language.
    """
    score = _scorer(get(language).code).score(*map(_composed, (reference, text)))
    return float(score["rougeL"].recall)


def words(text: str, language: str) -> list[str]:
    """The words that recall counts in languages other than English."""
    letters = []
    for character in unicodedata.normalize("NFKC", folded(text, language)):
        kind = unicodedata.category(character)
        if kind == "Nd":
            letters.append(str(unicodedata.decimal(character)))
        elif unspaced(character):
            letters.append(f" {character} ")
        elif kind[0] in "LMN" and not _left_out(character, kind):
            letters.append(character)
        elif kind[0] not in "LMN" and kind != "Cf":
            letters.append(" ")
    return "".join(letters).split()


@cache
def _scorer(language: str) -> Any:
    # Takes seconds to import, with all of nltk.
    from rouge_score.rouge_scorer import RougeScorer

    if language == "en":
        return RougeScorer(["rougeL"], use_stemmer=True)
    tokenizer = SimpleNamespace(tokenize=lambda text: words(text, language))
    return RougeScorer(["rougeL"], tokenizer=tokenizer)


def _composed(text: str) -> str:
    # Else "é" as e and an accent would be cut in two, in English too.
    return unicodedata.normalize("NFC", text)


def _left_out(character: str, kind: str) -> bool:
    """A vowel point of Arabic or Hebrew, or the stroke that only lengthens an Arabic word."""
    name = unicodedata.name(character, "")
    return (kind == "Mn" and name.startswith(("ARABIC", "HEBREW"))) or name == "ARABIC TATWEEL"

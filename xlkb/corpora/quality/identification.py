"""Which language is a text in? By py3langid, among the languages of `xlkb.ground.languages`.

It is a naive Bayes classifier over byte n-grams, whose model comes with the package.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from xlkb.ground import progress
from xlkb.ground.languages import LANGUAGES

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENOUGH = 30
"""Letters that a text needs for its language to be judged; zh and ja do with a third."""

SURE = 0.99
"""Probability of another language from which a line counts as being in it."""

MANY = 0.2
"""Share of wrong lines from which a text is refused."""

KANA = ("HIRAGANA", "KATAKANA")
ENOUGH_HAN = 100
"""Letters that a text without kana needs to be told apart as Chinese or Japanese: a heading in
kanji may be either."""


def identify(text: str, languages: Iterable[str] = tuple(LANGUAGES)) -> tuple[str, float]:
    """The most probable language of a text, by code, and its probability."""
    return _identifier(tuple(languages)).classify(text)


def wrong_lines(lines: Iterable[str], language: str) -> list[tuple[int, str, float, str]]:
    """Lines that are surely in another language: number from 1, code, its probability, the line.

    Only lines of `ENOUGH` letters are judged, and only a probability of `SURE` condemns one. Where
    all lines are shorter, they are judged together, as line 1.
    """
    lines = list(lines)
    judged = [(n, line) for n, line in enumerate(lines, 1) if long_enough(line, language)]
    if not judged:
        whole = " ".join(lines)
        judged = [(1, whole)] if long_enough(whole, language) else []
    found = []
    for number, line in progress.over(judged, f"Reading {LANGUAGES[language].name}", " lines"):
        code, probability = identify(line)
        if code != language and probability >= SURE and not ambiguous(line, language, code):
            found.append((number, code, probability, line))
    return found


def is_foreign(lines: Iterable[str], language: str) -> bool:
    """Whether text is not in `language`, by its `wrong_lines`: one odd line never decides.

    It is foreign if more than one line and more than `MANY` of those judged are wrong, or if the
    one wrong line is all there is to judge, or if all but that line together read as another
    language.
    """
    lines = list(lines)
    wrong = wrong_lines(lines, language)
    if not wrong:
        return False
    if len(wrong) > 1:
        return len(wrong) > MANY * sum(long_enough(line, language) for line in lines)
    rest = [line for number, line in enumerate(lines, 1) if number != wrong[0][0]]
    whole = " ".join(rest)
    return not long_enough(whole, language) or bool(wrong_lines([whole], language))


def is_other(text: str, language: str) -> bool:
    """Whether a text of at least `ENOUGH` letters is identified as another language."""
    if not long_enough(text, language):
        return False
    code, _ = identify(text)
    return code != language and not ambiguous(text, language, code)


def ambiguous(text: str, language: str, other: str) -> bool:
    """Whether a text is short Han without kana, and so may be Chinese or Japanese."""
    if {language, other} != {"zh", "ja"}:
        return False
    letters = [character for character in text if character.isalpha()]
    kana = any(unicodedata.name(letter, "").startswith(KANA) for letter in letters)
    return not kana and len(letters) < ENOUGH_HAN


def long_enough(text: str, language: str) -> bool:
    """Whether a text has enough letters for its language to be judged."""
    enough = ENOUGH // 3 if language in ("zh", "ja") else ENOUGH
    return sum(character.isalpha() for character in text) >= enough


@cache
def _identifier(languages: tuple[str, ...]) -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(languages)
    return identifier

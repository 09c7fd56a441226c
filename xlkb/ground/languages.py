"""The languages of the questions. Only the codes are typed; the rest is CLDR, through babel."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import NamedTuple

from babel import Locale
from babel.core import get_global

from xlkb.ground.names import closest

FIVE = ("en", "fr", "de", "es", "it")
"""The five languages of the paper: base language first, in its order."""

_CODES = (*FIVE, "pt", "nl", "ru", "zh", "ar", "hi", "ja", "ko", "tr", "sw", "vi", "he")

# How the Unicode names of a script's letters begin (ISO 15924 code -> prefixes).
_LETTERS = {
    "Arab": ("ARABIC",),
    "Cyrl": ("CYRILLIC",),
    "Deva": ("DEVANAGARI",),
    "Hans": ("CJK",),
    "Hebr": ("HEBREW",),
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Kore": ("HANGUL",),
    "Latn": ("LATIN",),
}

# Unicode categories of what may stand before the first letter of a sentence: punctuation.
_BEFORE_LETTERS = ("Pi", "Ps", "Po", "Pf", "Pd")


class Language(NamedTuple):
    """One language: its codes and its names."""

    code: str
    """ISO 639-1."""
    name: str
    """English name in CLDR."""
    autonym: str
    """Its own name for itself in CLDR."""
    script: str
    """ISO 15924 code of the script it is usually written in (CLDR likely subtags)."""
    right_to_left: bool


def _describe(code: str) -> Language:
    locale = Locale(code)
    return Language(
        code=code,
        name=locale.get_language_name("en"),
        autonym=locale.get_language_name(code),
        script=get_global("likely_subtags")[code].split("_")[1],
        right_to_left=locale.character_order == "right-to-left",
    )


LANGUAGES: dict[str, Language] = {code: _describe(code) for code in _CODES}
"""Code -> language; the paper's five first. CLDR's plain `pt` is Brazilian, `zh` is simplified."""

FLORES: dict[str, str] = {
    "en": "eng_Latn",
    "fr": "fra_Latn",
    "de": "deu_Latn",
    "es": "spa_Latn",
    "it": "ita_Latn",
    "pt": "por_Latn",
    "nl": "nld_Latn",
    "ru": "rus_Cyrl",
    "zh": "zho_Hans",
    "ar": "arb_Arab",
    "hi": "hin_Deva",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "tr": "tur_Latn",
    "sw": "swh_Latn",
    "vi": "vie_Latn",
    "he": "heb_Hebr",
}
"""Code -> that of FLORES-200, which NLLB and belebele go by."""


def get(code: str) -> Language:
    """The language with this code.

    Raises ValueError naming the nearest language when there is none (English names and autonyms
    are recognised in the hint: `get("german")` suggests `de`).
    """
    if code in LANGUAGES:
        return LANGUAGES[code]
    raise ValueError(
        f"There is no language {code!r:.80}; there are: {', '.join(LANGUAGES)}.{_meant(code)}"
    )


def check(codes: Iterable[str]) -> tuple[str, ...]:
    """`codes` as a tuple, in the order given.

    Raises ValueError when one is unknown (with the nearest match), when one occurs twice, when
    there are none, and when a single string is passed in place of a list of codes.
    """
    if isinstance(codes, str):
        raise ValueError(f"languages must be a list of codes such as ['en', 'fr'], not {codes!r}")
    codes = tuple(get(code).code for code in codes)
    if not codes:
        raise ValueError(f"no language is given; there are: {', '.join(LANGUAGES)}.")
    for i, code in enumerate(codes):
        if code in codes[:i]:
            raise ValueError(f"language {code!r} is given twice; name each language once")
    return codes


def script_name(code: str) -> str:
    """English name of the script of a language in CLDR: "Latin", "Simplified Han"."""
    script = get(code).script
    return Locale("en").scripts[script] + " Han" * (script == "Hans")


def written_in(text: str, code: str) -> bool:
    """Whether every letter of `text` belongs to the script of the language `code`.

    Digits, marks, punctuation and modifier letters are not looked at.
    """
    prefixes = _LETTERS[get(code).script]
    return all(
        unicodedata.name(character, "").startswith(prefixes)
        for character in text
        if unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lo")
    )


def unspaced(character: str) -> bool:
    """Whether it is written without spaces, as Chinese characters and kana are."""
    return unicodedata.name(character, "").startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA"))


def capitalised(text: str, code: str) -> str:
    """`text` with a capital at its beginning, by the rules of the language.

    Turkish `i` becomes `İ`, Dutch `ij` becomes `IJ`. Punctuation before the first letter stays, as
    does what has no capital; the rest is not touched.
    """
    return _with_first(text, get(code).code, str.title, {"i": "İ"})


def uncapitalised(text: str, code: str) -> str:
    """`text` without a capital at its beginning; see `capitalised`."""
    return _with_first(text, get(code).code, str.lower, {"I": "ı", "İ": "i"})


def folded(text: str, code: str) -> str:
    """`text` as it compares when case does not count: Turkish `I` is `ı` there, `İ` is `i`."""
    composed = unicodedata.normalize("NFC", text)
    if get(code).code == "tr":
        composed = composed.replace("I", "ı").replace("İ", "i")
    return composed.casefold()


def _with_first(text: str, code: str, change: Callable[[str], str], turkish: dict) -> str:
    """`text` with its first letter changed."""
    # "'s avonds" and "'t huis" begin with a short form that never has a capital.
    short = re.match(r"\W*['’][a-zA-Z] ", text) if code == "nl" else None
    start = short.end() if short else 0
    while start < len(text) and unicodedata.category(text[start]) in _BEFORE_LETTERS:
        start += 1
    if start == len(text):
        return text
    length = 2 if code == "nl" and text[start : start + 2] in ("ij", "IJ") else 1
    first, rest = text[start : start + length], text[start + length :]
    if code == "tr" and first == "I" and rest.startswith("\u0307"):
        first, rest = "İ", rest[1:]
    if length == 2:
        changed = first.upper() if change is str.title else first.lower()
    else:
        changed = turkish.get(first, change(first)) if code == "tr" else change(first)
    return text[:start] + changed + rest


def _meant(code: object) -> str:
    """` Did you mean 'de' (German)?`, or nothing when no language is near."""
    spellings = {}
    for language in LANGUAGES.values():
        for spelling in (language.code, language.name, language.autonym):
            spellings[spelling.casefold()] = language
    # "pt-BR" and "zh_CN" are near "pt" and "zh", whatever the edit distance.
    wanted = str(code).casefold().replace("_", "-")
    near = closest(wanted.split("-")[0], spellings) or closest(wanted, spellings)
    language = spellings.get(near)
    return f" Did you mean {language.code!r} ({language.name})?" if language else ""

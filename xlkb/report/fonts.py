"""Labels in any script: the fonts that a figure needs, and lines that fit.

Figures are set in DejaVu Sans, which comes with matplotlib and has Latin, Cyrillic, Greek, Arabic
and Hebrew letters. For others there are the Noto fonts of two packages: `noto-cjk-sans-otc` for
Chinese, Japanese and Korean, `manimgx-fonts` for Devanagari and most other scripts. matplotlib,
from 3.11, joins Arabic letters, orders text from right to left and builds Indic syllables itself.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from textwrap import fill

from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

MAIN = "DejaVu Sans"
PACKAGES = ("noto_cjk_sans_otc", "manimgx_fonts")

# A collection has one face for each region; this one is right for simplified Chinese, and has all
# kana and hangul.
_FACES = {"NotoSansCJK-Regular.ttc": "Noto Sans CJK SC"}


def families(texts: Iterable[object]) -> list[str]:
    """Names of the fonts that have all characters of these texts: DejaVu Sans and what it needs.

    A character that no font has is left to matplotlib, which draws a box and warns.
    """
    visible = {c for text in texts for c in str(text) if unicodedata.category(c)[0] not in "CZ"}
    lacking = {ord(character) for character in visible} - _main()
    found = [MAIN]
    for name, known in _others() if lacking else ():
        if lacking & known:
            found.append(name)
            lacking -= known
    return found


def lines(label: object, columns: int) -> str:
    """A label in lines of about so many Latin letters, or half as many Chinese ones.

    Line breaks and tabs of the label are spaces. A long word is cut, except in scripts whose
    letters are put together, such as Devanagari.
    """
    text = " ".join(str(label).split())
    joined = any(unicodedata.category(each) in ("Mn", "Mc") for each in text)
    width = max(1, columns * len(text) // max(1, cells(text)))
    # matplotlib hides what is labelled with an underscore first.
    hidden = " " if text.startswith("_") else ""
    return hidden + fill(text, width, break_long_words=not joined)


def sentence(text: str, columns: int) -> str:
    """`lines` of an English text, which runs to the right even if it begins in Arabic or Hebrew."""
    right = any(unicodedata.bidirectional(each) in ("R", "AL") for each in text)
    found = lines(text, columns).split("\n")
    return "\n".join(f"\u200e{line}" if right else line for line in found)


def cells(text: str) -> int:
    """Width of a text, in Latin letters."""
    return len(text) + sum(unicodedata.east_asian_width(each) in "WF" for each in text)


@cache
def _main() -> set[int]:
    return set(FT2Font(findfont(FontProperties(family=MAIN))).get_charmap())


@cache
def _others() -> list[tuple[str, set[int]]]:
    """The other fonts, which matplotlib knows from now on: family and characters."""
    found = []
    for package in PACKAGES:
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith((".ttf", ".otf", ".ttc")) and "Italic" not in file.name:
                before = len(fontManager.ttflist)
                fontManager.addfont(str(file))
                name = _FACES.get(file.name, fontManager.ttflist[before].name)
                found.append((name, set(FT2Font(str(file)).get_charmap())))
    return found

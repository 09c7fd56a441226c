"""Words and their translations, for mixing word by word.

Entries come, the earlier before the later where they disagree, from

1. our own table of frequent words, `xlkb/data/lexicon.toml` (en fr de es it);
2. CLDR through babel: months, days, countries and continents, languages, units;
3. the short names of emoji in the `emoji` package (animals, food, things);
4. our phrase table: phrases of the almanac's training part that have one or two words.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from babel import Locale, units

from xlkb.corpora import aligned, registry
from xlkb.ground import languages as room
from xlkb.ground import paths
from xlkb.ground.languages import FIVE, LANGUAGES, capitalised, uncapitalised, written_in

FILE = paths.PACKAGE_DATA / "lexicon.toml"
SOURCES = ("own", "cldr", "emoji", "phrases")

Entry = dict[str, str]
"""Language -> word or words."""

Table = dict[str, Entry]
"""Text in the base language, as written inside a sentence -> entry."""

_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ENGLISH_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_AMBIGUOUS = ("May", "March", "Even", "Polish")
_CONTINENTS = ("002", "003", "005", "009", "142", "150")
_DURATIONS = ("year", "month", "week", "day", "hour", "minute")
_MEASURES = ("length-meter", "length-kilometer", "length-centimeter", "length-millimeter")
_MEASURES += ("mass-gram", "mass-kilogram", "volume-liter", "angle-degree")


class Found(NamedTuple):
    """A word (or two) of a text that the lexicon knows."""

    start: int
    end: int
    text: str
    entry: Entry
    """Translations, with a capital where the text has one at its beginning."""


def table(languages: Sequence[str] = FIVE, base: str = "en") -> Table:
    """The lexicon from `base` into all of `languages`.

    Entries that are written the same in every language are left out: nothing could be mixed there.

    Raises:
        ValueError: an unknown language, or a base that is written without spaces.
    """
    wanted = room.check(dict.fromkeys((base, *languages)))
    if base in ("zh", "ja"):
        raise ValueError(f"{base!r} is written without spaces: it cannot be the base of words.")
    return {key: entry for key, (_, entry) in _table(wanted).items()}


def find(text: str, words: Table, base: str = "en") -> Iterator[Found]:
    """What the lexicon knows in a sentence, from left to right, longest first, without overlaps."""
    tokens = list((_ENGLISH_WORD if base == "en" else _WORD).finditer(text))
    index = 0
    while index < len(tokens):
        for length in (2, 1):
            if index + length > len(tokens):
                continue
            first, last = tokens[index], tokens[index + length - 1]
            if length == 2 and text[first.end() : last.start()] != " ":
                continue
            whole = text[first.start() : last.end()]
            entry = words.get(whole)
            if entry is None and index == 0:
                entry = words.get(uncapitalised(whole, base))
                entry = entry and {code: capitalised(w, code) for code, w in entry.items()}
            if entry:
                yield Found(first.start(), last.end(), whole, entry)
                index += length - 1
                break
        index += 1


@cache
def _table(languages: tuple[str, ...]) -> dict[str, tuple[str, Entry]]:
    """As `table`, each entry with its source; the base is the first language."""
    word = _ENGLISH_WORD if languages[0] == "en" else _WORD
    found: dict[str, tuple[str, Entry]] = {}
    read = {"own": _own, "cldr": _cldr, "emoji": _emoji, "phrases": _phrases}
    for source in SOURCES:
        for entry in read[source]():
            if not all(entry.get(code) for code in languages):
                continue
            chosen = {code: unicodedata.normalize("NFC", entry[code]) for code in languages}
            key = chosen[languages[0]]
            parts = key.split(" ")
            fits = len(parts) <= 2 and all(word.fullmatch(part) for part in parts)
            if fits and key not in _AMBIGUOUS:
                found.setdefault(key, (source, chosen))
    # Last, so that the country Nauru, the same everywhere, keeps the language Nauru out.
    return {key: kept for key, kept in found.items() if len(set(kept[1].values())) > 1}


@cache
def _data() -> dict[str, dict]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _own() -> Iterator[Entry]:
    for kind, words in _data().items():
        if kind != "emoji":
            for word, translations in words.items():
                yield dict(zip(FIVE, (word, *translations), strict=True))


def _cldr() -> Iterator[Entry]:
    from xlkb.tasks import cldr

    locales = {code: Locale(code) for code in LANGUAGES}
    for attribute, keys in (("months", range(1, 13)), ("days", range(7))):
        for key in keys:
            names = {
                code: getattr(locale, attribute)["stand-alone"]["wide"][key]
                for code, locale in locales.items()
            }
            # babel was seen to return one language's names for another.
            yield {code: name for code, name in names.items() if written_in(name, code)}
    territories = [code for code in sorted(locales["en"].territories) if len(code) == 2]
    for code in (*territories, *_CONTINENTS):
        yield from _short(cldr.territory(code))
    for code in sorted(locales["en"].languages):
        if len(code) == 2:
            yield from _short(cldr.language(code))
    for unit in (*(f"duration-{name}" for name in _DURATIONS), *_MEASURES):
        for number in (1, 2):
            # CLDR's plain English is American ("meter").
            for english in ("en", "en_GB"):
                named = {
                    code: units.format_unit(
                        number, unit, "long", locale=english if code == "en" else code
                    )
                    for code in LANGUAGES
                }
                yield {
                    code: name.removeprefix(str(number)).strip()
                    for code, name in named.items()
                    # babel gives "2 duration-day" for some plurals in Spanish.
                    if name.startswith(str(number)) and unit not in name
                }


def _short(names: Entry | None) -> Iterator[Entry]:
    """A proper name, unless it is so short that it is likely to be another word."""
    if names and len(names["en"]) >= 4:
        yield names


def _emoji() -> Iterator[Entry]:
    import emoji

    spoken = [code for code in LANGUAGES if code in emoji.LANGUAGES]
    emoji.config.load_language(spoken)
    rejected = set(_data()["emoji"]["rejected"])
    for data in emoji.EMOJI_DATA.values():
        if data["status"] != emoji.STATUS["fully_qualified"]:
            continue
        names = {code: data[code].strip(":") for code in spoken if code in data}
        # A name of several words describes the drawing ("key with ring").
        single = {code: name for code, name in names.items() if "_" not in name}
        name = single.get("en", "")
        if name.islower() and name.isalpha() and name not in rejected:
            # All of these are nouns, and the package writes them in lower case.
            yield single | {"de": capitalised(single["de"], "de")} if "de" in single else single


def _phrases() -> Iterator[Entry]:

    for row in registry.load("almanac", split="train"):
        for _, segments in aligned.grouped(row):
            # The first phrase of a sentence has a capital that need not be its own.
            for segment in segments[1:]:
                phrase = {code: text.rstrip(".,;:!? ") for code, text in segment["text"].items()}
                if max(len(text.split()) for text in phrase.values()) <= 3:
                    yield phrase

"""Names in every language, from CLDR through babel; a name some language lacks is no name at all.

Every function returns `{language code: text}` over all of `LANGUAGES`, or None when CLDR lacks the
name in one of them, shows a code in its place, or writes it in another script (an English word in
a Hebrew list: that is how a missing or a wrong name shows).
"""

import re
import unicodedata
from collections import defaultdict
from functools import cache

from babel import Locale
from babel.core import get_global

from xlkb.ground.languages import LANGUAGES, written_in

Names = dict[str, str]


@cache
def territory(code: str) -> Names | None:
    """Country (ISO 3166 alpha-2) or region (UN M49 number) by code."""
    return _names("territories", code)


@cache
def currency(code: str) -> Names | None:
    """Currency by ISO 4217 code, as its display name ("Swiss Franc", "franc suisse")."""
    return _names("currencies", code)


@cache
def language(code: str) -> Names | None:
    """Language by ISO 639 code."""
    return _names("languages", code)


@cache
def city(zone: str) -> Names | None:
    """The city a time zone is named after ("Europe/Rome": Rome, Roma, Рим, ...).

    CLDR leaves out a city whose name is the last field of the zone's identifier and tells readers
    to take that field (UTS #35, "Time Zone Format Terminology", exemplar city). A language in
    Latin script may therefore do without an entry; in any other script the entry must be there.
    None too when a language adds something in brackets ("Tripoli (Libye)").
    """
    # CLDR files Kyiv under its older identifier, "Europe/Kiev".
    identifiers = (zone, *turned("zone_aliases")[zone])
    # Two places in one field ("Indiana/Vincennes") are told apart by the entries CLDR then has.
    plain = zone.rsplit("/", 1)[-1].replace("_", " ")
    names = {}
    for code, locale in _locales().items():
        entries = (locale.time_zones.get(name, {}).get("city") for name in identifiers)
        names[code] = next(filter(None, entries), plain)
    names = _checked(names)
    return names if names and not any("(" in text for text in names.values()) else None


def folded(text: str) -> str:
    """`text` without case, diacritics, spaces and punctuation, for comparing spellings."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if character.isalnum())


@cache
def _locales() -> dict[str, Locale]:
    return {code: Locale(code) for code in LANGUAGES}


@cache
def turned(table: str) -> dict[str, list[str]]:
    """A global table of babel's, turned around: value -> its keys, sorted; [] for no value."""
    keys = defaultdict(list)
    for key, value in sorted(get_global(table).items()):
        keys[value].append(key)
    return keys


def _names(table: str, key: str) -> Names | None:
    names = {code: getattr(locale, table).get(key) for code, locale in _locales().items()}
    return _checked(names) if all(name and name != key for name in names.values()) else None


def _checked(names: Names) -> Names | None:
    """Names in NFC without invisible characters (German "Reyk\u00adja\u00advík"), if in script."""
    names = {
        code: re.sub("[\u00ad\u200b\u200e\u200f]", "", unicodedata.normalize("NFC", name)).strip()
        for code, name in names.items()
    }
    return names if all(written_in(name, code) for code, name in names.items()) else None

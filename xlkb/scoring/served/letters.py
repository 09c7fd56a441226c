"""Letters in free answers: which of the four listed choices a chat model's answer names.

"The answer is B.", "D'après moi, B", "答案：Ｂ" and "Bです。" all say B. The words that a letter
stands beside are those of `answer_words.py`, in all languages of `languages.py`. What is not clear
is not read: no letter, several of them, a letter that is a word or a part of one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from xlkb.ground.answer_words import CONNECTED, W, chain, follows, pattern, plain

LOOKALIKES = dict(
    zip("АВЕКМНОРСТХаеорсхΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEKMHOPCTXaeopcxABEZHIKMNOPTX", strict=True)
)
"""Cyrillic and Greek letters that are read as the Latin ones that the prompt lists."""

SERIES = ("АБВГ", "أبجد", "ابجد", "אבגד")
"""What A to D become where a model counts in its own letters, if it never names a Latin one."""

WORDS = "aeiouy"
"""Letters that are words of their own in some language, as in "A good question"."""

ALPHABETIC = r"A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u052f\u1e00-\u1fff"
"""Latin, Greek and Cyrillic, whose letters never stand beside a name; those of others may."""

MARKUP = rf"[^{W}\s.,;:!?。、،؛؟।\-–—=/(\[{{]*"
"""What may close after a letter: bold, brackets, quotes."""

OPENING = "([{*\"'`«“„「『<$‹"
ENDS = r".,;:!?。、،؛؟।\n\r\-–—=/(\[{"
TURKISH = r"'(?:[dt][iıuü]r|[yn]?[iıuü]n?)(?![a-zçğıöşü])"
"""Endings of a letter, as in "Cevap B'dir"."""

BEFORE = 120
"""Characters before a letter that are looked at."""


class Place(NamedTuple):
    """A letter that stands alone in a text: where, which of the four, and what is said of it."""

    start: int
    end: int
    index: int
    final: bool
    stated: bool
    """Called the answer, or correct, or chosen."""
    named: bool
    """Called the answer or an option."""
    alone: bool
    """Alone in its line."""
    label: bool
    """Before a choice, as in "B) canoe"."""
    bare: bool
    """No words follow it in its clause."""
    denied: bool = False


def read(text: str, letters: Sequence[str], choices: Sequence[str] = ()) -> str | None:
    """The one letter that an answer names, None if it names none or several.

    A letter counts where it stands alone: at the beginning, after punctuation, or beside a word
    such as "answer" or "option", in any language. One that is called the answer, or has a line of
    its own, counts more than others; a list of all four choices is passed over; "not B" is not B.
    Full-width and other forms of a letter are the letter, and so are Cyrillic and Greek letters
    that look like it; small letters stand for capitals only where brackets or the word "answer"
    show that they are meant.

    Args:
        text: an answer, without thinking (`replies.cleaned`).
        letters: the four names of the choices, of one character each.
        choices: their texts; "B canoe" is B if the choice B is "canoe".
    """
    text, names = plain(text), [plain(letter) for letter in letters]
    if len(set(names)) < 4 or not all(names):
        names = list(letters)
    known = {name: i for i, name in enumerate(names)}
    for other, latin in LOOKALIKES.items():
        if (other in known) != (latin in known):
            known |= {other: known[latin]} if latin in known else {latin: known[other]}
    shown = [plain(choice).casefold() for choice in choices]
    if names == list("ABCD") and not _standing(text, names):
        for series in SERIES:
            counted = {letter: i for i, letter in enumerate(series)}
            if any(match[0] not in LOOKALIKES for match in _standing(text, counted)):
                places = _decisive(text, _places(text, counted, shown))
                return _only(letters, [p for p in places if p.alone or _meant(text, p)])
    places = _places(text, known, shown)
    swapped = {name.swapcase(): i for name, i in known.items()}
    if not places and not {*swapped} & {*known}:
        places = [place for place in _places(text, swapped, shown) if _meant(text, place)]
    return _only(letters, _decisive(text, places))


def _only(letters: Sequence[str], places: Sequence[Place]) -> str | None:
    named = {place.index for place in places}
    return letters[named.pop()] if len(named) == 1 else None


def _decisive(text: str, places: Sequence[Place]) -> Sequence[Place]:
    """The places that count: what is final, or else stated, or else opens the answer, or all."""
    for chosen in (
        [place for place in places if place.final],
        [place for place in places if place.stated or place.alone],
    ):
        if chosen:
            return chosen
    if places and places[0].label and not re.search(rf"[{W}]", text[: places[0].start]):
        line = text.find("\n", places[0].start)
        if 0 <= line < min((p.start for p in places[1:]), default=len(text)) and not any(
            place.label and _begins_line(text, place.start) for place in places[1:]
        ):
            return places[:1]
    return places


def _meant(text: str, place: Place) -> bool:
    """Whether another form of a letter is meant as one: called the answer, or in brackets."""
    before, after = text[: place.start].rstrip("* "), text[place.end :].lstrip("* '")
    if before[-1:] in ("(", "[", "{", '"') and after[:1] in (")", "]", "}", '"'):
        return True
    first = not re.search(rf"[{W}]", before) and after[:1] == ")"
    return first or (place.named and after[:1] in ("", ".", "\n", "!", ")"))


def _standing(text: str, names: Iterable[str]) -> list[re.Match]:
    """Where a name stands alone: not in a word, an abbreviation, a number or an elision."""
    found: list[re.Match] = []
    for name in names:
        inner = f"{ALPHABETIC}0-9" if re.match(f"[{ALPHABETIC}0-9]", name) else W
        before = rf"(?<![{inner}])(?<![0-9°])(?<![{ALPHABETIC}][&.-])(?<![0-9][.,])"
        after = (
            rf"(?![{inner}]|[0-9]|[+#&]|['-][{ALPHABETIC}]|\.[{ALPHABETIC}](?![{ALPHABETIC}])"
            rf"|[.,][0-9]|\s?%|°)"
        )
        found += re.finditer(f"{before}{re.escape(name)}(?:{after}|(?={TURKISH}))", text)
    return sorted(found, key=lambda match: match.start())


def _places(text: str, known: Mapping[str, int], choices: Sequence[str]) -> list[Place]:
    """The places where a letter is named and not denied, but for lists of all four, in order."""
    places: list[Place] = []
    matches = _standing(text, known)
    ends = [0, *(match.end() for match in matches)]
    starts = [*(match.start() for match in matches[1:]), len(text)]
    ties = [_tied(text[one.end() : two.start()]) for one, two in pairwise(matches)]
    told: list[Place | None] = []
    for i, (match, last, until) in enumerate(zip(matches, ends, starts, strict=False)):
        index = _index(text, match, known, choices)
        choice = choices[index] if choices else ""
        tied = any(ties[max(0, i - 1) : i + 1])
        told.append(_place(text, match, last, until, index, choice, tied))
    _share_denials(text, matches, told)
    for match, place in zip(matches, told, strict=True):
        if place and place.denied:
            continue
        since = text[places[-1].end : match.start()] if places else ""
        reason = _reasons(since) and not _tied(since)
        if place and (place.stated or not reason):
            places.append(place)
            if [each.index for each in places[-4:] if each.label] == [0, 1, 2, 3]:
                del places[-4:]
    for i in range(len(places) - 1):
        one, two = places[i : i + 2]
        if _joined(text, one, two):
            both = {"final": one.final or two.final, "stated": one.stated or two.stated}
            places[i : i + 2] = one._replace(**both), two._replace(**both)
    return places


def _index(text: str, match: re.Match, known: Mapping[str, int], choices: Sequence[str]) -> int:
    """Which choice a letter names: the third for a Cyrillic "В" before that choice's own text."""
    index = known[match[0]]
    counted = SERIES[0].find(match[0])
    if match[0] in LOOKALIKES and 0 <= counted < len(choices) and known.get("B") == 1:
        echo = re.sub(rf"^[^{W}]+", "", text[match.end() :]).casefold()
        if len(choices[counted]) > 1 and echo.startswith(choices[counted]):
            return index if echo.startswith(choices[index]) else counted
    return index


def _share_denials(text: str, matches: Sequence[re.Match], told: list[Place | None]) -> None:
    """Lets a denial hold for both letters in "neither A nor B" and "A and C can be excluded"."""
    pairs = [(i, _shared(text, *two)) for i, two in enumerate(pairwise(matches))]
    for step, way in ((0, pairs), (1, pairs[::-1])):
        for i, shared in way:
            one, other = told[i + step], told[i + 1 - step]
            # In "the answer is B and C is wrong" it holds for C alone.
            if one and one.denied and other and shared and (shared == "both" or not other.stated):
                told[i + 1 - step] = other._replace(denied=True)


def _shared(text: str, one: re.Match, two: re.Match) -> str:
    """How two letters are put together: "both" by words as in "ni A ni B", "and", or "" not."""
    between = text[one.end() : two.start()]
    word = between.strip().lower()
    if not re.fullmatch(f"[{W}]+", word):
        return ""
    again = re.search(rf"(?<![{W}]){word}\s*$", text[: one.start()].lower()) or (
        re.match(CONNECTED, word) and text[two.end() :].startswith(word)
    )
    return "both" if again or word == "nor" else "and" if chain(between)[0] == {"also"} else ""


def _place(
    text: str, match: re.Match, last: int, until: int, index: int, choice: str, tied: bool
) -> Place | None:
    """What is said of a letter; None if it is a word, or beside words that say nothing.

    `last`: the end of the letter before; `until`: the start of the next; `tied`: by "and" or "or".
    """
    start, end = match.span()
    roles, left, crossed = chain(text[max(last, start - BEFORE) : start])
    if crossed and last and not left and last >= start - BEFORE:
        roles -= {"answer", "final"}  # Said of the letter before.
    suffix = re.match(TURKISH, text[end:])
    tail = text[end + (suffix.end() if suffix else 0) :]
    closing = re.match(MARKUP, tail)[0]
    rest = tail[len(closing) :]
    label = ")" in closing or bool(re.match(r"\s?[.:]|\s*[-–—=](?!\w)", rest))
    echo = rest.lstrip(" \t")
    if len(choice) > 1 and echo.casefold().startswith(choice):
        label = True
    clause = "" if label else re.split(f"[{ENDS}]", rest[: max(0, until - end)])[0]
    clause = clause.strip() if re.search(f"[{W}]", clause) else ""
    word = match[0].casefold() in WORDS or match[0] in LOOKALIKES
    told, known = follows(clause, word)
    denied = "wrong" in roles | told
    before = text[:start].rstrip(" \t")
    enclosed = bool(closing) and text[start - 1 : start] in OPENING and start > 0
    stated = "answer" in roles | told
    named = bool(roles & {"answer", "option"})
    told_of = (named and not crossed) or ("answer" in roles and not word)
    if denied:
        return Place(start, end, index, False, stated, named, False, label, not clause, True)
    if clause and not (known or suffix or enclosed or tied or told_of):
        return None
    bracket = closing[:1] == ")" and text.count("(", 0, start) == text.count(")", 0, start)
    opened = not before or not re.match(f"[{W}]", before[-1])
    if not (opened or roles or enclosed or bracket or suffix or stated or tied):
        return None
    alone = _begins_line(text, start) and not re.match(rf"[^\n]*[{W}]", tail)
    final = "final" in roles
    return Place(start, end, index, final, stated, named or stated, alone, label, not clause)


def _reasons(between: str) -> bool:
    """Whether a text tells why, in the sentence that a letter began."""
    ended = re.search("[.!?\n。।]", between)
    return not ended and bool(pattern("because").search(between.lower()))


def _begins_line(text: str, start: int) -> bool:
    return not re.search(f"[{W}]", text[text.rfind("\n", 0, start) + 1 : start])


def _tied(between: str) -> bool:
    """Whether only "and", "or" and the like stand between two letters."""
    roles, left, _ = chain(between)
    ended = re.search(r"[.!?:;\n。]", between) or re.search(f"[{W}]", left)
    return not ended and ("also" in roles or bool(re.search("[/&+]", between)))


def _joined(text: str, one: Place, two: Place) -> bool:
    """Whether two letters are named together, as in "B or C", "B/C" or "B, C"."""
    between = text[one.end : two.start]
    listed = two.bare and not re.search(rf"[{W}.!?:;\n。]", between)
    return not one.label and (listed or _tied(between))

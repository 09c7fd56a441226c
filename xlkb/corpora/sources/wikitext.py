"""WikiText-2 and WikiText-103 (Merity et al. 2016), English Wikipedia, as plain text again.

`wikitext-2` and `wikitext-103` are the raw variant, in which no word is <unk>, from the hub
(`HUB`). `wikitext-2:PLACE` is a folder with the same files, or one file: parquet, or text as it was
released (`wiki.train.raw`, `wiki.valid.tokens`, `valid.txt`). `$XLKB_DATA/wikitext-2` (or
`wikitext2`) comes before the hub. The split "heldout" is the published validation split; of one
file, and of the subsets below, it is one article in eight.

An article, from a heading of the first level (` = Title = ` between blank lines) to the next, is a
document; a line is a paragraph; headings are left out. The released text is tokenised in both
variants: sacremoses puts it together again, after ` @-@ `, ` @,@ ` and ` @.@ `, which are
WikiText's own, and before what Wikipedia writes without spaces (km/h, 1914–18, 5′). Sentences are
those of sentencex; joined by spaces they are the paragraph. Those with <unk> are left out: that
token is not text, and tokenizers read it as one of theirs.

The paper's quiz about Harry Potter goes with a subset of WikiText-103:
`wikitext-103-hp` is the 4,358 lines that the authors chose, by their list `INDEX`, which lies in
`PLACE`, in `$XLKB_DATA` or in the folder of WikiText-103 there; `wikitext-103-hp-keywords` is the
paragraphs in which `KEYWORDS` matches, for who does not have the list.
"""

import json
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlkb.ground import hub, paths, progress, texts

if TYPE_CHECKING:
    from sacremoses import MosesDetokenizer

HUB = ("Salesforce/wikitext", "b08601e04326c79dfdd32d625aee71d232d685c3")
"""Data set and its pinned commit."""

PACKAGES = ("sacremoses", "sentencex")
"""What makes plain text of it."""

SUBSETS = ("wikitext-103-hp", "wikitext-103-hp-keywords")
NAMES = ("wikitext-2", "wikitext-103", *SUBSETS)

PUBLISHED = {
    ("wikitext-2", "train"): (36_718, 600),
    ("wikitext-2", "heldout"): (3_760, 60),
    ("wikitext-103", "train"): (1_801_350, 28_475),
    ("wikitext-103", "heldout"): (3_760, 60),
}
"""Lines (the data set's card on the hub) and articles (Merity et al., table 1) of the splits."""

INDEX = "HP_related_index_for_wikitext-103.json"
INDEX_SOURCE = (
    "github.com/google-research/crosslingual-knowledge-barriers, HP/Wiki103-HP/, commit 8060e7d"
)
INDEXED = 1_165_029
"""Lines of WikiText-103's training split that are not blank: what the authors' list counts."""

KEYWORDS = re.compile(
    r"\b(Harry Potter|Hogwarts|Dumbledore|Voldemort|Hermione|Gryffindor|Slytherin|Hufflepuff"
    r"|Ravenclaw|Quidditch|Weasley|Hagrid|Snape|Muggles?|Death Eaters?|Horcrux(?:es)?)\b"
)

_NAMED = {"train": r"train", "heldout": r"valid(?:ation)?"}
_SUFFIXES = (".parquet", ".raw", ".tokens", ".txt")
_RELEASED = re.compile(r"wiki\.(train|valid)\.(raw|tokens)|(train|validation)-\d+-of-\d+\.parquet")

_TITLE = re.compile(r"= (?!=).*(?<!=) =")
_BEFORE = (
    (re.compile(r" ?@([-,.])@ ?"), r"\1"),
    (re.compile(r"(?<=\S) ' s\b"), " 's"),
)
# What Moses cuts off and does not put back.
_AFTER = (
    (re.compile(r"(?<=\w) ([/‑]) (?=\w)"), r"\1"),
    (re.compile(r"(?<=\d) (–|--) (?=\d)"), r"\1"),
    (re.compile(r"\b(\d\d?): (?=\d\d\b)"), r"\1:"),
    (re.compile(r"(?<=\d) ([′″]|°(?= \d))"), r"\1"),
    (re.compile(r"(?<=\d) ° (?=[CFK]\b)"), " °"),
    (re.compile(r"(?<=\w) ’ (?=(?:s|t|d|m|re|ve|ll)\b)"), "’"),
    (re.compile(r"(?<=“) | (?=”)"), ""),
)


def articles(name: str, place: str | Path | None = None, split: str = "train") -> list[dict]:
    """The articles of one corpus, as they are in the files.

    Args:
        name: one of `NAMES`.
        place: a folder or a file; see the top of this module.
        split: "train" or "heldout", in a folder or on the hub; of a file, "train".

    Returns:
        Dicts of `corpus, id` ("wikitext-2/train/12 Title"), `subject` and `paragraphs` (lines), for
        `restored`.

    Raises:
        FileNotFoundError: there is no such place, or the split or the list is not in it.
        ValueError: a file with a released name, or the subset's, is not whole; a file that is not
            UTF-8 text or parquet, or has no article.
        OSError: the hub cannot be reached.
    """
    source = "wikitext-103" if name in SUBSETS else name
    chosen = _related(place) if name == "wikitext-103-hp" else None
    files = _files(source, place, split)
    lines = [line for file in files for line in _lines(file)]
    _check(lines, source, split, files)
    if chosen is not None and sum(map(bool, lines)) != INDEXED:
        raise ValueError(
            f"{files[0]} has {sum(map(bool, lines))} lines that are not blank; {INDEX} counts "
            f"{INDEXED}, those of WikiText-103's training split."
        )
    found: list[dict] = []
    number = -1
    for at, line in enumerate(lines):
        if not line:
            continue
        number += 1
        titled = _is_title(lines, at)
        if titled or not found:
            title = plain(line[2:-2]) if titled else "(before the first heading)"
            identifier = f"{name}/{split}/{len(found) + 1} {title}"
            row = {"corpus": name, "id": identifier, "subject": "Wikipedia", "paragraphs": []}
            found.append(row)
        heading = line[0] == line[-1] == "="
        related = chosen is None or number in chosen
        related &= name != "wikitext-103-hp-keywords" or KEYWORDS.search(line) is not None
        if related and not heading:
            found[-1]["paragraphs"].append(line)
    found = [row for row in found if row["paragraphs"]]
    if not found:
        raise ValueError(f"{files[0]} has no text of {name}.")
    return found


def needed(name: str, place: str | Path | None = None, split: str = "train") -> list[hub.Source]:
    """What `articles` reads of the hub; nothing where there is a place."""
    name = "wikitext-103" if name in SUBSETS else name
    if paths.data_folder(place, *_names(name)) is not None:
        return []
    kind = "train" if split == "train" else "validation"
    return [hub.dataset(*HUB, [f"{name}-raw-v1/{kind}-*.parquet"])]


def has_splits(name: str, place: str | Path | None = None) -> bool:
    """Whether "heldout" is a split of its own there."""
    return name not in SUBSETS and not (place is not None and Path(place).expanduser().is_file())


def restored(articles: list[dict]) -> list[dict]:
    """Articles as rows of a corpus: plain text, cut into sentences; warns of what is left out."""
    rows, left_out, total = [], 0, 0
    for article in progress.over(articles, "Restoring plain text", " articles"):
        every = [text for line in article["paragraphs"] for text in sentences(plain(line))]
        kept = [text for text in every if "<unk>" not in text]
        left_out, total = left_out + len(every) - len(kept), total + len(every)
        segments = [{"sentence": place, "text": {"en": text}} for place, text in enumerate(kept)]
        row = {column: article[column] for column in ("corpus", "id", "subject")}
        rows.append(row | {"segments": segments})
    if left_out:
        warnings.warn(
            f"{left_out} of {total} sentences of {articles[0]['corpus']} hold <unk> and are left "
            "out: take the raw variant, which has the words themselves.",
            stacklevel=3,
        )
    return [row for row in rows if row["segments"]]


def plain(line: str) -> str:
    """A tokenised line as it is written: `1 @.@ 5 km / h , he 's` is `1.5 km/h, he's`."""
    line = texts.clean(line)
    for pattern, replacement in _BEFORE:
        line = pattern.sub(replacement, line)
    line = _detokenizer().detokenize(line.split())
    for pattern, replacement in _AFTER:
        line = pattern.sub(replacement, line)
    return line


def sentences(text: str) -> list[str]:
    """The sentences of an English paragraph; joined by spaces they are its words."""
    from sentencex import segment

    found: list[str] = []
    for part in segment("en", text):
        # Not after "!" in the middle of a word.
        if found and not found[-1][-1:].isspace() and not part[:1].isspace():
            part = found.pop() + part
        found.append(part)
    return [" ".join(part.split()) for part in found if part.strip()]


@cache
def _detokenizer() -> "MosesDetokenizer":
    from sacremoses import MosesDetokenizer

    return MosesDetokenizer(lang="en")


def _is_title(lines: list[str], place: int) -> bool:
    """Tables have lines between equals signs too, but not with blank lines around them."""
    alone = not any(lines[max(place - 1, 0) : place]) and not any(lines[place + 1 : place + 2])
    return alone and _TITLE.fullmatch(lines[place]) is not None


def _files(name: str, place: str | Path | None, split: str) -> list[Path]:
    if found := needed(name, place, split):
        return sorted(hub.folder(found[0]).glob(*found[0].patterns))
    place = Path(paths.data_folder(place, *_names(name))).expanduser()
    if place.is_file():
        return [place]
    named = re.compile(rf"(?:.*[._-])?{_NAMED[split]}(?:[._-].*)?")
    found = [
        file
        for folder in (place, place / f"{name}-raw-v1", place / f"{name}-v1")
        for file in texts.visible(folder)
        if file.suffix in _SUFFIXES and named.fullmatch(file.name)
    ]
    # The same text may lie there in several forms; only parquet files come in parts.
    first = [file for file in found if (file.parent, file.suffix) == (found[0].parent, ".parquet")]
    if not found:
        raise FileNotFoundError(
            f"{place} holds no {split} split of {name}: put the files of {HUB[0]} there "
            f"({name}-raw-v1/*.parquet) or the released wiki.train.raw and wiki.valid.raw, or name "
            "a file."
        )
    return first or found[:1]


def _names(name: str) -> tuple[str, str]:
    """Of a folder in `$XLKB_DATA`."""
    return name, name.replace("-", "")


def _lines(file: Path) -> Iterator[str]:
    """The lines of a file, blank ones too, without spaces at their ends.

    Cleaning waits for `plain`: the published counts are of lines as they are.
    """
    try:
        if file.suffix == ".parquet":
            (found,) = hub.columns(file, "text")
        else:
            found = texts.lines(file)
    except (ValueError, OSError) as error:
        found, reason = [], f" ({error})"
    else:
        reason = ""
    if not any(map(str.strip, found)):
        raise ValueError(
            f"{file} is no WikiText, neither UTF-8 text nor parquet with a column `text`{reason}."
        )
    yield from map(str.strip, found)


def _check(lines: list[str], name: str, split: str, files: list[Path]) -> None:
    """Refuse part of a released file, and a whole one that is not as published."""
    released = _RELEASED.fullmatch(files[0].name)
    if released:
        split = "train" if "train" in released.groups() else "heldout"
    whole, articles = PUBLISHED[name, split]
    if len(lines) == whole:
        titles = sum(_is_title(lines, place) for place in range(len(lines)))
        # The table's counts; a few articles more have a heading of their own.
        if not articles <= titles <= 1.05 * articles:
            raise ValueError(
                f"{files[0]} has {titles} articles; the {split} split of {name} has {articles}."
            )
    elif released:
        raise ValueError(
            f"{files[0]} has {len(lines)} lines; the {split} split of {name} has {whole}. If it is "
            "meant to be a part of it, give it another name."
        )


def _related(place: str | Path | None) -> set[int]:
    """The authors' lines: numbers from 0 among the training lines that are not blank."""
    folders = [Path(place).expanduser()] if place is not None else []
    local = paths.local_data()
    folders += [local, local / "wikitext-103"] if local is not None else []
    file = next((folder / INDEX for folder in folders if (folder / INDEX).is_file()), None)
    if file is None:
        raise FileNotFoundError(
            f"wikitext-103-hp needs the authors' list {INDEX} ({INDEX_SOURCE}): put it into the "
            "folder that XLKB_DATA names, or take wikitext-103-hp-keywords."
        )
    try:
        numbers = json.loads("\n".join(texts.lines(file)))["HP-related-index"]
        chosen = {int(number) for number in numbers}
        if not 0 <= min(chosen) <= max(chosen) < INDEXED:
            raise ValueError(f"numbers from 0 to {INDEXED - 1} are expected")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is not the authors' list ({error!r}).") from None
    return chosen

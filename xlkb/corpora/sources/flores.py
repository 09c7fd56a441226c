"""FLORES (Goyal et al. 2022; NLLB Team 2022): sentences that people translated into all languages.

`flores` is the published test split, devtest, from the hub (`HUB`); the paper takes the first 100
of its sentences. `flores:FOLDER` has the files of a release (`eng_Latn.devtest`, also in a folder
`devtest`, or `eng_Latn/devtest-*.parquet`) or of the paper's code (`en.devtest`).
`$XLKB_DATA/flores` (or `flores100`) comes before the hub. It is there for testing: nothing of it is
held out, and nothing should be trained on it.
"""

from collections.abc import Sequence
from pathlib import Path

from xlkb.ground import hub, paths, texts
from xlkb.ground.languages import FLORES

HUB = ("facebook/flores", "994d4cd204c67acac0cdacb5cd9edcbc64de5c71")
"""Data set and its pinned commit."""

SIZES = {1012: "devtest", 100: "the paper's"}
"""Published numbers of sentences (the data set's card; the paper's released code)."""


def rows(languages: Sequence[str], place: str | Path | None = None) -> list[dict]:
    """Every sentence as a document of its own, in these languages.

    Args:
        languages: codes.
        place: a folder; None for `$XLKB_DATA` or the hub.

    Returns:
        Rows with `corpus` ("flores"), `id` ("devtest/0", …), `subject`, `segments` (one).

    Raises:
        FileNotFoundError: the folder has no file of a language.
        ValueError: a file has not the published number of sentences, or another one than the first
            language's, or blank lines, or is not UTF-8; up to ten are named.
        OSError: the hub cannot be reached.
    """
    place = paths.data_folder(place, "flores", "flores100")
    if place is None:
        place = hub.folder(*needed(languages))
    files = {code: _file(Path(place).expanduser(), code) for code in languages}
    problems: list[str] = []
    read = {code: _sentences(file, problems) for code, file in files.items()}
    texts.refuse(problems)
    first = len(next(iter(read.values())))
    for code, sentences in read.items():
        if len(sentences) not in SIZES or len(sentences) != first:
            known = " or ".join(f"{n} ({what})" for n, what in SIZES.items())
            problems.append(
                f"{files[code]} has {len(sentences)} sentences; FLORES has {known}, the same in "
                "all files"
            )
    texts.refuse(problems)
    return [
        {
            "corpus": "flores",
            "id": f"devtest/{number}",
            "subject": "flores",
            "segments": [{"sentence": 0, "text": dict(zip(read, sentence, strict=True))}],
        }
        for number, sentence in enumerate(zip(*read.values(), strict=True))
    ]


def needed(languages: Sequence[str], place: str | Path | None = None) -> list[hub.Source]:
    """What `rows` reads of the hub; nothing where there is a folder."""
    if paths.data_folder(place, "flores", "flores100") is not None:
        return []
    return [hub.dataset(*HUB, [f"{FLORES[code]}/devtest-*.parquet" for code in languages])]


def _file(folder: Path, code: str) -> Path:
    name = FLORES[code]
    patterns = {folder: [f"{code}.devtest", f"{name}.devtest"]}
    patterns |= {place: [f"{name}.devtest"] for place in texts.visible(folder, "devtest")}
    patterns |= {place: ["devtest-*.parquet"] for place in texts.visible(folder, name)}
    for place, wanted in patterns.items():
        if found := texts.visible(place, *wanted):
            return found[0]
    raise FileNotFoundError(
        f"{folder} has none of {code}.devtest, {name}.devtest, devtest/{name}.devtest, "
        f"{name}/devtest-*.parquet."
    )


def _sentences(file: Path, problems: list[str]) -> list[str]:
    if file.suffix == ".parquet":
        (found,) = hub.columns(file, "sentence")
    else:
        found = texts.lines(file, problems)
    found = [texts.clean(sentence) for sentence in found]
    blank = [number for number, sentence in enumerate(found, 1) if not texts.looks(sentence)]
    problems += [f"{file}, line {number} is blank: write the sentence" for number in blank]
    return found

"""FLORES (Goyal et al. 2022; NLLB Team 2022): sentences that people translated into all languages.

`flores` is the published test split, devtest, from the hub (`HUB`); the paper takes the first 100
of its sentences. `flores:FOLDER` has the files of a release (`eng_Latn.devtest`, also in a folder
`devtest`, or `eng_Latn/devtest-*.parquet`) or of the paper's code (`en.devtest`).
`$XLKB_DATA/flores` (or `flores100`) comes before the hub. It is there for testing: nothing of it is
held out, and nothing should be trained on it.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from xlkb import hub, paths
from xlkb.languages import FLORES

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
            language's, or a blank line.
        OSError: the hub cannot be reached.
    """
    place = paths.data_folder(place, "flores", "flores100")
    if place is None:
        place = hub.folder(*HUB, [f"{FLORES[code]}/devtest-*.parquet" for code in languages])
    files = {code: _file(Path(place).expanduser(), code) for code in languages}
    texts = {code: _sentences(file) for code, file in files.items()}
    sizes = {code: len(sentences) for code, sentences in texts.items()}
    first = next(iter(sizes.values()))
    for code, size in sizes.items():
        if size not in SIZES or size != first:
            known = " or ".join(f"{n} ({what})" for n, what in SIZES.items())
            raise ValueError(
                f"{files[code]} has {size} sentences; FLORES has {known}, the same in all files."
            )
    return [
        {
            "corpus": "flores",
            "id": f"devtest/{number}",
            "subject": "flores",
            "segments": [{"sentence": 0, "text": dict(zip(texts, sentence, strict=True))}],
        }
        for number, sentence in enumerate(zip(*texts.values(), strict=True))
    ]


def _file(folder: Path, code: str) -> Path:
    name = FLORES[code]
    patterns = [f"{code}.devtest", f"{name}.devtest", f"devtest/{name}.devtest"]
    patterns.append(f"{name}/devtest-*.parquet")
    found = [file for pattern in patterns for file in folder.glob(pattern)]
    if not found:
        raise FileNotFoundError(f"{folder} has none of {', '.join(patterns)}.")
    return found[0]


def _sentences(file: Path) -> list[str]:
    if file.suffix == ".parquet":
        sentences = pd.read_parquet(file, columns=["sentence"])["sentence"].tolist()
    else:
        sentences = file.read_text(encoding="utf-8-sig").removesuffix("\n").split("\n")
    sentences = [sentence.strip() for sentence in sentences]
    if "" in sentences:
        raise ValueError(f"{file}, line {sentences.index('') + 1} is blank.")
    return sentences

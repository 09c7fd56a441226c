"""Mixed-language text once it is made: what came out, how it looks, and how it is kept."""

import html
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from datasets import Dataset, Features, Value
from datasets.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from xlkb.corpora import aligned
from xlkb.ground import disk
from xlkb.ground.languages import LANGUAGES

if TYPE_CHECKING:
    from IPython.display import HTML

RECORD = "mixing.json"

# Light backgrounds that differ in lightness and hue for colour-blind readers too.
_COLOURS = ("#ffffff", "#fbe3b5", "#b9dcf2", "#f6c6b3", "#c2e6cf", "#e3cdea", "#f4f0a8", "#d5d5d5")


def request(mixed: Dataset) -> dict[str, Any]:
    """What was asked for when the text was mixed; empty when the dataset does not know it."""
    try:
        found = json.loads(mixed.info.description or "{}")
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def shares(mixed: Dataset) -> pd.DataFrame:
    """Language shares, asked and got.

    Returns:
        One row per language: `language` (code), `name`; `units`, `words`, `characters` (counts);
        `asked` (share of the units, 0 to 1; NaN when the dataset does not know it), `got_units`,
        `got_words`, `got_characters` (shares of the totals). Of text by "word", what the lexicon
        lacks counts among words and characters, and is no unit. A unit of several sentences is one.
    """
    units, words, characters = Counter(), Counter(), Counter()
    for row in mixed:
        last = None
        for span in row["spans"]:
            code = span["language"]
            text = row["text"][span["start"] : span["end"]]
            units[code] += span["number"] not in (-1, last)
            words[code] += aligned.count_words(text, code)
            characters[code] += len(text)
            last = span["number"]
    asked = request(mixed).get("asked", {})
    codes = [code for code in LANGUAGES if code in asked or characters[code]]
    table = pd.DataFrame(
        {
            "language": codes,
            "name": [LANGUAGES[code].name for code in codes],
            "units": [units[code] for code in codes],
            "words": [words[code] for code in codes],
            "characters": [characters[code] for code in codes],
            "asked": [asked.get(code, 0.0) if asked else float("nan") for code in codes],
        }
    )
    for column in ("units", "words", "characters"):
        table[f"got_{column}"] = table[column] / max(table[column].sum(), 1)
    return table


def unmix(mixed: Dataset, documents: Dataset, base: str = "en") -> Dataset:
    """The base text of every mixed document, put together from its spans' sources alone.

    Args:
        mixed: from any function of this module.
        documents: what it was made from (or more); what comes out is compared with them.
        base: the base that the text was mixed with.

    Returns:
        Dataset with `corpus, id, text`, in the order of `mixed`.

    Raises:
        ValueError: a document is not among `documents`, or its sources are not its text: the
            mixed text was made from something else or has been altered.
    """
    known = {(row["corpus"], row["id"]): row for row in documents}
    rows = []
    for row in mixed:
        name = (row["corpus"], row["id"])
        if name not in known:
            raise ValueError(f"Document {row['id']!r} of {row['corpus']} is not in the documents.")
        sentences: dict[int, list[str]] = {}
        space, end = aligned.separator(base, base), 0
        for span in row["spans"]:
            parts = sentences.setdefault(span["sentence"], [])
            if parts and row["unit"] == "parallel":
                continue
            if parts:
                # Between words there is what was there in the base text.
                kept = row["text"][end : span["start"]] if row["unit"] == "word" else space
                parts.append(kept)
            parts.append(span["source"])
            end = span["end"]
        text = space.join("".join(parts) for parts in sentences.values())
        if text != aligned.text(known[name], base):
            raise ValueError(
                f"The sources of document {row['id']!r} are not its text in {base!r}: it was mixed "
                "from other text or on another base, or it has been altered."
            )
        rows.append({"corpus": row["corpus"], "id": row["id"], "text": text})
    text = Value("string")
    return Dataset.from_list(rows, features=Features(corpus=text, id=text, text=text))


def preview(document: Mapping[str, Any]) -> "HTML":
    """One mixed document (a row) with its languages coloured, for a notebook.

    Where the language changes its code stands above the line, so that the text can be read without
    colour; the base text appears under the pointer.
    """
    from IPython.display import HTML

    spoken = list(dict.fromkeys(span["language"] for span in document["spans"]))
    order = [code for code in LANGUAGES if code in spoken]
    colours = {code: _COLOURS[place % len(_COLOURS)] for place, code in enumerate(order)}
    style = "color:#111;border-radius:3px;padding:0 2px;background:"
    parts, end, before = [], 0, None
    for span in document["spans"]:
        code = span["language"]
        parts.append(html.escape(document["text"][end : span["start"]]))
        mark = "" if code == before else f"<sup><small>{code}</small></sup>"
        title = f"{LANGUAGES[code].name}: {span['source']}"
        text = document["text"][span["start"] : span["end"]]
        parts.append(
            f'{mark}<bdi lang="{code}" title="{html.escape(title)}" '
            f'style="{style}{colours[code]}">{html.escape(text)}</bdi>'
        )
        end, before = span["end"], code
    legend = " ".join(
        f'<span style="{style}{colours[code]};border:1px solid #999">{code} '
        f"{html.escape(LANGUAGES[code].autonym)}</span>"
        for code in order
    )
    name = html.escape(f"{document['id']}, by {document['unit']}")
    return HTML(
        f'<div style="line-height:1.9;max-width:50em"><div><b>{name}</b> {legend}</div>'
        f"<div>{''.join(parts)}</div></div>"
    )


def write(mixed: Dataset, folder: str | Path, replace: bool = False) -> Path:
    """Save mixed text as a folder for `datasets.load_from_disk` that appears in one rename.

    With it goes `mixing.json`: the request with the seed, the SHA-256 of the source documents and
    of the text, the number of documents, and the shares. The same text gives the same bytes.

    Args:
        mixed: from `xlkb.corpora.mixing`.
        folder: where to; it must not exist or be empty.
        replace: put it in the place of a mixed corpus that is there.

    Raises:
        FileExistsError: the folder holds something (with `replace`: something else).
        ValueError: there is no document.
    """
    folder = Path(folder).expanduser().absolute()
    check_free(folder, replace)
    if not len(mixed):
        raise ValueError("There is no document to write.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the folder, so that the rename stays on one file system.
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-writing-"))
    try:
        # A fingerprint from the content, because `datasets` makes one from how it came about.
        digest = _digest(mixed)
        plain = Dataset.from_list(mixed.to_list(), features=mixed.features)
        plain = Dataset(plain.data, info=mixed.info, fingerprint=digest[:16])
        with _quiet():
            plain.save_to_disk(str(work / "new"))
        table = shares(mixed)
        record = {
            "documents": len(mixed),
            **request(mixed),
            "text": digest,
            "shares": table.astype(object).where(table.notna(), None).to_dict("records"),
        }
        disk.write_json(work / "new" / RECORD, record)
        if folder.exists():
            os.rename(folder, work / "old")
        os.rename(work / "new", folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def check_free(folder: str | Path, replace: bool = False) -> None:
    """Raise FileExistsError unless a mixed corpus may be written there, OSError unless it can."""
    folder = Path(folder).expanduser()
    disk.writable(folder.absolute().parent, str(folder))
    if folder.is_dir() and (not any(folder.iterdir()) or (replace and (folder / RECORD).exists())):
        return
    if folder.exists():
        hint = (
            "name another folder"
            if replace
            else "name another, or replace it (replace=True, or --replace)"
        )
        raise FileExistsError(f"{folder} is there already: {hint}.")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars of `datasets`, which show in pipes and logs too."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def _digest(mixed: Dataset) -> str:
    """SHA-256 (hex) of the rows in their order."""
    found = sha256()
    for row in mixed:
        found.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode() + b"\n")
    return found.hexdigest()

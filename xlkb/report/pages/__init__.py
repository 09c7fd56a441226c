"""Pages: a document of sections, as Markdown, JSON and one self-contained HTML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from xlkb.ground import disk
from xlkb.report.tables import readable


class Section(NamedTuple):
    """A part of a document: a heading, Markdown text, and perhaps a table or figures.

    table: is shown as `readable` makes it. figures: PNG or SVG files.
    """

    title: str
    text: str = ""
    table: pd.DataFrame | None = None
    figures: Sequence[Path] = ()


def write(
    folder: Path, name: str, title: str, sections: Sequence[Section], data: Any
) -> dict[str, Path]:
    """Write a document to `folder` as NAME.md, NAME.json (the `data`) and NAME.html.

    Returns:
        Ending -> path.
    """
    made = {ending: Path(folder) / f"{name}.{ending}" for ending in ("md", "json")}
    disk.write(made["md"], markdown(title, sections).encode())
    disk.write_json(made["json"], data)
    return made


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The document as Markdown."""
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [section.text] if section.text else []
        if section.table is not None and len(section.table):
            parts.append(readable(section.table).to_markdown(index=False))
        parts += [f"![{section.title}]({figure.name})" for figure in section.figures]
    return "\n\n".join(parts) + "\n"

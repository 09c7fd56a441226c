"""Pages: a document of sections, as Markdown, JSON and one self-contained HTML file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from xlkb.ground import disk
from xlkb.profiles import Run
from xlkb.report.pages import grids, html
from xlkb.report.tables import readable, shown_only


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
    """Write a document to `folder` as NAME.md, NAME.json (the `data`, `disk.plain`) and NAME.html.

    Returns:
        Ending -> path.
    """
    made = {ending: Path(folder) / f"{name}.{ending}" for ending in ("md", "json", "html")}
    disk.write(made["md"], shown_only(markdown(title, sections)).encode())
    disk.write_json(made["json"], disk.plain(data))
    disk.write(made["html"], page(title, sections, name).encode())
    return made


def markdown(title: str, sections: Sequence[Section]) -> str:
    """The document as Markdown."""
    parts = [f"# {title}"]
    for section in sections:
        parts.append(f"## {section.title}")
        parts += [section.text] if section.text else []
        if section.table is not None and len(section.table):
            parts.append(grids.markdown(readable(section.table)))
        parts += [f"![{section.title}]({figure.name})" for figure in section.figures]
    return "\n\n".join(parts) + "\n"


def page(title: str, sections: Sequence[Section], name: str = "") -> str:
    """The document as one HTML file, which asks for nothing (`html`).

    Args:
        name: of the files beside it, NAME.md and NAME.json; "" for none.
    """
    parts = [
        {
            "anchor": anchor,
            "title": section.title,
            "text": section.text,
            "grid": grids.grid(readable(section.table)) if section.table is not None else None,
            "figures": [html.uri(Path(figure)) for figure in section.figures],
        }
        for section, anchor in zip(
            sections, html.anchors(section.title for section in sections), strict=True
        )
    ]
    return html.page("document.html", title=title, sections=parts, name=name)


def run(
    made: Run, notebooks: Path, folder: Path, parameters: Mapping[str, str | bool] | None = None
) -> Path:
    """Write the report of a run as index.html; as of `of_run.write`."""
    from xlkb.report.pages import of_run  # nbconvert takes seconds to import.

    return of_run.write(made, notebooks, folder, parameters)

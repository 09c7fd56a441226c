"""Chapters: executed notebooks as parts of a page, by nbconvert.

Nothing of an output can run or fetch: HTML keeps the tags of texts and tables (bleach), and the
page's policy forbids the rest.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import bleach
import nbformat
from markupsafe import Markup, escape

from xlkb import profiles
from xlkb.report.pages.html import FOLDER

TEXTS = "a abbr b blockquote br caption code dd del div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre"
TEXTS += " s small span strong sub sup table tbody td tfoot th thead tr tt u ul"
KEPT = {"a": ["href", "title"], "*": ["class", "dir", "lang", "colspan", "rowspan"]}
"""Attributes by tag."""
DROPPED = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE)
COUNTED = re.compile(r": computed [\d,]+ / reused [\d,]+ ")
"""Lines of a notebook that tell how much of it was stored."""
LINES = 8
"""Of what a notebook said last, at most."""


class Chapter(NamedTuple):
    """An executed notebook: its number ("02"), title, HTML, and the lines that it printed last."""

    number: str
    title: str
    html: Markup
    said: list[str]


def of(
    notebook: Path,
    figures: Mapping[str, Mapping[str, str]],
    folders: Sequence[str] = (),
    parameters: Mapping[str, str | bool] | None = None,
) -> Chapter:
    """The chapter of an executed notebook.

    Args:
        figures: SHA-256 of a PNG -> the `name`, `caption` and `uri` of the figure that it is.
        folders: are left out of outputs, where paths begin with them: they tell of a machine.
        parameters: as of `profiles.load`, of the run that it must be of; None for any run.

    Raises:
        ValueError: the notebook was cut, is none, or is of another run.
    """
    try:
        made, sources = nbformat.read(notebook, as_version=4), {}
    except (ValueError, AttributeError, nbformat.ValidationError):  # Of other JSON the latter two.
        raise ValueError(
            f"{notebook} is no whole notebook: run it again, with --only {notebook.name[:2]}."
        ) from None
    if parameters and (other := _other(made, parameters)):
        raise ValueError(
            f"{notebook} is of another run, {other}: run it again, with --only {notebook.name[:2]}."
        )
    for count, cell in enumerate(made.cells):
        if "id" in cell:  # Notebooks count from 0, each for itself.
            cell.id = f"cell-{notebook.name[:2]}-{count}"
    for output in _outputs(made):
        for holder in (output, output.get("data", {})):
            for kind in {"text", "text/plain", "text/html"} & holder.keys():
                holder[kind] = without(holder[kind], folders)
        if png := output.get("data", {}).get("image/png"):
            known = figures.get(_sha256(png))
            output.setdefault("metadata", {})["figure"] = dict(known, uri="") if known else None
            if known:
                mark = f'data-figure="{known["name"]}"/>'
                sources[mark] = f'src="{escape(known["uri"])}" {mark}'
    body, _ = _exporter().from_notebook_node(made)
    for mark, source in sources.items():  # Later, as nbconvert parses what it has made.
        body = body.replace(mark, source)
    first = next((cell.source for cell in made.cells if cell.cell_type == "markdown"), "")
    title = first.partition("\n")[0].lstrip("# ").partition("·")
    return Chapter(
        notebook.name[:2], (title[2] or title[0]).strip() or notebook.stem, Markup(body), said(made)
    )


def _other(notebook: nbformat.NotebookNode, parameters: Mapping[str, str | bool]) -> str:
    """Name of the run that papermill executed it for, where that is not the one of `parameters`."""
    given = dict(notebook.metadata.get("papermill", {}).get("parameters", {}))
    try:  # A notebook is not given the parameters that it does not have.
        name = profiles.load(**dict(parameters, **given)).name
    except (TypeError, ValueError, OSError, ImportError):  # Its profile or questions are gone.
        return str(given.get("profile"))
    return "" if name == profiles.load(**parameters).name else name


def said(notebook: nbformat.NotebookNode) -> list[str]:
    """What the notebook printed last, in the last third of its code; [] for nothing.

    Lines that count what was computed and reused are no finding.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in reversed(code[-(len(code) // 3) :]):
        texts = [o.text for o in cell.get("outputs", []) if o.get("name") == "stdout"]
        lines = [line.rstrip() for line in "".join(texts).splitlines() if line.strip()]
        if lines := [line for line in lines if not COUNTED.search(line)]:
            return lines[-LINES:]
    return []


def without(text: str, folders: Sequence[str]) -> str:
    """A text whose paths do not begin with these folders; "..." where one stands alone."""
    every = "|".join(map(re.escape, sorted(folders, key=len, reverse=True)))
    found = rf"(?<![\w.-])(?:{every})([/\\]|(?![\w-]))"
    return re.sub(found, lambda each: "" if each[1] else "...", text) if every else text


def _outputs(notebook: nbformat.NotebookNode) -> Iterator[Any]:
    for cell in notebook.cells:
        yield from cell.get("outputs", [])


def _sha256(png: str) -> str:
    try:
        return hashlib.sha256(base64.b64decode(png)).hexdigest()
    except binascii.Error:
        return ""


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter  # Takes seconds to import.

    made = HTMLExporter(
        template_name="chapter",
        extra_template_basedirs=[str(FOLDER)],
        sanitize_html=True,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    made.register_filter("clean_html", clean)
    return made


def clean(text: str) -> str:
    """HTML of a notebook's text or output, with the tags of texts and tables only."""
    return _cleaner().clean(DROPPED.sub("", text))


@cache
def _cleaner() -> bleach.Cleaner:
    return bleach.Cleaner(
        TEXTS.split(), KEPT, protocols=["http", "https", "mailto"], strip=True, strip_comments=True
    )

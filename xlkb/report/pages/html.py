"""HTML: one file that asks for nothing, from a template in `data/pages/`.

What runs are the scripts that lie there, named by their hashes in the page's content security
policy: nothing in a text, a notebook's output or a question can run, and nothing is fetched.
Tables are real tables, sorted by sortable-tablesort (`data/pages/vendor/sources.toml`): 4 kB, and
what scripts are not there for, such as printing, searching and right-to-left scripts, works by
itself.
"""

import base64
import hashlib
import json
import urllib.parse
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import mistune
from markupsafe import Markup

from xlkb.ground import disk
from xlkb.ground.paths import PACKAGE_DATA

FOLDER = PACKAGE_DATA / "pages"
SCRIPTS = ("vendor/sortable.min.js", "vendor/sortable.a11y.min.js", "page.js")
"""Of every page."""
ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
SAFE = " !$()*+,-./:;=?@[]^_`{|}~'\n"
"""What a data: URI may hold besides letters and digits, between double quotes."""


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(FOLDER)
    made = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["markdown"] = markdown
    return made


def page(template: str, scripts: Sequence[str] = (), **values: Any) -> str:
    """A page: the template filled with `values`, which are escaped unless they are `Markup`.

    Args:
        template: a file of `data/pages/`.
        scripts: files there, which the page runs besides `SCRIPTS`.
    """
    bodies = [_text(name) for name in (*SCRIPTS, *scripts)]
    hashes = " ".join(f"'sha256-{_digest(body)}'" for body in bodies)
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(_text("style.css")),
            scripts=[Markup(body) for body in bodies],
            policy=(
                f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
                "img-src data:; base-uri 'none'; form-action 'none'"
            ),
        )
    )


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _digest(body: str) -> str:
    return base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()


class _Renderer(mistune.HTMLRenderer):
    """Headings below the page's own; of a picture, which would be fetched, what it shows."""

    def heading(self, text: str, level: int, **attributes: Any) -> str:
        return super().heading(text, min(level + 2, 6), **attributes)

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return text


@cache
def _markdown() -> mistune.Markdown:
    return mistune.create_markdown(
        renderer=_Renderer(escape=True), plugins=["table", "strikethrough"]
    )


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML in it is text."""
    return Markup(_markdown()(text))


def data(value: Any) -> Markup:
    """`value` as JSON in a script's element, from which nothing gets out; NaN becomes null."""
    text = json.dumps(disk.plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(ESCAPES))


def uri(figure: Path) -> str:
    """A figure as a data: URI, the PNG or the SVG of its name, whichever is smaller."""
    alike = [figure.with_suffix(ending) for ending in (".svg", ".png")]
    found = [path for path in alike if path.exists()]
    return min((_uri(path) for path in found or [figure]), key=len)


def _uri(path: Path) -> str:
    content = path.read_bytes()
    if path.suffix == ".svg":
        return f"data:image/svg+xml,{urllib.parse.quote(content, safe=SAFE)}"
    return f"data:image/{path.suffix[1:]};base64,{base64.b64encode(content).decode()}"


def anchors(titles: Iterable[str]) -> list[str]:
    """An address on the page for each title, no two alike."""
    made = ["main"]  # Of the template.
    for title in titles:
        words = "".join(c if c.isalnum() else " " for c in title.casefold()).split()
        name = wanted = "-".join(words) or "part"
        number = 2
        while name in made:
            name, number = f"{wanted}-{number}", number + 1
        made.append(name)
    return made[1:]

"""The report of a run: what it found, its notebooks, tables, figures and questions, in one file."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from xlkb import analysis
from xlkb.ground import disk, paths
from xlkb.profiles import Run
from xlkb.report import manifest
from xlkb.report.pages import chapters, explorer, grids, html
from xlkb.report.tables import read

MAIN = ("fig01f_languages", "fig02f_mixup", "fig03d_matrix", "fig04a_mitigations")
MAIN += ("fig05a_general", "fig06d_costs", "fig07a_orders")
"""The figure that a notebook is known by; without it, the first that it made."""
BESIDE = re.compile(r"_(paper|settings)$")
"""Tables that hold the paper's numbers beside ours."""


class Fact(NamedTuple):
    """A number of the headline, what it is, and its interval or parts."""

    value: str
    what: str
    more: str


def write(
    run: Run, notebooks: Path, folder: Path, parameters: Mapping[str, str | bool] | None = None
) -> Path:
    """Write the report of a run to `folder` as index.html, from what lies on the disk.

    Args:
        run: whose figures and scores are shown.
        notebooks: folder of its executed notebooks.
        parameters: that the run was loaded with; None accepts notebooks of any run.

    Returns:
        The file.

    Raises:
        ValueError: a notebook is damaged or of another run, or a table is damaged.
    """
    entries = manifest.recorded(run.figures)
    made = {name: entry for name, entry in entries.items() if entry["files"]}
    figures = [_figure(run.figures, *each) for each in _of(made, "figure")]
    by_hash = {made[each["name"]]["files"][f"{each['name']}.png"]: each for each in figures}
    executed, folders = sorted(notebooks.glob("[0-9][0-9]_*.ipynb")), _folders(run)
    parts = [chapters.of(path, by_hash, folders, parameters) for path in executed]
    embedded = {name for part in parts for name in re.findall(r'data-figure="(\w+)"', part.html)}
    tables = {name: read(run.figures / f"{name}.csv") for name, _ in _of(made, "table")}
    shown = {name: grids.shown(run.figures / f"{name}.csv") for name in tables}
    listed = [_table(*each, shown) for each in _of(made, "table")]
    try:
        questions, lacking = html.data(explorer.data(run)), ""
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        questions, lacking = None, chapters.without(str(error), folders)
    story = _story(run, tables)
    page = html.page(
        "run.html",
        ("views.js", "explorer.js"),
        title=f"The crosslingual knowledge barrier: {run.name}",
        run=run,
        facts=_headline(run, tables, shown),
        story=story,
        chapters=[_teaser(part, _main(part.number, figures), story) for part in parts],
        figures=figures,
        embedded=embedded,
        tables=[each for each in listed if not BESIDE.search(each["name"])],
        beside=[each for each in listed if BESIDE.search(each["name"])],
        left_out=[(n, e["caption"], e["left_out"]) for n, e in entries.items() if not e["files"]],
        models=_models(made),
        created=max((entry["created"] for entry in made.values()), default=""),
        questions=questions,
        lacking=lacking,
    )
    path = Path(folder) / "index.html"
    disk.write(path, page.encode())
    return path


def _folders(run: Run) -> list[str]:
    """Where a run's own files lie, and others that a notebook may name."""
    given = (name.partition(":")[2] for name in (run.task, *run.models))
    own = [Path(each).parent for each in given if Path(each).is_absolute()]
    every = (*own, run.results, run.figures, paths.ROOT, paths.cache(), sys.prefix, Path.home())
    return [str(each) for each in every if Path(each) != Path(each).parent]


def _of(made: dict[str, dict], kind: str) -> list[tuple[str, dict]]:
    return [(name, entry) for name, entry in sorted(made.items()) if entry["kind"] == kind]


def _figure(folder: Path, name: str, entry: dict) -> dict[str, str]:
    uri = html.uri(folder / f"{name}.png")
    return {"name": name, "caption": entry["caption"], "uri": uri, "number": _number(name)}


def _table(name: str, entry: dict, shown: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    named = {"name": name, "caption": entry["caption"], "number": _number(name)}
    return named | {"grid": grids.grid(shown[name])}


def _number(name: str) -> str:
    """Of the notebook that an artefact is named after."""
    found = re.search(r"\d\d", name)
    return found[0] if found else ""


def _main(number: str, figures: Sequence[dict[str, str]]) -> dict[str, str] | None:
    own = [figure for figure in figures if figure["number"] == number]
    return next((each for each in own if each["name"] in MAIN), own[0] if own else None)


def _teaser(
    chapter: chapters.Chapter, main: dict[str, str] | None, story: str
) -> tuple[chapters.Chapter, dict[str, str] | None]:
    """The chapter with what it said, but for what the story tells already; and its figure."""
    told = set(story.splitlines())
    return chapter._replace(said=[line for line in chapter.said if line not in told]), main


def _headline(
    run: Run, tables: Mapping[str, pd.DataFrame], shown: Mapping[str, pd.DataFrame]
) -> list[Fact]:
    """The main model's accuracy in the base language, its barrier, and the gap of mixup."""
    facts, name = [], "table02b_multilingual"
    if name in tables:
        table = tables[name]
        own = (table["model"] == table["model"].iloc[0]) & (table["language"] == run.base)
        for row in shown[name][own].to_dict("records"):
            share, _, interval = row["accuracy (%)"].partition(" ")
            what = (
                f"of {row['n']} questions in {run.base_name} answered correctly by {row['model']}"
            )
            facts.append(Fact(f"{share} %", what, f"95 % interval: {interval}"))
    for name, what in (
        ("table02c_barrier", "fewer are right when question and choices are in another language"),
        ("table02g_mixup", "fewer are right when five languages are mixed in a question"),
    ):
        if name not in tables:
            continue
        table = tables[name]
        own = table["gap_points"].notna() & (table["rule"] == run.rules[0])
        if not own.any():
            continue
        rows = shown[name].loc[table.loc[own, "gap_points"].sort_values().index]
        gaps = [row["gap (points)"].partition(" ")[0] for row in rows.to_dict("records")]
        value = " to ".join(dict.fromkeys([gaps[0], gaps[-1]]))
        more = f"Rule {run.rules[0]}: {'; '.join(_gaps(shown[name][own]))}"
        facts.append(Fact(f"{value} points", what, more))
    return facts


def _gaps(rows: pd.DataFrame) -> list[str]:
    """Each gap with its interval and n."""
    texts = []
    for row in rows.to_dict("records"):
        name = analysis.card.language(row["language"])
        texts.append(f"{name} {row['gap (points)']}, n = {row['n']}")
    return texts


def _story(run: Run, tables: dict[str, pd.DataFrame]) -> str:
    """What the tables of notebooks 06 and 07 say, in Markdown; "" where there are none."""
    answers = [each for answers in analysis.story.QUESTIONS.values() for each in answers]
    there = {n: tables[n] for names, _ in answers for n in names if n in tables}
    return analysis.story.told(there, run.base) if there else ""


def _models(made: dict[str, dict]) -> list[tuple[str, str]]:
    """Label and start of the fingerprint of every model that something was made of."""
    found: dict[tuple[str, str], Any] = {}
    for entry in made.values():
        found |= {(label, fingerprint[:12]): None for label, fingerprint in entry["models"].items()}
    return sorted(found)

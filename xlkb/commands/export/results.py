"""What the exports of results share: whose answers, to which questions, and when they were made."""

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from xlkb import analysis, profiles, tasks
from xlkb.commands import line
from xlkb.commands.before import readers
from xlkb.commands.before.wanted import Wanted
from xlkb.exchange import answers, origins
from xlkb.ground import disk, paths
from xlkb.profiles import Run

ASKING = ("profile", "task", "languages", "style")
"""Options that say what a model is asked; a file of answers says it itself."""

OPTIONS = f"""
subject  whose answers: {answers.FORMS}
--out FOLDER  where the files go
--task TASK  what is asked: {", ".join(tasks.names())} or path:FILE.jsonl (default: the profile's)
--languages LANGUAGES  codes, as en,fr,de (default: the profile's five)
--style STYLE  how choices are scored: {", ".join(tasks.prompts.STYLES)} (default: the profile's)
--profile PROFILE  how many questions, of which draw: a name or path:FILE.toml (default: demo)
--rule RULE  how a choice is taken: {", ".join(analysis.RULES)}; letters know sum only (default:
    sum)
--date DATE  when the answers were made, as 2026-01-31 or 2026-01-31T12:00:00Z (default: as the
    stored answers, or the file of them, say)
"""

ASKS = """\
What is stored already is not computed again; what is missing is asked for, as notebook 02 asks it:
the questions in each language and, of five languages, mixed.
"""


def parse(
    parser: argparse.ArgumentParser, described: str, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """The options of an export of results; those of `described` are its own.

    Raises:
        SystemExit: as of `line.parse`.
    """
    line.add(
        parser,
        OPTIONS + described.lstrip("\n"),
        ("--out",),
        subject=readers.text,
        out=readers.place,
        task=readers.named,
        languages=readers.codes,
        style=readers.one_of(tasks.prompts.STYLES),
        profile=readers.named,
        rule=readers.one_of(analysis.RULES),
        date=_date,
    )
    parser.set_defaults(rule="sum")
    options = line.parse(parser, arguments)
    given = [f"--{name}" for name in ASKING if getattr(options, name)]
    if answers.stored(options.subject) and given:
        parser.error(f"{', '.join(given)}: what was asked stands in {options.subject}.")
    return options


def uses(options: argparse.Namespace) -> Wanted:
    """What asking the subject takes that may not be there; errors as of `check`."""
    _place(options.out)
    if answers.stored(options.subject):
        return Wanted()
    run = _run(options)
    data = tasks.needed(run.task, options.languages or run.five)
    return Wanted(models=(_base(options.subject),), data=tuple(data))


def check(options: argparse.Namespace) -> list[str]:
    """Raise what would stop the export before anything is computed.

    Returns:
        The tasks that the questions are from, as the column of the answers says.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
    """
    _place(options.out)
    if file := answers.stored(options.subject):
        found = answers.read(file)
        if options.rule != "sum" and (styles := {*found.rows["style"]} - {"cloze"}):
            raise ValueError(f"--rule {options.rule}: the style {min(styles)} knows the rule sum.")
        analysis.decide(found.rows, options.rule)
        return list(found.rows["task"].unique())
    run = _run(options)
    answers.model_of(options.subject)
    return answers.questions(run, options.languages or ()).unique("task")


def given(options: argparse.Namespace) -> tuple[answers.Answers, datetime, bool]:
    """The answers, when they were made, and whether the questions are the hub's pinned ones.

    Raises:
        ValueError, OSError, RuntimeError: as of `scoring.score` and `origins.moment`.
    """
    place: Path
    if file := answers.stored(options.subject):
        found, place, pinned = answers.read(file), paths.user(file), False
    else:
        run = _run(options)
        model = answers.model_of(options.subject)
        asked = answers.questions(run, options.languages or ())
        found = answers.of_model(model, asked, run.results, run.style)
        place = origins.stored(model, run.results)
        pinned = bool(tasks.needed(run.task, options.languages or run.five))
    when = origins.instant(options.date) if options.date else origins.moment(found, place)
    return found, when, pinned


def _run(options: argparse.Namespace) -> Run:
    """The run whose questions are asked.

    Raises:
        ValueError: as of `profiles.load`, or the rule does not fit the style.
    """
    run = profiles.load(
        options.profile or "demo",
        model=_base(options.subject),
        task=options.task or "",
        languages=options.languages or "",
        style=options.style or "",
    )
    if run.style != "cloze" and options.rule != "sum":
        raise ValueError(f"--rule {options.rule}: the style {run.style} knows the rule sum only.")
    return run


def _base(subject: str) -> str:
    return paths.adapted(subject)[0]


def _place(folder: Path) -> None:
    disk.writable(folder, "--out")


def _date(text: str) -> str:
    try:
        return origins.iso(origins.instant(readers.text(text)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None

"""The main job: run the notebooks in order and account for every table and figure.

    xlkb reproduce --profile demo --only 02

Importing this module needs the standard library only, so that a mistyped option is reported before
anything is installed or loaded.
"""

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from xlkb import commands
from xlkb.commands import line
from xlkb.commands.reproduce import side_by_side
from xlkb.commands.reproduce.options import PARAMETERS, chosen_notebooks, parse
from xlkb.ground import disk, paths

if TYPE_CHECKING:
    from xlkb.commands.before.wanted import Wanted
    from xlkb.profiles import Run

Looked = TypeVar("Looked")

STOPPED = "What was computed is stored; the same command goes on."


def check(arguments: Sequence[str]) -> None:
    """Raise what would stop a run with these arguments before it begins."""
    prepare(parse(arguments), ask=False)


def uses(options: argparse.Namespace) -> "Wanted":
    """What the notebooks need that may not be there; without the commands at the end."""
    from xlkb import profiles
    from xlkb.commands.before import wanted

    run = profiles.load(**_parameters(options))
    numbers = [path.name[:2] for path in chosen_notebooks(options)]
    found = wanted.of_run(run, {number: run.models_of(number) for number in numbers})
    return wanted.together(found, wanted.of_engine(options.engine))


def prepare(
    options: argparse.Namespace, ask: bool = True
) -> "tuple[Run, list[Path], dict[str, str | bool]]":
    """Check everything that was asked for, before any model is loaded.

    Args:
        ask: whether everything that may not be there is asked for at once, before any of it is
            read (`preflight`).

    Returns:
        The run (of no particular notebook), the notebooks in order, and the notebooks' parameters.

    Raises:
        ValueError, OSError, ModuleNotFoundError: a name that does not exist, a file that is not
            right, or a model's package that is not installed.
    """
    from xlkb import profiles, scoring
    from xlkb.commands.before import needs, preflight, wanted

    scoring.engines.check(options.engine)
    parameters = _parameters(options)
    run = profiles.load(**parameters)
    chosen = chosen_notebooks(options)
    numbers = [path.name[:2] for path in chosen]
    if not chosen:
        raise ValueError(
            f"There are no notebooks in {paths.NOTEBOOKS}. XLKB_ROOT names the folder."
        )
    if options.check:
        from xlkb.report import reference

        reference.folder(run.profile, must_exist=True)
    for sentence in needs.names(run, chosen, parameters):
        print(sentence)
    then = run if run.name == run.profile and not options.only else None
    if then and options.quick:
        for command in profiles.load(options.profile).then:
            if f"{command} --quick" not in then.then:
                print(f"A rehearsal leaves out: xlkb {command}")
    to_fetch = 0.0
    if then and then.then:
        run.figures.mkdir(parents=True, exist_ok=True)  # Their tables go there, too.
    if ask:
        more = _look_at_then(then, commands.uses)
        to_fetch = preflight.require(wanted.together(uses(options), *more))
    needs.check(run, numbers)
    _look_at_then(then, commands.check)
    needs.load(run, numbers, to_fetch)
    return run, chosen, parameters


def _look_at_then(run: "Run | None", look: Callable[[Sequence[str]], Looked]) -> list[Looked]:
    """Look at the commands that a whole run ends with, as they will be given, in the checkout.

    Args:
        run: None for one that is not a whole one.
        look: `commands.check`, or `commands.parse` or `uses` where nothing may be read or fetched.

    Returns:
        What `look` gives.

    Raises:
        ValueError: one would be refused; the message says which and why.
    """
    found = []
    for command in run.then if run else ():
        words = shlex.split(command)
        try:
            if words[:1] == ["reproduce"]:
                again = parse(words[1:])
                narrowed = ("only", "model", "task", "languages", "style")
                if not any(getattr(again, name) for name in narrowed):
                    raise ValueError("it is a whole run, which would end with commands again.")
            with contextlib.chdir(paths.ROOT):
                found.append(look(words))
        except (SystemExit, ValueError, OSError, ImportError, RuntimeError) as error:
            why = "it is not understood" if isinstance(error, SystemExit) else error
            raise ValueError(
                f"The profile {run.profile} ends with a command that would be refused: {why}\n"
                f"    xlkb {command}\nWith --only, the commands at its end are not run."
            ) from None
    return found


def _parameters(options: argparse.Namespace) -> dict[str, str | bool]:
    """Those of the notebooks."""
    return {name: getattr(options, name) for name in PARAMETERS}


def _dry_run(options: argparse.Namespace) -> int:
    """Print the plan; needs neither the models nor the questions."""
    from xlkb import profiles
    from xlkb.commands.before import needs, plan

    parameters = _parameters(options)
    run = profiles.load(**parameters)
    chosen = chosen_notebooks(options)
    needs.names(run, chosen, parameters)
    whole = run.name == run.profile and not options.only
    _look_at_then(run if whole else None, commands.parse)
    words = plan.in_words(run, [path.stem for path in chosen])
    print(f"Profile {run.name}: {run.description}\n\n{words}")
    return 0


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(parse(arguments), arguments), STOPPED)


def _main(options: argparse.Namespace, arguments: Sequence[str] | None) -> int:
    paths.pin()
    if options.dry_run:
        return _dry_run(options)
    run, chosen, parameters = prepare(options)
    from xlkb.report import provenance

    told = provenance.commanded("reproduce", arguments)
    with line.computing(), told, side_by_side.cluster(run, options.engine):
        return _run(options, run, chosen, parameters)


def _run(
    options: argparse.Namespace, run: "Run", chosen: list[Path], parameters: dict[str, str | bool]
) -> int:
    from xlkb.commands.before import plan
    from xlkb.ground import progress
    from xlkb.report import notebooks, reference

    for stored in (run.results, paths.results() / "runs") if options.fresh else ():
        if old := disk.set_aside(stored):
            print(f"Set aside: {old}")
    # Replayed results are committed files; executed notebooks do not belong among them.
    results = paths.ROOT / "results" if os.environ.get("XLKB_REPLAY") else paths.results()
    folder = results / run.name / "notebooks"
    started = progress.started(datetime.now(UTC))
    clock = time.monotonic()
    print(f"Profile {run.name}: {run.description}")
    print(plan.summary(run, [path.stem for path in chosen]), flush=True)
    try:
        ahead = side_by_side.ahead(run, chosen, folder, parameters)
        for count, notebook in enumerate(chosen, 1):
            print(f"[{count}/{len(chosen)}] {notebook.stem} ...", flush=True)
            begun = time.monotonic()
            ahead.get(notebook, tuple)()
            notebooks.execute(notebook, folder / notebook.name, parameters)
            took = _duration(time.monotonic() - begun)
            print(f"[{count}/{len(chosen)}] {notebook.stem} done in {took}", flush=True)
        problems = reference.artefacts(run, [path.stem for path in chosen], started)
        if options.check:
            problems += reference.check(run, [path.stem for path in chosen])
            problems += reference.decisions.check(run, started)
        if options.update_reference and not problems:
            reference.update(run, chosen)
    except notebooks.NotebookFailed as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    whole = run.name == run.profile and not options.only
    for command in run.then if whole else ():
        print(f"xlkb {command}", flush=True)
        done = subprocess.run([sys.executable, "-m", "xlkb", *shlex.split(command)], cwd=paths.ROOT)
        if done.returncode:
            problems.append(f"xlkb {command} ended with code {done.returncode}")
    problems += _report(run, folder, parameters)
    print(f"Notebooks run: {len(chosen)}, in {_duration(time.monotonic() - clock)}.")
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _report(run: "Run", notebooks: Path, parameters: dict[str, str | bool]) -> list[str]:
    """Write the run's report beside its executed notebooks; what is wrong with it."""
    from xlkb.report import pages

    try:
        made = pages.run(run, notebooks, notebooks.parent / "report", parameters)
        print(f"Report: {made}")
    except (OSError, ValueError, KeyError) as error:
        told = repr(error) if isinstance(error, KeyError) else disk.misplaced(error) or error
        return [f"the report was not made: {told}"]
    return []

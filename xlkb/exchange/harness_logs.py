"""Answers out of the logs of EleutherAI's lm-evaluation-harness (`--log_samples`).

`read` takes files `samples_TASK_DATE.jsonl`, or the folder of `--output_path`, with what the
harness wrote beside them about the run, `results_DATE.json`. It makes rows as of `scoring.score` of
multiple-choice tasks with four choices: our own (`harness_tasks`), MMLU, Global-MMLU, belebele, and
what is like them. Checked with the release 0.4.13; a log quotes its numbers as texts, in full.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from xlkb.exchange import harness_names, harness_runs, harness_samples
from xlkb.exchange.answers import Answers
from xlkb.exchange.harness_samples import Sample
from xlkb.ground import paths, texts
from xlkb.ground.languages import LANGUAGES

TOOL = "lm-evaluation-harness"

COLUMNS = ["task", "item_id", "subject", "recomposition", "language", "question_language"]
COLUMNS += ["option_language", "choice", "is_answer", "style", "prompt", "n_shots", "n_shots_asked"]
COLUMNS += ["demonstrations", "model", "log_likelihood", "n_tokens", "n_bytes"]
COLUMNS += ["unconditional_log_likelihood", "letter_mass", "context", "question", "option"]


class Given(NamedTuple):
    """What a user says that logs may not: the language, the model's label, demonstrations; and
    whether questions without four choices are left out."""

    language: str | None = None
    label: str | None = None
    n_shots: int | None = None
    four_only: bool = False


class _Log(NamedTuple):
    """A log: its file, the task's name in the harness, what is known of its run, its lines with
    their numbers, and how many of its questions were left out."""

    file: Path
    name: str
    results: Mapping[str, Any]
    samples: list[tuple[int, Sample]]
    left_out: int


def read(logs: Sequence[str | Path], given: Given | None = None) -> Answers:
    """Answers of one model out of one or several logs.

    `n_tokens` is NaN, as the harness does not say it. `unconditional_log_likelihood` is there where
    tasks of our own were run without questions, too, or the log has `acc_mutual_info`, which takes
    the choice after nothing.

    Raises:
        FileNotFoundError: there is no such file, or no log in a folder.
        ValueError: a log cannot be read, or is not what rows can be made of: up to ten lines are
            named with what is wrong; or a language or number of demonstrations is not known.
    """
    given, problems = given or Given(), []
    found = [_log(file, given, problems) for path in logs for file in _files(path)]
    texts.refuse(problems, "These logs cannot be imported as they stand:")
    found.sort(key=_order)
    model, settings = harness_runs.together({log.file: log.results for log in found if log.results})
    folders = {log.file.parent for log in found if not log.results}
    if folders and len({log.file.parent for log in found}) > 1 and not given.label:
        raise ValueError(
            f"{min(folders)} has no results_*.json, so nothing tells that all logs are of one "
            "model: give --label if they are, or import each folder by itself."
        )
    # Without results, the folder is called as the harness calls the model.
    folder = found[0].file.parent.name.replace("__", "/", 1)
    label = given.label or model.get("name") or folder
    samples = _paired(found, problems)
    texts.refuse(problems, "These logs cannot be imported as they stand:")
    rows = _rows(samples, label)
    counts = {log.name: len(log.samples) for log in found}
    left_out = {log.name: log.left_out for log in found if log.left_out}
    made = {"model": {"name": model.pop("name", label), "label": label, **model}, "tool": TOOL}
    return Answers(label, rows, {**made, **settings, "tasks": counts, "left_out": left_out})


def _files(given: str | Path) -> list[Path]:
    path = paths.user(given)
    if not path.is_dir():
        return [texts.existing(path)]
    found = sorted(p for p in path.rglob("samples_*.jsonl") if not p.name.startswith("."))
    if not found:
        raise FileNotFoundError(
            f"{path} holds no samples_*.jsonl: run lm_eval with --log_samples --output_path, and "
            "name that folder."
        )
    if len(folders := sorted({p.parent for p in found})) > 1:
        listed = ", ".join(str(each) for each in folders)
        raise ValueError(f"{path} holds the logs of several models: name one of {listed}.")
    return found


def _log(file: Path, given: Given, problems: list[str]) -> _Log:
    """A log's lines, and problems."""
    name, date = harness_names.of_file(file.name)
    results, told = harness_runs.beside(file, date), len(problems)
    every = list(_lines(file, problems))
    filters = list(dict.fromkeys(_filter(line) for _, line in every))
    if len(filters) > 1 and "none" not in filters:
        listed = ", ".join(filters)
        problems.append(f"{file} has several filters ({listed}), and none of them is called none")
    kept = [each for each in every if len(filters) < 2 or _filter(each[1]) == "none"]
    wanted = results.get("n-samples", {}).get(name, {}).get("effective", len(kept))
    if len(problems) == told and len(kept) != wanted:
        problems.append(f"{file} has {len(kept)} documents of {wanted}: it is cut short")
    samples, left_out = [], 0
    for number, line in kept:
        if len(problems) > told + texts.SHOWN:
            break
        try:
            sample = harness_samples.read(line, name)
            samples.append((number, _completed(sample, name, results, given)))
        except harness_samples.OtherChoices as error:
            left_out += 1
            if not given.four_only:
                problems.append(
                    f"{file}, line {number}: {error} (leave such questions out with --four-only)"
                )
        except ValueError as error:
            problems.append(f"{file}, line {number}: {str(error).removesuffix('.')}")
    if len(problems) == told and not samples:
        problems.append(f"{file} has no question with four choices")
    return _Log(file, name, results, samples, left_out)


def _lines(file: Path, problems: list[str]) -> list[tuple[int, object]]:
    found = []
    for number, line in enumerate(texts.lines(file, problems), 1):
        if line.strip():
            try:
                read = json.loads(line)
                if "\\ud" in line.lower() and texts.halved(read):
                    raise ValueError('half a character, a lone "\\ud…" escape')
                found.append((number, read))
            except (ValueError, RecursionError) as error:
                what = f"not JSON ({error}): the log is cut short or damaged there"
                problems.append(f"{file}, line {number}: {what}")
    return found


def _filter(line: object) -> str:
    found = line.get("filter", "none") if isinstance(line, dict) else "none"
    return found if isinstance(found, str) else texts.shown(found)


def _completed(sample: Sample, name: str, results: Mapping[str, Any], given: Given) -> Sample:
    """A sample with its language and demonstrations, of which the line itself may say nothing."""
    columns, spoken = dict(sample.columns), sample.option_languages
    told = columns["language"]
    if given.language and told not in (None, given.language):
        raise ValueError(f"--language {given.language}, but it is in {told}: leave --language out")
    if told is None:
        if not given.language:
            raise ValueError(
                f"neither the task's name, {name}, nor the document tells its language: give "
                f"--language, one of {', '.join(LANGUAGES)}"
            )
        columns |= {"language": given.language, "question_language": given.language}
        spoken = [given.language] * 4
    asked = columns.get("n_shots_asked", results.get("n-shot", {}).get(name))
    if given.n_shots is not None and asked not in (None, given.n_shots):
        raise ValueError(f"--shots {given.n_shots}, but it has {asked}: leave --shots out")
    if asked is None and (asked := given.n_shots) is None:
        raise ValueError(
            "nothing tells how many demonstrations it has: put the harness's results_*.json of the "
            "same date beside it, or give --shots"
        )
    way = "same" if asked else "none"
    columns = {"n_shots": asked, "n_shots_asked": asked, "demonstrations": way} | columns
    shas = [results.get(f"{each}_sha") for each in ("system_instruction", "chat_template")]
    columns["prompt"] = "/".join([columns["prompt"], *(sha[:6] for sha in shas if sha)])
    return sample._replace(columns=columns, option_languages=spoken)


def _order(log: _Log) -> int:
    """Languages in the package's order, what is mixed behind them."""
    return [*LANGUAGES, code := log.samples[0][1].columns["language"]].index(code)


def _paired(found: Sequence[_Log], problems: list[str]) -> list[Sample]:
    """The samples, each with its unconditional scores where there are some, and problems."""
    asked: dict[tuple, Sample] = {}
    bare: dict[tuple, Sample] = {}
    places: dict[tuple, str] = {}
    answers: dict[tuple, tuple[int, str]] = {}
    for log in found:
        for number, sample in log.samples:
            where, key = f"{log.file}, line {number}", _key(sample)
            first = places.setdefault((key, sample.bare), where)
            if first != where:
                problems.append(
                    f"{where}: the document {sample.columns['item_id']!r} is that of {first} too: "
                    "name the logs of one run only"
                )
            item = (sample.columns["task"], sample.columns["item_id"])
            answer, there = answers.setdefault(item, (sample.columns["answer"], where))
            if sample.counted and answer != sample.columns["answer"]:
                problems.append(
                    f"{where}: its right choice is another than that of {there}, so the "
                    f"{item[1]!r} of both is not one question: import each language by itself"
                )
            (bare if sample.bare else asked)[key] = sample
            if len(problems) > texts.SHOWN:
                return []
    for key in [key for key in bare if key not in asked][:1]:
        problems.append(
            f"{places[key, True]}: the choices were asked about without the question only: add the "
            "log of the task without _unconditional"
        )
    with_bare = {
        key: asked[key]._replace(unconditional=bare[key].values) for key in bare & asked.keys()
    }
    return list((asked | with_bare).values())


def _key(sample: Sample) -> tuple:
    names = ("task", "item_id", "recomposition", "language", "question_language", "style", "prompt")
    columns = sample.columns
    return (*(columns[n] for n in names), columns["n_shots_asked"], *sample.option_languages)


def _rows(samples: Sequence[Sample], label: str) -> pd.DataFrame:
    frame = pd.DataFrame([sample.columns for sample in samples])
    answer = frame.pop("answer").to_numpy().repeat(4)
    rows = frame.loc[frame.index.repeat(4)].reset_index(drop=True)
    values = np.array([sample.values for sample in samples])
    rows["choice"] = np.tile(np.arange(4, dtype=np.int8), len(samples))
    rows["is_answer"] = rows["choice"] == answer
    rows["model"] = label
    rows["log_likelihood"] = values.ravel()
    rows["n_tokens"] = math.nan
    rows["n_bytes"] = [len(c.strip().encode()) for each in samples for c in each.continuations]
    rows["unconditional_log_likelihood"] = [u for each in samples for u in each.unconditional]
    mass = np.exp(values).sum(1).repeat(4)
    rows["letter_mass"] = np.where(rows["style"] == "cloze", np.nan, mass)
    rows["option_language"] = [code for each in samples for code in each.option_languages]
    rows["option"] = [text for each in samples for text in each.options]
    return rows[COLUMNS]

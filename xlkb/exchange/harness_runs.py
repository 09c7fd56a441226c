"""What lm-evaluation-harness wrote about a run beside its logs, `results_DATE.json`."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlkb.ground import texts

SAME = ("model", "model_name", "model_args", "model_dtype", "model_sha", "chat_template_sha")
SAME += ("system_instruction_sha", "fewshot_as_multiturn")
"""What all logs of one model have in common."""

LAST = 1e11
"""Seconds since 1970, after which there are no dates."""


def beside(file: Path, date: str) -> dict[str, Any]:
    """What the harness wrote about the run beside a log; empty where it is not there."""
    beside = texts.visible(file.parent, f"*_{date}.json") if date else []
    for path in beside:
        try:
            found = json.loads("\n".join(texts.lines(path)))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not JSON: {error}.") from None
        if isinstance(found, dict) and "results" in found:
            if fault := next(_faults(found), None):
                raise ValueError(f"{path} is damaged: {fault}. Take the harness's own file.")
            return found
    return {}


def together(known: Mapping[Path, Mapping[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model, and versions and date, of logs whose results are known.

    Raises:
        ValueError: they are of different models or settings; the message names two logs.
    """
    first = next(iter(known), None)
    same = _settings(known[first]) if first else {}
    for file, results in known.items():
        differing = [key for key, value in _settings(results).items() if value != same[key]]
        if differing:
            raise ValueError(
                f"{file} is of another model or setting than {first}: {', '.join(differing)} "
                "differ. Import each by itself."
            )
    model = {"name": plain(same["model_name"])} if same.get("model_name") else {}
    for ours, theirs in (("dtype", "model_dtype"), ("revision", "model_sha")):
        if same.get(theirs):
            model[ours] = str(same[theirs]).removeprefix("torch.")
    every = list(known.values())
    settings = {
        name: ", ".join(sorted({str(each[key]) for each in every if each.get(key)}))
        for name, key in (("version", "lm_eval_version"), ("transformers", "transformers_version"))
    }
    if dates := [each["date"] for each in every if "date" in each]:
        last = datetime.fromtimestamp(max(dates), UTC)
        settings["date"] = last.isoformat(timespec="seconds")
    return model, {name: value for name, value in settings.items() if value}


def plain(name: str) -> str:
    """A model's name; of a folder, its last part."""
    return name if re.fullmatch(r"\w[\w.-]*/[\w.-]+", name) else Path(name).name or name


def _faults(results: Mapping[str, Any]) -> Iterator[str]:
    """What is of another kind than the harness writes, of what is read here."""
    for name in ("n-samples", "n-shot", "config"):
        if not isinstance(results.get(name, {}), dict):
            yield f"{name} is {texts.shown(results[name])}, no object"
            return
    for each in results.get("n-samples", {}).values():
        if not isinstance(each, dict) or type(each.get("effective", 0)) is not int:
            yield f"n-samples has {texts.shown(each)} where a number of documents should be"
    for each in results.get("n-shot", {}).values():
        if type(each) is not int or each < 0:
            yield f"n-shot has {texts.shown(each)}, no number of demonstrations"
    for name in ("model_name", "chat_template_sha", "system_instruction_sha"):
        if not isinstance(results.get(name), str | None):
            yield f"{name} is {texts.shown(results[name])}, no text"
    date = results.get("date", 0)
    if type(date) not in (int, float) or not 0 <= date < LAST:
        yield f"date is {texts.shown(date)}, no seconds since 1970"
    if texts.halved(results):
        yield 'it holds half a character (a lone "\\ud…" escape)'


def _settings(results: Mapping[str, Any]) -> dict[str, Any]:
    every = {**results.get("config", {}), **results}
    return {key: every.get(key) for key in SAME}

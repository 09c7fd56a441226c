"""What lm-evaluation-harness wrote about a run beside its logs, `results_DATE.json`."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xlkb.ground import texts

SAME = ("model", "model_name", "model_args", "model_dtype", "model_sha", "chat_template_sha")
SAME += ("system_instruction_sha", "fewshot_as_multiturn")
"""What all logs of one model have in common."""


def beside(file: Path, date: str) -> dict[str, Any]:
    """What the harness wrote about the run beside a log; empty where it is not there."""
    beside = texts.visible(file.parent, f"*_{date}.json") if date else []
    for path in beside:
        try:
            found = json.loads("\n".join(texts.lines(path)))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path} is not JSON: {error}.") from None
        if isinstance(found, dict) and "results" in found:
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


def _settings(results: Mapping[str, Any]) -> dict[str, Any]:
    every = {**results.get("config", {}), **results}
    return {key: every.get(key) for key in SAME}

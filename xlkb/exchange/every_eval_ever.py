"""Every Eval Ever (arXiv 2606.14516): a model's results as its schema 0.3.0 writes them.

For each way of asking there is one aggregate file, `data/COLLECTION/DEVELOPER/MODEL/UUID.json`,
with a result for each language and recomposition, and beside it `UUID_samples.jsonl` with each
question (`samples`). Schemas and layout are those of github.com/evaleval/every_eval_ever (commit
9bce413).

The same answers give the same bytes. The UUID is of version 4 in form, as the schema wants it, but
its bits are a digest of the answers. Both times of a record, when it was evaluated and when it was
`retrieved`, are the moment of the answers, not that of the export.
"""

import json
import math
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pandas as pd

from xlkb import analysis, tasks
from xlkb.exchange import origins, samples
from xlkb.exchange.answers import TEXTS, Answers
from xlkb.ground import disk
from xlkb.tasks import prompts

SCHEMA = "0.3.0"
STORE = "evaleval/EEE_datastore"
"""The data set on the hub that collects such files."""

ASKED = ["task", "style", "n_shots_asked", "demonstrations", "prompt"]
"""What is the same in one file."""

RELATIONS = ("first_party", "third_party", "collaborative", "other")
RULES = {
    "sum": "the choice with the highest log-likelihood, summed over its tokens",
    "per_byte": "the choice with the highest log-likelihood per UTF-8 byte",
    "pmi": "the choice whose log-likelihood grows most over that after the bare answer word",
}
INTERVAL = "Wilson, with n divided by the design effect of clusters of questions"


class About(NamedTuple):
    """What answers do not say themselves.

    when: they were made. model_id: ORG/NAME, instead of what `origins.model` makes of the model's
    name. organization: that reports the results; relation: its own to the model's developer, one of
    `RELATIONS`. pinned: whether a public task's questions are the hub's, at their pinned commits.
    """

    when: datetime
    model_id: str = ""
    organization: str = "unknown"
    relation: str = "other"
    pinned: bool = False


def export(answers: Answers, folder: Path, about: About, rule: str = "sum") -> list[Path]:
    """Write answers below `folder`; nothing is sent anywhere.

    Answers without texts (stored rows) give aggregates only.

    Returns:
        The files, each aggregate before its samples.

    Raises:
        ValueError: there are no answers, or the rule does not fit them (`analysis.decide`).
    """
    if answers.rows.empty:
        raise ValueError(f"{answers.label}: there are no answers to export.")
    written = []
    for _, rows in answers.rows.groupby(ASKED, sort=False):
        written += _write(answers, rows.reset_index(drop=True), folder, about, rule)
    return written


def _write(
    answers: Answers, rows: pd.DataFrame, folder: Path, about: About, rule: str
) -> list[Path]:
    decisions = analysis.decide(rows, rule)
    record = _record(answers, rows, decisions, about, rule)
    collection = f"xlkb-{origins.collection(rows['task'].iloc[0])}"
    record_id = record["model_info"]["id"]
    identifier = UUID(bytes=_digest(record, rows)[:16], version=4)
    seconds = str(int(about.when.timestamp()))
    # An id names the way of asking too: one model may be asked in several ways at one time.
    evaluation = f"{collection}/{record_id}/{seconds}/{identifier.hex[:8]}"
    record |= {
        "evaluation_id": evaluation,
        "evaluation_timestamp": origins.iso(about.when),
        "retrieved_timestamp": seconds,
    }
    place = Path("data", collection, record_id, f"{identifier}.json")
    written = [folder / place]
    if {*TEXTS} <= {*rows}:
        beside = place.with_name(f"{identifier}_samples.jsonl")
        head = {"schema_version": SCHEMA, "evaluation_id": evaluation, "model_id": record_id}
        data = samples.lines(rows, decisions, head, result_name)
        record["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": beside.as_posix(),
            "hash_algorithm": "sha256",
            "checksum": sha256(data).hexdigest(),
            "total_rows": len(decisions),
        }
        disk.write(folder / beside, data)
        written.append(folder / beside)
    disk.write_json(folder / place, record)
    return written


def result_name(task: str, recomposition: str, language: str) -> str:
    """The name of a result, as "worldfacts.full.fr"."""
    return ".".join([origins.collection(task), recomposition, language])


def _record(
    answers: Answers, rows: pd.DataFrame, decisions: pd.DataFrame, about: About, rule: str
) -> dict[str, Any]:
    made = answers.made
    own = f"xlkb {version('xlkb')}"
    tool = str(made.get("tool") or "xlkb")
    told = version("xlkb") if tool == "xlkb" else "unknown"
    return {
        "schema_version": SCHEMA,
        "source_metadata": {
            "source_name": "xlkb",
            "source_type": "evaluation_run",
            "source_organization_name": about.organization,
            "evaluator_relationship": about.relation,
        },
        "eval_library": {
            "name": tool,
            "version": str(made.get("version") or told),
            "additional_details": {"exported_by": own},
        },
        "model_info": _model_info(answers, about),
        "evaluation_results": list(_results(rows, decisions, about, rule)),
    }


def _model_info(answers: Answers, about: About) -> dict[str, Any]:
    described = answers.made.get("model") or {}
    found = origins.model(described)
    called = origins.named(about.model_id) if about.model_id else found
    kept = ("fingerprint", "weights_fingerprint", "adapter", "adapter_fingerprint", "dtype")
    details = {key: str(described[key]) for key in (*kept, "context") if described.get(key)}
    name = str(described.get("name") or "")
    if name.startswith(("pip:", "hub:")):
        details["asked_for_as"] = name
    local = found.host in ("", "localhost", "127.0.0.1", "::1")
    details["deployment_type"] = "self_deployed" if local else "unknown"
    details["model_availability"] = "open_weights" if found.is_open else "unknown"
    info: dict[str, Any] = {"name": answers.label, "id": called.id, "developer": called.developer}
    if found.host:
        info["inference_platform"] = found.host
    elif not answers.made.get("tool"):
        info["inference_engine"] = {"name": "transformers"}
    return info | {"additional_details": details}


def _results(
    rows: pd.DataFrame, decisions: pd.DataFrame, about: About, rule: str
) -> Iterator[dict[str, Any]]:
    cells = ["task", "recomposition", "language"]
    table = analysis.accuracy(decisions, cells)
    parts = dict(list(rows.groupby(cells, sort=False)))
    for found in table.to_dict("records"):
        key = tuple(found[column] for column in cells)
        name, part = result_name(*key), parts[key]
        spoken = sorted({*part["question_language"], *part["option_language"]})
        yield {
            "evaluation_result_id": f"{name}.accuracy.{rule}",
            "evaluation_name": name,
            "source_data": _source(key, spoken, found["n"], about),
            "evaluation_timestamp": origins.iso(about.when),
            "metric_config": {
                "evaluation_description": f"Share of four-choice questions answered right: "
                f"{RULES[rule]}",
                "metric_id": "accuracy",
                "metric_name": "Accuracy",
                "metric_kind": "accuracy",
                "metric_unit": "proportion",
                "metric_parameters": {"rule": rule, "choices": 4},
                "lower_is_better": False,
                "score_type": "continuous",
                "min_score": 0.0,
                "max_score": 1.0,
            },
            "score_details": _score(found),
            "generation_config": _asked(part.iloc[0], spoken),
        }


def _score(found: dict[str, Any]) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": int(found["n"])}
    if math.isfinite(found["low"]) and math.isfinite(found["high"]):
        uncertainty["confidence_interval"] = {
            "lower": float(found["low"]),
            "upper": float(found["high"]),
            "confidence_level": 0.95,
            "method": INTERVAL,
        }
    score = {"score": float(found["accuracy"]), "uncertainty": uncertainty}
    details = {"n": str(int(found["n"])), "chance": "0.25"}
    if not math.isnan(found.get("unread", math.nan)):
        details["unread"] = str(float(found["unread"]))
    return score | {"details": details}


def _source(key: tuple[str, str, str], spoken: list[str], n: int, about: About) -> dict[str, Any]:
    """Where the questions come from; those of the package and own ones are in no data set."""
    task, recomposition, language = key
    details = {"recomposition": recomposition, "language": language, "languages": ",".join(spoken)}
    name = origins.collection(task)
    sets = origins.data_sets(task, spoken, language, about.pinned)
    if not sets:
        kind = "own questions, which are private" if task.startswith("path:") else "not known"
        kind = "they come with xlkb" if task in tasks.OWN else kind
        details |= {"questions": str(n), "origin": kind}
        return {"dataset_name": name, "source_type": "other", "additional_details": details}
    listed = [f"{name}@{commit}" if about.pinned else name for name, commit in sets]
    details["data_sets"] = ",".join(listed)
    details["revision"] = sets[0][1] if about.pinned else "unknown, read from a copy"
    return {
        "dataset_name": name,
        "source_type": "hf_dataset",
        "hf_repo": sets[0][0],
        "hf_split": "test",
        "samples_number": int(n),
        "additional_details": details,
    }


def _asked(row: pd.Series, spoken: list[str]) -> dict[str, Any]:
    """How the questions were asked; nothing is generated, so that there is no temperature."""
    details = {name: str(row[name]) for name in ASKED[1:]}
    details |= {"scoring": samples.extraction(row), "languages": ",".join(spoken)}
    arguments = {"reasoning": False}
    template = _template(row)
    return {
        "generation_args": arguments | ({"prompt_template": template} if template else {}),
        "additional_details": details,
    }


def _template(row: pd.Series) -> str:
    """The prompt with names for its parts; empty where these words are not today's, or not known.

    That of questions whose words are in their own language is shown for the language of the first.
    """
    told = str(row["prompt"]).split("/")
    known = len(told) == 2 and told[0] == prompts.VERSION and told[1] in prompts.INSTRUCTIONS
    if not known or row["style"] not in prompts.STYLES:
        return ""
    asking = prompts.Asking(row["style"], instruction_language=told[1])
    item = {
        "task": row["task"],
        "subject": "{subject}",
        "question": "{question}",
        "question_language": row["question_language"],
        "options": [f"{{choice {letter}}}" for letter in prompts.LETTERS],
        "answer": 0,
    }
    shown = "{demonstrations}" if row["n_shots_asked"] else ""
    return shown + prompts.build(item, asking).context


def _digest(record: dict[str, Any], rows: pd.DataFrame) -> bytes:
    """Of what the answers are: the record without its times, and every log-likelihood."""
    timeless = json.loads(json.dumps(record))
    for result in timeless["evaluation_results"]:
        del result["evaluation_timestamp"]
    columns = ["item_id", "recomposition", "language", "option_language", "choice", "is_answer"]
    hashed = pd.util.hash_pandas_object(rows[[*columns, "log_likelihood"]], index=False)
    text = json.dumps(timeless, sort_keys=True).encode()
    return sha256(text + hashed.to_numpy().tobytes()).digest()

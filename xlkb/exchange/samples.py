"""Samples: each answered question as a line of JSON, in Every Eval Ever's schema of instances."""

import json
import math
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from xlkb.ground import disk

NUMBERS = {"log_likelihood": "log_likelihoods", "n_tokens": "n_tokens", "n_bytes": "n_bytes"}
NUMBERS |= {"unconditional_log_likelihood": "unconditional_log_likelihoods"}
"""Columns with a number for each choice, and what their lists are called; -inf and NaN are null."""

TEXTS = ("subject", "recomposition", "question_language", "style", "prompt", "n_shots")


def lines(
    rows: pd.DataFrame,
    decisions: pd.DataFrame,
    head: Mapping[str, str],
    named: Callable[[str, str, str], str],
) -> bytes:
    """A line for each question, in their order.

    Args:
        rows: of `scoring.score`, with texts; decisions: of `analysis.decide`, on these rows.
        head: fields that every line begins with.
        named: the name of a result, by task, recomposition and language.
    """
    choices = {name: rows[name].to_numpy().reshape(-1, 4) for name in (*NUMBERS, "option")}
    choices["option_language"] = rows["option_language"].to_numpy(object).reshape(-1, 4)
    answers = rows["is_answer"].to_numpy(bool).reshape(-1, 4).argmax(1)
    first = rows.iloc[::4].to_dict("records")
    made = [
        json.dumps(
            dict(head) | _line(row, decision, {k: v[i] for k, v in choices.items()}, answer, named),
            ensure_ascii=False,
            allow_nan=False,
        )
        for i, (row, decision, answer) in enumerate(
            zip(first, decisions.to_dict("records"), answers.tolist(), strict=True)
        )
    ]
    return "".join(f"{line}\n" for line in made).encode()


def extraction(row: Mapping[str, Any]) -> str:
    """How a choice is known: of a model with weights by likelihood, of an endpoint by its words."""
    if math.isnan(row.get("unread", math.nan)):
        return "log-likelihood of each choice"
    return "letter that the endpoint names, by its log-probabilities or in generated text"


def _line(
    row: Mapping[str, Any],
    decision: Mapping[str, Any],
    choices: Mapping[str, np.ndarray],
    answer: int,
    named: Callable[[str, str, str], str],
) -> dict[str, Any]:
    options = [str(option) for option in choices["option"]]
    taken = int(decision["predicted"])
    said = options[taken] if taken >= 0 else ""
    name = named(row["task"], row["recomposition"], row["language"])
    hashed = {"raw": row["question"], "reference": [options[answer]]}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"))
    rule = decision["rule"]
    right = bool(decision["correct"])
    return {
        "evaluation_name": name,
        "evaluation_result_id": f"{name}.accuracy.{rule}",
        "sample_id": str(row["item_id"]),
        "sample_hash": sha256(text.encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {
            "raw": row["question"],
            "formatted": row["context"],
            "reference": [options[answer]],
            "choices": options,
        },
        "output": {"raw": [said]},
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": said,
                "extraction_method": extraction(row),
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": float(right), "is_correct": right},
        "metadata": _metadata(row, choices, answer, taken),
    }


def _metadata(
    row: Mapping[str, Any], choices: Mapping[str, np.ndarray], answer: int, taken: int
) -> dict[str, str]:
    """What the schema has no field for, as texts; lists are JSON."""
    found = {name: str(row[name]) for name in TEXTS}
    found["option_languages"] = json.dumps(list(choices["option_language"]))
    found |= {"answer": str(answer), "predicted": str(taken)}
    for column, name in NUMBERS.items():
        values = disk.plain(choices[column].tolist())
        if values != [None] * 4:
            found[name] = json.dumps(values)
    for name in ("letter_mass", "unread"):
        if not math.isnan(row.get(name, math.nan)):
            found[name] = str(float(row[name]))
    return found

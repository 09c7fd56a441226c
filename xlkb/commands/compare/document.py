"""The document of a comparison: what was compared, its table and words, the gate, the questions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xlkb import analysis, report
from xlkb.analysis import comparison
from xlkb.exchange import answers

SHOWN = 30
"""Questions answered differently that the document shows; the JSON has all."""


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """A comparison as it is read, without the columns that are the same in all rows."""
    return report.readable(table.drop(columns=_constant(table)))


def gate_lines(verdicts: pd.DataFrame, kind: str, margin: float) -> list[str]:
    """What a gate asks for, its lines, and whether it passes."""
    said = "passes" if analysis.gate.passed(verdicts) else "does not pass"
    told = analysis.gate.rule_in_words(kind, margin, len(verdicts))
    return [told, *analysis.gate.lines(verdicts, margin), f"The gate {said}."]


def write(
    folder: Path,
    every: Sequence[answers.Answers],
    table: pd.DataFrame,
    rules: Sequence[str],
    verdicts: pd.DataFrame | None,
    gate: Sequence[str],
) -> dict[str, Path]:
    """Write comparison.md, .json and .html; see `pages.write`.

    Args:
        every: what was compared, the first with each of the others; table: of `comparison.table`.
        verdicts: of `gate`, None without one; gate: its lines.
    """
    first, *others = every
    different = {
        (each.label, rule): comparison.differing(each.rows, first.rows, rule)
        for each in others
        for rule in rules
    }
    sections = [
        report.pages.Section("What was compared", _compared(every, table, rules)),
        report.pages.Section("Differences", "", table.drop(columns=_constant(table))),
        report.pages.Section("In words", comparison.in_words(table)),
    ]
    if verdicts is not None:
        lines = "\n".join(gate)
        sections.append(report.pages.Section("Gate", f"```text\n{lines}\n```"))
    for (label, rule), found in different.items():
        title = f"Answered differently: {label}" + f", {rule}" * (len(rules) > 1)
        changed = found["change"].value_counts()
        text = (
            f"{len(found):,} questions: {changed.get('lost', 0):,} that {first.label} alone has "
            f"right, {changed.get('won', 0):,} that {label} alone has right, and "
            f"{changed.get('other', 0):,} on which both are wrong. "
        )
        text += f"The {SHOWN} that both were surest of are shown." * (len(found) > SHOWN)
        sections.append(
            report.pages.Section(title, text, _questions(found.head(SHOWN), first.label, label))
        )
    sections.append(report.pages.Section("Provenance", "", _provenance(every)))
    data = {
        "compared": [{"label": each.label, **each.made} for each in every],
        "rules": list(rules),
        "table": table.to_dict("records"),
        "gate": None,
        "answered_differently": [
            {"model": label, "against": first.label, "rule": rule, **row}
            for (label, rule), found in different.items()
            for row in found.to_dict("records")
        ],
    }
    if verdicts is not None:
        passed = analysis.gate.passed(verdicts)
        data["gate"] = {"passed": passed, "asked": gate[0], "rows": verdicts.to_dict("records")}
    title = f"{', '.join(each.label for each in others)} against {first.label}"
    return report.pages.write(folder, "comparison", title, sections, data)


def _constant(table: pd.DataFrame) -> list[str]:
    return [c for c in ("model", "against", "task", "rule") if table[c].nunique() < 2]


def _compared(every: Sequence[answers.Answers], table: pd.DataFrame, rules: Sequence[str]) -> str:
    first, *others = every
    asked = table.groupby("task", sort=False)["n"].max()
    listed = ", ".join(f"{n:,} items of {task}" for task, n in asked.items())
    return (
        f"{', '.join(each.label for each in others)} against {first.label}: {listed}, the same for "
        f"all; decided by {', '.join(rules)}. Differences are in points of accuracy, the others "
        "minus the first, with 95 % intervals; items that belong together are kept together. n "
        "counts items, n_lost and n_won answers, of which an item has several in other languages."
    )


def _questions(found: pd.DataFrame, first: str, label: str) -> pd.DataFrame:
    """Questions answered differently, to be read: choices by their texts, or by their letters."""

    def choice(row: pd.Series, place: int) -> str:
        if place < 0:
            return "none"
        return str(row["options"][place]) if row["options"] else "ABCD"[place]

    rows = [
        {
            "item": row["item_id"],
            "in": row["language"],
            "question": row["question"],
            "right": choice(row, row["right"]),
            f"{first} took": choice(row, row["reference_taken"]),
            f"margin of {first} (nats)": row["reference_margin"],
            f"{label} took": choice(row, row["taken"]),
            f"margin of {label} (nats)": row["margin"],
        }
        for _, row in found.iterrows()
    ]
    return pd.DataFrame(rows)


def _provenance(every: Sequence[answers.Answers]) -> pd.DataFrame:
    """What each of the compared was made from."""
    rows = []
    for each in every:
        model: Mapping[str, Any] = each.made["model"]
        more = {key: value for key, value in each.made.items() if key != "model"}
        rows.append(
            {
                "label": each.label,
                "name": model.get("name", ""),
                "adapter": model.get("adapter") or "",
                "dtype": model.get("dtype", ""),
                "fingerprint": model.get("fingerprint", ""),
                "more": ", ".join(f"{key} {value}" for key, value in more.items()),
            }
        )
    return pd.DataFrame(rows)

"""What the tables say, in a sentence for each question that the project asks.

Every number is read from a table, so that a sentence changes when its table does. A table that a
run does not have has no sentence.
"""

from collections.abc import Callable, Mapping

import pandas as pd

from xlkb.analysis import primary
from xlkb.ground.languages import LANGUAGES


def told(tables: Mapping[str, pd.DataFrame], base: str = "en") -> str:
    """A line for each question that the tables answer.

    Args:
        tables: name (`QUESTIONS`) -> table, as notebooks 06 and 07 write it; others are left out.
        base: the language that others are compared with.
    """
    lines = []
    for question, (names, answer) in QUESTIONS.items():
        found = [tables[name] for name in names if name in tables and len(tables[name])]
        if len(found) == len(names) and (said := answer(*found, base=base)):
            lines.append(f"{question} {said}")
    return "\n".join(lines) or "Nothing was compared."


def _barrier(table: pd.DataFrame, base: str) -> str:
    said = []
    for label, rows in table[table["model"] == "no text"].groupby("base_model", sort=False):
        alone, mixed = rows[rows["language"] != "mixed"], rows[rows["language"] == "mixed"]
        if alone.empty:
            continue
        reference, n = 100 * rows["reference_accuracy"].iloc[0], rows["n"].iloc[0]
        worst = f"{alone['gap_points'].min():.1f} to {alone['gap_points'].max():.1f} points"
        tail = f", and {mixed['gap_points'].iloc[0]:.1f} with five mixed" if len(mixed) else ""
        said.append(
            f"{label} answers {reference:.1f} % of {n} questions in {LANGUAGES[base].name} and "
            f"loses {worst} in {', '.join(alone['language'])}{tail}."
        )
    return " ".join(said)


def _mixed(table: pd.DataFrame, base: str) -> str:
    return _compared(table[table["against"] != primary.RIVAL])


def _parallel(table: pd.DataFrame, base: str) -> str:
    return _compared(table[table["against"] == primary.RIVAL])


def _compared(rows: pd.DataFrame) -> str:
    """Effects with intervals, how many survive, and what could have been seen."""
    if rows.empty:
        return ""
    effects = [
        f"{row['model']}, {row['group']}: {row['effect_points']:+.1f} "
        f"({row['effect_low']:+.1f} to {row['effect_high']:+.1f})"
        for row in rows.to_dict("records")
    ]
    kept = int((rows["p_adjusted"] < 0.05).sum())
    return (
        f"against {rows['against'].iloc[0]}, in points with 95 % intervals: {'; '.join(effects)}. "
        f"{kept or 'None'} of {len(rows)} stand{'s' * (kept < 2)} after Holm's correction (n = "
        f"{rows['n'].min()} items, training seeds: {rows['n_seeds'].min()}; effects from "
        f"{rows['least_points'].min():.1f} to {rows['least_points'].max():.1f} points would have "
        "been seen with 80 % power)."
    )


def _bridge(table: pd.DataFrame, base: str) -> str:
    rows = table[table["group"] == primary.GROUPS[0]]
    rows = rows[rows["rule"] == rows["rule"].iloc[0]] if "rule" in rows and len(rows) else rows
    parts = [f"{row['model']} {100 * row['accuracy']:.0f} %" for row in rows.to_dict("records")]
    return (
        f"asked in other languages about pupils who were taught in {LANGUAGES[base].name} only, by "
        f"the share and unit of mixed text about others: {', '.join(parts)} (n = "
        f"{rows['n'].min()}; chance 25 %)."
        if parts
        else ""
    )


def _costs(table: pd.DataFrame, base: str) -> str:
    parts = [
        f"{row['model']} {-row['cost_points']:+.1f} ({row['verdict']})"
        for row in table.to_dict("records")
    ]
    margin = table["margin"].iloc[0]
    return (
        f"points of accuracy in {LANGUAGES[base].name}, and whether it is kept within {margin:g}: "
        f"{', '.join(parts)}."
    )


def _bottle(table: pd.DataFrame, base: str) -> str:
    said = []
    for order, rows in table.groupby("order", sort=False):
        arms = [f"{row['arm']} {100 * row['accuracy_c']:.0f} %" for row in rows.to_dict("records")]
        said.append(f"{order}: {', '.join(arms)}")
    seeds = table["n_seeds"].min()
    return (
        f"asked in other languages about facts told in one ({seeds} worlds, chance 25 %): "
        f"{'; '.join(said)}."
    )


QUESTIONS: dict[str, tuple[tuple[str, ...], Callable[..., str]]] = {
    "How large is the barrier?": (("table06c_barrier",), _barrier),
    "Does mixed text help with what pretraining taught?": (("table06a_primary",), _mixed),
    "Mixed or parallel?": (("table06a_primary",), _parallel),
    "And with facts taught in one language?": (("table06f_bridge",), _bridge),
    "At what cost?": (("table06g_costs",), _costs),
    "In the bottle,": (("table07a_orders",), _bottle),
}
"""Question -> the tables that it is read from, and how."""

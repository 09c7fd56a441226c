"""What the tables say, in a few sentences for each question that the project asks.

Every number is read from a table, so that a sentence changes when its table does. A table that a
run does not have has no sentence.
"""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from xlkb import corpora
from xlkb.analysis import primary
from xlkb.ground.languages import LANGUAGES

SURE = 0.05
LEARNED = 0.95
"""Share of taught facts that are right in the language of teaching, before another is looked at."""
CHANCE = "chance is 25 %"
VERDICTS = {"kept": ("equivalent", "not worse"), "open": ("open",), "lost": ("worse",)}
"""Of `costs`, in words."""


def told(tables: Mapping[str, pd.DataFrame], base: str = "en") -> str:
    """A line of Markdown for each question that the tables answer.

    Args:
        tables: name (`QUESTIONS`) -> table, as notebooks 06 and 07 write it; others are left out.
        base: the language that others are compared with.
    """
    lines = []
    for question, answers in QUESTIONS.items():
        said = [
            answer(tables[name], base)
            for name, answer in answers
            if name in tables and len(tables[name])
        ]
        if said := " ".join(sentence for sentence in said if sentence):
            lines.append(f"- **{question}** {said}")
    return "\n".join(lines) or "Nothing was compared."


def _barrier(table: pd.DataFrame, base: str) -> str:
    said = []
    for label, rows in table[table["model"] == "no text"].groupby("base_model", sort=False):
        alone, mixed = rows[rows["language"] != "mixed"], rows[rows["language"] == "mixed"]
        if alone.empty:
            continue
        accuracy, n = 100 * alone["reference_accuracy"].iloc[0], alone["n"].iloc[0]
        names = _listed([LANGUAGES[code].name for code in alone["language"]], "or")
        tail = ""
        if len(mixed):
            tail = f", and {mixed['gap_points'].iloc[0]:.1f} fewer where languages are mixed in it"
        said.append(
            f"{label} answers {accuracy:.1f} % of {n} questions in {LANGUAGES[base].name}, "
            f"{_range(alone['gap_points'])} points fewer when a question is in {names}{tail}."
        )
    return " ".join(said)


def _pretrained(table: pd.DataFrame, base: str) -> str:
    return _compared(table[table["against"] != primary.RIVAL])


def _rival(table: pd.DataFrame, base: str) -> str:
    return _compared(table[table["against"] == primary.RIVAL])


def _compared(rows: pd.DataFrame) -> str:
    """The effects that stand, the range of the others, and what could have been seen."""
    if rows.empty:
        return ""
    stand = rows["p_adjusted"] < SURE
    sure, rest = rows[stand].to_dict("records"), rows[~stand]
    said = [f"{row['model']} {_points(row, 'effect')} on {_asked(row)} stands" for row in sure]
    if len(rest):
        which = "the others do not" if sure else f"none of {len(rest)} comparisons stands"
        said.append(
            f"{which} ({_range(rest['effect_points'], sign='+')}; "
            f"{_range(rest['least_points'])} would have been seen)"
        )
    seeds = rows["n_seeds"].min()
    asked = f"{rows['n'].min()} items, {seeds} training seed{'s' * int(seeds > 1)}"
    return (
        f"On facts from pretraining, in points against {rows['against'].iloc[0]} ({asked}, Holm's "
        f"correction): {'; '.join(said)}."
    )


def _asked(row: Mapping[str, str]) -> str:
    return "mixed questions" if row["group"] == "mixup" else row["group"]


def _bridge(table: pd.DataFrame, base: str) -> str:
    rows = table[table["rule"] == table["rule"].iloc[0]]
    other, own = (
        rows[rows["group"] == group].set_index("model")["accuracy"]
        for group in (primary.GROUPS[0], LANGUAGES[base].name)
    )
    if other.empty or own.empty:
        return ""
    named = {corpora.bridge.NONE: "without any"}
    arms = [
        f"{named.get(arm, arm)} {_percent(other[arm])} ({_percent(own[arm])})"
        for arm in other.index
    ]
    late = [named.get(arm, arm) for arm in other.index if own[arm] < LEARNED]
    which = _listed(late) if late and len(late) < len(other) else "all arms"
    missed = (
        f" {which[:1].upper()}{which[1:]} stayed under the {_percent(LEARNED)} in "
        f"{LANGUAGES[base].name} that were to come first, and say nothing about transfer."
        if late
        else ""
    )
    return (
        f"Facts taught in {LANGUAGES[base].name}, beside others in mixed text: right in other "
        f"languages (and in {LANGUAGES[base].name}), by share and unit of the mixed text, "
        f"{_listed(arms)} ({rows['n'].min()} facts, {CHANCE}).{missed}"
    )


def _bottle(table: pd.DataFrame, base: str) -> str:
    orders = {name: _right(rows) for name, rows in table.groupby("order", sort=False)}
    mixed = {name: right[right.index.str.startswith("mixed")] for name, right in orders.items()}
    said = [f"{_range(part, 0)} % ({name})" for name, part in mixed.items() if len(part)]
    (first, right), *_ = orders.items()
    rest = right.drop(mixed[first].index)
    others = [f"{arm} {share:.0f} %" for arm, share in rest.items()]
    tail = f"; without mixing ({first}): {_listed(others)}" if others else ""
    return (
        f"In the bottle ({table['n_seeds'].min()} worlds, {CHANCE}), facts told in one language "
        "were right in others, beside mixed text about other people, in "
        f"{_listed(said) if said else 'no case'}{tail}."
    )


def _bottle_rival(table: pd.DataFrame, base: str) -> str:
    said = []
    for order, rows in table.groupby("order", sort=False):
        right = _right(rows)
        mixed = right[right.index.isin(primary.TREATMENTS)]
        if primary.RIVAL in right and len(mixed):
            said.append(f"{_range(mixed, 0)} % against {right[primary.RIVAL]:.0f} % ({order})")
    named = f"In the bottle, {_listed(primary.TREATMENTS)} against {primary.RIVAL}"
    return f"{named}: {', '.join(said)}." if said else ""


def _right(rows: pd.DataFrame) -> pd.Series:
    return 100 * rows.set_index("arm")["accuracy_c"]


def _costs(table: pd.DataFrame, base: str) -> str:
    said = []
    for words, verdicts in VERDICTS.items():
        rows = table[table["verdict"].isin(verdicts)]
        if len(rows):
            arms = [f"{r['model']} {-r['cost_points']:+.1f}" for r in rows.to_dict("records")]
            said.append(f"{words}: {', '.join(arms)}")
    gains = [f"{r['model']} {_points(r, 'gain')}" for r in table.to_dict("records")]
    gains = [g for g, low in zip(gains, table["gain_low"], strict=True) if low > 0]
    best = _listed(gains) if gains else "none"
    return (
        f"Points in {LANGUAGES[base].name} against the model that read nothing, with a margin of "
        f"{table['margin'].iloc[0]:g}: {'; '.join(said)}. Gained in the other languages: {best}."
    )


def _open(table: pd.DataFrame, base: str) -> str:
    claimed = table.loc[table["model"] == "not named", "change"]
    ours = table[table["status"] == "this run"]
    if claimed.empty or ours.empty:
        return ""
    top = ours.loc[ours["change"].idxmax()]
    return (
        f"The paper is said to report gains of {_range(claimed, 0)} points (second-hand, tasks and "
        f"models not named); the largest on mixed questions here is {top['change']:+.1f} "
        f"({top['model']}, {top['base_model']}). What more text, larger models and other tasks "
        "would give, these tables do not say."
    )


def _points(row: Mapping[str, float], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[f'{name}_points']:+.1f} [{low:.1f}, {high:.1f}]"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _range(values: pd.Series, digits: int = 1, sign: str = "") -> str:
    low, high = f"{values.min():{sign}.{digits}f}", f"{values.max():{sign}.{digits}f}"
    return low if low == high else f"{low} to {high}"


def _listed(texts: Sequence[str], last: str = "and") -> str:
    *most, end = texts
    return f"{', '.join(most)} {last} {end}" if most else end


QUESTIONS: dict[str, tuple[tuple[str, Callable[[pd.DataFrame, str], str]], ...]] = {
    "How large is the barrier?": (("table06c_barrier", _barrier),),
    "What did mixed-language text do?": (
        ("table06a_primary", _pretrained),
        ("table06f_bridge", _bridge),
        ("table07a_orders", _bottle),
    ),
    "Mixed or parallel?": (("table06a_primary", _rival), ("table07a_orders", _bottle_rival)),
    "At what cost?": (("table06g_costs", _costs),),
    "What remains open?": (("table06j_paper", _open),),
}
"""Question -> the tables that it is read from, and what reads each."""

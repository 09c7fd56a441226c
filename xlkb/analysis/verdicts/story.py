"""What the tables say, in a few sentences for each question that the project asks.

Every number is read from a table, so that a sentence changes when its table does. A table that a
run does not have has no sentence.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd

from xlkb import corpora
from xlkb.analysis.verdicts import primary
from xlkb.ground.languages import LANGUAGES, get

SURE = 0.05
LEARNED = 0.95
"""Share of taught facts that are right in the language of teaching, before another is looked at."""
CHANCE = "chance is 25 %"
NONE = corpora.bridge.NONE
PAPER, OURS = "table06j_paper", "this run"
GROUPED = ("table06b_gains", "table06f_bridge")
VERDICTS = {"kept": ("equivalent", "not worse"), "open": ("open",), "lost": ("worse",)}
"""Of `costs`, in words."""


def told(tables: Mapping[str, pd.DataFrame], base: str = "en") -> str:
    """A list in Markdown of the questions that the tables answer, for each base model.

    Args:
        tables: name (`QUESTIONS`) -> table, as notebooks 06 and 07 write it; others are left out.
        base: the language that others are compared with.

    Raises:
        ValueError: there is no such language, or the tables compare with another one.
    """
    found = {name: table for name, table in tables.items() if len(table)}
    _check(found, base)
    ours = [table["base_model"] for name, table in found.items() if _of_models(name, table)]
    labels = list(dict.fromkeys(label for column in ours for label in column)) or [""]
    lines = []
    for question, answers in QUESTIONS.items():
        said = []
        for names, answer in answers:
            if not all(name in found for name in names):
                continue
            several = any("base_model" in found[name] for name in names)
            for label in labels if several else labels[:1]:
                sentence = answer(*(_of(found[name], label) for name in names), base=base)
                named = several and len(labels) > 1 and sentence and not sentence.startswith(label)
                said.append(f"{label}: {sentence}" if named else sentence)
        said = [sentence for sentence in said if sentence]
        if len(said) == 1:
            lines.append(f"- **{question}** {said[0]}")
        elif said:
            lines += [f"- **{question}**", *(f"  - {sentence}" for sentence in said)]
    return "\n".join(lines) or "Nothing was compared."


def _check(found: Mapping[str, pd.DataFrame], base: str) -> None:
    """Groups name the base that a run had, and its barrier is that of all other languages."""
    language = get(base)
    parts = [found[each]["group"] for each in GROUPED if each in found]
    had = [each for each in LANGUAGES.values() if any((part == each.name).any() for part in parts)]
    barrier = found.get("table06c_barrier", pd.DataFrame(columns=["language"]))
    if (had and language not in had) or (barrier["language"] == base).any():
        which = f"{had[0].name}: give base = {had[0].code!r}" if had else "another language"
        raise ValueError(f"base = {base!r} ({language.name}): these tables compare with {which}.")


def _of_models(name: str, table: pd.DataFrame) -> bool:
    """Whether it says of each row which of our models it is about."""
    return name != PAPER and "base_model" in table


def _of(table: pd.DataFrame, label: str) -> pd.DataFrame:
    """The rows of a base model, and of the paper."""
    if "base_model" not in table or not label:
        return table
    own = table["base_model"] == label
    return table[own | (table["status"] != OURS) if "status" in table else own]


def _barrier(table: pd.DataFrame, base: str) -> str:
    rows = table[table["model"] == "no text"]
    alone, mixed = rows[rows["language"] != "mixed"], rows[rows["language"] == "mixed"]
    if alone.empty:
        return ""
    label, n = alone[["base_model", "n"]].iloc[0]
    names = _listed([LANGUAGES[code].name for code in alone["language"]], "or")
    tail = ""
    if len(mixed):
        tail = f", and {mixed['gap_points'].iloc[0]:.1f} fewer where languages are mixed in it"
    return (
        f"{label} answers {100 * alone['reference_accuracy'].iloc[0]:.1f} % of {n} questions in "
        f"{LANGUAGES[base].name}, {_range(alone['gap_points'])} points fewer when a question is in "
        f"{names}{tail}."
    )


def _compared(table: pd.DataFrame, base: str, rival: bool = False) -> str:
    """The effects that stand, the range of the others, and what could have been seen."""
    rows = table[(table["against"] == primary.RIVAL) == rival]
    if rows.empty:
        return ""
    stand = rows["p_adjusted"] < SURE
    sure, rest = _records(rows[stand]), rows[~stand]
    said = [f"{row['model']} {_points(row, 'effect')} on {_asked(row)} stands" for row in sure]
    if len(rest):
        which = "the others do not" if sure else f"none of {len(rest)} comparisons stands"
        said.append(
            f"{which} ({_range(rest['effect_points'], sign='+')}, where "
            f"{_range(rest['least_points'])} would have been seen with 80 % power)"
        )
    seeds = rows["n_seeds"].min()
    asked = f"{rows['n'].min()} items, {seeds} training seed{'s' * int(seeds > 1)}"
    return (
        f"On facts from pretraining, in points against {rows['against'].iloc[0]} ({asked}, Holm's "
        f"correction): {'; '.join(said)}."
    )


def _gap(table: pd.DataFrame, base: str) -> str:
    """What the language of teaching gained meanwhile: the barrier is the difference."""
    known = table.get("narrowed_low", pd.Series(index=table.index)).notna()
    rows = table[(table["against"] != primary.RIVAL) & known]
    if rows.empty:
        return ""
    gained = rows["effect_points"] - rows["narrowed_points"]
    each = [f"{m} {own:+.1f}" for m, own in dict(zip(rows["model"], gained, strict=True)).items()]
    less = [f"{r['model']} on {_asked(r)} {_points(r, 'narrowed')}" for r in _records(rows)]
    return (
        f"{LANGUAGES[base].name} itself moved against {rows['against'].iloc[0]} "
        f"({', '.join(each)}); the gap to it narrowed (+) or widened, by (exploratory, in points) "
        f"{_listed(less)}."
    )


def _rules(table: pd.DataFrame, gains: pd.DataFrame, base: str) -> str:
    """What stands, under the other rules of decision."""
    said = []
    rows = table[(table["against"] != primary.RIVAL) & (table["p_adjusted"] < SURE)]
    for row in _records(rows):
        same = gains[(gains["model"] == row["model"]) & (gains["group"] == row["group"])]
        others = same[same["rule"] != primary.RULE]
        each = [f"{r['rule']} {_points(r, 'gain')}" for r in _records(others)]
        if each:
            said.append(f"{row['model']} on {_asked(row)}: {_listed(each)}")
    return f"Under other rules of decision, one seed: {'; '.join(said)}." if said else ""


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
    arms = [f"{arm} {_percent(other[arm])} ({100 * own[arm]:.1f} %)" for arm in other.index]
    known, said = own >= LEARNED, []
    learned = rows[rows["model"].isin(known.index[known]) & (rows["model"] != NONE)]
    for group in primary.GROUPS if known.get(NONE) else ():
        part = _records(learned[learned["group"] == group])
        gained = [f"{row['model']} {_points(row, 'gain')}" for row in part]
        said += [f" Points over none, {_asked(part[0])}: {_listed(gained)}."] if part else []
    late = [arm for arm in other.index if not known[arm]]
    if late:
        which = _listed(late) if known.any() else "all"
        said.append(
            f" Nothing is said about transfer by arms under the {_percent(LEARNED)} in "
            f"{LANGUAGES[base].name} that were to come first: {which}."
        )
    return (
        f"Facts taught in {LANGUAGES[base].name}, beside others in mixed text: right in other "
        f"languages (and in {LANGUAGES[base].name}), by share and unit of the mixed text, "
        f"{_listed(arms)} ({rows['n'].min()} facts, {CHANCE}).{''.join(said)}"
    )


def _bottle(table: pd.DataFrame, base: str) -> str:
    said = []
    for order, rows in table.groupby("order", sort=False):
        right = _right(rows)
        mixed = right[right.index.str.startswith("mixed")]
        rest = [f"{arm} {share:.0f} %" for arm, share in right.drop(mixed.index).items()]
        parts = ([f"mixed {_range(mixed, 0)} %"] if len(mixed) else []) + rest
        kept = 100 * rows["accuracy_k"]
        lost = f", and {_range(kept, 0)} % of them still known in that language"
        said.append(f"{order}: {', '.join(parts)}{lost if kept.min() < 100 * LEARNED else ''}")
    return (
        f"In the bottle ({table['n_seeds'].min()} worlds, {CHANCE}), facts told in one language, "
        f"asked in others, by how other people are told of in all languages: {'; '.join(said)}."
    )


def _bottle_rival(table: pd.DataFrame, base: str) -> str:
    said = []
    for order, rows in table.groupby("order", sort=False):
        right = _right(rows)
        mixed = right[right.index.isin(primary.TREATMENTS)]
        if primary.RIVAL in right and len(mixed):
            said.append(f"{_range(mixed, 0)} % against {right[primary.RIVAL]:.0f} % ({order})")
    named = f"In the bottle, not tested, {_listed(primary.TREATMENTS)} against {primary.RIVAL}"
    return f"{named}: {', '.join(said)}." if said else ""


def _right(rows: pd.DataFrame) -> pd.Series:
    return 100 * rows.set_index("arm")["accuracy_c"]


def _costs(table: pd.DataFrame, base: str) -> str:
    once = table["n_seeds"].max() > 1
    rows = [
        row | {"name": f"{row['model']}{'†' if once and row['n_seeds'] == 1 else ''}"}
        for row in _records(table)
    ]
    said = []
    for words, verdicts in VERDICTS.items():
        part = [row for row in rows if row["verdict"] in verdicts]
        arms = [f"{row['name']} {-row['cost_points']:+.1f}" for row in part]
        said += [f"{words}: {', '.join(arms)}"] if arms else []
    gained, lost = (
        [f"{row['name']} {_points(row, 'gain')}" for row in part] or ["none"]
        for part in (
            [row for row in rows if row["gain_low"] > 0],
            [row for row in rows if row["gain_high"] < 0],
        )
    )
    return (
        f"Points in {LANGUAGES[base].name} against the model that read nothing; kept within "
        f"{table['margin'].iloc[0]:g} points, lost (more than 0), or open: {'; '.join(said)}. "
        f"Gained in the other languages: {_listed(gained)}. Lost in the other languages: "
        f"{_listed(lost)}.{' †: one training seed.' if once else ''}"
    )


def _open(table: pd.DataFrame, published: pd.DataFrame, base: str) -> str:
    theirs = published[published["status"] != OURS]
    claimed = theirs.loc[theirs["model"] == "not named", "change"]
    rows = _records(theirs[theirs["model"] != "not named"])
    notes = [f"one note has {r['change']:+.1f} for {r['model']}, {r['task']}" for r in rows]
    if claimed.empty:
        return ""
    top = table.loc[table["effect_points"].idxmax()]
    return (
        f"The paper is said to report gains of {_range(claimed, 0)} points (second-hand, tasks and "
        f"models not named); {'; '.join([*notes, ''])}the largest of the primary effects here is "
        f"{top['effect_points']:+.1f}. What more text, larger models and other tasks would give, "
        "these tables do not say."
    )


def _records(rows: pd.DataFrame) -> list[dict]:
    return rows.to_dict("records")


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


QUESTIONS: dict[str, tuple[tuple[tuple[str, ...], Callable[..., str]], ...]] = {
    "How large is the barrier?": ((("table06c_barrier",), _barrier),),
    "What did mixed-language text do?": (
        (("table06a_primary",), _compared),
        (("table06a_primary",), _gap),
        (("table06a_primary", "table06b_gains"), _rules),
        (("table06f_bridge",), _bridge),
        (("table07a_orders",), _bottle),
    ),
    "Mixed or parallel?": (
        (("table06a_primary",), partial(_compared, rival=True)),
        (("table07a_orders",), _bottle_rival),
    ),
    "At what cost?": ((("table06g_costs",), _costs),),
    "What remains open?": ((("table06a_primary", PAPER), _open),),
}
"""Question -> the tables that it is read from, and what reads them."""

"""What a barrier card says in sentences, every number of them read from its tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from xlkb.analysis import gaps, stats
from xlkb.analysis.verdicts.card import CHANCE, SURE, language

MIXED = {"mixed": "where languages are mixed", "released": "where they are mixed as released"}
STUCK = 0.9
"""Share of one letter from which on it says nothing of what is known."""
POWER = "would have been seen with 80 % power"


def headline(label: str, found: Mapping[str, Any]) -> str:
    """The sentence on top of a card: accuracy, and what is lost elsewhere.

    Args:
        label: of the model; found: of `card.tables`.
    """
    own = found["accuracy"]
    own = own[own["rule"] == found["rule"]]
    if found["n"] == 1:
        return f"{label} {_of_one(own)}."
    home = own[(own["recomposition"] == "full") & (own["language"] == found["base"])]
    if home.empty or not found["paired"]:
        return f"{label} answers {_listed([_share(row) for row in _records(own)])}.{_why(found)}"
    (row,) = _records(home)
    compared = [
        table[table["rule"] == found["rule"]].assign(recomposition=name)
        for name, table in (("full", found["barrier"]), ("mixup", found["mixup"]))
        if len(table)
    ]
    parts = [part for table in compared for part in _gaps(table)]
    said = f"{label} answers {_percent(row)} in {language(row['language'])}"
    said += f", {'; '.join(parts)}" if parts else ""
    return f"{said} (n = {row['n']}).{_chance(row)}{_unread(found)}"


def notes(found: Mapping[str, Any]) -> list[str]:
    """Sentences for below the headline: rules, consistency, likeness, taste, what could be seen."""
    said = []
    if found["n"] > 1 and len(found["letters"]):
        said += _letters(found["letters"])
    if not found["base"] or not found["paired"] or found["n"] == 1:
        return said
    base, rule = language(found["base"]), found["rule"]
    compared = stats.concat([found["barrier"], found["mixup"]])
    if len(compared) and len(found["rules"]) > 1:
        lines = gaps.in_words(compared, found["base"]).split("\n")
        said += [f"By rule of decision, {line}" for line in lines]
    main = {
        name: _records(found[name][found[name]["rule"] == rule])
        for name in ("barrier", "transfer", "in_all", "rankc", "option_bias")
        if len(found[name])
    }
    if kept := main.get("transfer"):
        each = [f"{row['language']} {_percent(row, 'transfer_rate')}" for row in kept]
        n = kept[0]["n"]
        said.append(f"Right in another language, of the {n} right in {base}: {', '.join(each)}.")
    for row in main.get("in_all", []):
        said.append(
            f"Right in all {row['n_languages']} languages: {_percent(row, 'right_in_all')}; "
            f"{100 * row['if_independent']:.1f} % if languages were independent, "
            f"{100 * row['at_most']:.1f} % at most (n = {row['n']})."
        )
    if alike := main.get("rankc"):
        each = [f"{row['language']} {_percent(row, 'rankc')}" for row in alike]
        said.append(
            f"Choices ranked as in {base} (RankC): {', '.join(each)}; "
            f"unrelated rankings get {100 * alike[0]['chance']:.1f} %."
        )
    taste = [
        f"{language(row['language'])} {_percent(row, 'taken')} against {100 * row['offered']:.1f} %"
        for row in main.get("option_bias", [])
        if not row["low"] <= row["offered"] <= row["high"]
    ]
    if "option_bias" in main:
        n = main["option_bias"][0]["n"]
        said.append(
            "Share of wrong answers to mixed questions against the share on offer, where they "
            f"differ: {'; '.join(taste)} (n = {n} wrong answers)."
            if taste
            else "On mixed questions, no language's wrong choices are taken more or less often "
            f"than offered (n = {n} wrong answers)."
        )
    if len(found["pairs"]):
        said.append(_weakest(found))
    if barriers := main.get("barrier"):
        seen = _seen(pd.Series([row["least_points"] for row in barriers], dtype=float))
        said.append(f"Which barriers could be shown: {seen} (Holm's first step).")
    return said


def _letters(table: pd.DataFrame) -> list[str]:
    """Cells in which one letter is taken for nearly all questions, whatever they ask."""
    counts = table[list("ABCD")]
    share = counts.max(axis=1) / counts.sum(axis=1)
    stuck = table[share >= STUCK].assign(letter=counts.idxmax(axis=1))
    each = [f"{row['letter']} {_cell(row)}" for row in _records(stuck)]
    return [f"One letter is taken for nearly all questions: {_listed(each)}."] if each else []


def _weakest(found: Mapping[str, Any]) -> str:
    table, spread = found["pairs"], found["pairs_spread"]
    (first, *_), n = _records(table), table["n"]
    few = f"{n.min()} to {n.max()} questions a pair, exploratory"
    if not spread > 0:
        return (
            f"The {len(table)} pairs of question and answer languages differ no more than chance "
            f"would have them ({few})."
        )
    return (
        f"Most is lost between a question in {language(first['question_language'])} and an answer "
        f"in {language(first['answer_language'])}: {first['gap_points']:.1f} points (n = "
        f"{first['n']}), {first['shrunk_points']:.1f} when drawn to the mean of all pairs, whose "
        f"true losses spread by {spread:.1f} ({few})."
    )


def _gaps(table: pd.DataFrame) -> list[str]:
    """Where less is right, where more, and where neither stands; alike cells together."""
    sure = table["p_adjusted"] <= SURE
    fewer, more = sure & (table["gap_low"] > 0), sure & (table["gap_high"] < 0)
    said = []
    for part, word in ((table[fewer], "fewer"), (table[more], "more")):
        if len(part):
            said.append(f"{_range(part['gap_points'].abs())} points {word} {_where(part)}")
    rest = table[~fewer & ~more]
    if len(rest):
        changes, seen = _range(-rest["gap_points"], "+"), _seen(rest["least_points"])
        said.append(f"no difference that stands {_where(rest)} ({changes}; {seen})")
    return said


def _seen(least: pd.Series) -> str:
    """The least gaps that would have been found; accuracies differ by 100 points at most."""
    known = least[least < 100]
    if len(known) < len(least):
        return "too few questions, or answers that differ, to show one"
    return f"{_range(known)} points {POWER}"


def _where(table: pd.DataFrame) -> str:
    codes = list(table["language"])
    if table["recomposition"].iloc[0] == "mixup":
        return _listed([MIXED.get(code, code) for code in codes])
    return f"in {_listed([language(code) for code in codes])}"


def _of_one(own: pd.DataFrame) -> str:
    """One question: right here, wrong there."""
    said = []
    for right, word in ((True, "right"), (False, "wrong")):
        part = own[(own["accuracy"] == 1) == right]
        cells = [_cell(row) for row in _records(part)]
        said += [f"{word} {_listed(cells)}"] if cells else []
    return f"answers the one question {' and '.join(said)} (n = 1)"


def _cell(row: Mapping[str, Any]) -> str:
    if row["recomposition"] == "mixup":
        return MIXED.get(row["language"], row["language"])
    return f"in {language(row['language'])}"


def _share(row: Mapping[str, Any]) -> str:
    return f"{_percent(row)} {_cell(row)} (n = {row['n']})"


def _why(found: Mapping[str, Any]) -> str:
    """Why nothing is compared."""
    if found["base"] is None:
        return " No question was asked in one language, so nothing is compared."
    return " No question was asked in all languages, so nothing is compared."


def _chance(row: Mapping[str, Any]) -> str:
    if row["low"] <= CHANCE <= row["high"]:
        return (
            f" In {language(row['language'])} this is no more than guessing gets (25 %), so a loss "
            "elsewhere would not show."
        )
    return " That is less than guessing gets (25 %)." if row["high"] < CHANCE else ""


def _unread(found: Mapping[str, Any]) -> str:
    share = found["unread"]
    if not share:
        return ""
    return f" {100 * share:.1f} % of the answers were not understood, and count as wrong."


def _percent(row: Mapping[str, Any], name: str = "accuracy") -> str:
    low, high = (100 * row[bound] for bound in ("low", "high"))
    return f"{100 * row[name]:.1f} % [{low:.1f}, {high:.1f}]"


def _range(values: pd.Series, sign: str = "") -> str:
    low, high = (_signed(value, sign) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _signed(value: float, sign: str) -> str:
    """To one decimal; a zero has no sign."""
    return f"{value:{sign}.1f}" if round(value, 1) else "0.0"


def _listed(texts: Sequence[str]) -> str:
    *most, end = texts
    return f"{', '.join(most)} and {end}" if most else end


def _records(table: pd.DataFrame) -> list[dict]:
    return table.to_dict("records")

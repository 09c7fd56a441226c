"""The barrier card of a model: what its answers to one task's questions show, with intervals.

`tables` makes the numbers, and `card_words` the sentences about them. What a request gives nothing
to is an empty table: one language has no barrier, fewer than five no mixup.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from xlkb.analysis import effects, gaps, pairing, stats
from xlkb.analysis.languages import consistency, pairs
from xlkb.ground import names
from xlkb.ground.languages import LANGUAGES

SCHEMA = 1
"""Of a card in JSON; raised when a key leaves or changes its meaning."""

CHANCE = 0.25
SURE = 0.05
CELLS = ("full", "mixup")
WEAKEST, EXAMPLES = {"full": 2, "mixup": 3}, 2
"""Of how many languages, and pairs of them, examples are shown, and how many of each."""

ONE = ["style", "n_shots", "demonstrations", "prompt"]
NEEDED = ["task", "item_id", "subject", *stats.CELL, "question_language", "option_language"]
NEEDED += ["choice", "is_answer", *ONE, "log_likelihood"]


def rules_of(rows: pd.DataFrame) -> tuple[str, ...]:
    """The rules that rows can be decided by: `sum`, and for texts of choices `per_byte` and `pmi`,
    where all rows have what they need."""
    if not (rows["style"] == "cloze").all():
        return ("sum",)
    has = {"sum": True, "per_byte": "n_bytes" in rows and bool((rows["n_bytes"] > 0).all())}
    unconditional = rows.get("unconditional_log_likelihood")
    has["pmi"] = unconditional is not None and bool(unconditional.notna().all())
    return tuple(rule for rule in stats.RULES if has[rule])


def rule_of(rows: pd.DataFrame, rule: str | None = None) -> str:
    """The rule that was asked for, or the first of `rules_of`; ValueError for one they lack."""
    rules = rules_of(rows)
    if rule and rule not in rules:
        why = "letters have no other" if rows["style"].iloc[0] != "cloze" else "the rows lack more"
        raise ValueError(f"rule {rule!r}: {names.nearest(rule, rules)} ({why})")
    return rule or rules[0]


def check(rows: pd.DataFrame, label: str) -> None:
    """Raise ValueError for rows that no card can be made of; `label` says whose."""
    lacking = [name for name in NEEDED if name not in rows]
    if lacking:
        raise ValueError(f"{label}: no column {', '.join(lacking)}, which a card needs.")
    if not rows["recomposition"].isin(CELLS).any():
        raise ValueError(
            f"{label}: a card is made of questions in one language (recomposition 'full') or mixed "
            f"('mixup'), and there are only {', '.join(sorted(set(rows['recomposition'])))}."
        )
    for name in ONE:
        several = sorted({str(value) for value in stats.as_asked(rows)[name]})
        if len(several) > 1:
            raise ValueError(
                f"{label}: {name} is {' and '.join(several)}. A card is of one way of asking: keep "
                "the rows of one in the file."
            )


def tables(
    rows: pd.DataFrame, base: str = "en", rule: str = "sum", seed: int = 42
) -> dict[str, Any]:
    """The numbers of a card.

    Args:
        rows: of `scoring.score`, of one model, task and way of asking; recompositions other than
            `full` and `mixup` are left out.
        base: what others are compared with; the first language where it is not among them.
        rule: the main rule; the others of `rules_of` stand beside it.
        seed: of the resampling.

    Returns:
        `task, style, n_shots, rule, rules, base` (None where nothing was asked in one language),
        `languages, n` (items compared), `n_left_out` (items that were not asked in all of them),
        `paired` (False where no item was: nothing is compared then), `unread` (share, None of
        weights), `letter_mass` (mean, None of cloze), the tables

        - `accuracy`: rule, recomposition, language; as of `analysis.accuracy`
        - `letters`: how often each was taken, by recomposition and language; empty for cloze
        - `barrier`, `mixup`: by rule and language; as of `analysis.barrier`, `mixup_gap`
        - `transfer`, `in_all`, `rankc`, `option_bias`: by rule; as of the functions of that name
        - `pairs`: as of `analysis.pairs`, under the main rule, and `pairs_spread`

        and `examples`, a list of `recomposition, question_language, answer_language, items` (as of
        `analysis.examples`) for the weakest pairs.

    Raises:
        ValueError: the rows have no such rule, or a question was asked twice.
    """
    rows = rows[rows["recomposition"].isin(CELLS)].reset_index(drop=True)
    rules = (rule_of(rows, rule), *(each for each in rules_of(rows) if each != rule))
    decided = stats.decide_by_rules(rows, rules)
    shared = _shared(decided)
    paired = len(shared) > 0
    kept = shared if paired else decided
    spoken = list(dict.fromkeys(kept.query("recomposition == 'full'")["language"]))
    base = base if base in spoken else next(iter(spoken), None)
    listed = rows["style"].iloc[0] != "cloze"
    found = {
        "task": rows["task"].iloc[0],
        "style": rows["style"].iloc[0],
        "n_shots": int(stats.as_asked(rows)["n_shots"].iloc[0]),
        "rule": rule,
        "rules": list(rules),
        "base": base,
        "languages": spoken,
        "n": kept["item_id"].nunique(),
        "n_left_out": decided["item_id"].nunique() - kept["item_id"].nunique(),
        "paired": paired,
        "unread": _mean(kept[kept["rule"] == rule], "unread"),
        "letter_mass": _mean(rows, "letter_mass"),
        "accuracy": stats.accuracy(kept, ["rule", *stats.CELL]),
        "letters": _letters(kept if listed else kept[:0]),
    }
    compared = kept if paired and base else kept.iloc[:0]
    own = rows[rows["item_id"].isin(compared["item_id"])]
    return found | _compared(own, compared, rules, base or "en", seed)


def _compared(
    rows: pd.DataFrame, decided: pd.DataFrame, rules: Sequence[str], base: str, seed: int
) -> dict[str, Any]:
    full, mixed = (rows[rows["recomposition"] == name] for name in CELLS)
    # As in notebook 02: of calling codes every language has the same.
    told = mixed[mixed["subject"] != "calling_code"]
    main = decided[decided["rule"] == rules[0]]
    several = full["language"].nunique() > 1

    def by_rule(function: Any, *arguments: Any) -> pd.DataFrame:
        made = {rule: function(arguments[0], rule, *arguments[1:]) for rule in rules}
        for rule, table in made.items():
            table.insert(0, "rule", rule)
        return stats.concat(made.values())

    found = {
        "barrier": gaps.barrier(decided, base, seed, by=["rule"]),
        "mixup": gaps.mixup_gap(decided, base, seed, by=["rule"]),
        "transfer": pairing.each(decided, "rule", consistency.transfer_rate, base),
        "in_all": pairing.each(decided if several else decided[:0], "rule", consistency.in_all),
        "rankc": by_rule(consistency.rankc, full if several else full[:0], base, seed),
        "option_bias": by_rule(stats.option_language_bias, told),
    }
    for name in ("barrier", "mixup"):
        found[name] = effects.possible(found[name])
    if len(set(stats.clusters(decided))) == 1:  # Of one question, nothing is known of others.
        bounds = {"barrier": ["gap_low", "gap_high"], "mixup": ["gap_low", "gap_high"]}
        for name, ends in (bounds | {"rankc": ["low", "high"]}).items():
            found[name] = found[name].assign(**dict.fromkeys(ends, np.nan))
    found["pairs"], found["pairs_spread"] = pairs.pairs(main, base)
    found["examples"] = _examples(rows, found, rules[0], base)
    return found


def _examples(
    rows: pd.DataFrame, found: Mapping[str, Any], rule: str, base: str
) -> list[dict[str, Any]]:
    """Those of the languages, then of the pairs, in which most is lost."""
    alone = found["barrier"]
    alone = alone[alone["rule"] == rule].sort_values("gap_low", ascending=False, kind="stable")
    cells = [("full", code, code, {"language": code}) for code in alone["language"]]
    cells = cells[: WEAKEST["full"]]
    for row in found["pairs"].head(WEAKEST["mixup"]).to_dict("records"):
        pair = {name: row[name] for name in pairs.PAIR}
        cells.append(("mixup", *pair.values(), pair))
    shown = []
    for recomposition, asked, answered, cell in cells:
        cell = cell | {"recomposition": recomposition}
        items = pairs.examples(rows, cell, rule, base, EXAMPLES)
        where = {"question_language": asked, "answer_language": answered}
        shown += [{"recomposition": recomposition, **where, "items": items}] if items else []
    return shown


def _shared(decided: pd.DataFrame) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The card says how many were left out.
        return pairing.shared(decided)


def _letters(decided: pd.DataFrame) -> pd.DataFrame:
    """As `letters_taken`, in the order in which cells were asked."""
    cells = decided[stats.CELL].drop_duplicates()
    return cells.merge(stats.letters_taken(decided, stats.CELL), on=stats.CELL)


def _mean(frame: pd.DataFrame, column: str) -> float | None:
    known = frame[column].notna().any() if column in frame else False
    return float(frame[column].mean()) if known else None


def language(code: str) -> str:
    """A language's English name."""
    return LANGUAGES[code].name if code in LANGUAGES else code

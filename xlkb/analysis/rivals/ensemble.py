"""The ensemble over languages: a question is asked in several, and their scores are added up.

A model that knows a fact in one language is outvoted by none that have no preference, and a taste
for some choice in one language is outvoted by the others. No model is run: the scores are those of
the questions all in one language, and the sum of their log-likelihoods, by choice, decides. It
costs what the questions cost in all of these languages.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from xlkb.analysis import stats
from xlkb.analysis.rivals import mitigations
from xlkb.ground.languages import LANGUAGES


def members(languages: Sequence[str], base: str = "en") -> dict[str, list[str]]:
    """The ensembles that these languages allow, by name: all but the base one, and all of them.

    An ensemble has two members or more: of two languages there is one, of one there is none.
    """
    others = [code for code in languages if code != base]
    found = {f"sum over {len(others)} languages without {LANGUAGES[base].name}": others}
    if base in languages:
        found[f"sum over {len(languages)} languages"] = list(languages)
    return {name: codes for name, codes in found.items() if len(codes) > 1}


def decide(rows: pd.DataFrame, languages: Sequence[str], rule: str = "sum") -> pd.DataFrame:
    """What the languages together answer to each question, whichever language it was asked in.

    Args:
        rows: from `scoring.score`, of one model and one way of asking; only questions all in one
            language (the recomposition `full`) are looked at.
        languages: whose scores are added, choice by choice (choices stand in the same order in all
            languages), under the decision rule: `per_byte` and `pmi` are taken first.
        rule: one of `stats.RULES`.

    Returns:
        As `stats.decide`: a row for each language and question of `rows`, so that it is compared
        with the answers of the single languages item by item. `margin` is of the sum.

    Raises:
        ValueError: no languages; one of them is not in `rows`; they differ in their questions, or
            in the place of the right choice; several models or ways of asking.
    """
    full = rows[rows["recomposition"] == "full"]
    spoken = dict(list(full.groupby("language", sort=False)))
    lacking = [code for code in languages if code not in spoken]
    if lacking or not languages:
        asked = ", ".join(spoken) or "none"
        raise ValueError(
            f"An ensemble over {', '.join(languages) or 'no language'}: the rows have the "
            f"questions in {asked}. Score them in all languages that are to be added up."
        )
    keys = _answers(spoken[languages[0]])
    for code, part in spoken.items():
        own = _answers(part)
        stats.same_items(own, keys, {"language": code})
        if (own != keys.loc[own.index]).any():
            raise ValueError(
                f"language {code}: a right choice does not stand where it does in {languages[0]}, "
                "so that choices cannot be added up."
            )
    total = sum(_scores(spoken[code], rule).loc[keys.index] for code in languages)
    decided = [
        stats.decide(part.assign(log_likelihood=total.loc[_answers(part).index].to_numpy().ravel()))
        for part in spoken.values()
    ]
    decided = [each.assign(rule=rule) for each in decided]
    return stats.concat(decided)


def gained(
    rows: pd.DataFrame,
    tokens: Mapping[str, float],
    rules: Sequence[str] = ("sum",),
    base: str = "en",
    seed: int = 42,
    beside: tuple[str, pd.DataFrame, float] | None = None,
) -> pd.DataFrame:
    """Ensembles, and perhaps another mitigation, against the languages one by one.

    Args:
        rows: from `scoring.score`, of one model and way of asking, with questions all in one
            language, in several languages.
        tokens: language -> tokens that the model reads of a question (mean).
        rules: of `stats.RULES`.
        base: the language that the others are compared with.
        seed: of bootstrap and permutations.
        beside: name, rows and tokens per question of a mitigation on the same questions
            (translate, then answer), whose answers differ with the language of the question.

    Returns:
        As `mitigations.gained`, with a first column `rule`. The first mitigation, "one language",
        has the mean accuracy of the group's languages, which gains are over: "other languages" all
        but the base, the other group the base alone. `tokens_per_question` is the sum over an
        ensemble's languages; Holm's correction runs over the rows of a rule. Without two languages
        there are no rows.
    """
    full = rows[rows["recomposition"] == "full"]
    spoken = list(dict.fromkeys(full["language"]))
    ensembles = members(spoken, base) if spoken else {}
    read = {"one language": float(np.mean([tokens[code] for code in spoken or tokens]))}
    read |= {name: sum(tokens[code] for code in codes) for name, codes in ensembles.items()}
    tables = []
    for rule in rules if ensembles else ():
        decided = {"one language": stats.decide(full, rule)}
        decided |= {name: decide(full, codes, rule) for name, codes in ensembles.items()}
        if beside is not None:
            name, other, read[name] = beside
            decided[name] = stats.decide(other[other["recomposition"] == "full"], rule)
        table = mitigations.gained(decided, read, spoken, seed, base)
        table.insert(0, "rule", rule)
        tables.append(table)
    if not tables:
        return pd.DataFrame(columns=["rule", "group", "mitigation", "n"])
    return stats.concat(tables)


def _scores(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    """Item -> scores of its four choices."""
    return pd.DataFrame(stats.points(rows, rule), index=rows["item_id"].iloc[::4].to_numpy())


def _answers(rows: pd.DataFrame) -> pd.Series:
    """Item -> place of its right choice."""
    places = rows["is_answer"].to_numpy().reshape(-1, 4).argmax(1)
    return pd.Series(places, index=rows["item_id"].iloc[::4].to_numpy())

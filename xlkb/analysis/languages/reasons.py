"""What a barrier goes with: the name in a question, the script, the tokens that a word takes.

All of it is exploratory: few languages, and what differs between them differs together.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import permutation_test, rankdata

from xlkb.analysis import effects, gains, gaps, stats
from xlkb.ground import resampling
from xlkb.ground.languages import LANGUAGES, script_name

NAMED = ["rule", "language", "n", "changed", "gap_points", "gap_low", "gap_high", "gain_points"]
NAMED += ["gain_low", "gain_high", "p", "p_adjusted", "closed"]


def with_base_names(decisions: pd.DataFrame, base: str = "en", seed: int = 42) -> pd.DataFrame:
    """How much of the barrier goes when a foreign question has the base language's name in it.

    Args:
        decisions: from `stats.decide`, of one model and way of asking, under one rule or several:
            the recompositions `full` (in the base language, too) and `entity`.
        base: language of the name.
        seed: of bootstrap and permutations.

    Returns:
        A row per rule and language, and one for all languages of the base's script and of other
        scripts, where there are several: `rule, language` (code, or which languages), `n` (items),
        `changed` (share of the questions whose name is another in the base language; the others
        are the same question), `gap_points, gap_low, gap_high` (the barrier), `gain_points,
        gain_low, gain_high` (accuracy with the base's name minus that with the own one), `p,
        p_adjusted` (as in `gains.over_control`; Holm over all rows), `closed` (gain over barrier;
        NaN unless the barrier's interval lies above 0).

    Raises:
        ValueError: a question was not asked in both ways, or not in the base language.
    """
    asked = decisions.query("recomposition == 'entity'")
    spoken = [code for code in dict.fromkeys(asked["language"]) if code != base]
    tables = []
    for rule, part in decisions.groupby("rule", sort=False) if spoken else ():
        for name, codes in _groups(spoken, base).items():
            tables.append({"rule": rule, "language": name, **_named(part, codes, base, seed)})
    table = pd.DataFrame(tables, columns=NAMED)
    return table.assign(p_adjusted=effects.holm(table["p"])) if tables else table


def _groups(spoken: Sequence[str], base: str) -> dict[str, list[str]]:
    """Each language, and all of one script where there are several."""
    like = LANGUAGES[base].script
    same = [code for code in spoken if LANGUAGES[code].script == like]
    rest = [code for code in spoken if code not in same]
    several = {f"all in {LANGUAGES[base].name}'s script": same, "all in other scripts": rest}
    groups = {code: [code] for code in spoken}
    return groups | {name: codes for name, codes in several.items() if len(codes) > 1}


def _named(decisions: pd.DataFrame, codes: Sequence[str], base: str, seed: int) -> dict:
    own = decisions.query("recomposition == 'full' and language in @codes")
    named = decisions.query("recomposition == 'entity' and language in @codes")
    english = gaps.english(decisions, base)
    # The base language's answer stands beside that in each of the languages.
    beside = [
        english.assign(language=code, question_language=code, answer_language=code)
        for code in codes
    ]
    kinds = {"own": own, "named": named, "base": stats.concat(beside)}
    told = stats.concat(each.assign(model=kind) for kind, each in kinds.items())
    told["group"] = ""
    won = gains.over_control(told[told["model"] != "base"], "own", seed).set_index("model")
    lost = gains.over_control(told[told["model"] != "named"], "own", seed).set_index("model")
    keys = ["item_id", "language"]
    margins = (each.set_index(keys)["margin"] for each in (own, named))
    # The same question has the very same stored score.
    changed = pd.concat(margins, axis=1).nunique(axis=1) > 1
    row = won.loc["named", ["n", "gain_points", "gain_low", "gain_high", "p"]].to_dict()
    for bound in ("points", "low", "high"):
        row[f"gap_{bound}"] = lost.loc["base", f"gain_{bound}"]
    row["closed"] = row["gain_points"] / row["gap_points"] if row["gap_low"] > 0 else np.nan
    return row | {"changed": changed.mean()}


def scripts(barrier: pd.DataFrame, lengths: pd.DataFrame) -> pd.DataFrame:
    """A table of barriers with what is written: the script, and the tokens that a word takes.

    Args:
        barrier: from `gaps.barrier`, with a column `language`.
        lengths: from `scoring.lengths.per_word`; a language that it lacks has no tokens (NaN).

    Returns:
        The columns of `barrier`, with `script, tokens_per_word, tokens_ratio` behind `language`.
    """
    found = barrier.merge(
        lengths[["language", "tokens_per_word", "tokens_ratio"]], on="language", how="left"
    )
    found["script"] = [script_name(code) for code in found["language"]]
    first = ["rule", "language", "script", "tokens_per_word", "tokens_ratio"]
    return found[[*(c for c in first if c in found), *found.columns.difference(first, sort=False)]]


def correlation(table: pd.DataFrame, x: str, y: str, by: str, seed: int = 42) -> pd.DataFrame:
    """Spearman's rank correlation of two columns over languages, for each value of `by`.

    Exploratory: the languages are few and no sample of all. Rows that lack one of the two are left
    out; with fewer than four left, or one of the two constant, there is no row.

    Returns:
        `by, x` (its name), `n` (languages), `rho, p` (of a permutation test, two-sided).
    """
    rows = []
    for label, part in table.groupby(by, sort=False) if len(table) else ():
        part = part[[x, y]].dropna()
        if len(part) < 4 or (part.nunique() < 2).any():
            continue
        rho, p = _spearman(part[x].to_numpy(), part[y].to_numpy(), seed)
        rows.append({by: label, "x": x, "n": len(part), "rho": rho, "p": p})
    return pd.DataFrame(rows, columns=[by, "x", "n", "rho", "p"])


def _spearman(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[float, float]:
    one, other = (rankdata(each) - (len(each) + 1) / 2 for each in (x, y))
    other = other / np.sqrt((one**2).sum() * (other**2).sum())
    found = permutation_test(
        (one,),
        lambda ranks, axis: (ranks * other).sum(axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=resampling.RESAMPLES - 1,
        rng=np.random.default_rng(seed),
    )
    return float(found.statistic), float(found.pvalue)

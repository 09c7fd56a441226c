"""Analysis: what the answers mean. Every number is recomputed from rows, none looks at a model.

`decide` makes of the rows of `scoring.score` which choice was taken under a rule; `accuracy`,
`barrier`, `mixup_gap`, `transfer_rate`, `in_all`, `rankc` and `gains_by_rule` make tables of
decisions, with n and 95 % intervals; `means` and `against` compare similarities; `shared` keeps
what all of them have, and `each` makes the table of each model by itself. `effect` and
`equivalence` are about one difference over training seeds x items, and `primary` holds the
comparisons that were named in advance. `comparison` is of models on the same questions, and `gate`
says whether one may replace another. `mitigations` are ways of asking, `ensemble` adds languages
up, `costs` is what remedies bring and take, `paper` what the paper reports, and `bottle` about the
small models of known reading. `card` makes a model's barrier card, `card_words` its sentences.

>>> import pandas as pd
>>> from xlkb import analysis
>>> decisions = pd.DataFrame({"language": ["en"] * 4, "correct": [True, True, True, False]})
>>> analysis.accuracy(decisions, ["language"]).round(2).to_dict("records")
[{'language': 'en', 'n': 4, 'accuracy': 0.75, 'low': 0.3, 'high': 0.95}]
"""

from xlkb.analysis import bottle, paper, tofu
from xlkb.analysis.effects import effect, equivalence, holm
from xlkb.analysis.gains import by_rule as gains_by_rule
from xlkb.analysis.gains import grouped, over_control
from xlkb.analysis.gains import in_words as gains_in_words
from xlkb.analysis.gaps import barrier, in_words, mixup_gap
from xlkb.analysis.languages.alignment import against, means
from xlkb.analysis.languages.consistency import in_all, rankc, transfer_rate
from xlkb.analysis.languages.reasons import correlation, scripts, with_base_names
from xlkb.analysis.pairing import each, shared
from xlkb.analysis.rivals import ensemble, mitigations
from xlkb.analysis.rivals.costs import costs, right_language
from xlkb.analysis.stats import (
    RULES,
    accuracy,
    accuracy_of_parts,
    concat,
    decide,
    decide_by_rules,
    letters_taken,
    option_language_bias,
)
from xlkb.analysis.verdicts import card, card_words, comparison, gate, primary, story

__all__ = [
    "RULES",
    "accuracy",
    "accuracy_of_parts",
    "against",
    "barrier",
    "bottle",
    "card",
    "card_words",
    "comparison",
    "concat",
    "correlation",
    "costs",
    "decide",
    "decide_by_rules",
    "each",
    "effect",
    "ensemble",
    "equivalence",
    "gains_by_rule",
    "gains_in_words",
    "gate",
    "grouped",
    "holm",
    "in_all",
    "in_words",
    "letters_taken",
    "means",
    "mitigations",
    "mixup_gap",
    "option_language_bias",
    "over_control",
    "paper",
    "primary",
    "rankc",
    "right_language",
    "scripts",
    "shared",
    "story",
    "tofu",
    "transfer_rate",
    "with_base_names",
]

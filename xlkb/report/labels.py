"""What tables and figures call things: models, and measures with their units."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from xlkb.models import LanguageModel


class Measure(NamedTuple):
    """How a column is shown: its heading, the bounds of its interval, a factor, decimals."""

    heading: str
    bounds: tuple[str, ...] = ()
    factor: float = 1
    decimals: int = 1


INTERVAL = ("low", "high")
SHARES = ("accuracy", "transfer_rate", "right_in_all", "rankc", "taken")
MEASURES = {
    **{share: Measure(f"{share} (%)", INTERVAL, 100) for share in SHARES},
    "chance": Measure("chance (%)", factor=100),
    "floor": Measure("floor (%)", factor=100),
    "if_independent": Measure("if independent (%)", factor=100),
    "at_most": Measure("at most (%)", factor=100),
    "accuracy_learned": Measure("in K, when learned (%)", factor=100),
    "least_learned": Measure("the same, worst seed (%)", factor=100),
    "accuracy_k": Measure("in K (%)", factor=100),
    "accuracy_c": Measure("in other languages (%)", ("seeds_low", "seeds_high"), 100),
    "accuracy_known": Measure("of what is known in K (%)", factor=100),
    "accuracy_own": Measure("words not shared (%)", factor=100),
    "accuracy_described": Measure("described people (%)", factor=100),
    "difference_points": Measure("difference (points)", ("seeds_low", "seeds_high")),
    "seeds_rho": Measure("rho by seed", ("seeds_low", "seeds_high"), decimals=2),
    "offered": Measure("offered (%)", factor=100),
    "unread": Measure("not understood (%)", factor=100),
    "reference_unread": Measure("reference not understood (%)", factor=100),
    "reference_accuracy": Measure("reference (%)", factor=100),
    "changed": Measure("another name (%)", factor=100),
    "closed": Measure("of the barrier (%)", factor=100),
    "gap_points": Measure("gap (points)", ("gap_low", "gap_high")),
    "gain_points": Measure("gain (points)", ("gain_low", "gain_high")),
    "effect_points": Measure("effect (points)", ("effect_low", "effect_high")),
    "narrowed_points": Measure("gap narrowed (points)", ("narrowed_low", "narrowed_high")),
    "least_points": Measure("least detectable (points)"),
    "shrunk_points": Measure("drawn to the mean (points)", ("shrunk_low", "shrunk_high")),
    "perplexity": Measure("perplexity", INTERVAL),
    "chrf": Measure("chrF++", ("chrf_low", "chrf_high")),
    "bleu": Measure("BLEU", ("bleu_low", "bleu_high")),
    "cosine": Measure("cosine", INTERVAL, decimals=4),
    "distance": Measure("distance", INTERVAL),
    "difference": Measure("difference", decimals=4),
    "least_difference": Measure("least detectable", decimals=4),
}
"""By column; other columns are shown as they are."""


def apart(models: Sequence[LanguageModel], *before: LanguageModel) -> list[LanguageModel]:
    """The models, a number put behind each label that one before it has: "tiny", "tiny (2)".

    Two folders, or two endpoints, may have models of the same name, whose rows would else be taken
    for one model's.

    Args:
        models: their labels are changed.
        before: models whose labels stay.
    """
    known = [model.label for model in before]
    for model in models:
        model.label = another(model.label, known)
        known.append(model.label)
    return list(models)


def another(label: str, known: Collection[str]) -> str:
    """The label, with the first number behind it that makes it none of the known ones."""
    found, number = label, 2
    while found in known:
        found, number = f"{label} ({number})", number + 1
    return found

"""Training: what models learn, and the corpora that the experiment compares.

`train` fine-tunes a model on a corpus by a `Recipe` (full, LoRA or QLoRA), goes on after an
interruption with the same result, and leaves a folder, which `load` makes a model of; so does
`agree`, by which languages learn to rank the choices of a question alike. `arms` are
the corpora of the remedy and of its controls, `texts` those of every seed; `readers` trains a model
on all of them, and `orders` what comes before and after. `bottle` and `trials` train small models
from scratch, of which everything they read is known.

>>> from xlkb import training
>>> training.recipe("lora", epochs=2).epochs
2
"""

from xlkb.training import bottle, finetuning, memory, packing, recipes, sizes, trials
from xlkb.training.agreement import agree
from xlkb.training.finetuning import curve, load, outcome, train
from xlkb.training.loop import processes
from xlkb.training.recipes import Recipe
from xlkb.training.recipes import get as recipe
from xlkb.training.remedies import (
    EVERY_SEED,
    ORDERS,
    PARALLEL,
    arms,
    control,
    orders,
    parallel,
    readers,
    texts,
)
from xlkb.training.remedies import NAMES as ARMS

__all__ = [
    "ARMS",
    "EVERY_SEED",
    "ORDERS",
    "PARALLEL",
    "Recipe",
    "agree",
    "arms",
    "bottle",
    "control",
    "curve",
    "finetuning",
    "load",
    "memory",
    "orders",
    "outcome",
    "packing",
    "parallel",
    "processes",
    "readers",
    "recipe",
    "recipes",
    "sizes",
    "texts",
    "train",
    "trials",
]

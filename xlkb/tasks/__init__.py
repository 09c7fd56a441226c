"""Tasks: what is asked, as multiple-choice questions that exist in several languages.

A task is a `datasets.Dataset` with the columns `task, id, subject` (text), `answer` (0-3),
`question` ({language: text}) and `options` ({language: [4 texts]}), the same languages in every
row. `load` gives one by name; `recompose` puts the parts of its questions into chosen languages;
`prompts` and `shots` make of them the texts that a model is asked, as `Asking` says; `academy` is
the domain that this project invented, and `cast` who is in it; `cluster` says what a question is
about.

>>> from xlkb import tasks
>>> questions = tasks.load("worldfacts", ["en", "fr"], n=1)
>>> mixed = tasks.recompose.grid(questions, ["pair"], ["en", "fr"], seed=42)
>>> mixed[1]["question"], mixed[1]["options"]
('What is the capital of this country: Hungary?', ['Varsovie', 'Bratislava', 'Budapest', 'Kiev'])
"""

from xlkb.tasks import own, own_batches, prompts, recompose, shots
from xlkb.tasks.builtin import academy, bottle, cast, cldr
from xlkb.tasks.clusters import cluster
from xlkb.tasks.order import SPLITS
from xlkb.tasks.prompts import Asking, preambles
from xlkb.tasks.public import tofu
from xlkb.tasks.registry import (
    COLUMNS,
    OWN,
    PUBLIC,
    counts,
    demonstrations,
    languages_of,
    load,
    loaded,
    names,
    needed,
    released_mixup,
    sample,
    spoken,
)

__all__ = [
    "COLUMNS",
    "OWN",
    "PUBLIC",
    "SPLITS",
    "Asking",
    "academy",
    "bottle",
    "cast",
    "cldr",
    "cluster",
    "counts",
    "demonstrations",
    "languages_of",
    "load",
    "loaded",
    "names",
    "needed",
    "own",
    "own_batches",
    "preambles",
    "prompts",
    "recompose",
    "released_mixup",
    "sample",
    "shots",
    "spoken",
    "tofu",
]

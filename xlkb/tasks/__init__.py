"""Tasks: what is asked, as multiple-choice questions that exist in several languages."""

from xlkb.tasks.order import SPLITS
from xlkb.tasks.registry import (
    COLUMNS,
    OWN,
    PUBLIC,
    counts,
    demonstrations,
    fingerprint,
    languages_of,
    load,
    names,
    released_mixup,
    sample,
    spoken,
)

__all__ = [
    "COLUMNS",
    "OWN",
    "PUBLIC",
    "SPLITS",
    "counts",
    "demonstrations",
    "fingerprint",
    "languages_of",
    "load",
    "names",
    "released_mixup",
    "sample",
    "spoken",
]

"""Corpora: what is read. Documents that exist in several languages, aligned phrase by phrase."""

from xlkb.corpora.aligned import (
    count_words,
    dataset,
    fingerprint,
    grouped,
    join,
    languages_of,
    sentences,
    separator,
    text,
)
from xlkb.corpora.registry import HELD_OUT, SPLITS, drawn, load, names, spoken

__all__ = [
    "HELD_OUT",
    "SPLITS",
    "count_words",
    "dataset",
    "drawn",
    "fingerprint",
    "grouped",
    "join",
    "languages_of",
    "load",
    "names",
    "sentences",
    "separator",
    "spoken",
    "text",
]

"""Corpora: what is read. Documents that exist in several languages, aligned phrase by phrase.

A corpus is a `datasets.Dataset` with the columns `corpus, id, subject` (text) and `segments`, the
phrases of the document in every language (`aligned`). `load` gives one by name, `translated` one
that a translator completes where it must. `mix` puts each unit of it (document, sentence, about
eight words, word) into a random language, and keeps where every piece came from; `lessons` teach
the academy. `audit` and `faults` say whether a text is what it is taken for.

>>> from xlkb import corpora
>>> documents = corpora.load("almanac", ["en", "fr"], n=2)
>>> mixed = corpora.mix(documents, "sentence", ["en", "fr"], seed=1)
>>> [span["language"] for span in mixed[0]["spans"]][:4]
['en', 'en', 'en', 'fr']
"""

from xlkb.corpora import bottle, bridge, mixing, translation, translators
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
from xlkb.corpora.mixing import UNITS, WORDS, mix, preview, shares
from xlkb.corpora.perturbations import KINDS as PERTURBATIONS
from xlkb.corpora.perturbations import sentences as perturbed
from xlkb.corpora.quality import audit as audits
from xlkb.corpora.quality import faults
from xlkb.corpora.quality.audit import table as audit
from xlkb.corpora.registry import HELD_OUT, SPLITS, drawn, load, names, needed, spoken
from xlkb.corpora.sources import files, wikitext
from xlkb.corpora.sources.teaching import documents as lessons
from xlkb.corpora.sources.teaching import parallel as parallel_lessons
from xlkb.corpora.translation import corpus as translated
from xlkb.corpora.translators import Translator

__all__ = [
    "HELD_OUT",
    "PERTURBATIONS",
    "SPLITS",
    "UNITS",
    "WORDS",
    "Translator",
    "audit",
    "audits",
    "bottle",
    "bridge",
    "count_words",
    "dataset",
    "drawn",
    "faults",
    "files",
    "fingerprint",
    "grouped",
    "join",
    "languages_of",
    "lessons",
    "load",
    "mix",
    "mixing",
    "names",
    "needed",
    "parallel_lessons",
    "perturbed",
    "preview",
    "sentences",
    "separator",
    "shares",
    "spoken",
    "text",
    "translated",
    "translation",
    "translators",
    "wikitext",
]

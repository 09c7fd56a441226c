"""Profiles: how large a run is. One code path, several sizes, one TOML file each.

A notebook asks for its `Run` once and reads everything from it; what is about one notebook stands
in a group of its own (`run.closeness`, `barrier`, `teaching`, `prompting`, `text`, `after`,
`bottle`).

>>> from xlkb import profiles
>>> run = profiles.load("demo", languages="fr,sw")
>>> run.languages, run.name, run.text.corpus
(('en', 'fr', 'sw'), 'demo-en-fr-sw', 'almanac')
"""

from xlkb.profiles.reading import load, names, read_in
from xlkb.profiles.run import Run

__all__ = ["Run", "load", "names", "read_in"]

"""The ground: what everything stands on, and what knows nothing of models or questions.

`languages` (codes, names, scripts), `answer_words` (what stands around a letter, in all of them),
`names` (lists that users type, and what a mistyped one may have meant), `paths` (where everything
lies), `texts` (the one reader of what users bring), `hub` (files of the hub), `disk` (room, and
writing in one rename), `transfers` (HTTP with limits), `progress` (signs of life),
`resampling` (the bootstrap), `stops` (Ctrl-C, SIGTERM, memory that ran out).

>>> from xlkb.ground import languages, names
>>> languages.LANGUAGES["sw"].name
'Swahili'
>>> names.nearest("aranic", ["arabic", "hindi"])
"there are: arabic, hindi. Did you mean 'arabic'?"
"""

__all__ = [
    "answer_words",
    "disk",
    "hub",
    "languages",
    "names",
    "paths",
    "progress",
    "resampling",
    "stops",
    "texts",
    "transfers",
]

"""A stand-in of the Hugging Face hub on loopback, for tests and rehearsals without a network.

It speaks the hub's HTTP to the real clients and holds, under their own names, a tiny random model
for every one that the profile `paper` names, and data sets of the same layout and size as the real
ones, whose texts are made up here. From a shell, in `tests/`:

    python -m helpers.hub --port 8123

In a test, the fixture `hub` of `tests/conftest.py` gives one that this process's clients ask; what
can go wrong is in `faults.Faults`.
"""

from .clients import environment, turn
from .faults import Faults
from .repositories import Repository, repository
from .standin import Hub

__all__ = ["Faults", "Hub", "Repository", "environment", "repository", "turn"]

"""Models: who is asked. Language models by name: from pip, the hub, a folder, or an endpoint."""

from xlkb.models.language_model import LanguageModel, release, replaying, slug
from xlkb.models.registry import DTYPES, KINDS, load, names

__all__ = ["DTYPES", "KINDS", "LanguageModel", "load", "names", "release", "replaying", "slug"]

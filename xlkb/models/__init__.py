"""Models: who is asked. Language models by name: from pip, the hub, a folder, or an endpoint.

`load` is cheap: it checks the name and finds the fingerprint. Weights are converted (pip) or
fetched (hub) and loaded when `LanguageModel.network` is first asked for. With XLKB_REPLAY=1 no
model is loaded, and `load` takes fingerprints from the stored results (`model.json`). `tokens`
turns texts into tokens as the model's makers meant it; `api`, `endpoints` and `replies` speak with
endpoints; `hub_models` knows the paper's models and their sizes.

>>> from xlkb import models
>>> models.load("pip:gemma-3-270m").label
'Gemma 3 270M, 4-bit GGUF'
"""

from xlkb.models import (
    api,
    checkpoints,
    endpoints,
    hub_models,
    pip_models,
    replay,
    replies,
    tokens,
    variants,
)
from xlkb.models.language_model import (
    LanguageModel,
    fingerprint_in,
    release,
    replaying,
    slug,
)
from xlkb.models.registry import DTYPES, KINDS, check, load, names, needed

__all__ = [
    "DTYPES",
    "KINDS",
    "LanguageModel",
    "api",
    "check",
    "checkpoints",
    "endpoints",
    "fingerprint_in",
    "hub_models",
    "load",
    "names",
    "needed",
    "pip_models",
    "release",
    "replay",
    "replaying",
    "replies",
    "slug",
    "tokens",
    "variants",
]

"""Tests of a pip model's real weights are skipped where its package is not installed."""

import pytest

from xlkb.models import pip_models


def or_skip(name: str) -> str:
    """The name, as "pip:gemma-3-270m"."""
    try:
        pip_models.parts(name.removeprefix("pip:"))
    except ModuleNotFoundError as error:
        pytest.skip(str(error))
    return name

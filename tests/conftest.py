"""What holds for every test: no network, no display, a results folder of its own."""

import gc
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tiny models run faster on one thread, above all when other programs run too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import HealthCheck, settings

# A slow machine is not a failure.
settings.register_profile(
    "xlkb", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("xlkb")


@pytest.fixture(autouse=True, scope="module")
def frozen():
    """Leave what was there before a module's tests out of their garbage collections: statsmodels'
    corrections and `models.release` ask for one each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def results_folder(tmp_path_factory, monkeypatch):
    """Give the test an empty results folder, so that it neither reads nor writes the user's."""
    folder = tmp_path_factory.mktemp("results")
    monkeypatch.setenv("XLKB_RESULTS", str(folder))
    monkeypatch.delenv("XLKB_REPLAY", raising=False)
    return folder

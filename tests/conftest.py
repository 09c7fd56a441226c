"""What holds for every test: no network, no display, a results folder of its own."""

import gc
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Tiny models run faster on one thread, above all when other programs run too.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The CPU is what is tested: a GPU has other dtypes, and other last bits from run to run.
if not os.environ.get("XLKB_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""

import pytest
from hypothesis import HealthCheck, settings

# A slow machine is not a failure.
settings.register_profile(
    "xlkb", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("xlkb")


def pytest_addoption(parser):
    """The option that the longest tests need."""
    help = "run the longest tests, too: the whole profile `paper` against a stand-in of the hub (a "
    help += "quarter of an hour), and requests in more sets of languages"
    parser.addoption("--rehearsal", action="store_true", help=help)


def pytest_collection_modifyitems(config, items):
    """Leave the longest tests out where they were not asked for."""
    asked = config.getoption("--rehearsal")
    left_out = [item for item in items if item.get_closest_marker("rehearsal") and not asked]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


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


@pytest.fixture(scope="session")
def hub_standin(tmp_path_factory):
    """A stand-in of the Hugging Face hub (`tests/helpers/hub`); ask for `hub` instead."""
    from hub import Hub

    made = Hub(tmp_path_factory.mktemp("hub"))
    yield made
    made.stop()


@pytest.fixture
def hub(hub_standin, monkeypatch, tmp_path):
    """The stand-in without a fault, asked by this process's clients, which have nothing cached."""
    from hub import turn

    hub_standin.mend()
    turn(monkeypatch, hub_standin, tmp_path / "hf")
    monkeypatch.setenv("XLKB_CACHE", str(tmp_path / "cache"))
    yield hub_standin
    hub_standin.mend()

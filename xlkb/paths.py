"""Where everything lies. The only module that knows a folder's name."""

import os
from pathlib import Path

import platformdirs

ROOT = Path(os.environ.get("XLKB_ROOT") or Path(__file__).resolve().parent.parent)
"""The checkout: the folder that holds `notebooks/`, `figures/` and `pyproject.toml`."""

PACKAGE_DATA = Path(__file__).resolve().parent / "data"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = Path(os.environ.get("XLKB_FIGURES") or ROOT / "figures")
REFERENCE = ROOT / "tests" / "reference"


def results() -> Path:
    """Folder of stored results: `$XLKB_RESULTS`, else `results/` in the checkout."""
    return Path(os.environ.get("XLKB_RESULTS") or ROOT / "results")


def cache() -> Path:
    """Folder for converted model weights: `$XLKB_CACHE`, else the user's cache folder."""
    return Path(os.environ.get("XLKB_CACHE") or platformdirs.user_cache_dir("xlkb"))


def local_data() -> Path | None:
    """Folder of optional local data sets (`$XLKB_DATA`), or None when unset."""
    return Path(os.environ["XLKB_DATA"]) if os.environ.get("XLKB_DATA") else None


def data_folder(given: str | Path | None, *names: str) -> str | Path | None:
    """`given`; if that is None, the first folder of these names in `$XLKB_DATA`; or else None."""
    data = local_data()
    if given is not None or data is None:
        return given
    return next((data / name for name in names if (data / name).is_dir()), None)

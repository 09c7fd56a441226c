"""Where everything lies. The only module that knows a folder's name.

A path that a user gives, in an option or in an environment variable, is meant from the folder that
the command was given in (`user`, `absolute`). Notebooks run in a folder of their own, so commands
hand on absolute paths only.
"""

import os
import sys
from pathlib import Path

VARIABLES = ("XLKB_ROOT", "XLKB_RESULTS", "XLKB_CACHE", "XLKB_DATA", "XLKB_FIGURES")
"""Environment variables that hold a path."""

NOT_PATHS = ("pip", "hub", "api")
"""What stands before the colon of a name whose rest is no path."""


def user(text: str | Path) -> Path:
    """The absolute path that a user means; `~` is the home folder.

    The last part stays as it is, also where it is a link: its name and ending say what it is.
    """
    path = Path(os.path.expanduser(text))
    if path.name in ("", ".."):
        return path.resolve()
    return path.parent.resolve() / path.name


def absolute(name: str) -> str:
    """The name of a model, task, corpus or translator, with its place as an absolute path.

    "path:q.jsonl", "arc:FOLDER", "wikitext-2:FILE", "nllb:FOLDER" become independent of the folder
    that a process runs in. What has no place stays: "worldfacts", "pip:NAME", "hub:ORG/NAME", and
    "nllb:ORG/NAME" unless there is such a folder.
    """
    kind, colon, place = (part.strip() for part in name.strip().partition(":"))
    if not place or kind in NOT_PATHS:
        return f"{kind}{colon}{place}"
    if kind == "nllb" and place.count("/") == 1 and place[0] not in "./~" and not is_folder(place):
        return f"{kind}:{place}"
    return f"{kind}:{user(place)}"


def adapted(name: str) -> tuple[str, str]:
    """A model's name and the folder after its "+", "" without one.

    A "+" in the path of a model's own folder, or of stored answers, is no such sign.

    Raises:
        ValueError: nothing follows the "+".
    """
    kind, _, place = name.partition(":")
    if kind.strip() == "rows":
        return name, ""
    cuts = [i for i, sign in enumerate(name) if sign == "+"]
    if kind.strip() == "path" and place:
        start = len(kind) + 1
        whole = (i for i in (len(name), *cuts) if is_folder(name[start:i].strip()))
        cuts = [next(whole, cuts[0] if cuts else len(name))]
    base, folder = (name[: cuts[0]], name[cuts[0] + 1 :]) if cuts else (name, "")
    if len(base) < len(name) and not folder.strip():
        raise ValueError(f"{name}: name a folder after the plus.")
    return base, folder.strip()


def is_folder(text: str) -> bool:
    """Whether a user's path is a folder that exists."""
    return os.path.isdir(os.path.expanduser(text))


def pin() -> None:
    """Make the paths in environment variables absolute, for this process and those it starts."""
    for name in VARIABLES:
        if os.environ.get(name):
            os.environ[name] = str(_from_shell(os.environ[name]))


def _from_shell(text: str) -> Path:
    """As `user`; in a notebook from where Jupyter was started, which is not the kernel's folder."""
    path = Path(os.path.expanduser(text))
    shell = Path(os.environ.get("PWD", "")) if "ipykernel" in sys.modules else Path()
    return user(shell / path)


pin()

ROOT = Path(os.environ.get("XLKB_ROOT") or Path(__file__).resolve().parents[2])
"""The checkout: the folder that holds `notebooks/`, `figures/` and `pyproject.toml`."""

PACKAGE_DATA = Path(__file__).resolve().parents[1] / "data"
PROFILES = PACKAGE_DATA / "profiles"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = Path(os.environ.get("XLKB_FIGURES") or ROOT / "figures")
REFERENCE = ROOT / "tests" / "reference"


def results() -> Path:
    """Folder of stored results: `$XLKB_RESULTS`, else `results/` in the checkout."""
    return user(os.environ.get("XLKB_RESULTS") or ROOT / "results")


def cache() -> Path:
    """Folder for converted model weights: `$XLKB_CACHE`, else the user's cache folder."""
    import platformdirs  # The rest of this module is needed before anything is installed.

    return user(os.environ.get("XLKB_CACHE") or platformdirs.user_cache_dir("xlkb"))


def local_data() -> Path | None:
    """Folder of optional local data sets (`$XLKB_DATA`), or None when unset."""
    return user(os.environ["XLKB_DATA"]) if os.environ.get("XLKB_DATA") else None


def data_folder(given: str | Path | None, *names: str) -> str | Path | None:
    """`given`; if that is None, the first folder of these names in `$XLKB_DATA`; or else None.

    Raises:
        FileNotFoundError: `$XLKB_DATA` is no folder.
    """
    data = local_data()
    if given is not None or data is None:
        return given
    if not data.is_dir():
        raise FileNotFoundError(f"XLKB_DATA is {data}, which is no folder: correct or unset it.")
    return next((data / name for name in names if (data / name).is_dir()), None)

"""The package is a house: rooms with doors, imports from a door only, and room on one screen."""

import ast
import doctest
import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from xlkb.ground import paths

PACKAGE = paths.ROOT / "xlkb"
ROOMS = ("ground", "tasks", "models", "corpora", "scoring", "training", "analysis", "profiles")
ROOMS += ("exchange", "report")


def imports(source):
    """(module, name) of everything that is imported from the package, in functions too."""
    return [
        (node.module, each.name)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xlkb"
        for each in node.names
    ]


def room_of(path):
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else ""


def behind_a_door(module, name):
    """What is wrong with an import from another room, or ""."""
    _, room, *rest = [*module.split("."), name]
    if room not in ROOMS or room == "ground" or not rest:
        return ""
    if rest[1:]:
        return f"from {module} import {name}: import it from xlkb.{room}"
    public = importlib.import_module(f"xlkb.{room}").__all__
    return "" if name in public else f"{name} is private to xlkb.{room}"


@pytest.mark.parametrize("room", [*ROOMS, "commands"])
def test_a_door_says_what_is_behind_it(room):
    door = importlib.import_module(f"xlkb.{room}")
    if room != "commands":
        assert all(
            hasattr(door, name) or importlib.util.find_spec(f"xlkb.{room}.{name}")
            for name in door.__all__
        )
        assert doctest.testmod(door) == (0, door.__doc__.count(">>>"))
        assert ">>>" in door.__doc__


@pytest.mark.parametrize("room", [*ROOMS, "commands"])
def test_rooms_import_from_each_other_through_the_door(room):
    for path in (PACKAGE / room).rglob("*.py"):
        for module, name in imports(path.read_text(encoding="utf-8")):
            if module.split(".")[1:2] != [room]:
                assert not behind_a_door(module, name), path


def test_benchmarks_import_what_is_there():
    for path in sorted((paths.ROOT / "benchmarks").glob("*.py")):
        for module, name in imports(path.read_text(encoding="utf-8")):
            try:
                importlib.import_module(f"{module}.{name}")
            except ModuleNotFoundError:
                assert hasattr(importlib.import_module(module), name), f"{path.name}: {name}"


def test_notebooks_import_from_doors_and_few_names():
    for path in sorted(paths.NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        named = [each for source in sources for each in imports(source)]
        assert len(named) <= 8, path.name
        assert {module for module, _ in named} == {"xlkb"}, path.name


def test_no_door_loads_torch():
    """What draws stored results, or only says what is wrong with a request, starts without it."""
    code = f"import sys; from xlkb import {', '.join(ROOMS)}, commands; "
    code += "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_everything_fits_on_a_screen():
    there = [each for each in PACKAGE.iterdir() if each.name != "__pycache__"]
    assert len(there) <= 15
    for room in (each for each in PACKAGE.rglob("*") if (each / "__init__.py").exists()):
        names = [each for each in Path(room).iterdir() if each.name != "__pycache__"]
        assert len(names) <= 13, room
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path

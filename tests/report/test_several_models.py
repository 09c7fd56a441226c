"""With two models of the same name, every table and figure speaks of both."""

import notebook_cells
import pandas as pd
import pytest
from matplotlib.figure import Figure

from xlkb.ground import paths, resampling
from xlkb.report import manifest

LABELS = ["tiny", "tiny (2)"]
PAPERS = {"Llama3-8B", "not named"}
"""What stands as base models of the paper beside ours in a table of notebook 06."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder with two models, a profile of both for all notebooks, and one of the second."""
    folder = tmp_path_factory.mktemp("several")
    named = [notebook_cells.model(folder / each / "tiny") for each in ("one", "two")]
    notebook_cells.profile(folder, "both", models=named)
    notebook_cells.profile(folder, "second", models=named[1:])
    return folder


@pytest.fixture
def play(shared, monkeypatch, tmp_path):
    """Plays a notebook; returns its run, and how many panels with a title each figure has."""
    monkeypatch.setenv("XLKB_RESULTS", str(shared / "results"))
    monkeypatch.setattr(paths, "PROFILES", shared)
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.chdir(paths.NOTEBOOKS)
    panels = {}

    def keep(figure, file, metadata, **_):
        panels[metadata["Title"]] = [a.get_title() for a in figure.axes if a.get_title()]
        file.write(b"drawn")

    monkeypatch.setattr(Figure, "savefig", keep)

    def played(number, profile):
        run, problems = notebook_cells.play(number, profile=profile)
        assert not problems
        return run, panels

    return played


@pytest.mark.slow
@pytest.mark.parametrize("number", ["01", "03", "04", "05", "06"])
def test_every_table_and_figure_has_both_each_as_it_is_alone(number, play):
    run, panels = play(number, "both")
    made = manifest.listing(run.figures).query("left_out == ''")
    of = {name: entry["models"] for name, entry in manifest._read(run.figures).items()}
    names = [name for name in made.query("kind == 'table'")["name"] if of[name]]
    tables = {name: pd.read_csv(run.figures / f"{name}.csv") for name in names}
    assert tables
    for name, table in tables.items():
        assert table.columns[0] == "base_model", name
        assert set(table["base_model"]) - PAPERS == set(LABELS), name
    for name in made.query("kind == 'figure'")["name"]:
        first, second = panels[name]
        assert LABELS[1] not in first, name
        assert LABELS[1] in second, name
    run, _ = play(number, "second")
    for name, table in tables.items():
        own = table[table["base_model"] == LABELS[1]].reset_index(drop=True)
        alone = pd.read_csv(run.figures / f"{name}.csv").replace(LABELS[0], LABELS[1])
        alone = alone[alone["base_model"] == LABELS[1]].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, alone, check_dtype=False)

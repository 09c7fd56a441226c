"""Kind: Ctrl-C and SIGTERM. A command that is stopped ends at once, says how to go on, and leaves
no process behind."""

import signal

import faults
import nbformat
import notebook_cells
import pytest

POINTS = {
    "score": "xlkb.scoring.likelihoods:run_row",
    "card": "xlkb.scoring.likelihoods:run_row",
    "compare": "xlkb.scoring.likelihoods:run_row",
    "finetune": "xlkb.training.loop.seals:seal",
    "mend": "xlkb.training.loop.seals:seal",
    "mix": "xlkb.corpora.mixed:_digest",
}
STOPS = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    notebook_cells.model(folder / "model")
    notebook_cells.own(folder / "q.jsonl", ("en", "fr"), 4)
    for code in ("en", "fr"):
        (folder / f"{code}.txt").write_text("Eins zwei.\n\nDrei vier.\n", encoding="utf-8")
    return folder


def request(place, command, out):
    model, task = f"path:{place / 'model'}", ["--task", f"path:{place / 'q.jsonl'}"]
    return {
        "score": [model, *task, "--out", out],
        "card": [model, *task, "--out", out],
        "compare": [model, *task, "--style", "cloze,letters", "--out", out],
        "mend": [model, "--quick", "--languages", "en,fr", "--recipe", "full", "--out", out],
        "finetune": [model, place / "en.txt", "--recipe", "full", "--folder", out],
        "mix": [
            *("--text", f"en={place / 'en.txt'}", "--text", f"fr={place / 'fr.txt'}"),
            *("--unit", "sentence", "--no-language-check", "--out", out),
        ],
    }[command]


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("command", POINTS)
def test_a_command_that_is_stopped_says_how_to_go_on_and_leaves_nothing(
    place, tmp_path, command, number
):
    asked = request(place, command, tmp_path / "out")
    started = faults.start(tmp_path / "said", command, *asked, pause=POINTS[command])
    done = started.hit(number)
    assert done.code == STOPS[number], done.err
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1].startswith("Stopped. ")
    assert "the same command goes on" in done.err.lower()
    assert faults.no_children(started)
    if command == "mix":
        assert {path.name for path in tmp_path.iterdir()} == {"said"}, "half a corpus is left"


@pytest.mark.rehearsal
@pytest.mark.parametrize("number", STOPS)
def test_a_mend_that_is_stopped_in_its_card_was_stopped_and_has_not_failed(place, tmp_path, number):
    asked = request(place, "mend", tmp_path / "out")
    started = faults.start(
        tmp_path / "said", "mend", *asked, pause="xlkb.analysis.verdicts.card:tables"
    )
    done = started.hit(number)
    assert done.code == STOPS[number], done.err
    assert done.err.splitlines()[-1].startswith("Stopped. What was trained and scored is kept")


# A run of notebooks

PLACES = {"ROOT": "", "NOTEBOOKS": "notebooks", "FIGURES": "figures"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one notebook, which says that it is there and sleeps."""
    monkeypatch.setenv("XLKB_ROOT", str(tmp_path))
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "results"))
    (tmp_path / "notebooks").mkdir()
    reached = tmp_path / "said" / "reached"
    cells = ['profile = model = task = languages = style = ""\nquick = False']
    cells += [f"import time\nopen({str(reached)!r}, 'w').write('.')\ntime.sleep(60)"]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, tmp_path / "notebooks" / "02_barrier.ipynb")
    return tmp_path


@pytest.mark.parametrize("number", [*STOPS, signal.SIGKILL])
def test_a_run_that_is_stopped_takes_its_kernel_along(place, checkout, number):
    model = f"path:{place / 'model'}"
    settings = {f"xlkb.ground.paths:{name}": checkout / part for name, part in PLACES.items()}
    run = faults.start(checkout / "said", "reproduce", "--model", model, settings=settings)
    done = run.hit(number)
    assert faults.no_children(run)
    if number == signal.SIGKILL:
        assert done.code == -number
        return
    assert done.code == STOPS[number], done.err
    assert "Traceback" not in done.err
    assert done.err.endswith("\nStopped. What was computed is stored; the same command goes on.\n")

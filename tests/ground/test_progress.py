"""Signs of life: bars for who watches, a line at least once a minute for who does not."""

import os
import pty
import re
import subprocess
import sys
import termios
import time

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb.ground import paths, progress
from xlkb.report import notebooks

WORK = """
import time
from xlkb.ground import progress
with progress.bar(8, "Scoring with a model", " choices") as bar:
    for _ in range(8):
        time.sleep(0.3)
        bar.update()
"""


@pytest.fixture
def hurried(monkeypatch):
    """Lines come several times a second."""
    monkeypatch.setattr(progress, "EVERY", 0.4)
    monkeypatch.setattr(progress, "TICK", 0.1)
    monkeypatch.delenv("XLKB_PROGRESS", raising=False)


def _python(code, **variables):
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT), **variables}
    run = [sys.executable, "-c", f"from xlkb.ground import progress\nprogress.EVERY = 0.5\n{code}"]
    return subprocess.run(run, env=environment, capture_output=True, text=True)


def test_without_a_terminal_a_bar_is_lines():
    done = _python(WORK)
    said = done.stderr.splitlines()
    assert 2 <= len(said) <= 6, done.stderr
    form = r"Scoring with a model, \d of 8 choices \(\d\d %\), \d+ s left"
    assert all(re.fullmatch(form, each) for each in said), said
    assert not done.stdout


def test_lines_may_be_silenced():
    assert not _python(WORK, XLKB_PROGRESS="off").stderr


def test_in_a_terminal_a_bar_is_drawn_and_no_line_printed():
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 100))
    os.set_blocking(parent, False)
    code = f"from xlkb.ground import progress\nprogress.EVERY = 0.5\n{WORK}"
    environment = {**os.environ, "PYTHONPATH": str(paths.ROOT)}
    for name in ({}, {"XLKB_PROGRESS": os.ttyname(child)}):
        stream = subprocess.DEVNULL if name else child
        run = [sys.executable, "-c", code]
        subprocess.run(run, env=environment | name, stderr=stream, timeout=60, check=True)
        drawn = os.read(parent, 100_000).decode()
        assert "Scoring with a model:" in drawn
        assert "choices/s" in drawn
        assert " left" not in drawn
    os.close(parent)
    os.close(child)


def test_many_short_bars_make_lines_too(hurried, capfd):
    lines = 0
    for number in range(100):  # On a busy machine the thread that tells is late.
        with progress.bar(2, f"Piece {number}", " texts") as bar:
            time.sleep(0.1)
            bar.update()
        lines += capfd.readouterr().err.count("of 2 texts")
        if lines >= 2:
            break
    assert lines >= 2


def test_the_inner_bar_is_told_and_then_the_outer_one_again(hurried, capfd):
    with progress.bar(3, "Converting", " steps") as outer:
        with progress.bar(100, "Checking weights", " MB"):
            time.sleep(0.7)
        outer.update()
        time.sleep(0.7)
    said = capfd.readouterr().err
    assert said.index("Checking weights, 0 of 100 MB (0 %)") < said.index("Converting, 1 of 3")


def test_a_command_that_says_nothing_is_alive(hurried, capfd):
    with progress.lines("xlkb mix"):
        time.sleep(0.7)
        with progress.step("Loading a model"):
            time.sleep(0.7)
    said = capfd.readouterr().err.splitlines()
    assert said[0].startswith("xlkb mix: ")
    assert said[0].endswith(" s so far")
    assert said[-1].startswith("xlkb mix: Loading a model, ")
    time.sleep(0.8)
    assert not capfd.readouterr().err  # It is over.


def test_work_that_goes_on_counts_what_was_done_before_apart():
    state = {"what": "Training", "n": 60, "total": 100, "unit": " steps", "done": 50}
    said = progress.line(state | {"seconds": 100, "detail": "loss=2.300"})
    assert said == "Training, 60 of 100 steps (60 %), loss=2.300, 7 min left"


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_times_in_words_are_read_as_about_what_they_are(one, other):
    units = {"s": 1, "min": 60, "h": 3600, "days": 86400}

    def seconds(text):
        words = text.replace(",", "").split()
        return sum(int(n) * units[unit] for n, unit in zip(words[::2], words[1::2], strict=True))

    assert abs(seconds(progress.roughly(one)) - one) <= max(3, 0.21 * one)
    low, high = sorted((one, other))
    assert seconds(progress.roughly(low)) <= seconds(progress.roughly(high))


def test_a_notebook_without_a_terminal_says_where_it_is(tmp_path, hurried, capfd):
    notebook = nbformat.v4.new_notebook()
    cells = ["x = 1", "import time\ntime.sleep(1.5)", WORK]
    notebook.cells = [nbformat.v4.new_markdown_cell("# A story")]
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, tmp_path / "02_general.ipynb")
    out = tmp_path / "out" / "02_general.ipynb"
    notebooks.execute(tmp_path / "02_general.ipynb", out, {})
    said = capfd.readouterr().err.splitlines()
    assert any(each.startswith("02_general, cell 3 of 4: ") for each in said), said
    assert any("so far" in each for each in said if "cell 3" in each), said
    found = [each for each in said if "cell 4 of 4: Scoring with a model, " in each]
    assert found, said
    assert any(each.endswith(" left") for each in found), said
    # What is said is not in the notebook.
    assert not [o for cell in nbformat.read(out, 4).cells for o in cell.get("outputs", [])]


def test_over_gives_all_items(hurried):
    assert list(progress.over(["a", "b"], "Reading", " texts")) == ["a", "b"]

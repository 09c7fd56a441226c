"""Kind: surroundings: paths, umask, home, locale, time zone, threads, streams, flags of Python."""

import errno
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import faults
import nbformat
import notebook_cells
import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from places import permitted
from threadpoolctl import threadpool_limits

from xlkb import analysis, commands, models, scoring, tasks
from xlkb.commands import line
from xlkb.ground import disk, paths
from xlkb.tasks import recompose
from xlkb.training import finetuning, recipes

ODD = "a \"b\" 'c' $d\n数据 é"

ODDITIES = {
    "LC_ALL": "C",
    "LANG": "C",
    "PYTHONIOENCODING": "ascii",
    "PYTHONDONTWRITEBYTECODE": "1",
    "TZ": "Asia/Kolkata",
    "HOME": "/proc/home",
    "TERM": "dumb",
}
"""All at once: where they hold together, each does."""


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder):
    return {path.name: oct(path.stat().st_mode & 0o777) for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a model and questions in it, of a name that scripts break on."""
    folder = tmp_path_factory.mktemp("place") / ODD
    folder.mkdir()
    notebook_cells.model(folder / "model")
    notebook_cells.own(folder / "questions 问.jsonl", ("en", "fr"), 3)
    return folder


def request(place, out):
    task = f"path:{place}/questions 问.jsonl"
    return ["score", f"path:{place}/model", "--task", task, "--out", str(out)]


@pytest.fixture(scope="module")
def undisturbed(place):
    assert commands.main(request(place, place / "undisturbed")) == 0
    return faults.files(place / "undisturbed")


def test_answers_are_the_same_in_odd_surroundings_and_are_the_users_alone(place, undisturbed):
    with umask(0o077):
        done = subprocess.run(
            [sys.executable, "-m", "xlkb", *request(place, place / "odd")],
            env={**os.environ, **ODDITIES},
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"\u6570\u636e" in done.stdout, "what the terminal lacks is an escape"
    assert faults.files(place / "odd") == undisturbed
    assert {*modes(place / "odd").values()} == {"0o600"}


def test_a_path_whose_letters_the_locale_lacks_is_refused_with_the_locale_that_has_them(place):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = faults.run_command(*request(place, place / "never"), **ascii_only)
    assert (done.code, done.out) == (2, "")
    assert "has letters that this locale lacks" in done.err
    assert "Set LC_ALL=C.UTF-8" in done.err
    assert not (place / "never").exists()


def _without_streams(arguments):
    for number in range(3):
        os.close(number)
    sys.stdin = sys.stdout = sys.stderr = None
    sys.exit(commands.main(arguments))


def test_without_standard_streams_the_answers_are_the_same(place, undisturbed, tmp_path):
    """As a daemon may start it: what is opened next would take their places."""
    started = faults.Started(tmp_path, _without_streams, request(place, place / "closed"))
    assert started.ends() == faults.Done(0, "", "")
    assert faults.files(place / "closed") == undisturbed


def test_a_pipe_that_breaks_elsewhere_is_no_success(capsys):
    def work():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert line.command(work, "") == 2
    assert capsys.readouterr().err == "error: [Errno 32] Broken pipe\n"


def test_python_without_documentation_is_refused_in_words():
    done = faults.run_command("models", PYTHONOPTIMIZE="2")
    assert done.code == 2
    assert done.err.startswith("error: transformers reads the documentation in its code")
    assert done.err.count("\n") == 1


NOTEBOOK = """
import time
import pandas as pd
from xlkb import profiles
from xlkb.report import figures, tables
run = profiles.load(profile, notebook="02_barrier", model=model)
frame = pd.DataFrame({"model": "数据", "language": ["en", "fr"], "n": [420, 420],
                      "accuracy": [0.9, 0.6], "low": 0.5, "high": 0.95})
print("数据", time.tzname)
tables.save(frame, "table02a_accuracy", run)
figures.accuracy_bars(frame, "fig02a_accuracy", run, [], "Accuracy 数据")
"""


@pytest.mark.rehearsal
def test_a_run_in_odd_surroundings_makes_what_it_makes_elsewhere(place, tmp_path):
    made = {}
    for name, more in (("plain", {}), (ODD, ODDITIES)):
        root = tmp_path / name
        (root / "notebooks").mkdir(parents=True)
        tags = {"tags": ["parameters"]}
        cells = [nbformat.v4.new_code_cell('profile, model = "demo", ""', metadata=tags)]
        cells.append(nbformat.v4.new_code_cell(NOTEBOOK))
        for number, cell in enumerate(cells):
            cell.id = str(number)
        notebook = nbformat.v4.new_notebook(cells=cells)
        nbformat.write(notebook, root / "notebooks" / "02_barrier.ipynb")
        folders = {"XLKB_ROOT": root, "XLKB_RESULTS": root / "results", "XLKB_CACHE": root / "c"}
        given = {key: str(value) for key, value in folders.items()} | more
        with umask(0o077 if more else 0o022):
            done = faults.run_command(
                "reproduce", "--only", "02", "--model", f"path:{place}/model", **given
            )
        assert done.code == 0, done.err
        assert "Traceback" not in done.err
        (figures,) = {path.parent for path in root.rglob("manifest.json")}
        made[name] = faults.files(figures, ["manifest"])
        listed = json.loads((figures / "manifest.json").read_text(encoding="utf-8"))
        assert listed["table02a_accuracy"]["created"].endswith("+00:00")
        assert list(root.glob("results/*/report/index.html"))
    assert len(made["plain"]) == 5
    assert made["plain"] == made[ODD]
    assert {*modes(figures).values()} == {"0o600"}


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(("mask", "mode"), [(0o077, "0o600"), (0o022, "0o644"), (0o002, "0o664")])
def test_a_trained_folder_may_be_read_by_whom_the_umask_lets(place, tmp_path, mask, mode, method):
    """Weights are no exception, which safetensors writes for the user alone."""
    model = models.load(f"path:{place}/model", dtype="float32", device="cpu")
    recipe = recipes.get(method, sequence_length=16, batch_size=4, learning_rate=1e-2)
    with umask(mask):
        folder = finetuning.train(model, tiny.TEXT[:2], recipe, tmp_path / "run")
    assert {*modes(folder).values()} == {mode}
    assert any(path.suffix == ".safetensors" for path in folder.iterdir())


def test_a_file_is_written_as_the_umask_says_and_replaced_alike(tmp_path):
    for mask, mode in ((0o022, "0o644"), (0o077, "0o600"), (0o002, "0o664")):
        with umask(mask):
            disk.write(tmp_path / "a.csv", b"1")
        assert modes(tmp_path) == {"a.csv": mode}


def test_one_thread_or_two_decide_alike_and_intervals_are_the_same_bytes(place, tmp_path):
    asked = tasks.load(f"path:{place}/questions 问.jsonl", n=3)
    model = models.load(f"path:{place}/model", dtype="float32", device="cpu")
    rows, summed, before = {}, {}, torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        try:
            with threadpool_limits(n):
                store = tmp_path / str(n)
                rows[n] = scoring.score(model, recompose.full(asked, "en"), store)
                decided = analysis.decide(rows[1])
                summed[n] = analysis.accuracy(decided, ["language"]).to_csv()
        finally:
            torch.set_num_threads(before)
    numbers = [each["log_likelihood"].to_numpy() for each in rows.values()]
    np.testing.assert_allclose(*numbers, atol=1e-5)
    decisions = [analysis.decide(each)["predicted"] for each in rows.values()]
    pd.testing.assert_series_equal(*decisions)
    assert summed[1] == summed[2]


@permitted
def test_a_home_that_cannot_be_written_to_is_named_as_the_cache(monkeypatch, capsys, tmp_path):
    for name in ("XLKB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/proc/home")
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    monkeypatch.setenv("XLKB_FIGURES", str(tmp_path))  # Of notebooks, if they ran.
    assert commands.main(["reproduce", "--only", "07"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: The cache: ")
    assert "/proc" in said
    assert not Path("/proc/home").exists()

"""The profile `paper` from end to end, some questions a cell, against a stand-in of the hub.

Its closing quiz is always run, with two of the models. The whole, and what may go wrong on the way,
takes a quarter of an hour and is run by

    pytest --rehearsal tests/rehearsal/test_whole_run.py
"""

import json
import re
import shlex
import subprocess
import sys
import time

import pandas as pd
import pytest
from hub import environment

from xlkb import profiles
from xlkb.ground import paths
from xlkb.report import manifest

MODELS = [
    "meta-llama/Llama-2-7b-hf",
    "cross-ling-know/llama2-7b-wiki2-en",
    "cross-ling-know/llama3-8b-wiki2-mixed-lang-document",
]
FIRST = (
    "reproduce --profile paper --quick --task hp_quiz --languages fr,de,es,it --only 02 --model "
)
FIRST += ",".join(f"hub:{name}" for name in MODELS[:2])
QUIZ = f"{FIRST},hub:{MODELS[2]}"
WEIGHTS = "model.safetensors"


@pytest.fixture
def start(hub, tmp_path):
    """Starts an `xlkb` command whose folders are in `tmp_path`."""
    folders = {f"XLKB_{n.upper()}": str(tmp_path / n) for n in ("figures", "results", "cache")}

    def started(command):
        return subprocess.Popen(
            [sys.executable, "-m", "xlkb", *shlex.split(command)],
            env=environment(hub, tmp_path / "hf") | folders,
            cwd=paths.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return started


@pytest.fixture
def run(start):
    """Runs an `xlkb` command; returns its exit code and what it printed."""

    def ran(command):
        process = start(command)
        printed, _ = process.communicate()
        return process.returncode, printed

    return ran


def weights(hub):
    """The models whose weights were sent."""
    return [name for name in MODELS if WEIGHTS in hub.fetched(name)]


@pytest.mark.rehearsal
def test_the_quiz_runs_from_end_to_end(hub, run, tmp_path):
    hub.faults.set(MODELS[0], limited=1)
    code, said = run(FIRST)
    assert code == 0, said
    (figures,) = (tmp_path / "figures").iterdir()
    assert set(pd.read_csv(figures / "table02b_multilingual.csv")["model"]) == set(MODELS[:2])


@pytest.mark.rehearsal
def test_a_licence_in_the_third_model_then_no_network_then_the_rest(hub, start, run, tmp_path):
    hub.faults.set(MODELS[2], gated=True)
    code, said = run(QUIZ)
    assert (code, weights(hub)) == (2, []), said
    assert f"error: hub:{MODELS[2]}: it is gated. Accept its terms at" in said

    hub.mend()
    process = start(QUIZ)
    while weights(hub) != MODELS[:2] and process.poll() is None:
        time.sleep(0.01)
    hub.stop()
    said, _ = process.communicate()
    assert process.returncode == 1, said
    assert any(f"{name} cannot be" in said for name in MODELS[1:]), "what is missing is named"
    assert "What was computed is stored; the same command goes on" in said

    code, said = run(QUIZ)  # Still without a network.
    assert code == 2
    assert re.search(
        rf"have not been fetched before: .*hub:{MODELS[2]}\. Connect this machine", said
    )
    assert f"hub:{MODELS[0]}" not in said

    hub.start()
    code, said = run(QUIZ)
    assert code == 0, said
    assert hub.fetched(MODELS[0])[WEIGHTS] == 1, "it is not fetched again"
    (figures,) = (tmp_path / "figures").iterdir()
    assert set(pd.read_csv(figures / "table02b_multilingual.csv")["model"]) == set(MODELS)


@pytest.mark.rehearsal
def test_all_notebooks_the_quiz_and_tofu(hub, run, tmp_path):
    hub.faults.set("cais/mmlu", limited=2)
    hub.faults.set("openai/MMMLU", cut=1)
    hub.faults.set("mistralai/Mistral-7B-v0.1", cut=1, cut_file=WEIGHTS)
    code, said = run("reproduce --profile paper --quick")
    assert code == 0, said
    plain = profiles.load("paper", quick=True)
    figures = tmp_path / "figures" / plain.name
    named = artefacts()
    made = manifest.listing(figures)
    assert named == set(made["name"])
    assert not any(made["left_out"])
    for table in sorted(named):
        number = table.removeprefix("table")[:2]
        if table.startswith("table") and number != "02":
            found = pd.read_csv(figures / f"{table}.csv")
            if "base_model" in found:
                labels = {name.removeprefix("hub:") for name in plain.models_of(number)}
                assert labels <= set(found["base_model"]) | {"Llama3-8B"}, table
    asked = pd.read_csv(figures / "tofu.csv")
    assert set(asked["language"]) == {"en", "fr", "de", "es", "it"}
    (quiz,) = (folder for folder in figures.parent.iterdir() if "hp-quiz" in folder.name)
    assert pd.read_csv(quiz / "table02b_multilingual.csv")["model"].nunique() == 10
    hub.stop()
    code, said = run("reproduce --profile paper --quick --only 03,06")
    assert code == 0, said


def artefacts():
    """Names of all tables and figures, by the notebooks' sources."""
    names = set()
    for path in paths.NOTEBOOKS.glob("0*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        source = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        names |= {word for word in source.split('"') if word.startswith(("table0", "fig0"))}
    return names

"""Kind: a disk that is full, under answers, stored scores, tables, a checkpoint, the cache."""

import dataclasses
import shlex
import subprocess
import sys

import faults
import notebook_cells
import pandas as pd
import pytest
import tiny
import torch
from places import fill, small_disk
from safetensors.torch import save_file

from xlkb import commands, models, profiles, scoring, tasks
from xlkb.models import pip_models
from xlkb.report import manifest, tables
from xlkb.tasks import recompose
from xlkb.training import finetuning, recipes

TEXTS = [f"{text} {number}" for number in range(3) for text in tiny.TEXT[:3]]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return models.load(notebook_cells.model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def small(tmp_path):
    with small_disk(tmp_path / "small") as made:
        yield made


def no_half_files(folder):
    return not [path for path in folder.rglob(".writing-*")]


@pytest.mark.parametrize("left", [0, 8192, 16384])
def test_answers_without_room_say_so_and_the_same_command_goes_on(
    model, small, tmp_path, capsys, left
):
    task = notebook_cells.own(tmp_path / "q.jsonl", ("en", "fr"), 5)

    def ask(out):
        return commands.main(["score", model.name, "--task", task, "--out", str(out)])

    filler = fill(small, left)
    assert ask(small / "out") == 1
    said = capsys.readouterr().err
    assert said.count("error: There is no room left in") == 1
    assert str(small) in said
    assert "Make room, and give the same command again" in said
    assert no_half_files(small)
    filler.unlink()
    assert ask(small / "out") == ask(tmp_path / "undisturbed") == 0
    assert faults.files(small / "out") == faults.files(tmp_path / "undisturbed")


def test_scores_without_room_are_named_with_the_folder_and_nothing_is_half(model, small, tmp_path):
    asked = recompose.full(tasks.load(notebook_cells.own(tmp_path / "q.jsonl", ("en",), 5)), "en")
    filler = fill(small, 4096)
    with pytest.raises(OSError, match=f"There is no room left in {small}"):
        scoring.score(model, asked, small / "store")
    assert no_half_files(small)
    filler.unlink()
    found = scoring.score(model, asked, small / "store")
    pd.testing.assert_frame_equal(found, scoring.score(model, asked, tmp_path / "undisturbed"))


def test_a_table_without_room_leaves_the_older_one_whole(small):
    run = profiles.load("demo", "02_general_knowledge_barrier", quick=True)
    run = dataclasses.replace(run, figures=small / "figures")
    frame = pd.DataFrame({"language": [f"l{i}" for i in range(400)], "n": 400})
    tables.save(frame, "table02a_languages", run)
    before = faults.files(small)
    filler = fill(small)
    with pytest.raises(OSError, match=f"There is no room left in {run.figures}"):
        tables.save(frame.assign(n=500), "table02a_languages", run)
    filler.unlink()
    assert faults.files(small) == before
    assert manifest.damaged(run.figures) == []
    tables.save(frame.assign(n=500), "table02a_languages", run)
    assert manifest.damaged(run.figures) == []


def test_a_checkpoint_without_room_says_so_and_training_goes_on_from_the_one_before(
    model, small, tmp_path, capsys
):
    recipe = recipes.get("full", sequence_length=16, batch_size=2, learning_rate=1e-2, epochs=2)
    whole = finetuning.train(model, TEXTS, recipe, tmp_path / "whole")

    def train():
        return finetuning.train(model, TEXTS, recipe, small / "run", checkpoint_seconds=0)

    filler = fill(small, 500_000)
    with pytest.raises(OSError, match=f"There is no room left in {small}/run/checkpoints"):
        train()
    assert list(small.glob("run/checkpoints/*/checkpoint.json"))
    filler.unlink()
    train()
    assert "going on from step" in capsys.readouterr().out
    assert faults.files(small / "run") == faults.files(whole)


def test_a_cache_that_fills_up_amid_a_conversion_is_named_and_nothing_stays(small):
    def build(folder):
        (folder / "config.json").write_text("{}")
        fillers.append(fill(small))
        save_file({"w": torch.ones(100_000)}, folder / "model.safetensors")

    fillers, made = [], small / "cache" / "tiny"
    with pytest.raises(OSError, match=f"There is no room left in {made.parent}"):
        pip_models.publish(made, lambda: None if made.exists() else "it is not there", build)
    assert not [path for path in made.parent.iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize(
    "command", ["models", "mix --corpus almanac --unit sentence --documents 4 --out mixed"]
)
def test_what_is_printed_to_a_full_device_is_an_error_in_words(tmp_path, command):
    words = [sys.executable, "-m", "xlkb", *command.split()]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "error: There is no room left for what the output goes to: what was prin" in done.stderr
    assert "The command itself ended with 0." in done.stderr
    assert "Nothing was written" not in done.stderr
    assert (tmp_path / "mixed" / "mixing.json").exists() == ("mix" in command)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_a_file_that_is_larger_than_allowed_is_said_to_be(tmp_path):
    code = (
        "from pathlib import Path; from xlkb.ground import disk; disk.write(Path('a'), b'1' * 9000)"
    )
    limited = f"ulimit -f 4; exec {sys.executable} -c {shlex.quote(code)}"
    done = subprocess.run(["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True)
    assert "would be larger than is allowed (by ulimit -f, or by its disk)" in done.stderr
    assert not list(tmp_path.iterdir())

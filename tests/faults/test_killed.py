"""Kind: kill -9. What was killed at any stage goes on, and ends as if nothing had happened."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import faults
import notebook_cells
import pandas as pd
import pytest

from xlkb import models, profiles
from xlkb.ground import disk, paths
from xlkb.report import figures, manifest, reference, tables
from xlkb.scoring import embeddings, generation, results

KILL = signal.SIGKILL


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, questions and texts, and what commands make of them when nobody disturbs them."""
    folder = tmp_path_factory.mktemp("killed")
    notebook_cells.model(folder / "model")
    notebook_cells.own(folder / "q.jsonl", ("en", "fr"), 12)
    texts = "\n\n".join(f"Text {i}: one two three four five." * 9 for i in range(6))
    (folder / "texts.txt").write_text(texts, encoding="utf-8")
    return folder


def name(place):
    return f"path:{place / 'model'}"


# Set-up

VENV = """#!/bin/sh
case "$*" in
*"pip --version"*) ;;
*"pip --disable-pip-version-check install"*) echo "$*" >> {log}; [ ! -e {slow} ] || sleep 60 ;;
*"import pip, sys"*) exit 0 ;;
*"-m xlkb reproduce"*) echo "ran"; [ ! -e {slow} ] || {{ echo . > {log}; exec sleep 60; }} ;;
*) exec {python} "$@" ;;
esac
"""


def script(folder, *arguments):
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return subprocess.Popen(
        ["bash", str(Path(__file__).parents[2] / "paper_reproduce.sh"), *arguments],
        env=kept | {"XLKB_VENV": str(folder / "venv"), "XLKB_EVERY": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_set_up_that_is_killed_is_made_again_and_a_run_that_is_stopped_stops(tmp_path):
    log, slow = tmp_path / "log", tmp_path / "slow"
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    python = tmp_path / "venv" / "bin" / "python"
    python.write_text(VENV.format(log=log, slow=slow, python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    assert script(tmp_path).communicate()[0].endswith("ran\n")
    n = len(log.read_text().splitlines())
    assert script(tmp_path).communicate()[0] == "ran\n", "a finished set-up is not made again"
    slow.touch()
    again = script(tmp_path, "--setup")
    faults.wait(lambda: len(log.read_text().splitlines()) > n)
    os.killpg(again.pid, KILL)
    again.communicate()
    slow.unlink()
    said = script(tmp_path).communicate()[0]
    assert "Set-up took" in said, "half a set-up is taken for a whole one"
    assert said.endswith("ran\n")
    log.unlink()
    slow.touch()
    run = script(tmp_path)
    faults.wait(log.exists)
    run.terminate()
    assert run.wait(faults.LIMIT) == -signal.SIGTERM, "the shell is in between"


# Scores


def test_a_score_of_batches_that_is_killed_thrice_gives_the_bytes_of_one_that_was_not(
    place, tmp_path
):
    asked = ["score", name(place), "--task", f"path:{place / 'q.jsonl'}", "--out"]
    small = {"xlkb.commands.models.score:PROMPTS": 4, "xlkb.scoring.results:SECONDS_PER_PART": 0}
    calm = faults.start(tmp_path / "a", *asked, tmp_path / "calm", settings=small).ends()
    assert calm.code == 0, calm.err
    rng = random.Random(0)
    slow = {"pause": "xlkb.scoring.likelihoods:run_row", "seconds": 0.03, "settings": small}
    for _ in range(3):
        started = faults.start(tmp_path / "b", *asked, tmp_path / "killed", **slow)
        faults.wait(lambda: faults.reached(tmp_path / "b") >= rng.randint(1, 3))
        time.sleep(rng.uniform(0, 0.03))
        assert started.hit(KILL).code == -KILL
    done = faults.start(tmp_path / "b", *asked, tmp_path / "killed", settings=small).ends()
    assert done.code == 0, done.err
    but = (".lock", ".writing-")
    assert faults.files(tmp_path / "killed", but) == faults.files(tmp_path / "calm", but)


def written_and_embedded(model_name, store, folder, seconds):
    """Texts and embeddings in small batches, each of which is stored at once."""
    generation.BATCH["cpu"], embeddings.PAIRS_PER_BLOCK, results.SECONDS_PER_PART = 2, 2, 0
    for each in ("generation:_run_batch", "embeddings:_run_block"):
        faults.slowed(f"xlkb.scoring.{each}", seconds, folder)
    model = models.load(model_name, dtype="float32", device="cpu")
    prompts = [generation.Prompt("Say it:\n", f"one {'two ' * i}") for i in range(8)]
    texts = generation.generate(model, prompts, store, 4)
    pairs = [(f"one {'two ' * i}", f"eins {i}") for i in range(8)]
    near = embeddings.similarities(model, pairs, store)
    disk.write(store / "texts.csv", texts.to_csv(index=False).encode())
    disk.write(store / "near.csv", near.to_csv(index=False).encode())


def test_texts_and_embeddings_that_are_killed_five_times_are_those_of_a_run_that_was_not(
    place, tmp_path
):
    def begin(store, seconds):
        given = (name(place), tmp_path / store, tmp_path / f"{store}-said", seconds)
        return faults.Started(tmp_path / f"{store}-said", written_and_embedded, *given)

    assert begin("calm", 0).ends().code == 0
    whole, rng, calls = faults.reached(tmp_path / "calm-said"), random.Random(0), 0
    for _ in range(5):
        started = begin("killed", 0.03)
        faults.wait(lambda: faults.reached(tmp_path / "killed-said") >= 1)
        time.sleep(rng.uniform(0, 0.08))
        assert started.hit(KILL).code == -KILL
        calls += faults.reached(tmp_path / "killed-said")
    assert begin("killed", 0).ends().code == 0
    calls += faults.reached(tmp_path / "killed-said")
    assert calls <= whole + 5, "more than one batch a kill was computed twice"
    for file in ("texts.csv", "near.csv"):
        assert (tmp_path / "killed" / file).read_bytes() == (tmp_path / "calm" / file).read_bytes()


# Training


def test_a_training_that_is_killed_while_a_checkpoint_is_written_ends_with_the_same_bits(
    place, tmp_path
):
    asked = ["finetune", name(place), place / "texts.txt", "--recipe", "full"]
    asked += ["--sequence-length", "16", "--batch-size", "2", "--max-steps", "6"]
    asked += ["--gradient-accumulation", "1", "--learning-rate", "0.01", "--folder"]
    calm = faults.start(tmp_path / "a", *asked, tmp_path / "calm").ends()
    assert calm.code == 0, calm.err
    for times in (1, 3):
        pause = {"pause": "xlkb.training.loop.seals:seal", "seconds": 0.05}
        started = faults.start(tmp_path / "b", *asked, tmp_path / "killed", **pause)
        assert started.hit(KILL, times).code == -KILL
    unsealed = [
        path
        for path in (tmp_path / "killed" / "checkpoints").glob("checkpoint-*")
        if not (path / "checkpoint.json").exists()
    ]
    assert unsealed, "no checkpoint was being written"
    done = faults.start(tmp_path / "b", *asked, tmp_path / "killed").ends()
    assert done.code == 0, done.err
    assert "going on from step" in done.out
    assert faults.files(tmp_path / "killed") == faults.files(tmp_path / "calm")


# What is shown


def saved(folder, times):
    """Save a table and a figure again and again."""
    run = replace(profiles.load("demo", "02_barrier", quick=True), figures=folder)
    frame = pd.DataFrame({"rule": "sum", "language": ["fr", "de"], "n": 400})
    frame["gap_points"], frame["gap_low"], frame["gap_high"] = 20.0, 15.0, 25.0
    for _ in range(times):
        tables.save(frame, "table02c_barrier", run, [], "Barrier")
        figures.gap_bars(frame, "fig02f_mixup", run, [], "Barrier")


def test_a_table_or_figure_that_is_killed_while_it_is_saved_is_whole_and_saved_again(tmp_path):
    assert faults.Started(tmp_path / "a", saved, tmp_path / "calm", 1).ends().code == 0
    but = ("manifest", ".writing-")
    calm, rng = faults.files(tmp_path / "calm", but), random.Random(0)
    for _ in range(5):
        started = faults.Started(tmp_path / "b", saved, tmp_path / "killed", 1000)
        faults.wait(lambda: len(list((tmp_path / "killed").glob("[tf]*"))) >= 1)
        time.sleep(rng.uniform(0, 0.5))
        os.kill(started.process.pid, KILL)
        assert started.ends().code == -KILL
        there = faults.files(tmp_path / "killed", but)
        assert there.items() <= calm.items(), "half a file"
    assert faults.Started(tmp_path / "b", saved, tmp_path / "killed", 1).ends().code == 0
    assert faults.files(tmp_path / "killed", but) == calm
    assert manifest.damaged(tmp_path / "killed") == []


@pytest.mark.rehearsal
def test_a_card_that_is_killed_before_its_page_is_written_has_one_the_next_time(place, tmp_path):
    asked = ["card", name(place), "--task", f"path:{place / 'q.jsonl'}", "--out", tmp_path / "card"]
    started = faults.start(tmp_path / "said", *asked, pause="xlkb.report.pages:page")
    assert started.hit(KILL).code == -KILL
    assert not (tmp_path / "card" / "card.html").exists()
    first = (tmp_path / "card" / "card.md").read_text(encoding="utf-8")
    done = faults.start(tmp_path / "said", *asked).ends()
    assert done.code == 0, done.err
    assert "computed 0 /" in done.out
    (page,) = (tmp_path / "card").glob("*.html")
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    again = (tmp_path / "card" / "card.md").read_text(encoding="utf-8")
    assert again.split("## Made from")[0] == first.split("## Made from")[0]


@pytest.mark.rehearsal
def test_a_run_that_is_killed_amid_its_notebook_makes_the_tables_of_one_that_was_not(
    place, tmp_path, monkeypatch
):
    notebook_cells.profile(tmp_path, "one", models=[name(place)])
    asked = ["reproduce", "--profile", f"path:{tmp_path / 'one.toml'}", "--only", "02"]
    made, rng = {}, random.Random(0)
    for who, kills in {"calm": 0, "killed": 4}.items():
        home = tmp_path / who
        monkeypatch.setenv("XLKB_RESULTS", str(home / "results"))
        monkeypatch.setenv("XLKB_FIGURES", str(home / "figures"))
        run = {"settings": {"xlkb.ground.paths:FIGURES": home / "figures"}}
        for _ in range(kills):
            n = len(list(home.rglob("*.*")))
            started = faults.start(home / "said", *asked, **run)
            faults.wait(lambda n=n, home=home: len(list(home.rglob("*.*"))) > n + 1)
            time.sleep(rng.uniform(0, 4))
            os.kill(started.process.pid, KILL)
            assert started.ends().code == -KILL
            assert faults.no_children(started)
        done = faults.start(home / "said", *asked, **run).ends()
        assert done.code == 0, done.err
        (figures,) = (home / "figures").glob("one-*")
        made[who] = faults.files(figures, ("manifest", ".writing-", "seconds"))
        assert manifest.damaged(figures) == []
    assert made["calm"]
    assert made["calm"] == made["killed"]


# The reference


def stored_and_updated(root, killed_at):
    """Update a reference, and be killed at the n-th of the steps that change a folder."""
    for attribute in ("ROOT", "REFERENCE"):
        place = {"ROOT": root, "REFERENCE": root / "tests" / "reference"}[attribute]
        setattr(paths, attribute, place)
    calls = iter(range(1, 100))

    def killing(act):
        def act_or_die(*arguments, **options):
            if next(calls) == killed_at:
                os.kill(os.getpid(), KILL)
            return act(*arguments, **options)

        return act_or_die

    for where, what in ((Path, "rename"), (shutil, "rmtree"), (disk, "write")):
        setattr(where, what, killing(getattr(where, what)))
    run = replace(profiles.load("demo"), figures=root / "figures", results=root / "results")
    reference.update(run, [])


def test_an_update_of_the_reference_that_is_killed_anywhere_keeps_the_old_one_or_the_new(tmp_path):
    def stored(folder, score):
        frame = {"key": [b"k" * 12], "log_likelihood": [score], "n_tokens": [1]}
        results.append(folder, pd.DataFrame(frame))
        disk.write_json(folder / "model.json", {"name": "pip:gemma-3-270m", "adapter": None})

    def held(root):
        folder = root / "tests" / "reference" / "demo" / "model"
        folders = [folder, *(root / "tests" / "reference").glob(".update/demo/old/model")]
        return [results.read(each)["log_likelihood"].tolist() for each in folders if each.exists()]

    codes = []
    for killed_at in range(1, 8):
        root = tmp_path / str(killed_at)
        stored(root / "tests" / "reference" / "demo" / "model", -2.0)
        stored(root / "results" / "model", -1.0)
        update = faults.Started(root / "said", stored_and_updated, root, killed_at).ends()
        codes.append(update.code)
        assert any(each in ([-1.0], [-2.0]) for each in held(root)), "the reference is lost"
        assert faults.Started(root / "said", stored_and_updated, root, 99).ends().code == 0
        assert held(root) == [[-1.0]]
        assert [path.name for path in (root / "tests" / "reference").iterdir()] == ["demo"]
    assert codes.count(-KILL) >= 4


# mend


@pytest.mark.rehearsal
def test_a_mend_that_is_killed_before_its_documents_goes_on_to_the_same_folder(place, tmp_path):
    asked = ["mend", name(place), "--quick", "--languages", "en,fr", "--unit", "sentence"]
    asked += ["--recipe", "full", "--out", tmp_path / "out" / "mended"]
    started = faults.start(tmp_path / "said", *asked, pause="xlkb.report.pages:write")
    assert started.hit(KILL).code == -KILL
    done = faults.start(tmp_path / "said", *asked).ends()
    assert done.code == 0, done.err
    assert done.out.count("finished before, reused") == 2
    scored = [line for line in done.out.splitlines() if "computed" in line]
    assert all("computed 0" in line for line in scored), scored
    assert {p.name for p in (tmp_path / "out").iterdir()} <= {"mended", ".mended.lock"}
    for document in ("mended", "card", "comparison"):
        for ending in ("md", "json", "html"):
            assert (tmp_path / "out" / "mended" / f"{document}.{ending}").exists()

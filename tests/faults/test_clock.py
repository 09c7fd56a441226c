"""Kind: a clock that was wrong: files dated in the future, and a clock set back amid a run.

Files get their dates by `os.utime`. The clock of this machine is left alone: it is that of `report`
which goes back.
"""

import dataclasses
import os
import time
from datetime import UTC, datetime, timedelta

import notebook_cells
import pandas as pd
import pytest

from xlkb import commands, profiles
from xlkb.report import manifest, provenance, reference, tables

AHEAD = 400 * 24 * 3600


def into_the_future(folder):
    for path in folder.rglob("*"):
        os.utime(path, (time.time() + AHEAD,) * 2)


def test_answers_dated_in_the_future_are_found_again_and_nothing_is_asked_twice(
    tmp_path, capsys, monkeypatch
):
    task = notebook_cells.own(tmp_path / "q.jsonl", ("en", "fr"), 3)
    model = notebook_cells.model(tmp_path / "model")
    ask = ["score", model, "--task", task, "--out", str(tmp_path / "out")]
    assert commands.main(ask) == 0
    whole = {path: path.read_bytes() for path in tmp_path.rglob("out/*")}
    into_the_future(tmp_path)
    from xlkb.models import LanguageModel

    monkeypatch.setattr(LanguageModel, "network", property(lambda _: pytest.fail("loaded")))
    assert commands.main(ask) == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("out/*")} == whole


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("demo", "02_general_knowledge_barrier", quick=True)
    return dataclasses.replace(plain, figures=tmp_path / "figures")


@pytest.fixture
def clock(monkeypatch):
    """A function that sets the clock of the list of artefacts, to seconds from now."""
    offset = [0]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(seconds=offset[0])

    monkeypatch.setattr(manifest, "datetime", Clock)
    return lambda seconds: offset.__setitem__(0, seconds)


def frame():
    return pd.DataFrame({"language": ["en", "fr"], "n": [4, 4]})


def test_a_clock_set_back_amid_a_run_removes_nothing_that_the_run_made(run, clock, capsys):
    with provenance.commanded("reproduce", []):
        started = datetime.now(UTC)
        tables.save(frame(), "table02a_first", run)
        clock(-7200)
        tables.save(frame(), "table02b_second", run)
        assert reference.artefacts(run, ["02_general_knowledge_barrier"], started) == []
    said = capsys.readouterr().out
    assert "Removed" not in said
    assert set(manifest.listing(run.figures)["name"]) == {"table02a_first", "table02b_second"}


def test_artefacts_dated_in_the_future_are_listed_and_can_be_made_again(run, clock, capsys):
    clock(AHEAD)
    tables.save(frame(), "table02a_first", run)
    clock(0)
    into_the_future(run.figures)
    assert manifest.check(run.figures) == []
    assert not [age for age in manifest.listing(run.figures)["age"] if age.startswith("-")]
    tables.save(frame(), "table02a_first", run)
    assert reference.artefacts(run, ["02_general_knowledge_barrier"], datetime.now(UTC)) == []
    assert "-1 days" not in capsys.readouterr().out

"""The profile `paper`, looked at before it runs, against a stand-in of the hub."""

import shutil

import pytest

from xlkb import profiles
from xlkb.commands import reproduce
from xlkb.ground import paths


@pytest.mark.slow
def test_the_rehearsal_of_the_paper_begins_in_folders_that_are_not_there_yet(
    hub, monkeypatch, tmp_path
):
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    room = shutil.disk_usage(tmp_path)._replace(free=10**13)  # For what 7 billion weights leave.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    reproduce.check(["--profile", "paper", "--quick"])
    weights = [
        repository.name
        for (kind, _), repository in hub.repositories.items()
        if kind == "model"
        and any(file.endswith("tensors") for file in hub.fetched(repository.name))
    ]
    assert weights == []


def test_a_rehearsal_looks_at_the_documents_that_it_translates_and_the_paper_at_all():
    assert profiles.load("paper", quick=True).text.n_looked_at == 2
    assert profiles.load("paper").text.n_looked_at == 0
    assert profiles.load("demo").text.n_looked_at == 0

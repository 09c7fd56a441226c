"""What made an artefact: code, command and machine are told, and what changed since is named."""

import dataclasses
import json
import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import notebook_cells
import pandas as pd
import pytest
import questions
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from xlkb import models, profiles, scoring, tasks
from xlkb.ground import paths
from xlkb.models import LanguageModel
from xlkb.report import figures, manifest, provenance, reference, tables
from xlkb.scoring import results
from xlkb.tasks import recompose

MODEL = LanguageModel("path:tiny", "Tiny, random", "", "ab" * 32, requested_dtype="float32")
NOTEBOOK = "02_general_knowledge_barrier"


@pytest.fixture
def run(tmp_path):
    plain = profiles.load("demo", NOTEBOOK, quick=True)
    return dataclasses.replace(plain, figures=tmp_path / "figures")


@pytest.fixture
def forget(monkeypatch):
    """Forget what this process has looked up so far, and what it looks up in the test."""
    monkeypatch.setattr(results.used, "_FOUND", {})
    monkeypatch.setattr(results.used, "_COMPUTED", set())
    monkeypatch.setattr("xlkb.tasks.registry._LOADED", {})


@pytest.fixture
def later(monkeypatch):
    """A function that moves the clock of what is recorded on."""
    moved = [datetime.now(UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return moved[0]

    monkeypatch.setattr(manifest, "datetime", Clock)
    return lambda: moved.__setitem__(0, moved[0] + timedelta(seconds=10))


def frame(value=0.5):
    bounds = {"n": 400, "accuracy": value, "low": 0.4, "high": 0.6}
    return pd.DataFrame({"model": "Tiny, random", "language": ["en", "fr"], **bounds})


def entry(run, name="table"):
    return json.loads((run.figures / "manifest.json").read_text(encoding="utf-8"))[name]


def git(folder, *arguments):
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    asked = ["git", "-C", str(folder), *identity, "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A checkout of a package, with one commit."""
    root = tmp_path / "origin"
    (root / "xlkb").mkdir(parents=True)
    (root / "xlkb" / "one.py").write_text("")
    (root / "pyproject.toml").write_text("[project]\nname = 'xlkb'\nversion = '9.8'\n")
    git(root, "init")
    git(root, "add", ".")
    git(root, "commit", "-m", "all")
    return root


def test_a_checkout_tells_its_commit_and_whether_its_package_was_changed(
    checkout, tmp_path, monkeypatch
):
    root = tmp_path / "clone"
    git(tmp_path, "clone", "--depth", "1", f"file://{checkout}", str(root))
    git(root, "checkout", "--detach")
    commit = git(root, "rev-parse", "HEAD")
    (root / "figures").mkdir()
    for name in ("one", "two"):  # Committed figures, and new ones, leave the code what it is.
        (root / "figures" / f"{name}.png").write_bytes(b"")
        assert provenance._asked_of_git(root / "xlkb") == (commit, "clean")
        git(root, "add", "figures/one.png")
        git(root, "commit", "--allow-empty", "-m", "figures")
    assert provenance._asked_of_git(root / "xlkb") == (commit, "clean")
    assert provenance._version(root) == "9.8"
    (root / "xlkb" / "new.py").write_text("")
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))  # As in a hook.
    assert provenance._asked_of_git(root / "xlkb") == (commit, "changed")


@pytest.mark.parametrize("lacking", ["git", "time", "a commit", "the repository"])
def test_without_git_the_commit_is_unknown(lacking, checkout, tmp_path, monkeypatch):
    if lacking == "git":
        monkeypatch.setenv("PATH", str(tmp_path))
    elif lacking == "time":
        monkeypatch.setattr(provenance, "TIMEOUT", 0)
    else:
        shutil.rmtree(checkout / ".git")
    if lacking == "a commit":
        git(checkout, "init")
    if lacking == "the repository":  # A copy inside another project is not of its commit.
        git(tmp_path, "init")
        git(tmp_path, "commit", "--allow-empty", "-m", "another project")
    assert provenance._asked_of_git(checkout / "xlkb") == ("unknown", "")


def test_the_version_of_what_is_no_checkout_is_that_of_what_is_installed(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\nversion = '7'\n")
    assert provenance._version(tmp_path) in (version("xlkb"), "unknown")


def test_a_notebook_that_a_command_runs_does_not_ask_git(monkeypatch):
    monkeypatch.setattr(provenance, "_asked_of_git", lambda _: ("ab" * 20, "changed"))
    provenance.code.cache_clear()
    with provenance.commanded("reproduce", ["--only", "02", "--model", "path:/home/me/models/m"]):
        assert provenance.command() == "xlkb reproduce --only 02 --model path:m"
        provenance.code.cache_clear()
        monkeypatch.setattr(provenance, "_asked_of_git", pytest.fail)
        assert (provenance.code()["commit"], provenance.code()["clean"]) == ("ab" * 20, False)
        assert provenance.source().endswith(f"commit {'ab' * 20}, changed")
        with provenance.commanded("tofu", []):
            assert provenance.command().startswith("xlkb reproduce")
    provenance.code.cache_clear()
    assert provenance.command() == "a notebook"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("path:/home/me/q.jsonl", "path:q.jsonl"),
        ("path:q.jsonl", "path:q.jsonl"),
        ("path:../mine/q.jsonl", "path:../mine/q.jsonl"),
        ("~/models/m", "m"),
        ("/home/me/a b/m/", "m/"),
        ("hub:org/name+/data/runs/x", "hub:org/name+x"),
        ("path:/a/b,path:/c/d", "path:b,path:d"),
        ("C:\\mine\\q.jsonl", "q.jsonl"),
        ("api:n@https://me:word@host/v1?key=1", "api:n@https://host/v1"),
        ("OPENAI_API_KEY=sk-1", "OPENAI_API_KEY=..."),
        ("file:///data/mmlu", "file:mmlu"),
        ("mmlu:/data/mmlu", "mmlu:mmlu"),
        ("1/2 word", "1/2 word"),
    ],
)
def test_a_command_is_told_without_folders_and_secrets(word, told):
    assert provenance.portable(word) == told


@given(st.lists(st.text("abc/ ~.", min_size=1), min_size=1))
def test_no_word_keeps_an_absolute_path(words):
    for word in words:
        left = provenance.portable(word)
        assert not left.startswith(("/", "~/")) or not left.strip("/~")
        assert not provenance.portable(f"path:/a/{word}").startswith("path:/")


def test_the_machine_is_a_class_of_machines():
    told = provenance.machine()
    assert set(told) == {"system", "architecture", "cores", "gpu", "python"}
    assert told["gpu"] is None
    assert platform.node() not in json.dumps(told).split('"')


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3)))
def test_a_digest_knows_no_order_of_keys(value):
    backwards = dict(reversed(list(value.items())))
    assert provenance.digest_of(value) == provenance.digest_of(backwards)
    assert provenance.digest_of(value) != provenance.digest_of([value])


def test_a_digest_of_a_frame_is_of_ten_digits():
    assert provenance.digest_of(frame(1 / 3)) == provenance.digest_of(frame(1 / 3 + 1e-12))
    assert provenance.digest_of(frame(1 / 3)) != provenance.digest_of(frame(0.3334))


def test_an_entry_tells_what_made_it_once_for_all(run, forget):
    tables.save(frame(), "table", run, [MODEL])
    tables.save(frame(0.6), "other", run, [MODEL])
    listed = json.loads((run.figures / "manifest.json").read_text(encoding="utf-8"))
    ((key, made_by),) = listed["made_by"].items()
    assert listed["table"]["made_by"] == listed["other"]["made_by"] == key
    told = {"command", "version", "commit", "clean", "packages", "machine"}
    assert set(made_by) == told
    assert made_by["command"] == "a notebook"
    ((_, model),) = listed["models"].items()
    assert model == {"name": "path:tiny", "adapter": None, "dtype": "float32"}
    assert set(listed["table"]["inputs"]) == {"profile", "notebook"}
    assert listed["table"]["inputs"] == listed["other"]["inputs"]
    assert listed["table"]["digest"] != listed["other"]["digest"]
    assert str(paths.ROOT) not in json.dumps(listed)
    manifest.remove(run.figures, ["table", "other"])
    left = json.loads((run.figures / "manifest.json").read_text(encoding="utf-8"))
    assert left == {"made_by": {}, "models": {}}
    assert manifest.listing(run.figures).empty


def test_a_figure_carries_name_commit_and_digest(run):
    figures.accuracy_bars(frame(), "fig", run, [MODEL], "T")
    digest = entry(run, "fig")["digest"]
    with Image.open(run.figures / "fig.png") as image:
        told = image.info
    assert (told["Title"], told["Comment"]) == ("fig", digest)
    assert told["Source"] == provenance.source()
    drawn = (run.figures / "fig.svg").read_text(encoding="utf-8")
    for words in ("<dc:title>fig<", f"<dc:source>{provenance.source()}<", digest):
        assert words in drawn
    assert "<dc:date>" not in drawn


@pytest.fixture(scope="module")
def random_model(tmp_path_factory):
    return notebook_cells.model(tmp_path_factory.mktemp("model"))


def test_scores_are_inputs_by_what_was_asked_and_what_came(run, forget, random_model, tmp_path):
    model, toy = models.load(random_model, dtype="float32"), recompose.full(questions.toy(2), "en")
    found = []
    for store in ("one", "one", "two"):
        results.used._FOUND.clear()
        scoring.score(model, toy, tmp_path / store)
        tables.save(frame(), "table", run, [model])
        found.append(entry(run))
        results.used._COMPUTED.clear()
    levels = [each["reproducible"] for each in found]
    assert levels == ["within tolerance", "exact", "within tolerance"]
    assert found[0]["inputs"] == found[1]["inputs"] == found[2]["inputs"]
    assert found[0]["digest"] == found[1]["digest"]
    scoring.score(model, toy, tmp_path / "one", "letters")
    tables.save(frame(), "table", run, [model])
    more = entry(run)["inputs"]
    assert more["asked"] != found[0]["inputs"]["asked"]
    assert more["scores"] != found[0]["inputs"]["scores"]


def test_what_was_trained_here_is_told(run, forget, tmp_path):
    adapted = dataclasses.replace(MODEL, adapter=tmp_path, adapter_fingerprint="cd" * 32)
    assert provenance.level([MODEL]) == "exact"
    assert provenance.level([MODEL, adapted]) == "trained"
    (tmp_path / "run.json").write_text("{}")
    full = dataclasses.replace(MODEL, name=f"path:{tmp_path}", location=tmp_path)
    assert provenance.level([full]) == "trained"
    assert set(manifest._described(full)) == {"name", "adapter", "dtype"}
    assert str(tmp_path) not in manifest._described(full)["name"]


def test_what_is_asked_in_another_order_is_the_same(forget):
    rows, folder = pd.DataFrame({"text": ["a"], "n": [1.5]}), Path("store/m-1/generations")
    results.used.note(folder, [b"1"], rows)
    results.used.note(folder, [b"2"], rows)
    one = results.used.of({"m-1"})
    results.used._FOUND.clear()
    for key in (b"2", b"1", b"2"):
        results.used.note(Path("elsewhere/m-1/generations"), [key], rows)
    assert results.used.of({"m-1"}) == one
    assert results.used.of({"m-2"}) is None
    results.used.note(folder, [b"2"], rows.assign(seconds=3.0))
    assert results.used.of({"m-1"}) == one, "a measured time is no result"
    results.used.note(folder, [b"2"], rows.assign(text="b"))
    assert results.used.of({"m-1"}).asked == one.asked
    assert results.used.of({"m-1"}).found != one.found


def test_a_profile_that_changed_is_named(run, forget, later):
    tables.save(frame(), "table", run)
    later()
    other = dataclasses.replace(run, name="mine", n_shots=1)
    tables.save(frame(), "mine", other)
    assert manifest.stale(run.figures) == {}
    later()
    tables.save(frame(), "again", dataclasses.replace(other, n_shots=2))
    assert manifest.stale(run.figures) == {"mine": ["the profile"]}
    tables.save(frame(), "table", dataclasses.replace(run, n_shots=1))
    wrong = f"table: the profile changed since; run {NOTEBOOK} again"
    assert wrong in manifest.check(run.figures)


def test_a_notebook_whose_code_changed_is_named(run, forget, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(paths.NOTEBOOKS / f"{NOTEBOOK}.ipynb", folder)
    monkeypatch.setattr(paths, "NOTEBOOKS", folder)
    tables.save(frame(), "table", run)
    file = folder / f"{NOTEBOOK}.ipynb"
    told = json.loads(file.read_text(encoding="utf-8"))
    for cell in told["cells"]:
        cell |= {"outputs": [], "execution_count": 7} if cell["cell_type"] == "code" else {}
    told["cells"].append({"cell_type": "markdown", "metadata": {}, "source": "More."})
    file.write_text(json.dumps(told), encoding="utf-8")
    assert manifest.check(run.figures) == []
    told["cells"].append({"cell_type": "code", "metadata": {}, "source": ["1 +", " 1"]})
    file.write_text(json.dumps(told), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    assert manifest.listing(run.figures)["stale"].tolist() == ["the notebook's code"]
    started = pd.Timestamp.now(tz="UTC").to_pydatetime()
    assert reference.artefacts(run, [], started) == []
    assert "stale: table, as the notebook's code changed since" in capsys.readouterr().out
    file.unlink()
    assert manifest.stale(run.figures) == {}


def test_questions_that_changed_are_named(run, forget, later, tmp_path):
    file = tmp_path / "q.jsonl"
    own = dataclasses.replace(run, task=f"path:{file}", name="own")
    row = {"id": "1", "subject": "s", "answer": 0, "question": {"en": "Q?"}}
    row["options"] = {"en": ["a", "b", "c", "d"]}
    for name, asks in (("old", "Q?"), ("new", "What?")):
        row["question"]["en"] = asks
        file.write_text(json.dumps(row) + "\n", encoding="utf-8")
        tasks.load(f"path:{file}", ["en"])
        tables.save(frame(), name, own)
        later()
    assert entry(run, "new")["inputs"]["questions"].keys() == {"path:q.jsonl"}
    assert entry(run, "new")["task"] == "path:q.jsonl"
    assert manifest.stale(run.figures) == {"old": ["the questions of path:q.jsonl"]}


def test_a_model_whose_weights_changed_is_named_and_two_of_one_name_are_not(run, forget, later):
    anew = dataclasses.replace(MODEL, weights_fingerprint="cd" * 32)
    other = dataclasses.replace(MODEL, name="path:/elsewhere/tiny", weights_fingerprint="ef" * 32)
    for name, model in (("old", MODEL), ("new", anew), ("other", other)):
        tables.save(frame(), name, run, [model])
        later()
    assert manifest.stale(run.figures) == {"old": ["the model path:tiny"]}


def test_scores_that_are_other_ones_now_are_named(run, forget, later):
    folder = results.store_folder(Path("store"), MODEL)
    for name, value in (("old", 1.0), ("same", 1.0), ("new", 2.0)):
        results.used.note(folder, [b"1"], pd.DataFrame({"n": [value]}))
        tables.save(frame(), name, run, [MODEL])
        later()
    assert manifest.stale(run.figures) == {"old": ["scores"], "same": ["scores"]}


def test_the_list_of_an_older_version_is_read_and_added_to(run):
    old = {"kind": "table", "caption": "", "files": {}, "n_rows": 1, "notebook": NOTEBOOK}
    old |= {"profile": "demo", "task": "worldfacts", "seed": 42, "models": {"Tiny": "ab" * 32}}
    old["created"] = "2025-01-01T00:00:00+00:00"
    run.figures.mkdir()
    (run.figures / "manifest.json").write_text(json.dumps({"table": old}), encoding="utf-8")
    assert manifest.check(run.figures) == []
    tables.save(frame(), "another", run, [MODEL])
    assert manifest.listing(run.figures)["name"].tolist() == ["another", "table"]
    assert entry(run) == old
    assert manifest.stale(run.figures) == {}


def test_committed_artefacts_are_of_the_committed_notebooks_and_profiles():
    assert manifest.check(paths.ROOT / "figures") == []

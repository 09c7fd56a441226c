"""A path that a user gives means the user's folder, wherever a notebook or a process runs."""

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb.ground import names, paths

NAMES = ("data/arc", "with space/q.jsonl", "größe/問題.jsonl", "a,b", "link", "../here/x", "x/")


@pytest.mark.parametrize("kind", ["path", "mmlu", "arc", "belebele", "hp_quiz", "flores"])
@pytest.mark.parametrize("place", NAMES)
def test_a_name_with_a_place_does_not_depend_on_the_folder(tmp_path, monkeypatch, kind, place):
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    found = paths.absolute(f"{kind}:{place}")
    assert found == f"{kind}:{os.path.normpath(here / place)}"
    monkeypatch.chdir("/")
    assert paths.absolute(found) == found


@given(st.text(alphabet="ab/. ~é問,", min_size=1, max_size=12))
def test_what_is_absolute_stays(text):
    found = paths.user(text)
    assert found.is_absolute()
    assert paths.user(found) == found


def test_home_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.absolute("wikitext-2:~/wiki") == f"wikitext-2:{tmp_path}/wiki"


@pytest.mark.parametrize(
    "name",
    ["worldfacts", "pip:gemma-3-270m", "hub:a/b@main", "api:m@http://h/v1", "nllb:facebook/nllb"],
)
def test_what_has_no_place_stays(name):
    assert paths.absolute(f" {name} ") == name


def test_a_translator_in_a_folder_is_meant_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert paths.absolute("nllb:models/mine") == f"nllb:{tmp_path}/models/mine"
    assert paths.absolute("nllb:./mine") == f"nllb:{tmp_path}/mine"


def test_the_name_of_a_link_is_kept(tmp_path):
    """A link's own name says what kind of file it is; the file behind it may be called anything."""
    (tmp_path / "0a1b2c").write_text("{}")
    (tmp_path / "questions.jsonl").symlink_to(tmp_path / "0a1b2c")
    assert paths.user(tmp_path / "questions.jsonl").name == "questions.jsonl"


def test_variables_mean_the_folder_of_the_command(tmp_path):
    code = (
        "import json, os; from xlkb import profiles; from xlkb.ground import paths; os.chdir('/')\n"
        "run = profiles.load('paper')\n"
        "print(json.dumps([str(p) for p in (paths.results(), paths.cache(), paths.local_data(),"
        " paths.FIGURES, run.figures, run.results)] + [os.environ['XLKB_FIGURES']]))"
    )
    names = {"RESULTS": "my results", "CACHE": "cache", "DATA": "daten/ä", "FIGURES": "~/figures"}
    environment = os.environ | {f"XLKB_{name}": value for name, value in names.items()}
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(shown.stdout) == [
        str(tmp_path / part)
        for part in (
            "my results",
            "cache",
            "daten/ä",
            "figures",
            "figures/paper",
            "my results/paper",
        )
    ] + [str(tmp_path / "figures")]


def test_local_data_that_are_not_there_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XLKB_DATA", str(tmp_path / "dtaa"))
    with pytest.raises(FileNotFoundError, match=r"XLKB_DATA is .*dtaa, which is no folder"):
        paths.data_folder(None, "arc")
    assert paths.data_folder("given", "arc") == "given"


def test_a_comma_in_a_folders_name_does_not_part_models(tmp_path, monkeypatch):
    (tmp_path / "a, b").mkdir()
    monkeypatch.chdir(tmp_path)
    assert names.model_names("path:a, b,pip:x") == ["path:a, b", "pip:x"]
    assert names.model_names("path:a,b") == ["path:a", "b"], "there is no such folder"
    named = paths.absolute("path:a, b")
    assert names.model_names(named) == [f"path:{tmp_path}/a, b"] == [named]


def test_an_unknown_name_is_answered_with_those_there_are_and_the_nearest():
    said = names.unknown("style", "close", ["cloze", "letters"])
    assert said == "There is no style 'close'; there are: cloze, letters. Did you mean 'cloze'?"
    assert names.unknown("run", 7, ["a"]) == "There is no run 7; there are: a."
    many = [f"question {number}" for number in range(names.LISTED)]
    assert names.unknown("question", "x", many) == "There is no question 'x'."
    near = names.unknown("question", "qestion 3", many)
    assert near == "There is no question 'qestion 3'. Did you mean 'question 3'?"


def test_the_script_takes_a_folder_of_the_user(tmp_path):
    """XLKB_VENV is relative to the caller, and its ~ is the home folder."""
    root, script = paths.ROOT, tmp_path / "paper_reproduce.sh"
    (tmp_path / "constraints.txt").write_text((root / "constraints.txt").read_text())
    body = (root / "paper_reproduce.sh").read_text()
    script.write_text(body.replace('\nmain "$@"', '\nabsolute "$(choose_folder)"'))
    for given_folder, found in (("my env", tmp_path / "my env"), ("~/x", tmp_path / "x")):
        shown = subprocess.run(
            ["bash", str(script)],
            env=os.environ | {"XLKB_VENV": given_folder, "HOME": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout.strip() == str(found)

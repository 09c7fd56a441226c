"""Kind: folders that cannot be written to, by permissions that hold for root, too (`permitted`)."""

import json
import shutil
import subprocess

import notebook_cells
import pytest
import tiny
from places import permitted, small_disk

from xlkb import commands, models
from xlkb.ground import disk, paths
from xlkb.models import pip_models
from xlkb.training import finetuning, recipes


@pytest.fixture
def user(monkeypatch, tmp_path):
    """A folder of a user; the model and the questions in it are theirs."""
    for name in ("results", "cache"):
        monkeypatch.setenv(f"XLKB_{name.upper()}", str(tmp_path / name))
    notebook_cells.own(tmp_path / "q.jsonl", ("en", "fr"), 3)
    notebook_cells.model(tmp_path / "model")
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def locked(folder):
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o555)
    return folder


def ask(user, out):
    task = ["--task", f"path:{user}/q.jsonl"]
    return commands.main(["score", f"path:{user}/model", *task, "--out", str(out)])


@permitted
def test_answers_into_a_folder_that_is_read_only_are_refused_first(user, capsys, monkeypatch):
    network = property(lambda _: pytest.fail("it was loaded"))
    monkeypatch.setattr(models.LanguageModel, "network", network)
    assert ask(user, locked(user / "shut") / "out") == 2
    said = capsys.readouterr().err
    assert said == f"error: --out: {user}/shut cannot be written to. Choose another folder.\n"
    assert not list((user / "shut").iterdir())


@permitted
def test_a_folder_that_becomes_read_only_is_named_and_the_command_goes_on(user, capsys):
    assert ask(user, user / "out") == 0
    whole = {path.name: path.read_bytes() for path in user.glob("out/*.*")}
    (part,) = user.glob("out/part-*")
    part.unlink()
    locked(user / "out")
    capsys.readouterr()
    assert ask(user, user / "out") == 2
    assert f"{user}/out cannot be written to" in capsys.readouterr().err
    (user / "out").chmod(0o755)
    assert ask(user, user / "out") == 0
    assert {path.name: path.read_bytes() for path in user.glob("out/*.*")} == whole


@pytest.mark.parametrize("place", ["Results", "Figures", "The cache"])
@permitted
def test_a_run_whose_folders_are_read_only_is_refused_with_the_folder(
    user, capsys, monkeypatch, place
):
    shut = locked(user / "shut")
    if place == "Results":
        monkeypatch.setenv("XLKB_RESULTS", str(shut / "results"))
    elif place == "The cache":
        monkeypatch.setenv("XLKB_CACHE", str(shut / "cache"))
    figures = (shut if place == "Figures" else user) / "figures"
    monkeypatch.setattr(paths, "FIGURES", figures)
    monkeypatch.setenv("XLKB_FIGURES", str(figures))  # Of notebooks, if they ran.
    assert commands.main(["reproduce", "--only", "07"]) == 2
    assert f"error: {place}: {shut} cannot be written to" in capsys.readouterr().err
    assert not (user / "results").exists()


@pytest.mark.parametrize("what", ["a file", "a link that leads nowhere"])
@pytest.mark.parametrize("command", ["card", "compare", "score"])
def test_results_that_can_be_no_folder_are_refused_before_anything_is_loaded(
    user, capsys, monkeypatch, command, what
):
    network = property(lambda _: pytest.fail("it was loaded"))
    monkeypatch.setattr(models.LanguageModel, "network", network)
    place = user / "place"
    place.touch() if what == "a file" else place.symlink_to(place)
    asked = [command, f"path:{user}/model", "--task", f"path:{user}/q.jsonl"]
    asked += ["--style", "cloze,letters"] if command == "compare" else []
    monkeypatch.setenv("XLKB_RESULTS", str(place))
    assert commands.main([*asked, "--out", str(user / "out")]) == 2
    assert f"error: Results: {place} is {what}, and a folder" in capsys.readouterr().err
    monkeypatch.delenv("XLKB_RESULTS")
    assert commands.main([*asked, "--out", str(place)]) == 2
    assert f"error: --out: {place} is {what}, and a folder" in capsys.readouterr().err


@permitted
def test_a_cache_that_is_read_only_is_named_with_its_variable(user):
    made = locked(user / "cache") / "models" / "tiny"
    with pytest.raises(PermissionError, match=rf"XLKB_CACHE\): {user}/cache cannot be written to"):
        pip_models.publish(made, lambda: "it is not there", lambda to: None)


@permitted
def test_a_mixed_corpus_into_a_folder_that_is_read_only_is_refused(user, capsys):
    shut = locked(user / "shut")
    mix = ["mix", "--corpus", "almanac", "--unit", "words", "--out", str(shut / "mixed")]
    assert commands.main(mix) == 2
    told = f"error: {shut}/mixed: {shut} cannot be written to. Choose another folder.\n"
    assert capsys.readouterr().err == told


@permitted
def test_a_training_into_a_folder_that_is_read_only_is_refused(user):
    model = models.load(f"path:{user}/model")
    recipe = recipes.get("full", sequence_length=16, batch_size=2)
    with pytest.raises(PermissionError, match=f"{user}/shut cannot be written to"):
        finetuning.train(model, tiny.TEXT, recipe, locked(user / "shut") / "run")


@permitted
def test_a_file_that_cannot_be_written_says_which_folder_and_leaves_nothing(user):
    with pytest.raises(PermissionError, match=f"{user}/shut cannot be written to .Permission"):
        disk.write_json(locked(user / "shut") / "a.json", {})


def test_a_disk_that_is_mounted_read_only_is_refused(tmp_path, capsys):
    with small_disk(tmp_path / "disk") as place:
        notebook_cells.own(place / "q.jsonl", ("en",), 3)
        notebook_cells.model(place / "model")
        remount = ["mount", "-o", "remount,ro", str(place)]
        subprocess.run(remount, check=True)
        assert ask(place, place / "out") == 2
        assert f"--out: {place} cannot be written to" in capsys.readouterr().err
        with pytest.raises(PermissionError, match=f"{place} cannot be written to .Read-only"):
            disk.write(place / "a.json", b"{}")
        assert ask(place, tmp_path / "out") == 0, "what is read only can be read"


@permitted
def test_a_read_only_model_is_asked_like_another(user):
    shutil.copytree(user / "model", user / "shut" / "model")
    for path in (user / "shut").rglob("*"):
        path.chmod(0o555)
    locked(user / "shut")
    shown = []
    for model in ("model", "shut/model"):
        task = ["--task", f"path:{user}/q.jsonl", "--out", f"{user}/{model}-answers"]
        out = user / f"out-{model.replace('/', '-')}"
        task[-1] = str(out)
        assert commands.main(["score", f"path:{user}/{model}", *task]) == 0
        shown.append((out / "accuracy.csv").read_bytes())
        assert json.loads((out / "answers.json").read_text())["model"]["label"] == "model"
    assert shown[0] == shown[1]

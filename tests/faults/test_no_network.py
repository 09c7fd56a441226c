"""Kind: no network, or one that is cut, under a command that asks a model of the hub."""

import json

import faults
import notebook_cells
import pytest

from xlkb import commands, models

LLAMA = "meta-llama/Llama-2-7b-hf"


@pytest.fixture(autouse=True)
def in_a_hurry(hub, monkeypatch):
    """Nothing in memory, and no long waits between the client's retries."""
    models.release()
    for place in ("utils._http", "file_download"):
        monkeypatch.setattr(f"huggingface_hub.{place}.time.sleep", lambda seconds: None)


@pytest.fixture
def ask(tmp_path, capsys):
    """A function that asks the model, with the answers in a folder: exit code, and what is said."""
    task = notebook_cells.own(tmp_path / "q.jsonl", ("en", "fr"), 2)

    def run(out):
        out = str(tmp_path / out)
        code = commands.main(["score", f"hub:{LLAMA}", "--task", task, "--out", out])
        models.release()
        return code, capsys.readouterr().err

    return run


def test_a_model_that_is_not_cached_is_refused_in_one_line_and_one_that_is_answers_alike(
    hub, ask, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        code, said = ask("offline")
    assert code == 2
    assert said.count("\n") == 1
    assert "The hub cannot be reached" in said
    assert "HF_HUB_OFFLINE is set" in said
    assert not (tmp_path / "offline").exists()
    assert ask("undisturbed")[0] == 0
    hub.stop()
    assert ask("without")[0] == 0
    assert faults.files(tmp_path / "without") == faults.files(tmp_path / "undisturbed")


def test_a_cached_model_that_names_code_of_the_hub_is_refused_like_a_new_one(hub, ask, tmp_path):
    assert ask("out")[0] == 0
    (config,) = (tmp_path / "hf").rglob("snapshots/*/config.json")
    whole = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(whole | {"attn_implementation": "ORG/KERNEL"}), encoding="utf-8")
    code, said = ask("again")
    assert code == 1
    assert "code of the hub, which is never run: remove it" in said


def test_a_download_that_is_cut_is_named_and_the_same_command_fetches_the_rest(hub, ask, tmp_path):
    hub.faults.set(LLAMA, cut=-1, cut_file="*.safetensors")
    code, said = ask("out")
    assert code == 1
    assert said.count("error: ") == 1
    assert "goes on from what was fetched" in said
    came = dict(hub.fetched(LLAMA))
    hub.faults.set(LLAMA, cut=0)
    assert ask("out")[0] == 0
    again = {name for name, n in hub.fetched(LLAMA).items() if n > came.get(name, 0)}
    assert all(name.endswith(".safetensors") for name in again)
    assert ask("undisturbed")[0] == 0
    assert faults.files(tmp_path / "out") == faults.files(tmp_path / "undisturbed")


def test_a_cached_file_that_was_cut_is_named_with_its_model(hub, ask, tmp_path):
    assert ask("out")[0] == 0
    (weights,) = (tmp_path / "hf").rglob("snapshots/*/model.safetensors")
    with open(weights, "r+b") as file:
        file.truncate(1000)
    code, said = ask("again")
    assert code == 1
    assert f"The weights of {LLAMA} cannot be read" in said
    assert "a file is damaged" in said
    weights.resolve().unlink()
    weights.unlink()
    assert ask("again")[0] == 0
    assert faults.files(tmp_path / "out") == faults.files(tmp_path / "again")

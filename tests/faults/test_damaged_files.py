"""Kind: a file that was cut, emptied, flipped or swapped with another one's, or is of an older
version: what is stored, listed, trained, converted, executed or given."""

import dataclasses
import json
import os
import re
import shutil
import warnings

import faults
import notebook_cells
import pandas as pd
import pyarrow as pa
import pytest
import tiny
from datasets import Dataset

from xlkb import commands, models, profiles, scoring, tasks
from xlkb.models import pip_models
from xlkb.report import manifest, pages, reference, tables
from xlkb.scoring import results
from xlkb.tasks import recompose
from xlkb.training import finetuning, recipes

TEXTS = [f"{text} {number}" for number in range(2) for text in tiny.TEXT[:3]]


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def emptied(path):
    os.truncate(path, 0)


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x55
    path.write_bytes(data)


DAMAGE = [cut, emptied, flipped]
every = pytest.mark.parametrize("damage", DAMAGE)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, another one of another architecture, questions, and answers to them."""
    folder = tmp_path_factory.mktemp("place")
    notebook_cells.model(folder / "model")
    tiny.network("gpt2").save_pretrained(folder / "other")
    tiny.tokenizer().save_pretrained(folder / "other")
    notebook_cells.own(folder / "q.jsonl", ("en", "fr"), 3)
    assert ask(folder / "model", folder, folder / "out") == 0
    return folder


def ask(model, place, out):
    task = ["--task", f"path:{place}/q.jsonl"]
    return commands.main(["score", f"path:{model}", *task, "--out", str(out)])


def other(path):
    """Swap a file of a model with the other model's."""
    shutil.copy(path.parents[1] / "of-others" / path.name, path)


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("config.json", cut, "{model}/config.json is damaged, it is no JSON"),
        ("config.json", emptied, "{model}/config.json is damaged, it is no JSON"),
        ("config.json", other, ""),
        ("model.safetensors", cut, "The weights of {model}/model.safetensors cannot be read"),
        ("model.safetensors", emptied, "The weights of {model}/model.safetensors cannot be read"),
        ("model.safetensors", other, "tensors are missing, as "),
        ("tokenizer.json", cut, "The tokenizer of {model} cannot be read"),
        ("tokenizer.json", emptied, "The tokenizer of {model} cannot be read"),
        ("tokenizer_config.json", cut, "The tokenizer of {model} cannot be read"),
    ],
)
def test_a_damaged_model_is_named_and_never_answers(place, tmp_path, capfd, file, damage, said):
    model = shutil.copytree(place / "model", tmp_path / "model")
    shutil.copytree(place / "other", tmp_path / "of-others")
    damage(model / file)
    assert ask(model, place, tmp_path / "out") in (1, 2)
    told = capfd.readouterr().err
    assert said.format(model=model) in told
    assert "Traceback" not in told
    assert not list((tmp_path / "out").glob("part-*"))
    shutil.copy(place / "model" / file, model / file)
    assert ask(model, place, tmp_path / "out") == 0
    tables = [each / "out" / "accuracy.csv" for each in (tmp_path, place)]
    assert tables[0].read_bytes() == tables[1].read_bytes()


@every
def test_a_damaged_record_of_answers_or_part_is_named_and_made_again(
    place, tmp_path, capsys, monkeypatch, damage
):
    out = shutil.copytree(place / "out", tmp_path / "out")
    (part,) = out.glob("part-*")
    damage(part)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert ask(place / "model", place, out) == 0
    assert any(f"{part} is damaged" in str(each.message) for each in told)
    assert faults.files(out, ["damaged/"]) == faults.files(place / "out")
    if damage is flipped:  # A flipped letter may be one of a text.
        return
    damage(out / "answers.json")
    for read in (["card", f"rows:{out}"], ["compare", f"rows:{out}", f"rows:{place}/out"]):
        assert commands.main([*read, "--out", str(tmp_path / "read")]) == 2
        assert f"{out}/answers.json is damaged: give the command" in capsys.readouterr().err
    monkeypatch.setattr(models.LanguageModel, "network", property(lambda _: pytest.fail("asked")))
    with pytest.warns(UserWarning, match=f"{out}/answers.json is damaged. It was moved to"):
        assert ask(place / "model", place, out) == 0
    assert faults.files(out, ["damaged/"]) == faults.files(place / "out")


OLDER = {
    "fewer columns": results.SCORES.remove(2),
    "another type": pa.schema([results.SCORES.field(0), ("log_likelihood", pa.string())]),
    "no key": pa.schema([("log_likelihood", pa.float32()), ("n_tokens", pa.int32())]),
}


@pytest.mark.parametrize("older", OLDER)
def test_a_part_of_an_older_version_is_set_aside_and_its_scores_are_computed(
    place, tmp_path, older
):
    model = models.load(f"path:{place}/model")
    asked = recompose.full(tasks.load(f"path:{place}/q.jsonl", n=3), "en")
    expected = scoring.score(model, asked, tmp_path / "undisturbed")
    scoring.score(model, asked, tmp_path / "store")
    folder = results.store_folder(tmp_path / "store", model)
    schema = OLDER[older]
    frame = results.read(folder)[schema.names]
    for part in folder.glob("part-*"):
        part.unlink()
    if older == "another type":
        frame = frame.assign(log_likelihood="low")
    old = results.append(folder, frame, schema)
    with pytest.warns(UserWarning, match=f"{old.name} is damaged .it was written by another"):
        found = scoring.score(model, asked, tmp_path / "store")
    pd.testing.assert_frame_equal(found, expected)
    assert (folder / "damaged" / old.name).exists()


def test_a_part_with_the_scores_of_another_model_is_set_aside_and_they_are_computed(
    place, tmp_path
):
    asked = recompose.full(tasks.load(f"path:{place}/q.jsonl", n=3), "en")
    store, theirs = tmp_path / "store", models.load(f"path:{place}/other")
    ours = models.load(f"path:{place}/model")
    calm = tmp_path / "undisturbed"
    expected = [scoring.score(each, asked, calm) for each in (ours, theirs)]
    scoring.score(theirs, asked, store)
    (part,) = results.store_folder(store, theirs).glob("part-*")
    folder = results.store_folder(store, ours)
    folder.mkdir(parents=True)
    shutil.copy(part, folder)
    with pytest.warns(UserWarning, match=f"{part.name} is damaged .its results are of another"):
        found = scoring.score(ours, asked, store)
    pd.testing.assert_frame_equal(found, expected[0])
    assert (folder / "damaged" / part.name).exists()
    pd.testing.assert_frame_equal(scoring.score(theirs, asked, store), expected[1])


@pytest.mark.parametrize("damage", [cut, emptied, "{}", '{"name": 1}', "swapped"])
def test_a_damaged_description_of_a_model_is_named_in_a_replay(
    place, results_folder, monkeypatch, damage
):
    model, name = models.load(f"path:{place}/model"), f"path:{place}/model"
    for each in (model, models.load(f"path:{place}/other")):
        folder = results.store_folder(results_folder / "demo", each)
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(json.dumps(each.describe()))
    path = results.store_folder(results_folder / "demo", model) / "model.json"
    monkeypatch.setenv("XLKB_REPLAY", "1")
    assert models.load(name).fingerprint == model.fingerprint
    if damage == "swapped":
        shutil.copy(folder / "model.json", path)
    elif callable(damage):
        damage(path)
    else:
        path.write_text(damage)
    with pytest.raises(ValueError, match=f"{path} is damaged; restore it"):
        models.load(name)


@pytest.fixture
def made(tmp_path):
    """A run with one table in its list of artefacts."""
    plain = profiles.load("demo", "02_general_knowledge_barrier", quick=True)
    run = dataclasses.replace(plain, figures=tmp_path / "figures")
    tables.save(pd.DataFrame({"language": ["en"], "n": [4]}), "table02a_first", run)
    return run


@pytest.mark.parametrize("damage", [cut, emptied, "[]", "null", '{"a": 1}', '{"a": {}}'])
def test_a_damaged_list_of_artefacts_is_set_aside_and_made_again(made, damage):
    path = made.figures / "manifest.json"
    damage(path) if callable(damage) else path.write_text(damage)
    with pytest.warns(UserWarning, match=f"{path} is damaged"):
        assert manifest.check(made.figures) == []
    assert list(made.figures.glob("manifest.json.damaged-*"))
    tables.save(pd.DataFrame({"language": ["en"], "n": [4]}), "table02a_first", made)
    assert list(manifest.listing(made.figures)["name"]) == ["table02a_first"]


@pytest.mark.parametrize("damage", [emptied, "a,b\n1\n2,3,4\n"])
def test_a_damaged_table_of_the_reference_is_named(made, tmp_path, monkeypatch, damage):
    folder = tmp_path / "reference"
    path = folder / "table02a_first.csv"
    shutil.copytree(made.figures, folder)
    damage(path) if callable(damage) else path.write_text(damage)
    monkeypatch.setattr(reference, "folder", lambda profile: folder)
    with pytest.raises(ValueError, match=f"{path} is no table"):
        reference.check(made, ["02_general_knowledge_barrier"])


@pytest.mark.parametrize("damage", [cut, emptied, "null", "[]", "{}"])
def test_an_executed_notebook_that_was_cut_is_named_by_the_report(made, tmp_path, damage):
    executed = tmp_path / "notebooks" / "02_general_knowledge_barrier.ipynb"
    executed.parent.mkdir()
    executed.write_text(json.dumps({"cells": [], "metadata": {}, "nbformat": 4}))
    damage(executed) if callable(damage) else executed.write_text(damage)
    with pytest.raises(ValueError, match=f"{executed} is no whole notebook.*--only 02"):
        pages.run(made, executed.parent, tmp_path / "report")
    assert not (tmp_path / "report").exists()


RUN = {"profile": "demo", "quick": True, "model": "", "task": "", "languages": "", "style": ""}


def test_an_executed_notebook_of_another_run_is_named_by_the_report(made, tmp_path):
    executed = tmp_path / "notebooks" / "02_general_knowledge_barrier.ipynb"
    executed.parent.mkdir()

    def write(**given):
        metadata = {"papermill": {"parameters": given}} if given else {}
        empty = {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        executed.write_text(json.dumps(empty))

    def report(**given):
        return pages.run(made, executed.parent, tmp_path / "report", RUN | given)

    for given, other in (
        ({"profile": "study", "quick": True}, "study-quick"),
        ({"profile": "demo", "quick": False}, "demo"),
        ({"profile": "demo", "quick": True, "languages": "en,fr"}, "demo-quick-en-fr"),
        ({"profile": "path:gone.toml"}, "path:gone.toml"),
        ({"profile": "demo", "quick": True, "colour": "red"}, "demo"),
    ):
        write(**given)
        told = re.escape(f"{executed} is of another run, {other}: run it again, with --only 02.")
        with pytest.raises(ValueError, match=told):
            report()
        assert not (tmp_path / "report").exists()
    for given in ({"profile": "demo", "quick": True}, {}):
        write(**given)
        assert report().is_file()
        assert report(style="letters").is_file()  # This notebook has no such parameter.


@pytest.fixture(scope="module")
def trained(place):
    model = models.load(f"path:{place}/model", dtype="float32", device="cpu")
    recipe = recipes.get("full", sequence_length=16, batch_size=2, learning_rate=1e-2)
    return model, recipe, finetuning.train(model, TEXTS, recipe, place / "trained")


@pytest.mark.parametrize("damage", [cut, emptied, "[]", "{}"])
@pytest.mark.parametrize("file", ["run.json", "finished.json"])
def test_a_damaged_record_of_a_training_is_named_and_made_again(
    trained, tmp_path, capsys, monkeypatch, file, damage
):
    model, recipe, whole = trained
    folder = shutil.copytree(whole, tmp_path / "run")
    path = folder / file
    damage(path) if callable(damage) else path.write_text(damage)
    said = f"{path} is damaged. The finished run was moved to {folder}/damaged"
    if file == "run.json":
        said = f"{path} is damaged. It was moved to {folder}/damaged"
        told = f"{path} is damaged: restore it, or give the command that made it again"
        with pytest.raises(ValueError, match=told):
            finetuning.load(model, folder)
        with pytest.raises(ValueError, match=told):
            finetuning.train(model, TEXTS[1:], recipe, folder)
        monkeypatch.setattr(finetuning, "_train", lambda *_: pytest.fail("trained"))
    finetuning.train(model, TEXTS, recipe, folder)
    assert said in capsys.readouterr().err
    assert faults.files(folder, ["damaged/"]) == faults.files(whole)


def test_a_finished_training_of_a_damaged_seal_is_kept_until_it_is_trained_again(
    trained, tmp_path, monkeypatch
):
    model, recipe, whole = trained
    folder = shutil.copytree(whole, tmp_path / "run")
    emptied(folder / "finished.json")
    monkeypatch.setattr(finetuning, "_train", lambda *_: None)
    finetuning.train(model, TEXTS, recipe, folder)
    kept = {path.name: path.read_bytes() for path in (folder / "damaged").iterdir()}
    before = {path.name: path.read_bytes() for path in whole.iterdir()}
    changed = {name for name in before if before[name] != kept.get(name)}
    assert changed == {"run.json", "finished.json"}


def test_a_training_with_the_description_of_another_is_refused(trained, place, tmp_path):
    model, recipe, whole = trained
    other = finetuning.train(model, TEXTS[1:], recipe, tmp_path / "other")
    folder = shutil.copytree(whole, tmp_path / "run")
    shutil.copy(other / "run.json", folder)
    with pytest.raises(ValueError, match=r"is damaged, or not what finished\.json tells"):
        finetuning.load(model, folder)
    shutil.copy(whole / "run.json", folder)
    changed = (folder / "run.json").read_text().replace('"epochs": ', '"epochs": 9')
    (folder / "run.json").write_text(changed)
    with pytest.raises(ValueError, match=r"run\.json is damaged, or not what finished\.json tells"):
        finetuning.load(model, folder)


def test_a_training_whose_record_was_damaged_before_its_end_goes_on(trained, tmp_path, capsys):
    model, recipe, whole = trained
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_text("{")
    finetuning.train(model, TEXTS, recipe, folder)
    assert "is damaged. It was moved" in capsys.readouterr().err
    assert faults.files(folder, ["damaged/"]) == faults.files(whole)


@pytest.mark.parametrize("kind", ["full", "lora"])
def test_trained_weights_that_were_damaged_are_not_taken_for_another_model(
    trained, place, tmp_path, capsys, kind
):
    model, recipe, whole = trained
    if kind == "lora":
        recipe = recipes.get("lora", sequence_length=16, batch_size=2)
        whole = finetuning.train(model, TEXTS, recipe, tmp_path / "whole")
    folder = shutil.copytree(whole, tmp_path / "run")
    name = f"path:{place}/model+{folder}"
    given = ["--task", f"path:{place}/q.jsonl", "--out", str(tmp_path / "out")]
    assert commands.main(["score", name, *given]) == 0
    (weights,) = folder.glob("*.safetensors")
    flipped(weights)
    for command in ("score", "card"):
        capsys.readouterr()
        assert commands.main([command, name, *given[:2], "--out", str(tmp_path / command)]) == 2
        told = f"{weights} is damaged, or not what finished.json tells: restore it, or give the"
        assert told in capsys.readouterr().err
    finetuning.train(model, TEXTS, recipe, folder)
    assert commands.main(["score", name, *given]) == 0


@pytest.mark.parametrize("damage", [cut, emptied, '{"a": 1}', "[]", "5"])
@pytest.mark.parametrize("file", ["state.json", "dataset_info.json", "data-00000-of-00001.arrow"])
def test_a_damaged_folder_of_texts_is_named_with_its_cure(place, tmp_path, capsys, file, damage):
    folder = tmp_path / "mixed"
    Dataset.from_dict({"text": TEXTS}).save_to_disk(folder)
    path = folder / file
    damage(path) if callable(damage) else path.write_text(damage)
    ask = ["finetune", f"path:{place}/model", str(folder), "--folder", str(tmp_path / "run")]
    code = commands.main([*ask, "--sequence-length", "16", "--max-steps", "1"])
    told = capsys.readouterr().err
    if (code, file) == (0, "dataset_info.json"):  # It may say nothing: the texts are whole.
        return
    assert code == 2
    assert f"error: {folder} is a damaged data set" in told
    assert "make it again, as by xlkb mix with --replace." in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("gone", [True, False])
def test_a_part_of_answers_that_is_gone_is_named_and_made_again(place, tmp_path, capsys, gone):
    out = shutil.copytree(place / "out", tmp_path / "out")
    (part,) = out.glob("part-*")
    part.unlink()
    if not gone:
        part.mkdir()
    assert commands.main(["card", f"rows:{out}", "--out", str(tmp_path / "card")]) == 2
    told = f"error: {part} is gone: give the command that made it again"
    assert told in capsys.readouterr().err
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ask(place / "model", place, out) == 0
    assert faults.files(out, ["damaged/"]) == faults.files(place / "out")


@pytest.mark.parametrize("name", ["answers.json", "accuracy.csv"])
def test_a_folder_in_a_files_place_is_named_with_what_to_do(place, tmp_path, capsys, name):
    out = shutil.copytree(place / "out", tmp_path / "out")
    (out / name).unlink()
    (out / name).mkdir()
    assert ask(place / "model", place, out) in (1, 2)
    told = f"error: {out / name} is a folder, and a file is needed there: move it away, and give"
    assert told in capsys.readouterr().err
    (out / name).rmdir()
    assert ask(place / "model", place, out) == 0
    assert faults.files(out, ["damaged/"]) == faults.files(place / "out")


@pytest.mark.parametrize("damage", [emptied, "[]", "{}", '{"files": []}'])
def test_a_checkpoint_whose_seal_is_damaged_is_set_aside(tmp_path, damage):
    from xlkb.training.loop import seals

    for step in (1, 2):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trained.safetensors").write_bytes(b"whole")
        seals.seal(folder)
    seal = tmp_path / "checkpoint-2" / "checkpoint.json"
    damage(seal) if callable(damage) else seal.write_text(damage)
    with pytest.warns(UserWarning, match=f"{seal} is damaged"):
        assert seals.last_checkpoint(tmp_path).name == "checkpoint-1"


def test_a_checkpoint_of_another_run_is_set_aside(tmp_path):
    from xlkb.training.loop import seals

    folders = [tmp_path / name / "checkpoints" for name in ("ours", "theirs")]
    for number, folder in enumerate(folders):
        (folder / f"checkpoint-{1 + number}").mkdir(parents=True)
        run = {"key": f"run {number}", "base": "path:model", "base_fingerprint": "0"}
        (folder.parent / "run.json").write_text(json.dumps(run))
        seals.seal(folder / f"checkpoint-{1 + number}", key=seals.key(folder))
        assert seals.last_checkpoint(folder), "of its own run it is used"
    shutil.copytree(folders[1] / "checkpoint-2", folders[0] / "checkpoint-2")
    with pytest.warns(UserWarning, match="checkpoint-2.* or of another run"):
        assert seals.last_checkpoint(folders[0]).name == "checkpoint-1"


@pytest.mark.parametrize("damage", [*DAMAGE, "gone"])
def test_a_damaged_package_of_weights_is_named_with_the_command_that_repairs_it(
    tmp_path, monkeypatch, damage
):
    package = tmp_path / "site" / "damaged_weights"
    package.mkdir(parents=True)
    for number in range(2):
        (package / f"part{number}").write_bytes(bytes(range(99)))
    given = pip_models.PIP_MODELS["smollm2-135m"]
    parts = tuple(("damaged_weights", f"part{number}") for number in range(2))
    whole = pip_models.hashlib.sha256(bytes(range(99)) * 2).hexdigest()
    tiny_one = dataclasses.replace(given, parts=parts, sha256=whole)
    monkeypatch.setitem(pip_models.PIP_MODELS, "damaged", tiny_one)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("XLKB_CACHE", str(tmp_path / "cache"))
    if damage == "gone":
        (package / "part1").unlink()
        with pytest.raises(ModuleNotFoundError, match="Install them with: pip install"):
            pip_models.ensure("damaged")
        return
    damage(package / "part1")
    with pytest.raises(ValueError, match="Repair it with: pip install --force-reinstall"):
        pip_models.ensure("damaged")
    assert not pip_models.folder("damaged").exists()

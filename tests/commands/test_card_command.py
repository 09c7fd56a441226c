"""xlkb card: a model, an adapter, a file of answers; what is refused; what is written."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import tiny
from stubs import chatted, stubs_started

from xlkb import commands, corpora, models, profiles, training
from xlkb.commands import card
from xlkb.commands.card import subject
from xlkb.exchange import answers
from xlkb.ground import paths

QUESTION = {"id": "q", "subject": "tea", "answer": 0, "question": {}, "options": {}}


def own(folder, codes, n=3, name="own.jsonl"):
    rows = []
    for i in range(n):
        row = QUESTION | {"id": f"q{i}"}
        row["question"] = {code: f"What is it, {code} {i}?" for code in codes}
        row["options"] = {code: [f"{code} {i}{x}" for x in "abcd"] for code in codes}
        rows.append(json.dumps(row))
    (folder / name).write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    return f"path:{folder / name}"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("models") / "small")


def made(folder):
    return json.loads((Path(folder) / "card.json").read_text(encoding="utf-8"))


def refused(capsys, *arguments):
    try:
        code = commands.main(["card", *arguments])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    return capsys.readouterr().err


def test_a_model_on_own_questions_and_the_same_from_a_file(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = own(tmp_path, ["en", "fr", "de", "es", "it"])
    assert commands.main(["card", model, "--task", task, "--out", "one"]) == 0
    said = capsys.readouterr().out
    assert "small answers" in said
    assert len(said.splitlines()) < 25
    found = made("one")
    assert (found["schema"], found["kind"], len(found["cards"])) == (1, "xlkb barrier card", 1)
    (only,) = found["cards"]
    assert (only["n"], only["base"], only["task"]) == (3, "en", "path:own.jsonl")
    assert only["questions"]["n_asked"] == 18
    assert only["questions"]["tokens"] > 0
    assert found["model"]["fingerprint"] == models.load(model).fingerprint
    assert found["tokenizer"]["vocabulary"] == 400
    assert {"card.md", "accuracy.png", "gaps.svg"} <= {p.name for p in Path("one").iterdir()}

    run = profiles.load("demo", task=task)
    told = answers.of_model(models.load(model), answers.questions(run), run.results)
    answers.write(told, Path("told.parquet"))
    assert commands.main(["card", "rows:told.parquet", "--out", "two"]) == 0
    assert made("two")["cards"] == found["cards"]


def test_one_question_in_two_languages_without_english(model, tmp_path, capsys):
    task = own(tmp_path, ["fr", "sw"], n=1)
    assert commands.main(["card", model, "--task", task, "--style", "letters"]) == 0
    out = capsys.readouterr().out
    assert "answers the one question" in out
    (place,) = paths.results().glob("demo/cards/small-*-fr-sw-letters")
    assert made(place)["cards"][0]["base"] == "fr"


def test_numbers_of_the_reference_run_are_those_of_notebook_02(tmp_path, monkeypatch):
    monkeypatch.setenv("XLKB_REPLAY", "1")
    monkeypatch.setenv("XLKB_RESULTS", str(paths.REFERENCE))
    before = {p for p in paths.REFERENCE.rglob("*") if p.is_file()}
    assert commands.main(["card", "pip:gemma-3-270m", "--out", str(tmp_path / "card")]) == 0
    assert {p for p in paths.REFERENCE.rglob("*") if p.is_file()} == before
    (found,) = made(tmp_path / "card")["cards"]
    for name, table in (
        ("barrier", "table02c_barrier"),
        ("mixup", "table02g_mixup"),
        ("transfer", "table02i_transfer"),
        ("rankc", "table02j_rankc"),
        ("option_bias", "table02h_option_bias"),
    ):
        own = pd.read_csv(paths.REFERENCE / "demo" / "tables" / f"{table}.csv")
        shown = pd.DataFrame(found[name])[own.columns].round(4)
        pd.testing.assert_frame_equal(shown, own, check_dtype=False, atol=1e-4, rtol=0)


def test_a_model_that_learned_the_academy_is_asked_about_it(model, tmp_path, capsys):
    run = profiles.load("demo")
    lessons = corpora.lessons(subject.quiz(run, run.languages), "en", "qa", seed=run.seed)
    recipe = training.recipe("full", epochs=1, sequence_length=64, freeze_embedding=False)
    folder = training.train(models.load(model), lessons, recipe, tmp_path / "pupil")
    assert subject.learned(f"{model}+{folder}", run) == "lessons of notebook 03"
    assert subject.learned(f"path:{folder}", run) == "lessons of notebook 03"
    described = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    other = folder.with_name("gemma-academy-en")
    shutil.copytree(folder, other)
    (other / "run.json").write_text(json.dumps(described | {"corpus_fingerprint": "x"}))
    assert subject.learned(f"{model}+{other}", run) == "its folder's name"
    shutil.copytree(other, folder.with_name("else"))
    assert subject.learned(f"{model}+{folder.with_name('else')}", run) == ""
    assert subject.learned(model, run) == ""

    profile = tmp_path / "few.toml"
    text = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8")
    profile.write_text(text.replace("n_items = 420", "n_items = 3"))
    arguments = [model, "--adapter", str(folder), "--profile", f"path:{profile}"]
    assert (
        commands.main(["card", *arguments, "--languages", "fr", "--out", str(tmp_path / "c")]) == 0
    )
    found = made(tmp_path / "c")
    assert [each["task"] for each in found["cards"]] == ["worldfacts", "academy"]
    assert found["learned_academy"] == "lessons of notebook 03"
    assert found["cards"][1]["n"] == run.teaching.n_characters * len(run.teaching.relations)
    assert "*academy:*" in (tmp_path / "c" / "card.md").read_text(encoding="utf-8")


def test_an_endpoint_is_asked_by_letters_and_what_was_not_understood_is_said(tmp_path, capsys):
    def reply(path, body):
        return 200, chatted("perhaps")

    with stubs_started() as stub:
        name = stub(reply).name
        task = own(tmp_path, ["en", "fr"], n=2)
        assert commands.main(["card", name, "--task", task, "--out", str(tmp_path / "c")]) == 0
    found = made(tmp_path / "c")
    assert "100.0 % of the answers were not understood" in capsys.readouterr().out
    assert found["cards"][0]["unread"] == 1
    assert found["usage"]["requests"] > 0
    assert found["usage"]["usd"] is None


def test_what_cannot_be_or_would_be_ignored_is_refused(model, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = own(tmp_path, ["en", "fr"])
    assert "nothing is asked" in refused(capsys, "rows:x.parquet", "--style", "letters")
    assert "there is no such file" in refused(capsys, "rows:x.parquet")
    Path("x.parquet").write_text("no")
    assert "is damaged" in refused(capsys, "rows:x.parquet")
    assert "leave out --adapter" in refused(capsys, f"{model}+a", "--adapter", "b")
    said = refused(capsys, model, "--task", task, "--style", "letters", "--rule", "pmi")
    assert "decided by sum only" in said
    assert "Did you mean" in refused(capsys, model, "--rule", "pm")
    assert "There is no model" in refused(capsys, "gemma")
    assert "There is no task" in refused(capsys, model, "--task", "wordfacts")
    assert "There is no folder" in refused(capsys, model, "--adapter", "nothing")
    Path("file").write_text("")
    assert "a folder is needed" in refused(capsys, model, "--task", task, "--out", "file/card")


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as stop:
        card.parse(["--help"])
    assert stop.value.code == 0
    assert "rows:answers.parquet" in capsys.readouterr().out


def test_the_folders_of_two_requests_differ(model, tmp_path):
    one, two = (own(tmp_path, ["en", "fr"], name=f"{name}.jsonl") for name in "ab")
    requests = [["--task", one], ["--task", two], ["--languages", "fr"], ["--style", "letters"], []]
    places = {card.check([model, *request]).out for request in requests}
    assert len(places) == len(requests)


def test_a_folder_of_score_and_a_single_question_without_intervals(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = own(tmp_path, ["en", "fr"], n=1)
    assert commands.main(["score", model, "--task", task, "--out", "a b"]) == 0
    assert commands.main(["card", "rows:a b"]) == 0
    (folder,) = profiles.load().results.glob("cards/a b-*")
    (found,) = made(folder)["cards"]
    assert found["barrier"][0]["gap_low"] is None
    assert found["rankc"][0]["low"] is None

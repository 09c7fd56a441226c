import json
import types

import pytest
import yaml
from answered import answered, rows
from notebook_cells import model as tiny_model

from xlkb import commands
from xlkb.commands import export
from xlkb.exchange import answers

QUESTION = {
    "id": "q1",
    "subject": "tea",
    "answer": 0,
    "question": {"en": "What is chai?", "fr": "Qu'est-ce que le chai ?"},
    "options": {
        "en": ["tea", "coffee", "milk", "juice"],
        "fr": ["du thé", "du café", "du lait", "du jus"],
    },
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny random model, by name."""
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A user's folder with one question (and a BOM), and with answers of each style."""
    (tmp_path / "q.jsonl").write_text(json.dumps(QUESTION) + "\n", encoding="utf-8-sig")
    answers.write(answered(), tmp_path / "cloze.parquet")
    answers.write(answered(rows(style="letters")), tmp_path / "letters.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return commands.main(["export", *map(str, arguments)])


def test_a_model_is_asked_once_and_exported_twice_with_the_same_bytes(here, model, capsys):
    asked = ("eee", model, "--task", "path:q.jsonl", "--languages", "en,fr", "--out")
    assert run(*asked, "a") == 0
    assert "computed 16" in capsys.readouterr().out.replace("\n", " ")
    assert run(*asked, "b") == 0
    told = capsys.readouterr().out
    assert "computed 0" in told
    assert "Nothing was sent." in told
    assert "hf upload evaleval/EEE_datastore " in told
    first, again = (
        {path.relative_to(here / n): path.read_bytes() for path in (here / n).rglob("*.json*")}
        for n in "ab"
    )
    assert first == again
    assert len(first) == 2
    assert not any(str(here).encode() in data for data in first.values())


def test_stored_answers_are_exported_without_a_model(here, capsys):
    date = "2026-01-31"
    named = ("--model-id", "me/gemma", "--organization", "Our lab", "--relation", "first_party")
    assert run("eee", "rows:cloze.parquet", "--date", date, *named, "--out", "o") == 0
    (path,) = (here / "o" / "data" / "xlkb-worldfacts" / "me" / "gemma").glob("*.json")
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["evaluation_timestamp"] == "2026-01-31T00:00:00Z"
    assert record["retrieved_timestamp"] == "1769817600"
    assert record["source_metadata"]["source_organization_name"] == "Our lab"
    assert record["source_metadata"]["evaluator_relationship"] == "first_party"


def test_own_questions_need_a_data_set_for_the_hub_before_anything_is_asked(here, model, capsys):
    asked = ("hub", model, "--task", "path:q.jsonl", "--out", "page")
    assert run(*asked) == 2
    assert "--dataset ORG/NAME" in capsys.readouterr().err
    with pytest.raises(ValueError, match="--dataset"):
        commands.check(["export", *asked])
    assert not (here / "page").exists()
    assert run(*asked, "--dataset", "me/teas") == 0
    told = capsys.readouterr().out
    assert "hf upload ORG/NAME " in told
    files = sorted((here / "page" / ".eval_results").iterdir())
    tasks = [yaml.safe_load(path.read_text("utf-8"))[0]["dataset"]["task_id"] for path in files]
    assert tasks == ["full_en", "full_fr"]


def test_help_teaches_and_says_that_nothing_is_sent(capsys):
    for arguments in ([], ["eee"], ["hub"]):
        with pytest.raises(SystemExit) as ended:
            run(*arguments, "--help")
        assert ended.value.code == 0
        told = capsys.readouterr().out
        assert "Nothing is sent anywhere" in " ".join(told.split())
        assert "xlkb export eee" in told or "xlkb export hub" in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a kind first; there are: eee, hub, harness."),
        (["ee"], "Did you mean 'eee'?"),
        (["--out", "x"], "name a kind first"),
        (["eee", "pip:gemma-3-270m"], "--out"),
        (["eee", "rows:cloze.parquet", "--task", "mmlu", "--out", "o"], "--task: what was asked"),
        (["eee", "pip:gemma-3-270m", "--rule", "summ", "--out", "o"], "Did you mean 'sum'?"),
        (["eee", "rows:cloze.parquet", "--date", "now", "--out", "o"], "write a date as"),
        (["eee", "rows:cloze.parquet", "--model-id", "gemma", "--out", "o"], "write ORG/NAME"),
        (["eee", "rows:cloze.parquet", "--relation", "mine", "--out", "o"], "first_party"),
        (["hub", "rows:cloze.parquet", "--dataset", "teas", "--out", "o"], "write ORG/NAME"),
        (["hub", "rows:cloze.parquet", "--source", "teas", "--out", "o"], "https://"),
    ],
)
def test_what_is_not_understood_is_refused(here, capsys, arguments, told):
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (here / "o").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eee", "rows:gone.parquet", "--out", "o"], "there is no such file"),
        (["eee", "rows:q.jsonl", "--out", "o"], "damaged, or no Parquet file"),
        (["eee", "rows:cloze.parquet", "--out", "q.jsonl"], "a folder is needed there"),
        (["eee", "rows:letters.parquet", "--rule", "pmi", "--out", "o"], "knows the rule sum"),
        (["eee", "pip:gemma", "--out", "o"], "There is no model 'pip:gemma'"),
        (["eee", "pip:gemma-3-270m", "--task", "worldfact", "--out", "o"], "worldfacts"),
        (["eee", "pip:gemma-3-270m", "--style", "letters", "--rule", "pmi", "--out", "o"], "pmi"),
        (["hub", "rows:cloze.parquet", "--out", "o"], "--dataset ORG/NAME"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(here, capsys, arguments, told):
    assert run(*arguments) == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not (here / "o").exists()


def test_a_kind_is_imported_when_it_is_asked_for(monkeypatch):
    asked = []
    kind = types.SimpleNamespace(
        parse=lambda rest: types.SimpleNamespace(rest=rest),
        uses=lambda options: options.rest,
        check=asked.append,
        main=lambda rest: len(rest),
    )
    monkeypatch.setattr(export, "_module", {"harness": kind}.__getitem__)
    assert commands.main(["export", "harness", "worldfacts", "--out"]) == 2
    assert commands.uses(["export", "harness", "worldfacts"]) == ["worldfacts"]
    commands.check(["export", "harness", "worldfacts"])
    assert asked == [["worldfacts"]]


def test_what_a_model_needs_is_known_before_the_run(here):
    wanted = commands.uses(["export", "hub", "hub:a/b+run", "--task", "belebele", "--out", "o"])
    assert wanted.models == ("hub:a/b",)
    assert {source.name for source in wanted.data} == {"facebook/belebele"}
    assert commands.uses(["export", "eee", "rows:cloze.parquet", "--out", "o"]).models == ()

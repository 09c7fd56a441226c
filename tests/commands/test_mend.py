"""`xlkb mend`: a folder with a trained model and what it brought, on a tiny random model."""

import json

import pytest
from huggingface_hub import ModelCard
from notebook_cells import model as tiny

from xlkb import commands, models, training
from xlkb.commands import mend


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mend")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLKB_RESULTS", str(folder / "results"))
        name = tiny(folder / "model")
        line = ["mend", name, "--quick", "--languages", "en,fr", "--unit", "sentence"]
        line += ["--recipe", "full", "--out", str(folder / "out")]
        assert commands.main(line) == 0
        yield name, folder / "out", line


def test_a_folder_holds_the_model_its_card_and_what_it_brought(made):
    name, out, _ = made
    told = json.loads((out / "mended.json").read_text(encoding="utf-8"))
    (primary,) = told["primary"]
    assert (primary["against"], primary["model"]) == ("English only", "mixed by sentence")
    assert {row["model"] for row in told["costs"]} == {"English only", "mixed by sentence"}
    assert {row["language"] for row in told["perplexity"]} == {"en", "fr"}
    assert training.load(models.load(name), out).adapter == out
    for document in ("mended", "card", "comparison"):
        assert all((out / f"{document}.{ending}").exists() for ending in ("md", "json", "html"))


def test_the_model_card_is_one_that_the_hub_reads(made):
    card = ModelCard.load(made[1] / "README.md")
    assert card.data.language == ["en", "fr"]
    assert card.data.library_name == "peft"
    assert "## Primary comparison" in card.text
    assert "the numbers mean nothing" in card.text
    assert "## Load it" in card.text


def test_the_same_command_again_computes_nothing(made, capsys, monkeypatch):
    monkeypatch.setenv("XLKB_RESULTS", str(made[1].parent / "results"))
    assert commands.main(made[2]) == 0
    said = capsys.readouterr().out
    assert said.count("finished before, reused") == 2
    assert "computed 0 /" in said
    assert not [
        each for each in said.splitlines() if "computed" in each and "computed 0" not in each
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--languages", "en,sw"], "takes two languages"),
        (["--languages", "en"], "takes two languages"),
        (["--unit", "letter"], "letter"),
        (["--documents", "0"], "at least 1"),
        (["--recipe", "lore"], "lora"),
        (["--translator", ""], "empty"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_computed(
    made, options, words, capsys, tmp_path
):
    line = ["mend", made[0], "--quick", *options]
    try:
        code = commands.main([*line, "--out", str(tmp_path / "out")])
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_of_one_language_the_questions_are_asked_in_english_too(made, tmp_path):
    given = mend.check(["mend", made[0], "--languages", "fr", "--out", str(tmp_path / "out")][1:])
    assert given.spoken == ("en", "fr")


def test_a_folder_with_other_files_is_left_alone(made, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert commands.main(["mend", made[0], "--quick", "--out", str(tmp_path)]) == 2
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_small_model_is_trained_in_full(made):
    assert mend.steps.recipe_for(models.load(made[0]), None).method == "full"

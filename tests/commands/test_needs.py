"""A request to the main job is refused before anything is loaded, or can run: as a matrix."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import tiny

from xlkb import commands, models, profiles
from xlkb.commands import line, reproduce, tofu
from xlkb.commands.before import needs, steps, wanted
from xlkb.commands.reproduce import options as reproduce_options
from xlkb.ground import disk, languages, paths
from xlkb.profiles import reading
from xlkb.training import recipes, sizes

NUMBERS = ("01", "02", "03", "04", "05", "06", "07")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def no_model_is_loaded(monkeypatch):
    monkeypatch.setattr(needs, "load", lambda run, numbers, to_fetch=0: [])


@pytest.fixture
def own(tmp_path):
    """A file of one question in some languages."""

    def write(*codes):
        row = {"id": "q", "subject": "tea", "answer": 0, "question": {}, "options": {}}
        for code in codes:
            row["question"][code] = "What is it?"
            row["options"][code] = ["tea", "coffee", "milk", "water"]
        path = tmp_path / f"{'-'.join(codes)}.jsonl"
        path.write_text(json.dumps(row))
        return f"path:{path}"

    return write


def prepared(*arguments):
    """What `prepare` makes of a request: the run, or the refusal's message."""
    try:
        return reproduce.prepare(reproduce.parse(arguments))[0]
    except (ValueError, OSError) as error:
        return str(error)


CODES = [*itertools.combinations(("en", "fr", "sw"), 1), ("sw", "he"), ("fr", "sw"), ("fr", "de")]
CODES += [
    tuple(languages.LANGUAGES)[:5],
    ("ja", "zh", "ko", "hi", "ar", "fr"),
    tuple(languages.LANGUAGES),
]


@pytest.mark.parametrize("codes", CODES, ids="-".join)
@pytest.mark.parametrize("only", [*NUMBERS, ""])
@pytest.mark.parametrize("file", [False, True], ids=["task", "own"])
def test_a_request_can_run_or_is_refused_with_a_cure(codes, only, file, own):
    """What mixes the general corpus needs two of its languages; everything else can run."""
    request = ["--quick", *(["--only", only] if only else [])]
    request += ["--task", own(*codes)] if file else ["--languages", ",".join(codes)]
    taking = needs._taking("task" if file else "languages")
    found = prepared(*request)
    if only and only not in taking:
        assert "would have no effect" in found
        return
    spoken = set(codes) if file else {"en", *codes}
    first = (codes if file else tuple(dict.fromkeys(("en", *codes))))[:5]
    mixable = len(set(first) & set(languages.FIVE)) > 1
    if only in ("", *wanted.MIXING) and not mixable:
        assert "takes two languages" in found
        assert "--only 01,02,03,04" in found if not only else "--languages en,fr,de" in found
    else:
        assert set(found.languages) == spoken
        assert found.base == ("en" if "en" in spoken else codes[0])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "2,02"], "02 is given twice"),
        (["--only", ","], "a value is empty"),
        (["--model", ","], "a value is empty"),
        (["--model", ""], "it is empty"),
        (["--languages", "fr,,de"], "a value is empty"),
        (["--languages", "fr,de,fr"], "fr is given twice"),
        (["--languages", "english"], "Did you mean 'en'"),
        (["--task", " "], "it is empty"),
        (["--model", "pip:gemma-3-270m,pip:gemma-3-270m"], "is given twice"),
        (["--model", "pip:gemma-3-270m,smollm2-135m"], "Did you mean 'pip:smollm2-135m'"),
        (["--dry-run", "--fresh"], "--fresh has no effect"),
        (["--quick", "--fresh"], "fine-tuned models of all runs"),
        (["--dry-run", "--check"], "--check has no effect"),
        (["--dry-run", "--model", "pip:gema-3-270m"], "Did you mean 'pip:gemma-3-270m'"),
        (["--dry-run", "--task", "worldfact"], "Did you mean 'worldfacts'"),
        (["02"], "'02' belongs to no option"),
        (["--task", "arc:nowhere", "--only", "02"], "nowhere"),
        (["--task", "path:nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_few_lines(arguments, said, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, "_run", lambda *_: pytest.fail("it ran"))
    try:
        code = reproduce.main(arguments)
    except SystemExit as stop:
        code = stop.code
    err = capsys.readouterr().err
    assert (code, said in err, "Traceback" in err) == (2, True, False), err
    assert err.count("\n") < 6


def test_fresh_with_replayed_scores_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("XLKB_REPLAY", "1")
    with pytest.raises(SystemExit):
        reproduce.parse(["--fresh"])
    assert "uses nothing else" in capsys.readouterr().err


def test_what_counts_in_some_notebooks_is_said_at_the_start(capsys):
    run = profiles.load("demo", style="letters")
    notebooks = [path for path in reproduce_options.notebooks() if path.name[:2] in ("02", "05")]
    assert needs.effects(notebooks, {"style": "letters"}, run) == [
        "--style counts in notebook 02; in 05 it does not."
    ]
    with pytest.raises(ValueError, match=r"--style would have no effect in 05\. .*--only 02,05"):
        needs.effects(notebooks[1:], {"style": "letters"}, run)


def test_several_models_count_in_every_notebook():
    given = {"model": "pip:gemma-3-270m,pip:smollm2-135m"}
    run = profiles.load("demo", **given)
    for path in reproduce_options.notebooks():
        if path.name.startswith("07"):  # It makes its own.
            assert run.models_of("07") == ()
            continue
        assert needs.effects([path], given, run) == []
        assert run.models_of(path.name[:2]) == tuple(given["model"].split(","))


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "file"))
    assert "a folder is needed" in prepared("--only", "02")
    monkeypatch.setenv("XLKB_DATA", str(tmp_path / "none"))
    monkeypatch.delenv("XLKB_RESULTS")
    assert "XLKB_DATA is" in prepared("--only", "02", "--task", "arc")


# The commands at the end


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tofu --languages en,fr", "need a --translator"),
        ("tofu --nonsense", "not understood"),
        ("reproduce --task worldfact --only 02", "Did you mean 'worldfacts'"),
        ("reproduce --profle demo", "not understood"),
        ("json.tool --nonsense", "not understood"),
        ("models --nonsense", "not understood"),
        ("mix --unit word", "not understood"),
        ("finetune pip:gemma-3-270m nowhere.txt", "nowhere.txt"),
    ],
)
def test_a_command_that_would_be_refused_stops_the_run_at_its_start(command, said, monkeypatch):
    plain = reading._read
    monkeypatch.setattr(reading, "_read", lambda name: plain(name) | {"then": (command,)})
    found = prepared()
    assert said in found
    assert f"xlkb {command}" in found
    assert prepared("--only", "02").then == (command,)


def test_the_commands_of_every_profile_are_understood(monkeypatch):
    """Without the hub: their options are read, and what they name exists."""
    for profile in profiles.names():
        for command in profiles.load(profile).then:
            name, *arguments = command.split()
            if name == "tofu":
                given = tofu.parse(arguments)
                recipes.get(given.recipe, epochs=given.epochs)
                languages.check(given.languages)
            else:
                assert name == "reproduce"
                given = reproduce.parse(arguments)
                assert profiles.load(**reproduce._parameters(given)).models


# Room


def _model(folder):
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}")


def test_the_demo_trains_8_models():
    assert sum(needs.trained(profiles.load("demo"), NUMBERS, "pip:gemma-3-270m").values()) == 8
    demo = profiles.load("demo")
    assert sum(needs.trained(demo, ["02"], "pip:gemma-3-270m").values()) == 0
    assert sum(needs.trained(demo, ["04"], "pip:gemma-3-270m").values()) == 1
    assert sum(needs.trained(demo, NUMBERS, "pip:smollm2-135m").values()) == 0


def test_what_notebook_06_lacks_is_named_before_anything_is_trained(own, tmp_path, monkeypatch):
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path))
    study = profiles.load("study", task=own("en", "fr"))
    with pytest.raises(ValueError, match=r"'validation'.*n_agreement = 0"):
        needs.check(study, ["06"])
    needs.check(study, ["02"])
    rest = replace(study.bridge, arms=("2/3 word",))
    with pytest.raises(ValueError, match="add 'none'"):
        needs.names(replace(study, bridge=rest), [Path("06_evaluation.ipynb")], {})


def test_a_recipe_that_is_not_used_takes_no_room_and_no_package():
    paper, model = profiles.load("paper"), "hub:meta-llama/Meta-Llama-3-8B"
    assert all(needs.trained(paper, NUMBERS, name) for name in paper.text.models)
    assert needs.trained(paper, ["02"], model) == {}
    assert 0 not in needs.trained(profiles.load("study"), ["03"], "pip:gemma-3-270m").values()
    packages = wanted.of_run(paper, {"01": list(paper.closeness.models)}).packages
    assert not [package for what, package in packages if what.startswith("the recipe")]


def test_training_languages_to_agree_is_counted_where_it_is_done():
    study, model = profiles.load("study"), "pip:gemma-3-270m"
    none = replace(study, after=replace(study.after, n_agreement=0))
    counts = [needs.trained(run, ["06"], model) for run in (study, none)]
    assert [count.get(needs.AGREE) for count in counts] == [1, None]
    read, unread = (
        sum(
            step.tokens
            for step in steps.steps(run)
            if (step.notebook, step.what) == ("06", "train")
        )
        for run in (study, none)
    )
    assert read - unread == pytest.approx(22_270, rel=0.1), "as the reference's run counted"


def test_sizes_are_those_that_are_written(tmp_path):
    """The estimate from the headers is the size of what training leaves, to 10 %."""
    from xlkb.training import finetuning

    model = _model(tmp_path / "tiny")
    quick = {"sequence_length": 16, "max_steps": 1, "learning_rate": 1e-2}
    for method, changes in (("full", {}), ("full", {"freeze_embedding": False}), ("lora", {})):
        recipe = recipes.get(method, **quick, **changes)
        folder = finetuning.train(
            model, [tiny.TEXT[0]], recipe, tmp_path / f"{method}{len(changes)}"
        )
        (written,) = folder.glob("*model.safetensors")
        size = written.stat().st_size
        assert sizes.trained_bytes(model, recipe) == pytest.approx(size, rel=0.1)


def test_a_run_that_needs_more_room_than_there_is_is_refused(tmp_path, monkeypatch):
    monkeypatch.undo()
    folder = tmp_path / "big"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    model = f"path:{folder}"
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10, 9, 1e6))
    run = profiles.load("demo", model=model)
    with pytest.raises(OSError, match=r"There is too little room: .* GB are needed, and 0\.0 GB"):
        needs.load(run, NUMBERS)
    assert [m.name for m in needs.load(run, ["02"])] == [model], "nothing is trained"
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10, 9, 1e9))
    assert needs.load(run, NUMBERS)


def test_needs_on_one_disk_are_added_up(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10e9, 0, 7e9))
    disk.room([(tmp_path / "a", 4e9, "one"), (tmp_path / "b" / "c", 2e9, "two")])
    with pytest.raises(OSError, match=r"8\.0 GB are needed, and 7\.0 GB are free \(one: 4\.0 GB"):
        disk.room([(tmp_path / "a", 4e9, "one"), (tmp_path / "b" / "c", 4e9, "two")])


def test_models_that_tables_could_not_tell_apart_are_refused(tmp_path, monkeypatch):
    monkeypatch.undo()
    for place in ("one", "two"):
        (tmp_path / place / "final").mkdir(parents=True)
        _model(tmp_path / place / "final")
    names = ",".join(f"path:{tmp_path}/{place}/final" for place in ("one", "two"))
    with pytest.raises(ValueError, match="both called 'final'"):
        needs.load(profiles.load("demo", model=names), ["02"])


# How a command ends


def test_exit_codes(capsys):
    def raising(error):
        def work():
            raise error

        return line.command(work, "It goes on.")

    assert line.command(lambda: 0, "") == 0
    assert [raising(e) for e in (ValueError("a"), OSError("b"), ImportError("c"))] == [2, 2, 2]
    assert raising(line.Failed("d")) == 1
    assert raising(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "Stopped. It goes on."


@pytest.mark.parametrize("command", [[], *([name] for name in commands.COMMANDS)])
def test_help_is_printed_whatever_the_terminal_can_show(command):
    shown = subprocess.run(
        [sys.executable, "-m", "xlkb", *command, "--help"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "usage:" in shown.stdout


def test_a_chinese_name_is_refused_on_a_terminal_without_chinese(tmp_path):
    shown = subprocess.run(
        [sys.executable, "-m", *["xlkb", "reproduce", "--task", "path:問題.jsonl", "--only", "02"]],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(paths.ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr
    assert "\\u554f\\u984c.jsonl" in shown.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("reproduce --quick", "it is a whole run"),
        ("mix --corpus almanak --unit word --out mixed", "'almanac'"),
        ("mixx", "not understood"),
    ],
)
def test_what_a_run_ends_with_is_looked_at_without_computing(command, said, monkeypatch, capsys):
    plain = reading._read
    monkeypatch.setattr(reading, "_read", lambda name: plain(name) | {"then": (command,)})
    assert said in prepared()
    if "almanak" not in command:  # What a command names is looked at before a run.
        assert reproduce.main(["--dry-run"]) == 2
        assert said in capsys.readouterr().err


def test_a_command_stopped_while_libraries_are_imported_says_so(monkeypatch, capsys):
    def stopped(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "_module", stopped)
    assert commands.main(["mix"]) == 130
    assert capsys.readouterr().err == "\nStopped.\n"


def test_a_model_that_is_not_there_is_named_before_questions_are_fetched(monkeypatch):
    monkeypatch.setattr(tofu.tasks.tofu, "load", None)
    with pytest.raises(FileNotFoundError, match="nosuch"):
        tofu.check(["--model", "path:nosuch"])

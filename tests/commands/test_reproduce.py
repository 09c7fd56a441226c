import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from xlkb import profiles
from xlkb.commands import reproduce
from xlkb.commands.reproduce import options as reproduce_options
from xlkb.commands.reproduce import side_by_side
from xlkb.ground import disk, paths
from xlkb.report import manifest, notebooks, reference, tables
from xlkb.scoring import engines, results

PARAMETERS = 'profile = "demo"\nmodel = ""\ntask = ""\nlanguages = ""\nquick = False'
LOAD = """
import pandas as pd
from xlkb import models, profiles
from xlkb.report import tables
more = {"model": model, "task": task, "languages": languages}
run = profiles.load(profile, notebook="NAME", **more, quick=quick)
"""
SAVE = """
frame = pd.DataFrame({"language": ["en", "fr"], "n": [420, 420], "accuracy": [0.9, 0.6]})
tables.save(frame, "table2_barrier", run, [models.load(name) for name in run.models])
"""


def _notebook(folder, name, *cells, parameters=PARAMETERS):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell("# A story")]
    if parameters:
        tags = {"tags": ["parameters"]}
        notebook.cells.append(nbformat.v4.new_code_cell(parameters, metadata=tags))
    notebook.cells += [nbformat.v4.new_code_cell(cell.replace("NAME", name)) for cell in cells]
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def _printed(path):
    outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """An empty checkout that this process and the kernels take for theirs."""
    root = tmp_path / "checkout"
    for name in ("notebooks", "figures"):
        (root / name).mkdir(parents=True)
    monkeypatch.setenv("XLKB_ROOT", str(root))
    monkeypatch.setenv("XLKB_RESULTS", str(root / "results"))
    monkeypatch.setattr(paths, "ROOT", root)
    monkeypatch.setattr(paths, "NOTEBOOKS", root / "notebooks")
    monkeypatch.setattr(paths, "FIGURES", root / "figures")
    monkeypatch.setattr(paths, "REFERENCE", root / "tests" / "reference")
    return root


@pytest.fixture
def here(checkout, monkeypatch):
    """The checkout; its notebooks run in this process, where all is imported already."""
    monkeypatch.setattr(notebooks, "execute", _execute_here)
    return checkout


def _execute_here(notebook, output, parameters):
    space = {}
    for cell in nbformat.read(notebook, 4).cells:
        if cell.cell_type == "code":
            try:
                exec(cell.source, space)
            except Exception as error:
                raise notebooks.NotebookFailed(str(error)) from None
        if "parameters" in cell.metadata.get("tags", []):
            defined = {*space}
            space |= {name: value for name, value in parameters.items() if name in defined}
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(notebook, output)
    return [name for name, value in parameters.items() if value and name not in defined]


# The command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--profil", "demo"], "Did you mean --profile?"),
        (["--chek"], "Did you mean --check?"),
        (["--profile", "dmeo"], "Did you mean 'demo'?"),
        (["--only", "02,09"], "there is no notebook 09; there are: 02_barrier, 03_domain"),
        (["--check", "--model", "pip:x"], "cannot be combined with --model"),
        (["--update-reference", "--languages", "fr"], "cannot be combined with --languages"),
        (["--update-reference", "--only", "02"], "leave out --only"),
        (["--model", "pip:smolm2-135m"], "Did you mean 'pip:smollm2-135m'?"),
        (["--task", "worldfact"], "Did you mean 'worldfacts'?"),
        (["--languages", "fr,german"], "Did you mean 'de'"),
        (["--task", "path:no_such.jsonl"], "no_such.jsonl"),
        (["--model", "path:no_such_folder"], "no_such_folder"),
        (["--check", "--profile", "paper"], "no committed reference"),
        (["--check", "--style", "paper"], "cannot be combined with --style"),
        (["--style", "leters"], "Did you mean 'letters'?"),
        (["--engine", "rai"], "Did you mean 'ray'?"),
        (["--engine", "ray", "--dry-run"], "--engine has no effect"),
        (["--model", "api:m@http://127.0.0.1:1/v1"], "Add --only 02,04"),
    ],
)
def test_what_does_not_exist_is_reported_before_anything_runs(checkout, capsys, arguments, said):
    for name in ("02_barrier", "03_domain"):
        _notebook(checkout / "notebooks", name, "raise SystemExit('must not run')")
    try:
        code = reproduce.main(arguments)
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    assert code == 2
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert not (checkout / "results").exists()


def test_engines_are_those_that_scoring_has():
    assert set(reproduce_options.ENGINES) == set(engines.ENGINES)


def test_an_engine_of_the_environment_is_checked_and_a_replay_has_none(
    checkout, capsys, monkeypatch
):
    monkeypatch.setenv("XLKB_ENGINE", "rai")
    with pytest.raises(SystemExit):
        reproduce.parse([])
    assert "Did you mean 'ray'?" in capsys.readouterr().err
    monkeypatch.setenv("XLKB_ENGINE", "ray")
    assert reproduce.parse(["--dry-run"]).engine == "ray"
    monkeypatch.setenv("XLKB_REPLAY", "1")
    with pytest.raises(SystemExit):
        reproduce.parse(["--engine", "ray"])
    assert "leave out --engine" in capsys.readouterr().err


def test_without_ray_its_engine_says_what_to_install(checkout, capsys, monkeypatch):
    _notebook(checkout / "notebooks", "07_bottle", "raise SystemExit('must not run')")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: found(name, *more) if name != "ray" else None,
    )
    assert reproduce.main(["--engine", "ray", "--only", "07"]) == 2
    assert "pip install 'ray[data]>=2.60,<3'" in capsys.readouterr().err


def test_notebooks_that_share_a_model_stay_together():
    models = {"01": ["a"], "02": ["b"], "03": ["c"], "04": ["a", "b"], "07": []}
    groups = side_by_side.apart([Path(f"{n}_x.ipynb") for n in models], models)
    assert [[path.name[:2] for path in group] for group in groups] == [
        ["01", "02", "04"],
        ["03"],
        ["07"],
    ]


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit) as stop:
        reproduce.parse(["--help"])
    assert stop.value.code == 0
    assert "examples:" in capsys.readouterr().out


def test_notebook_numbers_may_lack_the_zero(checkout):
    for name in ("02_barrier", "04_remedies"):
        _notebook(checkout / "notebooks", name)
    assert reproduce.parse(["--only", "2, 04"]).only == ["02", "04"]


def test_paths_of_own_questions_do_not_depend_on_the_folder(checkout, monkeypatch, tmp_path):
    question = {"en": "What is chai?"}
    options = {"en": ["tea", "coffee", "milk", "water"]}
    row = {"id": "q", "subject": "tea", "answer": 0, "question": question, "options": options}
    (tmp_path / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    _notebook(checkout / "notebooks", "02_barrier")
    monkeypatch.chdir(tmp_path)
    options = reproduce.parse(["--task", "path:own.jsonl"])
    _, _, parameters = reproduce.prepare(options)
    assert parameters["task"] == f"path:{tmp_path / 'own.jsonl'}"


def test_stored_scores_are_set_aside_and_not_lost(tmp_path):
    folder = tmp_path / "demo"
    assert disk.set_aside(folder) is None
    folder.mkdir()
    (folder / "part").write_text("scores", encoding="utf-8")
    aside = disk.set_aside(folder)
    assert not folder.exists()
    assert (aside / "part").read_text(encoding="utf-8") == "scores"


# Running a notebook


def test_notebook_runs_in_this_interpreter_in_its_own_folder(tmp_path, monkeypatch):
    # A kernel of the same name that the user registered must not be taken.
    decoy = tmp_path / "user" / "kernels" / "python3"
    decoy.mkdir(parents=True)
    spec = {"argv": ["/bin/false"], "display_name": "decoy", "language": "python"}
    (decoy / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "user"))
    cell = "import os, sys\nprint(sys.executable)\nprint(os.getcwd())\nprint(profile, model)"
    notebook = _notebook(tmp_path / "notebooks", "02_barrier", cell)
    before = notebook.read_bytes()
    output = tmp_path / "out" / "02_barrier.ipynb"
    wanted = {"profile": "no", "model": "", "task": ""}
    assert notebooks.execute(notebook, output, wanted) == []
    assert _printed(output).split("\n")[:3] == [sys.executable, str(notebook.parent), "no "]
    assert notebook.read_bytes() == before
    assert os.environ["JUPYTER_PATH"] == str(tmp_path / "user")


def test_only_defined_parameters_are_passed_and_the_others_named(tmp_path):
    cells = ["print(profile, 'task' in globals())"]
    notebook = _notebook(tmp_path, "02_barrier", *cells, parameters='profile: str = "demo"')
    output = tmp_path / "out.ipynb"
    wanted = {"profile": "mine", "model": "", "task": "worldfacts"}
    assert notebooks.execute(notebook, output, wanted) == ["task"]
    assert _printed(output) == "mine False\n"


def test_failure_names_notebook_cell_and_reason(tmp_path):
    cells = ["x = 1", "y = 0\nx / y", "print('never')"]
    notebook = _notebook(tmp_path, "02_barrier", *cells)
    output = tmp_path / "out.ipynb"
    with pytest.raises(notebooks.NotebookFailed) as failure:
        notebooks.execute(notebook, output, {"profile": "mine"})
    said = str(failure.value)
    assert "02_barrier.ipynb failed in cell 4" in said, "counted as in the committed notebook"
    assert "y = 0" in said
    assert "ZeroDivisionError: division by zero" in said
    assert str(output) in said
    assert "never" not in _printed(output)


def test_dead_kernel_is_explained(tmp_path):
    notebook = _notebook(tmp_path, "02_barrier", "x = 1", "import os; os._exit(9)")
    with pytest.raises(notebooks.NotebookFailed, match="memory") as failure:
        notebooks.execute(notebook, tmp_path / "out.ipynb", {"profile": "mine"})
    assert "failed in cell 4" in str(failure.value)
    assert "os._exit(9)" in str(failure.value)


def test_clean_notebook_has_outputs_but_nothing_of_the_run(tmp_path):
    notebook = _notebook(tmp_path, "02_barrier", "print('shown')")
    output, final = tmp_path / "out.ipynb", tmp_path / "final.ipynb"
    notebooks.execute(notebook, output, {"profile": "mine"})
    notebooks.clean(output, final)
    text = final.read_text(encoding="utf-8")
    assert _printed(final) == "shown\n"
    for word in ("papermill", "injected", "shell.execute", sys.version.split()[0], str(tmp_path)):
        assert word not in text
    assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python3"
    assert len(nbformat.read(final, 4).cells) == len(nbformat.read(notebook, 4).cells)


def test_what_a_cell_printed_is_one_output(tmp_path):
    notebook = _notebook(tmp_path, "02_barrier", "print('a', flush=True)\nprint('b')")
    written = nbformat.read(notebook, 4)
    pieces = [nbformat.v4.new_output("stream", text=text) for text in ("a\n", "b\n")]
    written.cells[-1].outputs = pieces
    nbformat.write(written, notebook)
    notebooks.clean(notebook, notebook)
    (output,) = nbformat.read(notebook, 4).cells[-1].outputs
    assert output.text == "a\nb\n"


# The whole job


def test_a_run_makes_and_lists_its_artefacts(checkout, capsys):
    _notebook(checkout / "notebooks", "02_barrier", LOAD, SAVE)
    assert reproduce.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    assert "[1/1] 02_barrier done in" in printed
    assert "table2_barrier" in printed
    assert (checkout / "figures" / "demo-quick" / "table2_barrier.csv").exists()
    assert (checkout / "results" / "demo-quick" / "notebooks" / "02_barrier.ipynb").exists()


def test_a_run_stops_at_the_first_failure(checkout, capsys):
    _notebook(checkout / "notebooks", "02_barrier", "raise RuntimeError('no such weights')")
    _notebook(checkout / "notebooks", "03_domain", LOAD, SAVE)
    assert reproduce.main(["--quick"]) == 1
    printed = capsys.readouterr()
    assert "RuntimeError: no such weights" in printed.err
    assert "03_domain" not in printed.out


def test_a_whole_run_ends_with_the_profiles_commands(here, capfd, monkeypatch):
    plain = profiles.load
    lost = "mix --corpus almanac --documents 1 --unit document --out mixed"
    then = ("models", lost)
    monkeypatch.setattr(profiles, "load", lambda *a, **k: replace(plain(*a, **k), then=then))
    _notebook(here / "notebooks", "02_barrier", LOAD, SAVE)
    assert reproduce.main(["--only", "2"]) == 0
    assert "hub:" not in capfd.readouterr().out
    assert reproduce.main([]) == 1
    said = capfd.readouterr()
    assert "hub:meta-llama/Llama-2-7b-hf" in said.out
    assert f"problem: xlkb {lost} ended with code 2" in said.err


def test_what_a_notebook_no_longer_makes_is_removed_in_a_line(here, capsys):
    first, second = SAVE, SAVE.replace("table2_", "table2b_")
    notebook = _notebook(here / "notebooks", "02_barrier", LOAD, first, second)
    assert reproduce.main([]) == 0
    time.sleep(1.1)  # Artefacts are dated to the second.
    _notebook(notebook.parent, "02_barrier", LOAD, second, "raise RuntimeError('half-way')", first)
    assert reproduce.main([]) == 1
    assert "half-way" in capsys.readouterr().err
    assert (here / "figures" / "table2_barrier.csv").exists(), "it stopped before that"
    _notebook(notebook.parent, "02_barrier", LOAD, second)
    assert reproduce.main([]) == 0
    said = capsys.readouterr().out
    assert "Removed, as 02_barrier no longer makes it: table2_barrier\n" in said
    assert not list((here / "figures").glob("table2_barrier.*"))
    assert list(manifest.listing(here / "figures")["name"]) == ["table2b_barrier"]


def test_a_notebook_that_makes_nothing_and_missing_files_fail_the_run(here, capsys):
    notebook = _notebook(here / "notebooks", "02_barrier", LOAD, SAVE)
    assert reproduce.main([]) == 0
    _notebook(notebook.parent, "02_barrier", LOAD)
    _notebook(notebook.parent, "04_remedies", LOAD)
    capsys.readouterr()
    time.sleep(1.1)  # Artefacts are dated to the second.
    assert reproduce.main([]) == 1
    said = capsys.readouterr().err
    assert "02_barrier recorded no table and no figure" in said
    assert "04_remedies recorded no table and no figure" in said
    assert (here / "figures" / "table2_barrier.csv").exists(), "what it made stays"
    (here / "figures" / "table2_barrier.md").unlink()
    assert reproduce.main(["--only", "04"]) == 1
    said = capsys.readouterr().err
    assert "table2_barrier.md" in said
    assert "02_barrier recorded no" not in said, "it did not run"


def test_a_run_ends_with_its_report(here, capsys):
    _notebook(here / "notebooks", "02_barrier", LOAD + SAVE)
    assert reproduce.main(["--languages", "fr"]) == 0
    report = here / "results/demo-en-fr/report/index.html"
    assert f"Report: {report}\n" in capsys.readouterr().out
    page = report.read_text(encoding="utf-8")
    assert 'id="table2_barrier"' in page
    assert "A story" in page
    assert "The explorer is left out" in page


def test_overrides_keep_away_from_the_profiles_artefacts(here, capsys):
    _notebook(here / "notebooks", "02_barrier", LOAD, SAVE)
    assert reproduce.main(["--languages", "en,sw"]) == 0
    assert (here / "figures" / "demo-en-sw" / "table2_barrier.csv").exists()
    assert not (here / "figures" / "table2_barrier.csv").exists()
    assert (here / "results" / "demo-en-sw" / "notebooks" / "02_barrier.ipynb").exists()


def test_an_option_counts_or_is_refused(here, capsys):
    with_task = 'profile = "demo"\nmodel = ""\ntask = ""\nquick = False'
    load = LOAD.replace(', "languages": languages', "")
    _notebook(here / "notebooks", "02_barrier", load, SAVE, parameters=with_task)
    assert reproduce.main(["--quick", "--languages", "fr"]) == 2
    assert "--languages would have no effect in any notebook" in capsys.readouterr().err
    _notebook(here / "notebooks", "03_domain", LOAD, SAVE)
    assert reproduce.main(["--quick", "--languages", "fr", "--only", "02"]) == 2
    assert "notebook that takes it: --only 02,03" in capsys.readouterr().err
    reproduce.main(["--quick", "--languages", "fr"])
    said = capsys.readouterr().out
    assert "--languages counts in notebook 03; in 02 it does not." in said


def test_a_run_that_is_stopped_says_what_goes_on(checkout, capsys, monkeypatch):
    _notebook(checkout / "notebooks", "02_barrier", LOAD, SAVE)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(notebooks, "execute", stop)
    assert reproduce.main(["--quick"]) == 130
    assert "the same command goes on" in capsys.readouterr().err


# The reference


def _table(**changes):
    columns = {
        "language": ["en", "fr", "None"],
        "n": [420, 420, 420],
        "accuracy": [0.90, 0.60, 0.25],
        "gap_points": [0.0, 30.0, 65.0],
        "p_adjusted": [1.0, 0.03, 0.001],
    }
    return pd.DataFrame(columns | changes)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"accuracy": [0.92, 0.58, 0.25]}, []),
        ({"accuracy": [0.93, 0.60, 0.25]}, [("en", "accuracy")]),
        ({"gap_points": [0.0, 32.0, 62.5]}, [("None", "gap_points")]),
        ({"n": [420, 419, 420]}, [("fr", "n")]),
        ({"p_adjusted": [1.0, 0.5, 0.5]}, []),
        ({"accuracy": [None, 0.60, 0.25]}, [("en", "accuracy")]),
        ({"language": ["en", "de", "None"]}, [("fr", "rows"), ("de", "rows")]),
    ],
)
def test_tolerances(changes, wrong):
    differences = reference.compare(_table(), _table(**changes))
    assert list(zip(differences["row"], differences["column"], strict=True)) == wrong


def test_texts_that_follow_from_numbers_need_not_be_equal():
    known = _table(verdict=["open"] * 3, per_seed=["+1.2, -0.3"] * 3)
    assert reference.compare(known, known.assign(verdict="worse", per_seed="+1.1, -0.3")).empty


def test_small_samples_may_differ_by_two_answers():
    small = _table(n=[12, 12, 12])
    assert reference.compare(small, small.assign(accuracy=[0.75, 0.60, 0.25])).empty
    assert len(reference.compare(small, small.assign(accuracy=[0.60, 0.60, 0.25]))) == 1


def test_a_count_of_answers_may_differ_but_a_count_of_questions_may_not():
    known = pd.DataFrame({"language": ["fr"], "n": [300], "transfer_rate": [0.5]})
    assert reference.compare(known, known.assign(n=310)).empty
    assert len(reference.compare(known, known.assign(n=320))) == 1
    asked = known.rename(columns={"transfer_rate": "accuracy"})
    assert len(reference.compare(asked, asked.assign(n=301))) == 1


def test_a_perplexity_may_differ_by_a_share_of_itself():
    known = pd.DataFrame({"language": ["fr", "de"], "perplexity": [20.0, 200.0]})
    assert reference.compare(known, known.assign(perplexity=[20.3, 203.0])).empty
    assert len(reference.compare(known, known.assign(perplexity=[23.0, 203.0]))) == 1


def test_order_of_rows_does_not_matter_but_columns_do():
    assert reference.compare(_table(), _table().iloc[::-1]).empty
    differences = reference.compare(_table(), _table().drop(columns="n"))
    assert differences["reference"].tolist() == ["n"]


def test_rows_with_the_same_text_are_compared_in_order():
    frame = pd.DataFrame({"model": ["a", "a"], "accuracy": [0.5, 0.9]})
    assert reference.compare(frame, frame).empty
    assert len(reference.compare(frame, frame.iloc[::-1])) == 2


def _stored(folder, name, score, adapter=None):
    frame = pd.DataFrame({"key": [name.encode()[-12:]], "log_likelihood": [score], "n_tokens": [1]})
    results.append(folder, frame)
    disk.write_json(folder / "model.json", {"name": name, "adapter": adapter})


def _learned(folder, *adapters):
    for adapter in adapters:
        disk.write(folder / "runs" / adapter / "loss.csv", b"step,loss\n1,2.0\n")
        disk.write_json(folder / "runs" / adapter / "finished.json", {})


def test_update_then_check_agrees_and_a_changed_table_does_not(checkout, capsys, monkeypatch):
    # A replay needs stored scores of each model, and this notebook scores nothing.
    save = SAVE.replace("[models.load(name) for name in run.models]", "[]")
    show = "import os\nprint('replay:', os.environ.get('XLKB_REPLAY'))"
    notebook = _notebook(checkout / "notebooks", "02_barrier", LOAD, save, show)
    committed = checkout / "tests" / "reference" / "demo"
    _stored(committed / "old", "pip:gemma-3-270m", -2.0)
    for name in ("pip:gemma-3-270m", "pip:another-model"):
        _stored(checkout / "results" / "demo" / name[4:], name, -1.0)
    assert reproduce.main(["--update-reference"]) == 0
    assert {path.name for path in committed.iterdir()} == {"tables", "gemma-3-270m"}
    assert results.read(committed / "gemma-3-270m")["log_likelihood"].tolist() == [-1.0]
    assert _printed(notebook) == "replay: 1\n", "the committed notebook now has its outputs"
    assert "XLKB_REPLAY" not in os.environ
    monkeypatch.setattr(notebooks, "execute", _execute_here)
    assert reproduce.main(["--check"]) == 0
    assert "within its tolerances: 1" in capsys.readouterr().out
    table = committed / "tables" / "table2_barrier.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("0.6", "0.7"), encoding="utf-8")
    assert reproduce.main(["--check"]) == 1
    printed = capsys.readouterr()
    assert "table2_barrier" in printed.out
    assert "differ from the reference" in printed.err


def _run_to_update(checkout):
    """A run of `demo` with one new fine-tuning run, and references of it and of another profile."""
    name, committed = "pip:gemma-3-270m", checkout / "tests" / "reference"
    _stored(committed / "demo" / "tuned", name, -2.0, "stale")
    _stored(committed / "study" / "tuned", name, -2.0, "studied")
    _learned(committed, "stale", "studied", "nobodys")
    _stored(checkout / "results" / "demo" / "tuned", name, -1.0, "new")
    _learned(checkout / "results", "new", "other")
    run = replace(profiles.load("demo"), figures=checkout / "figures")
    return replace(run, results=checkout / "results" / "demo"), committed


def test_an_update_keeps_the_runs_of_other_profiles_and_drops_its_stale_ones(checkout):
    run, committed = _run_to_update(checkout)
    reference.update(run, [])
    assert sorted(path.name for path in (committed / "runs").iterdir()) == ["new", "studied"]
    assert {path.name for path in (committed / "runs" / "new").iterdir()} == {
        "loss.csv",
        "finished.json",
    }
    assert sorted(path.name for path in committed.iterdir()) == ["demo", "runs", "study"]
    assert results.read(committed / "study" / "tuned")["log_likelihood"].tolist() == [-2.0]


@pytest.mark.parametrize("killed_at", range(1, 10))
def test_an_update_that_was_killed_loses_nothing_and_goes_on(checkout, monkeypatch, killed_at):
    run, committed = _run_to_update(checkout)
    calls = iter(range(1, 100))

    def killed(act):
        def act_or_stop(*arguments, **options):
            if next(calls) == killed_at:
                raise KeyboardInterrupt
            return act(*arguments, **options)

        return act_or_stop

    with monkeypatch.context() as patch:
        for place, name in ((Path, "rename"), (shutil, "rmtree"), (disk, "write")):
            patch.setattr(place, name, killed(getattr(place, name)))
        with pytest.raises(KeyboardInterrupt):
            reference.update(run, [])
    # What each model came from is there, wherever the model is.
    for path in committed.rglob("model.json"):
        adapter = json.loads(path.read_text(encoding="utf-8"))["adapter"]
        assert (committed / "runs" / adapter / "finished.json").exists()
    assert (committed / "study" / "tuned" / "model.json").exists()
    there = [committed / "demo", *committed.glob(".update/demo/old")]
    assert any((path / "tuned" / "model.json").exists() for path in there)
    reference.update(run, [])
    assert sorted(path.name for path in committed.iterdir()) == ["demo", "runs", "study"]
    assert sorted(path.name for path in (committed / "runs").iterdir()) == ["new", "studied"]


def test_tables_of_notebooks_that_did_not_run_are_left_out(here, capsys):
    _notebook(here / "notebooks", "02_barrier", LOAD, SAVE)
    committed = here / "tests" / "reference" / "demo" / "tables"
    committed.mkdir(parents=True)
    (committed / "table03a_domain.csv").write_text("n\n1\n", encoding="utf-8")
    assert reproduce.main(["--only", "02", "--check"]) == 1
    said = capsys.readouterr().err
    assert "table2_barrier.csv has no reference" in said
    assert "table03a_domain" not in said


def test_committed_reference_agrees_with_itself():
    for path in sorted(Path(paths.REFERENCE).glob("*/tables/*.csv")):
        frame = tables.read(path)
        assert reference.compare(frame, frame).empty, path


def test_figures_go_where_the_environment_says(tmp_path):
    code = "from xlkb import profiles; print(profiles.load('demo').figures)"
    environment = {**os.environ, "XLKB_FIGURES": str(tmp_path)}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == str(tmp_path)

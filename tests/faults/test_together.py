"""Kind: the same command beside itself, from cold. Each ends as if it were alone, and what takes
long is done once."""

import json
from dataclasses import replace

import faults
import nbformat
import notebook_cells
import pandas as pd
import pytest

from xlkb import profiles
from xlkb.report import manifest, notebooks, tables
from xlkb.scoring import results


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("together")
    notebook_cells.model(folder / "model")
    notebook_cells.own(folder / "q.jsonl", ("en", "fr"), 6)
    (folder / "texts.txt").write_text("One two three.\n\nFour five six.\n" * 9, encoding="utf-8")
    return folder


def together(tmp_path, *arguments, n=3, **more):
    """How `n` of the same command end that start at once."""
    said = [tmp_path / f"said-{i}" for i in range(n)]
    return [each.ends() for each in [faults.start(to, *arguments, **more) for to in said]]


def test_two_comparisons_from_cold_say_the_same_and_store_each_score_once(
    place, tmp_path, results_folder
):
    asked = ["compare", f"path:{place / 'model'}", "--task", f"path:{place / 'q.jsonl'}"]
    asked += ["--style", "cloze,letters"]
    done = together(tmp_path, *asked, "--out", tmp_path / "made", n=2)
    assert [each.code for each in done] == [0, 0], done
    alone = faults.start(tmp_path / "alone", *asked, "--out", tmp_path / "made").ends()
    assert "computed 0 /" in alone.out
    assert {each.out.split("\n\n", 1)[1] for each in done} == {alone.out.split("\n\n", 1)[1]}
    (store,) = {path.parent for path in results_folder.glob("demo/*/part-*.parquet")}
    assert results.read(store)["key"].is_unique


def test_of_three_trainings_one_trains_and_the_others_find_it(place, tmp_path):
    asked = ["finetune", f"path:{place / 'model'}", place / "texts.txt", "--recipe", "full"]
    asked += ["--max-steps", "3", "--sequence-length", "16", "--learning-rate", "0.01"]
    done = together(tmp_path, *asked)
    assert [each.code for each in done] == [0, 0, 0], done
    assert sum("finished before, reused" in each.out for each in done) == 2
    assert len({each.out.splitlines()[-1] for each in done}) == 1


def test_a_second_score_to_the_same_folder_is_told_to_wait(place, tmp_path):
    asked = ["score", f"path:{place / 'model'}", "--task", f"path:{place / 'q.jsonl'}"]
    asked += ["--out", tmp_path / "out"]
    pause = {"pause": "xlkb.scoring.likelihoods:run_row", "seconds": 3}
    first = faults.start(tmp_path / "first", *asked, **pause)
    faults.wait(lambda: faults.reached(tmp_path / "first"), first.process)
    second = faults.start(tmp_path / "second", *asked).ends()
    assert second.code == 1
    assert second.err.endswith("another process is writing there; wait for it.\n")
    assert first.ends().code == 0
    assert faults.start(tmp_path / "second", *asked).ends().code == 0


def listed(folder, number):
    """Save the same table as others, again and again, and one of one's own."""
    run = replace(profiles.load("demo", "02_barrier", quick=True), figures=folder)
    frame = pd.DataFrame({"language": ["fr", "de"], "n": 400, "accuracy": [0.5, 0.25]})
    for i in range(6):
        tables.save(frame, "table00", run, [], "Shared")
        tables.save(frame, f"table{number}{i}", run, [], "Own")


def test_tables_of_three_runs_are_all_listed_and_whole(tmp_path):
    place = tmp_path / "figures"
    started = [faults.Started(tmp_path / str(i), listed, place, i) for i in (1, 2, 3)]
    assert [each.ends() for each in started] == [(0, "", "")] * 3
    own = {f"table{n}{i}" for n in (1, 2, 3) for i in range(6)}
    assert {*manifest.recorded(place)} == {"table00", *own}
    assert manifest.damaged(place) == []
    assert not list(place.glob("*.lock"))


def executed(notebook, output):
    notebooks.execute(notebook, output, {})


def test_a_notebook_that_another_process_executes_is_waited_for(tmp_path):
    log = tmp_path / "log"
    note = "open({!r}, 'a').write({!r})".format
    cells = [note(str(log), "begun "), "import time\ntime.sleep(0.3)", note(str(log), "ended ")]
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(notebook, tmp_path / "02_barrier.ipynb")
    given = (tmp_path / "02_barrier.ipynb", tmp_path / "out" / "02_barrier.ipynb")
    started = [faults.Started(tmp_path / f"said-{i}", executed, *given) for i in range(2)]
    done = [each.ends() for each in started]
    assert [each.code for each in done] == [0, 0], done
    assert log.read_text() == "begun ended " * 2, "both at once"
    told = [each.err for each in done if each.err]
    assert told == ["Another process executes 02_barrier.ipynb: waiting for it.\n"]
    assert nbformat.read(given[1], 4).cells[-1].execution_count == 3


@pytest.mark.rehearsal
def test_three_mends_from_cold_leave_one_whole_folder(place, tmp_path):
    asked = ["mend", f"path:{place / 'model'}", "--quick", "--languages", "en,fr"]
    asked += ["--unit", "sentence", "--recipe", "full", "--out", tmp_path / "out" / "mended"]
    done = together(tmp_path, *asked)
    assert [each.code for each in done] == [0, 0, 0], done
    assert sum(each.out.count("finished before, reused") for each in done) == 4
    told = json.loads((tmp_path / "out" / "mended" / "mended.json").read_text(encoding="utf-8"))
    assert len(told["primary"]) == 1


@pytest.mark.rehearsal
def test_runs_of_two_profiles_and_of_one_twice_make_the_tables_of_one_alone(tmp_path, monkeypatch):
    for name in ("one", "two"):
        notebook_cells.profile(tmp_path, name, models=[notebook_cells.model(tmp_path / "model")])
    made = {}
    for who, names in {"alone": ["one"], "beside": ["one", "one", "two"]}.items():
        monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / who / "results"))
        monkeypatch.setenv("XLKB_FIGURES", str(tmp_path / who / "figures"))
        settings = {"xlkb.ground.paths:FIGURES": tmp_path / who / "figures"}
        runs = [
            faults.start(
                tmp_path / who / f"said-{i}",
                *("reproduce", "--profile", f"path:{tmp_path / name}.toml", "--only", "02"),
                settings=settings,
            )
            for i, name in enumerate(names)
        ]
        done = [each.ends() for each in runs]
        assert [each.code for each in done] == [0] * len(runs), done
        but = ("manifest", ".writing-", "seconds")
        (folder,) = (tmp_path / who / "figures").glob("one-*")
        made[who] = faults.files(folder, but)
        assert manifest.damaged(folder) == []
    assert made["alone"]
    assert made["alone"] == made["beside"]

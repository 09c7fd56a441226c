"""The plan of a run: it says what will be computed, and computes nothing."""

import re

import pytest

from xlkb import models, profiles
from xlkb.commands import reproduce
from xlkb.commands.before import plan

NOTEBOOKS = ["01_a", "02_b", "03_c", "04_d", "05_e", "06_f"]


@pytest.mark.parametrize("profile", profiles.names())
def test_every_notebook_and_model_has_a_step(profile):
    run = profiles.load(profile)
    found = plan.table(run, NOTEBOOKS)
    assert set(found["notebook"]) == {name[:2] for name in NOTEBOOKS}
    assert set(found["model"]) == set(run.models)
    assert (found[["prompts", "tokens"]] > 0).all(axis=None)


def test_the_models_that_notebook_07_makes_are_counted_without_any_of_the_runs(monkeypatch):
    (row,) = plan.table(profiles.load("demo"), ["07_g"]).to_dict("records")
    run = profiles.load("demo").bottle
    grid = len(run.arms) * len(run.orders) * run.n_seeds
    assert (row["model"], row["what"]) == (plan.BOTTLE, "train")
    assert grid < row["prompts"] < grid + 10 * run.n_sweep_seeds
    monkeypatch.setattr(plan, "speed", lambda: (66e9, "cpu", "2 cores"))
    assert plan.duration(profiles.load("demo"), ["07_g"]).split()[1] in ("min", "s")
    assert profiles.load("demo").models_of("07") == ()


def test_only_the_chosen_notebooks_are_counted():
    run = profiles.load("paper")
    assert set(plan.table(run, ["02_b"])["notebook"]) == {"02"}


def test_gpu_hours_are_known_for_the_papers_models():
    found = plan.table(profiles.load("paper"), NOTEBOOKS)
    assert found["gpu_hours"].notna().all()
    assert plan.table(profiles.load("demo"), NOTEBOOKS)["gpu_hours"].isna().all()


def test_money_is_counted_for_api_models_with_a_price(monkeypatch):
    run = profiles.load("demo", model="api:some-model")
    assert plan.table(run, ["02_b"])["usd"].isna().all()
    monkeypatch.setenv("XLKB_API_PRICE", "1,2")
    (row,) = plan.table(run, ["02_b"]).query("what == 'score'").to_dict("records")
    assert row["usd"] == pytest.approx(row["tokens"] + 2 * row["prompts"] / 1e6)
    cloze = profiles.load("demo", model="api:some-model", style="cloze")
    (each,) = plan.table(cloze, ["02_b"]).query("what == 'score'").to_dict("records")
    assert each["usd"] == pytest.approx(4 * row["usd"]), "a request for each choice"


def test_facts_that_are_taught_are_not_planned_for_served_models():
    served, here = (
        plan.table(profiles.load("demo", model=name), ["04_i"]).set_index("what")["prompts"]
        for name in ("api:some-model", "pip:gemma-3-270m")
    )
    assert 2 * served["translate"] == here["translate"]


def test_a_run_says_first_what_it_will_cost(monkeypatch):
    assert "GPU hours" in plan.summary(profiles.load("paper"), NOTEBOOKS)
    run = profiles.load("demo", model="api:some-model")
    assert "USD" not in plan.summary(run, ["02_b"])
    monkeypatch.setenv("XLKB_API_PRICE", "1,2")
    assert re.search(r"[\d,]+ prompts, 0\.\d M tokens, USD 0\.\d\d", plan.summary(run, ["02_b"]))


def test_a_dry_run_loads_no_model(capsys, monkeypatch):
    monkeypatch.setattr(models, "load", None)
    assert reproduce.main(["--profile", "paper", "--dry-run", "--only", "02"]) == 0
    printed = capsys.readouterr().out
    assert "GPU hours" in printed
    assert "hub:" in printed
    assert reproduce.main(["--languages", "xx", "--dry-run"]) == 2


def test_the_time_on_this_machine_is_estimated(monkeypatch):
    demo = profiles.load("demo")
    monkeypatch.setattr(plan, "speed", lambda: (66e9, "cpu", "2 cores, 66 GFLOP/s in float32"))
    # One that is four times as fast takes a quarter of the time.
    assert (
        plan.duration(demo, NOTEBOOKS) == "43 min on this machine (2 cores, 66 GFLOP/s in float32)"
    )
    monkeypatch.setattr(plan, "speed", lambda: (4 * 66e9, "cpu", "2 cores"))
    found = re.fullmatch(r"(\d+) min on this machine \(2 cores\)", plan.duration(demo, NOTEBOOKS))
    assert 11 <= int(found[1]) <= 13
    said = f", {found[0]}: estimates, less what is stored"
    assert said in plan.summary(demo, NOTEBOOKS)
    one = plan.duration(demo, ["02_b"])
    assert one.split()[1] == "min"
    assert int(one.split()[0]) < 31
    monkeypatch.setenv("XLKB_REPLAY", "1")
    assert plan.duration(demo, NOTEBOOKS) == ""


def test_a_model_of_unknown_size_is_named(monkeypatch):
    monkeypatch.setattr(plan, "speed", lambda: (1e12, "cuda", "a GPU"))
    both = profiles.load("demo", model="hub:some/NAME,hub:Qwen/Qwen2.5-0.5B")
    assert plan.duration(both, ["02_b"]).endswith("(a GPU), without hub:some/NAME")
    assert plan.duration(profiles.load("demo", model="api:some-model"), ["02_b"]) == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hub:meta-llama/Llama-2-7b-hf", 6.7),
        ("hub:Qwen/Qwen2.5-0.5B@main", 0.5),
        ("hub:HuggingFaceTB/SmolLM2-135M", 0.135),
        ("hub:org/gpt2", None),
        ("pip:smollm2-135m", 0.106),
        ("api:Qwen2.5-7B@http://here/v1", None),
        ("path:nowhere", None),
    ],
)
def test_sizes_of_models(name, expected):
    assert plan.billions(name) == expected


def test_the_measurement_takes_two_seconds_at_most():
    rate, device, where = plan.speed()
    assert rate > 1e8
    assert device in plan.IN_PRACTICE
    assert "GFLOP/s in " in where

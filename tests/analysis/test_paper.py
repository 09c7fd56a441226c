"""Published numbers: every one has a source and a status, and unknown ones stay away."""

import pandas as pd
import pytest

from xlkb.analysis import paper


def test_every_published_number_has_a_source_and_a_status():
    frame = paper.published()
    assert set(frame["status"]) == {"certain", "second-hand"}
    assert (frame["source"].str.len() > 10).all()
    assert frame["value"].notna().all()
    assert not frame.duplicated(["table", "model", "setting", "metric"]).any()


def test_only_what_the_authors_released_is_called_certain():
    certain = paper.published().query("status == 'certain'")
    assert certain["source"].str.contains("released").all()
    assert set(certain["table"]) == {"comet", "settings"}
    assert certain.query("table == 'comet'")["value"].between(0.7, 1).all()


def test_an_unknown_table_is_answered_with_those_that_exist():
    with pytest.raises(ValueError, match=r"no table 'mmul'; there are: .*mmlu"):
        paper.published("mmul")


def test_the_comparison_leaves_unknown_numbers_blank():
    ours = pd.DataFrame(
        {"model": ["ours"], "n": [10], "accuracy": [0.5], "reference_accuracy": [0.75]}
    ).assign(gap_points=25.0)
    table = paper.beside(ours, "worldfacts").set_index("model")
    assert table.loc["ours", ["english", "mixup", "change"]].tolist() == [75, 50, -25]
    assert table.loc["ours", "status"] == "this run"
    others = table.drop(index="ours")
    assert others["english"].isna().any()
    assert set(others["status"]) == {"second-hand"}


def finetuned(*base_models):
    """A control and an arm of each base model, the first arm at 60 %, the second at 61 % …"""
    rows = [
        (label, model, 10, 0.5 + number / 10 + gain / 100, gain or None)
        for number, label in enumerate(base_models)
        for model, gain in (("control", 0.0), ("mixed", 10.0))
    ]
    columns = ["base_model", "model", "n", "accuracy", "gain_points"]
    return pd.DataFrame(rows, columns=columns)


def test_what_fine_tuning_changed_stands_below_the_papers():
    table = paper.finetuned_beside(finetuned("tiny"), "worldfacts", "control").set_index("model")
    assert table.loc["mixed", ["before", "after", "change"]].tolist() == [50, 60, 10]
    assert "control" not in table.index
    assert set(table.drop(index="mixed")["status"]) == {"second-hand"}


def test_each_base_model_counts_from_its_own_control():
    table = paper.finetuned_beside(finetuned("a", "b"), "worldfacts", "control")
    ours = table.query("status == 'this run'").set_index("base_model")
    assert ours["before"].round(6).to_dict() == {"a": 50, "b": 60}
    assert ours["after"].round(6).to_dict() == {"a": 60, "b": 70}


@pytest.mark.parametrize(
    ("label", "same"),
    [
        ("meta-llama/Meta-Llama-3-8B", True),
        ("meta-llama/Meta-Llama-3-8B@main", True),
        ("Llama3-8B", True),
        ("meta-llama/Llama-3.1-8B", False),
        ("meta-llama/Llama-2-7b-hf", False),
        ("cross-ling-know/llama3-8b-wiki103-en", False),
    ],
)
def test_the_papers_number_goes_to_the_base_model_of_that_name(label, same):
    table = paper.finetuned_beside(finetuned("other", label), "mmlu", "control")
    (theirs,) = table.query("status != 'this run' and model != 'not named'")["base_model"]
    assert theirs == (label if same else "Llama3-8B")


def test_of_no_arms_the_papers_rows_are_left():
    table = paper.finetuned_beside(finetuned("a").iloc[:0], "worldfacts", "control")
    assert table["base_model"].tolist() == ["not named", "not named", "Llama3-8B"]


def test_the_gains_that_the_paper_claims_stand_beside_ours_as_second_hand():
    table = paper.finetuned_beside(finetuned("a"), "worldfacts", "control")
    claimed = table[table["model"] == "not named"]
    assert claimed["change"].tolist() == [12, 28]
    assert set(claimed["status"]) == {"second-hand"}
    assert claimed["before"].isna().all()


def test_settings_stand_beside_ours_and_misnamed_ones_are_refused():
    table = paper.settings_beside("fine-tuning", {"learning rate": 3e-5}).set_index("what")
    assert table.loc["learning rate", ["paper", "ours"]].tolist() == ["2e-05", "3e-05"]
    assert table.loc["epochs", ["paper", "ours"]].tolist() == ["1", ""]
    with pytest.raises(ValueError, match=r"no learning speed; there are: .*learning rate"):
        paper.settings_beside("fine-tuning", {"learning speed": 1})
    for topic in paper.published("settings")["setting"].unique():
        assert len(paper.settings_beside(topic, {}))

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


def test_what_fine_tuning_changed_stands_below_the_papers():
    ours = pd.DataFrame(
        {
            "model": ["control", "mixed"],
            "n": 10,
            "accuracy": [0.5, 0.6],
            "gain_points": [None, 10.0],
        }
    )
    table = paper.finetuned_beside(ours, "worldfacts", "control").set_index("model")
    assert table.loc["mixed", ["before", "after", "change"]].tolist() == [50, 60, 10]
    assert "control" not in table.index
    assert set(table.drop(index="mixed")["status"]) == {"second-hand"}


def test_settings_stand_beside_ours_and_misnamed_ones_are_refused():
    table = paper.settings_beside("fine-tuning", {"learning rate": 3e-5}).set_index("what")
    assert table.loc["learning rate", ["paper", "ours"]].tolist() == ["2e-05", "3e-05"]
    assert table.loc["epochs", ["paper", "ours"]].tolist() == ["1", ""]
    with pytest.raises(ValueError, match=r"no learning speed; there are: .*learning rate"):
        paper.settings_beside("fine-tuning", {"learning speed": 1})
    for topic in paper.published("settings")["setting"].unique():
        assert len(paper.settings_beside(topic, {}))

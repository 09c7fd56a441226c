"""What is compared stays within one model."""

import pandas as pd

from xlkb import analysis


def changes(*models):
    """Cosines of three kinds of change in ten sentences, of each model its own."""
    rows = [
        (model, "d", sentence, kind, 0.4, 1 / (1 + place + sentence * (2 + number)))
        for number, model in enumerate(models)
        for place, kind in enumerate(("mixed", "dropped", "random words"))
        for sentence in range(10)
    ]
    columns = ["base_model", "id", "sentence", "kind", "probability", "cosine"]
    return pd.DataFrame(rows, columns=columns)


def test_each_model_has_the_table_that_it_has_alone_with_its_label_first():
    options = {"reference": ("mixed", 0.4), "seed": 7}
    models = ("b", "a")
    together = analysis.each(changes(*models), "base_model", analysis.against, **options)
    assert together["base_model"].unique().tolist() == list(models)
    assert together.columns[0] == "base_model"
    for model, part in together.groupby("base_model"):
        frame = changes(*models)
        alone = analysis.against(frame[frame["base_model"] == model], **options)
        pd.testing.assert_frame_equal(part.iloc[:, 1:].reset_index(drop=True), alone)


def test_an_option_may_have_the_name_of_an_argument():
    def counted(frame, by):
        return frame.groupby(by, as_index=False).size()

    table = analysis.each(changes("a", "b"), "base_model", counted, by="kind")
    assert table.columns.tolist() == ["base_model", "kind", "size"]
    assert len(table) == 6


def test_of_no_rows_each_makes_the_empty_table_with_the_column():
    none = changes("a").iloc[:0]
    table = analysis.each(none, "base_model", analysis.against, ("mixed", 0.4))
    assert table.empty
    assert table.columns[:2].tolist() == ["base_model", "kind"]

import pandas as pd
import pytest
import yaml
from answered import answered, rows
from huggingface_hub import parse_eval_result_entries
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.exchange import hub_results
from xlkb.tasks import PUBLIC

ABOUT = hub_results.About("2026-01-31T12:00:00Z")
MINE = ABOUT._replace(dataset="me/questions")


def exported(folder, answers, about=ABOUT, rule="sum"):
    """Entries by name of their file, and what was left out."""
    written, left = hub_results.export(answers, folder, about, rule)
    assert all(path.parent == folder / ".eval_results" for path in written)
    entries = {}
    for path in written:
        (entries[path.name],) = parse_eval_result_entries(yaml.safe_load(path.read_text("utf-8")))
    return entries, left


def test_each_language_of_a_public_task_has_an_entry_at_its_commit(tmp_path):
    made = answered(rows(4, ["en", "fr"], "belebele"))
    entries, left = exported(tmp_path, made, ABOUT._replace(pinned=True))
    assert left == []
    english, french = entries.values()
    assert (english.dataset_id, english.dataset_revision) == PUBLIC["belebele"].HUB
    assert (english.task_id, french.task_id) == ("eng_Latn", "fra_Latn")
    assert (english.value, french.value) == (100.0, 50.0)
    assert english.date == ABOUT.when
    assert "4 of 900 questions" in french.notes
    assert "95 % interval 15.0 to 85.0" in french.notes


def test_questions_of_a_copy_have_no_revision(tmp_path):
    (entry,) = exported(tmp_path, answered(rows(4, ["en"], "mmlu")))[0].values()
    assert (entry.dataset_id, entry.task_id) == (PUBLIC["mmlu"].HUB[0], "all")
    assert entry.dataset_revision is None


def test_translations_of_an_unknown_hand_are_left_out(tmp_path):
    entries, left = exported(tmp_path, answered(rows(4, ["en", "fr"], "mmlu")))
    assert len(entries) == 1
    assert "mmlu (fr)" in left[0]
    assert "--dataset ORG/NAME" in left[0]


def test_mixed_questions_of_a_public_task_are_left_out(tmp_path):
    mixed = rows(4, ["en"], "belebele", recomposition="mixup", language="mixed")
    frame = pd.concat([rows(4, ["en"], "belebele"), mixed], ignore_index=True)
    entries, left = exported(tmp_path, answered(frame))
    assert len(entries) == 1
    assert "mixup" in left[0]


def test_own_questions_are_refused_until_a_data_set_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"worldfacts: no data set of the hub.*--dataset ORG/NAME"):
        hub_results.export(answered(), tmp_path, ABOUT)
    with pytest.raises(ValueError, match="--dataset"):
        hub_results.require(["worldfacts"])
    hub_results.require(["worldfacts"], "me/questions")
    assert list(tmp_path.iterdir()) == []
    entries, _ = exported(tmp_path, answered(), MINE._replace(source="https://example.org/run"))
    assert {entry.task_id for entry in entries.values()} == {"full_en", "full_fr"}
    assert {entry.source_url for entry in entries.values()} == {"https://example.org/run"}


def test_ways_of_asking_have_files_of_their_own(tmp_path):
    frames = [
        rows(2, ["en"]),
        rows(2, ["en"], style="letters"),
        rows(2, ["en"], prompt="1/en/Think"),
    ]
    entries, _ = exported(tmp_path, answered(pd.concat(frames, ignore_index=True)), MINE)
    assert len(entries) == 3
    again, _ = exported(tmp_path, answered(rows(2, ["en"])), MINE, "per_byte")
    assert not {*entries} & {*again}


def test_the_same_answers_give_the_same_bytes(tmp_path):
    first, again = (
        [path.read_bytes() for path in hub_results.export(answered(), tmp_path / n, MINE)[0]]
        for n in "ab"
    )
    assert first == again


@settings(max_examples=30)
@given(st.text(st.sampled_from("aé/\\.<>:' \n-"), max_size=9), st.text(max_size=9))
def test_whatever_the_names_files_stay_inside(tmp_path_factory, recomposition, preamble):
    frame = rows(1, ["en"], recomposition=recomposition, prompt=f"1/en/{preamble}")
    folder = tmp_path_factory.mktemp("page")
    (entry,) = exported(folder, answered(frame), MINE)[0].values()
    assert entry.task_id == f"{recomposition}_en"

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
from answered import answered, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.exchange import every_eval_ever as eee
from xlkb.exchange import origins
from xlkb.tasks import PUBLIC

SCHEMAS = Path(__file__).resolve().parents[1] / "data" / "every_eval_ever"
WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
ABOUT = eee.About(WHEN)


def validator(name):
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


AGGREGATE, INSTANCE = validator("eval.schema.json"), validator("instance_level_eval.schema.json")


def exported(folder, answers, about=ABOUT, rule="sum"):
    """Aggregate and samples of answers that were asked in one way, both valid."""
    written = eee.export(answers, folder, about, rule)
    assert all(path.resolve().is_relative_to(folder.resolve()) for path in written)
    record = json.loads(written[0].read_text(encoding="utf-8"))
    AGGREGATE.validate(record)
    text = written[1].read_bytes().decode() if len(written) > 1 else ""
    lines = [json.loads(line) for line in text.split("\n")[:-1]]
    for line in lines:
        INSTANCE.validate(line)
    return record, lines, written


def test_every_language_is_a_result_with_its_interval(tmp_path):
    record, lines, _ = exported(tmp_path, answered())
    english, french = record["evaluation_results"]
    assert [english["evaluation_name"], french["evaluation_name"]] == [
        "worldfacts.full.en",
        "worldfacts.full.fr",
    ]
    assert (english["score_details"]["score"], french["score_details"]["score"]) == (1.0, 0.5)
    found = french["score_details"]["uncertainty"]
    assert found["num_samples"] == 6
    interval = found["confidence_interval"]
    assert 0 < interval["lower"] < 0.5 < interval["upper"] < 1
    assert interval["confidence_level"] == 0.95
    assert len(lines) == 12
    arguments = french["generation_config"]["generation_args"]
    assert arguments["prompt_template"] == "Question: {question}\nAnswer:"


def test_samples_hold_what_was_asked_and_taken(tmp_path):
    record, lines, written = exported(tmp_path, answered())
    line = lines[6]
    assert line["sample_id"] == "worldfacts/capital/X0"
    assert line["input"]["choices"] == [f"fr choice {i}" for i in range(4)]
    assert line["input"]["reference"] == ["fr choice 0"]
    assert line["output"]["raw"] == ["fr choice 1"]
    assert line["evaluation"] == {"score": 0.0, "is_correct": False}
    assert json.loads(line["metadata"]["log_likelihoods"]) == [-2.0, -1.0, -4.0, -5.0]
    results = {each["evaluation_result_id"] for each in record["evaluation_results"]}
    assert {each["evaluation_result_id"] for each in lines} == results
    for result in record["evaluation_results"]:
        of = [x for x in lines if x["evaluation_result_id"] == result["evaluation_result_id"]]
        share = np.mean([x["evaluation"]["is_correct"] for x in of])
        assert share == pytest.approx(result["score_details"]["score"])
    for key in ("evaluation_id", "schema_version"):
        assert {each[key] for each in lines} == {record[key]}
    assert {each["model_id"] for each in lines} == {record["model_info"]["id"]}
    detailed = record["detailed_evaluation_results"]
    assert (tmp_path / detailed["file_path"]) == written[1]
    assert detailed["checksum"] == hashlib.sha256(written[1].read_bytes()).hexdigest()
    assert detailed["total_rows"] == len(lines)


def test_the_same_answers_give_the_same_bytes_and_others_another_file(tmp_path):
    first = [(p.name, p.read_bytes()) for p in exported(tmp_path / "a", answered())[2]]
    again = [(p.name, p.read_bytes()) for p in exported(tmp_path / "b", answered())[2]]
    assert first == again
    moved = rows()
    moved.loc[0, "log_likelihood"] -= 1e-4
    names = {exported(tmp_path / "c", answered(moved))[2][0].name}
    names.add(exported(tmp_path / "c", answered(fingerprint="0" * 64))[2][0].name)
    names.add(exported(tmp_path / "c", answered(), rule="pmi")[2][0].name)
    assert len(names | {first[0][0]}) == 4


def test_a_later_moment_replaces_the_record_of_the_same_answers(tmp_path):
    (before,), (after,) = (
        {path.name for path in exported(tmp_path, answered(), eee.About(when))[2][:1]}
        for when in (WHEN, WHEN.replace(year=2027))
    )
    assert before == after
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_ways_of_asking_are_apart(tmp_path):
    both = pd.concat([rows(), rows(style="letters")], ignore_index=True)
    written = eee.export(answered(both), tmp_path, ABOUT)
    records = [json.loads(path.read_text()) for path in written if path.suffix == ".json"]
    assert len(written) == 4
    styles = [
        record["evaluation_results"][0]["generation_config"]["additional_details"]["style"]
        for record in records
    ]
    assert styles == ["cloze", "letters"]
    assert len({record["evaluation_id"] for record in records}) == 2


def test_an_endpoint_s_unread_answers_are_wrong_and_counted(tmp_path):
    frame = rows(style="letters", unread=0.0)
    silent = frame["item_id"].str.endswith("X1")
    frame.loc[silent, ["log_likelihood", "letter_mass", "unread"]] = [-np.inf, 0.0, 1.0]
    name = "api:gpt-x@https://models.example.org/v1"
    record, lines, _ = exported(tmp_path, answered(frame, name=name, dtype="as served"))
    assert float(record["evaluation_results"][0]["score_details"]["details"]["unread"]) == 1 / 6
    details = record["evaluation_results"][0]["generation_config"]["additional_details"]
    assert details["scoring"].startswith("letter that the endpoint names")
    info = record["model_info"]
    assert (info["id"], info["inference_platform"]) == (
        "models.example.org/gpt-x",
        "models.example.org",
    )
    assert info["additional_details"]["deployment_type"] == "unknown"
    (line, _) = [each for each in lines if each["sample_id"].endswith("X1")]
    assert line["output"]["raw"] == [""]
    assert not line["evaluation"]["is_correct"]
    assert line["metadata"]["predicted"] == "-1"
    assert "log_likelihoods" not in line["metadata"]


def test_rows_without_texts_give_no_samples(tmp_path):
    bare = rows().drop(columns=["context", "question", "option"])
    record, lines, written = exported(tmp_path, answered(bare))
    assert len(written) == 1
    assert lines == []
    assert "detailed_evaluation_results" not in record


def test_one_question_in_one_language_that_is_not_english(tmp_path):
    frame = rows(1, ["sw"], task="path:maswali yangu.jsonl", ids=["q"])
    record, lines, written = exported(tmp_path, answered(frame))
    assert written[0].relative_to(tmp_path).parts[1] == "xlkb-maswali-yangu"
    source = record["evaluation_results"][0]["source_data"]
    assert source["source_type"] == "other"
    assert "private" in source["additional_details"]["origin"]
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("task", "language", "pinned", "repository"),
    [
        ("belebele", "fr", True, PUBLIC["belebele"].HUB[0]),
        ("mmlu", "en", True, PUBLIC["mmlu"].HUB[0]),
        ("mmlu", "fr", True, PUBLIC["mmlu"].MMMLU[0]),
        ("mmlu", "en", False, PUBLIC["mmlu"].HUB[0]),
        ("mmlu", "fr", False, None),
        ("arc", "fr", False, None),
    ],
)
def test_public_questions_name_their_data_set(tmp_path, task, language, pinned, repository):
    about = eee.About(WHEN, pinned=pinned)
    record, _, _ = exported(tmp_path, answered(rows(2, [language], task)), about)
    source = record["evaluation_results"][0]["source_data"]
    assert source.get("hf_repo") == repository
    if repository:
        commit = re.fullmatch("[0-9a-f]{40}", source["additional_details"]["revision"])
        assert bool(commit) == pinned
    else:
        assert source["source_type"] == "other"


def test_an_imported_log_names_its_tool(tmp_path):
    made = answered(name="whatever")
    made = made._replace(made=made.made | {"tool": "lm-evaluation-harness", "version": "0.4.13"})
    record, _, _ = exported(tmp_path, made)
    library = record["eval_library"]
    assert (library["name"], library["version"]) == ("lm-evaluation-harness", "0.4.13")
    assert "inference_engine" not in record["model_info"]


def test_no_answers_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no answers"):
        eee.export(answered(rows().iloc[:0]), tmp_path, ABOUT)


@pytest.mark.parametrize(
    ("described", "id"),
    [
        ({"name": "hub:Qwen/Qwen2.5-0.5B@main"}, "Qwen/Qwen2.5-0.5B"),
        ({"name": "path:/home/somebody/my model"}, "local/my-model"),
        ({"name": "hub:a/b", "adapter": "mixed"}, "local/b+mixed"),
        ({"name": "path:/home/somebody/base", "adapter": "mixed"}, "local/base+mixed"),
        ({"name": "api:a/b@http://127.0.0.1:8080/v1"}, "a/b"),
        ({"name": "", "label": "模型"}, "local/模型"),
        ({}, "local/unnamed"),
    ],
)
def test_a_model_is_named_without_a_place(described, id):
    assert origins.model(described).id == id


NASTY = st.text(st.sampled_from("aé中/\\.<>:\"' \n\0%-_ data"), min_size=1, max_size=12)


@settings(max_examples=60)
@given(name=NASTY, label=NASTY, item=NASTY, file=NASTY)
def test_whatever_the_names_files_stay_inside_and_are_valid(
    tmp_path_factory, name, label, item, file
):
    folder = tmp_path_factory.mktemp("eee")
    frame = rows(1, ["en"], task=f"path:{file}", ids=[item])
    _, lines, written = exported(folder, answered(frame, name=name, label=label))
    for path in written:
        parts = path.relative_to(folder).parts
        assert len(parts) == 5
        assert not any(re.search(r'[<>:"\\|?*\x00-\x1f]|[. ]$', part) for part in parts)
        assert "data" not in parts[1:]
    assert lines[0]["sample_id"] == item


@given(st.text(max_size=300))
def test_a_part_of_a_path_is_one(text):
    found = origins.part(text)
    assert found not in ("", ".", "..")
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]|[. ]$', found)
    assert len(found.encode()) <= origins.BYTES + 1
    assert origins.part(found) == found

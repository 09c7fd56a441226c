"""Public tasks from folders: counted, aligned, and nothing lost to a CSV reader's habits."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from xlkb import paths, tasks
from xlkb.tasks import arc, belebele, hp_quiz, mmlu

DATA = paths.local_data() or Path(__file__).parents[2] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no local data sets in {DATA}: set XLKB_DATA")

QUESTIONS = [
    ["Which is none?", "None", "NA", "null", "nan", "B"],
    ["First of two\nlines, with a comma?", "1", "2", "3", "4", "D"],
]


def write(file, rows):
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)


@pytest.fixture
def folder(tmp_path):
    for split in ("test", "dev"):
        write(tmp_path / split / f"tea_{split}.csv", QUESTIONS)
        write(tmp_path / f"{split}_full_fr" / f"tea_{split}.csv", QUESTIONS)
    return tmp_path


def test_no_row_and_no_text_is_lost(folder):
    found = tasks.load(f"mmlu:{folder}")
    assert tasks.languages_of(found) == ("en", "fr")
    rows = {row["id"]: row for row in found}
    assert rows["tea/test/0"]["options"]["en"] == ["None", "NA", "null", "nan"]
    assert rows["tea/test/0"]["answer"] == 1
    assert rows["tea/test/1"]["question"]["fr"] == "First of two\nlines, with a comma?"
    assert len(tasks.load(f"mmlu:{folder}", split="dev")) == 2


def test_a_translation_with_other_rows_or_keys_is_named(folder):
    file = folder / "test_full_fr" / "tea_test.csv"
    write(file, QUESTIONS[:1])
    with pytest.raises(ValueError, match=r"tea_test.csv has 1 rows; the English file has 2"):
        tasks.load(f"mmlu:{folder}")
    write(file, [QUESTIONS[0], [*QUESTIONS[1][:5], "A"]])
    with pytest.raises(ValueError, match=r"tea_test.csv, row 2: the key is A, but D in English"):
        tasks.load(f"mmlu:{folder}")
    write(file, [QUESTIONS[0], QUESTIONS[1][:4]])
    with pytest.raises(ValueError, match=r"tea_test.csv, row 2: 4 cells"):
        tasks.load(f"mmlu:{folder}")


def test_a_whole_mmlu_must_have_its_published_size(folder):
    for number in range(mmlu.SUBJECTS - 1):
        for split in ("test", "dev"):
            write(folder / split / f"subject{number}_{split}.csv", QUESTIONS)
    with pytest.raises(ValueError, match="114 questions in test; MMLU has 14042"):
        tasks.load(f"mmlu:{folder}")


def test_questions_that_lack_a_language_are_left_out_aloud(folder):
    items = [
        {"id": "tea/dev/1", "instruction": "Deux ?", "answer": "D"}
        | {f"option_{letter}": letter for letter in "abcd"}
    ]
    (folder / "es_dev.json").write_text(json.dumps(items), encoding="utf-8")
    with pytest.warns(UserWarning, match="1 of 2 questions are left out"):
        found = tasks.load(f"mmlu:{folder}", ["en", "es"], "dev")
    assert [row["id"] for row in found] == ["tea/dev/1"]
    with pytest.raises(
        ValueError, match=r"no question in all of en, it. It has en \(2\), fr \(2\)"
    ):
        tasks.load(f"mmlu:{folder}", ["en", "it"])


def test_arc_lines_are_checked(tmp_path):
    line = {"id": "q1", "question": "Hot?", "options": ["a", "b", "c", "d"], "answer": "C"}
    (tmp_path / "en.jsonl").write_text(json.dumps(line) + "\n")
    assert arc.rows(tmp_path)[0]["answer"] == 2
    (tmp_path / "fr.jsonl").write_text(json.dumps(line | {"answer": "A"}) + "\n")
    with pytest.raises(ValueError, match=r"fr.jsonl, line 1 \(q1\): the key is A, but C in"):
        arc.rows(tmp_path)
    (tmp_path / "fr.jsonl").write_text(json.dumps(line | {"options": ["a"]}) + "\n")
    with pytest.raises(ValueError, match=r"fr.jsonl, line 1: there should be"):
        arc.rows(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"en\.jsonl"):
        arc.rows(tmp_path / "nowhere")


def mmmlu(folder, rows):
    with (folder / "mmlu_IT-IT.csv").open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows([["", "Question", *"ABCD", "Answer", "Subject"], *rows])


def test_human_translations_are_found_by_subject_and_row(folder):
    mmmlu(folder, [[1, "Due?", *"wxyz", "D", "tea"], [0, "Quale?", *"abcd", "C", "tea"]])
    with pytest.warns(UserWarning, match=r"mmlu_IT-IT.csv: 1 questions have another key"):
        rows = {row["id"]: row for row in mmlu.rows(folder)}
    assert rows["tea/test/1"]["question"]["it"] == "Due?"
    assert "it" not in rows["tea/test/0"]["question"]
    mmmlu(folder, [[7, "Due?", *"wxyz", "D", "tea"]])
    with pytest.raises(ValueError, match=r"mmlu_IT-IT.csv, row 2: there is no such English"):
        mmlu.rows(folder)


def test_only_the_languages_asked_for_are_read(folder):
    (folder / "test_full_fr" / "tea_test.csv").write_text("nonsense")
    assert len(mmlu.rows(folder, ["de"])) == 4
    with pytest.raises(ValueError, match="row 1: 1 cells"):
        mmlu.rows(folder, ["fr"])


def test_the_released_mixup_keeps_its_first_rows(tmp_path, monkeypatch):
    monkeypatch.setattr(mmlu, "TEST_QUESTIONS", 2)
    write(tmp_path / "data" / "test" / "tea_test.csv", QUESTIONS)
    found = mmlu.released_mixup(tmp_path)
    assert found["question"][:] == [row[0] for row in QUESTIONS]
    assert found[0]["options"] == ["None", "NA", "null", "nan"]
    assert set(found["recomposition"]) == {"mixup"}
    monkeypatch.delenv("XLKB_DATA", raising=False)
    plain = mmlu.released_mixup
    monkeypatch.setattr(mmlu, "released_mixup", lambda *_: plain(tmp_path))
    assert tasks.released_mixup(f"mmlu:{tmp_path}", found) is None
    turned = found.select([1, 0])
    assert tasks.released_mixup("mmlu", turned)["question"][:] == turned["question"][:]
    with pytest.raises(ValueError, match=r"'tea/test/1' has another key there"):
        tasks.released_mixup("mmlu", turned.map(lambda row: {"answer": 0}))
    monkeypatch.setattr(mmlu, "TEST_QUESTIONS", 3)
    with pytest.raises(ValueError, match="2 questions in test; MMLU has 3"):
        mmlu.released_mixup(tmp_path)


def quiz(tmp_path, language, rows):
    table = pd.DataFrame(rows, columns=hp_quiz.COLUMNS)
    table.to_parquet(tmp_path / f"{language}-00000-of-00001-abc.parquet")
    table.to_csv(tmp_path / f"{language}.csv", index=False)


def test_the_quiz_is_counted_and_aligned(tmp_path, monkeypatch):
    monkeypatch.setattr(hp_quiz, "QUESTIONS", 2)
    rows = [["Who?", "None", "NA", "b", "c", "B"], ["What?", "a", "b", "c", "d", "D"]]
    quiz(tmp_path, "English", rows)
    quiz(tmp_path, "French", [["Qui ?", *rows[0][1:]], ["Quoi ?", *rows[1][1:]]])
    found = tasks.load(f"hp_quiz:{tmp_path}", ["en", "fr"])
    assert sorted(found["answer"]) == [1, 3]
    assert {"fr": "Qui ?", "en": "Who?"} in found["question"][:]
    for file in tmp_path.glob("*.parquet"):
        file.unlink()
    assert tasks.load(f"hp_quiz:{tmp_path}", ["en", "fr"]).to_list() == found.to_list()
    quiz(tmp_path, "French", [["Qui ?", *rows[0][1:]], ["Quoi ?", *rows[1][1:5], "A"]])
    with pytest.raises(ValueError, match=r"row 2: the key is A, but D in English"):
        tasks.load(f"hp_quiz:{tmp_path}", ["fr"])
    quiz(tmp_path, "English", rows[:1])
    with pytest.raises(ValueError, match="1 questions; the quiz has 2"):
        tasks.load(f"hp_quiz:{tmp_path}")
    with pytest.raises(FileNotFoundError, match="no English questions"):
        tasks.load(f"hp_quiz:{tmp_path / 'nowhere'}")


def test_belebele_has_the_passage_before_the_question(tmp_path, monkeypatch):
    monkeypatch.setattr(belebele, "QUESTIONS", 1)
    item = {"link": "l", "question_number": 1, "flores_passage": "Tea.", "question": "Hot?"}
    item |= {f"mc_answer{n}": str(n) for n in range(1, 5)} | {"correct_answer_num": "3"}
    (tmp_path / "eng_Latn.jsonl").write_text(json.dumps(item) + "\n")
    (tmp_path / "fra_Latn.jsonl").write_text(json.dumps(item | {"question": "Chaud ?"}) + "\n")
    (row,) = tasks.load(f"belebele:{tmp_path}", ["en", "fr"])
    assert row["question"] == {"en": "Tea.\n\nHot?", "fr": "Tea.\n\nChaud ?"}
    assert row["answer"] == 2
    (tmp_path / "fra_Latn.jsonl").write_text(json.dumps(item | {"correct_answer_num": 1}) + "\n")
    with pytest.raises(ValueError, match=r"fra_Latn.jsonl, line 1 \(l/1\): the key is A"):
        tasks.load(f"belebele:{tmp_path}", ["fr"])


@real
def test_mmlu_of_the_papers_layout_loads():
    place = f"mmlu:{DATA / 'mmlu'}"
    english = tasks.load(place, ["en"])
    both = tasks.load(place, ["en", "it"])
    assert len(english) == len(both)
    assert len(set(both["subject"])) == 8
    with pytest.warns(UserWarning, match="left out"):
        dev = tasks.load(place, ["en", "fr", "de", "es", "it"], "dev")
    assert len(set(dev["subject"])) >= 50


@real
def test_arc_loads_in_eleven_languages():
    place = f"arc:{DATA / 'arc'}"
    assert len(tasks.load(place, ["en", "fr", "de", "es", "it"])) == 500
    with pytest.warns(UserWarning, match="left out"):
        assert len(tasks.load(place, ["en", "ru", "zh", "ar", "vi", "nl", "pt"])) >= 490

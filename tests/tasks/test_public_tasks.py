"""Public tasks from folders: counted, aligned, and nothing lost to a CSV reader's habits."""

import csv
import json
from hashlib import sha256
from unicodedata import normalize

import pandas as pd
import pytest

from xlkb import tasks
from xlkb.ground import paths
from xlkb.tasks import Asking, recompose, shots
from xlkb.tasks.public import arc, belebele, hp_quiz, mmlu

DATA = paths.local_data() or paths.ROOT.parent / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason=f"no local data sets in {DATA}: set XLKB_DATA")

ORDERS = {"worldfacts": "71c30a79cf88", "academy": "7d77ae2e8eee"}
"""Of the ids of the split "dev": stored scores are found by the prompts that they stand in."""

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


def okapi(folder, code, numbers, subject="tea"):
    items = [
        {"id": f"{subject}/dev/{number}", "instruction": f"{code} {number}", "answer": "B"}
        | {f"option_{letter}": f"{code} {letter}" for letter in "abcd"}
        for number in numbers
    ]
    (folder / f"{code}_dev.json").write_text(json.dumps(items), encoding="utf-8")


@pytest.fixture
def few_shot(tmp_path):
    """Five demonstrations in each of two subjects, four of tea in French and two in Spanish."""
    for subject in ("tea", "rice"):
        rows = [[f"{subject} {number}", *"wxyz", "B"] for number in range(5)]
        write(tmp_path / "test" / f"{subject}_test.csv", rows)
        write(tmp_path / "dev" / f"{subject}_dev.csv", rows)
    okapi(tmp_path, "fr", [0, 1, 3, 4])
    okapi(tmp_path, "es", [4, 3])
    return f"mmlu:{tmp_path}"


def test_demonstrations_keep_the_order_of_the_file_and_need_no_translation(few_shot):
    dev = tasks.demonstrations(few_shot, ["en", "fr", "es"])
    assert dev["id"][:] == [f"{s}/dev/{n}" for s in ("rice", "tea") for n in range(5)]
    assert tasks.languages_of(dev) == ("en", "fr", "es")
    by_id = {row["id"]: row for row in dev}
    assert by_id["tea/dev/2"]["question"] == {"en": "tea 2", "fr": None, "es": None}
    assert by_id["tea/dev/3"]["question"]["es"] == "es 3"
    asked = recompose.full(tasks.load(few_shot, ["en"]), "en").to_list()
    for item, shown in zip(asked, shots.shown(asked, Asking(n_shots=5), dev), strict=True):
        assert [row["id"] for row in shown] == [f"{item['subject']}/dev/{n}" for n in range(5)]
    assert tasks.languages_of(tasks.demonstrations(few_shot, ["fr"])) == ("en", "fr")


def test_whatever_the_seed_the_split_dev_is_as_in_the_file(few_shot):
    for seed in range(3):
        found = tasks.load(few_shot, ["en"], "dev", seed=seed)["id"][:]
        assert found == [f"{s}/dev/{n}" for s in ("rice", "tea") for n in range(5)]
        some = tasks.load(few_shot, ["en"], "dev", n=3, seed=seed)["id"][:]
        assert some == ["rice/dev/0", "rice/dev/1", "tea/dev/0"]
    with pytest.warns(UserWarning, match="8 of 10 questions are left out"):
        found = tasks.load(few_shot, ["en", "fr", "es"], "dev")["id"][:]
    assert found == ["tea/dev/3", "tea/dev/4"]


def test_a_task_without_demonstrations_has_none(tmp_path):
    line = {"id": "q1", "question": "Hot?", "options": ["a", "b", "c", "d"], "answer": "C"}
    (tmp_path / "en.jsonl").write_text(json.dumps(line) + "\n")
    assert tasks.demonstrations(f"arc:{tmp_path}", ["en"]) is None


@pytest.mark.parametrize("name", sorted(tasks.OWN))
def test_the_package_s_own_demonstrations_keep_the_order_that_they_were_scored_in(name):
    found = tasks.demonstrations(name, ["en", "fr", "de", "es", "it"])
    assert found.to_list() == tasks.load(name, ["en", "fr", "de", "es", "it"], "dev").to_list()
    digest = sha256("\n".join(found["id"]).encode()).hexdigest()[:12]
    assert digest == ORDERS[name]


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


PLAIN = [["Hot?", "tea", "ice", "snow", "hail", "A"], ["Cold; or not?", *"wxyz", "D"]]
HEADER = ["question", *"ABCD", "answer"]


def as_saved(rows, cut=",", end="\r\n", encoding="utf-8", header=False):
    lines = [HEADER, *rows] if header else rows
    return end.join(cut.join(f'"{cell}"' for cell in row) for row in [*lines, []]).encode(encoding)


@pytest.mark.parametrize(
    "saved",
    [
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"cut": ";"},
        {"cut": ";", "encoding": "utf-8-sig", "header": True},
        {"cut": "\t", "encoding": "utf-16"},
        {"header": True},
        {"end": "\n"},
        {"end": "\r\n\r\n"},
        {"end": ",,,\r\n,,,,,,,,\r\n"},
    ],
    ids=str,
)
def test_mmlu_is_read_however_a_spreadsheet_saved_it(tmp_path, saved):
    for place in ("test", "dev", "test_full_fr", "dev_full_fr"):
        (tmp_path / place).mkdir()
        file = tmp_path / place / f"tea_{place[:4].strip('_')}.csv"
        file.write_bytes(as_saved(PLAIN, **saved))
    rows = {row["id"]: row for row in tasks.load(f"mmlu:{tmp_path}", ["en", "fr"])}
    assert [rows[f"tea/test/{n}"]["question"]["fr"] for n in (0, 1)] == ["Hot?", "Cold; or not?"]
    assert [rows[f"tea/test/{n}"]["answer"] for n in (0, 1)] == [0, 3]
    assert rows["tea/test/0"]["options"]["en"] == ["tea", "ice", "snow", "hail"]


def test_files_that_are_hidden_or_spelt_otherwise_are_no_problem_in_mmlu(folder):
    for place in ("test", "dev", "test_full_fr"):
        (folder / place / "._tea_test.csv").write_bytes(b"\0\5\26\7Mac OS X")
        (folder / place / ".DS_Store").write_bytes(b"\0")
    (folder / "test").rename(folder / "Test")
    write(folder / "Test" / normalize("NFC", "thé_test.CSV"), PLAIN)
    write(folder / "test_full_fr" / normalize("NFD", "thé_test.csv"), PLAIN)
    found = tasks.load(f"mmlu:{folder}", ["en", "fr"])
    assert sorted(set(found["id"])) == ["tea/test/0", "tea/test/1", "thé/test/0", "thé/test/1"]


KEYS = ["AB", "BCD", "b", "Ｂ", "В", "B.", "5", "1", "E"]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_one_of_a_to_d_and_nothing_else_in_every_layout(folder, tmp_path, key):
    write(folder / "test" / "tea_test.csv", [QUESTIONS[0], [*QUESTIONS[1][:5], key]])
    with pytest.raises(ValueError, match=r"tea_test.csv, row 2: the key is .*write"):
        mmlu.rows(folder)
    write(folder / "test" / "tea_test.csv", QUESTIONS)
    mmmlu(folder, [[1, "Due?", *"wxyz", key, "tea"]])
    with pytest.raises(ValueError, match=r"mmlu_IT-IT.csv, row 2: the key is .*write"):
        mmlu.rows(folder)
    (folder / "mmlu_IT-IT.csv").unlink()
    item = {"id": "tea/dev/1", "instruction": "Deux ?", "answer": key}
    item |= {f"option_{letter}": letter for letter in "abcd"}
    (folder / "es_dev.json").write_text(json.dumps([item]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"es_dev.json, entry 1 .*: the key is .*write"):
        mmlu.rows(folder)
    line = {"id": "q1", "question": "Hot?", "options": ["a", "b", "c", "d"], "answer": key}
    (tmp_path / "en.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(ValueError, match=r"en.jsonl, line 1: the key is .*write"):
        arc.rows(tmp_path)


def test_ten_problems_of_several_files_are_named_at_once(folder):
    bad = [["Hot?", *"abcd", "AB"], ["Hot?", "a"], ["", *"abcd", "A"]]
    for subject in ("one", "two", "six", "ten"):
        write(folder / "test" / f"{subject}_test.csv", bad)
    with pytest.raises(ValueError, match=r"one_test.csv, row 1: the key is .AB.") as refused:
        mmlu.rows(folder)
    message = str(refused.value)
    assert message.count("_test.csv, row ") == 10
    assert "row 2: 2 cells" in message
    assert "row 3: an empty question or choice" in message
    assert message.endswith("and more.")


def test_released_bytes_are_kept_and_equal_options_are_no_reason_to_refuse_public_data(folder):
    odd = [[" Hot\u200b ?", "e\u0301 ", "tea", "tea\u200b", "tea", " B "], QUESTIONS[1]]
    write(folder / "test" / "tea_test.csv", odd)
    row = mmlu.rows(folder, ["en"])[0]
    assert (row["question"]["en"], row["options"]["en"], row["answer"]) == (
        odd[0][0],
        odd[0][1:5],
        1,
    )
    mmmlu(folder, [[0, " Due\u200b ?", "e\u0301 ", *"xyz", "B", "tea"]])
    row = mmlu.rows(folder, ["it"])[0]
    assert (row["question"]["it"], row["options"]["it"]) == ("Due ?", ["é", *"xyz"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"question": None}, "'question' is null, not a text: put it in quotes"),
        ({"question": 7}, "'question' is 7, not a text"),
        ({"options": None}, "there should be a question and four choices"),
        ({"options": ["a", "b", 3, "d"]}, "there should be a question and four choices"),
        ({"options": ["a", "b", "\u200b", "d"]}, "there should be a question and four choices"),
        ({"id": None}, "'id' is null"),
        ({"answer": None}, "the key is null: write one of A, B, C, D"),
        ({"answer": 1}, "the key is 1: write one of"),
        ({"id": "q1"}, r"this question is there twice"),
        ([1], "not a JSON object"),
    ],
)
def test_a_line_of_arc_that_is_not_as_it_should_be_is_named(tmp_path, change, said):
    line = {"id": "q1", "question": "Hot?", "options": ["a", "b", "c", "d"], "answer": "C"}
    bad = {**line, "id": "q2", **change} if isinstance(change, dict) else change
    (tmp_path / "en.jsonl").write_text(f"{json.dumps(line)}\n\n{json.dumps(bad)}\nnonsense\n")
    with pytest.raises(ValueError, match=rf"en.jsonl, line 3.*{said}(.*\n)*.*line 4: not JSON"):
        arc.rows(tmp_path)
    lacking = {key: value for key, value in line.items() if key != "question"}
    (tmp_path / "en.jsonl").write_text(json.dumps(lacking))
    with pytest.raises(ValueError, match=r"line 1: 'question' is missing: add it"):
        arc.rows(tmp_path)
    (tmp_path / "en.jsonl").write_text("\n\ufeff\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no question"):
        arc.rows(tmp_path)


def test_arc_is_cleaned_and_its_files_are_found_however_they_are_spelt(tmp_path):
    line = {"id": "café", "question": " Hot\u200b?", "options": [" a", "b", "c", "e\u0301"]}
    line["answer"] = "C"
    other = {**line, "id": normalize("NFD", "café")}
    (tmp_path / "EN.JSONL").write_text(json.dumps([line], indent=1), encoding="utf-16")
    (tmp_path / "fr.jsonl").write_text(json.dumps(other) + "\r\n", encoding="utf-8-sig")
    (tmp_path / "._fr.jsonl").write_bytes(b"\0")
    (row,) = arc.rows(tmp_path)
    assert row["question"] == {"en": "Hot?", "fr": "Hot?"}
    assert row["options"]["fr"] == ["a", "b", "c", "é"]


def test_the_quiz_is_read_however_a_spreadsheet_saved_it(tmp_path, monkeypatch):
    monkeypatch.setattr(hp_quiz, "QUESTIONS", 2)
    header = ["", *hp_quiz.COLUMNS]
    rows = [["0", "Who?", "None", "NA", "b", "c", "B"], ["1", "What; now?", *"abcd", "D"]]
    (tmp_path / "Quiz").mkdir()
    (tmp_path / "Quiz" / "english.csv").write_bytes(
        as_saved([header, *rows], cut=";", encoding="utf-8-sig")
    )
    (tmp_path / "Quiz" / "._English.csv").write_bytes(b"\0")
    assert sorted(tasks.load(f"hp_quiz:{tmp_path}", ["en"])["answer"]) == [1, 3]
    items = [dict(zip(header[1:], row[1:], strict=True)) for row in rows]
    items[0]["A"] = 1997
    (tmp_path / "French.jsonl").write_text("\n".join(map(json.dumps, items)))
    found = tasks.load(f"hp_quiz:{tmp_path}", ["en", "fr"]).to_list()
    assert {"None", "1997"} <= {row["options"][code][0] for row in found for code in ("en", "fr")}
    items[1]["GT"] = "d"
    (tmp_path / "French.jsonl").write_text("\n".join(map(json.dumps, items)))
    with pytest.raises(ValueError, match=r"French.jsonl, line 2: the key is \"d\": write D"):
        tasks.load(f"hp_quiz:{tmp_path}", ["fr"])
    (tmp_path / "French.jsonl").unlink()
    (tmp_path / "French.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(ValueError, match=r"French.parquet is no parquet with the columns question"):
        tasks.load(f"hp_quiz:{tmp_path}", ["fr"])


def test_belebele_names_what_is_wrong_with_its_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(belebele, "QUESTIONS", 3)
    item = {"link": "l", "question_number": 1, "flores_passage": "Tea.", "question": " Hot? "}
    item |= {f"mc_answer{n}": str(n) for n in range(1, 5)} | {"correct_answer_num": "3"}
    bad = [{**item, "correct_answer_num": "34"}, {**item, "mc_answer2": None}, item | {"link": 7}]
    file = tmp_path / "eng_latn.JSONL"
    file.write_text("\n".join(map(json.dumps, bad)), encoding="utf-8-sig")
    with pytest.raises(ValueError, match='line 1: correct_answer_num is "34": write') as refused:
        belebele.rows(tmp_path)
    assert "line 2: 'mc_answer2' is null" in str(refused.value)
    assert "line 3: 'link' is 7, not a text" in str(refused.value)
    file.write_text("\n".join([json.dumps(item)] * 3))
    with pytest.raises(ValueError, match=r"line 2 \(l/1\): this question is there twice"):
        belebele.rows(tmp_path)


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


@real
def test_all_subjects_of_mmlu_have_five_english_demonstrations_in_order():
    five = ["en", "fr", "de", "es", "it"]
    dev = tasks.demonstrations(f"mmlu:{DATA / 'mmlu'}", five)
    asked = [
        {"subject": subject, "recomposition": "full", "language": code}
        | {"question_language": code, "option_languages": [code] * 4}
        for subject in dict.fromkeys(dev["subject"])
        for code in ("en", "it")
    ]
    ids = [[row["id"] for row in each] for each in shots.shown(asked, Asking(n_shots=5), dev)]
    assert ids == [[f"{item['subject']}/dev/{n}" for n in range(5)] for item in asked]
    with pytest.warns(UserWarning, match="Subjects with fewer than 5 demonstrations") as caught:
        mixed = shots.shown(asked, Asking(n_shots=5, demonstrations="mixup"), dev)
    assert len(caught) == 1
    counts = {item["subject"]: len(rows) for item, rows in zip(asked, mixed, strict=True)}
    assert len(counts) == 57
    assert sum(n < 5 for n in counts.values()) == 14

import json
import weakref
from itertools import product

import numpy as np
import pandas as pd
import pytest
import questions
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb import analysis, commands, models, scoring, tasks
from xlkb.exchange import answers, stream
from xlkb.tasks import Asking, own_batches, recompose

N = 6
NUMBERS = ["log_likelihood", "unconditional_log_likelihood", "letter_mass"]


def row(i, **fields):
    texts = {code: f"{code}: what is {i} times {i}?" for code in questions.FIVE}
    options = {code: [f"{i * i + k - i % 4} {code}" for k in range(4)] for code in questions.FIVE}
    made = {"id": f"q{i}", "subject": "numbers", "answer": i % 4, "question": texts}
    return made | {"options": options} | fields


def written(path, rows):
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return written(tmp_path_factory.mktemp("own") / "q.jsonl", map(row, range(N)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama", num_hidden_layers=1).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}")


def batches(file, size=2, names=("full",), languages=("en", "fr")):
    for batch in own_batches.batches(file, languages, size):
        yield recompose.grid(batch, names, languages)


def count(monkeypatch):
    asked, score = [], scoring.score

    def counting(model, batch, *rest, **more):
        asked.append(batch[0]["id"])
        return score(model, batch, *rest, **more)

    monkeypatch.setattr(scoring, "score", counting)
    return asked


@settings(max_examples=6)
@given(
    size=st.sampled_from([2, 3, N]),
    names=st.sampled_from([("full",), ("full", "mixup"), ("pair",), ("question", "gt")]),
    style=st.sampled_from(["cloze", "letters", "paper"]),
)
def test_rows_and_decisions_are_those_of_all_questions_at_once(
    model, file, tmp_path_factory, size, names, style
):
    folder = tmp_path_factory.mktemp("stream")
    languages = questions.FIVE if "mixup" in names else ("en", "fr")
    (whole,) = batches(file, N, names, languages)
    stream.ask(model, batches(file, size, names, languages), folder / "out", style)
    wanted = scoring.score(model, whole, folder, style)
    by = ["recomposition", "language", "question_language", "option_language", "item_id", "choice"]
    found = analysis.concat(stream.parts(folder / "out"))
    one, other = (each.sort_values(by, ignore_index=True) for each in (found, wanted))
    pd.testing.assert_frame_equal(one.drop(columns=NUMBERS), other.drop(columns=NUMBERS))
    np.testing.assert_allclose(one[NUMBERS], other[NUMBERS], atol=1e-4)
    at_once = analysis.accuracy(stream._decided(wanted, "sum"), stream.CELL)
    summed = stream.accuracy(folder / "out")
    one, other = (each.sort_values(stream.CELL, ignore_index=True) for each in (summed, at_once))
    pd.testing.assert_frame_equal(one, other, check_dtype=False)


def test_a_stream_that_is_stopped_goes_on_where_it_was(model, file, tmp_path, monkeypatch):
    def stopped():
        for number, batch in enumerate(batches(file)):
            if number == 2:
                raise KeyboardInterrupt
            yield batch

    asked = count(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        stream.ask(model, stopped(), tmp_path / "out")
    with pytest.raises(ValueError, match=r"not finished \(2 parts are there\)"):
        answers.read(tmp_path / "out")
    stream.ask(model, batches(file), tmp_path / "out")
    assert asked == ["q0", "q2", "q4"]
    stream.ask(model, batches(file), tmp_path / "whole")
    assert {*(tmp_path / "out").glob("part-*")} != set()
    for part in (tmp_path / "out").glob("part-*"):
        assert part.read_bytes() == (tmp_path / "whole" / part.name).read_bytes()


def test_of_a_batch_under_way_what_was_computed_is_kept(model, file, tmp_path, monkeypatch, capsys):
    write = stream._write
    monkeypatch.setattr(stream, "_write", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        stream.ask(model, batches(file), tmp_path / "out")
    monkeypatch.setattr(stream, "_write", write)
    monkeypatch.setattr(type(model), "network", property(lambda _: pytest.fail("it was loaded")))
    (first, *_) = batches(file)
    stream.ask(model, [first], tmp_path / "out")
    assert not (tmp_path / "out" / "working").exists()


def test_a_damaged_part_is_named_and_asked_again(model, file, tmp_path, monkeypatch):
    stream.ask(model, batches(file), tmp_path)
    parts = sorted(tmp_path.glob("part-*"))
    before = [part.read_bytes() for part in parts]
    parts[1].write_bytes(before[1][:-9] + b"?" + before[1][-8:])
    with pytest.raises(ValueError, match=f"{parts[1].name} is damaged"):
        stream.accuracy(tmp_path)
    asked = count(monkeypatch)
    with pytest.warns(UserWarning, match=f"{parts[1].name} is damaged"):
        stream.ask(model, batches(file), tmp_path)
    assert asked == ["q2"]
    assert [part.read_bytes() for part in parts] == before


def test_a_folder_takes_answers_to_one_request_only(model, file, tmp_path):
    stream.ask(model, batches(file), tmp_path / "out", request={"size": 4})
    with pytest.raises(ValueError, match=r"asked.size was 4 there, and is 5 now"):
        stream.ask(model, batches(file), tmp_path / "out", request={"size": 5})
    with pytest.raises(ValueError, match=r"asking.style was 'cloze' there, and is 'letters' now"):
        stream.ask(model, batches(file), tmp_path / "out", "letters", request={"size": 4})
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(ValueError, match="holds something else"):
        stream.ask(model, batches(file), tmp_path / "other")


def test_two_processes_do_not_write_to_one_folder(model, file, tmp_path):
    with stream._alone(tmp_path), pytest.raises(RuntimeError, match="another process"):
        stream.ask(model, batches(file), tmp_path)


def test_two_batches_are_alive_at_most_and_no_score_of_earlier_ones(model, file, tmp_path):
    alive, most, stored = [], [], []

    def watched():
        for batch in batches(file, 1):
            alive.append(weakref.ref(batch))
            most.append(sum(each() is not None for each in alive))
            stored.append(len(list(tmp_path.glob("out/working/*/part-*"))))
            yield batch
            del batch

    stream.ask(model, watched(), tmp_path / "out")
    assert len(most) == N
    assert max(most) <= 2
    assert max(stored) == 0
    index = scoring.results.index
    known = index._folder(
        scoring.results.store_folder(tmp_path / "out/working", model) / ".", scoring.results.SCORES
    )
    assert sum(len(run.head) for run in known.runs) <= 16  # Of the last batch: 2 x 8 pairs.


def test_answers_of_a_folder_are_read_like_those_of_a_file(model, file, tmp_path, monkeypatch):
    stream.ask(model, batches(file), tmp_path / "out", request={"with_texts": True})
    read = answers.read(tmp_path / "out")
    assert (read.label, read.made["model"]) == (model.label, model.describe())
    assert len(read.rows) == N * 2 * 4
    assert {*answers.TEXTS} <= {*read.rows}
    answers.write(read, tmp_path / "one.parquet")
    pd.testing.assert_frame_equal(answers.read(tmp_path / "one.parquet").rows, read.rows)
    part = answers.read(min((tmp_path / "out").glob("part-*")))
    assert (part.label, len(part.rows)) == (model.label, 16)
    monkeypatch.setattr(stream, "MOST_ROWS", 40)
    with pytest.raises(ValueError, match="holds 48 rows, and 40 are read at once at most"):
        answers.read(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="holds no answers"):
        answers.read(tmp_path)


def test_sums_are_refused_where_an_interval_needs_all_answers():
    decided = pd.DataFrame(
        {"task": "worldfacts", "item_id": ["w/a/FR", "w/b/FR"], "language": "en"}
    )
    with pytest.raises(ValueError, match="several are about one thing"):
        analysis.accuracy_of_parts([decided.assign(correct=True)], ["language"])
    own = decided.assign(task="path:q.jsonl", item_id="q1", correct=True)
    with pytest.raises(ValueError, match="several are about one thing"):
        analysis.accuracy_of_parts([own], ["language"])
    assert analysis.accuracy_of_parts([], ["language"]).empty


def test_batches_are_the_questions_of_the_file_in_its_order(file):
    for size in (1, 4, N, 50):
        found = list(own_batches.batches(file, ("fr", "en"), size))
        assert [len(each) for each in found[:-1]] == [size] * (len(found) - 1)
        assert [item["id"] for each in found for item in each] == [f"q{i}" for i in range(N)]
        assert tasks.languages_of(found[0]) == ("fr", "en")


def test_lines_are_read_as_they_are_asked_for(tmp_path):
    file = written(tmp_path / "q.jsonl", map(row, range(8)))
    with file.open("a") as opened:
        opened.write("not JSON\n")
    lazily = own_batches.batches(file, ("en",), 4)
    assert len(next(lazily)) == 4
    assert len(next(lazily)) == 4
    with pytest.raises(ValueError, match="line 9: not JSON"):
        next(lazily)


def test_an_id_that_is_there_twice_is_found_however_far_apart(tmp_path):
    rows = [row(i) for i in range(30)] + [row(31, id=" q2")]
    file = written(tmp_path / "q.jsonl", rows)
    with pytest.raises(ValueError, match=r"line 31: id ' q2' is that of line 3 too"):
        own_batches.contents(file)
    found = own_batches.contents(written(file, [*rows[:30], row(40, split="dev")]))
    assert found.languages == questions.FIVE
    assert found.counts == {"dev": 1, "validation": 0, "test": 30}


def test_a_long_list_is_refused_because_it_has_no_lines(tmp_path, monkeypatch):
    file = tmp_path / "q.json"
    file.write_text("\ufeff" + json.dumps([row(i) for i in range(3)]), encoding="utf-8")
    assert own_batches.contents(file).counts["test"] == 3
    monkeypatch.setattr(own_batches, "WHOLE", 100)
    with pytest.raises(ValueError, match=r"is one JSON list of 0 MB.*one object a line"):
        own_batches.contents(file)


def scored(model, file, out, *more):
    return commands.main(["score", model.name, "--task", f"path:{file}", "--out", str(out), *more])


def test_the_command_ends_with_accuracies_and_says_where_the_answers_are(
    model, file, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    more = ("--languages", "fr,de", "--recompositions", "full,pair,question", "--style", "letters")
    assert scored(model, file, "out", *more) == 0
    said = capsys.readouterr().out
    assert f"Answers: rows:{tmp_path / 'out'}" in said
    assert "computed" not in said
    table = pd.read_csv("out/accuracy.csv")
    cells = table[stream.CELL].to_numpy().tolist()
    assert cells[:2] == [["full", "fr", "fr"], ["full", "de", "de"]]
    assert cells[2:] == [
        *(["pair", *each] for each in product(["fr", "de"], repeat=2)),
        ["question", "de", "fr"],
    ]
    assert set(answers.read("out").rows["option_language"]) == {"fr", "de"}


def test_demonstrations_are_those_of_the_file(model, tmp_path):
    dev = [row(i, id=f"dev{i}", split="dev") for i in range(3)]
    file = written(tmp_path / "q.jsonl", [*map(row, range(5)), *dev])
    assert (
        scored(model, file, tmp_path / "out", "--shots", "1", "--texts", "--languages", "fr") == 0
    )
    read = answers.read(tmp_path / "out").rows
    assert (read["n_shots"] == 1).all()
    assert read["context"].str.contains("en: what is 0 times 0").all()
    asked = recompose.full(tasks.load(f"path:{file}", ["fr"]), "fr")
    shown = tasks.demonstrations(f"path:{file}", ["fr"])
    wanted = scoring.score(model, asked, tmp_path, Asking(n_shots=1), shown)
    values = [each.set_index(["item_id", "choice"])["log_likelihood"] for each in (read, wanted)]
    pd.testing.assert_series_equal(*map(pd.Series.sort_index, values), atol=1e-4)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--recompositions", "mixup", "--languages", "en,fr"], "five different languages"),
        (["--recompositions", "question", "--languages", "fr"], "there are none in fr"),
        (["--base", "ru"], "--base ru is none of the languages"),
        (["--shots", "2"], 'has no question in the split "dev"'),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_computed(
    model, file, tmp_path, capsys, monkeypatch, more, said
):
    monkeypatch.setattr(type(model), "network", property(lambda _: pytest.fail("it was loaded")))
    assert scored(model, file, tmp_path / "out", *more) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_tasks_that_are_no_files_are_refused(model, tmp_path, capsys):
    command = ["score", model.name, "--task", "worldfacts", "--out", str(tmp_path / "out")]
    assert commands.main(command) == 2
    assert "--task worldfacts: name a file of your own questions" in capsys.readouterr().err


def test_of_a_question_that_does_not_fit_nothing_is_said(model, tmp_path, capsys):
    file = written(tmp_path / "q.jsonl", [row(0, question={"fr": "mot " * 999})])
    with pytest.warns(UserWarning, match="1 of 1 questions are left out"):
        assert scored(model, file, tmp_path / "out", "--languages", "fr") == 0
    assert "1 prompts are left out" in capsys.readouterr().out


def test_a_bad_last_line_is_refused_before_anything_is_computed(
    model, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(type(model), "network", property(lambda _: pytest.fail("it was loaded")))
    file = written(tmp_path / "q.jsonl", [*map(row, range(300)), row(300, answer=4)])
    assert scored(model, file, tmp_path / "out") == 2
    assert f"{file}, line 301: 'answer' is 4" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

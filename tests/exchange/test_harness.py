"""Questions to lm-evaluation-harness and answers back, through the harness itself."""

import json
import shutil
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import tiny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xlkb import analysis, models, profiles, scoring, tasks
from xlkb.commands import main as xlkb
from xlkb.exchange import answers, harness_logs, harness_names, harness_tasks
from xlkb.models import pip_models
from xlkb.tasks import Asking, recompose

lm_eval = pytest.importorskip("lm_eval")

from lm_eval.api.model import LM  # noqa: E402
from lm_eval.loggers import EvaluationTracker  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

DEFAULT = "pip:gemma-3-270m"
EXACT = ["task", "item_id", "subject", "recomposition", "language", "question_language"]
EXACT += ["option_language", "choice", "is_answer", "style", "prompt", "n_shots", "n_shots_asked"]
EXACT += ["demonstrations", "n_bytes", "context", "question", "option"]
NEARLY = ["log_likelihood", "unconditional_log_likelihood", "letter_mass"]


class Drawn(LM):
    """A model whose log-likelihoods depend on the text alone, or are given in the order asked."""

    def __init__(self, given=None):
        super().__init__()
        self.given = given

    def loglikelihood(self, requests):
        if self.given is not None:
            return [(value, False) for value in self.given[: len(requests)]]
        digests = [sha256("|".join(r.args).encode()).digest() for r in requests]
        return [(-int.from_bytes(each[:6]) / 2**44, False) for each in digests]

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        return ["B" for _ in requests]


def harness(folder, names, out, lm=None, **options):
    """The logs of `lm_eval --include_path FOLDER --tasks NAMES --log_samples --output_path OUT`."""
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    tracker = EvaluationTracker(output_path=str(out))
    found = lm_eval.simple_evaluate(
        lm or Drawn(), tasks=names, task_manager=manager, log_samples=True, bootstrap_iters=0,
        **options,
    )  # fmt: skip
    tracker.general_config_tracker.model_name = "org/model"
    tracker.general_config_tracker.model_name_sanitized = "org__model"
    samples = found.pop("samples")
    tracker.save_results_aggregated(results=found, samples=samples)
    for name in found["configs"]:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    return out / "org__model"


@pytest.fixture(autouse=True)
def _without_a_look_at_the_machine(monkeypatch):
    """The harness asks pip and the compiler what is installed, which takes seconds."""
    monkeypatch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny.network("gemma3").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """One good log: of four questions in French."""
    place = tmp_path_factory.mktemp("log")
    asked = harness_tasks.asked(profiles.load("demo"), ["full"], ["fr"], 4)
    harness_tasks.write(place / "tasks", harness_tasks.documents(asked), {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lm_eval.evaluator.add_env_info", lambda results: None)
        folder = harness(place / "tasks", ["xlkb_worldfacts_full_fr"], place / "out")
    return next(folder.glob("samples_*"))


# Export


@pytest.mark.parametrize(
    ("asking", "recompositions"),
    [
        (Asking("cloze"), ["full", "mixup"]),
        (Asking("letters", 2), ["pair"]),
        (Asking("cloze", 1, "same"), ["mixup"]),
    ],
)
def test_rows_out_of_the_harness_are_those_of_scoring(tmp_path, model, asking, recompositions):
    run = profiles.load("demo")
    languages = ["en", "fr"] if recompositions == ["pair"] else []
    asked = harness_tasks.asked(run, recompositions, languages, n=3)
    dev = tasks.demonstrations("worldfacts", run.five) if asking.n_shots else None
    there = tmp_path / "with a space"
    groups = harness_tasks.write(there, harness_tasks.documents(asked, asking, dev), {})
    moved = shutil.move(there, tmp_path / "moved é")
    lm = HFLM(pretrained=model.network, tokenizer=model.tokenizer, batch_size=8)
    found = harness_logs.read([harness(moved, groups, tmp_path / "out", lm)])
    ours = scoring.score(model, asked, tmp_path, asking, dev, with_texts=True)
    theirs = found.rows
    pd.testing.assert_frame_equal(ours[EXACT], theirs[EXACT])
    np.testing.assert_allclose(theirs[NEARLY], ours[NEARLY], atol=2e-4)
    assert list(ours.columns) == list(theirs.columns)
    for rule in ("sum", "per_byte", *(["pmi"] if asking.style == "cloze" else [])):
        decided = [analysis.decide(rows, rule)["predicted"].tolist() for rows in (ours, theirs)]
        assert decided[0] == decided[1]


@pytest.mark.real_model
@pytest.mark.skipif(
    not pip_models.folder("gemma-3-270m").exists(), reason="the default model is not converted yet"
)
def test_the_harness_decides_as_we_do_on_the_default_model(tmp_path):
    model = models.load(DEFAULT, dtype="float32", device="cpu")
    asked = harness_tasks.asked(profiles.load("demo"), ["mixup"], n=12)
    harness_tasks.write(tmp_path / "tasks", harness_tasks.documents(asked), {})
    lm = HFLM(pretrained=model.network, tokenizer=model.tokenizer, batch_size=4)
    folder = harness(tmp_path / "tasks", ["xlkb_worldfacts_mixup"], tmp_path / "out", lm)
    theirs, ours = harness_logs.read([folder]).rows, scoring.score(model, asked, tmp_path)
    np.testing.assert_allclose(theirs["log_likelihood"], ours["log_likelihood"], atol=1e-3)
    decided = [analysis.decide(rows)["predicted"].tolist() for rows in (theirs, ours)]
    assert decided[0] == decided[1]


LIKELIHOODS = st.floats(-1e4, 0, allow_nan=False)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\u2028\"'\\{}"),
    min_size=1, max_size=12,
).map(lambda text: f"x{text}x")  # fmt: skip


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_every_number_and_text_survives(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("any")
    n = data.draw(st.integers(1, 3))
    rows = [
        {
            "task": "path:2020-01-01.jsonl",
            "id": f"{i} {data.draw(TEXTS)}",
            "subject": data.draw(TEXTS),
            "answer": data.draw(st.integers(0, 3)),
            "question": {"en": data.draw(TEXTS)},
            "options": {"en": data.draw(st.lists(TEXTS, min_size=4, max_size=4))},
        }
        for i in range(n)
    ]
    drawn = data.draw(st.lists(LIKELIHOODS, min_size=4 * n, max_size=4 * n))
    asked = recompose.full(recompose.Dataset.from_list(rows), "en")
    made = harness_tasks.documents(asked)
    harness_tasks.write(place / "tasks", made, {})
    found = harness_logs.read([harness(place / "tasks", list(made), place / "out", Drawn(drawn))])
    assert found.rows["log_likelihood"].tolist() == drawn
    assert found.rows["item_id"].tolist()[::4] == [row["id"] for row in rows]
    assert found.rows["subject"].tolist()[::4] == [row["subject"] for row in rows]
    assert found.rows["question"].tolist()[::4] == asked["question"]
    assert found.rows["option"].tolist() == [each for row in asked for each in row["options"]]
    assert found.rows["is_answer"].to_numpy().reshape(-1, 4).argmax(1).tolist() == asked["answer"]
    answers.write(found, place / "a.parquet")
    pd.testing.assert_frame_equal(answers.read(place / "a.parquet").rows, found.rows)


def test_names_are_the_harness_s_and_differ():
    odd = ["worldfacts", "path:Meine Fragen.jsonl", "path:meine-fragen.jsonl", "path:問題.jsonl"]
    odd += ["path:质量.jsonl", "path:a,b*[c].jsonl", "path:a_b_c.jsonl", "mmlu:/some/folder"]
    names = [harness_tasks.group(task, Asking("letters", 5)) for task in odd]
    assert len(set(names)) == len(odd) - 1  # Of the same words, only joined in another way.
    assert all(name.replace("_", "a").isalnum() and name.isascii() for name in names)
    assert names[0] == "xlkb_worldfacts_letters_5shot"


def test_what_is_in_the_way_is_not_written_over(tmp_path):
    asked = harness_tasks.asked(profiles.load("demo"), ["full"], ["en"], 1)
    made = harness_tasks.documents(asked)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("long")
    with pytest.raises(FileExistsError, match="something else is there"):
        harness_tasks.write(tmp_path / "mine", made, {}, replace=True)
    harness_tasks.write(tmp_path / "new", made, {})
    with pytest.raises(FileExistsError, match="--replace"):
        harness_tasks.write(tmp_path / "new", made, {})
    harness_tasks.write(tmp_path / "new", made, {"n": 2}, replace=True)
    assert json.loads((tmp_path / "new" / "export.json").read_text()) == {"n": 2}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["mine", "new"]


# Import: tasks of others, as YAML of the harness's own shape with data of the same columns

ABCD = "\\nA. {{%s}}\\nB. {{%s}}\\nC. {{%s}}\\nD. {{%s}}\\nAnswer:"
LISTED = ABCD % tuple(f"choices[{i}]" for i in range(4))
BY_LETTER = ABCD % tuple(f"option_{each}" for each in "abcd")
BY_NUMBER = ABCD % tuple(f"mc_answer{i}" for i in range(1, 5))
LETTERS = 'doc_to_choice: ["A", "B", "C", "D"]\n'

SHAPES = {
    "mmlu": f'doc_to_text: "{{{{question.strip()}}}}{LISTED}"\ndoc_to_target: answer\n{LETTERS}',
    "mmlu_continuation": 'doc_to_text: "Question: {{question.strip()}}\\nAnswer:"\n'
    'doc_to_choice: "{{choices}}"\ndoc_to_target: "{{answer}}"\n',
    "global_mmlu": f'doc_to_text: "{{{{question.strip()}}}}{BY_LETTER}"\ndoc_to_target: answer\n'
    f"{LETTERS}",
    "arc": 'doc_to_text: "Question: {{question}}\\nAnswer:"\ndoc_to_choice: "{{choices.text}}"\n'
    'doc_to_target: "{{choices.label.index(answerKey)}}"\n',
    "belebele": f'doc_to_text: "P: {{{{flores_passage}}}}\\nQ: {{{{question.strip()}}}}{BY_NUMBER}"'
    f"\ndoc_to_target: \"{{{{['1', '2', '3', '4'].index(correct_answer_num)}}}}\"\n{LETTERS}",
}


def documents(shape, code, n):
    for i in range(n):
        question, options = f" {code} q{i}? ", [f"{code} {i}{each}" for each in "abcd"]
        named = dict(zip([f"option_{each}" for each in "abcd"], options, strict=True))
        numbered = {f"mc_answer{j}": text for j, text in enumerate(options, 1)}
        yield {
            "mmlu": {"question": question, "subject": "virology", "choices": options}
            | {"answer": i % 4},
            "global_mmlu": {"sample_id": f"virology/test/{i}", "subject": "virology"}
            | {"subject_category": "Other", "question": question, **named, "answer": "ABCD"[i % 4]},
            "arc": {"id": f"Mercury_{i}", "question": question, "answerKey": "1234"[i % 4]}
            | {"choices": {"text": options, "label": ["1", "2", "3", "4"]}},
            "belebele": {"link": f"https://a.org/{i}", "question_number": 1, "question": question}
            | {"flores_passage": f"{code} p{i}", **numbered, "correct_answer_num": str(i % 4 + 1)},
        }[shape.removesuffix("_continuation")]


def yaml_of(folder, name, shape, code="en", n=5, metric="acc"):
    folder.mkdir(exist_ok=True)
    every = [json.dumps(each) for each in documents(shape, code, n)]
    (folder / f"{name}.jsonl").write_text("\n".join(every))
    (folder / f"{name}.yaml").write_text(
        f"task: {name}\ndataset_path: json\ndataset_kwargs:\n  cache_dir: '{folder / 'cache'}'\n"
        f"  data_files:\n    test: '{folder / name}.jsonl'\ntest_split: test\n"
        f"fewshot_split: test\nfewshot_config:\n  sampler: first_n\noutput_type: multiple_choice\n"
        f"{SHAPES[shape]}metric_list:\n  - metric: acc\n    aggregation: mean\n"
        f"    higher_is_better: true\n"
        + (f"  - metric: {metric}\n    aggregation: mean\n    higher_is_better: true\n")
        * (metric != "acc")
        + "metadata:\n  version: 1.0\n"
    )


def test_global_mmlu_in_two_languages_is_one_task(tmp_path):
    names = [f"global_mmlu_full_{code}_virology" for code in ("fr", "en")]
    for name in names:
        yaml_of(tmp_path / "tasks", name, "global_mmlu", name.split("_")[3])
    folder = harness(tmp_path / "tasks", names, tmp_path / "out", num_fewshot=2)
    found = harness_logs.read([folder])
    decided = analysis.decide(found.rows)
    assert found.rows["task"].unique().tolist() == ["global_mmlu_full"]
    assert found.rows["language"].unique().tolist() == ["en", "fr"]
    assert decided.groupby("item_id").size().tolist() == [2] * 5
    first = found.rows.iloc[0]
    assert (first["style"], first["n_shots_asked"], first["demonstrations"]) == (
        "letters",
        2,
        "same",
    )
    assert (first["item_id"], first["subject"]) == ("virology/test/0", "virology")
    assert (first["question"], first["option"]) == (" en q0? ", "en 0a")
    assert found.made["date"]
    assert found.label == "org/model"
    barrier = analysis.barrier(decided.assign(model=found.label), base="en")
    assert barrier["n"].tolist() == [5]


def test_mmlu_arc_and_belebele_become_rows(tmp_path):
    made = tmp_path / "tasks"
    yaml_of(made, "mmlu_virology", "mmlu")
    yaml_of(made, "mmlu_virology_continuation", "mmlu_continuation", metric="acc_mutual_info")
    yaml_of(made, "arc_challenge", "arc")
    yaml_of(made, "belebele_fra_Latn", "belebele", "fr")
    names = ["mmlu_virology", "mmlu_virology_continuation", "arc_challenge", "belebele_fra_Latn"]
    rows = harness_logs.read([harness(made, names, tmp_path / "out")]).rows
    by_task = {task: part.reset_index(drop=True) for task, part in rows.groupby("task")}
    assert list(by_task) == ["arc_challenge", "belebele", "mmlu", "mmlu_continuation"]
    firsts = {task: part.iloc[0] for task, part in by_task.items()}
    assert [each["language"] for each in firsts.values()] == ["en", "fr", "en", "en"]
    assert [each["style"] for each in firsts.values()] == ["cloze", "letters", "letters", "cloze"]
    assert [each["item_id"] for each in firsts.values()] == [
        "Mercury_0", "https://a.org/0/1", "virology/test/0", "virology/test/0",
    ]  # fmt: skip
    assert firsts["belebele"]["question"] == "fr p0\n\n fr q0? "
    assert by_task["mmlu"]["option"].tolist()[:4] == ["en 0a", "en 0b", "en 0c", "en 0d"]
    for part in by_task.values():
        right = part["is_answer"].to_numpy().reshape(-1, 4).argmax(1)
        assert right.tolist() == [0, 1, 2, 3, 0]
    by_pmi = analysis.decide(by_task["mmlu_continuation"], "pmi")
    logged = [json.loads(line) for line in next(
        (tmp_path / "out" / "org__model").glob("*continuation*")
    ).read_text().splitlines()]  # fmt: skip
    assert by_pmi["correct"].tolist() == [each["acc_mutual_info"] == 1 for each in logged]


@pytest.mark.parametrize(
    ("name", "task", "language"),
    [
        ("global_mmlu_sw_medical", "global_mmlu", "sw"),
        ("global_mmlu_full_zh_anatomy", "global_mmlu_full", "zh"),
        ("m_mmlu_it", "m_mmlu", "it"),
        ("arc_vi", "arc", "vi"),
        ("belebele_zho_Hans", "belebele", "zh"),
        ("mmlu_anatomy", "mmlu", "en"),
        ("quiz", "quiz", None),
        ("mmlu_redux_spanish_anatomy", "mmlu_redux_spanish_anatomy", None),
    ],
)
def test_names_tell_the_language(name, task, language):
    found = harness_names.of_document(name, {"subject": "anatomy"}, 3)
    assert (found.task, found.language) == (task, language)


# Import: what is refused, and what is not


def changed(log, folder, change):
    """A copy of a log beside its results, line by line."""
    folder.mkdir(exist_ok=True)
    shutil.copy(next(log.parent.glob("results_*")), folder)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    text = "".join(f"{json.dumps(each)}\n" for each in change(lines))
    (folder / log.name).write_text(text)
    return folder / log.name


def alter(number, **fields):
    def change(lines):
        lines[number] |= fields
        return lines

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (alter(1, resps=[[["nan", "False"]]] * 4), r"line 2: a log-likelihood is nan"),
        (alter(2, resps=[[["-1.0", "False"]]] * 3), r"line 3: it has 3 resps for 4 choices"),
        (alter(0, resps=["B"]), r"line 1: its resps are not a log-likelihood for each choice"),
        (alter(0, arguments={"gen_args_0": {"arg_0": "x", "arg_1": {"until": []}}}), "generate_un"),
        (alter(0, doc=None), r"line 1: it has no doc"),
        (alter(3, acc=2, target="7"), r"line 4: its target, '7', is none of its four choices"),
        (
            lambda lines: [*lines[:2], lines[1], lines[3]],
            r"line 3: the document .* of .*line 2 too",
        ),
        (lambda lines: lines[:2], r"has 2 documents of 4: it is cut short"),
        (
            lambda lines: [each | {"filter": name} for name in "ab" for each in lines],
            r"several filters \(a, b\)",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, log, change, said):
    with pytest.raises(ValueError, match=said):
        harness_logs.read([changed(log, tmp_path / "log", change)])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("language", "xx"),
        ("style", "foo"),
        ("n_shots", "two"),
        ("question", ["x"]),
        ("options", ["a"]),
        ("option_languages", ["zz"] * 4),
        ("answer", 7),
    ],
)
def test_a_changed_document_is_found_out(tmp_path, log, field, value):
    def change(lines):
        lines[1]["doc"][field] = value
        return lines

    with pytest.raises(ValueError, match=rf"line 2: its document's {field} is .*was changed"):
        harness_logs.read([changed(log, tmp_path / "log", change)])


def test_a_log_cut_short_in_a_line_is_refused(tmp_path, log):
    copy = changed(log, tmp_path / "log", list)
    copy.write_text(copy.read_text()[:-40])
    with pytest.raises(ValueError, match=r"line 4: not JSON .* cut short or damaged"):
        harness_logs.read([copy])


def test_a_changed_log_is_found_out(tmp_path, log):
    copy = changed(log, tmp_path / "log", lambda lines: [e | {"acc": 1 - e["acc"]} for e in lines])
    with pytest.raises(ValueError, match="the log was changed"):
        harness_logs.read([copy])


def test_windows_line_ends_a_mark_and_other_filters_change_nothing(tmp_path, log):
    plain = harness_logs.read([log]).rows
    copy = changed(log, tmp_path / "log", list)
    copy.write_bytes(b"\xef\xbb\xbf" + copy.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(harness_logs.read([copy]).rows, plain)
    twice = changed(log, tmp_path / "two", lambda e: [*e, *(x | {"filter": "strict"} for x in e)])
    pd.testing.assert_frame_equal(harness_logs.read([twice]).rows, plain)
    old = [json.loads(line) for line in log.read_text().splitlines()]
    for each in old:  # As releases before 0.4.3 wrote it.
        each["arguments"] = [list(pair.values()) for pair in each["arguments"].values()]
        each["resps"] = [[[float(r[0][0]), False]] for r in each["resps"]]
    copy = changed(log, tmp_path / "old", lambda _: old)
    pd.testing.assert_frame_equal(harness_logs.read([copy]).rows, plain)


def test_other_numbers_of_choices_are_left_out_when_asked(tmp_path, log):
    def fifth(lines):
        arguments = lines[0]["arguments"]
        arguments["gen_args_4"] = {**arguments["gen_args_3"], "arg_1": " another"}
        lines[0]["resps"].append([["-99.0", "False"]])
        return lines

    copy = changed(log, tmp_path / "log", fifth)
    with pytest.raises(ValueError, match=r"line 1: it has 5 choices.* --four-only"):
        harness_logs.read([copy])
    found = harness_logs.read([copy], harness_logs.Given(four_only=True))
    assert len(found.rows) == 12
    assert found.made["left_out"] == {"xlkb_worldfacts_full_fr": 1}


def test_a_language_that_is_not_told_must_be_given(tmp_path):
    yaml_of(tmp_path / "tasks", "quiz", "global_mmlu")
    folder = harness(tmp_path / "tasks", ["quiz"], tmp_path / "out")
    with pytest.raises(ValueError, match=r"line 1: neither the task's name, quiz, .* --language"):
        harness_logs.read([folder])
    rows = harness_logs.read([folder], harness_logs.Given("sw", "mine")).rows
    assert rows[["language", "option_language", "model"]].iloc[0].tolist() == ["sw", "sw", "mine"]
    next(folder.glob("results_*")).unlink()
    with pytest.raises(ValueError, match="--shots"):
        harness_logs.read([folder], harness_logs.Given("sw"))
    assert (
        harness_logs.read([folder], harness_logs.Given("sw", None, 3)).rows["n_shots"] == 3
    ).all()


def test_a_language_that_contradicts_the_log_is_refused(log):
    with pytest.raises(ValueError, match="it is in fr: leave --language out"):
        harness_logs.read([log], harness_logs.Given("de"))


def test_unconditional_scores_alone_are_no_answers(tmp_path):
    asked = harness_tasks.asked(profiles.load("demo"), ["full"], ["en"], 2)
    groups = harness_tasks.write(tmp_path / "t", harness_tasks.documents(asked), {})
    folder = harness(tmp_path / "t", groups[1:], tmp_path / "out")
    with pytest.raises(ValueError, match="without the question only"):
        harness_logs.read([folder])


# The commands


def test_commands_take_relative_paths_and_one_question(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    one = {"id": "q1", "subject": "thé", "answer": 0, "question": {"fr": "Chai ?", "de": "Chai?"}}
    one["options"] = {
        "fr": ["thé", "café", "lait", "jus"],
        "de": ["Tee", "Kaffee", "Milch", "Saft"],
    }
    (tmp_path / "one.jsonl").write_bytes(b"\xef\xbb\xbf" + json.dumps(one).encode() + b"\r\n")
    assert xlkb(["export", "harness", "--task", "path:one.jsonl", "--out", "a b"]) == 0
    assert "xlkb_one_full_fr: 1 questions" in capsys.readouterr().out
    assert str(tmp_path) not in (tmp_path / "a b" / harness_tasks.MARK).read_text()
    harness("a b", ["xlkb_one", "xlkb_one_unconditional"], tmp_path / "out")
    assert xlkb(["import", "harness", "out", "--out", "x.parquet"]) == 0
    found = answers.read("x.parquet")
    assert found.rows["language"].tolist() == ["fr"] * 4 + ["de"] * 4
    assert len(analysis.decide(found.rows, "pmi")) == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("export harness --out t --recompositions mixup --languages en,fr", "five different"),
        ("export harness --out t --recompositions gt --languages en", "asks nothing"),
        ("export harness --out nowhere/t/../.. --task path:none.jsonl", "none.jsonl"),
        ("import harness nothing", "nothing"),
        ("import harness .", "holds no samples_"),
    ],
)
def test_commands_refuse(tmp_path, monkeypatch, capsys, command, said):
    monkeypatch.chdir(tmp_path)
    assert xlkb(command.split()) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())

"""Models behind an endpoint: a stub server for what goes wrong, a real one for what goes right."""

import contextlib
import json
import logging
import math
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

import apart
import installed
import numpy as np
import pandas as pd
import pytest
import questions
import stubs
import torch
from stubs import chatted, completion, refused, stubs_asked

from xlkb import models, profiles, tasks
from xlkb.analysis import gaps, stats
from xlkb.commands import reproduce
from xlkb.commands.before import plan
from xlkb.ground import paths
from xlkb.models import api
from xlkb.report import figures, tables
from xlkb.scoring import results
from xlkb.scoring.evaluation import score, store_folder
from xlkb.scoring.served import answering
from xlkb.tasks import Asking, prompts, recompose

SECRET = "sk-test-0123456789abcdef"
LATER = {"retry-after-ms": "1"}


@pytest.fixture
def stub(monkeypatch):
    """Make stubs; the key is set, and two retries are enough."""
    with stubs_asked(monkeypatch, SECRET, 2) as make:
        yield make


def ask(server, store, n=4, style="letters"):
    return score(models.load(server.name), recompose.full(questions.toy(n), "en"), store, style)


def answers(store, server):
    folder = store_folder(store, models.load(server.name)) / "answers"
    return results.read(folder, results.ANSWERS)


# Names


@pytest.mark.parametrize("address", ["https://me:hunter2@x.org/v1", "http://x.org/v1?key=hunter2"])
def test_a_url_with_credentials_is_refused_and_not_repeated(address):
    with pytest.raises(ValueError, match="OPENAI_API_KEY") as error:
        models.load(f"api:m@{address}")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", ["api:", "api:gpt-4o-mini", "api:m@ftp://x/v1", "api:@http://x"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(ValueError, match="api:MODEL@BASE_URL"):
        models.load(name)


def test_the_fingerprint_is_that_of_model_and_url(monkeypatch):
    model = models.load("api:google/gemma@http://127.0.0.1:8000/v1/")
    assert model.label == "google/gemma"
    monkeypatch.setenv(api.KEY, SECRET)
    same = models.load("api:google/gemma@http://127.0.0.1:8000/v1", label="other")
    assert same.fingerprint == model.fingerprint
    for other in (
        "api:google/gemma@http://127.0.0.1:8001/v1",
        "api:gemma@http://127.0.0.1:8000/v1",
    ):
        assert models.load(other).fingerprint != model.fingerprint
    json.dumps(model.describe())


def test_what_needs_weights_says_that_there_are_none(stub, tmp_path):
    server = stub(lambda path, body: (404, {}))
    with pytest.raises(ValueError, match="dtype and device cannot be chosen"):
        models.load(server.name, dtype="float32")
    with pytest.raises(ValueError, match="no weights here"):
        _ = models.load(server.name).network
    assert server.asked == []
    with pytest.raises(ValueError, match=r"cloze.*'letters' or 'paper'"):
        ask(server, tmp_path, style="cloze")
    assert {path for path, _, _ in server.asked} == {"/tokenize"}


def test_a_missing_package_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(api, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install 'openai"):
        models.load("api:m@http://127.0.0.1:1/v1")


# Ways of reading a letter


def test_letters_are_read_from_the_top_of_completions(stub, tmp_path):
    top = {" B": -1.0, "B": -2.0, " A": -3.0, "▁C": -4.0, "Be": -0.1}
    server = stub(lambda path, body: (200, completion(" Be", top)))
    rows = ask(server, tmp_path)
    b = np.logaddexp(-1.0, -2.0)
    found = rows["log_likelihood"].to_numpy().reshape(-1, 4)
    np.testing.assert_allclose(found, np.tile([-3.0, b, -4.0, -np.inf], (4, 1)), rtol=1e-6)
    np.testing.assert_allclose(rows["letter_mass"], np.exp([-3.0, b, -4.0]).sum(), rtol=1e-6)
    decided = stats.decide(rows)
    assert decided["predicted"].tolist() == [1, 1, 1, 1]
    assert decided["correct"].tolist() == [False, True, False, False]
    assert [path for path, *_ in server.asked] == ["completions"] * 4
    assert all(prompt.endswith("\nAnswer:") for prompt in server.prompts())
    stored = answers(tmp_path, server)
    assert set(stored["way"]) == {"completions, top 20"}
    assert set(stored["served"]) == {"stub-1"}


def test_chat_is_asked_where_there_are_no_completions(stub, tmp_path, capsys):
    def reply(path, body):
        if path == "completions" or body["top_logprobs"] > 5:
            return 400 if path == "chat/completions" else 404, refused()
        return 200, chatted("D", {"D": -0.1, "A": -4.0})

    server = stub(reply)
    rows = ask(server, tmp_path)
    assert stats.decide(rows)["predicted"].tolist() == [3, 3, 3, 3]
    assert "4 by chat, top 5, 0 by no letter" in capsys.readouterr().out
    assert server.prompts()[-1].startswith("Answer the last question with one letter only: A, B")
    asked = len(server.asked)
    ask(server, tmp_path, n=6)
    assert len(server.asked) == asked + 2, "the way is known"


def test_generated_letters_are_read_where_there_are_no_log_probabilities(stub, tmp_path):
    said = iter([" A\n\n", " A\n\n", "**C**", "The answer is: B", "Berlin"])
    server = stub(
        lambda path, body: (200, completion(next(said))) if path == "completions" else (404, {})
    )
    rows = ask(server, tmp_path)
    assert sorted(stats.decide(rows)["predicted"]) == [-1, 0, 1, 2]
    assert sorted(rows.groupby("item_id")["letter_mass"].first()) == [0, 1, 1, 1]
    described = json.loads(next(tmp_path.glob("*/endpoint.json")).read_text())
    assert described["answers"] == {"served": ["stub-1"], "completions, text": 4, "no letter": 1}


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (" B", "B"),
        ("(C) Paris", "C"),
        ("\n\nD. Because", "D"),
        ("The correct answer is **A**.", "A"),
        ("<think>A? No.</think>\n\nB", "B"),
        ("A good question", None),
        ("Berlin", None),
        ("E", None),
        ("b", None),
        ("", None),
    ],
)
def test_a_letter_is_told_from_a_word(text, letter):
    assert answering._letter(text, "ABCD") == letter


def test_other_letters_can_name_the_choices(stub, tmp_path):
    server = stub(lambda path, body: (200, completion(" α", {" α": -0.5, " δ": -1.5})))
    asked = recompose.full(questions.toy(2), "en")
    rows = score(models.load(server.name), asked, tmp_path, Asking("letters", letters="αβγδ"))
    assert stats.decide(rows)["predicted"].tolist() == [0, 0]


def test_what_is_not_understood_is_counted_beside_each_accuracy(stub, tmp_path):
    def reply(path, body):
        if path == "completions":
            return 404, refused()
        if "logprobs" in body:
            return 400, refused("logprobs are not supported")
        said = body["messages"][0]["content"].rpartition("\n\n")[2]
        return 200, chatted("Je ne sais pas." if said.startswith("fr:q1") else "Réponse : A")

    server = stub(reply)
    asked = recompose.grid(questions.toy(4), ["full"], ["en", "fr"], 42)
    rows = score(models.load(server.name), asked, tmp_path, "letters")
    decided = stats.decide(rows)
    table = stats.accuracy(decided, ["language"]).set_index("language")
    assert table["unread"].to_dict() == {"en": 0, "fr": 0.25}
    assert gaps.barrier(decided)[["unread", "reference_unread"]].to_numpy().tolist() == [[0.25, 0]]
    local = decided.assign(model="local").drop(columns="unread")
    both = stats.accuracy(stats.concat([local, decided]), ["model", "language"])
    assert both["unread"].tolist()[2:] == [0, 0.25]
    assert both["unread"].isna().tolist() == [True, True, False, False]
    assert "unread" not in stats.accuracy(local, ["language"])
    assert list(tables.readable(both)["not understood (%)"]) == ["", "", "0.0", "25.0"]


def test_log_probabilities_without_a_letter_are_not_understood_either(stub, tmp_path):
    tops = iter([{" A": -0.1}, {"The": -0.1}, {"The": -0.1}, {" A": -0.1}])
    server = stub(lambda path, body: (200, completion("", next(tops))))
    decided = stats.decide(ask(server, tmp_path))
    assert stats.accuracy(decided, ["language"])["unread"].tolist() == [0.5]


@pytest.mark.parametrize(("share", "said"), [(0.25, "25.0 % (fr)"), (0.02, ""), (None, "")])
def test_a_caption_tells_of_many_answers_that_were_not_understood(
    tmp_path, monkeypatch, share, said
):
    monkeypatch.setenv("XLKB_FIGURES", str(tmp_path))
    frame = pd.DataFrame({"language": ["en", "fr"], "n": 8, "accuracy": 0.5, "low": 0.4})
    frame = frame.assign(high=0.6, gap_points=1.0, gap_low=0.0, gap_high=2.0, rule="sum")
    frame["unread"] = [0.0, share] if share is not None else np.nan
    run = profiles.load("demo", "02_general_knowledge_barrier", quick=True)
    figures.accuracy_bars(frame, "a", run, [], "Title", hue="rule")
    figures.gap_bars(frame, "b", run, [], "Title")
    figures.heat_map(frame, "c", run, [], "Title", ("language", "x"), ("rule", "y"))
    entries = json.loads((run.figures / "manifest.json").read_text())
    for name in "abc":
        assert ("not understood" in entries[name]["caption"]) == bool(said)
        assert said in entries[name]["caption"]


def test_stored_texts_are_read_anew(stub, tmp_path):
    """An older reader understood no French; what it stored is understood now."""
    server = stub(lambda path, body: (404, refused()))
    model = models.load(server.name)
    asked = recompose.full(questions.toy(1), "en")
    (prompt,) = (prompts.build(row, "letters") for row in asked)
    key = answering._key(answering.Question(prompt.context, tuple("ABCD")))
    folder = store_folder(tmp_path, model) / "answers"
    row = {"key": key, "way": "chat, text", "served": "x", "text": "La réponse est B."}
    none = pd.DataFrame([row | {"log_likelihoods": [-math.inf] * 4}])
    results.append(folder, none, results.ANSWERS)
    rows = score(model, asked, tmp_path, "letters")
    assert stats.decide(rows)["predicted"].tolist() == [1]
    assert server.asked == []


def test_an_answer_that_only_thinks_is_asked_for_with_more_room(stub, tmp_path, capsys):
    def reply(path, body):
        if path == "completions" or "logprobs" in body:
            return 400, refused("not here")
        enough = body["max_tokens"] > 100 and "q3" not in body["messages"][0]["content"]
        return 200, chatted("<think>\nA? B?" + ("</think>\n\n**B**" if enough else ""))

    server = stub(reply)
    rows = ask(server, tmp_path, n=3)
    assert stats.decide(rows)["predicted"].tolist() == [1, 1, 1]
    assert set(answers(tmp_path, server)["way"]) == {"chat, text after reasoning"}
    decided = stats.decide(ask(server, tmp_path, n=4))
    assert decided["predicted"].tolist() == [1, 1, 1, -1]
    assert "1 by no letter; 1 think until they are cut" in capsys.readouterr().out


def test_the_choices_confirm_a_letter_without_a_point():
    assert answering._letter("B Paris", "ABCD", ["Rome", "Paris", "Bern", "Oslo"]) == "B"
    assert answering._letter("B cells", "ABCD", ["Rome", "Paris", "Bern", "Oslo"]) is None
    context = "Q\nA. one\nB. two\nC. x\nD. y\nAnswer: A\n\nQ\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:"
    assert answering.Question(context, tuple("ABCD")).choices == ["1", "2", "3", "4"]


# What goes wrong


def test_malformed_answers_are_wrong_and_counted(stub, tmp_path, capsys):
    good = completion(" A", {" A": -0.1})
    odd = iter([good, {**good, "choices": []}, b'{"choices": [', completion("?", {"?": -0.1}), []])
    server = stub(lambda path, body: (200, next(odd)))
    rows = ask(server, tmp_path, n=5)
    decided = stats.decide(rows)
    assert len(decided) == 5
    assert sorted(decided["predicted"]) == [-1, -1, -1, -1, 0]
    assert not decided.loc[decided["predicted"] < 0, "correct"].any()
    assert stats.accuracy(decided, ["language"])["n"].tolist() == [5]
    assert "4 by no letter" in capsys.readouterr().out
    ask(server, tmp_path, n=5)
    assert len(server.asked) == 5


def test_a_server_of_another_kind_is_an_error(stub, tmp_path):
    server = stub(lambda path, body: (200, b"<html>Log in</html>"))
    with pytest.raises(ValueError, match="not as an OpenAI-compatible endpoint"):
        ask(server, tmp_path)
    assert answers(tmp_path, server).empty


def test_a_refused_key_is_an_error_at_once(stub, tmp_path, monkeypatch):
    server = stub(lambda path, body: (401, refused(f"Incorrect API key: {SECRET}")))
    with pytest.raises(PermissionError, match=r"HTTP 401.*OPENAI_API_KEY holds a key") as error:
        ask(server, tmp_path)
    assert SECRET not in "".join(traceback.format_exception(error.value))
    assert error.value.__context__ is None
    assert len(server.asked) == 1
    monkeypatch.delenv(api.KEY)
    with pytest.raises(PermissionError, match="OPENAI_API_KEY is not set"):
        ask(server, tmp_path)
    assert server.asked[-1][2]["authorization"] == "Bearer none"


def test_a_key_that_cannot_be_sent_is_not_repeated(monkeypatch):
    monkeypatch.setenv(api.KEY, f"{SECRET}\nmore")
    with pytest.raises(ValueError, match="OPENAI_API_KEY has characters") as error:
        api.chat("api:m@http://127.0.0.1:1/v1")
    assert SECRET not in str(error.value)


def test_a_busy_server_is_asked_again(stub, tmp_path):
    turns = iter([429, 503, 200, 429, 200])
    good = completion(" A", {" A": -0.1})
    server = stub(lambda path, body: (status := next(turns), good if status == 200 else {}, LATER))
    assert len(ask(server, tmp_path, n=2)) == 8
    tries = [headers["x-stainless-retry-count"] for *_, headers in server.asked]
    assert tries == ["0", "1", "2", "0", "1"]


def test_answers_before_a_failure_are_kept(stub, tmp_path, capsys):
    count = iter(range(100))
    good = completion(" A", {" A": -0.1})
    server = stub(lambda path, body: (200, good) if next(count) < 3 else (500, {}, LATER))
    with pytest.raises(ConnectionError, match="does not answer"):
        ask(server, tmp_path, n=6)
    assert len(answers(tmp_path, server)) == 3
    server.reply = lambda path, body: (200, good)
    asked = len(server.asked)
    assert len(ask(server, tmp_path, n=6)) == 24
    assert len(server.asked) == asked + 3
    assert len({*server.prompts()[asked:]}) == 3
    assert "computed 3 / reused 3 answers" in capsys.readouterr().out
    parts = list(tmp_path.glob("*/answers/part-*"))
    assert len(parts) == 1, "small parts are merged"


@pytest.mark.slow
def test_a_killed_process_loses_no_answer(stub, tmp_path):
    count, hold = iter(range(100)), threading.Event()

    def reply(path, body):
        if next(count) >= 5:
            hold.wait(60)
        return 200, completion(" A", {" A": -0.1})

    server = stub(reply)
    process, _ = apart.start(stubs.ask, server.name, tmp_path)
    wait_until(
        lambda: len(answers(tmp_path, server)) == 5 and len(server.asked) == 12,
        lambda: process.exitcode,
    )
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    hold.set()
    asked = len(server.asked)
    assert len(ask(server, tmp_path, n=12)) == 48
    assert len(server.asked) == asked + 7
    assert len({*server.prompts()}) == 12


def test_the_budget_stops_before_the_next_request(stub, tmp_path, monkeypatch):
    monkeypatch.setattr(answering, "IN_FLIGHT", 1)
    monkeypatch.setenv(api.PRICE, "10, 100")  # A response costs USD 0.002.
    monkeypatch.setenv(api.BUDGET, "0.006")
    server = stub(lambda path, body: (200, completion(" A", {" A": -0.1})))
    with pytest.raises(RuntimeError, match=r"USD 0\.0060 are spent .* XLKB_API_BUDGET is 0\.006"):
        ask(server, tmp_path)
    assert len(server.asked) == 3
    assert len(answers(tmp_path, server)) == 3
    (row,) = api.usage().values()
    assert row == {"requests": 3, "read": 300, "written": 30, "usd": pytest.approx(0.006)}
    with pytest.raises(RuntimeError, match="raise XLKB_API_BUDGET"):
        api.chat(server.name)("hi")
    monkeypatch.setenv(api.BUDGET, "1")
    ask(server, tmp_path)
    assert len(server.asked) == 4


def test_tokens_that_are_not_reported_count_at_their_most(stub, tmp_path, monkeypatch):
    monkeypatch.setenv(api.PRICE, "1,1")
    server = stub(lambda path, body: (200, chatted("hi", usage=None)))
    api.chat(server.name, max_tokens=7)("four")
    (row,) = api.usage().values()
    assert (row["read"], row["written"]) == (4, 7)


def test_a_bad_price_or_budget_is_named(monkeypatch):
    for text in ("1", "1,x", "1,2,3", "-1,2"):
        monkeypatch.setenv(api.PRICE, text)
        with pytest.raises(ValueError, match=r'XLKB_API_PRICE="0\.15,0\.60"'):
            api.price()
    monkeypatch.delenv(api.PRICE)
    monkeypatch.setenv(api.BUDGET, "5")
    with pytest.raises(ValueError, match="XLKB_API_PRICE"):
        models.load("api:m@http://127.0.0.1:1/v1")
    monkeypatch.setenv(api.PRICE, "1,2")
    monkeypatch.setenv(api.BUDGET, "five")
    with pytest.raises(ValueError, match="XLKB_API_BUDGET='five'"):
        models.load("api:m@http://127.0.0.1:1/v1")


def test_the_plan_reads_the_same_price(monkeypatch):
    step = plan.Step("02", "api:m@http://127.0.0.1:1/v1", "score", 10, 1e6)
    assert math.isnan(plan._money(step))
    monkeypatch.setenv(api.PRICE, "1, 2")
    assert plan._money(step) == pytest.approx(1 + 2 * 10 / 1e6)


@pytest.mark.parametrize("status", [200, 400, 403, 418, 500])
def test_the_key_is_in_no_output_and_no_file(
    stub, tmp_path, results_folder, capsys, caplog, status
):
    """The server repeats it wherever it can."""
    said = completion(f" A {SECRET}", {" A": -0.1}, model=SECRET)
    server = stub(lambda path, body: (status, said | refused(f"You sent Bearer {SECRET}"), LATER))
    with caplog.at_level(logging.DEBUG):
        if status == 200:
            ask(server, tmp_path)
        else:
            with pytest.raises((ValueError, OSError)) as error:
                ask(server, tmp_path)
            assert SECRET not in "".join(traceback.format_exception(error.value))
            assert SECRET not in repr(error.value)
    assert server.asked[0][2]["authorization"] == f"Bearer {SECRET}"
    printed = capsys.readouterr()
    assert SECRET not in printed.out + printed.err + caplog.text
    files = [p for folder in (tmp_path, results_folder) for p in folder.rglob("*") if p.is_file()]
    assert files
    for path in files:
        assert SECRET.encode() not in path.read_bytes()
    if status == 200:
        assert set(answers(tmp_path, server)["text"]) == {" A [key]"}


def test_stored_answers_are_replayed_and_none_is_asked_for(stub, results_folder, monkeypatch):
    server = stub(lambda path, body: (200, completion(" A", {" A": -0.1})))
    rows = ask(server, results_folder / "demo")
    monkeypatch.setenv("XLKB_REPLAY", "1")
    again = ask(server, results_folder / "demo")
    assert again.equals(rows)
    with pytest.raises(RuntimeError, match="Unset XLKB_REPLAY"):
        ask(server, results_folder / "demo", n=6)
    assert len(server.asked) == 4


def test_chat_gives_one_answer(stub):
    server = stub(lambda path, body: (200, chatted(" Bonjour. ")))
    translate = api.chat(server.name)
    assert translate("Hello.") == "Bonjour."
    (_, body, _) = server.asked[0]
    assert body["messages"] == [{"role": "user", "content": "Hello."}]
    server.reply = lambda path, body: (200, chatted(""))
    with pytest.raises(ValueError, match=r"no text .* 'Hello\.'"):
        translate("Hello.")


def test_help_names_the_kind():
    assert "api:MODEL@BASE_URL" in models.KINDS
    command = [sys.executable, "-m", "xlkb", "reproduce", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "api:" in shown


# A real server


def wait_until(true, code):
    """`code` gives a process's exit code, or None while it runs."""
    while not true():
        assert code() is None, f"ended with code {code()}"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(folder, port):
    """`transformers serve` with one model, until the block ends."""
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--device", "cpu"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def healthy():
        try:
            return (
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).status == 200
            )
        except OSError:
            return False

    try:
        wait_until(healthy, process.poll)
        yield process
    finally:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_the_notebook_that_asks_runs_with_an_endpoint(stub, tmp_path, monkeypatch):
    file = tmp_path / "own.jsonl"
    rows = questions.toy(8).remove_columns(["task", "subject"]).to_list()
    file.write_text("\n".join(json.dumps(row | {"subject": "toys"}) for row in rows))

    def reply(path, body):
        asked = body["prompt"].rpartition("\n\n")[2]
        known = int(re.match(r"en:q(\d+)", asked)[1]) if asked.startswith("en:") else 0
        return 200, completion("", {f" {'ABCD'[known % 4]}": -0.1, " A": -2.0})

    server = stub(reply)
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("XLKB_FIGURES", str(tmp_path / "figures"))  # For the kernel.
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    options = ["--model", server.name, "--task", f"path:{file}", "--only", "02"]
    assert reproduce.main(options) == 0
    (folder,) = (tmp_path / "figures").iterdir()
    barrier = pd.read_csv(folder / "table02c_barrier.csv")
    assert set(barrier["language"]) == {"fr", "de", "es", "it"}
    assert set(barrier["gap_points"]) == {75.0}
    assert set(barrier["unread"]) == set(barrier["reference_unread"]) == {0.0}
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("answer", [(404, {}), (200, {"tokens": "none"})])
def test_cloze_that_cannot_be_is_refused_before_anything_runs(stub, capsys, monkeypatch, answer):
    server = stub(lambda path, body: answer)
    monkeypatch.setattr(paths, "FIGURES", paths.results() / "figures")
    words = ["--model", server.name, "--style", "cloze", "--only", "02,04", "--languages", "fr"]
    assert reproduce.main(words) == 2
    assert "cannot be scored by cloze" in capsys.readouterr().err
    assert {path for path, _, _ in server.asked} == {"/tokenize"}


@pytest.fixture(scope="module")
def gemma(tmp_path_factory):
    """The default model, how to ask it eight questions, and its scores."""
    name = installed.or_skip("pip:gemma-3-270m")
    local = models.load(name, dtype="float32", device="cpu")
    asked = recompose.full(tasks.load("worldfacts", ["en"], n=8), "en")
    few = Asking("letters", n_shots=3), tasks.load("worldfacts", ["en"], "dev")
    return local, asked, few, score(local, asked, tmp_path_factory.mktemp("local"), *few)


@pytest.mark.real_model
def test_top_log_probabilities_give_the_local_scores(stub, gemma, results_folder):
    local, asked, few, expected = gemma

    def reply(path, body):
        ids = local.tokenizer(body["prompt"], return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logits = local.network(ids, logits_to_keep=1).logits[0, -1]
        top = zip(*(each.tolist() for each in logits.log_softmax(-1).topk(20)), strict=True)
        return 200, completion("", {local.tokenizer.decode([token]): value for value, token in top})

    rows = score(models.load(stub(reply).name), asked, results_folder, *few)
    # The endpoint's letters hold those without a space, too.
    assert rows["log_likelihood"].to_numpy() == pytest.approx(
        expected["log_likelihood"].to_numpy(), abs=0.01
    )


@pytest.mark.rehearsal
@pytest.mark.real_model
def test_a_real_server_agrees_with_local_scores_and_survives_being_killed(
    stub, gemma, monkeypatch, results_folder, capsys
):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    monkeypatch.setattr(api, "RETRIES", 1)
    monkeypatch.setattr(answering, "IN_FLIGHT", 2)
    """It has no chat template, so that it is asked for completions."""
    local, asked, few, expected = gemma
    folder, port = local.source, free_port()
    model = models.load(f"api:{folder}@http://127.0.0.1:{port}/v1", label="served")
    stored = store_folder(results_folder, model) / "answers"

    def kill_midway(process):
        wait_until(lambda: len(results.read(stored, results.ANSWERS)) >= 3, process.poll)
        process.kill()

    with serving(folder, port) as process:
        killer = threading.Thread(target=kill_midway, args=(process,))
        killer.start()
        with pytest.raises(ConnectionError, match="run again to go on"):
            score(model, asked, results_folder, *few)
        killer.join()
    kept = len(results.read(stored, results.ANSWERS))
    assert 3 <= kept < 8
    (before,) = (row["requests"] for row in api.usage().values())
    capsys.readouterr()
    with serving(folder, port):
        rows = score(model, asked, results_folder, *few)
    assert f"computed {8 - kept} / reused {kept} answers" in capsys.readouterr().out
    (after,) = (row["requests"] for row in api.usage().values())
    assert after - before == 8 - kept, "only what is missing is asked for"

    assert set(results.read(stored, results.ANSWERS)["way"]) == {"completions, text"}

    expected, found = (stats.decide(each)["predicted"] for each in (expected, rows))
    named = found >= 0
    assert named.sum() >= 4, "three examples show that an answer is a letter"
    assert found[named].tolist() == expected[named].tolist()

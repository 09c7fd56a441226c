"""Kind: an endpoint that never ends, lies, sends on to others, or repeats the key."""

import gzip
import itertools
import json
import socket
import threading
import time

import pytest
import questions
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import chatted, completion, refused, stubs_asked

from xlkb import commands, models
from xlkb.analysis import stats
from xlkb.ground import transfers
from xlkb.models import api
from xlkb.scoring import results, texts
from xlkb.scoring.evaluation import score
from xlkb.tasks import recompose

SECRET = "sk-test-0123456789abcdef"
DEEP = b"[" * 100_000


@pytest.fixture
def stub(monkeypatch):
    """Make stubs; the key is set, and nothing is asked twice."""
    with stubs_asked(monkeypatch, SECRET, 0) as make:
        yield make


@pytest.fixture
def raw(monkeypatch):
    """Start a server that answers each connection with these parts; gives its name."""
    monkeypatch.setattr(api, "RETRIES", 0)
    monkeypatch.setattr(api, "TIMEOUT_SECONDS", 1)
    monkeypatch.setattr(transfers, "MOST", 1 << 20)
    over, listening = threading.Event(), []

    def answer(connection, parts):
        with connection:
            asked = connection.recv(1 << 16)
            try:
                for part in parts() if asked.startswith(b"POST") else NOT_FOUND:
                    if over.is_set():
                        break
                    connection.sendall(part)
            except OSError:
                pass  # The client has had enough.

    def serve(server, parts):
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection, parts), daemon=True).start()

    def start(parts):
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)
        threading.Thread(target=serve, args=(server, parts), daemon=True).start()
        return f"api:stub@http://127.0.0.1:{server.getsockname()[1]}/v1"

    yield start
    over.set()
    for server in listening:
        server.close()


def ask(name, store, n=3, style="letters"):
    return score(models.load(name), recompose.full(questions.toy(n), "en"), store, style)


def everything(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


NOT_FOUND = [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


def slowly(parts):
    for part in parts:
        yield part
        time.sleep(0.1)


NEVER_ENDING = {
    "an endless body": (
        lambda: itertools.chain([HEAD + b"\r\n"], itertools.repeat(b"x" * 65536)),
        "",
    ),
    "an endless header": (
        lambda: itertools.chain([HEAD + b"x: "], itertools.repeat(b"x" * 9999)),
        "",
    ),
    "endless headers": (lambda: itertools.chain([HEAD], itertools.repeat(b"x: y\r\n" * 999)), ""),
    "a byte at a time": (
        lambda: slowly(itertools.chain([HEAD + b"\r\n"], itertools.repeat(b" "))),
        "does not end in time",
    ),
    "a header at a time": (
        lambda: slowly(itertools.chain([HEAD], itertools.repeat(b"x"))),
        "does not end in time",
    ),
    "nothing": (lambda: slowly(itertools.repeat(b"", 15)), ""),
    "a bomb": (lambda: [HEAD + b"content-encoding: gzip\r\n\r\n" + BOMB], "larger than 1 MB"),
    "a strange packing": (lambda: [HEAD + b"content-encoding: br\r\n\r\nxxxx"], "packed as 'br'"),
}
BOMB = gzip.compress(b" " * (1 << 25))


@pytest.mark.parametrize("case", NEVER_ENDING)
def test_an_answer_without_an_end_is_a_lost_connection_within_seconds(raw, tmp_path, case):
    parts, said = NEVER_ENDING[case]
    name, begun = raw(parts), time.monotonic()
    with pytest.raises(ConnectionError, match=f"does not answer.*{said}.*run again"):
        ask(name, tmp_path, n=1)
    assert time.monotonic() - begun < 30


def test_the_key_and_the_questions_go_to_one_host_only(stub, tmp_path, capsys):
    other = stub(lambda path, body: (200, completion(" A", {" A": -0.1})))
    to = {"location": other.name.partition("@")[2] + "/completions"}
    for status in (301, 302, 303, 307, 308):
        server = stub(lambda path, body, status=status: (status, {}, to))
        with pytest.raises(ValueError, match=rf"HTTP {status}\), and redirects are not followed"):
            ask(server.name, tmp_path)
        assert server.asked
    assert not other.asked
    assert to["location"].encode() not in everything(tmp_path)


ECHOES = {
    "an error": (400, refused(f"no, {SECRET}")),
    "a refused key": (401, refused(f"Incorrect API key: {SECRET}")),
    "a failure": (500, refused(SECRET)),
    "a page": (404, f"<html>{SECRET}</html>".encode()),
    "a body that is no JSON": (400, SECRET.encode()),
    "an answer": (200, completion(f" A {SECRET}", {f" A{SECRET}": -0.1, SECRET: -1.0})),
    "a name": (200, completion(" A", {" A": -0.1}, model=f"m-{SECRET}", id=SECRET)),
    "a chat": (200, chatted(f"A {SECRET}", model=SECRET)),
    "counts": (200, completion(" A", usage={"prompt_tokens": SECRET, SECRET: SECRET})),
    "an error with HTTP 200": (200, refused(SECRET)),
}


@pytest.mark.parametrize("case", ECHOES)
@pytest.mark.parametrize("style", ["letters", "cloze"])
def test_a_key_that_is_repeated_stands_nowhere(stub, tmp_path, capfd, results_folder, case, style):
    file = tmp_path / "q.jsonl"
    row = {"id": "q", "subject": "s", "answer": 0, "question": {"en": "What?"}}
    file.write_text(json.dumps(row | {"options": {"en": [*"abcd"]}}))
    server = stub(lambda path, body: ECHOES[case])
    server.listed = {"data": [{"id": SECRET, "max_model_len": SECRET}]}
    asked = (server.name, "--task", f"path:{file}", "--style", style)
    commands.main(["card", *asked, "--out", str(tmp_path / "card")])
    commands.main(["score", *asked, "--texts", "--out", str(tmp_path / "answers")])
    told = capfd.readouterr()
    assert server.asked[0][2]["authorization"] == f"Bearer {SECRET}", "it was sent"
    assert SECRET not in told.out + told.err
    assert SECRET.encode() not in everything(tmp_path) + everything(results_folder)
    assert "Traceback" not in told.err


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
fields = ["choices", "choice", "text", "message", "content", "logprobs", "top_logprobs", "usage"]
fields += ["prompt_tokens", "completion_tokens", "model", "token", "logprob", "finish_reason"]


def altered(value, field, new):
    """A JSON value with this field replaced wherever it stands."""
    if isinstance(value, dict):
        return {k: new if k == field else altered(v, field, new) for k, v in value.items()}
    return [altered(each, field, new) for each in value] if isinstance(value, list) else value


def test_any_value_in_any_field_is_read_or_a_question_without_an_answer(stub, tmp_path):
    server, kinds = stub(None), itertools.count()

    @settings(max_examples=40)
    @given(st.sampled_from(fields), values, st.booleans())
    def check(field, value, chat):
        whole = chatted("B", {"B": -0.1}) if chat else completion(" B", {" B": -0.1})
        server.reply = lambda path, body: (200, altered(whole, field, value))
        store = tmp_path / str(next(kinds))
        rows, said = None, ""
        try:
            rows = ask(server.name, store, n=2)
        except ValueError as error:
            said = str(error)
        if rows is None:
            assert "not as an OpenAI-compatible endpoint" in said
            return
        decided = stats.decide(rows)
        assert len(decided) == 2
        assert (rows["log_likelihood"] <= 0.01).all()
        assert all(row["usd"] >= 0 <= row["read"] for row in api.usage().values())

    check()


def test_nan_infinite_and_positive_log_probabilities_are_none(stub, tmp_path):
    odd = {" A": float("nan"), " B": 5.0, " C": float("inf"), " D": -0.5}
    server = stub(lambda path, body: (200, completion(" D", odd)))
    assert stats.decide(ask(server.name, tmp_path))["predicted"].tolist() == [3, 3, 3]


def test_of_more_choices_than_asked_for_the_first_counts(stub, tmp_path):
    one, many = completion(" B", {" B": -0.1}), completion(" A", {" A": -0.1})["choices"] * 1000
    one["choices"] += many
    server = stub(lambda path, body: (200, one))
    assert stats.decide(ask(server.name, tmp_path))["predicted"].tolist() == [1, 1, 1]


def test_tokens_below_nothing_give_no_money_back(stub, tmp_path, monkeypatch):
    monkeypatch.setenv(api.PRICE, "1,1")
    used = {"prompt_tokens": -(10**9), "completion_tokens": 10**400}
    server = stub(lambda path, body: (200, completion(" A", {" A": -0.1}, usage=used)))
    ask(server.name, tmp_path)
    (row,) = api.usage().values()
    assert 0 < row["usd"] < 1


@pytest.mark.parametrize("body", [DEEP, b"<html>Log in</html>", b"", b"\xff\xfe\0", b"null", b"[]"])
def test_what_is_no_answer_is_told_in_one_line(stub, tmp_path, body):
    server = stub(lambda path, sent: (200, body))
    with pytest.raises(ValueError, match="not as an OpenAI-compatible endpoint does"):
        ask(server.name, tmp_path)
    with pytest.raises(ValueError, match="cannot be scored by cloze"):
        ask(server.name, tmp_path, style="cloze")
    assert results.read(next(tmp_path.glob("*")) / "answers", results.ANSWERS).empty
    assert not texts._FOUND


COUNT = {"requests": 1, "read": 2, "written": 3, "usd": 0.5}
DAMAGED = ["", "{", "[]", '"x"', "5", '{"m": {}}', '{"m": []}', '{"m": null}']
DAMAGED += [json.dumps({"m": COUNT | {"usd": usd}}) for usd in ("1", None, -1, float("nan"))]


@pytest.mark.parametrize("text", DAMAGED)
def test_a_damaged_count_of_what_was_spent_is_named_before_anything_is_asked(
    stub, monkeypatch, tmp_path, text
):
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path))
    path = tmp_path / "api_usage.json"
    path.write_text(text)
    server = stub(lambda path, body: (200, completion(" A", {" A": -0.1})))
    with pytest.raises(ValueError, match=f"{path} is damaged: repair it, or delete it"):
        ask(server.name, tmp_path / "store")
    assert not server.asked
    path.write_text(json.dumps({"m": COUNT}))
    assert models.api.usage() == {"m": COUNT}

"""What endpoints accept is found out once, for letters and translations alike."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import questions
from stubs import chatted, refused, stubs_started

from xlkb import models
from xlkb.analysis import stats
from xlkb.corpora import translators
from xlkb.models import api, endpoints
from xlkb.scoring.evaluation import score
from xlkb.tasks import recompose


@pytest.fixture
def stub(monkeypatch):
    """Make stubs."""
    monkeypatch.setattr(api, "RETRIES", 0)
    monkeypatch.setattr(endpoints, "_KNOWN", {})
    with stubs_started() as make:
        yield make


def reasoner(path, body):
    """As OpenAI's reasoning models: one option is named in each refusal."""
    if path == "completions":
        return 404, refused("This is a chat model.")
    if "logprobs" in body:
        return 400, refused("logprobs are not supported with reasoning models")
    if "max_tokens" in body:
        said = "Unsupported parameter: 'max_tokens' is not supported with this model."
        return 400, refused(f"{said} Use 'max_completion_tokens' instead.")
    if "temperature" in body:
        said = "Unsupported value: 'temperature' does not support 0 with this model."
        return 400, refused(f"{said} Only the default (1) value is supported.")
    return 200, chatted("B")


def test_a_reasoning_model_gives_letters_and_translations(stub, tmp_path):
    server = stub(reasoner)
    asked = recompose.full(questions.toy(3), "en")
    rows = score(models.load(server.name), asked, tmp_path, "letters")
    assert stats.decide(rows)["predicted"].tolist() == [1, 1, 1]
    assert '"left out": [\n' in next(tmp_path.glob("*/endpoint.json")).read_text()
    before = len(server.asked)
    translate = translators.chat(*api.address(server.name))
    assert translate(["Hello.", "Bye."], "en", "fr") == ["B", "B"]
    assert len(server.asked) == before + 2, "what was learned holds"
    _, body, _ = server.asked[-1]
    assert body["max_completion_tokens"] == api.TOKENS
    assert not {"max_tokens", "temperature"} & set(body)


def test_a_server_that_takes_all_is_sent_all(stub):
    server = stub(lambda path, body: (200, chatted("hi")))
    api.chat(server.name)("hello")
    ((_, body, _),) = server.asked
    assert (body["max_tokens"], body["temperature"]) == (api.TOKENS, 0)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("temperature", "temperature must be strictly positive"),
        ("temperature", [{"loc": ["body", "temperature"], "msg": "Extra inputs not permitted"}]),
        ("max_tokens", "Unrecognized request argument supplied: max_tokens"),
    ],
)
def test_an_option_that_is_refused_is_left_out_or_replaced(stub, option, message):
    def reply(path, body):
        return (422, {"detail": message}) if option in body else (200, chatted("hi"))

    server = stub(reply)
    chat = api.chat(server.name)
    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(chat, "abcdefgh")) == {"hi"}
    refusals = sum(option in body for _, body, _ in server.asked)
    assert 1 <= refusals <= 4, "each thread learns at most once"
    before = len(server.asked)
    api.chat(server.name)("again")
    assert len(server.asked) == before + 1


def test_a_limit_that_is_too_large_is_halved(stub):
    def reply(path, body):
        if body["max_tokens"] > 300:
            return 400, refused("max_tokens is too large: this model supports at most 300")
        return 200, chatted("hi")

    server = stub(reply)
    chat = api.chat(server.name)
    assert [chat("a"), chat("b")] == ["hi", "hi"]
    assert [body["max_tokens"] for _, body, _ in server.asked] == [1024, 512, 256, 256]


def test_what_one_long_prompt_needs_is_not_kept_for_others(stub):
    def reply(path, body):
        if len(body["messages"][0]["content"]) > 100 and body["max_tokens"] > 600:
            said = "max_tokens is too large; the maximum context length is 2048"
            return 400, refused(said)
        return 200, chatted("hi")

    server = stub(reply)
    chat = api.chat(server.name)
    chat("long " * 100)
    chat("short")
    assert [body["max_tokens"] for _, body, _ in server.asked] == [1024, 512, 1024]


def test_a_refusal_without_a_reason_is_tried_as_a_reasoning_model(stub):
    def reply(path, body):
        good = "max_completion_tokens" in body and "temperature" not in body
        return (200, chatted("hi")) if good else (400, refused("Bad request"))

    server = stub(reply)
    assert api.chat(server.name)("hello") == "hi"
    assert len(server.asked) == 2


def test_what_is_refused_for_another_reason_stays_refused(stub):
    server = stub(lambda path, body: (200, chatted("hi")))
    chat = api.chat(server.name)
    chat("hello")
    server.reply = lambda path, body: (400, refused("The content is not allowed"))
    with pytest.raises(ValueError, match="The content is not allowed"):
        chat("hello")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"content": None, "refusal": "I cannot help with that."}, "refuses to answer.*I cannot"),
        ({"content": None}, "gave no text"),
        ({"content": []}, "gave no text"),
        ({"content": "<think>\n</think>"}, "gave no text"),
    ],
)
def test_no_text_is_an_error_that_says_why(stub, message, error):
    server = stub(lambda path, body: (200, {"choices": [{"message": message}]}))
    with pytest.raises(ValueError, match=error):
        api.chat(server.name)("hello")


def test_no_choices_are_an_error(stub):
    server = stub(lambda path, body: (200, {"choices": []}))
    with pytest.raises(ValueError, match="gave no text"):
        api.chat(server.name)("hello")


def test_parts_of_a_text_are_put_together(stub):
    parts = [{"type": "text", "text": "Bon"}, {"type": "text", "text": "jour"}]
    server = stub(lambda path, body: (200, {"choices": [{"message": {"content": parts}}]}))
    assert api.chat(server.name)("hello") == "Bonjour"

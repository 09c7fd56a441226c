"""Cloze by an endpoint: what vLLM and llama.cpp answer gives local scores, and what else may be
answered is refused or found out."""

import json
import signal
import threading
import time

import numpy as np
import pytest
import questions
import standins
import tiny
from stubs import chatted, refused, stubs_started

from xlkb import models, scoring
from xlkb.models import api, endpoints
from xlkb.scoring import lengths, results
from xlkb.scoring.generation import Prompt, generate
from xlkb.scoring.served import asking, lines, texts
from xlkb.scoring.tries import Pair, TokenIds, encode
from xlkb.tasks import recompose

PAIRS = [Pair("Question: Was? Answer:", " Euro"), Pair("", "Frankreich"), Pair("A ", " peso.")]


@pytest.fixture(scope="module", params=[{}, {"eos": True}, {"bos": False}], ids=str)
def local(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer(**request.param).save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(api, "RETRIES", 1)
    for known in (endpoints._KNOWN, texts._FOUND, lines._FOUND):
        known.clear()
    for name in (api.KEY, api.PRICE, api.BUDGET):
        monkeypatch.delenv(name, raising=False)
    with stubs_started() as make:
        yield make


def standin(model, kind=standins.VLLM):
    return kind(model.network, model.tokenizer)


def without(reply, *fields):
    """A server that does not know some fields."""
    return lambda path, body: reply(path, {k: v for k, v in body.items() if k not in fields})


def spoiled(reply, change):
    """A server whose `echo` is not right: `change` gets its values and gives others."""

    def answer(path, body):
        status, said = without(reply, "prompt_logprobs")(path, body)
        if body.get("echo"):
            told = said["choices"][0]["logprobs"]
            told["token_logprobs"] = change(told["token_logprobs"])
        return status, said

    return answer


@pytest.mark.parametrize("way", texts.WAYS)
def test_each_way_gives_the_local_scores(local, stub, tmp_path, way):
    reply = standin(local, standins.LlamaCpp if way == "grammar" else standins.VLLM)
    server = stub(reply if way == "prompt_logprobs" else without(reply, "prompt_logprobs"))
    served = models.load(server.name)
    asked = recompose.full(questions.toy(2), "fr")
    expected, found = (scoring.score(each, asked, tmp_path) for each in (local, served))
    assert texts.way(served) == way
    for column in ("log_likelihood", "unconditional_log_likelihood", "n_tokens"):
        assert found[column].to_numpy() == pytest.approx(expected[column].to_numpy(), abs=1e-4)
    assert found["letter_mass"].isna().all()
    assert "unread" not in found
    # What stands alone begins as the tokenizer has it; without a <s>, the server names no other.
    alone = PAIRS if local.tokenizer("a")["input_ids"][0] == 0 else PAIRS[::2]
    one, other = (scoring.scores(each, alone, tmp_path) for each in (local, served))
    assert {p: v for p, (v, _) in other.items()} == pytest.approx(
        {p: v for p, (v, _) in one.items()}, abs=1e-4
    )

    folders = [results.store_folder(tmp_path, each) for each in (local, served)]
    assert {*results.read(folders[0])["key"]} == {*results.read(folders[1])["key"]}
    about = json.loads((folders[1] / "endpoint.json").read_text())
    assert about["texts"] == {"way": way, "served": ["tiny"]}
    n = len(server.asked)
    assert scoring.score(served, asked, tmp_path).equals(found)
    assert len(server.asked) == n, "what is stored is not asked for"


def test_the_harness_sums_the_same_response_alike(one, stub, tmp_path):
    harness = pytest.importorskip("lm_eval.models.openai_completions").LocalCompletionsAPI
    reply, said = without(standin(one), "prompt_logprobs"), {}

    def answer(path, body):
        status, found = reply(path, body)
        if body.get("echo"):
            said[tuple(body["prompt"])] = found
        return status, found

    served = models.load(stub(answer).name)
    found = scoring.scores(served, PAIRS, tmp_path)
    for pair, text in zip(PAIRS, encode(one.tokenizer, PAIRS), strict=True):
        ((total, _),) = harness.parse_logprobs(said[text.ids], ctxlens=[text.start])
        assert found[pair][0] == pytest.approx(total, abs=1e-4)


FAULTS = {
    "the generated token only": (lambda values: values[-1:], "1 tokens where"),
    "one token more (BOS)": (lambda values: [None, *values], "tokens where"),
    "shifted by one": (lambda values: [*values[1:], -1.0], "contradict"),
    "shifted the other way": (lambda values: [None, *values[:-1]], "contradict"),
    "always the same": (lambda values: [-1.0 for _ in values], "contradict"),
    "no probability": (lambda values: [None for _ in values], "None stands where"),
    "texts": (lambda values: [str(each) for each in values], "stands where"),
    "above 1": (lambda values: [3.0 for _ in values], "3.0 stands where"),
    "not a list": (lambda values: 7, "does not hold"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_that_only_seems_to_echo_is_found_out(one, stub, tmp_path, fault):
    change, why = FAULTS[fault]
    server = stub(spoiled(standin(one), change))
    served = models.load(server.name)
    with pytest.raises(ValueError, match=r"cloze.*'letters' or 'paper'") as error:
        scoring.score(served, recompose.full(questions.toy(1), "en"), tmp_path)
    assert why in str(error.value)
    assert all(f"{way}: " in str(error.value) for way in texts.WAYS)
    assert len(results.read(results.store_folder(tmp_path, served))) == 0


def test_a_server_that_rounds_is_not_taken_for_one_that_errs(one, stub):
    reply, asked = standin(one), []

    def rounding(path, body):
        status, said = reply(path, body)
        asked.append(path)
        for each in said.get("choices", [{}])[0].get("prompt_logprobs") or []:
            for told in (each or {}).values():
                told["logprob"] *= 1 + 0.02 * (-1) ** len(asked)
        return status, said

    assert texts.way(models.load(stub(rounding).name)) == "prompt_logprobs"


def test_tokens_that_a_server_adds_are_found_out(one, stub):
    reply = standin(one)

    def twice(path, body):
        prompt = body.get("prompt")
        return reply(path, body | ({"prompt": [0, *prompt]} if isinstance(prompt, list) else {}))

    with pytest.raises(ValueError, match=r"reads \d+ tokens where \d+ were sent"):
        texts.way(models.load(stub(twice).name))


def test_probabilities_after_a_grammar_are_found_out(one, stub):
    reply = standin(one, standins.LlamaCpp)

    def after(path, body):
        status, said = reply(path, body)
        if "grammar" in body:
            for each in said["choices"][0]["logprobs"]["content"]:
                each["logprob"] = 0.0
        return status, said

    with pytest.raises(ValueError, match="grammar: its numbers contradict each other"):
        texts.way(models.load(stub(after).name))


def test_a_grammar_that_is_not_heard_is_found_out(one, stub):
    served = models.load(stub(without(standin(one, standins.LlamaCpp), "grammar")).name)
    with pytest.raises(ValueError, match="grammar: it generates the tokens"):
        texts.way(served)


@pytest.mark.parametrize("status", [404, 500])
def test_an_endpoint_without_a_tokenizer_is_refused_with_a_word(stub, tmp_path, status):
    served = models.load(stub(lambda path, body: (status, refused())).name)
    with pytest.raises(ValueError, match=r"Tried: /tokenize: there is none"):
        texts.way(served)
    asked = recompose.full(questions.toy(2), "en")
    assert np.isnan(scoring.context_tokens(served, asked, tmp_path)).all()
    assert lengths.per_word(served, questions.toy(2), tmp_path, ["fr"]).empty
    assert served.context is None


def test_lengths_are_those_of_the_servers_tokenizer(local, stub, tmp_path):
    served = models.load(stub(standin(local)).name)
    asked = recompose.full(questions.toy(2), "fr")
    one, other = (scoring.context_tokens(each, asked, tmp_path) for each in (local, served))
    assert one.tolist() == other.tolist()
    one, other = (
        lengths.per_word(each, questions.toy(3), tmp_path, ["fr"]) for each in (local, served)
    )
    assert one.equals(other)


def test_the_context_is_what_the_server_says(one, stub):
    server = stub(standin(one))
    server.listed = {"data": [{"id": "stub", "max_model_len": 512}]}
    assert models.load(server.name).context == 512
    server.listed = {"data": [{"id": "stub", "meta": {"n_ctx": 256}}, {"id": "b"}]}
    assert models.load(server.name).context == 256
    server.listed = {"data": [{"id": "stub", "max_model_len": "many"}]}
    assert models.load(server.name).context is None


def test_tokens_that_span_the_border_are_cut_as_locally(stub, tmp_path):
    network, tokenizer = tiny.network("llama"), tiny.merging("Ġ A", ": ĠA")
    server = stub(standins.VLLM(network, tokenizer))
    pairs = [Pair("Answer:", " A"), Pair("Answer:", " Bern")]
    with pytest.warns(UserWarning, match="In 1 of 2 pairs a token spans"):
        expected = encode(tokenizer, pairs)
    with pytest.warns(UserWarning, match="In 1 of 2 pairs a token spans"):
        assert encode(models.load(server.name).tokenizer, pairs) == expected


def failing(reply, after):
    """A server that breaks down after some answers."""
    lock, counts = threading.Lock(), [0]

    def answer(path, body):
        with lock:
            counts[0] += path == "completions"
        return (500, refused("out of memory")) if counts[0] > after else reply(path, body)

    return answer


def test_what_was_answered_before_a_failure_is_kept(one, stub, tmp_path, capsys):
    server = stub(failing(standin(one), after=12 + 9))
    served, asked = models.load(server.name), recompose.full(questions.toy(6), "en")
    with pytest.raises(ConnectionError, match=r"out of memory.*run again to go on"):
        scoring.score(served, asked, tmp_path)
    kept = len(results.read(results.store_folder(tmp_path, served)))
    assert kept > 0
    capsys.readouterr()
    server.reply = standin(one)
    rows = scoring.score(served, asked, tmp_path)
    assert f"reused {kept} scores" in capsys.readouterr().out
    expected = scoring.score(one, asked, tmp_path)["log_likelihood"].to_numpy()
    assert rows["log_likelihood"].to_numpy() == pytest.approx(expected, abs=1e-4)


def test_an_answer_that_is_suddenly_wrong_is_an_error(one, stub, tmp_path):
    server = stub(standin(one))
    served = models.load(server.name)
    assert texts.way(served) == "prompt_logprobs"
    server.reply = spoiled(standin(one), list)
    with pytest.raises(ValueError, match=r"asked by prompt_logprobs for ' Euro': its answer does"):
        scoring.scores(served, PAIRS[:1], tmp_path)


def test_the_budget_stops_texts_too(one, stub, tmp_path, monkeypatch):
    served = models.load(stub(standin(one)).name)
    texts.way(served)
    (spent,) = (row["read"] for row in api.usage().values())
    monkeypatch.setenv(api.PRICE, "1000000,0")
    monkeypatch.setenv(api.BUDGET, "100")
    with pytest.raises(RuntimeError, match=f"{api.BUDGET} is 100"):
        scoring.score(served, recompose.full(questions.toy(12), "en"), tmp_path)
    (row,) = api.usage().values()
    assert row["usd"] >= 100
    assert row["read"] - spent < 100 + 40 * (endpoints.IN_FLIGHT + 1)
    assert len(results.read(results.store_folder(tmp_path, served))) > 0


def test_lines_are_those_of_the_local_model(one, stub, tmp_path):
    served = models.load(stub(standin(one)).name)
    prompts = [Prompt("Frage: ", f"Euro {n} Antwort:") for n in range(5)]
    expected, found = (generate(each, prompts, tmp_path, 8) for each in (one, served))
    assert found.equals(expected)


def test_lines_are_asked_for_in_a_chat_where_there_is_nothing_else(stub, tmp_path):
    def reply(path, body):
        said = body["messages"][0]["content"].splitlines()[-1] if path != "completions" else ""
        more = {"finish_reason": "stop"}
        return (404, refused()) if path == "completions" else (200, chatted(f" {said}\nB", **more))

    server = stub(reply)
    found = generate(models.load(server.name), [Prompt("x\n", t) for t in "abc"], tmp_path)
    assert found["text"].tolist() == ["a", "b", "c"]
    assert not found["cut"].any()
    assert [path for path, _, _ in server.asked].count("completions") == 1


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt])
def test_after_a_failure_or_an_interrupt_what_is_on_its_way_is_given(stop, request):
    # A shell's background jobs begin with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    go = threading.Event()

    def ask(n):
        if n == 0:
            threading.Timer(1, go.set).start()
            if stop is ValueError:
                return asking.Told([], ValueError())
            time.sleep(0.2)  # All are wanted by then.
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        go.wait(60)
        return asking.Told([n])

    given = []
    with pytest.raises(stop):
        given.extend(asking.together(ask, range(99)))
    assert {n for n, _ in given} >= set(range(1, endpoints.IN_FLIGHT))
    assert all(values == [n] for n, values in given)
    assert len(given) <= endpoints.IN_FLIGHT, "nothing more is asked"


def test_probabilities_of_zero_are_as_small_as_float32_knows():
    def ask(ids, **_):
        return {"prompt_logprobs": [None, {"1": {"logprob": -9999.0}}, {"2": {"logprob": -120.0}}]}

    found = texts._measured(ask, "prompt_logprobs", TokenIds((0, 1, 2), 1))
    assert found == [texts.LEAST, -120.0]

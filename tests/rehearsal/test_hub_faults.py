"""What goes wrong with the hub ends in a right result or one clear message, and loses nothing."""

import shutil
import traceback

import pytest

from xlkb import corpora, models, tasks
from xlkb.corpora import translators
from xlkb.tasks import tofu

LLAMA = "meta-llama/Llama-2-7b-hf"
QUIZ = "cross-ling-know/HarryPotter-Quiz"
NLLB = "facebook/nllb-200-distilled-600M"
TOKEN = "hf_" + "x" * 34


def llama():
    return models.load(f"hub:{LLAMA}", dtype="float32", device="cpu")


def translate():
    speak = translators.by_name(f"nllb:{NLLB}", ["en", "fr"])
    return speak(["The old stone bridge"], "en", "fr")


READ = {
    LLAMA: lambda: llama().network,
    QUIZ: lambda: tasks.load("hp_quiz"),
    "cais/mmlu": lambda: tasks.load("mmlu", ("en",)),
    "allenai/ai2_arc": lambda: tasks.load("arc"),
    "locuslab/TOFU": lambda: tofu.load("world_facts"),
    "facebook/flores": lambda: corpora.load("flores", ("en", "fr")),
    NLLB: translate,
}
"""Repository -> what reads it."""

every = pytest.mark.parametrize("name", READ)


@pytest.fixture(autouse=True)
def nothing_held(hub, monkeypatch):
    """No network in memory, and no long waits: the client's own retries take 24 s."""
    models.release()
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)


def refused(name):
    """The message that reading a repository ends with; no token and no request is in the error."""
    with pytest.raises(OSError, match=name) as error:
        READ[name]()
    assert TOKEN not in "".join(traceback.format_exception(error.value))
    return str(error.value)


@every
def test_a_gated_repository_says_where_its_terms_are(hub, monkeypatch, name):
    hub.faults.set(name, gated=True, tokens=["granted"])
    said = refused(name)
    assert f"{name}, then run `hf auth login`" in said
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "it is gated. Accept its terms at https://huggingface.co/" in refused(name)
    monkeypatch.setenv("HF_TOKEN", "granted")
    assert READ[name]()


@every
def test_a_repository_that_is_not_there_may_be_private(hub, name):
    hub.faults.set(name, hidden=True)
    assert "does not exist, or is private" in refused(name)


@every
def test_a_token_that_has_expired_is_named_as_the_reason(hub, monkeypatch, name):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.faults.refused_tokens.add(TOKEN)
    assert "rejects the access token" in refused(name)


@every
def test_a_commit_that_is_gone_is_named(hub, name):
    hub.faults.set(name, gone=list(hub.find(name).commits))
    commit = hub.find(name).branches["main"]
    wanted = {LLAMA: "main", NLLB: translators.REVISIONS[NLLB]}.get(name, commit)
    assert f"there is no revision '{wanted}'" in refused(name)


@every
def test_a_hub_that_is_in_a_hurry_is_waited_for(hub, name):
    hub.faults.set(name, limited=3, retry_after=1)
    assert READ[name]()


@every
@pytest.mark.parametrize(("fault", "said"), [("limited", "429"), ("broken", "503")])
def test_a_hub_that_stays_in_trouble_is_no_wrong_token(hub, name, fault, said):
    hub.faults.set(name, **{fault: 1000})
    message = refused(name)
    assert f"HTTP {said}" in message
    assert "token" not in message
    hub.faults.set(name, **{fault: 0})
    assert READ[name]()


@every
def test_a_connection_that_is_cut_goes_on_where_it_was(hub, name):
    hub.faults.set(name, cut=1)
    assert READ[name]()
    (twice,) = (file for file, n in hub.fetched(name).items() if n == 2)
    assert twice


@every
def test_a_connection_that_is_always_cut_loses_no_file_that_came(hub, name):
    hub.faults.set(name, cut=-1, cut_file="*.safetensors" if name in (LLAMA, NLLB) else "*")
    assert "goes on from what was fetched" in refused(name)
    came = dict(hub.fetched(name))
    hub.faults.set(name, cut=0)
    assert READ[name]()
    again = [file for file, n in hub.fetched(name).items() if n > came.get(file, 0)]
    assert "config.json" not in again


@every
def test_without_a_network_what_was_fetched_is_enough(hub, name):
    first = READ[name]()
    models.release()
    hub.stop()
    assert type(READ[name]()) is type(first)


@every
def test_without_a_network_and_a_copy_the_hub_cannot_be_reached(hub, name):
    hub.stop()
    assert "the hub cannot be reached" in refused(name)


def test_a_model_whose_weights_cannot_be_fetched_is_not_called_pickled(hub):
    model = llama()
    hub.faults.set(LLAMA, gated=True)
    with pytest.raises(OSError, match="it is gated"):
        _ = model.network
    with pytest.raises(OSError, match="it is gated"):
        _ = model.tokenizer


def test_pickled_weights_are_refused_and_not_fetched(hub):
    hub.pickle(LLAMA)
    with pytest.raises(ValueError, match="pickled weights only"):
        _ = llama().network
    assert "pytorch_model.bin" not in hub.fetched(LLAMA)


def test_a_model_that_moved_is_another_one_and_the_old_commit_stays(hub):
    before = llama()
    commit = hub.move(LLAMA)
    after = llama()
    assert (after.revision, before.revision != commit) == (commit, True)
    assert after.fingerprint != before.fingerprint
    pinned = models.load(f"hub:{LLAMA}@{before.revision}", dtype="float32", device="cpu")
    assert pinned.fingerprint == before.fingerprint


def test_weights_are_fetched_once_and_other_forms_of_them_never(hub):
    model = llama()
    assert model.tokenizer
    assert "model.safetensors" not in hub.fetched(LLAMA)
    assert model.network
    assert set(hub.fetched(LLAMA).values()) == {1}


def test_a_download_that_was_killed_leaves_nothing_that_looks_whole(hub, tmp_path):
    assert tasks.load("hp_quiz")
    for blob in (tmp_path / "hf" / "hub").glob("datasets--*Quiz/blobs/*"):
        blob.unlink()
    shutil.rmtree(next((tmp_path / "hf" / "hub").glob("datasets--*Quiz/snapshots")))
    assert len(tasks.load("hp_quiz")) == 300

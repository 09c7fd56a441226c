"""What a run needs of the hub is asked for at once; all that is wrong is listed with its cure."""

import importlib.util
import shutil
import threading
import time
from collections import namedtuple

import huggingface_hub
import pytest
import tiny
from hub import Hub, repository
from hub.repositories import write_json

from xlkb import models, profiles, tasks
from xlkb.commands import finetune, line, reproduce
from xlkb.commands.before import preflight, wanted
from xlkb.commands.before.wanted import Wanted
from xlkb.corpora import translators
from xlkb.ground import hub as ground
from xlkb.models import checkpoints, tokens
from xlkb.training import sizes

Usage = namedtuple("Usage", "total used free")
NAMES = [f"tiny/model-{number}" for number in range(6)]
QUIZ = tasks.needed("hp_quiz", ["en", "fr"])


def _model(folder):
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)


def _sentencepiece(folder):
    _model(folder)
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"a vocabulary")


def _adapter(folder):
    write_json(folder, "adapter_config.json", {})


def _quiz(folder):
    for name in ("English", "French", "German"):
        (folder / "data").mkdir(exist_ok=True)
        (folder / f"data/{name}-00000-of-00001.parquet").write_bytes(b"questions")


@pytest.fixture(scope="module")
def hub_standin(tmp_path_factory):
    """The one that the fixture `hub` gives in this module."""
    every = [repository("model", name, _model) for name in NAMES]
    every.append(repository("model", "tiny/pieces", _sentencepiece))
    every.append(
        repository("model", "tiny/adapter", lambda f: write_json(f, "adapter_config.json", {}))
    )
    every.append(repository("dataset", QUIZ[0].name, _quiz, QUIZ[0].revision))
    made = Hub(tmp_path_factory.mktemp("hub"), every)
    yield made
    made.stop()


def want(*names, **more):
    return Wanted(models=tuple(f"hub:{name}" for name in names), **more)


def refused(asked):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        preflight.require(asked)
    return str(error.value)


def token(monkeypatch, value="hf_SECRET"):
    monkeypatch.setenv("HF_TOKEN", value)


def test_everything_that_is_wrong_is_in_one_list_and_nothing_is_fetched(hub, monkeypatch, capsys):
    token(monkeypatch)
    hub.faults.set(NAMES[0], gated=True)
    hub.faults.set(NAMES[1], hidden=True)
    hub.pickle(NAMES[2])
    hub.faults.set(QUIZ[0].name, gone=[QUIZ[0].revision])
    asked = want(*NAMES[:5], "tiny/adapter", f"{NAMES[5]}@v9", data=tuple(QUIZ))
    asked = asked._replace(models=(*asked.models, "path:nowhere"))
    said = refused(asked)
    assert said.startswith("7 things are wrong; nothing was fetched or computed:\n  1. ")
    page = "https://huggingface.co/tiny/model-"
    for number in range(8):
        assert (f"  {number + 1}. " in said) == (number < 7)
    for cure in (
        f"hub:{NAMES[0]}: it is gated. Accept its terms at {page}0, then run `hf auth login`.",
        f"hub:{NAMES[1]}: {page}1 does not exist, or is private",
        f"hub:{NAMES[2]}: it has pickled weights only.",
        f"there is no revision 'v9'; see {page}5/commits/main",
        "hub:tiny/adapter: https://huggingface.co/tiny/adapter has no config.json (an adapter?",
        f"the data set {QUIZ[0].name}: there is no revision '{QUIZ[0].revision}'",
        "nowhere",
    ):
        assert cure in said
    assert "SECRET" not in said
    assert not hub.faults.sent
    capsys.readouterr()
    code = line.command(lambda: preflight.require(asked), "")
    assert (code, capsys.readouterr().err) == (2, f"error: {said}\n")


def test_when_all_is_there_a_line_says_what_it_takes(hub, capsys):
    size = preflight.require(want(*NAMES, data=tuple(QUIZ)))
    said = capsys.readouterr().out
    assert said.startswith("6 models and 1 data set of the hub: all there, ")
    assert "GB free" in said
    assert "GB in float32 (hub:tiny/model-" in said or "GB in bfloat16" in said
    source = checkpoints.on_hub(NAMES[0])
    files = ground.files(source, ground.ask(source))
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(files)
    assert size == 6 * sum(files.values()) + 2 * len(b"questions"), "the German file is not needed"
    assert not hub.faults.sent
    once = {path: n for (_, path), n in hub.faults.requests.items() if "/revision/" in path}
    assert set(once.values()) == {1}, "each repository is asked for once"


def test_what_is_cached_is_not_fetched_again(hub, capsys):
    checkpoints.fetch(NAMES[0], checkpoints.hub_commit(NAMES[0]))
    preflight.require(want(NAMES[0]))
    assert "all there, and all in the cache" in capsys.readouterr().out
    hub.move(NAMES[0])  # To a commit that has the same weights.
    assert preflight.require(want(NAMES[0])) == 0
    assert preflight.require(want(*NAMES[:2])) > 0


def test_a_licence_that_was_accepted_counts(hub, monkeypatch):
    hub.faults.set(NAMES[0], gated=True, tokens=["hf_SECRET"])
    assert "gated" in refused(want(NAMES[0]))
    token(monkeypatch)
    preflight.require(want(NAMES[0]))


def test_a_rejected_token_is_one_problem(hub, monkeypatch):
    token(monkeypatch)
    hub.faults.refused_tokens.add("hf_SECRET")
    said = refused(want(*NAMES))
    assert said.count("rejects the access token. Run `hf auth login` with a valid one") == 1
    assert "SECRET" not in said


def test_a_busy_hub_is_asked_again_before_it_is_said(hub, monkeypatch):
    monkeypatch.setattr(ground, "RETRIES", 1)
    hub.faults.set(NAMES[0], limited=1)
    preflight.require(want(NAMES[0]))
    hub.faults.set(NAMES[0], limited=2)
    hub.faults.set(NAMES[1], limited=2)
    said = refused(want(*NAMES[:2]))
    assert said.count("the hub is busy (HTTP 429). Give the same command again in some") == 1


# Without a network


def test_without_a_network_what_is_cached_is_used_and_the_rest_is_one_problem(hub, capsys):
    checkpoints.fetch(NAMES[0], checkpoints.hub_commit(NAMES[0]))
    models.load(f"hub:{NAMES[1]}")  # Its config alone.
    ground.folder(QUIZ[0])
    hub.stop()
    preflight.require(want(NAMES[0], data=tuple(QUIZ)))
    assert "1 model and 1 data set of the hub: all there, and all in" in capsys.readouterr().out
    said = refused(want(*NAMES[:3], data=tuple(tasks.needed("hp_quiz", ["de", "fr"]))))
    assert said.startswith("The hub cannot be reached, and these have not been fetched before: ")
    assert f": hub:{NAMES[1]}, hub:{NAMES[2]}, the data set {QUIZ[0].name}. " in said
    assert "bring copies: path:FOLDER" in said


def test_offline_mode_is_named(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert "(HF_HUB_OFFLINE is set: unset it)" in refused(want(NAMES[0]))


def sleeping(monkeypatch, instead):
    """Let this thread sleep `instead`; the one that tells of progress sleeps as ever."""
    sleep = time.sleep
    main = threading.main_thread()
    monkeypatch.setattr(
        "time.sleep", lambda s: (instead if threading.current_thread() is main else sleep)(s)
    )


def test_a_model_whose_network_dies_is_loaded_from_the_cache_without_waiting(hub, monkeypatch):
    model = models.load(f"hub:{NAMES[0]}", device="cpu", dtype="float32")
    ids = model.tokenizer("euro", return_tensors="pt")["input_ids"]
    before = model.network(ids).logits
    hub.stop()
    models.release()
    tokens.load.cache_clear()
    sleeping(monkeypatch, lambda _: pytest.fail("it waits for the hub"))
    again = models.load(f"hub:{NAMES[0]}", device="cpu", dtype="float32")
    assert again.fingerprint == model.fingerprint
    assert again.tokenizer("euro", return_tensors="pt")["input_ids"].equal(ids)
    assert again.network(ids).logits.equal(before)


def test_a_model_that_is_not_whole_is_named_and_not_taken_for_pickled(hub, monkeypatch):
    sleeping(monkeypatch, lambda _: None)
    model = models.load(f"hub:{NAMES[0]}", device="cpu", dtype="float32")
    hub.stop()
    for part in ("tokenizer", "network"):
        with pytest.raises(OSError, match=f"{NAMES[0]} .*the hub cannot be reached"):
            getattr(model, part)
    hub.mend()
    assert model.network


def test_pickled_weights_are_refused_when_they_are_loaded(hub):
    hub.pickle(NAMES[0])
    model = models.load(f"hub:{NAMES[0]}", device="cpu", dtype="float32")
    with pytest.raises(ValueError, match="pickled weights only"):
        _ = model.network
    assert "pytorch_model.bin" not in hub.fetched(NAMES[0])


def test_a_connection_that_breaks_is_told_from_one_that_is_not_there(hub, monkeypatch):
    from huggingface_hub.utils import httpx

    def broken(*_, local_files_only=False, **__):
        if local_files_only:
            raise huggingface_hub.errors.LocalEntryNotFoundError("not there")
        raise httpx.ReadError("reset")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", broken)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", broken)
    with pytest.raises(OSError, match="the connection breaks off"):
        models.load(f"hub:{NAMES[0]}")
    with pytest.raises(OSError, match="the connection breaks off"):
        ground.folder(QUIZ[0])


# Room and packages


def test_a_disk_that_is_too_small_is_said_with_the_sum_of_everything(hub, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: Usage(10, 9, 1000))
    said = refused(want(*NAMES))
    assert "too little room" in said
    assert "HF_HOME" in said


def test_models_too_large_for_the_memory_are_one_problem_with_what_would_fit(hub, monkeypatch):
    source = checkpoints.on_hub(NAMES[0])
    weights = ground.files(source, ground.ask(source))["model.safetensors"]
    monkeypatch.setattr(sizes, "memory", lambda device: (weights * 0.5, "a toaster"))
    said = refused(want(*NAMES[:2]))
    assert said.startswith("Too large in ")
    assert "because a toaster has 0.0 GB, 90% of it for weights: hub:tiny/model-0 (" in said
    assert "hub:tiny/model-1 (" in said
    assert "In Python, models.load takes dtype='int8' or dtype='nf4'." in said
    monkeypatch.setattr(sizes, "memory", lambda device: (weights * 2.0, "a toaster"))
    preflight.require(want(*NAMES[:2]))


def test_memory_is_measured():
    room, where = sizes.memory("cpu")
    assert room > 1e8
    assert where == "this machine"


def test_missing_packages_are_named_with_what_needs_them(hub, monkeypatch):
    plain = importlib.util.find_spec
    gone = {"sentencepiece", "google.protobuf", "bitsandbytes"}
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name in gone else plain(name, *more),
    )
    packages = tuple(wanted.of_recipe("lora", method="qlora"))
    said = refused(want("tiny/pieces", NAMES[0], packages=packages))
    assert "sentencepiece is missing, for the tokenizer of hub:tiny/pieces: pip" in said
    assert "pip install protobuf" in said
    assert "The package bitsandbytes is missing, for the recipe lora" in said
    assert said.startswith("3 things are wrong")


# What a command needs


def test_what_the_paper_needs_is_its_models_and_the_pinned_data_sets(monkeypatch):
    found = reproduce.uses(reproduce.parse(["--profile", "paper"]))
    assert set(found.models) == set(profiles.load("paper").every_model)
    assert {each.name for each in found.data} == {
        *("cais/mmlu", "openai/MMMLU", "jon-tow/okapi_mmlu", "cross-ling-know/mixup-lang-mmlu"),
        *("facebook/flores", "Salesforce/wikitext"),
    }
    assert all(len(each.revision) == 40 for each in found.data)
    third = reproduce.uses(reproduce.parse(["--profile", "paper", "--only", "03"]))
    assert (third.data, third.translators) == ((), ())
    (nllb,) = translators.needed(found.translators[0])
    assert nllb.revision == translators.REVISIONS[nllb.name]


def test_the_demo_and_a_replay_need_nothing_of_the_hub(monkeypatch):
    found = reproduce.uses(reproduce.parse([]))
    assert (found.data, found.translators) == ((), ())
    assert not any(map(models.needed, found.models))
    monkeypatch.setenv("XLKB_REPLAY", "1")
    assert models.needed("hub:a/b") == []


def test_data_in_a_folder_needs_nothing(monkeypatch, tmp_path):
    assert tasks.needed("mmlu:somewhere", ["fr"]) == []
    assert tasks.needed("worldfacts") == tasks.needed("path:q.jsonl") == []
    for name in ("mmlu", "arc", "hp_quiz", "belebele", "tofu"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("XLKB_DATA", str(tmp_path))
    for name in ("mmlu", "arc", "hp_quiz", "belebele"):
        assert tasks.needed(name, ["fr"], released=True) == []
    assert tasks.tofu.needed(["full"]) == []


def test_commands_at_the_end_are_part_of_the_list(hub, monkeypatch, capsys):
    from xlkb.profiles import reading

    hub.faults.set(NAMES[0], gated=True)
    command = f"finetune hub:{NAMES[0]} nowhere.txt"
    plain = reading._read
    monkeypatch.setattr(reading, "_read", lambda name: plain(name) | {"then": (command,)})
    assert reproduce.main([]) == 2
    assert f"hub:{NAMES[0]}: it is gated" in capsys.readouterr().err
    assert finetune.main([f"hub:{NAMES[0]}", "nowhere.txt"]) == 2
    assert f"hub:{NAMES[0]}: it is gated" in capsys.readouterr().err
    assert not hub.faults.sent


@pytest.mark.parametrize("name", ["mmlu", "arc", "hp_quiz", "belebele"])
def test_what_a_task_needs_is_what_it_fetches(name, monkeypatch):
    asked = []

    def fetch(source):
        asked.append(source)
        raise OSError("not here")

    monkeypatch.setattr(ground, "folder", fetch)
    with pytest.raises(OSError, match="not here"):
        tasks.load(name, ["en", "fr"])
    assert asked == tasks.needed(name, ["en", "fr"])[:1]

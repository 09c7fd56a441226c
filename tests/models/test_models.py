"""Models by name: identified without loading, loaded safely, and never mistaken for another."""

import gc
import json
import pickle
import shutil
import subprocess
import sys
import traceback
import weakref
from types import SimpleNamespace

import installed
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlkb import models
from xlkb.models import pip_models
from xlkb.scoring import likelihoods
from xlkb.scoring.tries import Pair

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A saved tiny model, not to be changed."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "tiny-llama")


def load(folder, **options):
    return models.load(f"path:{folder}", **({"dtype": "float32", "device": "cpu"} | options))


def save_adapter(base, folder, zero=False, seed=0):
    """A LoRA adapter of the model in `base`; with `zero` it is as PEFT initialises it."""
    import peft

    torch.manual_seed(seed)
    network = load(base).instantiate()
    adapted = peft.get_peft_model(
        network, peft.LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    )
    if not zero:
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.data.normal_()
    adapted.save_pretrained(folder)
    return folder


def store(results_folder, **changes):
    """Pretend that results of a model are stored."""
    run = {
        "name": "pip:gemma-3-270m",
        "label": "Gemma",
        "fingerprint": "f" * 64,
        "weights_fingerprint": "0" * 64,
        "adapter": None,
        "adapter_fingerprint": None,
        "dtype": "bfloat16",
    } | changes
    folder = results_folder / "demo" / f"model-{run['fingerprint'][:12]}"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(run))


# Names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pip:gema-3-270m", "Did you mean 'pip:gemma-3-270m'"),
        ("gemma-3-270m", "Did you mean 'pip:gemma-3-270m'"),
        ("smollm2", "Did you mean 'pip:smollm2-135m'"),
        ("hub", "hub:org/name"),
        ("hub:gpt2", "two parts"),
        ("meta-llama/Meta-Llama-3-8B", "Did you mean 'hub:meta-llama/Meta-Llama-3-8B'"),
        ("path:", "path:FOLDER"),
        ("", "pip:gemma-3-270m, pip:smollm2-135m"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, hint):
    with pytest.raises(ValueError, match="There is no model") as error:
        models.load(name)
    assert hint in str(error.value)


def test_a_folder_without_its_prefix_is_recognised(saved):
    with pytest.raises(ValueError, match=f"Did you mean 'path:{saved}'"):
        models.load(str(saved))


@pytest.mark.parametrize("option", [{"dtype": "bf16"}, {"device": "gpu"}])
def test_an_unknown_option_is_answered_with_the_choices(saved, option):
    with pytest.raises(ValueError, match="choose"):
        load(saved, **option)


def test_slugs_of_the_default_models():
    assert models.slug("pip:gemma-3-270m") == "gemma-3-270m"
    assert models.slug("hub:org/name@v1.0") == "org-name-v1.0"
    assert models.slug("path:/somewhere/my model/") == "my-model"


@given(st.text())
def test_a_slug_is_one_ordinary_file_name(text):
    for name in (text, f"hub:{text}"):
        assert models.slug(name).strip(".")
        assert not set(models.slug(name)) & set('/\\:*?"<>| \n\0')


def test_a_pip_model_is_identified_without_torch_or_conversion(tmp_path):
    cache = pip_models.folder("gemma-3-270m").relative_to(pip_models.paths.cache())
    (tmp_path / cache).mkdir(parents=True)
    code = """if True:
        import sys
        from xlkb import models
        model = models.load("pip:gemma-3-270m", dtype="bfloat16")
        assert len(model.fingerprint) == 64
        assert not {"torch", "transformers", "gguf"} & set(sys.modules)
    """
    environment = {"XLKB_CACHE": str(tmp_path), "PATH": ""}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


# Folders


def test_a_saved_model_loads_with_its_weights(saved):
    model = load(saved)
    assert model.label == "tiny-llama"
    assert model.network.dtype == torch.float32
    assert not model.network.training
    assert model.network.config._attn_implementation == "sdpa"
    ids = model.tokenizer("currency", return_tensors="pt")["input_ids"]
    expected = tiny.network("llama")(ids).logits
    torch.testing.assert_close(model.network(ids).logits, expected)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_the_fingerprint_follows_every_byte_that_matters(saved, copy, file):
    assert load(copy).fingerprint == load(saved).fingerprint
    content = bytearray((copy / file).read_bytes())
    content[-2] ^= 1
    (copy / file).write_bytes(content)
    assert load(copy).fingerprint != load(saved).fingerprint


def test_the_fingerprint_ignores_notes(saved, copy):
    (copy / "README.md").write_text("A model card.")
    assert load(copy).fingerprint == load(saved).fingerprint


def test_the_fingerprint_follows_the_dtype(saved):
    assert load(saved).fingerprint != load(saved, dtype="bfloat16").fingerprint


def test_the_network_has_the_dtype_of_the_fingerprint(saved):
    assert load(saved, dtype="bfloat16").network.dtype == torch.bfloat16


def test_a_missing_folder_is_answered_with_its_neighbour(saved):
    with pytest.raises(FileNotFoundError, match=f"Did you mean {saved}?"):
        models.load(f"path:{saved.parent}/tiny-lama")


@pytest.mark.parametrize(
    ("file", "message"), [("config.json", "no config.json"), ("model.safetensors", "no weights")]
)
def test_a_missing_file_is_named(copy, file, message):
    (copy / file).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        load(copy)


def test_a_missing_tokenizer_is_named(copy):
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"no tokenizer.*save_pretrained"):
        load(copy)


def test_pickled_weights_are_refused(copy):
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model.bin.* pickled .* refused"):
        load(copy)


def test_float16_overflow_is_noticed(tmp_path):
    network = tiny.network("llama")
    network.model.embed_tokens.weight.data.mul_(1e3)
    network.lm_head.weight.data.mul_(1e5)
    network.save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="overflows float16"):
        _ = load(tmp_path, dtype="float16").network


# Adapters


def test_an_adapter_changes_label_fingerprint_and_scores(saved, tmp_path):
    plain = load(saved)
    adapted = load(saved, adapter=save_adapter(saved, tmp_path / "mixed"))
    assert adapted.label == "tiny-llama + mixed"
    assert adapted.fingerprint != plain.fingerprint
    pairs = [Pair("Question: euro?\nAnswer:", " yen"), Pair("Question: euro?\nAnswer:", " euro")]
    one, other = (
        {
            index: value
            for indices, values, _ in likelihoods.log_likelihoods(m.network, m.tokenizer, pairs)
            for index, value in zip(indices, values, strict=True)
        }
        for m in (plain, adapted)
    )
    assert all(abs(one[i] - other[i]) > 1e-4 for i in (0, 1))


def test_an_adapter_without_effect_is_an_error(saved, tmp_path):
    model = load(saved, adapter=save_adapter(saved, tmp_path / "fresh", zero=True))
    with pytest.raises(ValueError, match="changes no logit"):
        _ = model.network


def test_the_fingerprint_follows_the_adapter_but_not_where_it_was_trained(saved, tmp_path):
    one = save_adapter(saved, tmp_path / "one")
    other = save_adapter(saved, tmp_path / "other", seed=1)
    before = load(saved, adapter=one).fingerprint
    assert load(saved, adapter=other).fingerprint != before
    config = json.loads((one / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "elsewhere"
    (one / "adapter_config.json").write_text(json.dumps(config))
    assert load(saved, adapter=one).fingerprint == before


def test_an_adapter_is_not_a_model(saved, tmp_path):
    folder = save_adapter(saved, tmp_path / "adapter")
    with pytest.raises(ValueError, match=r"is an adapter.*adapter="):
        load(folder)


def test_a_pickled_adapter_is_refused(saved, tmp_path):
    folder = save_adapter(saved, tmp_path / "adapter")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(ValueError, match="pickled"):
        load(saved, adapter=folder)


# Devices


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True}, "float32"),
        ({"avx512_bf16": True, "amx_bf16": True}, "bfloat16"),
        ({"neon": True, "bf16": True}, "bfloat16"),
        ({"avx2": True}, "float32"),
    ],
)
def test_the_processor_decides_the_dtype(saved, monkeypatch, capabilities, dtype):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert load(saved, dtype="auto").dtype == dtype


def test_a_gpu_that_is_not_there_is_an_error(saved, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="finds no CUDA device"):
        _ = load(saved, device="cuda:1").network


# Stored results


def test_replay_finds_the_model_that_the_results_came_from(results_folder, monkeypatch):
    store(results_folder)
    monkeypatch.setenv("XLKB_REPLAY", "1")
    model = models.load("pip:gemma-3-270m")
    assert (model.fingerprint, model.dtype, model.label) == ("f" * 64, "bfloat16", "Gemma")
    assert models.load("pip:gemma-3-270m", label="Mine").label == "Mine"


@pytest.mark.parametrize("part", ["network", "tokenizer"])
def test_replay_loads_nothing(results_folder, monkeypatch, part):
    store(results_folder)
    monkeypatch.setenv("XLKB_REPLAY", "1")
    model = models.load("pip:gemma-3-270m")
    with pytest.raises(RuntimeError, match=r"Scores of Gemma .*f{12}.* Unset XLKB_REPLAY"):
        getattr(model, part)


def test_replay_without_results_says_so(results_folder, monkeypatch):
    store(results_folder)
    monkeypatch.setenv("XLKB_REPLAY", "1")
    for name, options in [
        ("pip:smollm2-135m", {}),
        ("pip:gemma-3-270m", {"dtype": "float32"}),
        ("pip:gemma-3-270m", {"adapter": "runs/mixed"}),
    ]:
        with pytest.raises(FileNotFoundError, match="has none of"):
            models.load(name, **options)


def test_replay_tells_adapters_and_dtypes_apart(results_folder, monkeypatch):
    store(results_folder, fingerprint="a" * 64)
    store(results_folder, fingerprint="b" * 64, dtype="float32")
    store(results_folder, fingerprint="c" * 64, adapter="mixed")
    monkeypatch.setenv("XLKB_REPLAY", "1")
    with pytest.raises(ValueError, match=r"aaaaaaaaaaaa \(bfloat16\).*Pass dtype="):
        models.load("pip:gemma-3-270m")
    assert models.load("pip:gemma-3-270m", dtype="float32").fingerprint == "b" * 64
    assert models.load("pip:gemma-3-270m", adapter="runs/mixed").fingerprint == "c" * 64


def test_replay_reads_what_describe_wrote(saved, results_folder, monkeypatch):
    model = load(saved)
    store(results_folder, **json.loads(json.dumps(model.describe())))
    monkeypatch.setenv("XLKB_REPLAY", "1")
    assert load(saved).describe() == model.describe()


def test_a_models_context_is_known_without_its_weights(saved, results_folder, monkeypatch):
    model = load(saved)
    monkeypatch.setattr(models.LanguageModel, "instantiate", None)
    assert model.context == tiny.SMALL["max_position_embeddings"]
    assert model.describe()["context"] == model.context
    store(results_folder, **json.loads(json.dumps(model.describe())))
    store(results_folder)
    monkeypatch.setenv("XLKB_REPLAY", "1")
    assert load(saved).context == model.context
    assert models.load("pip:gemma-3-270m").context is None  # Stored before it was written down.


@pytest.mark.parametrize("kind", ["MambaConfig", "GPT2Config", "Gemma3Config"])
def test_the_context_is_that_of_the_text_model(kind):
    import transformers

    from xlkb.models import checkpoints

    expected = {"MambaConfig": None, "GPT2Config": 1024, "Gemma3Config": 131_072}[kind]
    assert checkpoints.context(getattr(transformers, kind)()) == expected


def test_a_damaged_description_is_named(results_folder, monkeypatch):
    store(results_folder)
    (path,) = results_folder.rglob("model.json")
    path.write_text(path.read_text()[:40])
    monkeypatch.setenv("XLKB_REPLAY", "1")
    with pytest.raises(ValueError, match=f"{path} is damaged"):
        models.load("pip:gemma-3-270m")


# The hub


def refusal(kind):
    """An error of huggingface_hub whose request carries an access token."""
    from huggingface_hub import errors

    request = SimpleNamespace(headers={"authorization": "hf_SECRET"}, url="https://huggingface.co")
    response = SimpleNamespace(status_code=401, headers={}, request=request)
    try:
        return getattr(errors, kind)("refused hf_SECRET", response=response)
    except TypeError:
        return getattr(errors, kind)("refused hf_SECRET")


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("GatedRepoError", "Accept its terms at https://huggingface.co/org/name, .*hf auth login"),
        ("RepositoryNotFoundError", "does not exist, or is private"),
        ("RevisionNotFoundError", "no revision 'v9'"),
        ("LocalEntryNotFoundError", "cannot be reached"),
        ("RemoteEntryNotFoundError", "no config.json"),
        ("HfHubHTTPError", "hf auth login"),
    ],
)
def test_what_the_hub_refuses_is_explained(monkeypatch, kind, hint):
    import huggingface_hub

    def refuse(*arguments, **options):
        raise refusal(kind)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(OSError, match=hint) as error:
        models.load("hub:org/name@v9")
    assert "SECRET" not in "".join(traceback.format_exception(error.value))


def test_without_a_network_the_hub_cannot_be_reached(monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=r"hub:org/name .*cannot be reached"):
        models.load("hub:org/name")


def test_a_hub_model_is_identified_by_its_commit_and_loads_from_the_cache(
    saved, tmp_path, monkeypatch
):
    import huggingface_hub

    repository = tmp_path / "models--org--name"
    shutil.copytree(saved, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    model = models.load("hub:org/name", dtype="float32", device="cpu")
    assert (model.label, model.revision) == ("org/name", COMMIT)
    pinned = models.load(f"hub:org/name@{COMMIT}", dtype="float32", device="cpu")
    assert pinned.fingerprint == model.fingerprint
    ids = model.tokenizer("euro", return_tensors="pt")["input_ids"]
    torch.testing.assert_close(model.network(ids).logits, tiny.network("llama")(ids).logits)


# Real weights


@pytest.mark.real_model
@pytest.mark.parametrize("name", models.names())
def test_a_pip_model_knows_the_capital_of_france(name):
    model = models.load(installed.or_skip(name))
    begin = [model.tokenizer.bos_token_id] if "gemma" in name else []
    assert model.tokenizer("hi")["input_ids"][:-1] == begin
    assert model.context == model.network.config.max_position_embeddings
    ids = model.tokenizer("The capital of France is", return_tensors="pt")["input_ids"]
    after = model.network(ids.to(model.network.device)).logits[0, -1].log_softmax(-1)
    right, wrong = (
        after[model.tokenizer(f" {city}", add_special_tokens=False)["input_ids"][0]]
        for city in ("Paris", "Berlin")
    )
    assert right > wrong + 1


def test_only_the_network_asked_for_last_is_held(saved):
    one, other = load(saved), load(saved)
    first = weakref.ref(one.network)
    assert one.network is first()
    assert other.network is not first()
    gc.collect()
    assert first() is None
    second = weakref.ref(other.network)
    models.release()
    gc.collect()
    assert second() is None


def test_a_model_travels_by_name_and_never_arrives_as_another(copy):
    model = models.load(f"path:{copy}", dtype="float32", device="cpu", label="mine")
    model.__dict__["source"] = "only here"
    parcel = pickle.dumps(model)
    there = pickle.loads(parcel)
    assert (there.label, there.fingerprint, there.source) == ("mine", model.fingerprint, copy)
    tiny.network("llama", seed=1).save_pretrained(copy)
    with pytest.raises(RuntimeError, match=r"mine is another one on .* same models"):
        pickle.loads(parcel)

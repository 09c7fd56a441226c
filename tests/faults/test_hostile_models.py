"""Kind: model folders, adapters and GGUF files that were made to run code, or to never end."""

import json
import pickle
import shutil
import struct

import pytest
import tiny
import torch

from xlkb import commands, models
from xlkb.models import gguf_conversion

ROW = {"id": "q", "subject": "s", "answer": 0, "question": {"en": "Which?"}}
ROW |= {"options": {"en": ["one", "two", "three", "four"]}}
NEST = b"[" * 100_000


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "tiny"
    tiny.saved(folder)
    return folder


@pytest.fixture
def folder(good, tmp_path):
    """A copy of a good model, to be changed; `ran` beside it must never be there."""
    (tmp_path / "q.jsonl").write_text(json.dumps(ROW))
    yield shutil.copytree(good, tmp_path / "model", dirs_exist_ok=True)
    assert not (tmp_path / "ran").exists(), "code of the folder was run"


def asked(folder, *more):
    beside = folder.parent
    task = ("--task", f"path:{beside / 'q.jsonl'}", "--out", str(beside / "out"))
    return commands.main(["score", f"path:{folder}", *task, *more])


def refused(capsys, folder, *more):
    assert asked(folder, *more) in (1, 2)
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert len(said) < 1_500
    return said.partition("error: ")[2]


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def evil(folder):
    """Code that leaves a file when it is imported, and names of what it defines."""
    ran = folder.parent / "ran"
    (folder / "evil.py").write_text(f"open({str(ran)!r}, 'w')\n\nclass Evil:\n    pass\n")
    return {"auto_map": {name: "evil.Evil" for name in ("AutoConfig", "AutoModelForCausalLM")}}


def damaging(folder):
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Touch(folder.parent / "ran")))


def indexed(folder, where):
    """Weights where an index says."""
    names = [*tiny.network().state_dict()]
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, where)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def test_pickled_weights_are_refused_and_not_unpickled(folder, capsys):
    damaging(folder)
    (folder / "model.safetensors").unlink()
    assert "pickled weights only" in refused(capsys, folder)


def test_pickled_weights_beside_others_are_not_unpickled(folder, capsys):
    damaging(folder)
    (folder / "model.safetensors").rename(folder / "x.safetensors")
    assert "no file named model.safetensors" in refused(capsys, folder)


@pytest.mark.parametrize("where", ["pytorch_model.bin", "../good/tiny/model.safetensors", "", 5])
def test_an_index_that_names_other_files_is_refused(folder, capsys, where):
    damaging(folder)
    indexed(folder, where)
    assert "only files of safetensors beside it are read" in refused(capsys, folder)


def test_code_beside_a_known_architecture_is_not_run(folder):
    change(folder / "config.json", **evil(folder))
    change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Evil", None]})
    (folder / "generation_config.json").write_text('{"custom_generate": "evil"}')
    assert asked(folder) == 0


def test_an_architecture_of_its_own_is_refused(folder, capsys):
    change(folder / "config.json", model_type="evil", **evil(folder))
    assert "code that came with it, which is never run" in refused(capsys, folder)


def test_a_tokenizer_of_its_own_is_refused(folder, capsys):
    evil(folder)
    named = {"tokenizer_class": "Evil", "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}
    change(folder / "tokenizer_config.json", **named)
    assert "code that came with it, which is never run" in refused(capsys, folder)


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("value", ["ORG/KERNEL", {"text_config": "ORG/KERNEL@main:f"}])
def test_kernels_of_the_hub_are_refused(folder, capsys, name, value):
    change(folder / "config.json", **{name: value})
    assert "code of the hub, which is never run: remove it" in refused(capsys, folder)


def test_a_template_of_a_chat_is_not_rendered(folder, tmp_path):
    ran = tmp_path / "ran"
    code = f"{{{{ cycler.__init__.__globals__.os.system('touch {ran}') }}}}"
    (folder / "chat_template.jinja").write_text(code + "{% for i in range(10**12) %}{% endfor %}")
    change(folder / "tokenizer_config.json", chat_template=code)
    assert asked(folder, "--style", "letters") == 0


def test_weights_behind_a_link_are_those_that_the_fingerprint_tells(folder, good, tmp_path):
    name = f"path:{folder}"
    whole = models.load(name).fingerprint
    (folder / "model.safetensors").rename(tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    assert models.load(name).fingerprint == whole
    (folder / "config.json").unlink()
    (folder / "config.json").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match=r"config\.json is damaged, it is no JSON") as told:
        _ = models.load(name).source
    assert ":0:0:" not in str(told.value)


def reweighted(folder, change, **sizes):
    """The model of a folder with other weights: of another size, or as `change` leaves them."""
    network = tiny.network("llama", **sizes)
    with torch.no_grad():
        change(network)
    network.save_pretrained(folder)


def test_a_tokenizer_with_more_tokens_than_the_network_is_named(folder, capsys):
    reweighted(folder, lambda _: None, vocab_size=60)
    assert "The tokenizer gives tokens that the network does not know" in refused(capsys, folder)
    texts = folder.parent / "texts.txt"
    texts.write_text("\n\n".join(tiny.TEXT * 4))
    run = ["--folder", str(folder.parent / "run"), "--sequence-length", "16", "--max-steps", "1"]
    assert commands.main(["finetune", f"path:{folder}", str(texts), *run]) in (1, 2)
    assert "error: The tokenizer gives tokens that the network" in capsys.readouterr().err


def test_weights_that_are_no_numbers_are_named(folder, capsys):
    reweighted(folder, lambda network: network.lm_head.weight.fill_(float("nan")))
    assert f"The scores of {folder} are no numbers (torch." in refused(capsys, folder)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_hidden_layers": 1}, "are of layers that its config has not, as model.layers.1."),
        ({"num_hidden_layers": 9}, "are missing, as model.layers.4."),
        ({"vocab_size": 500}, "have another shape, as "),
        ({"intermediate_size": 8}, "have another shape, as model.layers.0.mlp."),
        ({"hidden_size": 64}, "have another shape, as "),
    ],
    ids=str,
)
def test_weights_that_do_not_fit_their_config_are_named(folder, capsys, values, said):
    change(folder / "config.json", **values)
    told = refused(capsys, folder)
    assert f"The weights of {folder} do not fit its config: " in told
    assert said in told


def test_a_model_without_the_file_of_its_tokenizer_is_named(folder, capsys):
    (folder / "tokenizer.json").unlink()
    assert str(folder) in refused(capsys, folder)


def test_a_model_that_can_read_no_prompt_has_no_accuracy(folder, capsys):
    change(folder / "config.json", max_position_embeddings=4)
    with pytest.warns(UserWarning, match="left out"):
        assert asked(folder) == 0
    assert "No prompt was answered.\n1 prompts are left out" in capsys.readouterr().out


CONFIGS = {
    "nested": NEST,
    "nested objects": b'{"a":' * 100_000,
    "a list": b"[]",
    "nothing": b"null",
    "zero bytes": b"\0" * 99,
    "70 MB": b'{"a":"' + b"x" * 70_000_000 + b'"}',
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_is_none_is_named(folder, capsys, case):
    (folder / "config.json").write_bytes(CONFIGS[case])
    assert "config.json" in refused(capsys, folder)


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 10**9},
        {"num_hidden_layers": -1},
        {"num_hidden_layers": 0},
        {"num_local_experts": 10**9},
        {"hidden_size": 10**12},
        {"vocab_size": 10**12},
        {"num_attention_heads": 0},
        {"hidden_act": "../../x"},
        {"hidden_size": "x"},
        {"dtype": "os.system"},
        {"quantization_config": {"quant_method": "gptq"}},
        {"model_type": "../../x"},
    ],
    ids=str,
)
def test_a_config_of_no_model_is_refused_at_once(folder, capsys, values):
    change(folder / "config.json", **values)
    assert refused(capsys, folder)


def header(file, **values):
    """Change what the header of safetensors says of the first weight."""
    data = file.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    told = json.loads(data[8:end])
    told[next(name for name in told if name != "__metadata__")] |= values
    made = json.dumps(told).encode()
    file.write_bytes(struct.pack("<Q", len(made)) + made + data[end:])


@pytest.mark.parametrize(
    "values",
    [{"data_offsets": [0, 2**62]}, {"data_offsets": [-5, 3]}, {"shape": [2**40, 2**40]}],
    ids=str,
)
def test_weights_of_other_lengths_are_damaged(folder, capsys, values):
    header(folder / "model.safetensors", **values)
    assert "model.safetensors cannot be read" in refused(capsys, folder)


@pytest.mark.parametrize(
    "data", [b"", struct.pack("<Q", 2**63) + b"x", b"\x04" + b"\0" * 7 + b"null"]
)
def test_weights_that_are_none_are_damaged(folder, capsys, data):
    (folder / "model.safetensors").write_bytes(data)
    assert "model.safetensors cannot be read" in refused(capsys, folder)


@pytest.mark.parametrize(
    ("file", "data"),
    [
        *[("tokenizer.json", data) for data in (b"{}", NEST, b"\0", b"")],
        *[("tokenizer_config.json", data) for data in (NEST, b"\0", b"")],
    ],
)
def test_a_tokenizer_that_is_none_is_damaged(folder, capsys, file, data):
    (folder / file).write_bytes(data)
    assert "tokenizer" in refused(capsys, folder)


@pytest.fixture
def adapter(tmp_path):
    """An adapter of PEFT for the tiny model, which changes it."""
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    get_peft_model(tiny.network(), settings).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def loaded(folder, adapter):
    return models.load(f"path:{folder}", adapter=adapter).network


def test_a_pickled_adapter_is_not_unpickled(folder, adapter):
    damaging(adapter.parent / "model")
    (folder / "pytorch_model.bin").rename(adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(ValueError, match="pickled weights only"):
        loaded(folder, adapter)


@pytest.mark.parametrize(
    "values",
    [
        {"base_model_name_or_path": "org/another", "auto_mapping": {"parent_library": "evil"}},
        {"peft_type": "../../x"},
        {"target_modules": ["nowhere"]},
        {"r": 10**6},
        {"r": "x"},
    ],
    ids=str,
)
def test_an_adapter_for_another_model_asks_nobody_and_runs_nothing(folder, adapter, values):
    change(adapter / "adapter_config.json", **values)
    if "base_model_name_or_path" in values:
        assert loaded(folder, adapter), "its base is the model that it was given"
    else:
        with pytest.raises((ValueError, RuntimeError)):
            loaded(folder, adapter)


@pytest.mark.parametrize("data", [NEST, b"[]", b"\0"])
def test_an_adapter_without_a_config_is_damaged(folder, adapter, data):
    (adapter / "adapter_config.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"adapter_config\.json is damaged"):
        loaded(folder, adapter)


def test_an_adapter_of_another_architecture_is_an_error(folder, adapter, tmp_path):
    other = tmp_path / "other"
    tiny.network("llama", hidden_size=64).save_pretrained(other)
    tiny.tokenizer().save_pretrained(other)
    with pytest.raises((ValueError, RuntimeError), match=r"size mismatch|changes no logit"):
        loaded(other, adapter)


# GGUF files behind the SHA-256 that a pip model must have


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def field(name, kind, data):
    return text(name) + struct.pack("<I", kind) + data


def number(value):
    return struct.pack("<I", value)


def listed(kind, count, data=b""):
    return struct.pack("<IQ", kind, count) + data


ARCHITECTURE = field("general.architecture", 8, text("llama"))
META = [
    ARCHITECTURE,
    field("llama.block_count", 4, number(1)),
    field("llama.embedding_length", 4, number(32)),
    field("tokenizer.ggml.model", 8, text("gpt2")),
    field("tokenizer.ggml.tokens", 9, listed(8, 3, text("a") + text("b") + text("ab"))),
    field("tokenizer.ggml.merges", 9, listed(8, 1, text("a b"))),
]


def tensor(kind=0, offset=0, dims=(32, 3), n=None):
    shape = b"".join(struct.pack("<Q", size) for size in dims)
    head = text("output.weight") + number(len(dims) if n is None else n)
    return head + shape + struct.pack("<IQ", kind, offset)


def gguf(meta=META, tensors=None, n_tensors=None, n_meta=None):
    tensors = [tensor()] if tensors is None else tensors
    counts = (len(tensors) if n_tensors is None else n_tensors, n_meta or len(meta))
    data = b"GGUF" + struct.pack("<IQQ", 3, *counts) + b"".join([*meta, *tensors])
    return data + b"\0" * (-len(data) % 32) + b"\0" * 400


GGUF = {
    "empty": b"",
    "another file": b"PK\3\4" + gguf()[4:],
    "cut": gguf()[:200],
    "2^63 tensors": gguf(n_tensors=2**63),
    "-1 tensors": gguf(n_tensors=2**64 - 1),
    "-1 fields": gguf(n_meta=2**64 - 1),
    "a name of 2^63 bytes": gguf([struct.pack("<Q", 2**63)]),
    "a name of -1 bytes": gguf([struct.pack("<Q", 2**64 - 1)]),
    "2^62 texts": gguf([*META[:4], field("tokenizer.ggml.tokens", 9, listed(8, 2**62))]),
    "2^62 bytes": gguf([*META, field("x", 9, listed(0, 2**62))]),
    "lists of lists": gguf([*META, field("x", 9, listed(9, 1) * 1000)]),
    "a field twice": gguf([*META, ARCHITECTURE]),
    "2^31 dimensions": gguf(tensors=[tensor(n=2**31)]),
    "2^80 values": gguf(tensors=[tensor(dims=(2**40, 2**40))]),
    "-1 values": gguf(tensors=[tensor(dims=(2**64 - 1, 1))]),
    "an offset of 2^62": gguf(tensors=[tensor(offset=2**62)]),
    "a negative offset": gguf(tensors=[tensor(offset=2**64 - 8)]),
    "an unknown kind": gguf(tensors=[tensor(kind=999)]),
    "no alignment": gguf([*META, field("general.alignment", 4, number(0))]),
    "2^31 layers": gguf([META[0], field("llama.block_count", 4, number(2**31)), *META[2:]]),
    "an unknown architecture": gguf([field(*("general.architecture", 8, text("../x"))), *META[1:]]),
    "merges of no tokens": gguf(
        [*META[:5], field(*("tokenizer.ggml.merges", 9, listed(8, 1, text("x y"))))]
    ),
    "nothing in it": gguf(tensors=[]),
    "whole but for the weights": gguf(),
}


@pytest.mark.parametrize("case", GGUF)
def test_a_gguf_file_with_wrong_lengths_is_refused_at_once(tmp_path, case):
    file = tmp_path / "source.gguf"
    file.write_bytes(GGUF[case])
    with pytest.raises(ValueError, match=r".") as told:
        gguf_conversion.convert(file, tmp_path)
    assert len(str(told.value)) < 1_500
    assert not (tmp_path / "model.safetensors").exists()

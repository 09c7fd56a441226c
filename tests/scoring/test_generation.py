"""Generation: the same line as transformers' own greedy decoding, stored and resumable."""

import pytest
import tiny
import torch

from xlkb import models
from xlkb.scoring import generation, results
from xlkb.scoring.generation import Prompt

SHOTS = "Question: Which currency? Answer: euro\n\n"
OWN = [
    "Frage: Welche Währung?",
    "Pregunta: ¿Qué moneda se usa en este país: Francia?",
    "A",
    "問題：",
]


@pytest.fixture(scope="module", params=["llama", "gemma3", "qwen2", "mistral", "gpt2"])
def model(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / request.param
    tiny.network(request.param).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def alone(model, text: str, n: int) -> str:
    """Greedy decoding without batch, cache or library."""
    ids = model.tokenizer(text)["input_ids"]
    start = len(ids)
    ends = set(generation._ends(model.tokenizer))
    for _ in range(n):
        with torch.no_grad():
            logits = model.network(torch.tensor([ids]), use_cache=False).logits
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] in ends:
            break
    text = model.tokenizer.decode(ids[start:], skip_special_tokens=True)
    return text.partition("\n")[0].strip()


def test_batched_lines_are_those_of_plain_greedy_decoding(model, tmp_path):
    prompts = [
        Prompt(shared, own) for shared in ("", SHOTS, "Frage: Euro?\n" + SHOTS) for own in OWN
    ]
    found = generation.generate(model, prompts, tmp_path, max_new_tokens=12)
    assert found["text"].tolist() == [alone(model, p.shared + p.own, 12) for p in prompts]
    assert (found["n_tokens"] <= 12).all()
    lengths = [len(model.tokenizer(p.shared + p.own)["input_ids"]) for p in prompts]
    assert found["n_prompt"].tolist() == lengths


def test_an_interrupted_run_goes_on(model, tmp_path, monkeypatch, capsys):
    prompts = [Prompt(SHOTS, own) for own in OWN]
    whole = generation.generate(model, prompts, tmp_path / "whole", max_new_tokens=6)
    monkeypatch.setitem(generation.BATCH, "cpu", 2)
    calls, run = [], generation._texts

    def killed(*arguments):
        calls.append(arguments)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(generation, "_texts", killed)
    with pytest.raises(KeyboardInterrupt):
        generation.generate(model, prompts, tmp_path / "cut", max_new_tokens=6)
    monkeypatch.setattr(generation, "_texts", run)
    capsys.readouterr()
    again = generation.generate(model, prompts, tmp_path / "cut", max_new_tokens=6)
    assert "computed 2 / reused 2 texts" in capsys.readouterr().out
    assert again["text"].tolist() == whole["text"].tolist()


def test_memory_running_out_halves_the_batch(model, tmp_path, monkeypatch):
    run = generation._decode

    def small(network, ids, *arguments):
        if len(ids) > 1:
            raise MemoryError
        return run(network, ids, *arguments)

    prompts = [Prompt(SHOTS, own) for own in OWN]
    whole = generation.generate(model, prompts, tmp_path / "whole", max_new_tokens=4)
    monkeypatch.setattr(generation, "_decode", small)
    halved = generation.generate(model, prompts, tmp_path / "halved", max_new_tokens=4)
    assert halved["text"].tolist() == whole["text"].tolist()


def test_a_prompt_beyond_the_context_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="context of 512: use fewer demonstrations"):
        generation.generate(model, [Prompt(SHOTS * 60, "A")], tmp_path)


def test_every_line_break_ends_a_text(model):
    ends = generation._ends(model.tokenizer)
    assert model.tokenizer.eos_token_id == ends[0]
    assert model.tokenizer("\n\n")["input_ids"][-1] in ends


def test_the_reference_keeps_generated_texts(model, tmp_path):
    prompts = [Prompt("", own) for own in OWN]
    generation.generate(model, prompts, tmp_path / "a", max_new_tokens=3)
    (folder,) = (tmp_path / "a").iterdir()
    results.compact(folder, tmp_path / "b")
    merged = results.read(tmp_path / "b" / "generations", results.GENERATIONS)
    assert len(merged) == len(OWN)

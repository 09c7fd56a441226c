"""Models that translate: NLLB in this process, or any model behind an OpenAI-compatible endpoint.

A translator is a function `(texts, source, target) -> translations` over lists of texts and
language codes. Those made here have a `name`, which says exactly what translates (model and commit
or fingerprint, never a key), and a `batch_size`, of texts per call. A chat model has `cleaned` too,
a function of what it said and of the source.
"""

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlkb.ground import hub, progress
from xlkb.ground import languages as room
from xlkb.ground.languages import LANGUAGES
from xlkb.models import api, checkpoints, replies, tokens

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Translator = Callable[[list[str], str, str], list[str]]

FORMS = "nllb:MODEL (a folder, or org/name[@revision] on the hub) or api:MODEL@BASE_URL"

REVISIONS = {
    "facebook/nllb-200-distilled-600M": "a3e77be725cf30383f1faeb8d2f0b0ea98ac554e",
}
"""Commits with safetensors of models whose main branch has pickled weights only (refs/pr/45)."""

INSTRUCTION = (
    "Translate the following {source} text into {target}. It may be a part of a sentence: "
    "translate it as it stands and complete nothing. Answer with the translation alone.\n\n{text}"
)
INSTRUCTION_VERSION = 1
AT_ONCE = 8
"""Requests under way at a time."""


def by_name(name: str, languages: Iterable[str] = ()) -> Translator:
    """A translator by name: `nllb:MODEL` or `api:MODEL@BASE_URL`.

    Args:
        languages: codes that it has to know. An NLLB model's tokenizer is read to see that, not its
            weights.

    Raises:
        ValueError: the name has another form (see `check`), a language that the model lacks, and
            what `nllb` and `chat` raise.
    """
    check(name)
    kind, _, rest = name.partition(":")
    if kind == "api":
        return chat(*api.address(name))
    made = nllb(rest)
    if languages:
        place, revision, _ = _located(rest)
        tokenizer = tokens.load(place, revision, made.name)
        for code in languages:
            _token(tokenizer, code, made.name)
    return made


def check(name: str) -> None:
    """Raise ValueError unless this is a translator's name."""
    kind, _, rest = name.partition(":")
    if kind == "api":
        api.address(name)
    elif kind != "nllb" or not rest:
        raise ValueError(f"There is no translator of this name; translators are named {FORMS}.")


def needed(name: str) -> list[hub.Source]:
    """What a translator by this name reads of the hub: nothing of a folder or an endpoint."""
    kind, _, rest = name.partition(":")
    repository = _repository(rest) if kind == "nllb" else None
    return [checkpoints.on_hub(*repository)] if repository else []


def nllb(model: str, device: str = "auto") -> Translator:
    """A translator of an NLLB model: a folder, or "org/name[@revision]" on the hub.

    Beam search with 4 beams, in float32. The weights are loaded when the first text comes: where
    all is in a cache already, never. Of "facebook/nllb-200-distilled-600M", whose main branch has
    pickled weights only, the commit in `REVISIONS` is taken.

    Raises:
        ValueError: pickled weights only; later, a language that the model lacks, or a text that is
            longer than it reads.
        FileNotFoundError: there is no such folder. OSError: the hub cannot be reached.
    """
    import torch

    place, revision, name = _located(model)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"

    @cache
    def loaded() -> tuple["PreTrainedTokenizerBase", "PreTrainedModel"]:
        from transformers import AutoModelForSeq2SeqLM

        with progress.step(f"Loading {name}"):
            safe = {"revision": revision, "use_safetensors": True, "trust_remote_code": False}
            if on_hub := isinstance(place, str):
                checkpoints.fetch(place, revision)
            else:
                checkpoints.check(place)
            with checkpoints.readable(name):
                network = AutoModelForSeq2SeqLM.from_pretrained(
                    place, **safe, local_files_only=on_hub
                )
            tokenizer = tokens.load(place, revision, name)
        network.generation_config.max_length = None  # Beside max_new_tokens, each call warns of it.
        return tokenizer, network.eval().to(device)

    def translator(texts: list[str], source: str, target: str) -> list[str]:
        tokenizer, network = loaded()
        _token(tokenizer, source, name)
        tokenizer.src_lang = room.FLORES[source]
        options = {"return_tensors": "pt", "padding": True, "split_special_tokens": True}
        inputs = tokenizer(texts, **options).to(network.device)
        length, longest = inputs["input_ids"].shape[1], network.config.max_position_embeddings
        if length > longest:
            text = max(texts, key=len)
            raise ValueError(
                f"{name} reads {longest} tokens, and a text has {length}: cut it into units of "
                f"words, or end its sentences. It begins {text[:80]!r}."
            )
        # A model that repeats itself is stopped; the audit finds such texts by their length.
        limit = min(longest, 3 * length + 32)
        with torch.inference_mode():
            written = network.generate(
                **inputs,
                forced_bos_token_id=_token(tokenizer, target, name),
                num_beams=4,
                max_new_tokens=limit,
            )
        return tokenizer.batch_decode(written, skip_special_tokens=True)

    translator.name, translator.batch_size = name, 16 if device == "cpu" else 128
    return translator


def chat(model: str, base_url: str) -> Translator:
    """A translator of a chat model behind an OpenAI-compatible endpoint, greedy (`api.chat`).

    Each text is one request, and its answer is cleaned of what is no translation
    (`replies.cleaned`).

    Raises:
        ValueError: `base_url` is not one; later, an answer that was cut, or none but thinking, or a
            refusal.
        ModuleNotFoundError: the openai package is not installed.
        PermissionError, ConnectionError, RuntimeError: later, as of `api.send`.
    """
    name = "api:{}@{}".format(*api.address(f"api:{model}@{base_url}"))
    answer = api.chat(name)

    def translator(texts: list[str], source: str, target: str) -> list[str]:
        names = {"source": LANGUAGES[source].name, "target": LANGUAGES[target].name}
        messages = [INSTRUCTION.format(**names, text=text) for text in texts]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(answer, messages, texts))

    translator.cleaned = replies.cleaned
    translator.name, translator.batch_size = f"{name}, instruction {INSTRUCTION_VERSION}", 64
    return translator


def _token(tokenizer: "PreTrainedTokenizerBase", language: str, name: str) -> int:
    """The token that stands for a language; ValueError when the model of this name has none."""
    token = tokenizer.convert_tokens_to_ids(room.FLORES[language])
    if token in (None, tokenizer.unk_token_id):
        raise ValueError(f"{name} has no {LANGUAGES[language].name} ({room.FLORES[language]}).")
    return token


def _located(model: str) -> tuple[str | Path, str, str]:
    """What `from_pretrained` takes, the revision, and the name with commit or fingerprint."""
    found = _repository(model)
    if found is None:
        folder, weights = checkpoints.model_folder(model)
        return folder, "main", f"nllb:{folder.name}@{weights[:12]}"
    commit = checkpoints.hub_commit(*found)
    return found[0], commit, f"nllb:{found[0]}@{commit[:12]}"


def _repository(model: str) -> tuple[str, str | None] | None:
    """Repository and revision on the hub; None where this is a folder."""
    match = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", model)
    if match is None or Path(model).expanduser().is_dir():
        return None
    return match[1], match[2] or REVISIONS.get(match[1])

"""Tokenizers of the kinds that the real models have, trained on a few hundred sentences.

The files are those of the real repositories, with their settings; only the vocabulary is small.
"""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import sentencepiece
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers.convert_slow_tokenizer import generate_merges

from . import words
from .repositories import write_json

SIZE = 900

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Llama 3, and almost so Qwen and Nemo, cut texts (its tokenizer.json)."""


def bytes_bpe(
    folder: Path,
    special: Sequence[str],
    kind: str,
    roles: Mapping[str, str],
    files: bool = False,
    **more: object,
) -> None:
    """A byte-level BPE tokenizer: Llama 3, Qwen, Cohere, Nemo.

    Args:
        special: tokens with the first numbers, or the last, after the vocabulary, with `files`.
        kind: the class named in tokenizer_config.json.
        roles: "bos", "eos" or "pad" -> the token; a bos is put before each text.
        files: whether vocab.json and merges.txt lie beside tokenizer.json.
    """
    core = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(LLAMA3), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    core.pre_tokenizer = pre_tokenizers.Sequence([split, level])
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SIZE,
        special_tokens=[] if files else list(special),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(words.sample(), trainer)
    if files:
        core.model.save(str(folder))
        core.add_special_tokens(list(special))
    if bos := roles.get("bos"):
        number = core.token_to_id(bos)
        template = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=[(bos, number)])
        level = processors.ByteLevel(trim_offsets=False)
        core.post_processor = processors.Sequence([level, template])
    core.save(str(folder / "tokenizer.json"))
    _settings(folder, kind, roles, **more)


def pieces(
    folder: Path,
    kind: str = "LlamaTokenizer",
    converted: bool = True,
    ends: bool = False,
    **more: object,
) -> None:
    """A SentencePiece tokenizer, BPE with bytes: Llama 2, Mistral, Tower, Zamba.

    Args:
        kind: the class named in tokenizer_config.json.
        converted: whether there is a tokenizer.json beside tokenizer.model.
        ends: whether it puts an end token after each text, too.
    """
    (folder / "tokenizer.model").write_bytes(_model())
    special = {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}
    more = {"add_bos_token": True, "add_eos_token": ends, "legacy": False} | more
    _settings(folder, kind, special, **more)
    if converted:
        core = _converted(_model())
        before = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        core.normalizer = normalizers.Sequence(before)
        template = " ".join(["<s>", "$A", *["</s>"] * ends])
        numbers = [("<s>", 1), ("</s>", 2)]
        core.post_processor = processors.TemplateProcessing(template, special_tokens=numbers)
        core.decoder = decoders.Sequence([*_DECODERS, decoders.Strip(content=" ", left=1)])
        core.save(str(folder / "tokenizer.json"))


def gemma(folder: Path) -> None:
    """Gemma's: SentencePiece without a space before a text, <bos> before each."""
    (folder / "tokenizer.model").write_bytes(_model(gemma=True))
    core = _converted(_model(gemma=True))
    core.normalizer = normalizers.Replace(" ", "▁")
    core.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    core.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 2)])
    core.decoder = decoders.Sequence(_DECODERS)
    core.save(str(folder / "tokenizer.json"))
    _settings(
        folder,
        "GemmaTokenizer",
        {"bos": "<bos>", "eos": "<eos>", "unk": "<unk>", "pad": "<pad>"},
        add_bos_token=True,
        add_eos_token=False,
    )


_DECODERS = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]


@cache
def _model(gemma: bool = False) -> bytes:
    """A SentencePiece model of the words here, with a token for each byte."""
    order = {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3} if gemma else {"pad_id": -1}
    order |= {"bos_piece": "<bos>", "eos_piece": "<eos>"} if gemma else {}
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words.sample()),
        model_writer=made,
        vocab_size=SIZE,
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        add_dummy_prefix=not gemma,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        character_coverage=0.9995,
        num_threads=1,
        minloglevel=2,
        **order,
    )
    return made.getvalue()


def _converted(model: bytes) -> Tokenizer:
    """The same vocabulary and merges for the library tokenizers."""
    read = sentencepiece.SentencePieceProcessor(model_proto=model)
    size = read.get_piece_size()
    vocabulary = {read.id_to_piece(number): number for number in range(size)}
    scores = {read.id_to_piece(number): read.get_score(number) for number in range(size)}
    special = [read.id_to_piece(n) for n in range(size) if read.is_control(n) or read.is_unknown(n)]
    merges = generate_merges(vocabulary, scores, special)
    options = {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    core = Tokenizer(models.BPE(vocabulary, merges, **options))
    core.add_special_tokens(special)
    return core


def _settings(folder: Path, kind: str, special: Mapping[str, str], **more: object) -> None:
    """tokenizer_config.json and special_tokens_map.json; `special` by its role: "bos" …"""
    named = {f"{role}_token": token for role, token in special.items()}
    write_json(folder, "special_tokens_map.json", named)
    config = {"tokenizer_class": kind, "clean_up_tokenization_spaces": False, **named, **more}
    write_json(folder, "tokenizer_config.json", config)

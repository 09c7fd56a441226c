"""A tiny NLLB, `facebook/nllb-200-distilled-600M`, that enciphers: for each token it says a number.

Random weights would translate into nothing, or into one word for ever, and the package rightly
refuses such translations (`xlkb.corpora.quality`): what comes back must not be empty, a copy, far
longer than its neighbours, or in another language. So the weights of this M2M100 are set by hand.
Token n of the translation is a number that follows from token n of the text, and the translation
ends where the text does: as long as the text, another text for another one, and in no language.

How: a token's embedding fills one half of the dimensions, and the half in which positions turn
slowly; the other half is its position alone. The decoder's only attention asks for the position
that it is at itself; what it finds is permuted, and so looks like the embeddings of other tokens,
except for the end token's, which the permutation leaves as it is. All but the numbers and the end
are suppressed by generation_config.json.

As on the hub, the branch main has pickled weights only, and refs/pr/45 has safetensors; the commit
is that of `xlkb.corpora.translators.REVISIONS`.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import sentencepiece
from transformers.convert_slow_tokenizer import generate_merges

from xlkb.corpora import translators

from . import words
from .repositories import Repository, write, write_json

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

NAME = "facebook/nllb-200-distilled-600M"
MAIN = "f8d333a098d19b4fd9a8b18f94170487ad3f821d"

D = 128
PIECES = 900
NUMBERS = [f"▁{number}" for number in range(100)]
CONTENT = 8.0
"""Of an embedding, beside positions, which are at most 1."""

LOUD = 40.0
"""What the attention finds, beside what the last token left; and how sharply it asks."""


def repositories() -> list[Repository]:
    """The repository with both of its commits."""
    commit = translators.REVISIONS[NAME]
    branches = {"main": MAIN, "refs/pr/45": commit}
    return [Repository("model", NAME, {commit: _make, MAIN: _pickled}, branches)]


def _make(folder: Path) -> None:
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    tokenizer = _tokenizer(folder)
    size, heads = len(tokenizer), {"encoder_attention_heads": 1, "decoder_attention_heads": 1}
    config = M2M100Config(
        vocab_size=size,
        d_model=D,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=4,
        decoder_ffn_dim=4,
        max_position_embeddings=1024,
        max_length=200,
        **heads,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = M2M100ForConditionalGeneration(config).eval()
        _set(network, _embeddings(tokenizer))
    spoken = [*tokenizer.convert_tokens_to_ids(NUMBERS), tokenizer.eos_token_id]
    spoken += tokenizer.convert_tokens_to_ids(tokenizer.extra_special_tokens)
    network.generation_config.suppress_tokens = sorted(set(range(size)) - set(spoken))
    network.generation_config.max_length = 200
    network.save_pretrained(folder)
    write(folder, "README.md", "---\nlicense: cc-by-nc-4.0\n---\n# Made up\n")


def _pickled(folder: Path) -> None:
    _tokenizer(folder)
    write_json(folder, "config.json", {"model_type": "m2m_100", "architectures": ["M2M100"]})
    write(folder, "pytorch_model.bin", "not to be read")
    write(folder, "README.md", "---\nlicense: cc-by-nc-4.0\n---\n# Made up\n")


def _tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """NLLB's: SentencePiece, its numbers shifted as fairseq has them, and a token per language."""
    from transformers import NllbTokenizer

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(words.sample()),
        model_writer=made,
        vocab_size=PIECES,
        model_type="bpe",
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(made.getvalue())
    read = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    pieces = [read.id_to_piece(number) for number in range(3, PIECES)]
    scores = {piece: read.get_score(read.piece_to_id(piece)) for piece in pieces}
    names = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *pieces, *NUMBERS])
    vocabulary = {piece: number for number, piece in enumerate(names)}
    merges = generate_merges({p: vocabulary[p] for p in pieces}, scores)
    tokenizer = NllbTokenizer(vocab=vocabulary, merges=merges, src_lang="eng_Latn")
    tokenizer.model_max_length = 1024
    tokenizer.save_pretrained(folder)
    return tokenizer


def _embeddings(tokenizer: "PreTrainedTokenizerBase") -> "torch.Tensor":
    """One row per token: half of the signs of each half are plus, except for the end token's."""
    import torch

    half = D // 4
    signs = torch.ones(2, half)
    signs[:, half // 2 :] = -1
    codes = torch.stack(
        [torch.cat([row[torch.randperm(half)] for row in signs]) for _ in range(len(tokenizer))]
    )
    end = torch.cat([torch.ones(half), -torch.ones(half)])
    codes[tokenizer.convert_tokens_to_ids(tokenizer.extra_special_tokens)] = -end
    codes[tokenizer.eos_token_id] = end
    found = torch.zeros(len(tokenizer), D)
    found[:, _content()] = codes * CONTENT / D**0.5
    return found


def _content() -> "torch.Tensor":
    """The dimensions in which positions turn slowly, of the sines and of the cosines."""
    import torch

    dimensions = torch.arange(D)
    return dimensions[dimensions % (D // 2) >= D // 4]


def _set(network: "torch.nn.Module", embeddings: "torch.Tensor") -> None:
    import torch

    for name, parameter in network.named_parameters():
        parameter.data.fill_(float("norm" in name and name.endswith("weight")))
    network.model.shared.weight.data.copy_(embeddings)
    place = torch.ones(D)
    place[_content()] = 0
    attention = network.model.decoder.layers[0].encoder_attn
    # A position without the mean that the norm takes away, which the other half still shows: half
    # of that are cosines near one.
    seen = torch.diag(place) - torch.outer(place, 1 - place) / (D // 2)
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight.data.copy_(seen * LOUD)
        projection.bias.data.copy_(place * LOUD * 0.5 / (CONTENT * 0.5**0.5))
    attention.v_proj.weight.data.copy_(torch.diag(1 - place))
    content, half = _content(), D // 4
    order = torch.cat([torch.randperm(half), half + torch.randperm(half)])
    attention.out_proj.weight.data[content, content[order]] = LOUD

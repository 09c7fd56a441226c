"""Texts become tokens in one way everywhere, whatever a tokenizer adds and whatever a text says."""

import itertools
import json
import warnings

import numpy as np
import pytest
import sentencepiece
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AddedToken

from xlkb import models
from xlkb.models import tokens
from xlkb.scoring import embeddings, generation, lengths
from xlkb.scoring.generation import Prompt
from xlkb.scoring.likelihoods import log_likelihoods
from xlkb.scoring.tries import Pair, encode
from xlkb.training import packing, recipes

ADDS = list(itertools.product([True, False], repeat=2))
TEXTS = ["Question: Which currency? Answer: euro", "Frage: Welche Währung?", "問題：この国"]
SPELT = ["<s>", "</s>", "<pad>", "a <s>b</s> c", "<s></s>", "euro </s>"]
SPANNING = tiny.merging("Ġ D", "Ġ P", ": Ġ", "e r", "er n", ":Ġ A", ":Ġ B")
"""Among its tokens are ": A", ": B", "ern" and " D"."""


@pytest.fixture(scope="module", params=ADDS, ids=lambda each: f"bos={each[0]}, eos={each[1]}")
def adding(request, tmp_path_factory):
    """A model whose tokenizer adds a beginning, an end, both or neither; and which."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer(bos=request.param[0], eos=request.param[1]).save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu"), *request.param


def plain(tokenizer, text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


# What a tokenizer adds (beginning, end, both, neither), in scoring, packing, generation, embeddings


def test_what_a_tokenizer_adds_is_told(adding):
    model, bos, eos = adding
    assert tokens.added(model.tokenizer) == ([0] * bos, [1] * eos)
    assert tokens.encode(model.tokenizer, TEXTS) == [
        [0] * bos + plain(model.tokenizer, text) for text in TEXTS
    ]


def test_no_end_stands_within_what_is_scored(adding):
    model, bos, _ = adding
    pairs = [Pair("Answer:", " euro"), Pair("", "euro dollar"), Pair("Answer:", "A", isolated=True)]
    for pair, (ids, start) in zip(pairs, encode(model.tokenizer, pairs), strict=True):
        head = plain(model.tokenizer, pair.context)
        tail = plain(model.tokenizer, pair.continuation)
        # A first token needs a predictor, even where the tokenizer puts nothing there.
        assert list(ids[:start]) == ([0] * bos + head or [0])
        assert list(ids[start:]) == tail


def test_packed_texts_have_one_end_each(adding):
    model, bos, _ = adding
    recipe = recipes.Recipe(sequence_length=512, epochs=1, method="full")
    packed, labels, n_tokens = packing.pack(model.tokenizer, TEXTS, recipe, [18, 0, 0])
    stream = packed.reshape(-1)[:n_tokens].tolist()
    documents = [tuple([0] * bos + plain(model.tokenizer, text) + [1]) for text in TEXTS]
    cut = [i + 1 for i, token in enumerate(stream) if token == 1]
    found = [tuple(stream[a:b]) for a, b in itertools.pairwise([0, *cut])]
    assert sorted(found) == sorted(documents)
    assert cut[-1] == n_tokens
    assert (labels.reshape(-1)[:n_tokens] == 1).sum() == len(TEXTS)


def test_a_prompt_does_not_end_before_it_is_continued(adding, tmp_path):
    model, bos, _ = adding
    prompts = [Prompt("Question: euro? ", text) for text in TEXTS] + [Prompt("", "")]
    found = generation.generate(model, prompts, tmp_path, max_new_tokens=5)
    for (shared, own), text, n_prompt in zip(
        prompts, found["text"], found["n_prompt"], strict=True
    ):
        ids = [0] * bos + plain(model.tokenizer, shared + own) or [0]
        assert n_prompt == len(ids)
        for _ in range(5):
            with torch.no_grad():
                ids.append(int(model.network(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in generation._ends(model.tokenizer):
                break
        said = model.tokenizer.decode(ids[n_prompt:], skip_special_tokens=True)
        assert text == said.partition("\n")[0].strip()


def test_pooled_are_the_tokens_of_the_text_alone(adding):
    model, bos, _ = adding
    for text in [*TEXTS, "a <s> b"]:
        ids = [0] * bos + plain(model.tokenizer, text)
        states = model.network.base_model(torch.tensor([ids])).last_hidden_state[0, bos:]
        for pooling, expected in {"mean": states.mean(0), "last_token": states[-1]}.items():
            found = embeddings.embed(model, [text], pooling)[0, 0]
            np.testing.assert_allclose(found, expected.detach(), atol=1e-4)
    with pytest.raises(ValueError, match="no token to pool"):
        embeddings.embed(model, ["a", ""])


@pytest.mark.parametrize("missing", [("bos",), ("eos",), ("bos", "eos", "pad"), ("pad",)])
def test_tokenizers_without_special_tokens_serve_as_well(missing):
    tokenizer = tiny.tokenizer(bos=False)
    for name in missing:
        setattr(tokenizer, f"{name}_token", None)
    network = tiny.network()
    (ids, start), _ = encode(tokenizer, [Pair("", "euro"), Pair("Answer:", " euro")])
    assert start >= 1
    assert list(ids[start:]) == plain(tokenizer, "euro")
    assert len(list(log_likelihoods(network, tokenizer, [Pair("", "euro")]))) == 1
    recipe = recipes.Recipe(sequence_length=512, epochs=1, method="full")
    _, _, n_tokens = packing.pack(tokenizer, TEXTS, recipe)
    assert n_tokens == sum(len(plain(tokenizer, t)) + ("eos" not in missing) for t in TEXTS)
    made = generation._decode(network, [[70, 71]], ["a"], generation._ends(tokenizer), 3)
    assert len(made) == 1


def test_a_padding_token_that_is_also_the_end_is_learned_once_per_text():
    tokenizer = tiny.tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    recipe = recipes.Recipe(sequence_length=512, epochs=1, method="full")
    packed, labels, n_tokens = packing.pack(tokenizer, TEXTS, recipe)
    assert packed.size > n_tokens
    assert (labels == tokenizer.eos_token_id).sum() == len(TEXTS)
    assert (labels.reshape(-1)[n_tokens:] == packing.IGNORED).all()


# A text is text


@pytest.mark.parametrize("text", SPELT)
@pytest.mark.parametrize("slow", [False, True])
def test_special_tokens_spelt_out_in_a_text_are_characters(text, slow):
    tokenizer = tiny.SlowTokenizer() if slow else tiny.tokenizer()
    (ids,) = tokens.encode(tokenizer, [text])
    n_begin = len(tokens.added(tokenizer)[0])
    assert not {*ids[n_begin:]} & {*tokenizer.all_special_ids}
    assert tokens.decode(tokenizer, ids[n_begin:]) == text
    (scored,) = encode(tokenizer, [Pair("Which tag?", f" {text}")])
    assert tokens.decode(tokenizer, scored.ids[scored.start :]) == f" {text}"
    recipe = recipes.Recipe(sequence_length=64, epochs=1, method="full")
    packed, _, n_tokens = packing.pack(tokenizer, [text, text], recipe)
    stream = packed.reshape(-1)[:n_tokens].tolist()
    assert stream.count(tokenizer.eos_token_id) == 2
    assert stream.count(tokenizer.bos_token_id) == 2


@pytest.mark.parametrize("slow", [False, True])
def test_added_tokens_that_are_not_special_stay_words(slow):
    tokenizer = tiny.SlowTokenizer() if slow else tiny.tokenizer()
    tokenizer.add_tokens([AddedToken("ZZeuro", special=False)])
    (ids,) = tokens.encode(tokenizer, ["aZZeuro a"])
    assert tokenizer.convert_tokens_to_ids("ZZeuro") in ids
    assert len(ids) == 5


def test_ordinary_texts_have_the_tokens_that_the_tokenizer_gives_them():
    for slow in (False, True):
        tokenizer = tiny.SlowTokenizer() if slow else tiny.tokenizer(eos=True)
        expected = tokenizer([*tiny.TEXT, *TEXTS])["input_ids"]
        assert tokens.encode(tokenizer, [*tiny.TEXT, *TEXTS]) == [ids[:-1] for ids in expected]


def test_a_prompts_length_counts_no_end_and_no_special_token(adding, tmp_path):
    model, bos, _ = adding
    contexts = [Pair(each, "") for each in ("<s> euro", "", "Answer:")]
    found = lengths.of(model, contexts, tmp_path)
    expected = [bos + len(plain(model.tokenizer, pair.context)) for pair in contexts]
    assert [found[pair] for pair in contexts] == expected


# Tokens that span the end of the prompt


def test_a_choice_whose_first_letters_merge_with_the_prompt_is_scored_in_full():
    pairs = [Pair("Answer:", f" {choice}") for choice in ("A", "Bern", "D", "Paris")]
    with pytest.warns(UserWarning, match="In 2 of 4 pairs a token spans the end of the prompt"):
        sequences = encode(SPANNING, pairs)
    heads = {ids[:start] for ids, start in sequences}
    assert heads == {tuple(plain(SPANNING, "Answer:"))}  # All choices have the same condition.
    said = [SPANNING.convert_ids_to_tokens(ids[start:]) for ids, start in sequences]
    assert said[:3] == [["Ġ", "A"], ["Ġ", "B", "ern"], ["ĠD"]]
    with pytest.warns(UserWarning, match="spans"):
        rows = list(log_likelihoods(tiny.network(), SPANNING, pairs))
    assert sorted(i for indices, _, _ in rows for i in indices) == [0, 1, 2, 3]
    assert all((values < 0).all() for _, values, _ in rows)


pieces = st.text(alphabet="Ae: ern北Bé", min_size=1, max_size=8)
merges = st.lists(
    st.sampled_from(
        [": Ġ", ":Ġ A", ":Ġ B", "Ġ A", "e r", "er n", "A e", "n :", "å Į", "åĮ Ĺ", "Ã ©"]
    ),
    unique=True,
)


@given(pieces, pieces, merges)
@settings(deadline=None)
def test_what_is_scored_is_the_whole_continuation_and_nothing_else(context, continuation, made):
    tokenizer = tiny.merging(*made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ((ids, start),) = encode(tokenizer, [Pair(context, continuation)])
    moved = context[len(context.rstrip()) :] + continuation
    assert tokens.decode(tokenizer, ids[start:]) == moved
    assert tokens.decode(tokenizer, ids[:start]) == (context.rstrip() or "<s>")


@given(pieces, pieces)
@settings(deadline=None, max_examples=40)
def test_ordinary_tokenizers_are_cut_where_the_prompt_ends(context, continuation):
    tokenizer = tiny.tokenizer()
    whole = tokenizer(context + continuation)["input_ids"]
    head = tokenizer(context.rstrip())["input_ids"]
    if whole[: len(head)] == head:
        (sequence,) = encode(tokenizer, [Pair(context, continuation)])
        assert sequence == (tuple(whole), len(head))


def test_a_context_is_read_and_not_learned_without_offsets():
    tokenizer, context = tiny.SlowTokenizer(), "Question? Answer:"
    recipe = recipes.Recipe(sequence_length=64, epochs=1, method="full")
    _, labels, _ = packing.pack(tokenizer, [context + " euro"], recipe, [len(context)])
    learned = labels[labels != packing.IGNORED]
    assert tokenizer.decode(learned.tolist()) == " euro</s>"
    _, labels, _ = packing.pack(SPANNING, ["Answer: A"], recipe, [len("Answer:")])
    assert SPANNING.convert_ids_to_tokens(labels[labels != packing.IGNORED]) == [":ĠA", "</s>"]


# Tokenizers that exist as `tokenizer.model` only


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("declared", ["LlamaTokenizer", None])
def test_a_sentencepiece_model_alone_is_a_tokenizer(kind, declared, tmp_path):
    folder = tmp_path / "saved"
    tiny.network("llama").save_pretrained(folder)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(tiny.TEXT * 20),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=400 if kind == "bpe" else 140,
        model_type=kind,
        byte_fallback=kind == "bpe",
        hard_vocab_limit=False,
        minloglevel=2,
    )
    if declared:
        settings = {"tokenizer_class": declared, "add_bos_token": True, "legacy": False}
        settings |= {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    model = models.load(f"path:{folder}", dtype="float32", device="cpu")
    pairs = [Pair("Question: Which currency? Answer:", each) for each in (" euro", " dollar")]
    for (ids, start), pair in zip(encode(model.tokenizer, pairs), pairs, strict=True):
        assert tokens.decode(model.tokenizer, ids[start:]).strip() == pair.continuation.strip()
    rows = list(log_likelihoods(model.network, model.tokenizer, pairs))
    assert sum(len(indices) for indices, _, _ in rows) == 2


def test_a_tiktoken_file_alone_is_a_tokenizer(tmp_path):
    import base64

    folder = tmp_path / "saved"
    tiny.network("llama").save_pretrained(folder)
    ranks = [bytes([code]) for code in range(256)] + [b"eu", b"ro", b"euro", b" euro"]
    lines = [f"{base64.b64encode(each).decode()} {i}" for i, each in enumerate(ranks)]
    (folder / "tiktoken.model").write_text("\n".join(lines))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    model = models.load(f"path:{folder}", dtype="float32", device="cpu")
    (ids,) = tokens.encode(model.tokenizer, ["a euro"])
    assert tokens.decode(model.tokenizer, ids) == "a euro"
    assert ids[-1] == 259


# Long texts


def test_a_text_of_more_than_32767_tokens_is_packed_and_stored(tmp_path):
    tokenizer = tiny.tokenizer()
    recipe = recipes.Recipe(sequence_length=1024, epochs=1, method="full")
    _, _, n_tokens = packing.pack(tokenizer, ["1" * 40_000], recipe)
    assert n_tokens == 40_002

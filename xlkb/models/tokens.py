"""Texts and tokens: the one place where texts become tokens.

A tokenizer may put a token of its own before each text (Gemma's <bos>), after it, both or neither.
Here every text begins as the tokenizer has it and goes on without an end: what is scored, continued
or pooled is in the middle of a text, and `packing` closes its texts itself, once.

A special token that is spelt out in a text, such as "<s>" in a question about HTML, is characters:
nobody who writes a text can end it, or begin another. Tokens that were added to a vocabulary and
are not special are words like others, and are read as such.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from xlkb.models import checkpoints

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

SEPARATORS = ("\n", ".", "a", "")
"""What a text is tokenised after, when it must not merge with the text that it really follows."""


@lru_cache(maxsize=2)
def load(source: str | Path, revision: str, fingerprint: str) -> "PreTrainedTokenizerBase":
    """A model's tokenizer, as its makers set it up.

    There is one copy for a model and all that were fine-tuned from it: Gemma's takes 4 s and 300
    MB. The fingerprint only tells one state of a folder from another.
    """
    from transformers import AutoTokenizer

    on_hub = isinstance(source, str)
    if on_hub:
        checkpoints.fetch(source, revision, weights=False)
    safe = {"revision": revision, "trust_remote_code": False, "local_files_only": on_hub}
    with checkpoints.readable(f"The tokenizer of {source}"):
        return AutoTokenizer.from_pretrained(source, **safe)


def encode(tokenizer: "PreTrainedTokenizerBase", texts: Iterable[str]) -> list[list[int]]:
    """Token ids of each text: with what the tokenizer puts before a text, without what it puts
    after it. Special tokens that are spelt out in a text are characters.
    """
    found = _ids(tokenizer, list(texts))
    n_end = len(added(tokenizer)[1])
    return [ids[: len(ids) - n_end] for ids in found]


def added(tokenizer: "PreTrainedTokenizerBase") -> tuple[list[int], list[int]]:
    """The tokens that the tokenizer itself puts before and after every text."""
    if not tokenizer.is_fast:
        around = tokenizer.build_inputs_with_special_tokens([-1])
        place = around.index(-1)
        return around[:place], around[place + 1 :]
    for probe in _probes(tokenizer):
        encoded = tokenizer(probe, return_special_tokens_mask=True, split_special_tokens=True)
        ids, mask = encoded["input_ids"], encoded["special_tokens_mask"]
        if 0 in mask:
            return ids[: mask.index(0)], ids[len(ids) - mask[::-1].index(0) :]
    raise ValueError(f"{type(tokenizer).__name__} has no token for any text: it is damaged.")


def _probes(tokenizer: "PreTrainedTokenizerBase") -> Iterator[str]:
    """Short texts, of which a vocabulary has at least one."""
    yield from "a1."
    yield from sorted(tokenizer.get_vocab())[:99]  # Some have few words and nothing else.


def first(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """What predicts the first token of a text that nothing comes before; one token or more.

    It is what the tokenizer puts there; or else its token for the beginning of a text, or for the
    end of the one before, or for what separates texts; or else a line break.

    Raises:
        ValueError: the tokenizer has none of these.
    """
    begin, end = added(tokenizer)
    names = ("bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id")
    known = [getattr(tokenizer, name, None) for name in names]
    found = begin or [each for each in known if each is not None][:1] or end[-1:]
    found = found or encode(tokenizer, ["\n"])[0]
    if not found:
        raise ValueError(
            "The tokenizer has no token for the beginning or end of a text and none for a line "
            "break, so nothing predicts a text's first token: set its bos_token."
        )
    return found


def last(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """What closes a text in training: the end-of-text token, or else what the tokenizer puts there.

    It may be nothing.
    """
    end = tokenizer.eos_token_id
    return added(tokenizer)[1] if end is None else [end]


def following(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Token ids of a text that goes on after another one and merges with nothing of it.

    It is tokenised after a separator, because many tokenizers of sentencepiece put a space before
    a text that stands alone.
    """
    found = []
    for before in SEPARATORS:
        head, whole = encode(tokenizer, [before, before + text])
        tail = whole[len(head) :]
        if whole[: len(head)] == head and tail:
            if decode(tokenizer, tail).strip() == text.strip():
                return tail
            found.append(tail)
    return max(found, key=len, default=[])


def n_shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    length = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        length += 1
    return length


def decode(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int]) -> str:
    """The text of tokens, special ones included, spaces as they are."""
    return tokenizer.decode(ids, clean_up_tokenization_spaces=False)


def check(network: "PreTrainedModel", largest: int, name: str) -> None:
    """Raise ValueError where a network has no token of this id: a GPU would stop at it for good."""
    if largest >= len(network.get_input_embeddings().weight):
        raise ValueError(
            f"The tokenizer gives tokens that the network does not know ({name}): one of the two "
            "is another model's. Put the right one there."
        )


def _ids(tokenizer: "PreTrainedTokenizerBase", texts: list[str]) -> list[list[int]]:
    options = {"return_attention_mask": False, "verbose": False}
    if not texts:
        return []
    if tokenizer.is_fast:
        return tokenizer(texts, split_special_tokens=True, **options)["input_ids"]
    # In those of pure Python the option also takes apart added tokens that are not special.
    spelt = [any(each in text for each in tokenizer.all_special_tokens) for text in texts]
    return [
        tokenizer(text, split_special_tokens=split, **options)["input_ids"]
        for text, split in zip(texts, spelt, strict=True)
    ]

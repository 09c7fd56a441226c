"""Texts and tokens: the one place where texts become tokens."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@lru_cache(maxsize=2)
def load(source: str | Path, revision: str, fingerprint: str) -> "PreTrainedTokenizerBase":
    """A model's tokenizer, as its makers set it up.

    There is one copy for a model and all that were fine-tuned from it: Gemma's takes 4 s and 300
    MB. The fingerprint only tells one state of a folder from another.
    """
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(source, revision=revision, trust_remote_code=False)

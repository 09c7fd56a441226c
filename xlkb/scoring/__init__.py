"""Scoring: what models say, computed once and kept.

`score` gives the log-likelihood (nats) of every choice of recomposed questions, a row per choice;
`generate` the text that follows a prompt, and `continued` in which language; `similarities` and
`retrieval` compare embeddings; `translate` asks for translations by examples, and `comet` rates
them; `perplexities` reads held-out text. All of them look into the store first (`results`), by the
model's fingerprint and the very text. Many a model behind an endpoint (`texts.way` finds out) only
names a letter, read in any language:

>>> from xlkb import scoring
>>> scoring.letters.read("La réponse est B.", "ABCD")
'B'
"""

from xlkb.scoring import engines, lengths, results
from xlkb.scoring.embeddings import POOLINGS, embed, retrieval, similarities
from xlkb.scoring.evaluation import context_tokens, fewer_shots, score, score_each, scores
from xlkb.scoring.few_shot_translation import comet, translate
from xlkb.scoring.few_shot_translation import prompt as translation_prompt
from xlkb.scoring.few_shot_translation import quality as translation_quality
from xlkb.scoring.generation import Prompt, generate
from xlkb.scoring.running_text import continued, perplexities
from xlkb.scoring.served import letters, texts
from xlkb.scoring.tries import Pair, encode

__all__ = [
    "POOLINGS",
    "Pair",
    "Prompt",
    "comet",
    "context_tokens",
    "continued",
    "embed",
    "encode",
    "engines",
    "fewer_shots",
    "generate",
    "lengths",
    "letters",
    "perplexities",
    "results",
    "retrieval",
    "score",
    "score_each",
    "scores",
    "similarities",
    "texts",
    "translate",
    "translation_prompt",
    "translation_quality",
]

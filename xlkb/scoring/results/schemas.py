"""The columns of what is stored, by kind."""

import pyarrow as pa

SCORES = pa.schema(
    [("key", pa.binary(12)), ("log_likelihood", pa.float32()), ("n_tokens", pa.int32())]
)
"""key: content address of a score (`key`). log_likelihood: nats, summed over tokens."""

SIMILARITIES = pa.schema(
    [("key", pa.binary(12)), ("cosine", pa.float32()), ("distance", pa.float32())]
)
"""Of the embeddings of two texts (`embeddings.similarities`); distance: Euclidean."""

RANKS = pa.schema([("key", pa.binary(12)), ("rank", pa.int32())])
"""Place of a text's translation among candidates, from 1 (`embeddings.retrieval`)."""

GENERATIONS = pa.schema(
    [
        ("key", pa.binary(12)),
        ("text", pa.string()),
        ("n_tokens", pa.int32()),
        ("n_prompt", pa.int32()),
        ("cut", pa.bool_()),
    ]
)
"""Generated lines (`generation.generate`)."""

ANSWERS = pa.schema(
    [
        ("key", pa.binary(12)),
        ("way", pa.string()),
        ("served", pa.string()),
        ("text", pa.string()),
        ("log_likelihoods", pa.list_(pa.float32(), 4)),
    ]
)
"""Letters of an endpoint (`served.answering.scores`): how they were read, what the endpoint says
the model is, the generated text, and the letters' log-probabilities (nats)."""

LENGTHS = pa.schema([("key", pa.binary(12)), ("n_tokens", pa.int32())])
"""Tokens that a model reads of a text (`lengths.of`)."""

_MEASURED = ("n_tokens", "seconds", "accuracy_learned", "accuracy_k", "accuracy_c", "n_known")
_MEASURED += ("accuracy_known", "accuracy_own", "accuracy_described")
_MEASURED += ("cosine_first", "cosine_middle", "cosine_last")

TRIALS = pa.schema([("key", pa.binary(12)), *((name, pa.float32()) for name in _MEASURED)])
"""Of models of the bottle, what `training.bottle.outcomes` says; not in a model's folder."""

KINDS = {
    ".": SCORES,
    "similarities": SIMILARITIES,
    "ranks": RANKS,
    "generations": GENERATIONS,
    "lengths": LENGTHS,
    "answers": ANSWERS,
    "bottle": TRIALS,
}
"""Where the parts of each schema lie in the folder of a model."""

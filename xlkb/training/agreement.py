"""Direct consistency optimization (DCO): languages learn to rank choices alike, without labels.

The loss of Liu, Qi et al., arXiv 2603.04678 (its equation 10 in a summary of the first version, and
`dco_loss` of the released code, github.com/Betswish/ConsistencyRL, as ported by others). With
log-likelihoods of the choices i and j of a question, p of the model that is trained and q of the
frozen one that it starts from, in the languages 1 and 2:

    | [p1(i) - p1(j)] - [q1(i) - q1(j)] - [q2(i) - q2(j)] / beta |  and
    | [p2(i) - p2(j)] - [q2(i) - q2(j)] - [q1(i) - q1(j)] * beta |

added up. It is 0 where each language prefers what both together preferred before: log p1 = log q1 +
log q2 / beta + a constant (a product of experts), so that with any beta both rank all choices
alike. In this it puts the ensemble of two languages (`analysis.ensemble`) into the weights. The
frozen model is in the target, which keeps the trained one near; there is no other penalty.

As there, each question is asked in two languages drawn at random. Here a step takes the mean over
all six pairs of the four choices, where the released code draws one pair. Which choice is right is
never read.
"""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from datasets import Dataset

from xlkb import scoring, tasks
from xlkb.ground import languages as room
from xlkb.ground import progress
from xlkb.models import LanguageModel
from xlkb.training import finetuning
from xlkb.training.folders import runs
from xlkb.training.loop import processes
from xlkb.training.recipes import Recipe

if TYPE_CHECKING:
    import torch

PARTS = ("input_ids", "attention_mask", "starts")

VERSION = 1
"""Raised when the same model, questions and recipe would give other weights."""

BETA = 1.0
"""As in the released code: both languages count alike."""

LOSS = "DCO"
FIRST, SECOND = zip(*combinations(range(4), 2), strict=True)
"""Places of the two choices of each pair."""


def agree(
    model: LanguageModel,
    questions: Dataset,
    languages: Sequence[str],
    recipe: Recipe,
    folder: str | Path | None = None,
    name: str = "agreement",
    checkpoint_seconds: float = 120,
) -> Path:
    """Fine-tune a model by DCO and return the folder of the result, for `finetuning.load`.

    As `finetuning.train`: a run that is finished is not run again, one that was interrupted goes
    on, and the folder holds weights, loss curve (nats, the mean over pairs of choices) and card.
    The run is known by base weights, questions (without their answers), languages and recipe.

    Args:
        model: what training starts from, and the frozen model of the loss.
        questions: of a task (`tasks.load`), in these languages; of the package's own tasks not from
            the split "test", which is for results.
        languages: two or more; each question is asked in two of them at a time, as by the style
            "cloze".
        recipe: the hyper-parameters, from `recipes.get("agree")`; a sequence is a question in two
            languages, an epoch asks each question once, and `sequence_length` has no effect.
        folder, name, checkpoint_seconds: as for `finetuning.train`.

    Raises:
        ValueError: fewer than two languages; a question of a split "test", or in one of the
            languages missing; no questions; several processes; what `finetuning.train` refuses.
    """
    processes.alone("training.agree")
    spoken = room.check(languages)
    if len(spoken) < 2:
        raise ValueError(f"Agreement takes two languages or more, not {', '.join(spoken)} alone.")
    _refuse_test(questions)
    finetuning.require_trainable(model, recipe)
    fingerprint = _fingerprint(questions, spoken)
    run = runs.described(
        model,
        recipe,
        version=VERSION,
        loss=f"{LOSS}, beta {BETA:g}",
        languages=list(spoken),
        corpus_fingerprint=fingerprint,
    )

    def learn(folder: Path) -> None:
        _train(model, questions, spoken, recipe, folder, checkpoint_seconds)

    return runs.made(run, folder, name, learn)


def loss(trained: "torch.Tensor", frozen: "torch.Tensor", beta: float = BETA) -> "torch.Tensor":
    """The loss of each question (nats), a mean over its six pairs of choices.

    Args:
        trained: log-likelihoods of the choices, float [..., 2, 4], of two languages, by the model
            that learns; frozen: the same by the model that it started from.
        beta: how much more the second language's target takes of the first than the other way.

    Returns:
        float [...], 0 where both rank choices as their product of experts does.
    """
    weights = frozen.new_tensor([[1 / beta], [beta]])
    rest = trained - frozen - weights * frozen.flip(-2)
    return (rest[..., FIRST] - rest[..., SECOND]).abs().mean(-1).sum(-1)


def draws(
    questions: Dataset, languages: Sequence[str], recipe: Recipe
) -> Iterator[tuple[int, tuple[str, str]]]:
    """What a run asks, in its order: the place of a question, and two of the languages."""
    places = list(range(len(questions)))
    steps = recipe.max_steps * recipe.batch_size * recipe.gradient_accumulation
    left = steps or recipe.epochs * len(places)
    for epoch in range(recipe.epochs):
        drawn = random.Random(f"{recipe.seed}/{epoch}")
        for place in drawn.sample(places, len(places))[: max(0, left)]:
            yield place, tuple(drawn.sample(list(languages), 2))
        left -= len(places)


def _refuse_test(questions: Dataset) -> None:
    if not len(questions):
        raise ValueError("There are no questions to learn from.")
    for task in set(questions["task"]) & set(tasks.OWN):
        test = {row["id"] for row in tasks.OWN[task]() if row["split"] == "test"}
        if found := [each for each in questions["id"] if each in test]:
            raise ValueError(
                f"{len(found)} questions are of the split 'test' of {task}, such as {found[0]!r}: "
                "results would be about what was learned. Learn from the split 'validation'."
            )


def _fingerprint(questions: Dataset, languages: Sequence[str]) -> str:
    """SHA-256 (hex) of the texts that are read, in their order."""
    found = hashlib.sha256()
    for row in questions:
        for code in languages:
            for text in (row["question"][code], *(row["options"][code] or ())):
                if not text:
                    raise ValueError(f"Question {row['id']!r} does not exist in {code!r}.")
                found.update(f"{len(text.encode())} {text}".encode())
    return found.hexdigest()


def _train(
    model: LanguageModel,
    questions: Dataset,
    languages: Sequence[str],
    recipe: Recipe,
    folder: Path,
    checkpoint_seconds: float,
) -> None:
    import torch

    from xlkb.training.loop import chunked_loss, trainable, trainer

    drawn = list(draws(questions, languages, recipe))
    asked = {code: tasks.recompose.full(questions, code).to_list() for code in languages}
    network, settings, dtype = trainable.make(model, recipe, folder / runs.WORK, len(drawn))
    data = _tensors(model, [[asked[code][place] for code in pair] for place, pair in drawn])
    cast = {"device_type": settings.device.type, "dtype": torch.bfloat16}

    def by_now(each: Mapping[str, torch.Tensor]) -> torch.Tensor:
        batch = {name: tensor[None].to(network.device) for name, tensor in each.items()}
        with torch.no_grad(), torch.autocast(**cast, enabled=dtype == "bfloat16"):
            return _log_likelihoods(chunked_loss.evaluating(network), batch)[0].float().cpu()

    for each in progress.over(data, f"Asking {model.label} as it is", " questions"):
        each["frozen"] = by_now(each)

    def batch_loss(network: torch.nn.Module, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return loss(_log_likelihoods(network, batch), batch["frozen"]).mean()

    curve = pd.DataFrame(trainer.run(network, data, settings, checkpoint_seconds, batch_loss))
    if torch.equal(by_now(data[0]), data[0]["frozen"]):
        raise ValueError(
            f"{folder.name} changes no likelihood of the first question. The learning rate "
            f"({recipe.learning_rate:g}) may be too low."
        )
    read = {"texts": len(data), "tokens": int(curve["tokens"].iloc[-1])}
    runs.finish(model, network, folder, curve, read)


def _tensors(model: LanguageModel, asked: Sequence[Sequence[dict]]) -> list[dict]:
    """The choices of each question in two languages, as tokens, all padded to one length.

    Returns:
        `input_ids` and `attention_mask`, int64 [2, 4, tokens], and `starts`, int64 [2, 4], where a
        choice's own tokens begin.
    """
    import torch

    built = [tasks.prompts.build(row, "cloze") for rows in asked for row in rows]
    pairs = [scoring.Pair(each.context, choice) for each in built for choice in each.continuations]
    sequences = scoring.encode(model.tokenizer, pairs)
    length = max(len(each.ids) for each in sequences)
    if model.context and length > model.context:
        raise ValueError(f"A question takes {length} tokens: the model takes {model.context}.")
    ids = torch.zeros(len(sequences), length, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, each in enumerate(sequences):
        ids[row, : len(each.ids)] = torch.tensor(each.ids)
        mask[row, : len(each.ids)] = 1
    starts = torch.tensor([each.start for each in sequences])
    shape = (len(asked), 2, 4)
    parts = ids.view(*shape, -1), mask.view(*shape, -1), starts.view(shape)
    return [dict(zip(PARTS, each, strict=True)) for each in zip(*parts, strict=True)]


def _log_likelihoods(
    network: "torch.nn.Module", batch: Mapping[str, "torch.Tensor"]
) -> "torch.Tensor":
    """Summed over a choice's tokens, in nats, float32 [questions, 2, 4]."""
    import torch

    # A language at a time: its choices begin at about the same place, so few logits are computed.
    parts = [_of_one_language(network, *(batch[name][:, k] for name in PARTS)) for k in (0, 1)]
    return torch.stack(parts, 1)


def _of_one_language(
    network: "torch.nn.Module", ids: "torch.Tensor", mask: "torch.Tensor", starts: "torch.Tensor"
) -> "torch.Tensor":
    """ids, mask: [questions, 4, tokens]; starts: [questions, 4]; returns float32 [questions, 4]."""
    width, first = int(mask.sum(-1).max()), int(starts.min())
    ids, mask = (each.flatten(0, 1)[:, :width] for each in (ids, mask))
    output = network(
        input_ids=ids, attention_mask=mask, logits_to_keep=width - first + 1, use_cache=False
    )
    told = output.logits[:, :-1].float().log_softmax(-1)
    told = told.gather(-1, ids[:, first:, None])[..., 0]
    places = ids.new_ones(width - first).cumsum(0) + first - 1
    own = mask[:, first:] * (starts.flatten()[:, None] <= places)
    return (told * own).sum(-1).view(starts.shape)

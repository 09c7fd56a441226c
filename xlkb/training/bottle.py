"""The bottle's models: networks trained from scratch, of which everything they read is known.

A `Trial` is one of them: a world, a network, and what it reads in which order. It reads `facts`
about the tested people in K, and `text` about the described people, in the arm's way; every order
reads both equally often. `outcomes` asks each trial's model about the tested people in K and in the
other languages, and keeps a row of numbers per trial.

The unit of inference is the seed: it makes the world, the network's first weights and the order of
the documents. Trials of one seed differ in nothing but what their fields say.
"""

import json
import time
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from datasets import Dataset, concatenate_datasets
from filelock import FileLock

from xlkb import corpora, models, scoring
from xlkb.ground import paths
from xlkb.models import LanguageModel, checkpoints
from xlkb.tasks import bottle
from xlkb.training import finetuning, recipes
from xlkb.training.recipes import Recipe

VERSION = 1
"""Raised when the same trial would come out otherwise."""

ORDERS = {
    "together": "all together",
    "facts first": "facts first, then text",
    "text first": "text first, then facts",
    "replay": "facts first, then text with a quarter of the facts",
}
"""Orders of facts and text, with their names in tables and figures."""

COPIES = 10
"""Documents per described person; a pass of the recipe reads each once."""

TOLD = 20
"""Documents per tested person."""

REPLAYED = 0.25
"""Share of the tested people's documents that the order "replay" keeps for the text."""

WIDTH = 64
"""The network's width for which the recipe's learning rate is meant; it falls with the width."""

HEAD, CONTEXT, SPREAD = 16, 256, 0.05
"""Width of an attention head; tokens read at once; standard deviation of the first weights."""

DEPTHS = {"cosine_first": 0.0, "cosine_middle": 0.5, "cosine_last": 1.0}
"""Layers whose states are compared (`scoring.embed`): embeddings, the middle, the last."""

READERS = 4
"""Described people in whose sentences a value's states are taken."""


@dataclass(frozen=True)
class Trial:
    """A model of the bottle. Accuracy is asked of `tested` people that are told of in K only.

    seed: of world and network. arm: one of `corpora.bottle.ARMS`. order: one of `ORDERS`.
    described, tested: people. languages: how many. copies: documents per described person.
    everywhere: share of the described people that are told of in all languages. share: of the
    copies that are mixed. overlap: of the values, whose words all languages share. layers, width:
    of the network.
    """

    seed: int
    arm: str
    order: str = "together"
    described: int = 100
    tested: int = 50
    languages: int = 5
    copies: int = COPIES
    everywhere: float = 1.0
    share: float = 1.0
    overlap: float = 0.0
    layers: int = 2
    width: int = WIDTH

    @property
    def world(self) -> bottle.World:
        """The world that the model reads about."""
        return _world(*self.place)

    @property
    def place(self) -> tuple[int | float, ...]:
        """The fields that make the world."""
        return self.seed, self.languages, self.described, self.tested, self.overlap

    @property
    def n_tokens(self) -> int:
        """About how many tokens the model reads."""
        sizes = self.world.sizes
        n_documents = self.copies * self.described + TOLD * self.tested
        return n_documents * (sizes.relations * sizes.words + 1) * self.recipe.epochs

    @property
    def recipe(self) -> Recipe:
        """How it is trained, at every stage."""
        plain = recipes.get("bottle")
        rate = plain.learning_rate * WIDTH / self.width
        return replace(plain, learning_rate=rate, seed=self.seed)


@cache
def _world(seed: int, languages: int, described: int, tested: int, overlap: float) -> bottle.World:
    sizes = bottle.Sizes(described=described, tested=tested, overlap=overlap)
    return bottle.world(seed, bottle.LANGUAGES[:languages], sizes)


@lru_cache(maxsize=2)
def _facts(*world: float) -> Dataset:
    return corpora.bottle.facts(_world(*world), TOLD)


def key(trial: Trial) -> bytes:
    """Content address of a trial's outcome: its fields, its world, and how it is trained."""
    world = trial.world
    said = [world.facts, world.values, world.wordings]
    fields = {**asdict(trial), "version": VERSION, "recipe": trial.recipe.described()}
    return scoring.results.address("bottle", json.dumps([fields, said], sort_keys=True))


def base(trial: Trial) -> LanguageModel:
    """The untrained network with its tokenizer, one token a word, in a folder among the results."""
    made = [trial.seed, trial.layers, trial.width, HEAD, SPREAD, trial.world.vocabulary]
    folder = paths.results() / "runs" / f"bottle-{checkpoints.digest(made)[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        if not folder.exists():
            new = folder.with_name(f".{folder.name}.new")
            _write(trial, new)
            new.rename(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def _write(trial: Trial, folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    words = ["<end>", "<unknown>", *trial.world.vocabulary]
    core = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token=words[1]))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    ends = {"bos_token": words[0], "eos_token": words[0], "unk_token": words[1]}
    PreTrainedTokenizerFast(tokenizer_object=core, **ends).save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=trial.width,
        intermediate_size=2 * trial.width,
        num_hidden_layers=trial.layers,
        num_attention_heads=max(1, trial.width // HEAD),
        max_position_embeddings=CONTEXT,
        initializer_range=SPREAD,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(trial.seed)
        LlamaForCausalLM(config).save_pretrained(folder)


def stages(trial: Trial) -> dict[str, Dataset]:
    """What a trial's model reads, stage by stage; columns as from `corpora.mix`."""
    facts = _facts(*trial.place)
    text = corpora.bottle.text(trial.world, trial.arm, trial.copies, trial.everywhere, trial.share)
    if trial.order == "together":
        return {"together": concatenate_datasets([facts, text])}
    if trial.order == "text first":
        return {"text": text, "facts": facts}
    if trial.order == "replay":
        copies = [int(name.rpartition("/")[2]) for name in facts["id"]]
        kept = [i for i, copy in enumerate(copies) if copy >= REPLAYED * TOLD]
        again = [i for i, copy in enumerate(copies) if copy < REPLAYED * TOLD]
        text = concatenate_datasets([facts.select(again), text])
        facts = facts.select(kept)
    return {"facts": facts, "text": text}


def trained(trial: Trial) -> dict[str, LanguageModel]:
    """Stage -> the model after it; `finetuning.train` does each stage once."""
    model, found = base(trial), {}
    for stage, read in stages(trial).items():
        name = stage if stage == "facts" and not found else f"{trial.arm} {stage}"
        folder = finetuning.train(model, read["text"], trial.recipe, name=name)
        found[stage] = model = finetuning.load(model, folder)
    return found


def outcome(trial: Trial, store: Path) -> dict[str, float]:
    """What came of a trial, trained now where it is not yet; see `results.TRIALS`.

    Returns:
        n_tokens: read in all. seconds: of processor time, where it was trained now.
        accuracy_learned: share right in K when the facts had just been read. Then of the finished
        model, about the tested people: accuracy_k, accuracy_c (in the other languages), n_known
        (questions right in K), accuracy_known (in the other languages, of these), accuracy_own (of
        those whose answer's word is not shared). accuracy_described: about described people, in
        all languages. cosine_first, cosine_middle, cosine_last: `alignment`.
    """
    started, world = time.process_time(), trial.world
    found = trained(trial)
    last = list(found.values())[-1]
    told = found.get("facts", last)
    n_tokens = sum(finetuning.outcome(m.location)["tokens"] for m in found.values())
    asked = bottle.questions(world, world.tested)
    right = answers(last, asked, store)
    in_k, other = right[0], right[1:]
    own = np.array(asked["subject"]) == "own"
    some = bottle.questions(world, world.described[: trial.tested])
    return {
        "n_tokens": n_tokens,
        "accuracy_learned": (in_k if told is last else answers(told, asked, store)[0]).mean(),
        "accuracy_k": in_k.mean(),
        "accuracy_c": other.mean(),
        "n_known": in_k.sum(),
        "accuracy_known": other[:, in_k].mean() if in_k.any() else np.nan,
        "accuracy_own": other[:, own].mean() if own.any() else np.nan,
        "accuracy_described": answers(last, some, store).mean(),
        **alignment(last, world),
        "seconds": time.process_time() - started,
    }


def answers(model: LanguageModel, questions: Dataset, store: Path) -> np.ndarray:
    """Whether the likeliest of four values is right, bool [languages, questions]."""
    rows = questions.to_list()
    pairs = [
        [scoring.Pair(row["question"][code], f" {option}") for option in row["options"][code]]
        for code in rows[0]["question"]
        for row in rows
    ]
    found = scoring.scores(model, [pair for four in pairs for pair in four], store)
    taken = np.array([[found[pair][0] for pair in four] for four in pairs]).argmax(1)
    return taken.reshape(-1, len(rows)) == np.array(questions["answer"])


def alignment(model: LanguageModel, world: bottle.World) -> dict[str, float]:
    """How much closer a value's words lie to their translations than to other values' words.

    A word's state is taken where it ends a sentence of its relation, and averaged over wordings and
    a few described people, whether or not it is true of them. Per layer (`DEPTHS`): the cosine of
    K's word and its translation, less the mean cosine of K's word and that language's words for the
    relation's other values; the mean over values, relations and languages. 0: no alignment.
    """
    people, sizes = world.described[:READERS], world.sizes
    texts = [
        f"{world.said(person, relation, wording, code)} {value[code]}"
        for relation, values in enumerate(world.values)
        for code in world.languages
        for value in values
        for wording in range(sizes.wordings)
        for person in people
    ]
    states = scoring.embed(model, texts, "last_token", list(DEPTHS.values()))
    shape = (sizes.relations, len(world.languages), sizes.values, -1, *states.shape[1:])
    states = states.reshape(shape).mean(3)
    states /= np.linalg.norm(states, axis=-1, keepdims=True)
    cosines = np.einsum("rvdw,rcudw->drcvu", states[:, 0], states[:, 1:])
    same = np.eye(sizes.values, dtype=bool)
    gaps = cosines[..., same].mean((1, 2, 3)) - cosines[..., ~same].mean((1, 2, 3))
    return dict(zip(DEPTHS, gaps.astype(float), strict=True))

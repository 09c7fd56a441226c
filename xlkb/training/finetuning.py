"""Fine-tuning on texts: full, LoRA or QLoRA, resumable, and kept by what it was made from.

    texts = corpora.mix(documents, unit="sentence")["text"]
    folder = training.train(model, texts, training.recipe("lora"), name="sentence")
    finetuned = training.load(model, folder)

or `xlkb finetune pip:gemma-3-270m corpus.txt --recipe lora`.
"""

import importlib.util
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from datasets import Dataset

from xlkb import models
from xlkb.ground import disk, progress
from xlkb.models import LanguageModel, checkpoints, tokens
from xlkb.training import memory, packing, recipes, sizes
from xlkb.training.folders import runs
from xlkb.training.loop import processes, seals
from xlkb.training.recipes import Recipe

# PEFT says these of modules that it only copies, and of a method that it calls itself.
warnings.filterwarnings("ignore", "Unsupported layer type", module="peft")
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")

VERSION = 1
"""Raised when the same model, texts and recipe would give other weights."""

OUTCOME = ("texts", "tokens", "steps", "first_loss", "final_loss")
PROBE_TOKENS = 128
"""Tokens that time, memory and the effect of training are measured on."""


def train(
    model: LanguageModel,
    corpus: Sequence[str] | Dataset,
    recipe: Recipe,
    folder: str | Path | None = None,
    name: str = "",
    checkpoint_seconds: float = 120,
) -> Path:
    """Fine-tune a model on texts and return the folder of the result, for `load`.

    The run is known by base weights, texts, recipe and dtype: one that is finished is not run
    again, and one that was interrupted goes on from its last checkpoint, with the same batches. On
    a CPU in float32, the result is then the same to the last bit.

    Several processes (accelerate launch, torchrun) that all call this train one model together:
    the steps are those of one process and of the same sequences, each process with its share, and
    the result is the same but for rounding (FSDP adds up gradients in bfloat16 where it computes in
    it), or the dropout of a model that has some. All of them must see the same folder. Any number
    of processes goes on with an interrupted run, or finds it.

    The folder gets the trained weights, in the recipe's dtype (by default float32, because bfloat16
    rounds small updates away):

    - "lora", "qlora": a PEFT adapter.
    - "full" with a frozen embedding: a PEFT adapter too, of the kind that replaces modules (called
      LN_TUNING there). For Gemma 3 270M that is 400 MB, where whole weights would be 1.1 GB.
    - "full" with a trained embedding: a whole model with its tokenizer.

    Also `loss.csv` (step, tokens, loss in nats per token, learning_rate), a model card, and
    `finished.json`, which is written last. Meanwhile, up to three checkpoints of the trained
    weights and the optimizer's states lie in `checkpoints/` (`sizes.checkpoints_bytes`).

    Args:
        model: what training starts from, from `models.load` or `load`. A fine-tuned one can be
            trained further by the methods whose result holds all that it differs in: "full", and,
            where it has a low-rank adapter of the same rank and alpha, "lora" and "qlora", by which
            that adapter learns on. The copy that is trained is its own; `model.network` stays as it
            is.
        corpus: texts, or a Dataset with a column `text`, and perhaps `context`: how many characters
            at a text's start are read but not learned. See `packing.pack` for how they are used.
        recipe: the hyper-parameters, from `recipes.get`.
        folder: where the result goes; by default `runs/` among the stored results, under the
            model's name, `name` and the start of the run's key.
        name: what the corpus is, for the folder's name.
        checkpoint_seconds: time between checkpoints.

    Raises:
        ValueError: the corpus is empty; the model has an adapter that the method cannot train on;
            sequences are longer than the model's context; the loss is not finite; the result
            changes no logit; `folder` holds another run; or the processes that were started cannot
            share the recipe's steps.
    """
    texts, contexts = packing.texts_of(corpus), packing.contexts_of(corpus)
    require_trainable(model, recipe)
    fingerprint = packing.fingerprint(texts, contexts)
    made_from = {"version": VERSION, "corpus_fingerprint": fingerprint}
    run = processes.once(lambda: runs.described(model, recipe, **made_from))  # It may fetch files.

    def learn(folder: Path) -> None:
        _train(model, texts, contexts, recipe, folder, checkpoint_seconds)

    return runs.made(run, folder, name or recipe.method, learn)


def check(model: LanguageModel, recipe: Recipe, folder: Path) -> None:
    """Raise what would stop a training, before weights are loaded: see below.

    Args:
        folder: that the result goes to, or will be made in.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: what `require_trainable` and `disk` raise.
    """
    require_trainable(model, recipe)
    disk.writable(folder, "The result's folder")
    if not models.replaying():
        size = sizes.trained_bytes(model, recipe) + sizes.checkpoints_bytes(model, recipe)
        disk.room([(folder, size, "the trained weights and checkpoints of them")])
        memory.require(model, recipe)


def require_trainable(model: LanguageModel, recipe: Recipe) -> None:
    """Raise what would stop a fine-tuning, before weights are loaded.

    Raises:
        ValueError: the model has no weights; it has an adapter that the method cannot train on;
            sequences are longer than its context; the device is not one that trains; or what
            `processes.require` raises.
        ModuleNotFoundError: the method needs a package that is not installed.
        RuntimeError: the device does not exist.
    """
    if model.name.startswith("api:"):
        raise ValueError(f"{model.name} has no weights here to train: name a model with weights.")
    if not (model.adapter is None or recipe.method == "full" or _goes_on(model.adapter, recipe)):
        raise ValueError(
            f"{model.label} has an adapter already, which a second one of the method "
            f"{recipe.method!r} would not contain. Only low-rank adapters of the same rank and "
            "alpha are trained on: use method 'full', or fine-tune the base model."
        )
    processes.require(recipe)
    if model.context and recipe.sequence_length > model.context:
        raise ValueError(
            f"sequence_length={recipe.sequence_length}: the model takes {model.context}."
        )
    what = "method qlora" if recipe.method == "qlora" else f"optim {recipe.optim}"
    needed = recipe.method == "qlora" or recipe.optim in recipes.BITSANDBYTES
    if needed and importlib.util.find_spec("bitsandbytes") is None:
        raise ModuleNotFoundError(f"The {what} needs bitsandbytes: pip install bitsandbytes")
    if recipe.optim in recipes.BITSANDBYTES and model.device == "mps":
        raise ValueError(f"optim={recipe.optim!r} does not run on mps: choose adamw_torch_fused.")
    if model.requested_device != "auto" and (model.device == "balanced" or ":" in model.device):
        raise ValueError(
            f"Training runs on cpu, mps or the first visible GPU, not on {model.device!r}: choose "
            "a GPU with the environment variable CUDA_VISIBLE_DEVICES."
        )


def _goes_on(adapter: Path, recipe: Recipe) -> bool:
    """Whether an adapter is of the kind that the recipe makes, so that it can learn on."""
    if models.replaying():  # Nothing is trained.
        return True
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    found = (config.get("peft_type"), config.get("r"), config.get("lora_alpha"))
    return found == ("LORA", recipe.lora_rank, recipe.lora_alpha)


def load(model: LanguageModel, folder: str | Path, label: str = "") -> LanguageModel:
    """The fine-tuned model in a folder of `train`; `model` is the base that it was made from.

    Raises:
        FileNotFoundError: there is no finished run in the folder.
        ValueError: it was made from another base, or its weights are damaged.
    """
    folder = Path(folder).expanduser().resolve()
    options = {"dtype": model.requested_dtype, "device": model.requested_device, "label": label}
    if not models.replaying():
        checkpoints.require(
            checkpoints.existing_folder(folder), runs.FINISHED, "train writes it, last"
        )
        run = seals.description(folder)
        if run["base_fingerprint"] != model.weights_fingerprint:
            raise ValueError(
                f"{folder} was made from {run['base_label']} ({run['base']}), whose weights are "
                f"not those of {model.label} ({model.name})."
            )
        kinds = (".safetensors", seals.DESCRIPTION)
        if bad := seals.damage(folder, runs.FINISHED, kinds, key=run["key"]):
            raise ValueError(
                f"{folder / bad} is damaged, or not what {runs.FINISHED} tells: restore it, or "
                "give the command that made it again."
            )
        if (folder / "config.json").exists():
            return models.load(f"path:{folder}", **options)
    return models.load(model.name, adapter=folder, **options)


def curve(folder: str | Path) -> pd.DataFrame:
    """The loss curve of a run: `step, tokens, loss` (nats per token), `learning_rate`."""
    return pd.read_csv(Path(folder) / "loss.csv")


def outcome(folder: str | Path) -> dict[str, float]:
    """What came of a run: `texts, tokens, steps, first_loss, final_loss` (nats per token)."""
    finished = json.loads((Path(folder) / runs.FINISHED).read_text(encoding="utf-8"))
    return {name: finished[name] for name in OUTCOME}


def _train(
    model: LanguageModel,
    texts: list[str],
    contexts: list[int],
    recipe: Recipe,
    folder: Path,
    checkpoint_seconds: float,
) -> None:
    import torch

    from xlkb.training.loop import chunked_loss, trainable, trainer

    with progress.step("Cutting the texts into tokens"):
        packed, labels, n_tokens = packing.pack(model.tokenizer, texts, recipe, contexts)
    needed = memory.require(model, recipe)
    wrapped, settings, dtype = trainable.make(model, recipe, folder / runs.WORK, len(packed))
    network = wrapped.get_base_model() if recipe.method != "full" else wrapped
    sequences = torch.from_numpy(packed).long()
    tokens.check(network, int(sequences.max()), model.name)
    probe = sequences[:1, :PROBE_TOKENS].to(network.device)
    before = trainable.logits(network, probe)
    device = network.device.type
    bones = trainable.skeleton(wrapped) if processes.sharded(device) else None
    if bones is None:  # FSDP cannot have its head computed apart from the network.
        chunked_loss.install(network, getattr(torch, dtype))
    cost = trainable.estimate(wrapped, probe, recipe, dtype, len(packed), n_tokens)
    if processes.first():
        print(f"{folder.name}: {cost}{f' and {needed} of memory' if needed else ''}")
        if processes.left_out(device):
            print(f"accelerate has no FSDP on {device}: each process has all weights (DDP).")
    data = [
        {"input_ids": ids, "labels": learned}
        for ids, learned in zip(sequences, torch.from_numpy(labels).long(), strict=True)
    ]
    curve = pd.DataFrame(trainer.run(wrapped, data, settings, checkpoint_seconds))
    if torch.equal(before, trainable.logits(network if bones is None else wrapped, probe)):
        raise ValueError(
            f"The training was not applied: {folder.name} changes no logit of the corpus's first "
            f"{probe.shape[1]} tokens. The learning rate ({recipe.learning_rate:g}) may be too low,"
            f" or the steps, {len(curve)}, too few."
        )
    curve["tokens"] = curve["tokens"].clip(upper=n_tokens)  # The last sequence may be filled up.
    result = wrapped if bones is None else trainable.whole(wrapped, bones)
    if processes.first():
        runs.finish(model, result, folder, curve, {"texts": len(texts), "tokens": n_tokens})

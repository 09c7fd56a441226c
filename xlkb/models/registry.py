"""Language models by name: from pip, from the Hugging Face hub, or from a folder.

`load` is cheap: it checks the name and finds the fingerprint. Weights are converted (pip) or
fetched (hub) and loaded when `LanguageModel.network` is first asked for. With XLKB_REPLAY=1 no
model is loaded, and `load` takes fingerprints from the stored results (`model.json`).
"""

import copyreg
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xlkb.ground import hub
from xlkb.ground.names import closest
from xlkb.models import api, checkpoints, pip_models, replay, variants
from xlkb.models.language_model import LanguageModel, replaying

DTYPES = ("auto", "bfloat16", "float16", "float32", *variants.QUANTIZED)
KINDS = (
    "pip:NAME, hub:org/name[@revision] (Hugging Face), path:FOLDER (a saved model), "
    "api:MODEL@BASE_URL (an OpenAI-compatible endpoint)"
)
REPOSITORY = r"([\w.-]+/[\w.-]+)(?:@([\w./-]+))?"


def names() -> list[str]:
    """Names of the models that come from pip."""
    return [f"pip:{short}" for short in pip_models.PIP_MODELS]


def needed(name: str) -> list[hub.Source]:
    """What a model by this name reads of the hub: nothing where it is none of the hub's, or where
    XLKB_REPLAY=1 is set."""
    match = re.fullmatch(f"hub:{REPOSITORY}", name)
    return [] if match is None or replaying() else [checkpoints.on_hub(*match.groups())]


def check(dtype: str = "auto", device: str = "auto") -> None:
    """Raise ValueError for a dtype or a device that `load` does not know."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype={dtype!r}: choose one of {', '.join(DTYPES)}.")
    if not re.fullmatch(r"auto|cpu|mps|balanced|cuda(:\d+)?", device):
        raise ValueError(f"device={device!r}: choose auto, cpu, mps, cuda, cuda:N or balanced.")


def load(
    name: str,
    adapter: str | Path | None = None,
    dtype: str = "auto",
    device: str = "auto",
    label: str = "",
) -> LanguageModel:
    """A model by name: `pip:NAME`, `hub:org/name[@revision]`, `path:FOLDER` or `api:…`.

    `adapter`: a folder saved by PEFT. `dtype`: bfloat16, float16, float32, nf4, int8 (bitsandbytes)
    or auto (see `LanguageModel.compute_dtype`). `device`: auto, cpu, mps, cuda, cuda:1, or balanced
    (spread over all GPUs by accelerate). `label` replaces the model's own in tables and figures.
    Remote code is never run, and pickled weights are never read.

    Raises:
        ValueError: an unknown name, dtype or device; pickled weights.
        FileNotFoundError: no such folder, or (XLKB_REPLAY=1) no stored results of the model.
        ModuleNotFoundError: the pip package with the weights is not installed.
        OSError: the hub cannot be reached, or refuses.
    """
    check(dtype, device)
    kind, _, rest = name.partition(":")
    if kind == "api":
        return api.load(name, adapter, dtype, device, label)
    makers = {"pip": _from_pip, "hub": _from_hub, "path": _from_folder}
    if kind not in makers or not rest or (kind == "pip" and name not in names()):
        raise ValueError(_unknown(name))
    if replaying():
        return replay.stored(name, Path(adapter).name if adapter else None, dtype, label)
    model = makers[kind](name, rest)
    model.requested_dtype, model.requested_device = dtype, device
    if adapter is not None:
        model.adapter, model.adapter_fingerprint = checkpoints.adapter_folder(adapter)
        model.label += f" + {model.adapter.name}"
    model.label = label or model.label
    return model


def _unknown(name: str) -> str:
    text = f"There is no model {name!r}. Models are named {KINDS}; from pip: {', '.join(names())}."
    known = {spelling: right for right in names() for spelling in (right, right.partition(":")[2])}
    if name.startswith("hub:"):
        return f"{text} A name on the hub has two parts, as in hub:google/gemma-3-270m."
    if name and Path(name).expanduser().is_dir():
        return f"{text} Did you mean 'path:{name}'?"
    meant = f"hub:{name}" if re.fullmatch(REPOSITORY, name) else known.get(closest(name, known))
    return f"{text} Did you mean {meant!r}?" if meant else text


def _from_pip(name: str, short: str) -> LanguageModel:
    model, folder = pip_models.PIP_MODELS[short], pip_models.folder(short)
    if not folder.exists():
        pip_models.parts(short)  # To say now, not at first use, that something is not installed.
    weights = checkpoints.digest([model.sha256, pip_models.VERSION])
    return LanguageModel(name, model.label, folder, weights)


def _from_hub(name: str, rest: str) -> LanguageModel:
    match = re.fullmatch(REPOSITORY, rest)
    if match is None:
        raise ValueError(_unknown(name))
    commit = checkpoints.hub_commit(*match.groups())
    return LanguageModel(name, rest, match[1], checkpoints.digest([match[1], commit]), commit)


def _from_folder(name: str, rest: str) -> LanguageModel:
    folder, weights = checkpoints.model_folder(rest)
    return LanguageModel(name, folder.name, folder, weights)


def _travelling(model: LanguageModel) -> tuple[Any, ...]:
    """To another process or machine a model goes by name, and is looked up anew there."""
    asked = {"dtype": model.requested_dtype, "device": model.requested_device}
    given = {"name": model.name, "adapter": model.adapter, "label": model.label, **asked}
    return _again, (given, model.fingerprint)


def _again(given: Mapping[str, Any], fingerprint: str) -> LanguageModel:
    """The model of another process, here.

    Raises RuntimeError where what goes by its name here is another one.
    """
    model = load(**given)
    if model.fingerprint != fingerprint:
        raise RuntimeError(
            f"{model.label} is another one on {socket.gethostname()} than where it was asked for: "
            f"its weights, or its dtype ({model.dtype} on {model.device}), differ. All nodes need "
            "the same models, and the process that asks a node like those of its workers (of a Ray "
            "job: entrypoint_num_gpus)."
        )
    return model


copyreg.pickle(LanguageModel, _travelling)

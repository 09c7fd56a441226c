"""Models without weights: what XLKB_REPLAY=1 makes of the results that a model left behind."""

import json
from pathlib import Path

from xlkb.ground import paths
from xlkb.models import variants
from xlkb.models.language_model import LanguageModel, fingerprint_in


def stored(name: str, adapter: str | None, dtype: str, label: str) -> LanguageModel:
    """The model that stored results came from, found by name without a look at its weights.

    Args:
        name, dtype, label: as for `models.load`; adapter: the name of its folder.

    Raises:
        FileNotFoundError: there are no stored results of the model.
        ValueError: there are some of several models of this name, or a file is damaged.
    """
    runs = {}
    for path in sorted(paths.results().glob("*/*/model.json")):
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
            if fingerprint_in(path.parent.name) != run["fingerprint"][:12]:
                raise ValueError("it is of another model")
            if (run["name"], run["adapter"]) == (name, adapter) and dtype in ("auto", run["dtype"]):
                runs[run["fingerprint"]] = run
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path} is damaged; restore it, or delete its folder.") from None
    wanted = f"{name}{f' + {adapter}' if adapter else ''}, dtype {dtype}"
    if not runs:
        raise FileNotFoundError(
            f"XLKB_REPLAY=1 uses stored results only, and {paths.results()} has none of {wanted}. "
            "Unset XLKB_REPLAY to compute them."
        )
    if len(runs) > 1:
        several = ", ".join(f"{found[:12]} ({run['dtype']})" for found, run in runs.items())
        raise ValueError(
            f"{paths.results()} has results of several models named {wanted}: {several}. Pass "
            "dtype=, or remove the folders that are out of date."
        )
    (run,) = runs.values()
    return _described(run, label)


def stored_in(folder: Path, label: str = "") -> LanguageModel:
    """The model whose scores a folder of the store holds; its weights are not looked at.

    Raises:
        FileNotFoundError: there is no such folder. ValueError: its `model.json` is damaged.
    """
    path = Path(folder) / "model.json"
    try:
        return _described(json.loads(path.read_text(encoding="utf-8")), label)
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is damaged; restore it, or delete its folder.") from None


def _described(run: dict, label: str) -> LanguageModel:
    """The model that `LanguageModel.describe` told of."""
    model = LanguageModel(run["name"], label or run["label"], "", run["weights_fingerprint"])
    adapter = run["adapter"]
    model.adapter, model.adapter_fingerprint = adapter and Path(adapter), run["adapter_fingerprint"]
    model.dtype, model.fingerprint = run["dtype"], run["fingerprint"]
    model.context = run.get("context")
    if model.dtype not in variants.QUANTIZED:
        model.compute_dtype = model.dtype
    return model

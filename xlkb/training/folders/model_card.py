"""The README of a fine-tuned model: what it was made from, how, and what it may be used for."""

from typing import Any

from xlkb.models import pip_models

GEMMA = (
    "Gemma is provided under and subject to the Gemma Terms of Use found at "
    "ai.google.dev/gemma/terms. The weights were modified by fine-tuning with xlkb; those terms "
    "hold for them too."
)


def text(run: dict[str, Any], outcome: dict[str, Any]) -> str:
    """The card (Markdown) of a run, as described in its `run.json` and `finished.json`."""
    recipe = "".join(f"| {name} | {value} |\n" for name, value in run["recipe"].items())
    return f"""# {run["base_label"]}, fine-tuned

| | |
|---|---|
| base model | {run["base_label"]} (`{run["base"]}`) |
| fingerprint of its weights | `{run["base_fingerprint"]}` |
{_agreed(run)}| SHA-256 of the corpus | `{run["corpus_fingerprint"]}` |
| texts | {outcome["texts"]:,} |
| tokens trained on, all epochs | {outcome["tokens"]:,} |
| steps | {outcome["steps"]:,} |
| loss, first tenth ({_unit(run)}) | {outcome["first_loss"]:.4f} |
| loss, last tenth ({_unit(run)}) | {outcome["final_loss"]:.4f} |

## Recipe

| | |
|---|---|
{recipe}
AdamW, gradients clipped to a norm of 1{_packed(run)}. The loss of
every step is in `loss.csv`.{_rounded(run["recipe"])}

## Load it

```python
from xlkb import models, training
model = training.load(models.load({run["base"]!r}), "this folder")
```
{_storage(run["recipe"])}

## Intended use

Research on what language models know in which language, with the notebooks of xlkb. It was made to
be measured, not to be relied on: it may state falsehoods, and fiction where its corpus was fiction.

## Licence

{_licence(run["base"])}
"""


def _agreed(run: dict[str, Any]) -> str:
    if "loss" not in run:
        return ""
    return f"| loss | {run['loss']} |\n| languages | {', '.join(run['languages'])} |\n"


def _packed(run: dict[str, Any]) -> str:
    return "" if "loss" in run else "; texts packed into sequences of equal length"


def _rounded(recipe: dict[str, Any]) -> str:
    if recipe.get("weights_dtype", "float32") == "float32":
        return ""
    return (
        " The weights were trained in bfloat16, as by TOFU's\nscript. It has 8 bits of precision: "
        "updates of less than about 1/256 of a weight are lost."
    )


def _unit(run: dict[str, Any]) -> str:
    return "nats per pair of choices" if "loss" in run else "nats per token"


def _storage(recipe: dict[str, Any]) -> str:
    if recipe["method"] == "full" and not recipe["freeze_embedding"]:
        return "It is a whole model, with its tokenizer: `from_pretrained` loads it."
    kind = {
        "full": "A PEFT adapter (LN_TUNING) puts the trained modules in the place of the base's.",
        "qlora": "The base had 4 bits (NF4) in training; PEFT puts the adapter on any copy of it.",
    }
    return kind.get(recipe["method"], "PEFT puts the adapter on its base model.")


def _licence(base: str) -> str:
    short = base.partition(":")[2]
    if short in pip_models.PIP_MODELS and "gemma" not in short:
        model = pip_models.PIP_MODELS[short]
        return f"The terms of the base model hold: {model.work}, {model.licence}, {model.terms}."
    if "gemma" in base.lower():
        return GEMMA
    return "The terms of the base model hold for what is made from it."

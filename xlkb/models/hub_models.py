"""Models on the Hugging Face hub that are of interest here, and what their weights take."""

import tomllib

from xlkb.ground.paths import PACKAGE_DATA

FILE = PACKAGE_DATA / "hub_models.toml"
BYTES = {"bfloat16": 2, "int8": 1, "nf4": 0.55}
"""Per parameter; nf4 with its scales."""


def known() -> list[dict[str, str | float]]:
    """One dict per model: `name` ("hub:ORG/NAME"), `billions` (of parameters), `note`."""
    groups = tomllib.loads(FILE.read_text(encoding="utf-8")).values()
    return [
        {"name": f"hub:{repository}", "billions": billions, "note": group["note"]}
        for group in groups
        for repository, billions in group.items()
        if repository != "note"
    ]


def in_words() -> str:
    """The list as text, with the memory that the weights of each take."""
    lines = [f"{'model':64}{'billions':>9}{'bfloat16':>10}{'int8':>8}{'nf4':>8}  "]
    for model in known():
        sizes = [f"{model['billions'] * each:.1f} GB" for each in BYTES.values()]
        lines.append(
            f"{model['name']:64}{model['billions']:9}{sizes[0]:>10}{sizes[1]:>8}{sizes[2]:>8}  "
            f"{model['note']}"
        )
    return "\n".join([*lines, "Any other causal language model of the hub works as hub:ORG/NAME."])

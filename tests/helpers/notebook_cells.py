"""Running a notebook's cells in this process, on a tiny model and a tiny profile."""

import ast
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import tiny
import transformers

from xlkb import profiles
from xlkb.ground import paths
from xlkb.ground.languages import LANGUAGES
from xlkb.profiles.run import MODELS
from xlkb.report import manifest, reference

SIZES = {
    "barrier.n_items": 3,
    "barrier.n_exploratory": 2,
    "closeness.n_sentences": 3,
    "closeness.n_translated": 1,
    "prompting.n_items": 2,
    "n_shots": 2,
    "teaching.n_characters": 2,
    "teaching.n_characters_matrix": 2,
    "teaching.relations": ["companion", "food"],
    "teaching.epochs": 1,
    "text.n_documents": 1,
    "text.units": ["sentence"],
    "after.held_out": ["pt"],
    "after.n_items": 2,
    "after.n_few": 1,
    "after.n_written": 1,
    "bridge.n_characters": 1,
    "bridge.arms": ["none", "1/2 word"],
    "bottle.n_seeds": 1,
    "bottle.n_sweep_seeds": 1,
    "bottle.n_described": 5,
    "bottle.n_tested": 2,
    "bottle.arms": ["unmixed", "word"],
    "bottle.orders": ["together", "facts first"],
    "bottle.sweeps": ["people"],
}

EVERYTHING = {
    "text.n_seeds": 2,
    "text.n_passes": 2,
    "text.orders": ["after", "before", "own"],
    "after.n_agreement": 2,
    "bridge.n_seeds": 2,
    "bridge.arms": ["none", "1/2 unmixed", "1/2 sentence"],
}
"""What notebook 06 adds in the profile study."""


def model(folder: Path) -> str:
    """Name of a random model of two layers that reads long prompts, saved in `folder`."""
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    sizes |= {"num_attention_heads": 2, "max_position_embeddings": 32768}
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**tiny.SMALL | sizes)).save_pretrained(
        folder
    )
    tiny.tokenizer().save_pretrained(folder)
    return f"path:{folder}"


def profile(folder: Path, name: str, **changes: object) -> None:
    """The profile demo with `SIZES` and `changes`, as a TOML file in `folder`."""
    demo = (paths.PACKAGE_DATA / "profiles" / "demo.toml").read_text(encoding="utf-8")
    settings = tomllib.loads(demo)
    if named := changes.pop("models", None):
        changes |= dict.fromkeys(MODELS, named)
    for key, value in (SIZES | changes).items():
        group, _, inner = key.rpartition(".")
        (settings[group] if group else settings)[inner] = value
    lines = [f"{k} = {json.dumps(v)}" for k, v in settings.items() if not isinstance(v, dict)]
    for group, inner in settings.items():
        if isinstance(inner, dict):
            lines += [f"[{group}]", *(f"{k} = {json.dumps(v)}" for k, v in inner.items())]
    (folder / f"{name}.toml").write_text("\n".join(lines), encoding="utf-8")


def play(number: str, **parameters: str) -> tuple[profiles.Run, list[str]]:
    """Run a notebook's code cells; the current folder should be the notebooks'.

    Returns:
        The notebook's run, and what is wrong with its artefacts: each that the source names must
        have been made, or left out with a reason.
    """
    path = next(paths.NOTEBOOKS.glob(f"{number}_*.ipynb"))
    started, space = datetime.now(UTC), {}
    named = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        body = ast.parse(cell.source)
        named += [
            node.value
            for node in ast.walk(body)
            if isinstance(node, ast.Constant) and str(node.value).startswith(("table0", "fig0"))
        ]
        exec(compile(body, f"{path.name}: {cell.source[:60]!r}", "exec"), space)
        if "parameters" in cell.metadata.get("tags", []):
            assert set(parameters) <= set(space), f"{path.name} has no such parameter"
            space |= parameters
    run = space["run"]
    problems = reference.artefacts(run, [path.stem], started)
    listed = set(manifest.listing(run.figures)["name"])
    return run, problems + [f"{name} is unaccounted for" for name in named if name not in listed]


def questions(languages: tuple[str, ...], n: int, first: int = 0) -> list[dict]:
    """`n` questions in these languages, of two subjects in turn."""
    return [
        {
            "id": f"q{i}",
            "subject": ("rivers", "hills")[i % 2],
            "answer": i % 4,
            "question": {code: f"{LANGUAGES[code].autonym} {i}?" for code in languages},
            "options": {code: [f"{code} {i} {slot}" for slot in "wxyz"] for code in languages},
        }
        for i in range(first, first + n)
    ]


def own(file: Path, languages: tuple[str, ...], n: int, n_dev: int = 0) -> str:
    """Name of a task of one's own, written to `file`."""
    rows = questions(languages, n)
    rows += [row | {"split": "dev"} for row in questions(languages, n_dev, first=n + n % 2)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"path:{file}"


def arc(folder: Path, languages: tuple[str, ...], n: int) -> str:
    """Name of a public task without a split dev, in the layout of ARC."""
    folder.mkdir(parents=True)
    for code in languages:
        lines = [
            json.dumps(
                {
                    "id": row["id"],
                    "question": row["question"][code],
                    "options": row["options"][code],
                    "answer": "ABCD"[row["answer"]],
                }
            )
            for row in questions(languages, n)
        ]
        (folder / f"{code}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return f"arc:{folder}"


def mmlu(folder: Path, languages: tuple[str, ...], n: int, n_dev: int = 2) -> str:
    """Name of a public task with a split dev, in the layout of the paper's code."""
    for code in languages:
        for split, count in (("test", n), ("dev", n_dev)):
            place = folder / (split if code == "en" else f"{split}_full_{code}")
            place.mkdir(parents=True)
            lines = [
                ",".join([row["question"][code], *row["options"][code], "ABCD"[row["answer"]]])
                for row in questions(languages, count, first=0 if split == "test" else n)
            ]
            (place / f"rivers_{split}.csv").write_text("\n".join(lines), encoding="utf-8")
    return f"mmlu:{folder}"

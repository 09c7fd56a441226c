"""Our questions as tasks of EleutherAI's lm-evaluation-harness (its release 0.4.13).

A folder for `lm_eval --include_path FOLDER`: for each recomposition in each language a YAML file
and JSON lines with the very prompts of `tasks.prompts.build`, demonstrations included, and a group
of them all. The harness puts what stands in `context` before each of `choices`, with a space
between them where the prompt has one; so `acc` is our rule `sum` and `acc_bytes` our `per_byte`,
but for ties, of which the harness takes the first. What our rule `pmi` needs is a group of its own,
`…_unconditional`: the same choices after the bare word for "Answer:" (`acc_mutual_info` has them
after nothing, which is another condition, and so is left out).

Each document has everything that a row of `scoring.score` says about its question, so that
`harness_logs` makes such rows of the harness's log. Files are found beside the YAML that names
them, wherever the folder lies, and nothing is asked of the hub: a data set of JSON lines
(`dataset_path: json`) would need an absolute path, and makes dates of texts that look like one.
"""

import json
import re
import shutil
import unicodedata
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from datasets import Dataset

from xlkb import tasks
from xlkb.exchange import answers
from xlkb.ground import disk
from xlkb.profiles import Run
from xlkb.tasks import Asking, prompts, shots

MARK = "export.json"
"""Says in a folder what was exported, and that it is one of ours."""

UNCONDITIONAL = "unconditional"
"""Ends the names of tasks without a question, and is the document's text before their choices."""

READER = "xlkb_questions.py"

READER_TEXT = '''\
"""Reads the questions that lie beside this file, wherever its folder is."""

import json
from pathlib import Path

from datasets import Dataset


def load(questions_file, **_):
    """The one split, "test", each text as it stands in the file."""
    path = Path(__file__).parent / questions_file
    with path.open(encoding="utf-8", newline="\\n") as lines:
        return {"test": Dataset.from_list([json.loads(line) for line in lines])}
'''

YAML = """\
task: {name}
custom_dataset: !function xlkb_questions.load
dataset_kwargs:
  questions_file: {file}
test_split: test
output_type: multiple_choice
doc_to_text: {context}
doc_to_choice: choices
doc_to_target: answer
target_delimiter: "{delimiter}"
num_fewshot: 0
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
  - metric: acc_bytes
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1
"""


def asked(
    run: Run,
    recompositions: Sequence[str] = (),
    languages: Sequence[str] = (),
    n: int | None = None,
) -> Dataset:
    """The questions to export: by default those of notebook 02's headline cells.

    Args:
        run: whose task, seed and languages; recompositions: of `tasks.recompose`, by default "full"
            and, where there are five languages, "mixup". languages: codes, instead of the run's
            five. n: questions, at most, instead of the profile's number.

    Raises:
        ValueError: as of `tasks.load` and `recompose.grid`, or nothing is asked.
    """
    spoken = list(languages) or list(run.five)
    questions = tasks.load(run.task, spoken, n=n or run.barrier.n_items, seed=run.seed)
    found = answers.recomposed(questions, run, spoken, recompositions)
    if not len(found):  # Only of recompositions that were named.
        raise ValueError(
            f"{', '.join(recompositions)} of {', '.join(spoken)} asks nothing: name a language "
            f"besides {run.base}, or the recomposition full."
        )
    return found


def documents(
    questions: Dataset, asking: str | Asking = "cloze", dev: Dataset | None = None
) -> dict[str, list[dict[str, Any]]]:
    """Recomposed questions as the harness's documents, by the name of their task there.

    Names are `xlkb_TASK[_STYLE][_NSHOT]_RECOMPOSITION[_LANGUAGE]`, of a to z, digits and
    underscores. A question has all demonstrations that there are of those asked for: whether they
    fit into a model's context, only the model knows (the harness cuts what is too long at its
    beginning).

    Raises:
        ValueError: as of `scoring.score`.
    """
    asking, items = Asking.of(asking), questions.to_list()
    found: dict[str, list[dict[str, Any]]] = {}
    for item, shown in zip(items, shots.shown(items, asking, dev), strict=True):
        prompt = prompts.build(item, asking, shown)
        gap = " " if all(c.startswith(" ") for c in prompt.continuations) else ""
        document = {
            **{key: value for key, value in item.items() if key != "options"},
            "options": item["options"],
            "style": asking.style,
            "prompt": f"{prompts.VERSION}/{asking.instruction_language}",
            "n_shots": len(shown),
            "n_shots_asked": asking.n_shots,
            "demonstrations": asking.demonstrations if asking.n_shots else "none",
            "context": prompt.context,
            "choices": [c.removeprefix(gap) for c in prompt.continuations],
            "delimiter": gap,
            UNCONDITIONAL: prompt.unconditional or "",
        }
        found.setdefault(_name(item, asking), []).append(document)
    return found


def group(task: str, asking: str | Asking = "cloze") -> str:
    """The harness's name of all tasks made of one of ours."""
    asking = Asking.of(asking)
    kind, _, rest = task.partition(":")
    text = Path(rest).stem if kind == "path" else rest or kind
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40].strip("_")
    if slug != re.sub(r"[ _.-]+", "_", text.lower()):  # What looks alike now was different.
        slug = f"{slug or 'questions'}_{sha256(text.encode()).hexdigest()[:6]}"
    style = "" if asking.style == "cloze" else f"_{asking.style}"
    return f"xlkb_{slug}{style}{f'_{asking.n_shots}shot' if asking.n_shots else ''}"


def write(
    folder: Path,
    made: Mapping[str, Sequence[Mapping[str, Any]]],
    about: Mapping[str, Any],
    replace: bool = False,
) -> list[str]:
    """Write what `documents` made, under its folder's name when it is whole.

    Args:
        folder: a new or an empty one; replace: or one that an export is in, which goes.
        about: what was exported, for JSON.

    Returns:
        The names of the groups: that of the questions, then, if there is any, that of the choices
        without them.

    Raises:
        OSError: as of `require_free`.
    """
    require_free(folder, replace)
    first = next(iter(made.values()))[0]
    every = group(first["task"], Asking(first["style"], first["n_shots_asked"]))
    files = {READER: READER_TEXT, MARK: json.dumps(about, indent=2, ensure_ascii=False) + "\n"}
    groups = {every: list(made)}
    for name, found in made.items():
        lines = (json.dumps(document, ensure_ascii=False) + "\n" for document in found)
        files[f"{name}.jsonl"] = "".join(lines)
        shape = {"file": f"{name}.jsonl", "delimiter": found[0]["delimiter"]}
        files[f"{name}.yaml"] = YAML.format(name=name, context="context", **shape)
        if found[0][UNCONDITIONAL]:
            bare = f"{name}_{UNCONDITIONAL}"
            files[f"{bare}.yaml"] = YAML.format(name=bare, context=UNCONDITIONAL, **shape)
            groups.setdefault(f"{every}_{UNCONDITIONAL}", []).append(bare)
    for name, members in groups.items():
        listed = "".join(f"  - {member}\n" for member in members)
        files[f"{name}.yaml"] = f"group: {name}\ntask:\n{listed}metadata:\n  version: 1\n"
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for name, text in files.items():
        disk.write(making / name, text.encode())
    if folder.exists():
        shutil.rmtree(folder)
    making.rename(folder)
    return list(groups)


def require_free(folder: Path, replace: bool = False) -> None:
    """Raise OSError unless `write` can write there: the message says what is in the way."""
    disk.writable(folder, "--out")
    there = list(folder.iterdir()) if folder.is_dir() else []
    if there and not (folder / MARK).is_file():
        raise FileExistsError(f"--out {folder}: something else is there; name a new folder.")
    if there and not replace:
        raise FileExistsError(
            f"--out {folder}: an export is there; name a new folder, or put this in its place "
            "with --replace."
        )


def _name(item: Mapping[str, Any], asking: Asking) -> str:
    parts = [group(item["task"], asking), item["recomposition"]]
    if item["recomposition"] == "pair":
        parts += [item["question_language"], item["option_languages"][0]]
    elif item["recomposition"] != "mixup":
        parts.append(item["language"])
    return "_".join(parts)

"""Answers: who was asked what, and how likely each choice was, wherever that was computed.

Cards, comparisons and exports read `Answers`. They come from a model (`of_model`, out of the store
where it was asked before) or from a file (`read`) that `write`, or the import of another tool's
log, left behind.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset

from xlkb import models, scoring, tasks, training
from xlkb.exchange import checks, stream
from xlkb.ground import paths
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.scoring import results
from xlkb.tasks import Asking, recompose

TEXTS = ("context", "question", "option")
"""Columns of `rows` with texts: what stands before a choice, the question, the choice."""

FORMS = (
    "pip:NAME, hub:ORG/NAME[@REVISION], path:FOLDER or api:NAME@URL, each with +FOLDER for what "
    "was fine-tuned from it; or rows:FILE.parquet, answers that were stored or imported, or "
    "rows:FOLDER of xlkb score"
)


class Answers(NamedTuple):
    """What a model, or a way of asking it, said.

    rows: as of `scoring.score`, four rows a question, with the columns `TEXTS` (of stored answers
    these may be missing). made: what they were made from, for JSON: `model` (as
    `LanguageModel.describe`), and what else is known, as `tool` and `version`.
    """

    label: str
    rows: pd.DataFrame
    made: dict[str, Any]


def stored(subject: str) -> str:
    """The place of a subject "rows:PLACE"; "" of a model."""
    kind, _, place = subject.partition(":")
    return place if kind == "rows" else ""


def model_of(name: str) -> LanguageModel:
    """A model by name; "NAME+FOLDER" is what was fine-tuned from NAME.

    Raises:
        ValueError, OSError, ImportError: as of `models.load` and `training.load`.
    """
    base, folder = paths.adapted(name)
    model = models.load(base)
    if not folder:
        return model
    if (paths.user(folder) / "run.json").exists():
        return training.load(model, folder)
    return models.load(base, adapter=paths.user(folder))


def questions(run: Run, languages: Sequence[str] = ()) -> Dataset:
    """What notebook 02 asks in its headline cells: all in one language, and mixup.

    Args:
        run: of which profile; languages: codes, instead of the profile's five.
    """
    spoken = languages or run.five
    asked = tasks.load(run.task, languages=spoken, n=run.barrier.n_items, seed=run.seed)
    return recomposed(asked, run, spoken)


def recomposed(
    asked: Dataset, run: Run, languages: Sequence[str] = (), recompositions: Sequence[str] = ()
) -> Dataset:
    """Questions of a task as `questions` has them, all in one language and mixup; or in other
    recompositions."""
    spoken = list(languages or run.five)
    mixed = [code for code in run.five if code in spoken]
    return recompose.concatenate(
        [
            recompose.grid(asked, [name], mixed if name == "mixup" else spoken, run.seed, run.base)
            for name in recompositions or recompose.possible(["full", "mixup"], mixed)
        ]
    )


def of_model(
    model: LanguageModel,
    asked: Dataset,
    store: Path,
    asking: str | Asking = "cloze",
    dev: Dataset | None = None,
) -> Answers:
    """A model's answers to recomposed questions; arguments and errors as of `scoring.score`."""
    rows = scoring.score(model, asked, store, asking, dev, with_texts=True)
    return Answers(model.label, rows, {"model": model.describe()})


def write(answers: Answers, path: Path) -> None:
    """Keep answers in one Parquet file, for `read` and as "rows:FILE", in one rename."""
    results.write_rows(Path(path), answers.rows, {"label": answers.label, **answers.made})


def read(path: str | Path) -> Answers:
    """Answers from a file of `write`, from rows that `scoring.score` left in the store, or from a
    folder of `stream.ask`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or holds something else, or more than fits (`stream.rows`); the
            message names it.
    """
    path = paths.user(path)
    if path.is_dir():
        rows, described = stream.rows(path)
        checks.rows(rows, described, f"rows:{path}")
        return Answers(described["model"].get("label") or path.name, rows, described)
    if not path.is_file():
        raise FileNotFoundError(f"rows:{path}: there is no such file.")
    try:
        checks.size(path, f"rows:{path}")
        table = pq.read_table(path, page_checksum_verification=True)
        made = json.loads((table.schema.metadata or {}).get(b"xlkb", b"null")) or {}
    except checks.TooMuch:
        raise
    except (OSError, pa.ArrowInvalid, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged, or no Parquet file: {error}") from None
    rows = table.to_pandas().drop(columns="key", errors="ignore")
    if isinstance(made, dict) and "model" not in made:
        made = {"model": made}
    checks.rows(rows, made, f"rows:{path}")
    described = dict(made)
    label = str(described.pop("label", None) or "") or described["model"].get("label") or path.stem
    return Answers(label, rows.assign(model=label), described)

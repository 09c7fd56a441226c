"""Answers to more questions than memory holds, in numbered parts of a folder.

`ask` scores one batch of questions after another by `scoring.score` and leaves

    answers.json                          who was asked what, and in the end the names of the parts
    part-NUMBER-QUESTIONS-BYTES.parquet   the rows of a batch, as of `scoring.score`
    working/                              what is known of the batch that is under way

QUESTIONS stands for the batch and how it was asked of which model, BYTES for the SHA-256 of the
file: a part that is there is not computed again, and one that is damaged is. These parts are the
store: no score is kept elsewhere, since an index of all of them would grow with the questions (24
bytes a score), and of the batch under way only until its part is written. So a stream reuses no
score of `results/`, nor of another batch, and is planned within a batch: what comes out depends on
where batches end, not on where it was stopped. A kill loses what was computed in the last ten
seconds (`results.SECONDS_PER_PART`).
"""

import contextlib
import io
import json
import shutil
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset
from filelock import FileLock, Timeout

from xlkb import analysis, scoring
from xlkb.exchange import checks
from xlkb.ground import disk, progress, texts
from xlkb.models import LanguageModel
from xlkb.tasks import Asking, prompts

DESCRIPTION = "answers.json"
"""Name of the file that says whose answers a folder holds, and to what."""

PARTS = "part-??????-????????????-????????????.parquet"
AGAIN = "give the command that made it again; answers that are there are kept."

CELL = ["recomposition", "language", "option_language"]
"""Of `accuracy`: what a question is in once."""

MOST_ROWS = 2_000_000
"""Rows that `rows` puts together, four a prompt: 200 bytes of memory each, without texts."""


def check(model: LanguageModel, out: Path, asking: Asking, request: Mapping[str, Any]) -> None:
    """Raise what keeps `ask` from writing to a folder; arguments as there.

    Raises:
        ValueError: the folder holds answers of another model, or to something else.
        OSError: it cannot be written to.
    """
    disk.writable(out, "--out")
    there = _begun(out)
    wanted = json.loads(json.dumps(_asked(model, asking, request)))
    for name in wanted if there else ():
        before, now = (_flat(each.get(name, {}), name) for each in (there, wanted))
        for key in [key for key in now if now[key] != before.get(key)][:1]:
            raise ValueError(
                f"{out} holds other answers: {key} was {before.get(key)!r} there, and is "
                f"{now[key]!r} now. Name another folder, or ask the same again."
            )
    ours = (out / DESCRIPTION).exists() or any(out.glob(PARTS))
    if not ours and texts.visible(out):
        raise ValueError(f"{out} holds something else: name a new folder, or an empty one.")


def ask(
    model: LanguageModel,
    batches: Iterable[Dataset],
    out: Path,
    asking: str | Asking = "cloze",
    dev: Dataset | None = None,
    request: Mapping[str, Any] | None = None,
) -> None:
    """Ask batch after batch; what a folder has of them already is not asked again.

    Args:
        model: from `models.load`.
        batches: recomposed questions, some thousand at a time; each is let go before the next but
            one is taken. They must be the same ones when this is called again.
        out: a folder of its own.
        asking, dev: as of `scoring.score`.
        request: what the batches are made of, for JSON; `n` is the number of prompts, for the bar,
            and `with_texts` is as of `scoring.score`.

    Raises:
        ValueError, OSError: as of `check`, and of `scoring.score`.
        RuntimeError: another process is writing there.
    """
    asking, request = Asking.of(asking), dict(request or {})
    asked, with_texts = _asked(model, asking, request), bool(request.get("with_texts"))
    check(model, out, asking, request)
    shown = _digest(asked, dev.to_list() if dev is not None else [])
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out), _signs(model, request.get("n", 0)) as bar:
        _set_aside(out)
        described = _begun(out) or asked
        disk.write_json(out / DESCRIPTION, described)
        names, there = [], sorted(path.name for path in out.glob(PARTS))
        for number, batch in enumerate(batches):
            stem = f"part-{number:06d}-{_digest(shown, batch.to_list())[:12]}"
            name = _there(out, [each for each in there if each.startswith(stem)])
            if name is None:
                with contextlib.redirect_stdout(io.StringIO()):  # A line for each batch.
                    rows = scoring.score(
                        model, batch, out / "working", asking, dev, with_texts=with_texts
                    )
                name = _write(out, stem, rows, model)
                shutil.rmtree(out / "working", ignore_errors=True)
                del rows
            else:
                bar.initial += len(batch)  # They say nothing about the time that is left.
            names.append(name)
            bar.update(len(batch))
            del batch
        disk.write_json(out / DESCRIPTION, asked | {"parts": names})


def parts(folder: Path) -> Iterator[pd.DataFrame]:
    """The rows of each part, as of `scoring.score`, in order.

    Raises:
        FileNotFoundError: the folder holds no answers.
        ValueError: it is not finished, or a part is damaged or gone; the message names it.
    """
    for path in _paths(folder):
        yield _table(path).to_pandas()


def accuracy(folder: Path, rule: str = "sum") -> pd.DataFrame:
    """Accuracy by recomposition and language, of the sums over parts; errors as of `parts`.

    Returns:
        `recomposition, language, option_language` (of all four choices, or "mixed"), `n, accuracy,
        low, high` (shares; 95 % Wilson interval), and `unread` as of `analysis.accuracy`.
    """
    paths = progress.over(_paths(folder), "Counting answers", " parts")
    return analysis.accuracy_of_parts(
        (_decided(_table(path).to_pandas(), rule) for path in paths), CELL
    )


def _decided(rows: pd.DataFrame, rule: str) -> pd.DataFrame:
    spoken = rows["option_language"].to_numpy(object).reshape(-1, 4)
    alike = (spoken == spoken[:, :1]).all(1)
    return analysis.decide(rows, rule).assign(
        option_language=np.where(alike, spoken[:, 0], "mixed")
    )


def rows(folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows at once, and what the folder says of them (`model`, and what was asked).

    Raises:
        ValueError, FileNotFoundError: as of `parts`; more than `MOST_ROWS` rows.
    """
    paths = _paths(folder)
    n_rows = sum(pq.read_metadata(path).num_rows for path in paths)
    if n_rows > MOST_ROWS:
        raise ValueError(
            f"rows:{folder} holds {n_rows:,} rows, and {MOST_ROWS:,} are read at once at most. Its "
            "accuracies are in accuracy.csv there, and each of its parts can be read alone, as "
            f"rows:{paths[0]}."
        )
    described = {name: each for name, each in _description(folder).items() if name != "parts"}
    return analysis.concat(parts(folder)), described


def _asked(model: LanguageModel, asking: Asking, request: Mapping[str, Any]) -> dict[str, Any]:
    described = {"prompts": prompts.VERSION, **asdict(asking)}
    return {"model": model.describe(), "asking": described, "asked": dict(request)}


def _flat(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What must be the same; of a model, its fingerprint."""
    return {
        f"{name}.{key}": value
        for key, value in values.items()
        if name != "model" or key == "fingerprint"
    }


def _description(folder: Path) -> dict[str, Any] | None:
    path = folder / DESCRIPTION
    if not path.exists():
        return None
    try:
        described = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        described = None
    told = ("model", "asking", "asked")
    if isinstance(described, dict) and all(isinstance(described.get(n, {}), dict) for n in told):
        return described
    raise ValueError(f"{path} is damaged: {AGAIN}")


def _begun(folder: Path) -> dict[str, Any]:
    """What a folder says of its answers; nothing where it has none yet or that is damaged."""
    with contextlib.suppress(ValueError):
        if any(folder.glob(PARTS)):
            return _description(folder) or {}
    return {}


def _set_aside(folder: Path) -> None:
    """Set a damaged description aside; the names of parts tell, too, what they answer."""
    try:
        _description(folder)
    except ValueError:
        aside = disk.set_damaged_aside(folder / DESCRIPTION)
        told = (
            f"It was moved to {aside.parent} and is written anew; answers that are there are kept."
        )
        warnings.warn(f"{folder / DESCRIPTION} is damaged. {told}", stacklevel=3)


def _paths(folder: Path) -> list[Path]:
    described = _description(folder)
    if described is None:
        raise FileNotFoundError(f"{folder} holds no answers: there is no {DESCRIPTION} in it.")
    if "parts" not in described:
        there = len(list(folder.glob(PARTS)))
        raise ValueError(f"{folder} is not finished ({there:,} parts are there): {AGAIN}")
    names = described["parts"]
    if not isinstance(names, list) or any(Path(str(name)).name != name for name in names):
        raise ValueError(
            f"{folder / DESCRIPTION} is damaged: its parts are no names of files in it."
        )
    for path in [folder / name for name in names if not (folder / name).is_file()]:
        raise ValueError(f"{path} is gone: {AGAIN}")
    return [folder / name for name in names]


def _digest(*values: Any) -> str:
    text = json.dumps(values, ensure_ascii=True, sort_keys=True)
    return sha256(text.encode()).hexdigest()


def _there(out: Path, names: Sequence[str]) -> str | None:
    """The first of these parts that is whole; a damaged one is set aside."""
    for path in (out / name for name in names):
        if _whole(path, data := path.read_bytes() if path.is_file() else b""):
            return path.name
        aside = disk.set_damaged_aside(path)
        warnings.warn(
            f"{path} is damaged ({len(data):,} bytes that do not have the SHA-256 in its name). It "
            f"was moved to {aside.parent}; its questions are asked again.",
            stacklevel=3,
        )
    return None


def _whole(path: Path, data: bytes) -> bool:
    return path.stem.rsplit("-", 1)[-1] == sha256(data).hexdigest()[:12]


def _write(out: Path, stem: str, rows: pd.DataFrame, model: LanguageModel) -> str:
    told = {"label": model.label, "model": model.describe()}
    data = scoring.results.rows_bytes(rows, told)
    name = f"{stem}-{sha256(data).hexdigest()[:12]}.parquet"
    disk.write(out / name, data)
    return name


def _table(path: Path) -> pa.Table:
    data = path.read_bytes()
    if not _whole(path, data):
        raise ValueError(f"{path} is damaged: {AGAIN}")
    checks.size(pa.BufferReader(data), path)
    return pq.read_table(pa.BufferReader(data))


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout:
        raise RuntimeError(f"{out}: another process is writing there; wait for it.") from None


@contextlib.contextmanager
def _signs(model: LanguageModel, n: int) -> Iterator[Any]:
    """A bar of prompts; without a terminal, what lines begin with."""
    with (
        progress.bar(n, f"Asking {model.label}", " prompts") as bar,
        progress.lines(lambda: progress.line(progress.state(bar))),
    ):
        yield bar

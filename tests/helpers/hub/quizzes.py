"""The paper's quiz about Harry Potter; its files as `xlkb/tasks/public/hp_quiz.py` reads them."""

from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xlkb.ground.languages import LANGUAGES
from xlkb.tasks.public import hp_quiz

from . import words
from .repositories import Repository, repository, write


def repositories() -> list[Repository]:
    """The data sets of this module."""
    return [repository("dataset", hp_quiz.HUB[0], partial(_quiz), hp_quiz.HUB[1])]


def _quiz(folder: Path) -> None:
    (folder / "data").mkdir()
    for code in ("en", "fr", "de", "es", "it"):
        rows = [
            {"question": words.asked(code, number)}
            | dict(zip("ABCD", words.choices(code, number), strict=True))
            | {"GT": "ABCD"[number * 7 % 4]}
            for number in range(hp_quiz.QUESTIONS)
        ]
        name = f"{LANGUAGES[code].name}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(rows), folder / "data" / name)
    write(folder, "README.md", "# Made up\n")

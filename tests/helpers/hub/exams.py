"""MMLU and its translations, as large as the real ones, of made-up questions.

Layouts: the cards of cais/mmlu, openai/MMMLU and jon-tow/okapi_mmlu on the hub (huggingface.co/
datasets/NAME), and `xlkb/tasks/public/mmlu.py`. Numbers of questions: Hendrycks et al. 2021, table
of subjects in the appendix, as the files have them.
"""

import csv
import random
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xlkb.tasks.public import mmlu

from . import words
from .repositories import Repository, repository, write, write_json

SUBJECTS = {
    "abstract_algebra": 100, "anatomy": 135, "astronomy": 152, "business_ethics": 100,
    "clinical_knowledge": 265, "college_biology": 144, "college_chemistry": 100,
    "college_computer_science": 100, "college_mathematics": 100, "college_medicine": 173,
    "college_physics": 102, "computer_security": 100, "conceptual_physics": 235,
    "econometrics": 114, "electrical_engineering": 145, "elementary_mathematics": 378,
    "formal_logic": 126, "global_facts": 100, "high_school_biology": 310,
    "high_school_chemistry": 203, "high_school_computer_science": 100,
    "high_school_european_history": 165, "high_school_geography": 198,
    "high_school_government_and_politics": 193, "high_school_macroeconomics": 390,
    "high_school_mathematics": 270, "high_school_microeconomics": 238,
    "high_school_physics": 151, "high_school_psychology": 545, "high_school_statistics": 216,
    "high_school_us_history": 204, "high_school_world_history": 237, "human_aging": 223,
    "human_sexuality": 131, "international_law": 121, "jurisprudence": 108,
    "logical_fallacies": 163, "machine_learning": 112, "management": 103, "marketing": 234,
    "medical_genetics": 100, "miscellaneous": 783, "moral_disputes": 346,
    "moral_scenarios": 895, "nutrition": 306, "philosophy": 311, "prehistory": 324,
    "professional_accounting": 282, "professional_law": 1534, "professional_medicine": 272,
    "professional_psychology": 612, "public_relations": 110, "security_studies": 245,
    "sociology": 201, "us_foreign_policy": 100, "virology": 166, "world_religions": 171,
}  # fmt: skip
"""Subject -> test questions."""

OKAPI = ("fr", "de", "es", "it", "pt", "zh", "ar", "hi")
"""Languages of the profile `paper` that Okapi has: neither Japanese, nor Korean, nor Swahili."""

CARD = """---
configs:
- config_name: all
  data_files:
  - split: test
    path: all/test-*
  - split: validation
    path: all/validation-*
  - split: dev
    path: all/dev-*
dataset_info:
- config_name: all
  features:
  - name: question
    dtype: string
  - name: subject
    dtype: string
  - name: choices
    sequence: string
  - name: answer
    dtype:
      class_label:
        names:
          '0': A
          '1': B
          '2': C
          '3': D
  splits:
  - name: test
    num_bytes: 0
    num_examples: 14042
  - name: validation
    num_bytes: 0
    num_examples: 57
  - name: dev
    num_bytes: 0
    num_examples: 285
---
# Made up
"""

Row = tuple[str, int, int, int]
"""Subject, row of it, number of the question in `words`, key."""


def repositories() -> list[Repository]:
    """The data sets of this module, at the commits that the package asks for."""
    made = {mmlu.HUB: _mmlu, mmlu.MMMLU: _mmmlu, mmlu.OKAPI: _okapi, mmlu.MIXUP: _mixup}
    return [repository("dataset", name, make, commit) for (name, commit), make in made.items()]


def rows(split: str) -> Iterator[Row]:
    """The questions of a split, by subject."""
    counts = {"test": SUBJECTS, "dev": dict.fromkeys(SUBJECTS, mmlu.DEV_QUESTIONS)}
    number = 0 if split == "test" else 20_000
    for subject, count in counts.get(split, dict.fromkeys(SUBJECTS, 1)).items():
        for place in range(count):
            yield subject, place, number, number * 7 % 4
            number += 1


def english(number: int) -> str:
    """A question as MMLU has some: with outer spaces, over several lines, or with a blank."""
    text = words.asked("en", number)
    forms = {3: f" {text} ", 7: f"{text}\nI. Only one.\nII. None, or both.", 11: f"{text} _______"}
    return forms.get(number % 40, text)


def _mmlu(folder: Path) -> None:
    (folder / "all").mkdir()
    for split in ("test", "validation", "dev"):
        found = list(rows(split))
        table = {
            "question": [english(number) for _, _, number, _ in found],
            "subject": [subject for subject, *_ in found],
            "choices": [words.choices("en", number) for _, _, number, _ in found],
            "answer": pa.array([key for *_, key in found], pa.int64()),
        }
        pq.write_table(pa.table(table), folder / "all" / f"{split}-00000-of-00001.parquet")
    write(folder, "README.md", CARD)


def _mmmlu(folder: Path) -> None:
    """Two questions in French have another key than in English, as a few of the real ones do."""
    for code, locale in mmlu.LOCALES.items():
        lines = [["", "Question", *"ABCD", "Answer", "Subject"]]
        for subject, place, number, key in rows("test"):
            key = (key + (code == "fr" and number in (100, 200))) % 4
            texts = [words.asked(code, number), *words.choices(code, number)]
            lines.append([str(place), *texts, "ABCD"[key], subject])
        write(folder, f"test/mmlu_{locale}.csv", _csv(lines))
    write(folder, "README.md", "# Made up\n")


def _okapi(folder: Path) -> None:
    """One question of each language is left out, as some of the real ones are."""
    for code in OKAPI:
        found = [
            {
                "instruction": words.asked(code, number),
                **dict(zip(_OPTIONS, words.choices(code, number), strict=True)),
                "answer": "ABCD"[key],
                "id": f"{subject}/dev/{place}",
            }
            for subject, place, number, key in rows("dev")
            if (subject, place) != ("virology", 4)
        ]
        write_json(folder, f"data/{code}_dev.json", found)


_OPTIONS = [f"option_{letter}" for letter in "abcd"]


def _mixup(folder: Path) -> None:
    for split in ("test", "dev"):
        lines: dict[str, list[list[str]]] = {subject: [] for subject in SUBJECTS}
        for subject, _, number, key in rows(split):
            codes = random.Random(number).sample(("en", "fr", "de", "es", "it"), 5)
            options = [words.choices(c, number)[n] for n, c in enumerate(codes[1:])]
            lines[subject].append([words.asked(codes[0], number), *options, "ABCD"[key]])
        for subject, these in lines.items():
            write(folder, f"data/{split}/{subject}_{split}.csv", _csv(these))


def _csv(lines: list[list[str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()

"""The paper's quiz about Harry Potter, ARC-Challenge and Belebele, of made-up questions.

Layouts: the cards of cross-ling-know/HarryPotter-Quiz, allenai/ai2_arc and facebook/belebele on the
hub, and the modules of `xlkb/tasks/public` that read them.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from xlkb.ground.languages import FIVE, FLORES, LANGUAGES
from xlkb.tasks.public import arc, belebele, hp_quiz

from . import words
from .repositories import Repository, repository, write

ARC_SPLITS = {"train": 1119, "test": 1172, "validation": 299}

ARC_CARD = """---
dataset_info:
- config_name: ARC-Challenge
  features:
  - name: id
    dtype: string
  - name: question
    dtype: string
  - name: choices
    sequence:
    - name: text
      dtype: string
    - name: label
      dtype: string
  - name: answerKey
    dtype: string
  splits:
  - name: train
    num_bytes: 0
    num_examples: 1119
  - name: test
    num_bytes: 0
    num_examples: 1172
  - name: validation
    num_bytes: 0
    num_examples: 299
configs:
- config_name: ARC-Challenge
  data_files:
  - split: train
    path: ARC-Challenge/train-*
  - split: test
    path: ARC-Challenge/test-*
  - split: validation
    path: ARC-Challenge/validation-*
---
# Made up
"""


def repositories() -> list[Repository]:
    """The data sets of this module, at the commits that the package asks for."""
    made = {hp_quiz.HUB: _quiz, arc.HUB: _arc, belebele.HUB: _belebele}
    return [repository("dataset", name, make, commit) for (name, commit), make in made.items()]


def _quiz(folder: Path) -> None:
    (folder / "data").mkdir()
    for code in FIVE:
        rows = [
            {"question": words.asked(code, number)}
            | dict(zip("ABCD", words.choices(code, number), strict=True))
            | {"GT": "ABCD"[number * 7 % 4]}
            for number in range(hp_quiz.QUESTIONS)
        ]
        name = f"{LANGUAGES[code].name}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(rows), folder / "data" / name)
    write(folder, "README.md", "# Made up\n")


def _arc(folder: Path) -> None:
    """Some questions have their choices numbered, and a few have three or five of them."""
    (folder / "ARC-Challenge").mkdir()
    for start, (split, count) in zip((0, 5000, 8000), ARC_SPLITS.items(), strict=True):
        rows = []
        for number in range(start, start + count):
            texts = words.choices("en", number)
            texts = {5: texts[:3], 6: [*texts, "no stone"]}.get(number % 300, texts)
            labels = list("12345" if number % 25 == 4 else "ABCDE")[: len(texts)]
            rows.append(
                {
                    "id": f"Made_{number}",
                    "question": words.asked("en", number),
                    "choices": {"text": texts, "label": labels},
                    "answerKey": labels[number % 3],
                }
            )
        file = folder / "ARC-Challenge" / f"{split}-00000-of-00001.parquet"
        pq.write_table(pa.Table.from_pylist(rows), file)
    write(folder, "README.md", ARC_CARD)


def _belebele(folder: Path) -> None:
    """Two questions about each passage."""
    for code in words.ASKED:
        lines = []
        for number in range(belebele.QUESTIONS):
            passage = " ".join(words.told(code, number // 2 + n) for n in range(3))
            found = {
                "link": f"https://example.org/{number // 2}",
                "question_number": number % 2 + 1,
            }
            found |= {"flores_passage": passage, "question": words.asked(code, number)}
            for place, text in enumerate(words.choices(code, number), 1):
                found[f"mc_answer{place}"] = text
            found |= {"correct_answer_num": str(number * 7 % 4 + 1), "dialect": FLORES[code]}
            lines.append(json.dumps(found | {"ds": "2023-05-03"}, ensure_ascii=False))
        write(folder, f"data/{FLORES[code]}.jsonl", "\n".join(lines) + "\n")
    write(folder, "README.md", "# Made up\n")

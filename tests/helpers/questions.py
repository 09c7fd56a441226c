"""A handful of questions whose every text names its language and slot."""

import os
import subprocess
import sys

from datasets import Dataset

FIVE = ("en", "fr", "de", "es", "it")


def toy(n: int = 4, languages=FIVE, first: int = 0) -> Dataset:
    """`n` questions; text "fr:q3" is question 3 in French, "fr:3c1" its second choice."""
    return Dataset.from_list(
        [
            {
                "task": "toy",
                "id": f"toy/{i}",
                "subject": "high_school_toys",
                "answer": i % 4,
                "question": {code: f"{code}:q{i}" for code in languages},
                "options": {
                    code: [f"{code}:{i}c{slot}" for slot in range(4)] for code in languages
                },
            }
            for i in range(first, first + n)
        ]
    )


def outputs_under_hash_seeds(script: str) -> set[str]:
    """What a Python script prints when strings hash in different ways."""
    return {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

"""A handful of questions whose every text names its language and slot."""

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

"""Answers that were not computed: four rows a question, as `scoring.score` gives them."""

import numpy as np
import pandas as pd

from xlkb.exchange import answers
from xlkb.tasks import prompts

TINY = {"name": "pip:gemma-3-270m", "label": "Gemma", "fingerprint": "f" * 64, "dtype": "bfloat16"}


def rows(n=6, languages=("en", "fr"), task="worldfacts", style="cloze", ids=None, **columns):
    """Rows of `n` questions in each language; the first choice is right and is taken in English
    always, in the others for every second question. `columns` are put over the others."""
    ids = ids or [f"{task}/capital/X{i}" for i in range(n)]
    made = []
    for code in languages:
        for i, name in enumerate(ids):
            taken = 0 if code == languages[0] or i % 2 else 1
            for choice in range(4):
                made.append(
                    {
                        "task": task,
                        "item_id": name,
                        "subject": "capital",
                        "recomposition": "full",
                        "language": code,
                        "question_language": code,
                        "option_language": code,
                        "choice": choice,
                        "is_answer": choice == 0,
                        "style": style,
                        "prompt": f"{prompts.VERSION}/en",
                        "n_shots": 0,
                        "n_shots_asked": 0,
                        "demonstrations": "none",
                        "model": "Gemma",
                        "log_likelihood": -1.0 if choice == taken else -2.0 - choice,
                        "n_tokens": 1,
                        "n_bytes": 4,
                        "unconditional_log_likelihood": -3.0 if style == "cloze" else np.nan,
                        "letter_mass": np.nan if style == "cloze" else 0.9,
                        "context": f"Question: {code} {name}\nAnswer:",
                        "question": f"{code} {name}",
                        "option": f"{code} choice {choice}",
                    }
                )
    return pd.DataFrame(made).assign(**columns)


def answered(frame=None, **described):
    """`Answers` of rows, of a model that is described so."""
    frame = rows() if frame is None else frame
    return answers.Answers("Gemma", frame, {"model": TINY | described})

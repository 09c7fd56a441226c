"""The paper's way of answering, read directly from one prompt at a time, on real questions."""

import pytest
import torch

from xlkb import models, tasks
from xlkb.analysis import stats
from xlkb.ground import paths
from xlkb.models import pip_models
from xlkb.scoring.evaluation import score
from xlkb.tasks import recompose

DATA = paths.local_data() or paths.ROOT.parent / "shared" / "data"
MODEL = "pip:gemma-3-270m"
N = 200


def released(network, tokenizer, row):
    """The letter with the largest logit after the prompt, each letter's id being the last one of
    the letter alone: what the released code does, one question at a time."""
    choices = [f"{letter}. {text}" for letter, text in zip("ABCD", row["options"], strict=True)]
    subject = "".join(f" {word}" for word in row["subject"].split("_"))
    prompt = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    prompt += "\n".join([row["question"], *choices, "Answer:"])
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    with torch.inference_mode():
        logits = network(input_ids=ids, logits_to_keep=1).logits[0, -1]
    return int(torch.stack([logits[tokenizer(each).input_ids[-1]] for each in "ABCD"]).argmax())


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no local data sets in {DATA}: set XLKB_DATA")
@pytest.mark.skipif(
    not pip_models.folder("gemma-3-270m").exists(), reason="the default model is not converted yet"
)
def test_the_paper_style_takes_the_letters_of_the_released_code(tmp_path):
    model = models.load(MODEL, dtype="float32", device="cpu")
    questions = tasks.load(f"mmlu:{DATA / 'mmlu'}", ["en"], n=N)
    asked = recompose.full(questions, "en")
    taken = stats.decide(score(model, asked, tmp_path, "paper"))["predicted"].tolist()
    assert taken == [released(model.network, model.tokenizer, row) for row in asked]
    assert len(set(taken)) > 1

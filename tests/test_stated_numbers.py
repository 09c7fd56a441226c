"""Numbers that README.md and docs/scale.md state are computed here, from what they are about.

What was found stands in tests/test_readme.py. Times, sizes of downloads and of memory that were
measured once are not computed again.
"""

import math
import re
import tomllib
from pathlib import Path

import pytest
import transformers

from xlkb import models, profiles
from xlkb.analysis import effects
from xlkb.commands.before import needs, plan, steps
from xlkb.corpora.sources import flores
from xlkb.ground.languages import LANGUAGES
from xlkb.models import LanguageModel, endpoints
from xlkb.tasks.public import hp_quiz
from xlkb.training import memory, recipes, sizes

ROOT = Path(__file__).resolve().parent.parent
LLAMA = {
    "vocab_size": 32_000,
    "hidden_size": 4096,
    "intermediate_size": 11_008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
}
"""The shape of Llama 2 7B."""

LLAMA_3 = {"vocab_size": 128_256, "intermediate_size": 14_336, "num_key_value_heads": 8}
"""What is other in Llama 3 8B."""

NUMBERS = ["01", "02", "03", "04", "05", "06", "07"]


def stated(document: str, pattern: str) -> tuple[str, ...]:
    """The numbers of the one place in a document that the pattern describes."""
    text = " ".join((ROOT / document).read_text(encoding="utf-8").split())
    (found,) = re.findall(pattern, text)
    return found if isinstance(found, tuple) else (found,)


def peak(recipe: str, **other: int) -> str:
    """GB of a training of Llama 2 7B, or what is like it, on a GPU."""
    config = transformers.LlamaConfig(**LLAMA | other)
    found = memory.of_config(config, recipes.get(recipe), "bfloat16", "cuda")
    return f"{found.total / 1e9:.0f}"


@pytest.mark.slow
def test_what_the_papers_trainings_take_is_what_is_estimated():
    pattern = r"(\d+) GB for Llama 2 7B and (\d+) GB for Llama 3 8B, where the paper's own "
    pattern += r"optimizer \(`paper`\) takes (\d+) and (\d+)"
    found = [peak(r, **other) for r in ("paper-8bit", "paper") for other in ({}, LLAMA_3)]
    assert stated("README.md", pattern) == tuple(found)
    run = profiles.load("paper")
    assert run.text.recipe == "paper-8bit"
    takes = []
    for name in run.text.models:
        model = LanguageModel(name, "", name.removeprefix("hub:"), "ab" * 32)
        takes.append(sizes.trained_bytes(model, recipes.get(run.text.recipe)))
    least, most = stated("README.md", r"trained models takes (\d+) to (\d+) GB of disk")
    assert (least, most) == (f"{min(takes) / 1e9:.0f}", f"{max(takes) / 1e9:.0f}")


@pytest.mark.real_model
def test_what_the_demo_trains_takes_the_disk_that_is_said():
    run, each = profiles.load("demo"), []
    for name in needs.used(run, NUMBERS):
        count = needs.trained(run, NUMBERS, name)
        taken = {r: sizes.trained_bytes(models.load(name), recipes.get(r)) for r in count}
        each += [taken[recipe] for recipe, n in count.items() for _ in range(n)]
    pattern = r"demo trains (\d+) models of (\d+) MB each under `results/runs/`, ([\d.]+) GB in all"
    count, size, total = stated("README.md", pattern)
    assert int(count) == len(each)
    assert {round(one / 1e6, -1) for one in each} == {float(size)}
    assert float(total) == round(sum(each) / 1e9, 1)


SETTINGS = {
    r"as many are asked as the profile's `n_items` says \(demo: (\d+)\)": lambda: (
        profiles.load("demo").barrier.n_items
    ),
    r"in any of the (\d+) languages": lambda: len(LANGUAGES),
    r"the up to (\d+) requests on their way": lambda: endpoints.IN_FLIGHT,
    r"Harry Potter quiz \| (\d+) questions": lambda: hp_quiz.QUESTIONS,
    r"sentences to translate: all ([\d,]+), or": lambda: max(flores.SIZES),
    r"or the paper's (\d+) \|": lambda: min(flores.SIZES),
    r"means an equivalence test within (\d+) points": lambda: effects.MARGIN,
    r"Python 3\.(\d+) or newer with pip": lambda: _project()["requires-python"].partition("3.")[2],
    r"pip install 'openai>=([\d.]+)'`": lambda: _project()["optional-dependencies"]["api"][
        0
    ].partition(">=")[2],
}


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("pattern", SETTINGS)
def test_what_is_said_of_a_setting_is_the_setting(pattern):
    (number,) = stated("README.md", pattern)
    assert float(number.replace(",", "")) == float(SETTINGS[pattern]())


SCALE = "docs/scale.md"
QUESTIONS = 1e10


def test_the_hours_of_a_hundred_models_follow_from_what_is_assumed():
    per_second = float(stated(SCALE, r"per parameter and token, at 2 × 10\^(\d+) a second")[0])
    assert 2 * 10**per_second == plan.FLOPS
    tasks = {r"short facts, (\d+) tokens a question": "worldfacts", r"MMLU, (\d+) tokens": "mmlu"}
    for named, task in tasks.items():
        tokens, *hours = stated(SCALE, named + r" \| ([\d,]+) h \| ([\d,]+) h \| ([\d,]+) h")
        assert float(tokens) == steps.CHARACTERS[task] / steps.CHARACTERS_PER_TOKEN
        for billions, told in zip((1, 7, 70), hours, strict=True):
            needed = 2e9 * billions * float(tokens) * QUESTIONS / plan.FLOPS / 3600
            assert float(told.replace(",", "")) == pytest.approx(needed, rel=0.02)
        price, *dollars = stated(SCALE, r"At ([\d.]+) USD .* is ([\d,]+) and ([\d,]+) USD")
        told = dollars[list(tasks.values()).index(task)].replace(",", "")
        cost = float(hours[1].replace(",", "")) * float(price)
        assert float(told) == pytest.approx(cost, rel=0.04)


def test_the_bytes_of_ten_billion_questions_follow_from_what_was_measured():
    each, total = stated(SCALE, r"scored once\) \| ([\d.]+) \| ([\d.]+) × 10\^10 \|")
    assert float(total) == float(each)
    scores = float(total) * 1e10
    pattern = r"19\.7\) \| ([\d.]+) \| ([\d.]+) TB, ([\d.]+) GB a model"
    size, whole, one = map(float, stated(SCALE, pattern))
    assert whole == pytest.approx(size * scores / 1e12, abs=0.01)
    assert one == pytest.approx(size * scores / 100 / 1e9, abs=0.1)
    least, most, *told = map(float, stated(SCALE, r"\| (\d+) to (\d+) \| ([\d.]+) to ([\d.]+) TB"))
    assert told == [round(n * QUESTIONS / 1e12, 1) for n in (least, most)]
    rate, megabytes = stated(
        SCALE, r"thirty days that is ([\d,]+) scores, or ([\d.]+) MB, a second"
    )
    second = scores / (30 * 24 * 3600)
    assert float(rate.replace(",", "")) == round(second, -2)
    assert math.isclose(float(megabytes), second * size / 1e6, abs_tol=0.05)

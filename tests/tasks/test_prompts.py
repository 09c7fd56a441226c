"""Prompts, compared byte for byte with committed files.

After a deliberate change raise `version` in `xlkb/data/prompts.toml`, run this file once with
XLKB_UPDATE_GOLDEN=1 and look at the difference before committing it.
"""

import os
from pathlib import Path

import pytest
from questions import toy

from xlkb import tasks
from xlkb.ground import texts
from xlkb.ground.languages import LANGUAGES
from xlkb.tasks import prompts, recompose
from xlkb.tasks.prompts import Asking, build

GOLDEN = Path(__file__).parents[1] / "golden"
SPOKEN = ("en", "fr", "zh", "ar")

CASES = [
    (style, shots, instruction)
    for style in prompts.STYLES
    for shots in (0, 2)
    for instruction in (("en",) if style == "paper" else ("en", "question"))
]


@pytest.mark.golden
@pytest.mark.parametrize(("style", "shots", "instruction"), CASES)
def test_prompts_are_those_of_the_golden_files(style, shots, instruction):
    text = ""
    for code in SPOKEN:
        shown = recompose.full(toy(2, SPOKEN, first=1), code).to_list()[:shots]
        (row,) = recompose.full(toy(1, SPOKEN, first=3), code).to_list()
        prompt = build(row, Asking(style, instruction_language=instruction), shown)
        text += f"===== {code}\n{prompt.context}⟨{'⟩⟨'.join(prompt.continuations)}⟩\n"
        text += f"unconditional ⟨{prompt.unconditional}⟩ isolated {prompt.isolated}\n"
    path = GOLDEN / f"{style}-{shots}shot-{instruction}.txt"
    if os.environ.get("XLKB_UPDATE_GOLDEN"):
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text


def test_the_paper_style_is_the_released_prompt():
    (row,) = recompose.full(toy(1), "en").to_list()
    prompt = build(row, "paper")
    assert prompt.context == (
        "The following are multiple choice questions (with answers) about  high school toys.\n\n"
        "en:q0\nA. en:0c0\nB. en:0c1\nC. en:0c2\nD. en:0c3\nAnswer:"
    )
    assert prompt.continuations == ("A", "B", "C", "D")
    assert prompt.isolated


def test_the_paper_style_of_the_quiz_speaks_its_language():
    (row,) = recompose.full(toy(1), "fr").to_list()
    prompt = build(row | {"task": "hp_quiz", "subject": "Harry Potter"}, "paper")
    assert "Harry Potter" in prompt.context.split("\n")[0]
    assert prompt.context.startswith("Voici")
    assert prompt.context.endswith("\nD. fr:c3\nAnswer: ".replace("fr:c3", row["options"][3]))


def test_the_paper_style_keeps_the_bytes_of_released_data_and_the_others_clean_them():
    (row,) = recompose.full(toy(1), "en").to_list()
    odd = [" an\u200b", "b ", "e\u0301\u00a0", "\ufeffd"]
    row |= {"question": " Which\u00a0one? ", "options": odd}
    listed = "A.  an\u200b\nB. b \nC. e\u0301\u00a0\nD. \ufeffd\nAnswer:"
    assert build(row, "paper", [row]).context.endswith(f" Which\u00a0one? \n{listed}")
    assert build(row, "paper", [row]).context.count(listed) == 2
    listed = "Which\u00a0one?\nA. an\nB. b\nC. é\nD. d\nAnswer:"
    assert build(row, "letters", [row]).context.count(f"\n\n{listed}") == 2
    assert build(row, "cloze", [row]).continuations == (" an", " b", " é", " d")
    assert build(row, "cloze").context == "Question: Which\u00a0one?\nAnswer:"


@pytest.mark.parametrize("name", tasks.OWN)
def test_the_packages_own_texts_are_clean_already(name):
    for row in tasks.OWN[name]():
        for code, question in row["question"].items():
            for text in (question, *row["options"][code]):
                assert text == texts.clean(text)


def test_every_language_has_every_text():
    every = prompts.texts()
    assert set(every) == set(LANGUAGES)
    for words in every.values():
        assert set(words) == {"question", "answer", "instruction"}
        assert "{subject}" in words["instruction"]
        assert words["answer"][-1] in ":："


@pytest.mark.parametrize("style", prompts.STYLES)
def test_a_context_never_ends_with_a_space(style):
    for code in LANGUAGES:
        (row,) = recompose.full(toy(1, [code]), code).to_list()
        for instruction in ("en",) if style == "paper" else ("en", "question"):
            prompt = build(row, Asking(style, instruction_language=instruction), [row])
            assert prompt.context == prompt.context.rstrip()


def test_mistakes_are_named():
    (row,) = recompose.full(toy(1), "en").to_list()
    with pytest.raises(ValueError, match=r"no style 'close'.*Did you mean 'cloze'"):
        build(row, "close")
    with pytest.raises(ValueError, match="no instruction_language 'fr'"):
        Asking(instruction_language="fr")
    with pytest.raises(ValueError, match="English instruction"):
        Asking("paper", instruction_language="question")

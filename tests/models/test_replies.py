"""What endpoints say around what they are asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb.models import replies
from xlkb.models.replies import cleaned

SOURCE = "Ships have passed under it."


@pytest.mark.parametrize(
    "said",
    [
        "Des navires passent.",
        "<think>\n\n</think>\n\nDes navires passent.",
        "<think>Hm: <think>again</think> so</think>Des navires passent.",
        "so the user wants French</think>\n\nDes navires passent.",
        "<thinking>\nHm.\n</thinking>\nDes navires passent.",
        "<reasoning>Hm.</reasoning>Des navires passent.",
        "<seed:think>Hm.</seed:think>Des navires passent.",
        "[THINK]Hm.[/THINK]Des navires passent.",
        "◁think▷Hm.◁/think▷Des navires passent.",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
        "Des navires passent.<|return|>",
        "« Des navires passent. »",
        "«Des navires passent.»",
        "“Des navires passent.”",
        "„Des navires passent.“",
        "「Des navires passent.」",
        "'Des navires passent.'",
        '"Des navires passent".',
        "**Des navires passent.**",
        "`Des navires passent.`",
        "```\nDes navires passent.\n```",
        "```french\nDes navires passent.\n```",
        "Translation: Des navires passent.",
        "**Translation:** Des navires passent.",
        "Traduction : « Des navires passent. »",
        "Français : Des navires passent.",
        "Here is the translation into French:\n\nDes navires passent.",
        "Sure! Here's the French translation:\n\n**Des navires passent.**",
        "Voici :\n\nDes navires passent.",
        "译文：Des navires passent.",
        "Des navires passent.\n\n(Note: the tense is informal.)",
        "Des navires passent.\n\n**Remarque :** « passent » est au présent.",
        "<translation>Des navires passent.</translation>",
        '{"translation": "Des navires passent."}',
        "Des navires passent.<|im_end|>",
        "Des navires passent.</s>",
    ],
)
def test_only_the_translation_is_left(said):
    assert cleaned(said, SOURCE) == "Des navires passent."


@pytest.mark.parametrize("said", ["<think>Hm, the user", "<think></think>", "", "<reasoning>\nB"])
def test_thinking_alone_leaves_nothing(said):
    assert cleaned(said, SOURCE) == ""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('"Go!"', "«Va !»"),
        ('"Go," he said, "now."', "« Va, dit-il, maintenant. »"),
        ("“Go!”.", "«Va !»."),
        ("She named «A» and «B».", "«A» et «B»"),
        ("Translation: the process by which a text is carried over.", "Traduction : un processus."),
        ("He gave the translation: it was bad.", "La traduction : elle était mauvaise."),
        ("**Go!**", "**Va !**"),
        ("The tag <think> opens it.", "La balise <think> l'ouvre."),
        ("The friend's", "l'ami d'hier"),
        ("One.\n\nNote: two.", "Un.\n\nNote : deux."),
        ("```\nls\n```", "```\nls\n```"),
    ],
)
def test_what_the_source_has_too_stays(source, said):
    assert cleaned(said, source) == said


@given(st.text(alphabet="abç é,是न", min_size=1).map(str.strip).filter(bool))
def test_a_plain_text_is_left_as_it_is(text):
    assert cleaned(text, SOURCE) == text
    assert cleaned(f"<think>x</think>\n«{text}»", SOURCE) == text
    assert cleaned(cleaned(text, SOURCE), SOURCE) == text


@pytest.mark.parametrize(
    ("choice", "text", "refusal"),
    [
        ({"message": {"content": "B"}}, "B", ""),
        ({"text": " B"}, " B", ""),
        ({"message": {"content": None}}, "", ""),
        ({"message": {"content": None, "refusal": "No."}}, "", "No."),
        ({"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}, "ab", ""),
        (
            {
                "message": {
                    "content": [
                        {"type": "thinking", "thinking": [{"type": "text", "text": "A?"}]},
                        {"type": "text", "text": "B"},
                    ]
                }
            },
            "B",
            "",
        ),
        ({"message": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_the_text_of_a_choice(choice, text, refusal):
    assert (replies.text(choice), replies.refusal(choice)) == (text, refusal)

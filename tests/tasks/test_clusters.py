"""Which questions go together."""

import doctest

import pytest

from xlkb import tasks
from xlkb.tasks import clusters


def test_the_examples_are_as_they_say():
    assert doctest.testmod(clusters).failed == 0


def test_questions_about_a_country_go_together():
    questions = tasks.load("worldfacts", ["en"])
    found = {tasks.cluster("worldfacts", identifier) for identifier in questions["id"]}
    assert all(len(code) == 2 and code.isupper() for code in found)
    assert 150 < len(found) < 250


def test_questions_about_a_character_go_together():
    questions = tasks.academy.questions("test", 5)
    found = [tasks.cluster("academy", identifier) for identifier in questions["id"]]
    assert len(set(found)) == 5
    assert len(found) == 5 * len(tasks.academy.relations())


@pytest.mark.parametrize(
    ("task", "identifier", "about"),
    [
        ("belebele", "https://en.wikinews.org/wiki/Tea/2", "https://en.wikinews.org/wiki/Tea"),
        ("mmlu", "mmlu/anatomy/7", "mmlu/anatomy/7"),
        ("mine", "a/b-c", "a/b-c"),
    ],
)
def test_other_questions_stand_alone(task, identifier, about):
    assert tasks.cluster(task, identifier) == about

"""All repositories of the stand-in."""

from . import models, quizzes
from .repositories import Repository


def repositories() -> list[Repository]:
    """Every model and data set, none of them made yet."""
    return [*models.repositories(), *quizzes.repositories()]

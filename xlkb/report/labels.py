"""Names of models in tables and figures."""

from collections.abc import Sequence

from xlkb.models import LanguageModel


def apart(models: Sequence[LanguageModel], *before: LanguageModel) -> list[LanguageModel]:
    """The models, a number put behind each label that one before it has: "tiny", "tiny (2)".

    Two folders, or two endpoints, may have models of the same name, whose rows would else be taken
    for one model's.

    Args:
        models: their labels are changed.
        before: models whose labels stay.
    """
    taken = {model.label for model in before}
    for model in models:
        label, number = model.label, 2
        while model.label in taken:
            model.label, number = f"{label} ({number})", number + 1
        taken.add(model.label)
    return list(models)

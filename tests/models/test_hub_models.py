"""The list of hub models: what the paper profile asks for is in it, with plausible sizes."""

from xlkb import profiles
from xlkb.models import hub_models


def test_every_model_of_the_paper_profile_is_known_by_size():
    sizes = {model["name"]: model["billions"] for model in hub_models.known()}
    assert set(profiles.load("paper").models) <= set(sizes)
    assert all(0.2 < billions < 100 for billions in sizes.values())


def test_the_list_says_what_each_model_takes():
    text = hub_models.in_words()
    assert "hub:meta-llama/Llama-2-7b-hf" in text
    assert "13.4 GB" in text

"""The data sets of the profile `paper` and its closing commands, from a stand-in of the hub."""

import pytest

from xlkb import corpora, tasks
from xlkb.corpora import audits, translators
from xlkb.tasks import tofu
from xlkb.tasks.public import mmlu

TWELVE = ("en", "fr", "de", "es", "it", "pt", "zh", "ar", "hi", "ja", "ko", "sw")


@pytest.mark.slow
def test_mmlu_is_read_whole_in_the_languages_of_the_profile(hub):
    with pytest.warns(UserWarning, match="2 questions have another key"):
        found = tasks.load("mmlu", TWELVE)
    assert len(found) == 14_042 - 2
    assert tasks.languages_of(found) == TWELVE
    assert any(row["question"]["en"] != row["question"]["en"].strip() for row in found)
    assert any("None" in row["options"]["ko"] for row in found)
    assert set(hub.fetched("openai/MMMLU")) == {
        f"test/mmlu_{locale}.csv" for locale in mmlu.LOCALES.values()
    }


def test_demonstrations_of_mmlu_exist_where_okapi_has_them(hub):
    dev = tasks.demonstrations("mmlu", ("fr", "ja"))
    assert len(dev) == 285
    assert sum(row["question"]["fr"] is not None for row in dev) == 284
    assert all(row["question"]["ja"] is None for row in dev)


def test_the_released_mixup_is_read_with_the_first_row_of_each_subject(hub):
    questions = tasks.load("mmlu", ("en",), n=200)
    found = tasks.released_mixup("mmlu", questions)
    assert found["id"][:] == questions["id"][:]
    assert {"abstract_algebra/test/0"} <= set(tasks.load("mmlu", ("en",))["id"])


def test_the_quiz_is_read_in_five_languages(hub):
    assert len(tasks.load("hp_quiz", ("en", "fr", "de", "es", "it"))) == 300


def test_arc_is_read_without_the_questions_that_have_not_four_choices(hub):
    assert len(tasks.load("arc")) == 1172 - 8
    assert len(tasks.load("arc", split="dev")) > 1000


def test_belebele_is_read_in_the_languages_that_are_there(hub):
    assert len(tasks.load("belebele", TWELVE)) == 900


@pytest.mark.parametrize("split", [*tofu.SPLITS])
def test_each_part_of_tofu_has_its_published_size(hub, split):
    assert len(tofu.load(split)) == tofu.SPLITS[split]


def test_wikitext_is_read_from_the_hub(hub):
    found = corpora.load("wikitext-2", n=3)
    assert len(found) == 3
    assert len(corpora.load("wikitext-2", split="heldout", n=60)) == 60
    assert "wikitext-103-raw-v1/train-00000-of-00002.parquet" not in hub.fetched(
        "Salesforce/wikitext"
    )


def test_flores_is_read_in_the_languages_that_are_asked_for(hub):
    assert len(corpora.load("flores", TWELVE)) == 1012
    assert len(hub.fetched("facebook/flores")) == 12


def test_the_translator_of_the_profile_gives_what_passes_the_audit(hub, capfd):
    found = corpora.translated(
        "wikitext-2", ("en", "fr", "de"), "nllb:facebook/nllb-200-distilled-600M", n=1
    )
    assert corpora.languages_of(found) == ("en", "fr", "de")
    assert set(audits.require(found)["found"]) <= {0, 1}
    assert "max_length" not in capfd.readouterr().err
    assert not any(file.endswith(".bin") for file in hub.fetched(*translators.REVISIONS))

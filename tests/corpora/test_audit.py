"""The gate for translations: what it refuses, what it shows, what it lets pass."""

import pytest
from datasets import Dataset

from xlkb import corpora, tasks
from xlkb.corpora.quality import audit, faults

ALMANAC = corpora.load("almanac", ["en", "fr", "de"], n=8)


def changed(change, language="fr", every=10):
    """The almanac with every n-th sentence of one language replaced by `change(its texts)`."""
    rows, count = ALMANAC.to_list(), 0
    for row in rows:
        kept = []
        for number, parts in corpora.grouped(row):
            texts = {code: corpora.join(parts, code) for code in ("en", "fr", "de")}
            if count % every == 0:
                texts[language] = change(texts)
            kept.append({"sentence": number, "text": texts})
            count += 1
        row["segments"] = kept
    return corpora.dataset(rows, ("en", "fr", "de"))


def test_a_human_translation_passes():
    counts = audit.require(ALMANAC)
    assert set(counts["language"]) == {"fr", "de"}
    assert counts["found"].sum() == 0
    assert counts["judged"].min() > 50


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda texts: texts["en"], "copy"),
        (lambda texts: texts["de"], "other_language"),
        (lambda texts: " ".join([texts["fr"]] * 5), "length"),
        (lambda texts: "Oui.", "length"),
    ],
)
def test_a_fault_above_its_limit_is_refused_with_the_worst_ten(change, fault):
    faulty = changed(change)
    with pytest.raises(ValueError, match="does not pass its audit") as refused:
        audit.require(faulty)
    message = str(refused.value)
    assert f"fr, {fault}: " in message
    assert "de, " not in message.splitlines()[1]
    shown = [line for line in message.splitlines() if ", sentence " in line]
    assert 5 < len(shown) <= 10
    assert all(line.startswith("  almanac/") and "[fr, " in line for line in shown)
    counts = audit.require(faulty, limits={fault: 0.2})
    assert counts.set_index(["language", "fault"])["found"]["fr", fault] > 5


def test_one_odd_text_is_no_reason_but_an_empty_one_is():
    audit.require(changed(lambda texts: texts["en"], every=10_000))
    with pytest.raises(ValueError, match=r"fr, empty: 1 of \d+ texts"):
        audit.require(changed(lambda texts: "", every=10_000))


def test_translating_back_finds_what_was_lost():
    back = {
        corpora.join(parts, "fr"): corpora.join(parts, "en")
        for row in ALMANAC
        for _, parts in corpora.grouped(row)
    }
    calls = []

    def translator(texts, source, target):
        calls.append((source, target, len(texts)))
        return [back.get(text, "Nothing of it.") for text in texts]

    french = ALMANAC.map(lambda row: row)
    french = corpora.dataset(french.to_list(), ("en", "fr"))
    counts = audit.require(french, translator=translator, sample=20).set_index("fault")
    assert counts.loc["back_translation", ["judged", "found"]].tolist() == [20, 0]
    assert calls == [("fr", "en", 20)]
    with pytest.raises(ValueError, match="fr, back_translation: 20 of 20"):
        audit.require(french, translator=lambda texts, *_: ["Nothing."] * len(texts), sample=20)


def test_questions_are_audited_by_question_and_option():
    questions = tasks.load("worldfacts", ["en", "fr", "sw"], n=60)
    counts, _ = faults.find(questions, "en")
    assert list(counts["language"].unique()) == ["fr", "sw"]
    assert set(counts["fault"]) == set(faults.LIMITS) - {"back_translation"}
    assert counts["found"].sum() == 0
    rows = questions.to_list()
    rows[0]["options"]["fr"][1] = rows[0]["options"]["fr"][0]
    rows[1]["options"]["fr"][2] = " "
    for row in rows:
        row["question"]["sw"] = row["question"]["en"]
    faulty = Dataset.from_list(rows, features=questions.features)
    found = faults.find(faulty, "en")[0].set_index(["language", "fault"])["found"]
    assert [found["fr", fault] for fault in ("empty", "options")] == [1, 1]
    assert found["sw", "copy"] > 50
    with pytest.raises(ValueError, match=rf"{rows[1]['id']}, option C \[fr, empty\]"):
        audit.require(faulty)


def test_mistakes_in_limits_are_named():
    with pytest.raises(ValueError, match=r"lenght=0.1: give a share from 0 to 1 of one of empty"):
        audit.require(ALMANAC, limits={"lenght": 0.1})
    with pytest.raises(ValueError, match=r"copy=20: give a share"):
        audit.require(ALMANAC, limits={"copy": 20})
    with pytest.raises(ValueError, match="no base 'it' to compare with, only en, fr, de"):
        audit.require(ALMANAC, "it")

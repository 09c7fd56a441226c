"""ROUGE-L recall is the same measure in every language."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentences import SENTENCES

from xlkb.analysis.tofu import rouge
from xlkb.ground.languages import LANGUAGES

ENDINGS = [".", "!", "?", "…", "...", "。", "！", "？", "।", "॥", "؟", "۔", "،", ";", " .", ""]
QUOTES = ['""', "''", "«»", "“”", "„“", "「」", "『』", "《》", "()", "״״", "‹›", "**", "  "]
INSIDE = {mark: "" for mark in ",،，、"}


def _upper(text, code):
    return (text.replace("i", "İ") if code == "tr" else text).upper()


def _lower(text, code):
    text = text.replace("I", "ı").replace("İ", "i") if code == "tr" else text
    return text.lower()


CASES = {"as it is": lambda text, code: text, "upper": _upper, "lower": _lower}
spoken = st.sampled_from(sorted(SENTENCES))


def test_every_language_has_a_sentence():
    assert set(SENTENCES) == set(LANGUAGES)


@given(
    spoken,
    st.sampled_from(ENDINGS),
    st.sampled_from(QUOTES),
    st.sampled_from(sorted(CASES)),
    st.sampled_from(["NFC", "NFD"]),
    st.booleans(),
)
def test_punctuation_quotes_case_and_form_do_not_count(code, end, quotes, case, form, inside):
    reference = SENTENCES[code][0]
    text = CASES[case](reference, code)
    text = text if inside else "".join(INSIDE.get(c, c) for c in text)
    text = unicodedata.normalize(form, f"{quotes[0]}{text}{end}{quotes[1]}")
    assert rouge.recall(reference + ".", text, code) == 1
    assert rouge.recall(text, reference, code) == 1


@given(spoken, st.data())
def test_recall_is_the_share_of_words_in_every_language(code, data):
    reference, other = SENTENCES[code]
    units = rouge.words(reference, code) if code != "en" else reference.lower().split()
    kept = sorted(data.draw(st.sets(st.integers(0, len(units) - 1), min_size=1)))
    text = " ".join(units[i] for i in kept)
    assert rouge.recall(reference, text, code) == pytest.approx(len(kept) / len(units))
    assert rouge.recall(reference, other, code) == 0
    assert rouge.recall(other, reference, code) == 0


@given(spoken, st.text(max_size=40))
def test_any_text_recalls_all_of_itself_or_has_no_words(code, text):
    empty = not rouge.words(text, code)
    if code == "en":
        empty = not set(text.lower()) & set(string.ascii_lowercase + string.digits)
    assert rouge.recall(text, text, code) == (0 if empty else 1)


@given(st.text(string.printable + "éßİ—", max_size=60), st.text(string.printable, max_size=60))
def test_english_is_rouge_score_itself(reference, text):
    from rouge_score.rouge_scorer import RougeScorer

    plain = RougeScorer(["rougeL"], use_stemmer=True).score(reference, text)["rougeL"].recall
    assert rouge.recall(reference, text) == plain


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("tr", "İzmir'de doğdu.", "izmir'de doğdu"),
        ("tr", "IĞDIR", "ığdır"),
        ("de", "GROSSE STRASSE", "große Straße"),
        ("hi", "१९४५ में", "1945 में"),
        ("hi", "क्\u200dष", "क्ष"),
        ("ar", "كُتُبٌ", "كتب"),
        ("ar", "كتـــاب", "كتاب"),
        ("he", "שָׁלוֹם", "שלום"),
        ("ja", "ﾍﾟﾙｰで１９４５年", "ペルーで1945年"),
        ("ko", unicodedata.normalize("NFD", "한국"), "한국"),
        ("zh", "Lima 是首都", "lima是首都。"),
        ("ru", "«Война и мир»", "война и мир"),
    ],
)
def test_ways_to_write_the_same_words(code, one, other):
    assert rouge.words(one, code) == rouge.words(other, code)
    assert rouge.recall(one, other, code) == 1


def test_turkish_letters_with_and_without_a_dot_are_two_letters():
    assert rouge.recall("ılık", "ilik", "tr") == 0


def test_words_of_chinese_and_japanese_are_characters():
    assert rouge.words("她在Lima写了2本书。", "zh") == [*"她在", "lima", *"写了2本书"]
    assert rouge.words("ペルーの本", "ja") == [*"ペルーの本"]


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="no language 'xx'"):
        rouge.recall("a", "a", "xx")

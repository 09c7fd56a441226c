import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb.ground import languages
from xlkb.ground.languages import FIVE, LANGUAGES


def test_seventeen_languages_start_with_the_five_of_the_paper():
    assert tuple(LANGUAGES)[:5] == FIVE == ("en", "fr", "de", "es", "it")
    assert len(LANGUAGES) == 17


def test_eight_scripts_and_two_right_to_left_languages():
    assert {language.script for language in LANGUAGES.values()} == {
        *("Latn", "Cyrl", "Hans", "Arab", "Deva", "Jpan", "Kore", "Hebr")
    }
    assert [c for c, language in LANGUAGES.items() if language.right_to_left] == ["ar", "he"]


def test_names_come_from_cldr():
    assert languages.get("sw").name == "Swahili"
    assert languages.get("sw").autonym == "Kiswahili"
    assert languages.get("he").autonym == "עברית"


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_names_itself_in_its_own_script(code):
    assert languages.written_in(LANGUAGES[code].autonym, code)


def test_script_check_sees_a_foreign_word():
    assert languages.written_in("קנדה (Canada)", "en") is False
    assert languages.written_in("加拿大", "he") is False
    assert languages.written_in("東京スカイツリー 634 m", "ja") is False
    assert languages.written_in("東京スカイツリー, 634", "ja")


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        *[("german", "'de'"), ("Deutsch", "'de'"), ("pt-BR", "'pt'"), ("zh_CN", "'zh'")],
        *[("eng", "'en'"), ("FR", "'fr'"), ("Kiswahil", "'sw'")],
    ],
)
def test_unknown_language_is_answered_with_the_nearest(wrong, hint):
    with pytest.raises(ValueError, match=f"Did you mean {hint}"):
        languages.get(wrong)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([], "no language"),
        (["en", "en"], "twice"),
        ("en,fr", "list of codes"),
        ([None], "no language None"),
    ],
)
def test_check_refuses_what_is_no_list_of_languages(codes, said):
    with pytest.raises(ValueError, match=said):
        languages.check(codes)


@given(st.lists(st.sampled_from(list(LANGUAGES)), min_size=1, unique=True))
def test_check_keeps_the_order(codes):
    assert languages.check(codes) == tuple(codes)


def test_names_do_not_depend_on_which_locale_was_used_before():
    script = (
        "from babel import Locale\n"
        "for c in ('zh', 'ja', 'he', 'ar'):\n"
        "    dict(Locale(c).months['stand-alone']['wide']), dict(Locale(c).languages)\n"
        "from xlkb.ground.languages import LANGUAGES\n"
        "print([tuple(language) for language in LANGUAGES.values()] == eval(input()))\n"
    )
    expected = repr([tuple(language) for language in LANGUAGES.values()])
    done = subprocess.run(
        [sys.executable, "-c", script], input=expected, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("code", "small", "capital"),
    [
        ("tr", "inek", "İnek"),
        ("tr", "ırmak", "Irmak"),
        ("tr", "çilek", "Çilek"),
        ("en", "ice", "Ice"),
        ("fr", "île", "Île"),
        ("fr", "l'école", "L'école"),
        ("de", "über", "Über"),
        ("es", "¿qué?", "¿Qué?"),
        ("nl", "ijs", "IJs"),
        ("nl", "'s avonds", "'s Avonds"),
        ("nl", "'t ijs", "'t IJs"),
        ("en", "ijtihad", "Ijtihad"),
        ("ru", "«ёж", "«Ёж"),
        ("vi", "đỏ", "Đỏ"),
        ("hi", "गाय", "गाय"),
        ("zh", "牛", "牛"),
        ("ar", "بقرة", "بقرة"),
        ("he", "פרה", "פרה"),
        ("ko", "소", "소"),
        ("en", "3 days", "3 days"),
        ("en", "...", "..."),
        ("en", "", ""),
    ],
)
def test_a_capital_at_the_beginning_follows_the_language(code, small, capital):
    assert languages.capitalised(small, code) == capital
    assert languages.capitalised(capital, code) == capital
    assert languages.uncapitalised(capital, code) == small


LETTERS = "abcdefghijklmnopqrstuvwxyzçğéèüñõđбжяάकم牛"


@given(st.sampled_from(list(LANGUAGES)), st.text(LETTERS, max_size=9), st.booleans())
def test_a_capital_can_be_taken_back(code, word, dotless):
    word = word.replace("i", "ı") if dotless and code == "tr" else word
    capital = languages.capitalised(word, code)
    assert languages.uncapitalised(capital, code) == word
    assert languages.folded(capital, code) == languages.folded(word, code)


def test_a_titlecase_letter_stays_one_letter():
    assert languages.capitalised("ǆep", "en") == "ǅep"

"""Parallel corpora: what is read, what is refused, and what the audit finds."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb import corpora
from xlkb.corpora.quality import audit
from xlkb.corpora.sources import almanac, files
from xlkb.ground.languages import FIVE
from xlkb.tasks.builtin import cast, worldfacts

TIDES = """
[[documents]]
id = "{id}"
[[documents.sentences]]
en = "Twice a day | the water rises."
fr = "Deux fois par jour | l'eau monte."
de = "Zweimal am Tag | steigt das Wasser."
es = "Dos veces al día | el agua sube."
it = "Due volte al giorno | l'acqua sale."
"""


def write(folder, **texts):
    for code, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{code}.txt").write_bytes(data)
    return folder


def test_phrases_and_sentences_are_joined_as_the_language_does():
    segments = [
        {"sentence": 0, "text": {"en": "Twice a day", "zh": "每天两次"}},
        {"sentence": 0, "text": {"en": "it rises.", "zh": "水涨。"}},
        {"sentence": 1, "text": {"en": "It falls.", "zh": "水落。"}},
    ]
    document = {"segments": segments}
    assert corpora.sentences(document, "en") == ["Twice a day it rises.", "It falls."]
    assert corpora.text(document, "en") == "Twice a day it rises. It falls."
    assert corpora.text(document, "zh") == "每天两次水涨。水落。"
    assert corpora.count_words("L'eau monte, 1,5 fois.", "fr") == 4
    with pytest.raises(ValueError, match="does not exist in 'fr', only in en, zh"):
        corpora.text(document, "fr")


def test_almanac_holds_out_one_document_in_eight_of_every_subject():
    train, heldout = corpora.load("almanac"), corpora.load("almanac", split="heldout")
    assert not set(train["id"]) & set(heldout["id"])
    for subject in set(train["subject"]):
        held, kept = (list(part["subject"]).count(subject) for part in (heldout, train))
        assert held == (held + kept) // 8
    assert corpora.languages_of(train) == FIVE
    drawn = corpora.load("almanac", split="heldout", n=2, seed=7)
    assert set(drawn["id"]) <= set(heldout["id"])


def test_almanac_passes_its_audit():
    for split in corpora.SPLITS:
        documents = corpora.load("almanac", split=split)
        table = audit.table(documents)
        assert (table["other_language"] == 0).all(), audit.suspects(documents).to_string()
        assert (table["duplicates"] == 0).all()
        assert (table["same_as_base"] == 0).all()
        assert table["ratio_median"].between(0.8, 1.5).all()


@settings(max_examples=48)  # All there are.
@given(st.integers(1, 8), st.integers(0, 5))
def test_fewer_documents_are_the_first_of_more_and_subjects_take_turns(n, seed):
    one = corpora.load("almanac", ["en", "fr"], n=n, seed=seed)
    more = corpora.load("almanac", ["en", "fr"], n=n + 1, seed=seed)
    assert more["id"][: len(one)] == one["id"][:]
    subjects = list(one["subject"])[: len(set(corpora.load("almanac")["subject"]))]
    assert len(set(subjects)) == len(subjects)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("the water rises.", "the water | rises."), r"tides, sentence 1: .*\(en 3, fr 2"),
        (('it = "Due', 'ita = "Due'), r"tides, sentence 1: it has en, fr, de, es, ita"),
        (("steigt das", "steigt  das"), r"tides, sentence 1: de has 'steigt  das Wasser\.'"),
        (("Dos veces al día | el", "Dos veces al día| el"), r"numbers of phrases differ"),
        (('id = "tides"', ""), r"topic.toml, document 1: `id` is missing"),
        (('id = "tides"', "id = tides"), r"topic.toml: .*line 3"),
    ],
)
def test_malformed_almanac_is_refused_with_file_and_document(tmp_path, change, message):
    text = TIDES.replace("{id}", "tides")
    assert change[0] in text
    (tmp_path / "topic.toml").write_text(text.replace(*change), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        almanac.rows(tmp_path)


def test_an_id_that_is_there_twice_is_refused(tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(TIDES.replace("{id}", "tides"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"two.toml, document tides: .* in one.toml too"):
        almanac.rows(tmp_path)


def test_own_files_are_documents_between_empty_lines(tmp_path):
    write(tmp_path, en="\ufeffa b\r\n\r\nc\r\nd\r\n\r\n", fr="A B\n\nC\nD")
    documents = corpora.load(f"files:{tmp_path}")
    assert list(documents["id"]) == ["document-1", "document-2"]
    assert corpora.sentences(documents[1], "fr") == ["C", "D"]
    rows = files.read(files.folder(tmp_path), lines_per_document=1)
    assert [len(row["segments"]) for row in rows] == [1, 1, 1]


def test_own_files_are_cleaned_and_files_that_are_not_meant_are_ignored(tmp_path):
    write(tmp_path, en="\u200bCafe\u0301.\u00a0\n\u200b\nTea.", fr="Cafe\u0301.\n\nThe\u0301.")
    (tmp_path / "fr.txt").rename(tmp_path / "FR.TXT")
    (tmp_path / "._en.txt").write_bytes(b"\0\5\26\7Mac OS X")
    (tmp_path / ".hidden.txt").write_text("x")
    documents = corpora.load(f"files:{tmp_path}")
    assert corpora.languages_of(documents) == ("en", "fr")
    assert [corpora.text(row, "fr") for row in documents] == ["Café.", "Thé."]
    assert corpora.text(documents[0], "en") == "Café."
    write(tmp_path, fr="Café.")
    with pytest.raises(ValueError, match=r"FR.TXT and fr.txt are both fr: take one away"):
        corpora.load(f"files:{tmp_path}")


def test_own_files_as_windows_saves_them_are_read(tmp_path):
    write(tmp_path, en="Tea.\r\nHot.\r\n".encode("utf-16"), fr=b"\xef\xbb\xbfTh\xc3\xa9.\r\nChaud.")
    (row,) = corpora.load(f"files:{tmp_path}")
    assert corpora.sentences(row, "en") == ["Tea.", "Hot."]
    assert corpora.sentences(row, "fr") == ["Thé.", "Chaud."]


def test_ten_faults_of_several_files_are_named_at_once(tmp_path):
    write(tmp_path, en=b"\xe9\n" * 8, fr=b"\xe9\n" * 8)
    with pytest.raises(
        ValueError, match=r"en.txt, line 8: byte 1(.*\n)+.*fr.txt, line 2"
    ) as refused:
        corpora.load(f"files:{tmp_path}")
    assert str(refused.value).count("is not UTF-8") == 10


def test_own_files_can_mark_phrases(tmp_path):
    write(tmp_path, en="Twice a day | it rises.", fr="Deux fois | elle monte.")
    (row,) = files.read(files.folder(tmp_path), phrase_mark="|")
    assert [part["text"]["fr"] for part in row["segments"]] == ["Deux fois", "elle monte."]
    assert corpora.text(row, "en") == "Twice a day it rises."
    write(tmp_path, fr="Deux fois elle monte.")
    with pytest.raises(ValueError, match=r"line 1: phrases .* \(en.txt 2, fr.txt 1\)"):
        files.read(files.folder(tmp_path), phrase_mark="|")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"en": "a\nb\nc", "fr": "A\nB"}, r"fr.txt, line 2: the last line.*line 3 there is 'c'"),
        (
            {"en": "a\nb\nc", "fr": "A\n\nC"},
            r"fr.txt, line 2: blank, but line 2 of .*en.txt is 'b'",
        ),
        ({"en": "", "fr": "A"}, r"en.txt, line 1: the file is empty"),
        ({"en": "\n \n", "fr": "A"}, r"en.txt, line 1: the file is empty"),
        ({"en": "a\nb", "fr": b"A\n\xe9t\xe9"}, r"fr.txt, line 2: byte 1 is not UTF-8"),
        ({"en": "a", "french": "A"}, r"no language 'french'; .* Did you mean 'fr'"),
    ],
)
def test_files_that_do_not_fit_are_refused_with_the_line(tmp_path, texts, message):
    write(tmp_path, **texts)
    with pytest.raises(ValueError, match=message):
        corpora.load(f"files:{tmp_path}")


def test_unknown_names_are_answered_with_what_there_is(tmp_path):
    with pytest.raises(ValueError, match=r"no corpus 'almanack'; .* Did you mean 'almanac'"):
        corpora.load("almanack")
    with pytest.raises(ValueError, match=r"no split 'held-out'; .* Did you mean 'heldout'"):
        corpora.load("almanac", split="held-out")
    with pytest.raises(ValueError, match="almanac lacks ru; it has en, fr, de, es, it"):
        corpora.load("almanac", ["en", "ru"])
    with pytest.raises(FileNotFoundError, match=r"put en\.txt"):
        corpora.load(f"files:{tmp_path / 'nowhere'}")


def test_fingerprint_knows_every_text_and_the_order():
    documents = corpora.load("almanac")
    assert corpora.fingerprint(documents) == corpora.fingerprint(corpora.load("almanac"))
    turned = documents.select(range(len(documents) - 1, -1, -1))
    assert corpora.fingerprint(turned) != corpora.fingerprint(documents)


def test_audit_finds_what_is_wrong():
    english = "The rivers of the mountains freeze slowly in a long winter."
    french = "Les rivières des montagnes gèlent lentement pendant un long hiver."
    texts = [(english, french), (english + " Really.", english + " Really."), (english, french)]
    segments = [
        {"sentence": number, "text": {"en": en, "fr": fr}} for number, (en, fr) in enumerate(texts)
    ]
    row = {"corpus": "toy", "id": "rivers", "subject": "toys", "segments": segments}
    documents = corpora.dataset([row], ["en", "fr"])
    table = audit.table(documents).set_index("language")
    assert table.loc["fr", ["duplicates", "same_as_base", "other_language"]].tolist() == [1, 1, 1]
    assert table.loc["en", ["duplicates", "same_as_base", "other_language"]].tolist() == [1, 0, 0]
    assert table.loc["fr", "ratio_median"] == pytest.approx(len(french) / len(english))
    (suspect,) = audit.suspects(documents).to_dict("records")
    assert (suspect["sentence"], suspect["language"], suspect["identified"]) == (1, "fr", "en")


def test_only_lines_long_enough_are_judged_or_all_of_them_together():
    long = "Les rivières des montagnes gèlent lentement pendant un long hiver."
    assert [found[:2] for found in audit.wrong_lines(["Nein.", long], "de")] == [(2, "fr")]
    short = ["Les rivières", "gèlent", "lentement", "pendant un", "long hiver."]
    assert [found[:2] for found in audit.wrong_lines(short, "de")] == [(1, "fr")]
    assert audit.wrong_lines(short, "fr") == []
    assert audit.wrong_lines(["Oui.", "Non."], "de") == []


def test_a_heading_in_kanji_is_japanese_or_chinese():
    heading = "令和五年度文部科学省科学研究費助成事業研究成果報告書"
    assert audit.wrong_lines([heading], "ja") == audit.wrong_lines([heading], "zh") == []
    assert not audit.is_other(heading, "ja")
    assert audit.is_other(2 * heading, "ko")
    assert audit.is_other("郵便とパンと少しの乗客を運びます。", "zh")


def test_one_odd_line_never_makes_a_text_foreign():
    german = "Am Morgen fahren die Fischer mit ihren Booten auf das Meer hinaus."
    french = "Les pêcheurs disent qu'ils voient le phare de très loin, la nuit."
    assert not audit.is_foreign([french, german], "de")
    assert not audit.is_foreign([german] * 3 + [french], "de")
    assert not audit.is_foreign(["Ja.", "Nein.", german[:29], "", french, german[30:]], "de")
    assert audit.is_foreign([french], "de")
    assert audit.is_foreign([french, french, german], "de")
    assert audit.is_foreign(["Oui.", french], "de")


def test_the_almanac_is_as_large_as_promised():
    documents = [corpora.load("almanac", split=split) for split in ("train", "heldout")]
    assert sum(len(part) for part in documents) >= 60
    assert sum(len(corpora.sentences(row, "en")) for part in documents for row in part) >= 600


def test_the_almanac_gives_no_quiz_answer_away():
    characters = {character.key: character.names for character in cast.characters()}
    for language in FIVE:
        texts = [
            corpora.text(row, language)
            for split in ("train", "heldout")
            for row in corpora.load("almanac", split=split)
        ]
        words = set(re.findall(r"\w[\w'’-]*", " ".join(texts)))
        names = {
            option
            for row in worldfacts.rows()
            if row["subject"] != "calling_code"
            for option in row["options"][language]
        }
        known = {name for name in names if set(re.findall(r"\w[\w'’-]*", name)) <= words}
        told = {n for n in known if any(re.search(rf"\b{re.escape(n)}\b", text) for text in texts)}
        assert not told, (language, told)
        assert not words & {
            part for names in characters.values() for part in names[language].split()
        }


def test_files_named_after_languages_may_have_any_ending(tmp_path):
    for code, line in (("en", "One sentence."), ("fr", "Une phrase.")):
        (tmp_path / f"{code}.devtest").write_text(f"{line}\n", encoding="utf-8")
    documents = corpora.load(f"files:{tmp_path}")
    assert set(corpora.languages_of(documents)) == {"en", "fr"}
    assert corpora.sentences(documents[0], "fr") == ["Une phrase."]

"""Mixed-language text: spans say what every piece is, sources come back, draws stay put."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from datasets import load_from_disk
from hypothesis import given, settings
from hypothesis import strategies as st
from parallel import FIVE, shapes, toy
from scipy.stats import binomtest

from xlkb import corpora
from xlkb.commands import mix
from xlkb.corpora import lexicon, mixing, translation, translators

seeds = st.integers(0, 99)
switches = st.sampled_from([0.0, 0.3, 1.0])
phrase_units = st.sampled_from(["document", "sentence", "words"])


def spans(row):
    return [(row["text"][span["start"] : span["end"]], span) for span in row["spans"]]


@given(shapes, phrase_units, seeds, switches, st.sampled_from(FIVE), st.integers(1, 9))
@settings(max_examples=40)
def test_spans_tile_the_text_and_hold_the_aligned_source(shape, unit, seed, switch, base, k):
    documents = toy(shape, words=3)
    for row, document in zip(
        mixing.mix(documents, unit, k=k, switch=switch, base=base, seed=seed),
        documents,
        strict=True,
    ):
        assert " ".join(text for text, _ in spans(row)) == row["text"]
        for text, span in spans(row):
            # "fr2.0.1a" and "de2.0.1a" are the same phrase.
            assert text.replace(span["language"], base) == span["source"]
            assert span["source"] in corpora.sentences(document, base)[span["sentence"]]


@given(shapes, seeds, switches, st.sampled_from(FIVE))
@settings(max_examples=40)
def test_unmixing_restores_the_sources(shape, seed, switch, base):
    documents = toy(shape)
    made = [
        mixing.mix(documents, unit, switch=switch, base=base, seed=seed)
        for unit in ("document", "sentence", "words")
    ]
    made += [mixing.parallel(documents, base=base), mixing.monolingual(documents, "it", base)]
    for mixed in made:
        sources = mixing.unmix(mixed, documents, base)
        assert list(sources["text"]) == [corpora.text(row, base) for row in documents]


@given(seeds, switches, st.sampled_from(FIVE))
@settings(max_examples=10)
def test_unmixing_restores_the_sources_of_words(seed, switch, base):
    documents = corpora.load("almanac", n=3, seed=seed)
    mixed = mixing.mix(documents, "word", switch=switch, base=base, seed=seed)
    sources = mixing.unmix(mixed, documents, base)
    assert list(sources["text"]) == [corpora.text(row, base) for row in documents]
    for row in mixed:
        end = 0
        for text, span in spans(row):
            assert row["text"][end : span["start"]].isspace() or end == span["start"]
            assert text == text.strip() != ""
            end = span["end"]
        assert end == len(row["text"])


@given(shapes, st.sampled_from(mixing.UNITS), seeds)
@settings(max_examples=30)
def test_adding_documents_changes_no_other_and_seeds_decide_all(shape, unit, seed):
    few = mixing.mix(toy(shape), unit, seed=seed).to_list()
    more = mixing.mix(toy([*shape, [2, 2]]), unit, seed=seed).to_list()
    turned = toy(shape)
    turned = mixing.mix(turned.select(range(len(turned) - 1, -1, -1)), unit, seed=seed).to_list()
    assert more[:-1] == few == turned[::-1]


@pytest.mark.parametrize("unit", ["sentence", "words", "word"])
def test_shares_are_those_asked_for(unit):
    documents = toy([[3] * 10] * 60) if unit != "word" else corpora.load("almanac")
    mixed = mixing.mix(documents, unit, {"fr": 3, "de": 1}, switch=0.6, seed=3)
    table = mixing.shares(mixed).set_index("language")
    assert table["asked"].to_dict() == pytest.approx({"en": 0.4, "fr": 0.45, "de": 0.15})
    total = table["units"].sum()
    for _, row in table.iterrows():
        assert binomtest(int(row["units"]), int(total), row["asked"]).pvalue > 1e-4
    assert table[["got_units", "got_words", "got_characters"]].sum().tolist() == pytest.approx(
        [1] * 3
    )


def test_a_unit_switched_at_one_probability_is_switched_alike_at_a_higher_one():
    documents = toy([[2] * 8] * 5)
    low, high = (mixing.mix(documents, "sentence", switch=p) for p in (0.3, 0.7))
    for one, two in zip(low, high, strict=True):
        for (_, span), (_, other) in zip(spans(one), spans(two), strict=True):
            assert span["language"] in ("en", other["language"])


def test_units_of_words_merge_phrases_until_they_have_enough_within_a_sentence():
    mixed = mixing.mix(toy([[5, 1]], words=3), "words", k=8)
    assert [len(span["source"].split()) for span in mixed[0]["spans"]] == [9, 6, 3]
    assert [span["number"] for span in mixed[0]["spans"]] == [0, 1, 2]


def test_a_document_is_one_unit_in_one_language():
    mixed = mixing.mix(toy([[2, 2, 2]] * 30), "document", FIVE)
    languages = [{span["language"] for span in row["spans"]} for row in mixed]
    assert all(len(found) == 1 for found in languages)
    assert set().union(*languages) == set(FIVE)
    assert mixing.shares(mixed)["units"].sum() == 30


def test_controls():
    documents = toy([[2, 1]])
    (row,) = mixing.parallel(documents, ["en", "fr"])
    expected = [corpora.sentences(documents[0], code)[s] for s in (0, 1) for code in ("en", "fr")]
    assert row["text"] == " ".join(expected)
    (row,) = mixing.monolingual(documents, "de")
    assert row["text"] == corpora.text(documents[0], "de")
    (row,) = mixing.mix(documents, "words", switch=0)
    assert row["text"] == corpora.text(documents[0], "en")


def test_chinese_and_japanese_are_written_without_spaces():
    segments = [{"sentence": 0, "text": {"en": f"e{i}", "zh": f"水{i}"}} for i in range(6)]
    row = {"corpus": "toy", "id": "water", "subject": "toys", "segments": segments}
    documents = corpora.dataset([row], ["en", "zh"])
    for base in ("en", "zh"):
        mixed = mixing.mix(documents, "words", ["en", "zh"], k=1, base=base, seed=5)
        assert mixing.unmix(mixed, documents, base)["text"][0] == corpora.text(row, base)
        assert mixed[0]["text"].replace(" ", "") == "".join(text for text, _ in spans(mixed[0]))
    with pytest.raises(ValueError, match="'zh' is written without spaces"):
        mixing.mix(documents, "word", ["en"], base="zh")


def test_mistakes_are_named():
    documents = toy(languages=("en", "fr"))
    for keywords, message in [
        ({"unit": "sentences"}, r"no unit 'sentences'; .* Did you mean 'sentence'"),
        ({}, "do not exist in de, es, it, only in en, fr"),
        ({"languages": ["en", "french"]}, "Did you mean 'fr'"),
        ({"languages": ["fr"], "switch": 1.5}, "from 0 to 1"),
        ({"languages": ["fr"], "k": 0}, "at least one word"),
        ({"languages": {"fr": -1}}, "none may be negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            mixing.mix(documents, **keywords)
    with pytest.raises(ValueError, match="given for de, but the languages are fr"):
        mixing.weighted(["fr"], {"de": 1})
    with pytest.raises(ValueError, match="'d0' of toy is there twice"):
        mixing.mix(documents.select([0, 0]), languages=["fr"])
    mixed = mixing.mix(documents, languages=["fr"])
    with pytest.raises(ValueError, match="not its text in 'en'"):
        mixing.unmix(mixed, toy(languages=("en", "fr"), words=2))
    with pytest.raises(ValueError, match="'d1' of toy is not in the documents"):
        mixing.unmix(mixed, documents.select([0]))


def test_preview_escapes_the_text_and_names_the_languages_without_colour():
    segments = [{"sentence": 0, "text": {"en": "a < b & c", "fr": "<script>x</script>"}}]
    row = {"corpus": "toy", "id": "<b>", "subject": "toys", "segments": segments}
    mixed = mixing.mix(corpora.dataset([row], ["en", "fr"]), "sentence", ["fr"])
    shown = mixing.preview(mixed[0]).data
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "&lt;b&gt;" in shown
    assert "<sup><small>fr</small></sup>" in shown
    assert 'title="French: a &lt; b &amp; c"' in shown


def test_the_same_text_is_written_as_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        mixing.write(mixing.mix(toy(), "words"), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert "mixing.json" in files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    mixed = load_from_disk(str(tmp_path / "one"))
    assert mixed.to_list() == mixing.mix(toy(), "words").to_list()
    record = json.loads((tmp_path / "one" / "mixing.json").read_text())
    assert record["source"] == corpora.fingerprint(toy())
    assert (record["unit"], record["seed"], record["k"]) == ("words", 42, 8)
    assert mixing.shares(mixed).to_dict("records") == record["shares"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("disk full")

    mixed = mixing.mix(toy(), "words")
    with monkeypatch.context() as patched:
        patched.setattr("xlkb.ground.disk.write_json", fail)
        with pytest.raises(OSError, match="disk full"):
            mixing.write(mixed, tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []
    mixing.write(mixed, tmp_path / "corpus")
    with pytest.raises(FileExistsError, match="there already"):
        mixing.write(mixed, tmp_path / "corpus")
    mixing.write(mixing.mix(toy(), "sentence"), tmp_path / "corpus", replace=True)
    assert set(load_from_disk(str(tmp_path / "corpus"))["unit"]) == {"sentence"}
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="name another folder"):
        mixing.write(mixed, tmp_path / "other", replace=True)


def test_lexicon_finds_words_and_keeps_their_capital():
    words = lexicon.table(["fr", "de"])
    text = "Water and the United States in March, not watering; the polar ice."
    found = {item.text: item.entry for item in lexicon.find(text, words)}
    assert found["Water"] == {"en": "Water", "fr": "Eau", "de": "Wasser"}
    assert found["United States"]["fr"] == "États-Unis"
    assert found["ice"]["de"] == "Eis"
    assert "watering" not in found
    assert "March" not in found
    for item in lexicon.find(text, words):
        assert text[item.start : item.end] == item.text


def test_lexicon_follows_each_language_in_its_capitals():
    table = lexicon.table(["en", "tr"])
    cow = {"en": "cow", "tr": "inek"}
    assert table["cow"] == cow
    (found,) = lexicon.find("Cow", {"cow": table["cow"]})
    assert found.entry["tr"] == "İnek"
    (found,) = lexicon.find("İnek", {"inek": cow | {"nl": "ijs"}}, "tr")
    assert (found.entry["en"], found.entry["nl"]) == ("Cow", "IJs")


def test_lexicon_has_every_source_and_no_leftovers():
    entries = Counter(source for source, _ in lexicon._table(FIVE).values())
    assert min(entries[source] for source in ("own", "cldr", "emoji")) > 200
    own = list(lexicon._own())
    assert len({row["en"] for row in own}) == len(own)
    for entry in lexicon.table().values():
        assert set(entry) == set(FIVE)
        assert all(
            text == text.strip() and text and "duration" not in text for text in entry.values()
        )
        assert len(set(entry.values())) > 1


def fake(texts, source, target):
    return [f"{target}:{text}" for text in texts]


def test_translations_are_kept_as_they_come_and_a_stopped_run_goes_on(tmp_path):
    sentences = {f"s{i}": "word " * (i + 1) for i in range(6)}
    cache, calls = tmp_path / "cache.jsonl", []

    def stops(texts, source, target):
        calls.append((target, len(texts)))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fake(texts, source, target)

    stops.batch_size = 3
    options = {"languages": ["en", "fr", "de"], "cache": cache, "name": "fake"}
    with pytest.raises(KeyboardInterrupt):
        translation.translate(sentences, stops, **options)
    # A kill in the middle of writing leaves half a line.
    data = cache.read_bytes()
    cache.write_bytes(data + data[: len(data) // 12])
    found = translation.translate(sentences, stops, **options)
    assert calls == [("fr", 3), ("fr", 3), ("de", 3), ("de", 3), ("de", 3)]
    assert found["s1"] == {"en": "word word ", "fr": "fr:word word", "de": "de:word word"}
    translation.translate(sentences, None, **options)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda texts, *_: ["", *texts[1:]],
            r"no translation of 'd0, sentence 1, phrase 1' .*'fr'",
        ),
        (lambda texts, *_: texts[1:], "gave 1 translations into 'fr' for 2 sentences"),
    ],
)
def test_a_failed_translation_is_an_error_with_the_texts_id(answer, message):
    documents = toy([[1, 1]], languages=("en",))
    with pytest.raises(ValueError, match=message):
        translation.documents(documents, answer, ["en", "fr"])


def test_translated_documents_are_parallel_and_can_be_cut_after_k_words():
    documents = toy([[1, 2]], languages=("en",), words=5)
    parallel = translation.documents(documents, fake, ["en", "fr"], k=8)
    assert corpora.text(parallel[0], "en") == corpora.text(documents[0], "en")
    mixed = mixing.mix(parallel, "words", ["fr"])
    assert [len(span["source"].split()) for span in mixed[0]["spans"]] == [5, 8, 2]


@given(st.lists(st.sampled_from(["sea", "–", "km/h", "(a", "&", "1,000"]), min_size=1))
def test_pieces_to_translate_are_the_units_that_are_mixed(words):
    text = " ".join(words)
    document = toy([[1]], languages=("en",)).to_list()[0]
    document["segments"][0]["text"]["en"] = text
    cut = translation.documents(corpora.dataset([document], ["en"]), fake, ["en", "fr"], k=3)
    pieces = [part["text"]["en"] for part in cut[0]["segments"]]
    assert " ".join(pieces) == text
    assert [span["source"] for span in mixing.mix(cut, "words", ["fr"], k=3)[0]["spans"]] == pieces


EN = """The water rises twice a day along the coast of the island.
People watch it from the harbour wall every morning.

Snow falls in winter on the high mountains of the north.
"""
FR = """L'eau monte deux fois par jour le long de la côte de l'île.
Les gens la regardent chaque matin depuis le mur du port.

La neige tombe en hiver sur les hautes montagnes du nord.
"""


def command(tmp_path, *more, unit="sentence", en=EN, fr=FR):
    (tmp_path / "en.txt").write_text(en, encoding="utf-8")
    (tmp_path / "fr.txt").write_text(fr, encoding="utf-8")
    texts = ("--text", f"en={tmp_path / 'en.txt'}", "--text", f"fr={tmp_path / 'fr.txt'}")
    out = ("--unit", unit, "--out", str(tmp_path / "mixed"))
    return mix.main([*texts, *out, *more])


def test_two_text_files_become_a_mixed_corpus(tmp_path, capsys):
    assert command(tmp_path) == 0
    printed = capsys.readouterr().out
    assert "2 documents" in printed
    assert "French" in printed
    mixed = load_from_disk(str(tmp_path / "mixed"))
    sentences = set(EN.splitlines()) | set(FR.splitlines())
    assert {text for row in mixed for text, _ in spans(row)} < sentences


@pytest.mark.parametrize(
    ("texts", "more", "message"),
    [
        ({"fr": FR.replace("La neige", "La neige\n")}, (), r"line 4: the last line.*line 5"),
        ({"fr": FR.splitlines()[0]}, (), r"fr.txt, line 1: the last line, but .*en.txt goes on"),
        ({"fr": EN}, (), r"fr.txt, line 1: given as French, but it reads as English"),
        ({"en": ""}, (), r"en.txt, line 1: the file is empty"),
        ({"unit": "words"}, (), "needs phrases that are aligned"),
    ],
)
def test_bad_input_is_refused_and_nothing_written(tmp_path, capsys, texts, more, message):
    before = {"en.txt", "fr.txt"}
    assert command(tmp_path, *more, **texts) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert re.search(message, error), error
    assert {path.name for path in tmp_path.iterdir()} == before


def test_the_language_check_can_be_skipped(tmp_path):
    assert command(tmp_path, "--no-language-check", fr=EN) == 0


def test_one_odd_line_does_not_refuse_a_corpus(tmp_path, capsys):
    odd = "The museum of the island is open from nine to five o'clock every day."
    assert command(tmp_path, fr=FR.replace("Les gens la regardent chaque matin", odd)) == 0
    assert "fr.txt, line 2: given as French, but it reads as English" in capsys.readouterr().out


@pytest.mark.parametrize("corpus", [True, False])
def test_no_more_documents_than_asked_for(tmp_path, corpus):
    texts = tmp_path / "texts"
    texts.mkdir()
    for code, text in (("en", EN), ("fr", FR)):
        (texts / f"{code}.txt").write_text(text, encoding="utf-8")
    given = ["--corpus", f"files:{texts}"]
    if not corpus:
        given = [part for c in ("en", "fr") for part in ("--text", f"{c}={texts / c}.txt")]
    more = ["--documents", "1", "--unit", "sentence", "--out", str(tmp_path / "mixed")]
    assert mix.main([*given, *more]) == 0
    assert len(load_from_disk(str(tmp_path / "mixed"))) == 1


def test_one_language_is_enough_for_words_of_the_lexicon(tmp_path):
    (tmp_path / "en.txt").write_text(EN, encoding="utf-8")
    arguments = ["--text", f"en={tmp_path / 'en.txt'}", "--unit", "word", "--languages", "fr,de"]
    assert mix.main([*arguments, "--out", str(tmp_path / "mixed")]) == 0


def test_text_and_a_translator_become_a_mixed_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(translators, "nllb", lambda model: fake)
    monkeypatch.setattr(translators, "needed", lambda name: [])
    (tmp_path / "en.txt").write_text(EN, encoding="utf-8")
    arguments = ["--text", f"en={tmp_path / 'en.txt'}", "--unit", "words", "--k", "4"]
    arguments += ["--translator", "nllb:some/model", "--languages", "fr,sw"]
    arguments += ["--limit", "other_language=1"]
    assert mix.main([*arguments, "--out", str(tmp_path / "mixed")]) == 0
    mixed = load_from_disk(str(tmp_path / "mixed"))
    assert {span["language"] for row in mixed for span in row["spans"]} == {"fr", "sw"}
    assert (tmp_path / "mixed.translations.jsonl").stat().st_size > 0


ALMANAC = ["--corpus", "almanac", "--out", "x", "--unit"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--text", "en=a", "--out", "x", "--unit", "sentnce"], "Did you mean 'sentence'"),
        (["--text", "english=a", "--out", "x", "--unit", "word"], "Did you mean 'en'"),
        (["--text", "en=a", "--out", "x", "--unit", "sentence"], "only en is given"),
        (["--txt", "en=a", "--out", "x", "--unit", "sentence"], "Did you mean --text"),
        (["--text", "en.txt", "--out", "x", "--unit", "word"], "write --text LANGUAGE=FILE"),
        ([*ALMANAC, "sentence", "--k", "5"], "--k goes with --unit words"),
        ([*ALMANAC, "words", "--k", "0"], "--k 0: it must be at least 1"),
        ([*ALMANAC, "words", "--switch", "2"], "--switch 2.0: it is a probability"),
        ([*ALMANAC, "words", "--phrase-mark", "|"], "--phrase-mark goes with --text"),
        ([*ALMANAC, "words", "--lines-per-document", "9"], "--lines-per-document goes with"),
        ([*ALMANAC, "words", "--no-language-check"], "--no-language-check goes with"),
        ([*ALMANAC, "words", "--translations", "kept.jsonl"], "--translations goes with"),
        ([*ALMANAC, "words", "--limit", "copy=1"], "--limit goes with --translator"),
        ([*ALMANAC, "words", "--limit", "options=1"], "--limit options: there are empty"),
        ([*ALMANAC, "words", "--back-translate", "5"], "--back-translate goes with"),
        ([*ALMANAC, "words", "--switch", "0", "--weight", "en=1"], "--weight goes with"),
        ([*ALMANAC, "words", "--languages", "en,fr", "--weight", "fr=1"], "given for fr"),
        ([*ALMANAC, "word", "--translator", "nllb:x", "--languages", "fr"], "--translator goes"),
        ([*ALMANAC, "words", "--seed", "7", "--seed", "8"], "--seed it is given twice"),
        (["--text", "de=a", "--base", "en", "--unit", "word", "--out", "x"], "only in de"),
        (["--text", "en=a", "--text", "fr=b", "--unit", "word", "--out", "x"], "a second --text"),
    ],
)
def test_a_command_that_is_not_understood_says_what_is(capsys, arguments, message):
    with pytest.raises(SystemExit) as stopped:
        mix.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_documented_command_teaches_with_examples():
    done = subprocess.run(
        [sys.executable, "-m", "xlkb", "mix", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "--text en=en.txt --text fr=fr.txt --unit sentence --out mixed" in done.stdout

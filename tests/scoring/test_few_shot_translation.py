"""Translation quality: copies, other languages and empty outputs are seen, and none is dropped."""

import sys

import pandas as pd
import pytest
import tiny
from sentences import SENTENCES

from xlkb import corpora, models
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.scoring import few_shot_translation

EN = [
    "The moon turns around the earth in about a month.",
    "Bees live together in large colonies.",
    "Most trains run on rails that are made of steel.",
]
FR = [
    "La lune tourne autour de la terre en un mois environ.",
    "Les abeilles vivent ensemble en grandes colonies.",
    "La plupart des trains roulent sur des rails en acier.",
]


def translations(texts, source="en", target="fr"):
    frame = pd.DataFrame({"original": EN, "reference": FR, "text": texts, "cut": False})
    return frame.assign(model="m", source=source, target=target, item=range(len(EN)))


def test_the_prompt_shows_the_demonstrations_and_ends_with_the_target_language():
    made = few_shot_translation.prompt(EN[2], "en", "de", [("One.", "Eins."), ("Two.", "Zwei.")])
    assert made.shared + made.own == (
        f"English: One.\nGerman: Eins.\n\nEnglish: Two.\nGerman: Zwei.\n\nEnglish: {EN[2]}\nGerman:"
    )


def test_a_perfect_translation_gets_everything():
    (row,) = few_shot_translation.quality(translations(FR)).to_dict("records")
    assert row["chrf"] == pytest.approx(100)
    assert row["bleu"] == pytest.approx(100)
    assert (row["empty"], row["copies"], row["other_language"], row["cut"]) == (0, 0, 0, 0)
    assert row["length_ratio"] == 1


def test_a_copy_of_the_source_is_flagged():
    (row,) = few_shot_translation.quality(translations([FR[0], FR[1], EN[2]])).to_dict("records")
    assert row["copies"] == 1
    (row,) = few_shot_translation.quality(translations(EN)).to_dict("records")
    assert row["copies"] == row["other_language"] == 3
    assert row["chrf"] < 40


def test_an_empty_output_is_counted_and_lowers_the_score():
    whole = few_shot_translation.quality(translations(FR))
    (row,) = few_shot_translation.quality(translations([FR[0], FR[1], ""])).to_dict("records")
    assert row["empty"] == 1
    assert row["n"] == 3
    assert row["chrf"] < whole["chrf"][0]


def test_every_direction_has_intervals_and_signatures_say_how():
    some = [FR[0], "Les abeilles vivent seules.", "Un train est en acier."]
    frame = few_shot_translation.quality(
        pd.concat([translations(some), translations(some, target="it")])
    )
    for row in frame.to_dict("records"):
        assert 0 <= row["chrf_low"] < row["chrf_high"] <= 100
        assert row["bleu_low"] <= row["bleu_high"]
    assert "nw:2" in frame.attrs["signatures"]["chrf into fr"]
    again = few_shot_translation.quality(
        pd.concat([translations(some), translations(some, target="it")])
    )
    pd.testing.assert_frame_equal(frame, again)


STOPS = {"zh": "。", "ja": "。", "hi": "।", "ar": "؟", "ru": "»", "he": "״"}


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_a_missing_final_stop_costs_no_other_word_in_any_language(code):
    text = SENTENCES[code][0]
    reference = text + STOPS.get(code, ".")
    chrf, bleu = few_shot_translation._metrics(code).values()
    score = bleu.corpus_score([text], [[reference]])
    assert score.counts[0] == score.totals[0]
    cut = [few_shot_translation._cut(each, code) for each in (text, reference)]
    ((*_, hyp1, ref1, match1, hyp2, ref2, match2),) = chrf._extract_corpus_statistics(
        cut[:1], [cut[1:]]
    )
    assert (match1, match2) == (hyp1, hyp2)
    assert (ref1, ref2) == (hyp1 + 1, hyp2 + 1)


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_chrf_has_words_in_every_language(code):
    """One wrong word of many leaves most words right, in languages without spaces too."""
    text = SENTENCES[code][0]
    cut = few_shot_translation._cut(text, code)
    assert len(cut.split()) >= 4
    assert "".join(cut.split()) == "".join(text.split())


def test_latin_script_is_cut_by_sacrebleu_alone():
    frame = few_shot_translation.quality(translations(["«La lune tourne.»", "Abeilles !", FR[2]]))
    texts, plain = (
        ["«La lune tourne.»", "Abeilles !", FR[2]],
        few_shot_translation.CHRF(word_order=2),
    )
    assert frame["chrf"][0] == plain.corpus_score(texts, [FR]).score
    assert "tok:13a" in frame.attrs["signatures"]["bleu into fr"]


def test_every_direction_is_translated_without_its_demonstrations(tmp_path):
    folder = tmp_path / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    model = models.load(f"path:{folder}", dtype="float32", device="cpu")
    documents = corpora.load("almanac", FIVE, n=1)
    sentences = {code: corpora.sentences(documents[0], code)[:3] for code in ("en", "fr", "it")}
    found = few_shot_translation.translate(model, sentences, tmp_path, 1, max_new_tokens=5)
    assert len(found) == 6 * 2
    assert set(found["original"]) == {text for each in sentences.values() for text in each[1:]}
    with pytest.raises(ValueError, match="more than the 3 demonstrations"):
        few_shot_translation.translate(model, sentences, tmp_path, 3)


def test_a_prompt_that_is_too_long_gets_fewer_demonstrations(tmp_path):
    folder = tmp_path / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    model = models.load(f"path:{folder}", dtype="float32", device="cpu")
    plain = ["word " * 50, "word " * 50, "One.", "Two.", "word " * 60, "word " * 300]
    sentences = {"en": plain, "fr": plain}
    with pytest.warns(UserWarning, match="fewer demonstrations|sentences are left out") as caught:
        found = few_shot_translation.translate(model, sentences, tmp_path, 2, max_new_tokens=5)
    said = [str(each.message) for each in caught if each.category is UserWarning]
    assert len(said) == 2
    assert "1 of 4 sentences are left out" in said[1]
    assert found["item"].tolist() == [0, 1, 2] * 2
    assert found["n_shots"].tolist() == [1, 1, 0] * 2
    assert found["n_tokens"].notna().all()


def test_comet_says_how_it_can_be_had():
    with pytest.raises(FileNotFoundError, match="pip install unbabel-comet"):
        few_shot_translation.comet(translations(FR), command="no-such-comet-score")


def test_comet_is_called_with_aligned_files(tmp_path):
    command = tmp_path / "comet-score"
    command.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "read = lambda option: open(given[option], encoding='utf-8').read().splitlines()\n"
        "lines = [read(option) for option in ('-s', '-t', '-r')]\n"
        "assert given['--model'] == 'my.ckpt' and {len(part) for part in lines} == {3}, given\n"
        "print('text.txt\\tscore: %.4f' % (sum(a == b for a, b in zip(*lines[1:])) / 3))\n"
    )
    command.chmod(0o755)
    texts = [FR[0], "", EN[2]]
    table = few_shot_translation.comet(translations(texts), "my.ckpt", command)
    assert table["comet"].tolist() == [0.3333]
    assert table["n"].tolist() == [3]
    with pytest.raises(RuntimeError, match="AssertionError"):
        few_shot_translation.comet(translations(texts), "other.ckpt", command)

"""Translation quality: copies, other languages and empty outputs are seen, and none is dropped."""

import sys

import pandas as pd
import pytest
import tiny

from xlkb import corpora, few_shot_translation, models
from xlkb.languages import FIVE

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

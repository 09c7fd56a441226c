"""WikiText from files: articles, plain sentences, the published sizes, the Harry Potter subset."""

import json
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacremoses import MosesTokenizer

from xlkb import corpora
from xlkb.corpora.sources import wikitext
from xlkb.ground import hub, paths

DATA = paths.local_data() or paths.ROOT.parent / "shared" / "data"
REAL = DATA / "wikitext2" / "valid.txt"

# Written for this test in the manner of WikiText.
ARTICLES = """
 = Wexcombe Light ( lighthouse ) = 

 Wexcombe Light is a disused lighthouse , built in 1871 @-@ 73 by J. P. Marsh . It stands 31 @.@ 5 \
m ( 103 ft ) tall , and its lamp of 12 @,@ 000 candles was seen 17 mi ( 27 km ) away . 
 = 5 wrecks = 

 = = Keepers = = 

 The keeper , Ada Quill , said that " the sea 's a poor friend " . She didn 't leave for 11 years . 

 = = = Later years = = = 

 A wizard of Hogwarts would have felt at home , wrote the Orrin Times in 1998 – 99 . 

 = Marsh samphire = 

 Marsh samphire grows where winds reach 60 km / h and the sea comes twice a day . <unk> eat it . 
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "valid.txt").write_text(ARTICLES, encoding="utf-8")
    return tmp_path / "valid.txt"


@pytest.fixture(autouse=True)
def no_local_data(monkeypatch):
    monkeypatch.delenv("XLKB_DATA", raising=False)


def test_articles_begin_at_headings_of_the_first_level(file):
    light, samphire = wikitext.articles("wikitext-2", file)
    assert light["id"] == "wikitext-2/train/1 Wexcombe Light (lighthouse)"
    assert samphire["id"] == "wikitext-2/train/2 Marsh samphire"
    assert [len(row["paragraphs"]) for row in (light, samphire)] == [3, 1]


def test_a_corpus_is_plain_english_sentences(file):
    with pytest.warns(UserWarning, match="1 of 7 sentences of wikitext-2 hold <unk>"):
        documents = corpora.load(f"wikitext-2:{file}", ["en"])
    assert corpora.languages_of(documents) == ("en",)
    assert [text for row in documents for text in corpora.sentences(row, "en")] == [
        "Wexcombe Light is a disused lighthouse, built in 1871-73 by J. P. Marsh.",
        "It stands 31.5 m (103 ft) tall, and its lamp of 12,000 candles was seen 17 mi (27 km) "
        "away.",
        'The keeper, Ada Quill, said that "the sea\'s a poor friend".',
        "She didn't leave for 11 years.",
        "A wizard of Hogwarts would have felt at home, wrote the Orrin Times in 1998–99.",
        "Marsh samphire grows where winds reach 60 km/h and the sea comes twice a day.",
    ]
    assert len(corpora.load(f"wikitext-2:{file}", n=1)) == 1
    with pytest.raises(ValueError, match="lacks fr; it has en"):
        corpora.load(f"wikitext-2:{file}", ["fr"])


@pytest.mark.parametrize(
    ("tokenised", "written"),
    [
        ("a 1 @-@ in @-@ 100 year event", "a 1-in-100 year event"),
        ("the players ' union [ sic ] paid £ 5 @.@ 2", "the players' union [sic] paid £5.2"),
        ("it was 70 ° F ( 21 ° C ) at 57 ° 53 ′ N", "it was 70 °F (21 °C) at 57° 53′ N"),
        ("the keeper ' s log , the keeper 's lamp", "the keeper's log, the keeper's lamp"),
        ("at 18 : 45 , and / or in 5 – 10 min", "at 18:45, and/or in 5–10 min"),
        ("they don ’ t say “ never ”", "they don’t say “never”"),
        ('he said , " I \'ll go ; she won \'t . "', 'he said, "I\'ll go; she won\'t."'),
    ],
)  # fmt: skip
def test_tokenised_text_becomes_as_it_was_written(tokenised, written):
    assert wikitext.plain(tokenised) == written


def test_moses_tokens_of_the_almanac_become_its_text_again():
    tokenizer = MosesTokenizer("en")
    documents = corpora.load("almanac", ["en"])
    texts = [text for row in documents for text in corpora.sentences(row, "en")]
    tokenised = [
        tokenizer.tokenize(text, aggressive_dash_splits=True, return_str=True, escape=False)
        for text in texts
    ]
    wrong = [
        text for text, line in zip(texts, tokenised, strict=True) if wikitext.plain(line) != text
    ]
    assert not wrong, wrong[:5]


@given(st.text(st.sampled_from("aB1 .,!?\"'()–…")) | st.text())
def test_sentences_joined_are_the_text(text):
    assert " ".join(wikitext.sentences(text)) == " ".join(text.split())


def test_forms_and_splits_are_found_in_a_folder(tmp_path):
    lines = ARTICLES.split("\n")[:-1]
    folder = tmp_path / "wikitext-103-raw-v1"
    folder.mkdir()
    pd.DataFrame({"text": [f"{line}\n" if line else "" for line in lines]}).to_parquet(
        folder / "train_1.parquet"
    )
    (tmp_path / "wiki.test.raw").write_text("nonsense")
    (tmp_path / "valid.raw").write_text(ARTICLES, encoding="utf-8")
    train = wikitext.articles("wikitext-103", tmp_path)
    held_out = wikitext.articles("wikitext-103", tmp_path, "heldout")
    assert [row["paragraphs"] for row in train] == [row["paragraphs"] for row in held_out]
    with pytest.raises(FileNotFoundError, match="no train split of wikitext-2"):
        wikitext.articles("wikitext-2", tmp_path / "nowhere")


def test_the_local_folder_comes_before_the_hub(tmp_path, monkeypatch, file):
    asked = []
    monkeypatch.setattr(hub, "folder", lambda *call: asked.append(call) or tmp_path)
    parquet = tmp_path / "wikitext-2-raw-v1" / "validation-x.parquet"
    parquet.parent.mkdir()
    pd.DataFrame({"text": ARTICLES.split("\n")}).to_parquet(parquet)
    assert len(wikitext.articles("wikitext-2", split="heldout")) == 2
    assert asked == [(hub.dataset(*wikitext.HUB, ["wikitext-2-raw-v1/validation-*.parquet"]),)]
    (tmp_path / "wikitext-2").mkdir()
    file.rename(tmp_path / "wikitext-2" / "train_part.txt")
    monkeypatch.setenv("XLKB_DATA", str(tmp_path))
    assert len(wikitext.articles("wikitext-2")) == 2
    assert len(asked) == 1


def test_a_copy_is_read_however_it_was_saved(file, tmp_path):
    expected = wikitext.articles("wikitext-2", file)
    (tmp_path / "._valid.txt").write_bytes(b"\0")
    for encoding in ("utf-8-sig", "utf-16"):
        file.write_bytes(ARTICLES.replace("\n", "\r\n").encode(encoding))
        assert wikitext.articles("wikitext-2", tmp_path, "heldout") == [
            row | {"id": row["id"].replace("train", "heldout")} for row in expected
        ]
    assert wikitext.plain("\u200b the cafe\u0301 ,\u00ad open \ufeff") == "the café, open"


def test_released_files_must_be_whole(tmp_path, monkeypatch, file):
    part = file.rename(tmp_path / "wiki.train.raw")
    with pytest.raises(ValueError, match=r"wiki.train.raw has \d+ lines; .* wikitext-2 has 36718"):
        wikitext.articles("wikitext-2", part)
    lines = ARTICLES.count("\n")
    monkeypatch.setitem(wikitext.PUBLISHED, ("wikitext-2", "train"), (lines, 3))
    with pytest.raises(ValueError, match=r"wiki.train.raw has 2 articles; .* wikitext-2 has 3"):
        wikitext.articles("wikitext-2", part)
    part.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"wiki.train.raw is no WikiText"):
        wikitext.articles("wikitext-2", part)


def test_the_authors_list_counts_lines_that_are_not_blank(tmp_path, monkeypatch, file):
    name = f"wikitext-103-hp:{file}"
    with pytest.raises(FileNotFoundError, match=re.escape(wikitext.INDEX)):
        corpora.load(name)
    index = tmp_path / wikitext.INDEX
    index.write_text(json.dumps({"HP-related-index": [6, 8]}))
    monkeypatch.setenv("XLKB_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"valid.txt has 9 lines .* counts 1165029"):
        corpora.load(name)
    monkeypatch.setattr(wikitext, "INDEXED", 9)
    with pytest.warns(UserWarning, match="<unk>"):
        light, samphire = corpora.load(name)
    assert corpora.sentences(light, "en")[0].startswith("A wizard of Hogwarts")
    assert corpora.sentences(samphire, "en")[0].startswith("Marsh samphire grows")
    (light,) = corpora.load(f"wikitext-103-hp-keywords:{file}")
    assert corpora.sentences(light, "en")[0].startswith("A wizard of Hogwarts")
    for text in ("[]", '{"HP-related-index": [9]}'):
        index.write_text(text)
        with pytest.raises(ValueError, match="is not the authors' list"):
            corpora.load(name)


@pytest.mark.skipif(not REAL.is_file(), reason=f"no {REAL}: set XLKB_DATA")
@pytest.mark.filterwarnings("ignore:.*<unk>")
def test_the_released_validation_split_is_read_whole():
    assert len(wikitext.articles("wikitext-2", REAL.parent, "heldout")) == 60
    documents = corpora.load(f"wikitext-2:{REAL.parent}", split="heldout")
    texts = [text for row in documents for text in corpora.sentences(row, "en")]
    assert len(texts) > 2_000
    assert not [text for text in texts if "@" in text or " ," in text or "<unk>" in text]

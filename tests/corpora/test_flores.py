"""FLORES from files: aligned, counted, and the same from each kind of file."""

import pandas as pd
import pytest

from xlkb import corpora
from xlkb.corpora.sources import flores
from xlkb.ground import hub, paths
from xlkb.ground.languages import FIVE

DATA = paths.local_data() or paths.ROOT.parent / "shared" / "data"
TEXTS = {"en": ["Tea is hot.", "It rains."], "fr": ["Le thé est chaud.", "Il pleut."]}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.delenv("XLKB_DATA", raising=False)
    monkeypatch.setitem(flores.SIZES, 2, "this test's")


def spoken(documents):
    return {c: [s for d in documents for s in corpora.sentences(d, c)] for c in TEXTS}


def test_each_kind_of_file_gives_the_same_sentences(tmp_path, monkeypatch):
    for code, lines in TEXTS.items():
        (tmp_path / f"{code}.devtest").write_text("\n".join(lines), encoding="utf-8")
    ours = corpora.load(f"flores:{tmp_path}", ["en", "fr"])
    assert spoken(ours) == TEXTS
    assert ours["id"] == ["devtest/0", "devtest/1"]
    for code, lines in TEXTS.items():
        name = flores.FLORES[code]
        (tmp_path / f"{code}.devtest").rename(tmp_path / f"{name}.devtest")
        (tmp_path / "hub" / name).mkdir(parents=True)
        file = tmp_path / "hub" / name / "devtest-00000-of-00001.parquet"
        pd.DataFrame({"id": [1, 2], "sentence": lines}).to_parquet(file)
    assert spoken(corpora.load(f"flores:{tmp_path}", ["en", "fr"])) == TEXTS
    asked = []
    monkeypatch.setattr(hub, "folder", lambda *args: asked.append(args) or tmp_path / "hub")
    assert spoken(corpora.load("flores", ["en", "fr"])) == TEXTS
    wanted = ["eng_Latn/devtest-*.parquet", "fra_Latn/devtest-*.parquet"]
    assert asked == [(hub.dataset(*flores.HUB, wanted),)]


def test_sentences_are_cleaned_and_files_found_however_they_were_saved(tmp_path):
    odd = "\u200bTea is hot.\u00a0\r\nIt rains.\r\n"
    (tmp_path / "EN.devtest").write_text(odd, encoding="utf-16", newline="")
    (tmp_path / "fr.devtest").write_text("Le the\u0301 est chaud.\nIl pleut.", encoding="utf-8-sig")
    (tmp_path / "._fr.devtest").write_bytes(b"\0")
    assert spoken(corpora.load(f"flores:{tmp_path}", ["en", "fr"])) == TEXTS
    (tmp_path / "fr.devtest").write_text("\n\u200b\n", encoding="utf-8")
    (tmp_path / "EN.devtest").write_bytes(b"\xe9\n\xe9")
    with pytest.raises(ValueError, match=r"EN.devtest, line 2: byte 1 is(.*\n)+.*line 2 is blank"):
        corpora.load(f"flores:{tmp_path}", ["en", "fr"])


def test_what_is_not_whole_is_refused_with_its_file(tmp_path):
    (tmp_path / "en.devtest").write_text("One.\nTwo.\n")
    with pytest.raises(FileNotFoundError, match=r"none of fr.devtest, fra_Latn.devtest"):
        corpora.load(f"flores:{tmp_path}", ["en", "fr"])
    (tmp_path / "fr.devtest").write_text("Un.\nDeux.\nTrois.\n")
    with pytest.raises(ValueError, match=r"fr.devtest has 3 sentences; FLORES has 1012"):
        corpora.load(f"flores:{tmp_path}", ["en", "fr"])
    (tmp_path / "fr.devtest").write_text("Un.\n \n")
    with pytest.raises(ValueError, match=r"fr.devtest, line 2 is blank"):
        corpora.load(f"flores:{tmp_path}", ["en", "fr"])
    with pytest.raises(ValueError, match="no held-out documents"):
        corpora.load(f"flores:{tmp_path}", ["en"], "heldout")


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no local data sets in {DATA}: set XLKB_DATA")
def test_the_papers_hundred_sentences_load():
    documents = corpora.load(f"flores:{DATA / 'flores100'}")
    assert corpora.languages_of(documents) == FIVE
    assert len(documents) == 100
    assert len({corpora.text(d, code) for d in documents for code in FIVE}) == 500

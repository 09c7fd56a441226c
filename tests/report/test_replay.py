"""The notebooks, replayed from the committed reference results, give the committed tables.

Moving or rewriting code must change no table and no stored key. Where a table is meant to change,
`./paper_reproduce.sh --fresh --update-reference` makes a new reference.
"""

import json
import os
from pathlib import Path

import notebook_cells
import pytest

from xlkb import models
from xlkb.ground import paths
from xlkb.scoring import results
from xlkb.scoring.tries import Pair

pytestmark = pytest.mark.golden

NUMBERS = ("01", "02", "03", "04", "05", "06", "07")


def made(number, monkeypatch, tmp_path):
    """The folder with what a notebook makes: $XLKB_REPLAYED, or else one for a replay now."""
    done = Path(os.environ.get("XLKB_REPLAYED") or tmp_path)
    if any(done.glob(f"table{number}*.csv")):
        return done
    monkeypatch.setenv("XLKB_REPLAY", "1")
    monkeypatch.setenv("XLKB_RESULTS", str(paths.REFERENCE))
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    monkeypatch.chdir(paths.NOTEBOOKS)
    _, problems = notebook_cells.play(number)
    assert not problems
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_every_table_is_what_it_was_to_the_byte(number, monkeypatch, tmp_path):
    folder = made(number, monkeypatch, tmp_path)
    names = sorted(path.name for path in folder.glob(f"table{number}*.*"))
    kept = sorted(path.name for path in (paths.ROOT / "figures").glob(f"table{number}*.*"))
    assert names == kept
    for name in names:
        assert (folder / name).read_bytes() == (paths.ROOT / "figures" / name).read_bytes(), name
    for path in folder.glob(f"table{number}*.csv"):
        assert path.read_bytes() == (paths.REFERENCE / "demo/tables" / path.name).read_bytes()


def test_stored_scores_keep_their_keys():
    pair = Pair("Question: What is the currency of Denmark?\nAnswer:", " Danish krone")
    assert results.key(pair).hex() == "da3aa1f3f1374a9fd242d003"
    assert results.key(pair._replace(isolated=True)).hex() == "875eded612a99e69b2bfa757"


@pytest.mark.parametrize("folder", ["gemma-3-270m-*", "smollm2-135m-*"])
def test_a_model_keeps_its_fingerprint(folder):
    """A stored folder is found by it: users' scores stay valid."""
    stored = [json.loads(p.read_text()) for p in paths.REFERENCE.glob(f"demo/{folder}/model.json")]
    (plain,) = [each for each in stored if not each["adapter"]]
    model = models.load(plain["name"], dtype=plain["dtype"])
    assert model.weights_fingerprint == plain["weights_fingerprint"]
    assert model.fingerprint == plain["fingerprint"]
    assert results.store_folder(paths.REFERENCE / "demo", model).is_dir()

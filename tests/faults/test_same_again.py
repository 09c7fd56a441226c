"""Kind: the same again. Two cold runs give the same bytes; other numbers of threads and other sizes
of batches the same decisions, but for ties, which are counted."""

import os

import faults
import notebook_cells
import numpy as np
import pandas as pd
import pytest
import tiny
import transformers
from matplotlib.figure import Figure

from xlkb import analysis, models, scoring, tasks
from xlkb.ground import paths
from xlkb.ground.languages import FIVE
from xlkb.scoring import likelihoods
from xlkb.tasks import recompose

TIE = 1e-3
"""Nats between two choices that rounding may put in either order."""
WAYS = {"as it is": (1, 512), "two threads": (2, 512), "small": (1, 96), "large": (1, 4096)}
"""Threads, and tokens in a row."""


def played(place, folder, number):
    """A notebook in a process of its own, with nothing stored; drawing is skipped."""
    os.environ["XLKB_RESULTS"] = str(folder / "results")
    paths.FIGURES = folder / "figures"
    Figure.savefig = lambda self, file, **_: file.write(b"drawn")
    os.chdir(paths.NOTEBOOKS)
    _, problems = notebook_cells.play(
        number, profile=f"path:{place / 'small.toml'}", languages="fr,de"
    )
    assert problems == []


@pytest.mark.rehearsal
@pytest.mark.parametrize(("number", "least"), [("02", 10), ("03", 3), ("05", 2)])
def test_two_cold_runs_of_a_notebook_give_the_same_bytes(tmp_path, number, least):
    model = notebook_cells.model(tmp_path / "model")
    notebook_cells.profile(tmp_path, "small", models=[model])
    cold = [tmp_path / name for name in ("one", "two")]
    started = [faults.Started(each / "said", played, tmp_path, each, number) for each in cold]
    done = [each.ends() for each in started]
    assert [each.code for each in done] == [0, 0], done
    but = ("manifest", ".lock")
    one, two = (faults.files(each / "figures", but) for each in cold)
    assert len([name for name in one if name.endswith(".csv")]) > least
    assert one == two


def asked(grid, model_name, folder, threads, tokens):
    """Scores by so many threads, and in rows of so many tokens."""
    import torch

    torch.set_num_threads(threads)
    assert torch.get_num_threads() == threads
    likelihoods.TOKENS_PER_ROW["cpu"] = tokens
    model = models.load(model_name, dtype="float32", device="cpu")
    rows = scoring.score(model, grid, folder / "results")
    rows.to_parquet(folder / "rows.parquet")


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """What each of `WAYS` gives, to questions in five languages and mixed."""
    folder = tmp_path_factory.mktemp("ways")
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2}
    config = transformers.LlamaConfig(**tiny.SMALL | sizes | {"max_position_embeddings": 2048})
    transformers.set_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder / "model")
    tiny.tokenizer().save_pretrained(folder / "model")
    items = tasks.load(notebook_cells.own(folder / "q.jsonl", FIVE, 40), FIVE)
    grid = recompose.grid(items, ["full", "mixup"], FIVE, 42)
    found = {}
    for name, way in WAYS.items():
        place = folder / name
        given = (grid, f"path:{folder / 'model'}", place, *way)
        done = faults.Started(place, asked, *given).ends()
        assert done.code == 0, done.err
        found[name] = pd.read_parquet(place / "rows.parquet")
    return found


@pytest.mark.parametrize("way", list(WAYS)[1:])
def test_decisions_do_not_depend_on_threads_and_batches_but_for_ties(rows, way):
    plain, other = rows["as it is"], rows[way]
    np.testing.assert_allclose(plain["log_likelihood"], other["log_likelihood"], atol=TIE)
    decided = [analysis.decide(each)["correct"].to_numpy() for each in (plain, other)]
    best = np.sort(plain["log_likelihood"].to_numpy().reshape(-1, 4), 1)
    ties = best[:, -1] - best[:, -2] < TIE
    moved = decided[0] != decided[1]
    print(f"{way}: {len(ties)} decisions, {ties.sum()} ties within {TIE} nats, {moved.sum()} moved")
    assert not (moved & ~ties).any()
    assert ties.mean() < 0.05, "most are ties, so that nothing is compared"

"""Any legal request runs: a matrix of requests through the notebooks, on a tiny model.

Every pair of values of two factors occurs in some request (a pairwise covering design), of those
that can occur together at all; some sets of languages wait for `pytest --rehearsal`, because each
is like one of the others. Drawing is skipped: what is tested is what reaches it.
"""

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from pathlib import Path

import notebook_cells
import pandas as pd
import pytest
from matplotlib.figure import Figure

from xlkb import training
from xlkb.ground import paths, resampling
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.report import manifest

pytestmark = pytest.mark.slow

LANGUAGE_SETS = {
    "English": ("en",),
    "one": ("sw",),
    "two": ("en", "fr"),
    "two others": ("he", "fr"),
    "some": ("en", "fr", "sw", "he"),
    "the paper's": FIVE,
    "five others": ("zh", "ru", "ar", "hi", "ja"),
    "seven": (*FIVE, "pt", "ru"),
    "all": tuple(LANGUAGES),
}
REHEARSED = ("two", "two others", "seven")
FACTORS = {
    "notebook": ("01", "02", "03", "04", "05", "06"),
    "languages": tuple(LANGUAGE_SETS),
    "task": ("worldfacts", "academy", "own", "own, dev", "own, little dev", "arc", "mmlu"),
    "n": (1, 3),
    "style": ("cloze", "letters", "paper"),
}
TAKES = {"01": ("task",), "02": ("task", "style"), "03": ("style",), "04": ("task", "style")}
TAKES |= {"05": (), "06": ("task", "style")}


def _legal(request: dict) -> bool:
    """Whether the values that are set can occur together."""
    notebook, task, languages = (request.get(key) for key in ("notebook", "task", "languages"))
    if notebook and task not in (None, "worldfacts") and "task" not in TAKES[notebook]:
        return False
    if notebook and request.get("style", "cloze") != "cloze" and "style" not in TAKES[notebook]:
        return False
    # Only questions of one's own can lack English.
    return not (task and languages and "en" not in LANGUAGE_SETS[languages]) or task[:3] == "own"


def _pairs(request: dict) -> set:
    return {*combinations(request.items(), 2)}


def _pairwise(languages: Iterable[str], before: Sequence[dict] = ()) -> list[dict]:
    """Requests in which all pairs of values occur that those `before` leave, found greedily, always
    the same ones."""
    every = [
        dict(zip(FACTORS, values, strict=True))
        for values in product(*(FACTORS | {"languages": languages}).values())
    ]
    pairs = [(request, _pairs(request)) for request in every if _legal(request)]
    missing = set().union(*(each for _, each in pairs)).difference(*map(_pairs, before))
    chosen = []
    while missing:
        best, covered = max(pairs, key=lambda pair: len(pair[1] & missing))
        chosen.append(best)
        missing -= covered
    return chosen


ALWAYS = _pairwise([name for name in LANGUAGE_SETS if name not in REHEARSED])
REQUESTS = ALWAYS + _pairwise(LANGUAGE_SETS, ALWAYS)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder with a tiny model, profiles, and the results that all requests share."""
    folder = tmp_path_factory.mktemp("requests")
    (folder / "profiles").mkdir()
    for n in FACTORS["n"]:
        sizes = ("barrier.n_items", "barrier.n_exploratory", "prompting.n_items", "after.n_items")
        sizes = dict.fromkeys((*sizes, "closeness.n_sentences"), n)
        notebook_cells.profile(folder / "profiles", f"tiny{n}", **sizes)
    model = notebook_cells.model(folder / "model")
    return folder, model


@pytest.fixture
def play(shared, monkeypatch, tmp_path):
    folder, model = shared
    monkeypatch.setenv("XLKB_RESULTS", str(folder / "results"))
    monkeypatch.setattr(paths, "PROFILES", folder / "profiles")
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write(b"drawn"))
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.chdir(paths.NOTEBOOKS)

    def played(number, profile="tiny3", **parameters):
        return notebook_cells.play(number, profile=profile, model=model, **parameters)

    return played


def _task(request: dict, folder: Path) -> str:
    codes, n = LANGUAGE_SETS[request["languages"]], request["n"]
    dev = {"own": 0, "own, little dev": 1, "own, dev": 4}
    if request["task"] in dev:
        return notebook_cells.own(folder / "own.jsonl", codes, n, dev[request["task"]])
    if request["task"] in ("arc", "mmlu"):
        return getattr(notebook_cells, request["task"])(folder / "public", codes, n)
    return request["task"]


@pytest.mark.parametrize(
    "request_",
    [pytest.param(r, marks=[] if r in ALWAYS else pytest.mark.rehearsal) for r in REQUESTS],
    ids=lambda r: "-".join(map(str, r.values())),
)
def test_a_request_runs_and_every_artefact_is_accounted_for(request_, play, tmp_path):
    parameters = {"languages": ",".join(LANGUAGE_SETS[request_["languages"]])}
    takes = TAKES[request_["notebook"]]
    if "task" in takes:
        parameters["task"] = _task(request_, tmp_path)
    if "style" in takes:
        parameters["style"] = request_["style"]
    run, problems = play(request_["notebook"], f"tiny{request_['n']}", **parameters)
    assert problems == []
    assert run.languages == LANGUAGE_SETS[request_["languages"]]


@pytest.mark.parametrize("left_out", [(), REHEARSED])
def test_the_matrix_covers_all_pairs_that_can_occur(left_out):
    requests = ALWAYS if left_out else REQUESTS
    for (a, some), (b, others) in combinations(FACTORS.items(), 2):
        for one, other in product(some, others):
            if {one, other} & {*left_out}:
                continue
            seen = any(r[a] == one and r[b] == other for r in requests)
            assert seen or not any(
                _legal(dict(zip(FACTORS, values, strict=True)))
                for values in product(*FACTORS.values())
                if {a: one, b: other}.items() <= dict(zip(FACTORS, values, strict=True)).items()
            )


def test_what_needs_five_languages_is_left_out_and_the_rest_is_made(play, capsys):
    run, problems = play("02", languages="fr,sw,he")
    assert (run.base, problems) == ("en", [])
    left_out = manifest.listing(run.figures).set_index("name")["left_out"]
    assert left_out["table02g_mixup"] == "it needs five languages"
    assert not (run.figures / "table02g_mixup.csv").exists()
    assert left_out["table02c_barrier"] == left_out["fig02f_mixup"] == ""
    assert "left out: table02g_mixup, it needs five languages" in capsys.readouterr().out


def test_a_style_without_letters_has_no_table_of_letters(play, shared):
    notebook_cells.profile(
        shared[0] / "profiles", "plain", **{"barrier.styles": ["cloze"], "n_shots": 0}
    )
    for number in ("02", "04", "06"):
        run, problems = play(number, "plain", languages="en,fr")
        assert problems == []
        left_out = manifest.listing(run.figures).set_index("name")["left_out"]
        assert left_out.get("table02m_letters", "it needs the style letters")


def test_notebook_06_does_all_that_a_profile_can_ask_of_it(play, shared):
    changes = notebook_cells.EVERYTHING
    notebook_cells.profile(shared[0] / "profiles", "everything", **changes)
    run, problems = play("06", "everything", languages="en,fr,de,es,it,pt")
    assert problems == []
    left_out = manifest.listing(run.figures).query("left_out != ''")
    assert left_out.empty, left_out
    primary = pd.read_csv(run.figures / "table06a_primary.csv")
    assert set(primary["n_seeds"]) == {2}
    orders = pd.read_csv(run.figures / "table06e_orders.csv")
    assert set(orders["order"]) == set(training.ORDERS.values())
    costs = pd.read_csv(run.figures / "table06g_costs.csv")
    assert {"ensemble", "agreement"} <= set(costs["model"])
    for name in ("table06h_perplexity", "table06i_right_language"):
        assert "agreement" in set(pd.read_csv(run.figures / f"{name}.csv")["model"]), name

"""Work on a Ray cluster of two nodes: the same to the last bit, whatever dies on the way."""

import faulthandler
import os
import pickle
import signal
from functools import partial

import numpy as np
import pytest
import slowly
import tiny
from datasets import Dataset

from xlkb import models, training
from xlkb.ground import paths
from xlkb.scoring import engines, evaluation, likelihoods, results
from xlkb.scoring.engines import on_ray
from xlkb.scoring.generation import Prompt, generate
from xlkb.scoring.tries import Pair

pytestmark = pytest.mark.slow

SECONDS = 420
"""Until a test that hangs ends the process; a cluster that has lost a node might wait for ever."""

WORDS = ("currency", "country", "euro", "dollar", "yen", "peso", "valuta", "pays")
PAIRS = [
    Pair(f"Question: {a} {b} {c}? Answer:", f" {c}") for a in WORDS for b in WORDS for c in WORDS
]


@pytest.fixture(autouse=True)
def deadline():
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="module")
def nodes():
    """A cluster of two nodes with one CPU each, to which this process is connected."""
    pytest.importorskip("ray", reason="ray is not installed")
    from ray.cluster_utils import Cluster

    own = {"num_cpus": 1, "object_store_memory": 80_000_000}
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_ADDRESS")}
    helpers = [str(paths.ROOT / "tests" / "helpers"), str(paths.ROOT), before["PYTHONPATH"] or ""]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, helpers))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made, second = _started(Cluster, own)
    os.environ["RAY_ADDRESS"] = made.address
    ray = on_ray.connected()
    yield made, second
    ray.shutdown()
    made.shutdown()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def _started(cluster, own, tries=3):
    """A cluster and its second node. On a busy machine a node may not start in Ray's 30 s."""
    made = None
    try:
        made = cluster(initialize_head=True, head_node_args=own | {"include_dashboard": False})
        return made, made.add_node(**own)
    except Exception:
        if made is not None:
            made.shutdown()
        if not tries:
            raise
        return _started(cluster, own, tries - 1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny.network("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return models.load(f"path:{folder}", dtype="float32", device="cpu")


def stored(store, model):
    parts = results.read(results.store_folder(store, model))
    return parts.sort_values("key", ignore_index=True)


def trained(model, results, monkeypatch):
    """Fingerprints of models that read two texts, by arm and seed."""
    monkeypatch.setenv("XLKB_RESULTS", str(results))
    texts = {1: {arm: Dataset.from_dict({"text": tiny.TEXT[n:]}) for n, arm in enumerate("ab")}}
    folders = training.readers(model, texts, training.recipe("mix", sequence_length=32))
    return {key: training.load(model, folder).fingerprint for key, folder in folders.items()}


@pytest.mark.rehearsal
def test_a_cluster_asks_trains_and_fails_as_this_process_does(nodes, model, tmp_path, monkeypatch):
    here, there = tmp_path / "here", tmp_path / "there"
    prompts = [Prompt("Frage: ", f"{a} {b}") for a in WORDS for b in WORDS]
    evaluation.scores(model, PAIRS, here)
    texts = generate(model, prompts, here, 5)
    readers = trained(model, here, monkeypatch)

    monkeypatch.setenv(engines.ENGINE, "ray")
    model.__dict__.pop("network", None)
    monkeypatch.setattr(type(model), "network", property(lambda _: pytest.fail("loaded here")))
    evaluation.scores(model, PAIRS, there)
    assert stored(there, model).equals(stored(here, model))
    assert generate(model, prompts, there, 5).equals(texts)
    assert trained(model, there, monkeypatch) == readers

    found = dict(engines.each(slowly.where, [(1,), (2,)], place="any"))
    assert found == {0: (1, str(there), "local"), 1: (2, str(there), "local")}
    assert [wait() for wait in engines.start(slowly.where, [(3,)])] == [(3, str(there), "ray")]


def test_what_a_worker_cannot_do_is_an_error_here(model, monkeypatch):
    for name, value in ((engines.ENGINE, "local"), ("XLKB_PROGRESS", "off")):
        monkeypatch.setenv(name, value)  # As a worker sets them for its process.
    worker = on_ray.Worker(pickle.dumps((model, slowly.refuses)), 1)
    (found,) = worker({"units": [pickle.dumps([7])]})["found"]
    with pytest.raises(ValueError, match=r"tiny-llama cannot do 7\."):
        on_ray._opened(found)
    (found,) = worker({"units": [b"damaged"]})["found"]
    with pytest.raises(pickle.UnpicklingError):
        on_ray._opened(found)


@pytest.mark.rehearsal
def test_a_worker_and_then_a_node_are_lost_and_no_score_is(nodes, model):
    cluster, second = nodes
    rows, probes = likelihoods.planned(model.tokenizer, PAIRS, 512, 100)
    assert len(rows) > 50
    expected = np.zeros(len(PAIRS))
    for row in rows:
        expected[row.places] = likelihoods.run_row(model.network, probes, row)[1]

    found, seen, killed, removed = np.zeros(len(PAIRS)), {}, None, False
    counted = np.zeros(len(PAIRS), int)
    for (places, values, _), pid, node in on_ray.over(model, partial(slowly.row, probes), rows, 1):
        found[places] = values
        counted[places] += 1
        seen.setdefault(node, set()).add(pid)
        if len(seen) == 2 and killed is None:
            killed = pid
            os.kill(killed, signal.SIGKILL)
        alive = {each for of_node in seen.values() for each in of_node} - {killed}
        if killed and not removed and len(alive) == 2 and pid != killed and counted.sum() > 120:
            removed = True
            cluster.remove_node(second, allow_graceful=False)
    assert killed
    assert removed
    assert (counted == 1).all()
    assert (found == expected).all()

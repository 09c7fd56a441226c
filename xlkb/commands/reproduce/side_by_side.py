"""A run on a Ray cluster: connected once, and notebooks that share no model side by side."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlkb.profiles import Run


@contextlib.contextmanager
def cluster(run: "Run", engine: str) -> Iterator[None]:
    """Let all notebooks of a run, and the commands at its end, use one cluster.

    Args:
        run: whose table [cluster] says what a worker takes, where the environment does not.
        engine: of `scoring.engines`; nothing is done for "local".

    Raises:
        ValueError: a worker takes more CPUs than this machine has, and no cluster was named.
    """
    from xlkb.report import notebooks
    from xlkb.scoring import engines

    if engine == "local":
        with notebooks.environment(**{engines.ENGINE: engine}):
            yield
        return
    sizes = {engines.CPUS: run.cluster.cpus, engines.GPUS: run.cluster.gpus}
    given = {name: str(size) for name, size in sizes.items() if size}
    given = {name: size for name, size in given.items() if not os.environ.get(name, "").strip()}
    with notebooks.environment(**{engines.ENGINE: engine} | given):
        own = os.environ.get("RAY_ADDRESS", "").strip() in ("", "local")
        ray = engines.connected()
        try:
            _has_room([node["Resources"] for node in ray.nodes() if node["Alive"]], own)
            there, address = ray.cluster_resources(), ray.get_runtime_context().gcs_address
            nodes = sum(each["Alive"] for each in ray.nodes())
            print(
                f"Ray at {address}: {nodes} node{'s' * (nodes > 1)}, {there.get('CPU', 0):g} CPUs "
                f"and {there.get('GPU', 0):g} GPUs.",
                flush=True,
            )
            with notebooks.environment(RAY_ADDRESS=address):
                yield
        finally:
            ray.shutdown()


def _has_room(nodes: Sequence[Mapping[str, float]], own: bool) -> None:
    """Say that work will wait for a larger node, or refuse it where none will come."""
    from xlkb.scoring import engines

    wanted = int(os.environ.get(engines.CPUS, "").strip() or 0)
    largest = max((node.get("CPU", 0) for node in nodes), default=0)
    if wanted <= largest:
        return
    why = (
        f"A worker takes {wanted} CPUs (the profile's [cluster], or {engines.CPUS}), and the "
        f"largest node has {largest:g}"
    )
    if own:
        raise ValueError(f"{why}: make workers smaller.")
    print(f"{why}: this waits for a larger one.", file=sys.stderr, flush=True)


def ahead(
    run: "Run", chosen: Sequence[Path], folder: Path, parameters: Mapping[str, str | bool]
) -> dict[Path, Callable[[], None]]:
    """On a cluster, start notebooks that share no model with the first one, beside the run itself.

    Notebooks that share a model are not executed side by side: both might score a text, in
    different company, and so with other last bits.

    Returns:
        Notebook -> what waits until all that it needs is stored, and raises what went wrong.
    """
    from xlkb.scoring import engines

    groups = apart(chosen, {path.name[:2]: run.models_of(path.name[:2]) for path in chosen})[1:]
    if engines.chosen() == "local" or not groups:
        return {}
    calls = [(group, folder, dict(parameters)) for group in groups]
    waiting = zip(groups, engines.start(_execute, calls), strict=True)
    return {path: wait for group, wait in waiting for path in group}


def apart(chosen: Sequence[Path], models: Mapping[str, Sequence[str]]) -> list[list[Path]]:
    """Notebooks in as many groups as there can be, of which no two share a model, in order."""
    groups: list[list[Path]] = []
    for path in chosen:
        named = set(models[path.name[:2]])
        same = [g for g in groups if any(named & set(models[each.name[:2]]) for each in g)]
        joined = [*chain.from_iterable(same), path]
        groups = sorted([*(g for g in groups if g not in same), joined], key=min)
    return groups


def _execute(chosen: Sequence[Path], folder: Path, parameters: Mapping[str, str | bool]) -> None:
    from xlkb.report import notebooks

    os.environ["XLKB_PROGRESS"] = "off"
    for path in chosen:
        notebooks.execute(path, folder / path.name, parameters)

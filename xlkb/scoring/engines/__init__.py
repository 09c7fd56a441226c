"""Where work is done: in this process, or spread over a Ray cluster (`XLKB_ENGINE=ray`).

What is asked is planned here, and here alone the store is written, whatever the engine; workers
only compute. A unit of work is planned from everything that was asked, so it is the same, and gives
the same numbers to the last bit, wherever and however often it is computed.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from xlkb.ground import progress
from xlkb.ground.names import unknown
from xlkb.models import LanguageModel

Unit = TypeVar("Unit")
Result = TypeVar("Result")

ENGINES = {
    "local": "in this process",
    "ray": "spread over a Ray cluster: that of RAY_ADDRESS, or one on this machine",
}

RAY = "ray[data]>=2.60,<3"
"""What the engine ray needs, as in pyproject.toml's extra `cluster`."""

ENGINE, CPUS, GPUS = "XLKB_ENGINE", "XLKB_WORKER_CPUS", "XLKB_WORKER_GPUS"
"""Environment variables: one of `ENGINES`; what a worker of Ray takes (see `on_ray.needs`)."""


def chosen() -> str:
    """The engine by `$XLKB_ENGINE`; ValueError for one that there is not."""
    name = os.environ.get(ENGINE, "").strip() or "local"
    if name not in ENGINES:
        raise ValueError(f"{ENGINE}: {unknown('engine', name, ENGINES)}")
    return name


def check(name: str) -> None:
    """Raise what keeps an engine from work, before anything is loaded; see `on_ray.check`."""
    if name == "ray":
        from xlkb.scoring.engines import on_ray

        on_ray.check()


def connected() -> Any:
    """The module `ray`, connected; see `on_ray.connected`."""
    from xlkb.scoring.engines import on_ray

    return on_ray.connected()


def over(
    model: LanguageModel,
    work: Callable[[LanguageModel, Unit], Result],
    units: Sequence[Unit],
    at_once: int = 1,
) -> Iterator[Result]:
    """What `work(model, unit)` gives for each unit, as it comes, in any order.

    Args:
        model: of the workers; each loads it from its own disk, or one that is shared.
        work: a function of a module, or a `partial` of one; what it raises is raised here.
        units: what can be pickled.
        at_once: how many units a worker of a cluster takes at a time, some seconds of work.

    Raises:
        ModuleNotFoundError: Ray is not installed.
        RuntimeError: a worker has another model by that name.
    """
    if chosen() == "ray":
        from xlkb.scoring.engines import on_ray

        yield from on_ray.over(model, work, units, at_once)
        return
    for unit in units:
        yield work(model, unit)


def each(
    work: Callable[..., Result],
    calls: Sequence[tuple[Any, ...]],
    doing: str = "",
    place: str = "shared",
    n_threads: int | None = None,
) -> Iterator[tuple[int, Result]]:
    """What `work(*call)` gives for calls that do not depend on each other: (number, result).

    Args:
        work: a function of a module.
        calls: arguments, which can be pickled.
        doing: what is done, for a bar over all nodes of a cluster.
        place: which nodes of a cluster may do it: "shared", those that see the results folder (if
            not all do, this one alone), or "any".
        n_threads: of each; None for as many as here, and a GPU where there is one.
    """
    if chosen() == "ray" and len(calls) > 1:
        from xlkb.scoring.engines import on_ray

        with progress.bar(len(calls), doing, " parts") if doing else nullcontext() as bar:
            for number, result in on_ray.ended(on_ray.started(work, calls, place, n_threads)):
                yield number, result
                if bar is not None:
                    bar.update()
        return
    for number, call in enumerate(calls):
        yield number, work(*call)


def start(
    work: Callable[..., Result], calls: Sequence[tuple[Any, ...]]
) -> list[Callable[[], Result]]:
    """Start `work(*call)` beside this process, on its node of a Ray cluster, for each call.

    It takes no CPU of the cluster, as it is for what waits for work that is done elsewhere.

    Returns:
        What waits for each result, and raises what the work raised.
    """
    from xlkb.scoring.engines import on_ray

    return [partial(on_ray.result, task) for task in on_ray.started(work, calls, "here", None)]

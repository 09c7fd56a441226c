"""Work on a Ray cluster: a pool of actors that each hold the model, or tasks side by side.

Which worker takes what, what is done again when a worker or a node dies, and the dashboard are
Ray's. The pool may shrink to one worker: one of a fixed size waits for ever for the place of a node
that has left (ray-project/ray#26991).
"""

import logging
import os
import pickle
import socket
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from xlkb.ground import paths
from xlkb.models import LanguageModel
from xlkb.scoring import engines

if TYPE_CHECKING:
    import ray

ANSWERS_WITHIN = 20.0
"""Seconds for a cluster to take a connection."""

TRIES = 3
"""Of a task whose worker or node died."""


def connected() -> "ray":
    """Ray, connected to the cluster of `$RAY_ADDRESS`, or to a new one on this machine.

    Raises:
        ModuleNotFoundError: Ray is not installed. ConnectionError: there is no such cluster, or it
            does not answer. ValueError: see `check`.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Nothing is reported to anyone.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # What it survives, it would tell.
    # Ray would hide GPUs from tasks that take none, and then warn that it will cease to.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"The engine ray needs {error.name}: pip install '{engines.RAY}'"
        ) from None
    if not ray.is_initialized():
        check()
        for name in ("ray", "ray.data", "ray.widgets"):
            logging.getLogger(name).setLevel(logging.ERROR)
        address = os.environ.get("RAY_ADDRESS", "").strip()
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", namespace="xlkb")
        except Exception as error:
            raise ConnectionError(
                f"No Ray by RAY_ADDRESS={address}: {error}"
                if address
                else f"Ray did not start on this machine: {error} Try again when it is less busy."
            ) from error
        ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def check() -> None:
    """Look at what the environment says of the cluster, before anything is connected.

    Raises:
        ValueError: it says what no worker can take, or names no cluster. ConnectionError: nothing
            answers there; Ray itself would go on asking for many minutes.
    """
    _size(engines.CPUS), _size(engines.GPUS)
    address = os.environ.get("RAY_ADDRESS", "").strip()
    if address in ("", "auto", "local"):
        return
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        raise ValueError(
            f"RAY_ADDRESS={address}: it must be HOST:PORT of a cluster, as 10.0.0.1:6379. Unset "
            "it to start one on this machine."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(
            f"RAY_ADDRESS={address}: no cluster answers there ({error}). Start it, or unset "
            "RAY_ADDRESS to start one on this machine."
        ) from None


def _size(name: str) -> int:
    """What a worker takes by an environment variable; 0 for what this process has."""
    value = os.environ.get(name, "").strip() or "0"
    if not (value.isascii() and value.isdigit()):
        raise ValueError(f"{name}={value}: it must be a whole number, or 0 for the default.")
    return int(value)


def needs(device: str) -> dict[str, int]:
    """What a worker takes of its node: `num_cpus` and `num_gpus`.

    `$XLKB_WORKER_CPUS` and `$XLKB_WORKER_GPUS`, which the profile sets, or else one GPU where the
    model is on one here, and as many CPUs as torch has threads here.

    Args:
        device: of the model here; "cpu" for work without one.
    """
    import torch

    on_gpu = device.startswith(("cuda", "balanced"))
    cpus = _size(engines.CPUS) or (1 if on_gpu else torch.get_num_threads())
    gpus = _size(engines.GPUS) or 1
    return {"num_cpus": cpus, "num_gpus": gpus if on_gpu else 0}


def over(
    model: LanguageModel,
    work: Callable[[LanguageModel, Any], Any],
    units: Sequence[Any],
    at_once: int,
) -> Iterator[Any]:
    """As `engines.over`, by Ray Data's `map_batches` with a pool of actors."""
    ray = connected()
    taken = needs(model.device)
    at_once = max(1, min(at_once, len(units) // (4 * _room(ray, taken))))
    groups = [units[start : start + at_once] for start in range(0, len(units), at_once)]
    size = min(len(groups), _room(ray, taken))
    pool = ray.data.ActorPoolStrategy(
        min_size=1, max_size=size, initial_size=size, max_tasks_in_flight_per_actor=1
    )
    rows = [{"units": pickle.dumps(group)} for group in groups]
    given = pickle.dumps((model, work)), _threads()
    found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        Worker,
        batch_size=1,
        compute=pool,
        fn_constructor_args=given,
        **taken,
    )
    for row in found.iter_rows():
        yield from _opened(row["found"])


class Worker:
    """An actor of the pool: loads the model at its first work, and tells errors as results."""

    def __init__(self, given: bytes, n_threads: int) -> None:
        """Keep the pickled model and work; what goes wrong here, Ray would not tell."""
        self.given, self.n_threads = given, n_threads
        self.work: Callable[[Any], Any] | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        """Pickled results of the pickled units in a batch."""
        return {"found": [_closed(self._all, units) for units in batch["units"]]}

    def _all(self, units: bytes) -> list[Any]:
        if self.work is None:
            _alone(self.n_threads)
            model, work = pickle.loads(self.given)
            self.work = partial(work, model)
        return [self.work(unit) for unit in pickle.loads(units)]


def started(
    work: Callable[..., Any], calls: Sequence[tuple[Any, ...]], place: str, n_threads: int | None
) -> "list[ray.ObjectRef]":
    """A task of Ray for each call, with the arguments of `engines.each`, for `result`."""
    import torch

    ray = connected()
    taken = needs("cuda" if torch.cuda.is_available() and n_threads is None else "cpu")
    options = taken if n_threads is None else {"num_cpus": n_threads}
    options |= {"max_retries": TRIES, "scheduling_strategy": "SPREAD"}
    if place == "here":
        options["num_cpus"] = 0
    if place == "here" or (place == "shared" and _some_are_blind(ray)):
        options["scheduling_strategy"] = _on(ray.get_runtime_context().get_node_id())
    remote = ray.remote(_task).options(**options)
    kept = {k: v for k, v in os.environ.items() if k.startswith("XLKB_") or k == "RAY_ADDRESS"}
    kept |= {"XLKB_RESULTS": str(paths.results())}
    threads = None if place == "here" else n_threads or _threads()
    return [remote.remote(pickle.dumps((work, call)), kept, threads) for call in calls]


def ended(running: "Sequence[ray.ObjectRef]") -> Iterator[tuple[int, Any]]:
    """Number and result of each task, as it ends."""
    left = {task: number for number, task in enumerate(running)}
    while left:
        (done, *_), _ = connected().wait(list(left), num_returns=1)
        yield left.pop(done), result(done)


def result(task: "ray.ObjectRef") -> Any:
    """What came of a task, when it has ended; raises what it raised."""
    return _opened(connected().get(task))


def _task(given: bytes, environment: dict[str, str], n_threads: int | None) -> bytes:
    os.environ |= environment
    if n_threads:
        _alone(n_threads)

    def work() -> Any:
        work, call = pickle.loads(given)
        return work(*call)

    return _closed(work)


def _alone(n_threads: int) -> None:
    """Make this process one that computes by itself, and draws no bars."""
    import torch

    torch.set_num_threads(n_threads)
    os.environ |= {engines.ENGINE: "local", "XLKB_PROGRESS": "off"}


def _on(node: str) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    return NodeAffinitySchedulingStrategy(node, soft=False)


def _some_are_blind(ray: Any) -> bool:
    """Whether some nodes do not see this one's results folder, which is said."""
    folder = paths.results()
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f".shared-{uuid4().hex}"
    token.touch()
    try:
        look = ray.remote(num_cpus=0)(_sees)
        nodes = [each["NodeID"] for each in ray.nodes() if each["Alive"]]
        looks = [look.options(scheduling_strategy=_on(node)).remote(token) for node in nodes]
        blind = sorted(host for host, sees in ray.get(looks) if not sees)
    finally:
        token.unlink()
    if blind:
        warnings.warn(
            f"{', '.join(blind)} do not see {folder}, so models are trained on this node alone. "
            "Put the results (XLKB_RESULTS) on a disk that all nodes share.",
            stacklevel=3,
        )
    return bool(blind)


def _sees(token: Path) -> tuple[str, bool]:
    return socket.gethostname(), token.exists()


def _room(ray: Any, taken: dict[str, int]) -> int:
    """How many workers the cluster has room for; 1 if it has none yet, which is said."""
    nodes = [each["Resources"] for each in ray.nodes() if each["Alive"]]
    wanted = {"CPU": taken["num_cpus"], "GPU": taken["num_gpus"]}
    room = sum(min(int(n.get(k, 0) // v) for k, v in wanted.items() if v) for n in nodes)
    if not room:
        has = "; ".join(f"{n.get('CPU', 0):g} CPUs, {n.get('GPU', 0):g} GPUs" for n in nodes)
        warnings.warn(
            f"No node has room for a worker, which takes {wanted['CPU']:g} CPUs and "
            f"{wanted['GPU']:g} GPUs (there are: {has}), so this waits for one. The profile's "
            f"[cluster], or {engines.CPUS} and {engines.GPUS}, can make workers smaller.",
            stacklevel=2,
        )
    return max(room, 1)


def _threads() -> int:
    """Of a worker: its CPUs where they are set, or else as here, for the same last bits."""
    import torch

    return _size(engines.CPUS) or torch.get_num_threads()


def _closed(work: Callable[..., Any], *given: Any) -> bytes:
    """Pickled: whether it went well, and what came of it."""
    try:
        return pickle.dumps((True, work(*given)))
    except Exception as error:
        # A traceback does not travel; what a person may want to see of it does.
        told = traceback.format_exc().replace("\n", "\n    ")
        error.add_note(f"On {socket.gethostname()}, process {os.getpid()}:\n    {told}")
        try:
            pickle.loads(found := pickle.dumps((False, error)))
        except Exception:
            found = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
        return found


def _opened(found: bytes) -> Any:
    well, result = pickle.loads(found)
    if not well:
        raise result
    return result

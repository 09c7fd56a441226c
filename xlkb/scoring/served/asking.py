"""Requests side by side, and what was found out of an endpoint."""

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from xlkb.ground import disk
from xlkb.models import endpoints

Wanted = TypeVar("Wanted")


class Told(NamedTuple):
    """What one task found, row by row, and what ended it before its time."""

    values: list[Any]
    failure: Exception | None = None


def together(
    ask: Callable[[Wanted], Told], wanted: Iterable[Wanted]
) -> Iterator[tuple[Wanted, list[Any]]]:
    """Each of what is wanted with what `ask` found, as they come, `IN_FLIGHT` at a time.

    After a failure or an interrupt nothing more is asked; what is on its way is waited for and
    given, and then the failure is raised.
    """
    failure: BaseException | None = None
    pool = ThreadPoolExecutor(endpoints.IN_FLIGHT)
    try:
        tasks = {pool.submit(ask, each): each for each in wanted}
        left = set(tasks)
        while left:
            try:
                for done in as_completed(left.copy()):
                    left.discard(done)
                    told = done.result()
                    if told.values:
                        yield tasks[done], told.values
                    if told.failure and failure is None:
                        failure = told.failure
                        break
            except KeyboardInterrupt as stop:
                failure = stop
            if failure is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                # Of those that are cancelled nobody tells `as_completed`.
                left = {each for each in left if not each.cancelled()}
    finally:
        pool.shutdown(cancel_futures=True)
    if failure is not None:
        raise failure


def tell(folder: Path, **about: Any) -> None:
    """Write what was found out of an endpoint, beside `model.json` in a model's folder."""
    path = folder / "endpoint.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    disk.write_json(path, known | about)

"""Signs of life: bars where a person is watching, a line a minute where nobody is.

A bar is drawn in a terminal and in a Jupyter notebook that somebody runs by hand. Without either (a
file, CI, nohup, a container) the same `bar` makes a line on stderr now and then:

    Scoring with Gemma 3 270M, 1,200 of 4,800 scores (25 %), 3 min left


A kernel's own streams end up in its notebook, so `report.notebooks` sets the environment variable
`XLKB_PROGRESS`: to the terminal that bars are drawn on, or to a file in which bars note how far
they are, for the lines of the process that runs the notebook. "off" silences everything.
"""

import contextlib
import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

EVERY = 50
"""Seconds between two lines: with what delays them, at least one a minute."""

TICK = 1
"""Seconds between two notes of how far a bar is."""

LONG = 2
"""Seconds from which work that is often short gets its bar."""

STARTED = "XLKB_STARTED"
"""Environment variable by which a command tells the notebooks that it runs when it began."""

Item = TypeVar("Item")

_open: list[tqdm] = []
"""Bars that nobody watches, the inner ones last."""

_places: list[tuple[Callable[[], str], Path | None, float]] = []
"""Of `lines`: what to begin a line with, where another process notes its bar, since when."""

_lock = threading.Lock()
_thread: threading.Thread | None = None


def started(now: datetime) -> datetime:
    """When the command began that this process is a part of, in whole seconds; `now` of none.

    The clock may be set back meanwhile.
    """
    told = os.environ.get(STARTED)
    return datetime.fromisoformat(told) if told else now.replace(microsecond=0)


def bar(total: int, description: str, unit: str, done: int = 0, delay: float = 0) -> tqdm:
    """A tqdm bar with speed and time left; use it as a context manager, or close it.

    Args:
        total: of what there is to do.
        description: what is being done, with the model's name where there is one.
        unit: of `total`, as " choices".
        done: of `total`, before this run.
        delay: seconds before a bar is drawn.
    """
    where = os.environ.get("XLKB_PROGRESS", "")
    terminal = where not in ("", "off") and _is_device(where)
    stream = open(where, "w", encoding="utf-8") if terminal else sys.stderr  # noqa: SIM115
    alone = where in ("", "off") or terminal  # No other process is told.
    watched = alone and where != "off" and (stream.isatty() or _in_kernel())
    told = where != "off" and not watched
    if told:
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    made = tqdm(
        total=total,
        initial=done,
        desc=description,
        unit=unit,
        file=stream,
        disable=not (watched or told),
        leave=False,
        delay=delay,
        dynamic_ncols=watched,
        mininterval=0.1 if watched else TICK,
    )
    if told:
        _open.append(made)
        _begin()
    return made


def over(items: Collection[Item], description: str, unit: str) -> Iterator[Item]:
    """The items, with a bar where going through them takes longer than `LONG`."""
    with bar(len(items), description, unit, delay=LONG) as shown:
        for item in items:
            yield item
            shown.update()


@contextlib.contextmanager
def step(description: str) -> Iterator[None]:
    """A bar for one piece of work that cannot be counted, unless libraries draw theirs there."""
    if sys.stderr.isatty():
        yield
        return
    with bar(1, description, " step") as shown:
        yield
        shown.update()


@contextlib.contextmanager
def lines(place: str | Callable[[], str], note: Path | None = None) -> Iterator[None]:
    """Meanwhile a line on stderr at least once a minute, unless it is a terminal.

    Args:
        place: what a line begins with. After it comes how far the innermost bar is, or where there
            is none, the time since the beginning.
        note: file in which another process notes its bar, being told of it by `XLKB_PROGRESS`.
    """
    if sys.stderr.isatty() or os.environ.get("XLKB_PROGRESS"):
        yield
        return
    mine = (place if callable(place) else lambda: place, note, time.monotonic())
    _places.append(mine)
    _begin()
    try:
        yield
    finally:
        _places.remove(mine)


def state(made: tqdm) -> dict[str, Any]:
    """What `line` puts into words of a bar."""
    shown = made.format_dict
    return {
        "what": shown["prefix"],
        "n": shown["n"],
        "total": shown["total"],
        "unit": shown["unit"],
        "done": shown["initial"],
        "seconds": shown["elapsed"],
        "detail": shown["postfix"] or "",
    }


def line(state: dict[str, Any]) -> str:
    """How far a bar is, in words: what it does, how much of how much, and the time left."""
    n, total, unit = state["n"], state["total"], state["unit"].strip()
    parts = [state["what"]] if state["what"] else []
    if total != 1:
        share = f" ({100 * n / total:.0f} %)" if total else ""
        parts.append(f"{n:,.0f} of {total:,.0f} {unit}{share}")
    if state["detail"]:
        parts.append(state["detail"])
    fresh = n - state["done"]
    if fresh > 0 and n < total:
        parts.append(f"{roughly(state['seconds'] * (total - n) / fresh)} left")
    else:
        parts.append(f"{roughly(state['seconds'])} so far")
    return ", ".join(parts)


def roughly(seconds: float) -> str:
    """A time in words, as exact as an estimate is: "90 s", "3 min", "2 h 10 min", "12 days"."""
    if seconds < 115:
        return f"{5 * round(seconds / 5) if seconds > 20 else round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 600:
        return f"{minutes // 60} h {10 * (minutes % 60 // 10)} min".replace(" 0 min", "")
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 72 else f"{round(hours / 24):,} days"


def _in_kernel() -> bool:
    """Whether this process is a notebook's kernel, and has not only imported what makes one."""
    kernels = sys.modules.get("ipykernel.kernelapp")
    return kernels is not None and kernels.IPKernelApp.initialized()


def _is_device(where: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(where).st_mode)
    except OSError:
        return False


def _begin() -> None:
    """Have one thread write notes and lines, as long as something is under way."""
    global _thread
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_tell, name="xlkb-progress", daemon=True)
            _thread.start()


def _tell() -> None:
    # Between two short bars the thread lives on, so that many of them make lines, too.
    said = busy = time.monotonic()
    while time.monotonic() - busy < EVERY:
        time.sleep(min(TICK, EVERY))
        with contextlib.suppress(Exception):  # A sign of life must not kill the work.
            state, note = _state(), os.environ.get("XLKB_PROGRESS")
            if state or _places:
                busy = time.monotonic()
            if note and note != "off" and not _is_device(note):
                _write(Path(note), state)
            elif note != "off" and time.monotonic() - said >= EVERY and (state or _places):
                said = time.monotonic()
                print(_sentence(state), file=sys.stderr, flush=True)


def _sentence(state: dict[str, Any] | None) -> str:
    if not _places:
        return line(state) if state else ""
    place, note, since = _places[-1]
    state = state or _read(note)
    what = line(state) if state else f"{roughly(time.monotonic() - since)} so far"
    return f"{place()}: {what}"


def _state() -> dict[str, Any] | None:
    """How far the innermost bar is."""
    _open[:] = [each for each in _open if not each.disable]  # Closing disables a bar.
    return state(_open[-1]) if _open else None


def _write(note: Path, state: dict[str, Any] | None) -> None:
    if state is None:
        note.unlink(missing_ok=True)
        return
    partial = note.with_name(f"{note.name}.partial")
    partial.write_text(json.dumps(state), encoding="utf-8")
    partial.replace(note)


def _read(note: Path | None) -> dict[str, Any] | None:
    try:
        return json.loads(note.read_text(encoding="utf-8")) if note else None
    except (OSError, ValueError):
        return None

"""Commands as users start them, to be killed, stopped or starved; and what they left behind.

`start` forks from a process that has imported everything (`apart`), so that a command costs a
fraction of a second; it is a process group of its own, with signals as a terminal gives them, and
everything that it says goes to two files. `run_command` is `python -m xlkb` itself.
"""

import contextlib
import functools
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import apart

LIMIT = 280
"""Seconds that a command may take."""

MARK = "XLKB_TESTED_IN"
"""Environment variable by which processes are known that a command has started."""


class Done(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


class Started:
    """Work that was started in a process of its own; its words go to files in `folder`."""

    def __init__(self, folder: Path, work: Callable, *arguments: object) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "reached").unlink(missing_ok=True)
        self.process, _ = apart.start(_alone, folder, work, arguments)

    def ends(self) -> Done:
        """Wait until it ends."""
        self.process.join(LIMIT)
        said = [(self.folder / name).read_text(encoding="utf-8") for name in ("out", "err")]
        assert self.process.exitcode is not None, said[1]
        return Done(self.process.exitcode, *said)

    def hit(self, number: int, times: int = 1) -> Done:
        """Send a signal when the paused function was called so often; then wait for the end."""
        wait(lambda: reached(self.folder) >= times, self.process)
        os.kill(self.process.pid, number)
        return self.ends()


def start(
    folder: Path,
    *arguments: object,
    pause: str = "",
    seconds: float = 60,
    settings: Mapping[str, object] | None = None,
) -> Started:
    """Start `xlkb` with these arguments.

    Args:
        pause: "module:function", which takes so many seconds longer, so that a signal finds the
            command there (`Started.hit`).
        settings: "module:NAME" -> value, for the size of batches and the like.
    """
    paused = (pause, seconds, folder)
    return Started(folder, _command, list(map(str, arguments)), dict(settings or {}), paused)


def slowed(pause: str, seconds: float, folder: Path) -> None:
    """Let a function, "module:function", note in `folder` that it is called, and take longer."""
    name, _, function = pause.partition(":")
    module = importlib.import_module(name)
    plain = getattr(module, function)

    @functools.wraps(plain)
    def paused(*arguments: object, **options: object) -> object:
        with open(folder / "reached", "a") as file:
            file.write(".")
        time.sleep(seconds)
        return plain(*arguments, **options)

    setattr(module, function, paused)


def reached(folder: Path) -> int:
    """How often the paused function was called."""
    path = folder / "reached"
    return path.stat().st_size if path.exists() else 0


def run_command(*arguments: str, **environment: str) -> Done:
    """`python -m xlkb` with these arguments, from its first import to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "xlkb", *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        start_new_session=True,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def wait(seen: Callable[[], object], process: multiprocessing.Process | None = None) -> None:
    """Wait until something is seen; a process that ends before that is an error."""
    deadline = time.monotonic() + LIMIT
    while not seen():
        assert process is None or process.is_alive(), f"it ended before: {process.exitcode}"
        assert time.monotonic() < deadline, "it was never seen"
        time.sleep(0.005)


def no_children(started: Started, seconds: float = 10) -> bool:
    """Whether a command that ended has left no process: none of its session, and none that it told
    its mark, as a notebook's kernel. A kernel has a moment to notice."""
    deadline = time.monotonic() + seconds
    mark = f"{MARK}={started.folder}".encode()
    while (left := _left(started.process.pid, mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left


def _left(session: int, mark: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, _, of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            named = mark in (folder / "environ").read_bytes()
            if state != "Z" and (int(of) == session or named):
                found.append(int(folder.name))
    return [each for each in found if each != os.getpid()]


def files(folder: Path, but: Sequence[str] = ()) -> dict[str, bytes]:
    """The bytes of all files below a folder, without those whose path has one of these words."""
    found = {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not any(word in name for word in but)
    }


def _alone(say: Callable, folder: Path, work: Callable, arguments: tuple) -> None:
    os.setsid()
    os.environ[MARK] = str(folder)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), number)
    # A shell starts jobs with SIGINT ignored, and so does the process that this one is forked from.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    work(*arguments)


def _command(arguments: list[str], settings: dict, paused: tuple[str, float, Path]) -> None:
    from xlkb import commands
    from xlkb.training import finetuning

    if "finetune" in arguments:
        finetuning.train = functools.partial(finetuning.train, checkpoint_seconds=0)
    for place, value in settings.items():
        module, _, name = place.partition(":")
        setattr(importlib.import_module(module), name, value)
    if paused[0]:
        slowed(*paused)
    sys.exit(commands.main(arguments))

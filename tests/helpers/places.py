"""Places that fail as users' do: a disk that is small, permissions that hold."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str = "2m") -> Iterator[Path]:
    """A disk of this size; skipped where none may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here (it takes root)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int = 0) -> Path:
    """Fill a disk but for so many bytes; the file that does it, to be removed."""
    filler = disk / "filler"
    status = os.statvfs(disk)
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - left)
    return filler


def permitted(test: Callable) -> Callable:
    """Decorator: a test that permissions hold for, also where root runs it.

    It runs in a thread without the capabilities that override them, which nothing gives back.
    """

    def run(arguments: dict) -> None:
        if os.getuid() == 0 and not _drop(1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            pytest.skip("root cannot give up its rights here (it takes Linux)")
        test(**arguments)

    @wraps(test)
    def wrapped(**arguments: object) -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run, arguments).result()

    return wrapped


def _drop(*numbers: int) -> bool:
    """Take capabilities from this thread, for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "capset"):
        return False
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # The third version; this thread.
    sets = (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for number in numbers:
        for place in range(3):
            sets[place] &= ~(1 << number)
    return libc.capset(header, sets) == 0

"""The disk: whether there is room, and writing so that nothing is lost.

A file gets its name when it is whole.
"""

import errno
import json
import math
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

MEASURED, CHUNK = 1 << 27, 1 << 24
"""Bytes that `read_rate` reads, and at a time."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
MISPLACED = (errno.EISDIR, errno.ENOTDIR)

SAID = ("No space left on device", "os error 28", "inline_container")
"""What libraries say of a full disk whose errors are no OSError; the last is where torch writes."""


def write(path: Path, data: bytes) -> None:
    """Write a file in one rename, and its folder where there is none; errors as of `writing`.

    Who may read it is what the user's umask says.
    """
    temporary = path.with_name(f".writing-{os.getpid()}-{secrets.token_hex(4)}")
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """What writes to a folder: errors say which one it is, and what to do.

    Raises:
        OSError: its disk is full, in whatever words a library says that.
        PermissionError: it cannot be written to.
    """
    try:
        yield
    except Exception as error:
        number = getattr(error, "errno", None)
        if number in FORBIDDEN:
            raise PermissionError(
                f"{folder} cannot be written to ({os.strerror(number)}). Choose another folder, or "
                "allow it."
            ) from error
        if number not in FULL and not any(words in str(error) for words in SAID):
            raise
        if number == errno.EFBIG:
            raise OSError(
                f"A file in {folder} would be larger than is allowed (by ulimit -f, or by its "
                "disk). Allow larger ones, and give the same command again: what was written "
                "before is kept."
            ) from error
        free = shutil.disk_usage(existing(folder)).free
        raise OSError(
            f"There is no room left in {folder} ({free / 1e6:.1f} MB are free on its disk). Make "
            "room, and give the same command again: what was written before is kept."
        ) from error


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, in one rename."""
    write(Path(path), (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def plain(value: Any) -> Any:
    """A value as JSON has it: a table as a list of rows, numpy's numbers as Python's, and null for
    a number that is none, as the logarithm of a likelihood of 0."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict("records"))
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def digest(place: Path) -> str:
    """SHA-256 (hex) of a file, or of the names and contents of a folder's files; "" of nothing.

    What did not change since is not read again.
    """
    if place.is_file():
        stat = place.stat()
        return _digest(place, stat.st_size, stat.st_mtime_ns)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    listed = [f"{path.relative_to(place).as_posix()} {digest(path)}" for path in files]
    return sha256("\n".join(listed).encode()).hexdigest() if files else ""


@cache
def _digest(path: Path, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def set_aside(folder: Path) -> Path | None:
    """Rename a folder of stored scores, so that nothing of it is reused and nothing is lost."""
    if not folder.exists():
        return None
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return folder.rename(folder.with_name(f"{folder.name}.set-aside-{stamp}"))


def set_damaged_aside(path: Path) -> Path:
    """Move a file or folder into `damaged` beside it, in the place of an earlier one."""
    aside = path.parent / "damaged" / path.name
    shutil.rmtree(aside, ignore_errors=True)
    aside.parent.mkdir(exist_ok=True)
    os.replace(path, aside)
    return aside


def writable(folder: Path, what: str) -> None:
    """Raise OSError unless the folder exists and can be written to, or can be made."""
    place = placed(folder, what)
    if not os.access(place, os.W_OK | os.X_OK):
        raise PermissionError(f"{what}: {place} cannot be written to. Choose another folder.")


def placed(folder: Path, what: str) -> Path:
    """The nearest folder that exists; NotADirectoryError where a file, or a link that leads
    nowhere, has its place."""
    for each in (folder.absolute(), *folder.absolute().parents):
        if each.is_symlink() and not each.exists():
            told = f"{each} is a link that leads nowhere, and a folder is needed there."
            raise NotADirectoryError(f"{what}: {told}")
    place = existing(folder)
    if not place.is_dir():
        raise NotADirectoryError(f"{what}: {place} is a file, and a folder is needed there.")
    return place


def file_to_write(path: Path, option: str) -> None:
    """Raise OSError unless a file can be written there, in a folder that exists."""
    if path.is_dir():
        raise IsADirectoryError(f"{option} {path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option} {path}: there is no folder {path.parent}; make it.")
    writable(path.parent, option)
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(f"{option} {path} cannot be written to. Choose another name.")


def misplaced(error: BaseException) -> str:
    """What to do where a folder has a file's place, or the other way round; "" of other errors."""
    if not isinstance(error, OSError) and error.__cause__ is not None:
        return misplaced(error.__cause__)
    number, *paths = (getattr(error, name, "") for name in ("errno", "filename2", "filename"))
    place = next(filter(None, paths), "")
    if number not in MISPLACED or not place:
        return ""
    what = "a folder, and a file" if number == errno.EISDIR else "no folder, and a folder"
    return f"{place} is {what} is needed there: move it away, and give the same command again."


def room(needs: Iterable[tuple[Path, float, str]]) -> None:
    """Raise OSError when a disk has less room than what will be written to it.

    Args:
        needs: folder, bytes, and what they are; those on one disk are added up.
    """
    disks: dict[int, list[tuple[Path, float, str]]] = {}
    for folder, size, what in needs:
        place = existing(folder)
        disks.setdefault(place.stat().st_dev, []).append((folder, size, what))
    for wanted in disks.values():
        free = shutil.disk_usage(existing(wanted[0][0])).free
        if sum(size for _, size, _ in wanted) > free:
            parts = [
                f"{what}: {size / 1e9:.1f} GB in {folder}" for folder, size, what in wanted if size
            ]
            raise OSError(
                f"There is too little room: {sum(size for _, size, _ in wanted) / 1e9:.1f} GB are "
                f"needed, and {free / 1e9:.1f} GB are free ({'; '.join(parts)}). Make room, or "
                "move folders to another disk with XLKB_RESULTS, XLKB_CACHE or HF_HOME."
            )


def read_rate(folder: Path) -> float:
    """Bytes per second that are read from the disk of a folder, measured in a second or so.

    A file is written there, dropped from memory where the system can do that, and read.

    Raises:
        OSError: the folder cannot be written to.
    """
    with tempfile.TemporaryFile(dir=existing(folder)) as file:
        for _ in range(MEASURED // CHUNK):
            file.write(os.urandom(CHUNK))
        file.flush()
        os.fsync(file.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        begun = time.perf_counter()
        while file.read(CHUNK):
            pass
        return MEASURED / (time.perf_counter() - begun)


def existing(path: Path) -> Path:
    """The path, or the nearest of the folders that it is in, that exists."""
    path = path.absolute()
    return next(each for each in (path, *path.parents) if each.exists())

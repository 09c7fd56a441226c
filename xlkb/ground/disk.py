"""Writing to the disk so that nothing is lost: a file gets its name when it is whole."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any


def write(path: Path, data: bytes) -> None:
    """Write a file in one rename, and its folder where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, in one rename."""
    write(Path(path), (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())

"""Files of a data set on the Hugging Face hub, as a folder: read like those of a local one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xlkb.ground import progress


def folder(name: str, revision: str, patterns: Sequence[str]) -> Path:
    """The local copy of a data set's files, fetched where they are not there yet.

    Args:
        name: of the data set, "org/name".
        revision: its commit.
        patterns: which files, as globs ("data/*.csv").

    Raises:
        OSError: the hub cannot be reached; the message says what to do without it.
    """
    from huggingface_hub import snapshot_download

    try:
        with progress.step(f"Fetching {name} from the hub"):
            found = snapshot_download(
                name, repo_type="dataset", revision=revision, allow_patterns=list(patterns)
            )
    except OSError as error:
        raise OSError(
            f"{name} cannot be had from the hub ({type(error).__name__}: {error}). With its files "
            "at hand, put them into a folder and give it after the name, as name:FOLDER."
        ) from error
    return Path(found)


def columns(file: Path, *names: str) -> list[list[Any]]:
    """These columns of a parquet file, each as a list.

    Raises ValueError when it is no parquet, or lacks one of them.
    """
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(file, columns=list(names))
        return [table[name].to_pylist() for name in names]
    except (ValueError, KeyError, OSError) as error:
        raise ValueError(
            f"{file} is no parquet with the columns {', '.join(names)} ({error}): fetch it again."
        ) from None

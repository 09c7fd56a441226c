"""The Hugging Face hub: files of a data set, as a folder, and what its refusals mean.

The files are read like those of a local folder.
"""

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
        OSError: the hub cannot be reached, or refuses; the message says what to do.
    """
    found, problem = snapshot(name, revision, patterns, "dataset")
    if found is None:
        raise OSError(
            f"{name} cannot be had from the hub: {problem}. With its files at hand, put them into "
            "a folder and give it after the name, as name:FOLDER, or name their place in XLKB_DATA."
        )
    return found


def snapshot(
    name: str, revision: str, patterns: Sequence[str], kind: str = "model"
) -> tuple[Path | None, str]:
    """The local copy of a repository's files, and ""; or None, and what is wrong (`refusal`).

    Arguments as for `folder`; `kind` is "model" or "dataset". No error of the client leaves this
    function, because the requests in it carry the access token.
    """
    from httpx2 import HTTPError  # What huggingface_hub asks with; not all of these are OSErrors.
    from huggingface_hub import snapshot_download

    try:
        with progress.step(f"Fetching {name} from the hub"):
            options = {"repo_type": kind, "allow_patterns": list(patterns)}
            return Path(snapshot_download(name, revision=revision, **options)), ""
    except (OSError, HTTPError) as error:
        path = name if kind == "model" else f"{kind}s/{name}"
        return None, refusal(error, path, revision)


def refusal(error: Exception, path: str, revision: str | None = None) -> str:
    """What an error of huggingface_hub means, and its cure, without a full stop.

    Args:
        path: of the repository on the hub: "org/name", or "datasets/org/name".
        revision: that was asked for; None for main.
    """
    from huggingface_hub import errors

    page = f"https://huggingface.co/{path}"
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if isinstance(error, errors.GatedRepoError):
        return f"it is gated. Accept its terms at {page}, then run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{page} does not exist, or is private: then run `hf auth login` first"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"there is no revision {revision or 'main'!r}; see {page}/commits/main"
    if isinstance(error, errors.LocalEntryNotFoundError):
        found = error.__cause__
        if isinstance(found, errors.HfHubHTTPError):  # Behind it, where nothing is there already.
            return refusal(found, path, revision)
        return "the hub cannot be reached, and not all of it has been fetched before"
    if isinstance(error, errors.EntryNotFoundError):
        return f"{page} lacks a file that should be there"
    if status in (401, 403):
        return "the hub rejects the access token. Run `hf auth login` with a valid one"
    again = "the same command goes on from what was fetched"
    if status == 429:
        return (
            "the hub asks for fewer requests (429). Wait some minutes, or run `hf auth login`, "
            f"which allows more of them: {again}"
        )
    if status >= 500:
        return f"the hub is in trouble itself ({status}). Try later: {again}"
    said = " ".join(str(error).split())[:200]
    return f"the connection does not hold ({type(error).__name__}: {said}). Try again: {again}"


def rows(folder: Path, pattern: str, *names: str) -> list[tuple]:
    """These columns of a split's parquet files, as rows in order; ValueError as of `columns`."""
    found = [columns(file, *names) for file in sorted(folder.glob(pattern))]
    return [row for file in found for row in zip(*file, strict=True)]


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

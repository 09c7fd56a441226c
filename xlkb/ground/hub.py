"""The Hugging Face hub: what it says of a repository, what is wrong with one, and its files.

A data set's files are a folder, read like those of a local one.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from xlkb.ground import progress

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo
    from huggingface_hub.utils import httpx

BUSY = (408, 429, 500, 502, 503, 504)
"""What the hub answers when the same request may be answered later."""

RETRIES = 2
"""Of a request that was answered so, each after a while or after as long as the hub asks for."""

PATIENCE = 20
"""Seconds to wait for an answer."""

UNREACHABLE = "the hub cannot be reached, and it has not been fetched before"


class Source(NamedTuple):
    """Files of a repository.

    name: "org/name". revision: a commit, branch or tag; None for the main branch. patterns: which
    files, as globs whose stars do not go beyond a slash. kind: "dataset" or "model".
    """

    name: str
    revision: str | None
    patterns: tuple[str, ...]
    kind: str = "dataset"

    @property
    def page(self) -> str:
        """Where people see it."""
        return f"https://huggingface.co/{'datasets/' * (self.kind == 'dataset')}{self.name}"


def dataset(name: str, revision: str, patterns: Sequence[str]) -> Source:
    """Files of a data set at a pinned commit."""
    return Source(name, revision, tuple(patterns))


def folder(source: Source) -> Path:
    """The local copy of a repository's files, fetched where they are not there yet.

    Raises:
        OSError: they cannot be had; the message says why, and what to do without the hub.
    """
    from huggingface_hub import snapshot_download

    where = {"repo_type": source.kind, "revision": source.revision}
    fetch = partial(snapshot_download, source.name, **where, allow_patterns=list(source.patterns))
    problem = ""
    try:
        with progress.step(f"Fetching {source.name} from the hub"):
            return fetched(fetch)
    except OSError as error:
        problem = trouble(error, source)
    # Outside the except clause, so that no request with its headers is chained to it.
    named = "path:FOLDER" if source.kind == "model" else "name:FOLDER"
    raise OSError(
        f"{source.name} cannot be had from the hub: {problem}. With its files at hand, put them "
        f"into a folder and give that, as {named}."
    )


def fetched(fetch: Callable[..., str]) -> Path:
    """What a function of huggingface_hub fetches; where the connection breaks, what is cached.

    The library turns to the cache by itself where there is no connection to begin with.

    Raises:
        ConnectionAbortedError: the connection broke, and not everything is cached.
        OSError: what the function raises.
    """
    from huggingface_hub.utils import httpx

    try:
        return Path(fetch())
    except httpx.TransportError as error:
        broken = type(error).__name__
    try:
        return Path(fetch(local_files_only=True))
    except OSError:
        raise ConnectionAbortedError(broken) from None


def cached(source: Source) -> Path | None:
    """The folder that `folder` gives without a network; None where it cannot."""
    from huggingface_hub import snapshot_download

    where = {"repo_type": source.kind, "revision": source.revision}
    patterns = list(source.patterns)
    try:
        return Path(
            snapshot_download(source.name, **where, allow_patterns=patterns, local_files_only=True)
        )
    except OSError:
        return None


def listed(source: Source) -> bool:
    """Whether it is known what a commit holds, as after `folder` reached the hub."""
    from huggingface_hub import errors, get_cached_repo_tree

    try:
        get_cached_repo_tree(source.name, repo_type=source.kind, revision=source.revision)
    except errors.CachedRepoTreeNotFoundError:
        return False
    return True


def ask(source: Source) -> "ModelInfo | DatasetInfo":
    """What the hub says of a repository: commit (`sha`), files and their sizes (`siblings`).

    Of a gated one also whether its files are given to the access token that is at hand.

    Raises:
        OSError, httpx.HTTPError: the hub refuses or cannot be reached; `trouble` says it in words.
    """
    from huggingface_hub import DatasetInfo, ModelInfo, constants

    place = f"{constants.ENDPOINT}/api/{source.kind}s/{source.name}"
    revision = f"/revision/{quote(source.revision, safe='')}" if source.revision else ""
    made = ModelInfo if source.kind == "model" else DatasetInfo
    found = made(**_get(place + revision, blobs=True).json())
    if found.gated:
        _get(f"{place}/auth-check")
    return found


def _get(url: str, **params: Any) -> "httpx.Response":
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

    answer = http_backoff(
        "GET",
        url,
        params=params,
        headers=build_hf_headers(),
        timeout=PATIENCE,
        max_retries=RETRIES,
        retry_on_exceptions=(),
        retry_on_status_codes=BUSY,
    )
    hf_raise_for_status(answer)
    return answer


def files(source: Source, found: "ModelInfo | DatasetInfo") -> dict[str, int]:
    """Size (bytes) of each file that belongs to a source, by what `ask` found."""
    return {
        each.rfilename: each.size or 0
        for each in found.siblings or ()
        if any(
            fnmatchcase(each.rfilename, pattern) and each.rfilename.count("/") == pattern.count("/")
            for pattern in source.patterns
        )
    }


def missing(source: Source, found: "ModelInfo | DatasetInfo") -> dict[str, int]:
    """Those of `files` that the cache lacks."""
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.file_download import repo_folder_name

    place = repo_folder_name(repo_id=source.name, repo_type=source.kind)
    blobs = Path(constants.HF_HUB_CACHE) / place / "blobs"
    known = {each.rfilename: each.lfs.sha256 if each.lfs else each.blob_id
             for each in found.siblings or ()}  # fmt: skip
    where = {"repo_type": source.kind, "revision": found.sha}

    def there(name: str) -> bool:
        stored = isinstance(try_to_load_from_cache(source.name, name, **where), str)
        # Another commit may have the very file.
        return stored or bool(known[name] and (blobs / known[name]).exists())

    return {name: size for name, size in files(source, found).items() if not there(name)}


def unreachable(error: BaseException) -> bool:
    """Whether an error says that there is no network, and not that the hub refused."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    if isinstance(error, errors.LocalEntryNotFoundError):
        return error.__cause__ is None or unreachable(error.__cause__)
    return isinstance(error, (httpx.TransportError, ConnectionError))


def trouble(error: BaseException, source: Source) -> str:
    """What an error of the hub's library means for a repository, with the cure where there is one.

    It holds nothing of the request, whose headers have the access token.
    """
    from huggingface_hub import constants, errors

    if isinstance(error, ConnectionAbortedError):
        return (
            f"the connection breaks off again and again ({error}). Give the same command again: "
            "it goes on from what was fetched"
        )
    if unreachable(error):
        why = " (HF_HUB_OFFLINE is set)" if constants.is_offline_mode() else ""
        return UNREACHABLE.replace(",", f"{why},")
    if isinstance(error, errors.LocalEntryNotFoundError):
        return trouble(error.__cause__, source)
    if isinstance(error, errors.GatedRepoError):
        return f"it is gated. Accept its terms at {source.page}, then run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{source.page} does not exist, or is private: then run `hf auth login` first"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"there is no revision {source.revision or 'main'!r}; see {source.page}/commits/main"
    if isinstance(error, errors.DisabledRepoError):
        return f"{source.page} was taken off the hub"
    if not isinstance(error, errors.HfHubHTTPError):
        return f"{type(error).__name__}: {error}"
    status = error.response.status_code
    if status == 401:
        return "the hub rejects the access token. Run `hf auth login` with a valid one"
    if status == 403:
        return (
            "the access token may not read it. Allow that at "
            "https://huggingface.co/settings/tokens, or run `hf auth login` with another"
        )
    if status in BUSY:
        return f"the hub is busy (HTTP {status}). Give the same command again in some minutes"
    return f"the hub answers with HTTP {status}"


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

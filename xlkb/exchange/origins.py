"""Origins: which model, which data set and which moment answers are from, as others name them.

Nothing in here names a place of this machine: of a folder its last name stays.
"""

import os
import re
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from xlkb import tasks
from xlkb.exchange.answers import Answers
from xlkb.models import LanguageModel
from xlkb.scoring import results

REPOSITORY = r"[\w.-]+/[\w.-]+"
"""ORG/NAME, as a regular expression."""

RESERVED = r"(?i)(con|prn|aux|nul|com\d|lpt\d|data|unknown)(\..*)?"
"""Names that Windows does not take as a file's, or the exchange's folders do not."""

BYTES = 120
"""That a part of a path has at most; a file system takes 255."""


class Named(NamedTuple):
    """A model as others would name it: ORG/NAME; who made it; where it runs, if not here."""

    id: str
    developer: str
    host: str = ""
    is_open: bool = False


def part(text: str, otherwise: str = "unnamed") -> str:
    """A text as one part of a path that every file system takes.

    Letters of all scripts, digits and `._+@=-` stay; what is left of other signs is a hyphen.

    >>> part("../../<b>Qwen</b> 2.5:4b")
    'b-Qwen-b-2.5-4b'
    """
    text = re.sub(r"[^\w.+@=-]+", "-", unicodedata.normalize("NFC", text)).strip("-. ")
    text = text.encode(errors="ignore")[:BYTES].decode(errors="ignore").strip("-. ")
    return f"_{text}" if re.fullmatch(RESERVED, text) else text or otherwise


def model(described: dict[str, Any]) -> Named:
    """What to call a model, by what `LanguageModel.describe` says of it.

    `hub:ORG/NAME@REVISION` is ORG/NAME, of ORG. A model behind an endpoint is HOST/MODEL, of HOST,
    if its name has no organisation. What comes through pip is pip/NAME, and a folder local/NAME,
    as an adapter's is with its base before it.
    """
    name = str(described.get("name") or described.get("label") or "")
    kind, _, rest = name.partition(":")
    served = re.fullmatch(r"api:(.+?)@(https?://.+)", name)
    if served:
        host = urlsplit(served[2]).hostname or ""
        return _named(served[1] if "/" in served[1] else f"{host}/{served[1]}", host)
    base = rest.partition("@")[0] if kind == "hub" else name
    if adapter := described.get("adapter"):
        base = Path(rest).name if kind == "path" else base.rpartition("/")[2].rpartition(":")[2]
        return _named(f"local/{part(base)}+{part(str(adapter))}")
    if re.fullmatch(REPOSITORY, base):
        return _named(base, is_open=kind == "hub")
    if kind == "pip":
        return _named(f"pip/{part(rest)}", is_open=True)
    return _named(f"local/{part(Path(rest).name if kind == 'path' else name)}")


def named(text: str) -> Named:
    """A model by the name that the user gives it.

    Raises:
        ValueError: it is not ORG/NAME.
    """
    if not re.fullmatch(REPOSITORY, text):
        raise ValueError(f"{text}: a model is named ORG/NAME, as in google/gemma-3-270m.")
    return _named(text)


def _named(text: str, host: str = "", is_open: bool = False) -> Named:
    developer, _, rest = text.partition("/")
    developer = part(developer)
    return Named(f"{developer}/{part(rest)}", developer, host, is_open)


def collection(task: str) -> str:
    """The name that a task's questions go by: "worldfacts", or that of the file of own ones."""
    kind, _, file = task.partition(":")
    return part(Path(file).stem if kind == "path" and file else task)


def data_sets(
    task: str, spoken: Collection[str], language: str = "", pinned: bool = True
) -> list[tuple[str, str]]:
    """The data sets of the hub that have a public task's questions, with their pinned commits.

    Args:
        task: as the column says.
        spoken: codes of the languages in the questions.
        language: the one that they are reported under ("released": the mixup of MMLU that the
            paper's authors made).
        pinned: whether they were read from the hub. If not, nobody knows whose translations of MMLU
            they are.

    Returns:
        [(repository, commit)], the original first; none for a task that is no public one, or for
        translations that are no part of its data set.
    """
    module = tasks.PUBLIC.get(task)
    if module is None or (task == "arc" and "en" not in spoken):
        return []
    if task != "mmlu":
        return [module.HUB]
    if language == "released":
        return [module.MIXUP]
    english = [module.HUB] if "en" in spoken else []
    translated = pinned and {*spoken} & {*module.LOCALES}
    return english + ([module.MMMLU] if translated else [])


def published(task: str) -> int | None:
    """How many questions a public task's data set has for testing, where that is known."""
    module = tasks.PUBLIC.get(task)
    return getattr(module, "QUESTIONS", None) or getattr(module, "TEST_QUESTIONS", None)


def moment(answers: Answers, place: Path | None) -> datetime:
    """When answers were made, in UTC and whole seconds: as they say, or else as their files do.

    Args:
        place: their file, or the folder of the model's stored answers, whose newest part counts.

    Raises:
        ValueError: neither says it.
    """
    if text := answers.made.get("date"):
        return instant(str(text))
    files = [place] if place and place.is_file() else []
    if place and place.is_dir():
        files = [*place.glob("part-*.parquet"), *place.glob("answers/part-*.parquet")]
    times = [os.stat(file).st_mtime for file in files]
    if not times:
        raise ValueError(f"{answers.label}: it is not known when its answers were made: give it.")
    return datetime.fromtimestamp(int(max(times)), UTC)


def instant(text: str) -> datetime:
    """A moment in UTC, of a date in ISO 8601 such as 2026-01-31 or 2026-01-31T12:00:00Z.

    Raises:
        ValueError: it is another text.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text}: write a date as 2026-01-31 or 2026-01-31T12:00:00Z.") from None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC).replace(microsecond=0)


def iso(when: datetime) -> str:
    """The moment in ISO 8601, with a Z."""
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def stored(model: LanguageModel, store: Path) -> Path:
    """The folder of a model's stored answers, for `moment`."""
    return results.store_folder(store, model)

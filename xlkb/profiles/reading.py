"""From a profile's TOML file, and what is asked for instead, to a run."""

import hashlib
import re
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from xlkb.ground import paths
from xlkb.ground.names import model_names, nearest, split
from xlkb.profiles.run import EMPTY, GROUPS, MODELS, SETTINGS, Run
from xlkb.tasks import prompts

REHEARSED = ("reproduce", "tofu")
"""Commands that know `--quick`."""


def names() -> list[str]:
    """Names of the profiles, `demo` first."""
    found = sorted(path.stem for path in paths.PROFILES.glob("*.toml"))
    return sorted(found, key=lambda name: name != "demo")


def load(
    profile: str = "demo",
    notebook: str = "",
    model: str = "",
    task: str = "",
    languages: str | Sequence[str] = "",
    style: str = "",
    quick: bool = False,
) -> Run:
    """Read a profile and apply overrides; an empty override leaves the profile's value.

    Args:
        profile: one of `names()`, or `path:FILE.toml` for one of your own.
        notebook: name of the notebook that asks, recorded with its artefacts.
        model: one model name, or several separated by commas, instead of the profile's models, in
            all notebooks.
        task: task name, instead of the profile's; `path:FILE` for your own questions. The
            languages of a file or folder are measured unless `languages` names some.
        languages: codes, as a sequence or separated by commas. English, which the others are
            compared with, is put first, and added when it is not named and the task has it. Those
            after the first five are held out of the training texts.
        style: how choices are scored, instead of the profile's style. Where a model is behind an
            endpoint (`api:`), a profile's "cloze" becomes "letters" unless it is named here, as few
            endpoints can be scored by it. Letters know the decision rule "sum" only.
        quick: a handful of questions per cell (`xlkb/data/quick.toml`), of the same models: does
            everything run?

    Returns:
        The run. When an override changes something, `name` tells it apart from the plain profile
        and the artefacts go to a folder of that name, so that they never replace the profile's.
        A quick one has its own folder of results too.

    Raises:
        ValueError: an unknown profile, language or style, or a bad key or value in the TOML file;
            the message names what exists and the nearest match. Models and tasks are looked up by
            `models.load` and `tasks.load`.
        FileNotFoundError: there is no such profile's file, or file of own questions.
    """
    named, task = tuple(filter(None, model_names(model))), task.strip()
    plain = _read(_file(profile))
    changes: dict[str, Any] = dict.fromkeys(MODELS if named else (), named)
    if task:
        changes["task"] = task
    every = named or [name for key in MODELS for name in plain[key]]
    if style != "cloze" and any(name.startswith("api:") for name in every):
        style = style or plain["style"].replace("cloze", "letters")
        changes["barrier.styles"] = tuple(s for s in plain["barrier.styles"] if s != "cloze")
    if style and style not in prompts.STYLES:
        raise ValueError(f"There is no style {style!r}; {nearest(style, prompts.STYLES)}")
    if style not in ("", plain["style"]):
        from xlkb import analysis  # Takes a second to import.

        changes["style"] = style
        changes["rules"] = analysis.RULES if style == "cloze" else ("sum",)
    codes = _codes(languages, task or plain["task"])
    if not codes and ":" in task:
        codes = _languages_of(task)
    if codes not in ((), plain["languages"]):
        changes |= {"languages": codes, "five": codes[:5], "after.held_out": codes[5:]}
    changes = {key: value for key, value in changes.items() if value != plain[key]}
    if any(key in changes for key in MODELS):
        changes["models"] = named
    overrides = {
        "models": ",".join(named),
        "task": task,
        "languages": "-".join(codes),
        "style": style,
    }
    profile = (_slug(profile) if ":" in profile else profile) + ("-quick" if quick else "")
    name = "-".join([profile, *(_slug(overrides[key]) for key in overrides if key in changes)])
    figures = paths.FIGURES if name == "demo" else paths.FIGURES / name
    settings = _derived(_handful(plain | changes) if quick else plain | changes)
    place = shlex.quote(str(figures))
    then = [each.replace("{figures}", place) for each in settings["then"]]
    settings["then"] = tuple(_rehearsed(then) if quick else then)
    groups = {
        group: kind(**{each.name: settings.pop(f"{group}.{each.name}") for each in fields(kind)})
        for group, kind in GROUPS.items()
    }
    return Run(
        **settings,
        **groups,
        profile=profile,
        name=name,
        notebook=notebook,
        figures=figures,
        results=paths.results() / profile,
    )


def _file(profile: str) -> Path:
    """The TOML file of a profile, by its name or as `path:FILE.toml`."""
    kind, _, place = profile.partition(":")
    if kind == "path":
        if not (file := paths.user(place)).is_file():
            raise FileNotFoundError(f"There is no profile's file {file}.")
        return file
    if profile not in names():
        known = nearest(profile, names())
        raise ValueError(f"There is no profile {profile!r}; {known} Your own is path:FILE.toml.")
    return paths.PROFILES / f"{profile}.toml"


def _handful(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with at most as much of each as `quick.toml` has; 0 documents are all."""
    most = _flat(tomllib.loads((paths.PACKAGE_DATA / "quick.toml").read_text(encoding="utf-8")))
    changed = {}
    for key, limit in most.items():
        value = settings[key]
        if isinstance(limit, list):
            changed[key] = tuple(each for each in value if each in limit) or value[:1]
        elif isinstance(value, tuple):
            changed[key] = value[:limit]
        else:
            changed[key] = limit if key == "text.n_documents" and not value else min(value, limit)
    return settings | changed


def _rehearsed(then: Sequence[str]) -> list[str]:
    """The commands at a run's end that have a short form, in that form."""
    return [f"{each} --quick" for each in then if each.partition(" ")[0] in REHEARSED]


def _flat(nested: dict[str, Any]) -> dict[str, Any]:
    """A profile's table with the keys of `SETTINGS`."""
    table = {key: value for key, value in nested.items() if key not in GROUPS}
    for group in GROUPS:
        table |= {f"{group}.{key}": value for key, value in nested.get(group, {}).items()}
    return table


def _read(path: Path) -> dict[str, Any]:
    try:
        nested = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from None
    for group in GROUPS:
        if not isinstance(inner := nested.get(group, {}), dict):
            raise ValueError(f"{path}: {group} = {inner!r}, but it must be a table, [{group}].")
    table = _flat(nested)
    for key, value in table.items():
        if key not in SETTINGS:
            raise ValueError(f"{path}: {_unknown(key, value)}")
    for key, kind in SETTINGS.items():
        if key not in table:
            raise ValueError(f"{path}: the key {key!r} is missing.")
        value = table[key]
        if kind not in (str, int):
            good = isinstance(value, list) and all(isinstance(v, str) for v in value)
            good = good and bool(value or key in EMPTY)
            table[key] = tuple(value) if good else value
        else:
            good = type(value) is kind and (kind is str or value >= 0)
        if not good:
            wanted = {str: "a text", int: "a whole number"}.get(kind, "a list of texts")
            raise ValueError(f"{path}: {key} = {value!r}, but it must be {wanted}.")
        if value == 0 and key not in EMPTY:
            raise ValueError(f"{path}: {key} = 0, but it must be at least 1.")
    for key, kept in (("five", False), ("after.held_out", True)):
        for code in table[key]:
            if code not in table["languages"] or (kept and code in table["five"]):
                raise ValueError(
                    f"{path}: {code!r} is in {key}, so it must be in languages"
                    + (" and not in five." if kept else ".")
                )
    for style in (table["style"], *table["barrier.styles"]):
        if style not in prompts.STYLES:
            near = nearest(style, prompts.STYLES)
            raise ValueError(f"{path}: there is no style {style!r}; {near}")
    return table


def _unknown(key: str, value: Any) -> str:
    """What is wrong with a key that a profile does not have, or not there."""
    if isinstance(value, dict):
        return f"unknown table [{key}]; {nearest(key, GROUPS)}"
    homes = [known for known in SETTINGS if known.rpartition(".")[2] == key.rpartition(".")[2]]
    if homes:
        tables = [f"[{known.partition('.')[0]}]" if "." in known else "no table" for known in homes]
        return f"{key!r} does not stand there, but in {' and in '.join(tables)}."
    return f"unknown key {key!r}; {nearest(key, SETTINGS)}"


def _codes(languages: str | Sequence[str], task: str) -> tuple[str, ...]:
    """The languages asked for, with English first if the task has it."""
    codes = (
        split(languages)
        if isinstance(languages, str)
        else [c.strip() for c in languages if c.strip()]
    )
    if not codes:
        return ()
    from xlkb.ground import languages as room
    from xlkb.tasks import own

    kind, _, file = task.partition(":")
    # All other tasks have English.
    english = kind != "path" or "en" in (*codes, *own.spoken(file))
    return room.check(tuple(dict.fromkeys(["en", *codes] if english else codes)))


def _languages_of(task: str) -> tuple[str, ...]:
    """Languages of a task that has its own, English first."""
    from xlkb import tasks

    return tuple(sorted(tasks.spoken(task), key=lambda code: code != "en"))


def _derived(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with what follows from the languages."""
    from xlkb.ground.languages import FIVE

    languages, five = settings["languages"], settings["five"]
    read = read_in(five, settings["text.corpus"], settings["text.translator"])
    base = "en" if "en" in languages else languages[0]
    form = settings["teaching.form"] if set(five) <= set(FIVE) else "qa"
    return settings | {"base": base, "read": read, "teaching.form": form}


def read_in(languages: Sequence[str], corpus: str, translator: str = "") -> tuple[str, ...]:
    """Those of some languages that a general corpus exists in, or that a translator puts it into,
    which starts from the first of them."""
    from xlkb import corpora

    there = corpora.spoken(corpus)
    if translator:
        return tuple(languages) if languages[0] in there else ()
    return tuple(code for code in languages if code in there)


def _slug(name: str) -> str:
    """`name` as part of a folder's name; a digest keeps apart what looks alike."""
    kind, _, rest = name.partition(":")
    text = Path(rest).stem if kind == "path" else name.removeprefix("pip:")
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    if kind == "path" or slug != re.sub(r"[:/@]", "-", text):
        slug = f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return slug

"""Profiles: how large a run is. One code path, several sizes, one TOML file each.

A notebook asks for its `Run` once and reads everything from it:

    run = profiles.load(profile, notebook="02_general_knowledge_barrier", model=model)
    questions = tasks.load(run.task, languages=run.languages, n=run.n_items, seed=run.seed)
"""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from xlkb.ground import paths
from xlkb.ground.names import model_names, nearest, split
from xlkb.tasks import prompts

FOLDER = paths.PACKAGE_DATA / "profiles"


@dataclass(frozen=True)
class Run:
    """What one run of a notebook does; made by `load`.

    profile: name of the profile that it comes from; name: the same, plus the overrides.
    notebook: the notebook's name without `.ipynb`, recorded with every artefact.
    models: model names; the first is the main one, the others are contrasts.
    style: how choices are scored (`prompts.STYLES`); styles: those that notebook 02 compares.
    task: task name. languages: codes whose barrier is measured. base: the one that the others are
    compared with, and that is taught: English, or the first of them where English is not among
    them. five: codes that `recompose.mixup` mixes, the base first (fewer where fewer languages
    were asked for). read: those of `five` that the general corpus exists in.
    n_items: questions per headline cell (main model: English, each of `five`, mixup).
    n_exploratory: questions per any other cell, and per cell of a contrast model.
    n_sentences: sentences whose embeddings are compared. n_translated: sentences per direction.
    parallel: corpus of both, which exists in `five`.
    n_mitigated: questions per cell of a mitigation at inference time.
    n_shots: demonstrations in few-shot cells. rules: decision rules, of the style.
    n_characters, relations: how much of the academy is taught; n_characters_few: the same where a
    comparison costs several teachings. teach_form: "prose", "qa" or "both".
    teach_recipe, teach_epochs: how, and how often. mix_recipe: how mixed text is learned.
    units: of mixed-language text. corpus: of general text, "almanac" or one in English that
    `translator` translates (`translation.corpus`). n_documents: of it (0: all of them).
    n_after: questions per cell of a fine-tuned model; n_few: the same, few-shot. held_out:
    languages asked there that are in no training text.
    then: commands that a whole run ends with, as arguments of `xlkb`.
    seed: of every random choice. figures, results: folders written to.
    """

    profile: str
    name: str
    notebook: str
    description: str
    models: tuple[str, ...]
    style: str
    task: str
    languages: tuple[str, ...]
    base: str
    five: tuple[str, ...]
    read: tuple[str, ...]
    n_items: int
    n_exploratory: int
    n_sentences: int
    n_translated: int
    parallel: str
    n_mitigated: int
    n_shots: int
    styles: tuple[str, ...]
    rules: tuple[str, ...]
    n_characters: int
    n_characters_few: int
    relations: tuple[str, ...]
    teach_form: str
    teach_recipe: str
    teach_epochs: int
    mix_recipe: str
    units: tuple[str, ...]
    corpus: str
    translator: str
    n_documents: int
    n_after: int
    n_few: int
    held_out: tuple[str, ...]
    then: tuple[str, ...]
    seed: int
    figures: Path
    results: Path

    @property
    def base_name(self) -> str:
        """The base language's English name."""
        from xlkb.ground.languages import LANGUAGES

        return LANGUAGES[self.base].name


SETTINGS = {
    field.name: field.type
    for field in fields(Run)
    if field.name not in ("profile", "name", "notebook", "base", "read", "figures", "results")
}
"""The keys of a profile's TOML file, all required, with their types."""

ONCE = ("n_items", "n_exploratory", "n_sentences", "n_translated", "n_mitigated", "n_characters")
ONCE += ("n_characters_few", "teach_epochs", "n_after", "n_few")
"""Numbers that cannot be 0."""


def names() -> list[str]:
    """Names of the profiles, `demo` first."""
    found = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return sorted(found, key=lambda name: name != "demo")


def load(
    profile: str = "demo",
    notebook: str = "",
    model: str = "",
    task: str = "",
    languages: str | Sequence[str] = "",
    style: str = "",
) -> Run:
    """Read a profile and apply overrides; an empty override leaves the profile's value.

    Args:
        profile: one of `names()`.
        notebook: name of the notebook that asks, recorded with its artefacts.
        model: one model name, or several separated by commas, instead of the profile's models.
        task: task name, instead of the profile's; `path:FILE` for your own questions. The
            languages of a file or folder are measured unless `languages` names some.
        languages: codes, as a sequence or separated by commas. English, which the others are
            compared with, is put first, and added when it is not named and the task has it. Those
            after the first five are held out of the training texts.
        style: how choices are scored, instead of the profile's style; "letters" for `api:` models,
            which cannot be scored by cloze. Letters know the decision rule "sum" only.

    Returns:
        The run. When an override changes something, `name` tells it apart from the plain profile
        and the artefacts go to a folder of that name, so that they never replace the profile's.

    Raises:
        ValueError: an unknown profile, language or style, a style that a model cannot have, or a
            bad key or value in the TOML file; the message names what exists and the nearest match.
            Models and tasks are looked up by `models.load` and `tasks.load`.
        FileNotFoundError: there is no such file of own questions.
    """
    named, task = tuple(filter(None, model_names(model))), task.strip()
    plain = _read(profile)
    changes: dict[str, Any] = {}
    if named:
        changes["models"] = named
    if task:
        changes["task"] = task
    if served := [name for name in named or plain["models"] if name.startswith("api:")]:
        style = style or plain["style"].replace("cloze", "letters")
        changes["styles"] = tuple(each for each in plain["styles"] if each != "cloze")
    if style:
        _check_style(style, served)
    if style not in ("", plain["style"]):
        from xlkb import analysis  # Takes a second to import.

        changes["style"] = style
        changes["rules"] = analysis.RULES if style == "cloze" else ("sum",)
    codes = _codes(languages, task or plain["task"])
    if not codes and ":" in task:
        codes = _languages_of(task)
    if codes not in ((), plain["languages"]):
        changes |= {"languages": codes, "five": codes[:5], "held_out": codes[5:]}
    changes = {key: value for key, value in changes.items() if value != plain[key]}
    overrides = {
        "models": ",".join(named),
        "task": task,
        "languages": "-".join(codes),
        "style": style,
    }
    name = "-".join([profile, *(_slug(overrides[key]) for key in overrides if key in changes)])
    return Run(
        **_derived(plain | changes),
        profile=profile,
        name=name,
        notebook=notebook,
        figures=paths.FIGURES if name == "demo" else paths.FIGURES / name,
        results=paths.results() / profile,
    )


def _read(profile: str) -> dict[str, Any]:
    if profile not in names():
        raise ValueError(f"There is no profile {profile!r}; {nearest(profile, names())}")
    path = FOLDER / f"{profile}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from None
    for key in table:
        if key not in SETTINGS:
            raise ValueError(f"{path}: unknown key {key!r}; {nearest(key, SETTINGS)}")
    for key, kind in SETTINGS.items():
        if key not in table:
            raise ValueError(f"{path}: the key {key!r} is missing.")
        value = table[key]
        if kind not in (str, int):
            good = isinstance(value, list) and all(isinstance(v, str) for v in value)
            good = good and bool(value or key in ("then", "held_out"))
            table[key] = tuple(value) if good else value
        else:
            good = type(value) is kind and (kind is str or value >= 0)
        if not good:
            wanted = {str: "a text", int: "a whole number"}.get(kind, "a list of texts")
            raise ValueError(f"{path}: {key} = {value!r}, but it must be {wanted}.")
    for key in ONCE:
        if not table[key]:
            raise ValueError(f"{path}: {key} = 0, but it must be at least 1.")
    for key, kept in (("five", False), ("held_out", True)):
        for code in table[key]:
            if code not in table["languages"] or (kept and code in table["five"]):
                raise ValueError(
                    f"{path}: {code!r} is in {key}, so it must be in languages"
                    + (" and not in five." if kept else ".")
                )
    for style in (table["style"], *table["styles"]):
        if style not in prompts.STYLES:
            near = nearest(style, prompts.STYLES)
            raise ValueError(f"{path}: there is no style {style!r}; {near}")
    return table


def _check_style(style: str, served: Sequence[str]) -> None:
    if style not in prompts.STYLES:
        raise ValueError(f"There is no style {style!r}; {nearest(style, prompts.STYLES)}")
    if served and style == "cloze":
        raise ValueError(
            f"{served[0]} cannot be scored by cloze: endpoints do not say how likely a given text "
            "is. Choose the style 'letters' or 'paper'."
        )


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
    from xlkb import corpora
    from xlkb.ground.languages import FIVE

    languages, five = settings["languages"], settings["five"]
    there = corpora.spoken(settings["corpus"])
    read = tuple(code for code in five if code in there)
    if settings["translator"]:  # It starts from the first of them.
        read = five if five[0] in there else ()
    base = "en" if "en" in languages else languages[0]
    form = settings["teach_form"] if set(five) <= set(FIVE) else "qa"
    return settings | {"base": base, "read": read, "teach_form": form}


def _slug(name: str) -> str:
    """`name` as part of a folder's name; a digest keeps apart what looks alike."""
    kind, _, rest = name.partition(":")
    text = Path(rest).stem if kind == "path" else name.removeprefix("pip:")
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40].strip("-")
    if kind == "path" or slug != re.sub(r"[:/@]", "-", text):
        slug = f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return slug

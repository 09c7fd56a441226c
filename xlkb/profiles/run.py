"""What one run of a notebook does, grouped as the profiles' TOML files group it."""

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from xlkb.ground.languages import LANGUAGES


@dataclass(frozen=True)
class Closeness:
    """Notebook 01. parallel: a corpus that exists in `five`. n_sentences: whose embeddings are
    compared. n_translated: sentences per direction of translation."""

    n_sentences: int
    n_translated: int
    parallel: str


@dataclass(frozen=True)
class Barrier:
    """Notebook 02. n_items: questions per headline cell (main model: English, each of `five`,
    mixup). n_exploratory: per any other cell, and per cell of a contrast model. styles: of scoring
    that are compared."""

    n_items: int
    n_exploratory: int
    styles: tuple[str, ...]


@dataclass(frozen=True)
class Teaching:
    """Notebook 03. n_characters, relations: how much of the academy is taught; n_characters_few:
    the same where a comparison costs several teachings. form: "prose", "qa" or "both". recipe,
    epochs: how, and how often."""

    n_characters: int
    n_characters_few: int
    relations: tuple[str, ...]
    form: str
    recipe: str
    epochs: int


@dataclass(frozen=True)
class Prompting:
    """Notebook 04. n_items: questions per cell of a mitigation at inference time."""

    n_items: int


@dataclass(frozen=True)
class Text:
    """Notebook 05. corpus: of general text, "almanac" or one in English that `translator`
    translates (`corpora.translated`). n_documents: of it (0: all of them). units: of mixed-language
    text. recipe: how it is learned."""

    units: tuple[str, ...]
    corpus: str
    translator: str
    n_documents: int
    recipe: str


@dataclass(frozen=True)
class After:
    """Notebook 06. n_items: questions per cell of a fine-tuned model; n_few: the same, few-shot.
    held_out: languages asked there that are in no training text."""

    n_items: int
    n_few: int
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """What one run of a notebook does; made by `load`.

    profile: name of the profile that it comes from; name: the same, plus the overrides.
    notebook: the notebook's name without `.ipynb`, recorded with every artefact.
    models: model names; the first is the main one, the others are contrasts.
    style: how choices are scored (`prompts.STYLES`). rules: decision rules, of the style.
    task: task name. languages: codes whose barrier is measured. base: the one that the others are
    compared with, and that is taught: English, or the first of them where English is not among
    them. five: codes that `recompose.mixup` mixes, the base first (fewer where fewer languages
    were asked for). read: those of `five` that the general corpus exists in.
    n_shots: demonstrations in few-shot cells. seed: of every random choice.
    then: commands that a whole run ends with, as arguments of `xlkb`.
    figures, results: folders written to.
    The rest is grouped by the notebook that it is about.
    """

    profile: str
    name: str
    notebook: str
    description: str
    models: tuple[str, ...]
    style: str
    rules: tuple[str, ...]
    task: str
    languages: tuple[str, ...]
    base: str
    five: tuple[str, ...]
    read: tuple[str, ...]
    n_shots: int
    then: tuple[str, ...]
    seed: int
    closeness: Closeness
    barrier: Barrier
    teaching: Teaching
    prompting: Prompting
    text: Text
    after: After
    figures: Path
    results: Path

    @property
    def base_name(self) -> str:
        """The base language's English name."""
        return LANGUAGES[self.base].name


GROUPS = {field.name: field.type for field in fields(Run) if is_dataclass(field.type)}

DERIVED = ("profile", "name", "notebook", "base", "read", "figures", "results")

SETTINGS = {
    field.name: field.type for field in fields(Run) if field.name not in (*DERIVED, *GROUPS)
} | {f"{name}.{field.name}": field.type for name, kind in GROUPS.items() for field in fields(kind)}
"""The keys of a profile's TOML file, all required, with their types; "text.corpus" stands in the
table [text]."""

EMPTY = ("then", "after.held_out", "n_shots", "seed", "text.n_documents", "text.translator")
"""Settings that may be empty, or 0."""

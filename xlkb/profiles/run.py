"""What one run of a notebook does, grouped as the profiles' TOML files group it."""

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from xlkb.ground.languages import LANGUAGES


@dataclass(frozen=True)
class Closeness:
    """Notebook 01, with `models`. parallel: a corpus that exists in `five`. n_sentences: whose
    embeddings are compared. n_translated: sentences per direction of translation."""

    models: tuple[str, ...]
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
    """Notebook 03, with `models`. n_characters, relations: how much of the academy is taught;
    n_characters_matrix: pupils that the languages of its matrix are dealt. form: "prose", "qa" or
    "both". recipe, epochs: how, and how often."""

    models: tuple[str, ...]
    n_characters: int
    n_characters_matrix: int
    relations: tuple[str, ...]
    form: str
    recipe: str
    epochs: int


@dataclass(frozen=True)
class Prompting:
    """Notebook 04, with `models`. n_items: questions per cell of a mitigation at inference time."""

    models: tuple[str, ...]
    n_items: int


@dataclass(frozen=True)
class Text:
    """Notebook 05, with `models`, which 06 asks. corpus: of general text, "almanac" or one in
    English that `translator` translates (`corpora.translated`). n_documents: of it (0: all of
    them). units: of mixed-language text. recipe: how it is learned. n_seeds: times that each arm is
    mixed and trained. n_passes: over the text, for the dose that 06 adds (0: none). orders: what
    06 adds (`training.ORDERS`)."""

    models: tuple[str, ...]
    units: tuple[str, ...]
    corpus: str
    translator: str
    n_documents: int
    recipe: str
    n_seeds: int
    n_passes: int
    orders: tuple[str, ...]

    @property
    def n_looked_at(self) -> int:
        """Documents that are looked at, not learned from: all (0), if nobody translates them."""
        return self.n_documents if self.translator else 0


@dataclass(frozen=True)
class After:
    """Notebook 06. n_items: questions per cell of the primary comparisons; n_few: per any other
    cell. held_out: languages asked there that are in no training text. n_written: texts per
    language that a model continues, to see in which language. n_agreement: questions of the split
    "validation" that languages are trained to agree on, as a rival (0: none)."""

    n_items: int
    n_few: int
    held_out: tuple[str, ...]
    n_written: int
    n_agreement: int


@dataclass(frozen=True)
class Bridge:
    """Notebook 06, with the models of `text`. n_characters: pupils asked about, of each of
    `n_seeds`; arms: of `corpora.bridge`; recipe, n_passes: how their text is learned, and how
    often."""

    n_characters: int
    n_seeds: int
    recipe: str
    n_passes: int
    arms: tuple[str, ...]


@dataclass(frozen=True)
class Bottle:
    """Notebook 07, which trains models of its own from scratch. n_seeds: worlds, in each of which
    all `arms` (`corpora.bottle.ARMS`) are read in all `orders` (`training.bottle.ORDERS`).
    n_sweep_seeds: of these, worlds in which the `sweeps` are made (`training.trials.SWEEPS`; there
    may be none). n_described, n_tested: people whom the text describes, and who are asked about."""

    n_seeds: int
    n_sweep_seeds: int
    n_described: int
    n_tested: int
    arms: tuple[str, ...]
    orders: tuple[str, ...]
    sweeps: tuple[str, ...]


@dataclass(frozen=True)
class Cluster:
    """With `--engine ray`, what a worker takes of its node. cpus, and its threads (0: as many as
    torch has here; beside a GPU one); gpus, where models are on GPUs (0: one)."""

    cpus: int
    gpus: int


@dataclass(frozen=True)
class Run:
    """What one run of a notebook does; made by `load`.

    profile: name of the profile that it comes from, with "-quick" behind it where a handful of
    questions is asked; name: the same, plus the overrides.
    notebook: the notebook's name without `.ipynb`, recorded with every artefact.
    models: names of those that notebook 02 asks; the first is the main one, the others are
    contrasts.
    style: how choices are scored (`prompts.STYLES`). rules: decision rules, of the style.
    task: task name. languages: codes whose barrier is measured. base: the one that the others are
    compared with, and that is taught: English, or the first of them where English is not among
    them. five: codes that `recompose.mixup` mixes, the base first (fewer where fewer languages
    were asked for). read: those of `five` that the general corpus exists in.
    n_shots: demonstrations in few-shot cells. seed: of every random choice.
    then: commands that a whole run ends with, as arguments of `xlkb`, in a rehearsal those that
    know --quick. In the file, "{figures}" is the folder of figures, and a path is meant from the
    checkout.
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
    bridge: Bridge
    bottle: Bottle
    cluster: Cluster
    figures: Path
    results: Path

    def models_of(self, notebook: str) -> tuple[str, ...]:
        """The models of a notebook, by its number ("02"); 07 makes its own."""
        parts = {"01": self.closeness, "03": self.teaching, "04": self.prompting}
        parts |= {"05": self.text, "06": self.text}
        if notebook == "07":
            return ()
        return parts[notebook].models if notebook in parts else self.models

    @property
    def every_model(self) -> tuple[str, ...]:
        """The models of all notebooks, each once, the main one first."""
        parts = (self.closeness, self.teaching, self.prompting, self.text)
        return tuple(dict.fromkeys([*self.models, *(name for p in parts for name in p.models)]))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of mixing and training in notebooks 05 and 06."""
        return tuple(self.seed + number for number in range(self.text.n_seeds))

    @property
    def agreeing(self) -> bool:
        """Whether languages are trained to agree in notebook 06."""
        return bool(self.after.n_agreement) and len(self.read) > 1

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

MODELS = tuple(key for key in SETTINGS if key.endswith("models"))
"""Settings that name models: of notebook 02, and of the others."""

EMPTY = ("then", "n_shots", "seed", "after.held_out", "after.n_written", "after.n_agreement")
EMPTY += ("text.n_documents", "text.n_passes", "text.orders", "text.translator", "bridge.arms")
EMPTY += ("bottle.sweeps", "cluster.cpus", "cluster.gpus")
"""Settings that may be empty, or 0."""

"""What `xlkb mend` does, one after another: text, training, answers before and after, a folder."""

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import FileLock
from huggingface_hub import ModelCardData

from xlkb import analysis, corpora, models, profiles, scoring, training
from xlkb.commands import card, compare, line
from xlkb.exchange import Answers, answers
from xlkb.ground import disk, stops
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.report import Section, pages
from xlkb.training import Recipe, memory, sizes

BEFORE = "no text"
SMALL = 1e9
"""Weights up to which all but the embedding are trained."""

REHEARSAL = "Made with --quick, of two documents and a few questions: the numbers mean nothing."

DOCUMENT = "mended"
"""Name of the document; `card` and `comparison` are those of the commands."""


def adapted(run: Run, given: argparse.Namespace) -> Run:
    """The run with the text and the number of questions that were asked for."""
    text = replace(
        run.text,
        corpus=given.corpus,
        translator=given.translator,
        n_documents=given.documents or 0,
    )
    barrier = replace(run.barrier, n_items=given.items or run.barrier.n_items)
    read = profiles.read_in(run.five, given.corpus, given.translator)
    return replace(run, text=text, barrier=barrier, read=read)


def recipe_for(model: LanguageModel, name: str | None) -> Recipe:
    """The recipe of a name, or the first that suits the model's size and fits into memory.

    Raises:
        ValueError: none fits; or there is no such recipe.
    """
    if name:
        return training.recipe(name)
    billions = sizes.billions(model.name)
    weights = 1e9 * billions or sizes.parameters(Path(model.source))
    first = ["mix"] if weights <= SMALL and model.adapter is None else []
    *rather, last = [*first, "lora", "qlora"]
    for each in rather:
        try:
            memory.require(model, recipe := training.recipe(each))
        except ValueError:
            continue
        return recipe
    return training.recipe(last)


def slug(given: argparse.Namespace) -> str:
    """Part of the name of a folder for the result."""
    parts = [models.slug(given.model.name), given.corpus.partition(":")[0], given.unit]
    return "-".join([*parts, *given.run.read])


def ours(folder: Path) -> bool:
    """Whether a folder is empty, or a result of `mend`."""
    return not any(folder.iterdir()) or (folder / f"{DOCUMENT}.json").exists()


def mend(given: argparse.Namespace, n_written: int) -> str:
    """Do it all; returns what to print.

    Args:
        given: from `commands.mend.check`.
        n_written: texts per language that are continued.
    """
    run, base = given.run, given.model
    texts = _texts(run, given.unit)
    control, treated = texts
    folders = training.readers(base, {run.seed: texts}, given.recipe)
    asked = answers.questions(run, given.spoken)
    everyone = {BEFORE: base} | {
        arm: training.load(base, folder, label=arm) for (arm, _), folder in folders.items()
    }
    found = {
        arm: answers.of_model(model, asked, run.results, run.style)._replace(label=arm)
        for arm, model in everyone.items()
    }
    sections, data = _told(run, base.label, found, (control, treated))
    more, beside = _side_effects(run, everyone, n_written)
    out = given.out
    title = f"{base.label}, before and after {treated} ({', '.join(run.read)})"
    out.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(out.with_name(f".{out.name}.lock")):
        made = _begun(out, folders[treated, run.seed])
        rehearsal = [Section("A rehearsal", REHEARSAL)] if given.quick else []
        pages.write(made, DOCUMENT, title, [*rehearsal, *sections, *more], data | beside)
        _card(made, base, run.read, [*rehearsal, *sections[:2], *more])
        names = [f"answers/{arm.replace(' ', '-')}.parquet" for arm in found]
        for each, name in zip(found.values(), names, strict=True):
            answers.write(each, made / name)
        _put(made, out)
        stored = [out / name for name in names]
        subjects = [f"rows:{path}" for path in stored]
        for command, named in ((card, subjects[-1:]), (compare, subjects)):
            code = command.main([*named, "--out", str(out)])
            stops.go_on(code)
            if code:
                raise line.Failed(f"{out} has no whole {command.__name__.rpartition('.')[2]}.")
    return f"{out}\nLoad it with training.load(models.load({base.name!r}), {str(out)!r})."


def _texts(run: Run, unit: str) -> dict[str, Any]:
    """The control's text and the mixed one, by the arm's name."""
    source = (run.text.corpus, run.read, run.text.translator, run.text.n_documents, run.seed)
    documents = corpora.translated(*source)
    phrases = corpora.translated(*source, k=corpora.WORDS) if unit == "words" else None
    return training.arms(documents, [unit], run.read, run.seed, phrases)


def _told(
    run: Run, label: str, found: Mapping[str, Answers], arms: Sequence[str]
) -> tuple[list[Section], dict[str, Any]]:
    """What is compared on the questions: the primary contrast first."""
    rule, (control, treated) = run.rules[0], arms
    who = {"base_model": label, "training_seed": run.seed}
    decided = analysis.concat(
        analysis.decide(each.rows.assign(model=arm), rule).assign(**who)
        for arm, each in found.items()
    )
    primary = analysis.primary.table(decided, run.read, run.base)
    primary = primary[primary["against"] == control]
    costs = analysis.costs(decided, BEFORE, run.read, run.base)
    gaps = analysis.concat(
        analysis.each(decided, "model", gap, run.base, run.seed)
        for gap in (analysis.barrier, analysis.mixup_gap)
    )
    accuracy = analysis.accuracy(decided, ["model", "recomposition", "language"])
    plan = (
        f"Named in advance: {treated} against {control}, the same text without mixing, on "
        "questions in the other trained languages and on mixed ones. All else is exploratory."
    )
    kept = (
        "Against the model that read nothing: points gained in the other languages, points lost "
        f"in {run.base_name}, and whether an equivalence test says that it was kept."
    )
    return [
        Section("Primary comparison", plan, primary.dropna(axis=1, how="all")),
        Section(f"Gain, and cost in {run.base_name}", kept, costs),
        Section("Barrier before and after", "", gaps),
        Section("Accuracy", "", accuracy),
    ], {
        "primary": primary,
        "costs": costs,
        "barrier": gaps,
        "accuracy": accuracy,
    }


def _side_effects(
    run: Run, everyone: Mapping[str, LanguageModel], n_written: int
) -> tuple[list[Section], dict[str, Any]]:
    """Perplexity of text that nobody read, and the language in which texts are continued."""
    spoken = [code for code in run.read if code in corpora.spoken("almanac")]
    if not spoken:
        why = "The almanac, whose held-out documents would be read, has none of the languages."
        return [Section("Running text", why)], {}
    unread = corpora.load("almanac", spoken, split="heldout")
    read, said = [], []
    for arm, model in everyone.items():
        read.append(scoring.perplexities(model, unread, run.results, spoken).assign(model=arm))
        written = scoring.continued(model, unread, run.results, spoken, n_written)
        said.append(written.assign(model=arm))
    perplexity = analysis.concat(read)
    right = analysis.right_language(analysis.concat(said), ["model", "language"])
    return [
        Section("Perplexity of documents that nobody read", "", perplexity),
        Section("Continued in the language of the text", "", right),
    ], {"perplexity": perplexity, "right_language": right}


def _begun(out: Path, trained: Path) -> Path:
    """A copy of a trained model's folder, beside the place that it goes to when it is whole."""
    made = out.with_name(f".{out.name}.partial")
    shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(trained, made, ignore=shutil.ignore_patterns("checkpoints", ".*"))
    return made


def _put(made: Path, out: Path) -> None:
    """Give a folder its name. What had it goes last: a folder is whole whenever there is one."""
    before = out.with_name(f".{out.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if out.exists():
        out.rename(before)
    made.rename(out)
    shutil.rmtree(before, ignore_errors=True)


def _card(
    out: Path, base: LanguageModel, languages: Sequence[str], sections: Sequence[Section]
) -> None:
    """Complete the model card by what the hub reads, and by what was found."""
    kind, _, place = base.name.partition(":")
    data = ModelCardData(
        language=list(languages),
        library_name="peft" if (out / "adapter_config.json").exists() else "transformers",
        base_model=place.partition("@")[0] if kind == "hub" else None,
        tags=["xlkb", "multilingual"],
    )
    told, found = (out / "README.md").read_text(encoding="utf-8"), pages.markdown("", sections)
    told, licence = told.split("## Load it", 1)
    found = found.partition("\n\n")[2]
    text = f"---\n{data.to_yaml()}\n---\n\n{told}{found}\n## Load it{licence}"
    disk.write(out / "README.md", text.encode())

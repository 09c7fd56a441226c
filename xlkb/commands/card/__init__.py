"""xlkb card: what a model knows in English, and loses elsewhere, on one page."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from xlkb import analysis, models, profiles, report, scoring, tasks
from xlkb.commands import line
from xlkb.commands.before import preflight, readers, wanted
from xlkb.commands.card import sections, subject
from xlkb.exchange import answers, stream
from xlkb.ground import disk, paths

EXAMPLES = """\
examples:
  the demo's questions, in five languages and mixed (minutes on a laptop):
    xlkb card hub:Qwen/Qwen2.5-0.5B
  a model that xlkb finetune made; where it learned the academy, that is asked, too:
    xlkb card pip:gemma-3-270m --adapter results/runs/gemma-3-270m-academy-en-1b2f6a90c1d2
  your own questions, in the file's languages:
    xlkb card path:my-model --task path:questions.jsonl --out card
  an endpoint, by letters:
    xlkb card api:gpt-4o-mini@https://api.openai.com/v1
  answers that were stored, or came from another tool (xlkb import): nothing is asked
    xlkb card rows:answers.parquet

The card has accuracy and barrier of each language and of mixed questions under each rule of
decision, what is right in all languages, whether choices are ranked alike, a taste for some
languages, the pairs of languages in which most is lost, with questions that are right in English
and wrong there, and what all of this was made from. Scores are stored as they come, and found again
by notebook 02. card.json documents its keys by xlkb.analysis.card.

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done, 130 stopped.
"""

OPTIONS = f"""
model  {answers.FORMS}
--adapter FOLDER  what was fine-tuned from the model: a folder of xlkb finetune, or of PEFT
--task TASK  a task's name, or path:FILE with questions (default: the profile's; and the academy, of
    a model that learned it)
--languages en,fr,..  language codes (English is added)
--style STYLE  score by cloze, letters or paper
--rule RULE  of decision, first on the card: {", ".join(analysis.RULES)} (default: sum)
--profile NAME  how many questions, and which: demo (default), another one, or path:FILE.toml
--out FOLDER  for card.md, card.json and card.html (default: results/PROFILE/cards/...)
"""

ASKED = ("adapter", "task", "languages", "style", "profile")
"""Options that are about asking, so that stored answers have no use for them."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; paths absolute, `languages` a list of codes, empty where none are given.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    about = (
        "One model's barrier card: how much of what it knows in English it loses in other\n"
        "languages, and where languages are mixed, with n and 95 % intervals."
    )
    parser = line.parser("card", about, EXAMPLES)
    line.add(
        parser,
        OPTIONS,
        model=readers.named,
        adapter=readers.place,
        task=readers.named,
        languages=readers.codes,
        profile=readers.named,
        rule=readers.one_of(analysis.RULES),
        style=readers.one_of(tasks.prompts.STYLES),
        out=readers.place,
    )
    options = line.parse(parser, arguments)
    options.stored = answers.stored(options.model)
    given = [f"--{name}" for name in ASKED if getattr(options, name)]
    if options.stored and given:
        parser.error(
            f"{options.model} holds answers, so that nothing is asked and {given[0]} has no "
            "effect: leave it out."
        )
    if options.adapter and paths.adapted(options.model)[1]:
        parser.error(f"{options.model} names a folder after the +: leave out --adapter.")
    options.languages = options.languages or []
    options.profile = options.profile or "demo"
    if options.adapter:
        options.model = f"{options.model}+{options.adapter}"
    return options


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there; ValueError, OSError: it is refused."""
    if options.stored:
        return wanted.Wanted()
    run = _run(options)
    return wanted.Wanted(
        models=(paths.adapted(options.model)[0],),
        data=tuple(tasks.needed(run.task, _spoken(options, run))),
    )


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options after a look at everything that can be wrong in them.

    Returns:
        As `parse`, with `run`, `out` (the folder) and, of stored answers, `parts` (`Answers`), or
        else the model itself as `model`, `asked` (task -> recomposed questions) and `learned`.

    Raises:
        ValueError, OSError, ImportError, RuntimeError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    given = parse(arguments)
    given.run = _run(given)
    if given.stored:
        found = answers.read(given.stored)
        analysis.card.check(found.rows, given.model)
        given.answers = found
        for _, rows in found.rows.groupby("task", sort=False):
            analysis.card.rule_of(rows, given.rule)
        place = Path(given.stored)
        # A folder's description names its parts by their digests.
        described = place / stream.DESCRIPTION if place.is_dir() else place
        name = f"{place.stem}-{sha256(described.read_bytes()).hexdigest()[:12]}"
    else:
        if given.rule and given.rule not in given.run.rules:
            raise ValueError(
                f"--rule {given.rule}: answers by {given.run.style} are decided by "
                f"{' or '.join(given.run.rules)} only."
            )
        given.asked, given.learned = _questions(given)
        given.model_name, given.model = given.model, answers.model_of(given.model)
        _askable(given)
        place = scoring.results.store_folder(given.run.results, given.model).name
        name = "-".join([place, *subject.changes(given.profile, given.run)])
    given.out = given.out or given.run.results / "cards" / name
    disk.writable(given.out, "--out")
    return given


def _run(options: argparse.Namespace) -> profiles.Run:
    if options.stored:
        return profiles.load(options.profile, "card")
    return profiles.load(
        options.profile,
        "card",
        model=paths.adapted(options.model)[0],
        task=options.task or "",
        languages=options.languages,
        style=options.style or "",
    )


def _spoken(options: argparse.Namespace, run: profiles.Run) -> Sequence[str]:
    """All that were asked for, or that a file has; else the profile's five."""
    return run.languages if options.languages or ":" in (options.task or "") else run.five


def _questions(given: argparse.Namespace) -> tuple[dict, str]:
    """Recomposed questions by task, and how it is known that the academy was learned, or ""."""
    run, spoken = given.run, _spoken(given, given.run)
    learned = "" if given.task else subject.learned(given.model, run)
    asked = {}
    if run.task != "academy":
        asked[run.task] = answers.questions(run, spoken)
    if run.task == "academy" or learned:
        asked["academy"] = answers.recomposed(subject.quiz(run, spoken), run, spoken)
    return asked, learned


def _askable(given: argparse.Namespace) -> None:
    """Raise what `scoring.score` would, of a model that must be there, or an endpoint's way."""
    if models.replaying():
        return
    if not given.model.name.startswith("api:"):
        _ = given.model.source  # Converts a pip model now.
    elif given.run.style == "cloze":
        print(f"{given.model.label} is asked by {scoring.texts.way(given.model)}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    kept = "What was scored is stored; the same command goes on."
    return line.command(lambda: _main(arguments), kept)


def _main(arguments: Sequence[str] | None) -> int:
    preflight.require(uses(parse(arguments)))
    given = check(arguments)
    with line.computing():
        label, parts, made = _stored(given) if given.stored else _asked(given)
        base, rule, seed = given.run.base, given.rule, given.run.seed
        cards = [
            analysis.card.tables(rows, base, analysis.card.rule_of(rows, rule), seed)
            for rows in parts
        ]
        run = replace(given.run, figures=given.out, notebook="xlkb card")
        asked_models = [] if given.stored else [given.model]
        document = subject.document(label, cards, parts, made)
        pages = sections.of(label, cards, document, run, asked_models)
        files = report.pages.write(given.out, "card", f"Barrier card: {label}", pages, document)
    print(sections.essentials(label, cards))
    print(*(f"{path}" for path in files.values()), sep="\n")
    return 0


def _stored(given: argparse.Namespace) -> tuple[str, list, dict[str, Any]]:
    found = given.answers
    parts = [rows for _, rows in found.rows.groupby("task", sort=False)]
    return found.label, parts, {**found.made, "seconds": None, "usage": None, "tokenizer": None}


def _asked(given: argparse.Namespace) -> tuple[str, list, dict[str, Any]]:
    model, run = given.model, given.run
    paid, begun = subject.paid(model), time.monotonic()
    found = [
        answers.of_model(model, asked, run.results, run.style) for asked in given.asked.values()
    ]
    seconds = round(time.monotonic() - begun, 1)
    usage = subject.spent(paid, subject.paid(model))
    made = found[0].made | {"seconds": seconds, "usage": usage}
    made |= {"tokenizer": subject.tokenizer(model), "profile": run.profile}
    made |= {"learned_academy": given.learned or None}
    return model.label, [each.rows for each in found], made

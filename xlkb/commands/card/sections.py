"""A barrier card as sections of a page, and its essentials for the terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from xlkb import analysis, models, report
from xlkb.analysis import card_words
from xlkb.models import LanguageModel
from xlkb.profiles import Run

LINES = 12
"""Languages that the terminal shows."""

TABLES = {
    "accuracy": ("Accuracy", "Share of right answers; guessing gets 25 %."),
    "letters": ("Letters taken", "Right or wrong, in questions."),
    "barrier": (
        "Barrier",
        "Accuracy in {base} minus accuracy in the language, on the same questions. p by a paired "
        "test, p_adjusted by Holm over the table; the least detectable gap has 80 % power.",
    ),
    "mixup": (
        "Mixup gap",
        "The same for questions whose question and four choices are in five languages.",
    ),
    "transfer": ("Transfer rate", "Of the questions that are right in {base}, those right in l."),
    "in_all": (
        "Total consistency",
        "Questions that are right in every language, what independent languages would leave, and "
        "the least accurate language's share.",
    ),
    "rankc": (
        "RankC",
        "Are all four choices ranked as in {base}, whatever is right? Chance is the mean over all "
        "pairs of rankings.",
    ),
    "option_bias": (
        "Option-language bias",
        "Of wrong answers to mixed questions: share taken in a language, and share on offer.",
    ),
    "pairs": (
        "Weakest pairs of languages",
        "Mixed questions by language of the question and of the right choice, against the same "
        "questions in {base}. Exploratory: each gap is drawn to the mean of all pairs, the "
        "more so the fewer questions it has, and the order is by what that is at least. {spread}",
    ),
}


def of(
    label: str,
    cards: Sequence[Mapping[str, Any]],
    document: Mapping[str, Any],
    run: Run,
    asked: Sequence[LanguageModel],
) -> list[report.pages.Section]:
    """The sections of a card's page; figures are drawn into `run.figures`.

    Args:
        cards: of `analysis.card.tables`, one per task; document: for JSON; asked: the models.
    """
    told = [f"{found['headline']}" for found in document["cards"]]
    several = len(cards) > 1
    if several:
        told = [f"*{c['task']}:* {said}" for c, said in zip(cards, told, strict=True)]
    sections = [report.pages.Section("In short", "\n\n".join(told))]
    for found, part in zip(cards, document["cards"], strict=True):
        of_task = f" ({found['task']})" if several else ""
        said = "\n".join(f"- {note}" for note in part["notes"])
        sections += [report.pages.Section(f"What the tables say{of_task}", said)] if said else []
        drawn = figures(label, found, run, asked, several)
        sections += _tables(found, drawn, of_task)
        sections += _examples(found, of_task)
    return [*sections, report.pages.Section("Made from", table=_made(document))]


def _tables(
    found: Mapping[str, Any], drawn: Mapping[str, Path], of_task: str
) -> list[report.pages.Section]:
    spread = found["pairs_spread"]
    fills = {"base": _name(found["base"]), "spread": ""}
    if spread == spread:
        fills["spread"] = (
            f"The pairs' true losses spread by {spread:.1f} points (standard deviation)."
        )
    return [
        report.pages.Section(
            f"{title}{of_task}",
            text.format(**fills),
            found[name],
            [drawn[name]] if name in drawn else (),
        )
        for name, (title, text) in TABLES.items()
        if len(found[name])
    ]


def figures(
    label: str,
    found: Mapping[str, Any],
    run: Run,
    asked: Sequence[LanguageModel],
    several: bool = False,
) -> dict[str, Path]:
    """Draw accuracy and gaps with their intervals; name of the table -> PNG."""
    tail = f"_{models.slug(found['task'])}" if several else ""
    run = replace(run, base=found["base"] or run.base, task=found["task"])
    title = f"{label}, {found['task']}"
    options = {"hue": "rule"}
    report.accuracy_bars(found["accuracy"], f"accuracy{tail}", run, asked, title, **options)
    drawn = {"accuracy": run.figures / f"accuracy{tail}.png"}
    lost = analysis.concat([found["barrier"], found["mixup"]])
    if len(lost):
        report.gap_bars(lost, f"gaps{tail}", run, asked, f"Lost by {title}", **options)
        drawn["barrier" if len(found["barrier"]) else "mixup"] = run.figures / f"gaps{tail}.png"
    return drawn


def _examples(found: Mapping[str, Any], of_task: str) -> list[report.pages.Section]:
    base = _name(found["base"])
    return [
        report.pages.Section(
            f"Right in {base}, wrong {_cell(each)}{of_task}",
            "Log-likelihoods in nats; → was taken, ✓ is right.",
            pd.concat([_example(item, base) for item in each["items"]], ignore_index=True),
        )
        for each in found["examples"]
    ]


def _cell(example: Mapping[str, Any]) -> str:
    asked, answered = (_name(example[f"{part}_language"]) for part in ("question", "answer"))
    if example["recomposition"] == "full":
        return f"in {asked}"
    return f"with the question in {asked} and the answer in {answered}"


def _example(item: Mapping[str, Any], base: str) -> pd.DataFrame:
    """A question, then its choices: in the base language and as it was asked."""
    columns: dict[str, list[str]] = {"question": [item["item_id"], *"ABCD"]}
    for heading, side in ((f"in {base}", item["base"]), ("as asked", item["asked"])):
        question = side["question"] or f"({side['language']}, no text)"
        columns[heading] = [question, *map(_option, side["options"])]
    return pd.DataFrame(columns)


def _option(option: Mapping[str, Any]) -> str:
    marks = f"{'→ ' if option['taken'] else ''}{'✓ ' if option['is_answer'] else ''}"
    text = option["text"] or "(no text)"
    return f"{marks}{text} ({option['language']}, {option['log_likelihood']:.1f})"


def _made(document: Mapping[str, Any]) -> pd.DataFrame:
    """Everything the card was made from, a line each."""
    rows: list[tuple[str, str]] = []

    def add(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, each in value.items():
                add(f"{name} {key}", each)
        elif value is not None and value != "":
            rows.append((name.replace("_", " "), str(value)))

    skipped = ("cards", "label")
    for name, value in document.items():
        if name not in skipped:
            add(name, value)
    for each in document["cards"]:
        add(f"questions of {each['task']}", each["questions"])
        for name in ("style", "n_shots", "rule", "n", "n_left_out", "unread", "letter_mass"):
            add(f"{each['task']} {name}", each[name])
    return pd.DataFrame(rows, columns=["what", "value"])


def essentials(label: str, cards: Sequence[Mapping[str, Any]]) -> str:
    """At most a screen: the headline and a line per language of each card."""
    said = []
    for found in cards[:2]:
        table = summary(found)
        more = f"\n… and {len(table) - LINES} more on the card" if len(table) > LINES else ""
        shown = report.readable(table.head(LINES)).to_string(index=False)
        said += [textwrap.fill(card_words.headline(label, found), 100), f"{shown}{more}"]
    return "\n\n".join(said) + "\n"


def summary(found: Mapping[str, Any]) -> pd.DataFrame:
    """Accuracy, gap and transfer rate under the main rule, a row per language and mixture."""

    def main(table: pd.DataFrame) -> pd.DataFrame:
        return table[table["rule"] == found["rule"]]

    own = main(found["accuracy"]).drop(columns=["rule", "recomposition"])
    lost = analysis.concat([found["barrier"], found["mixup"]])
    if len(lost):
        lost = main(lost)[["language", "gap_points", "gap_low", "gap_high"]]
        own = own.merge(lost, "left", on="language")
    if len(found["transfer"]):
        # Its interval has the names of the accuracy's.
        kept = main(found["transfer"]).set_index("language")["transfer_rate"]
        own["transfer (%)"] = [
            f"{100 * kept[code]:.1f}" if code in kept else "" for code in own["language"]
        ]
    return own


def _name(code: str | None) -> str:
    return analysis.card.language(code) if code else "the base language"

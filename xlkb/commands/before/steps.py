"""Everything that the notebooks compute, counted from a profile alone.

Tokens are estimates: characters of a question of the task (`CHARACTERS`) over
`CHARACTERS_PER_TOKEN`. What is shared between prompts is counted each time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from xlkb import corpora, training
from xlkb.commands.before import needs
from xlkb.profiles import Run
from xlkb.training import recipes

CHARACTERS = {"worldfacts": 90, "academy": 110, "mmlu": 255, "arc": 259}
"""Mean characters of an English question with its choices (mmlu: 1,000 questions, 8 subjects)."""

OTHER_TASK = 300
CHARACTERS_PER_TOKEN = 3
"""Between English (about 4) and languages in other scripts (2 and less)."""

WIKITEXT = {"wikitext-2": (600, 2_088_628), "wikitext-103": (28_475, 103_227_021)}
"""Published articles and words of the training splits."""

TOKENS_PER_WORD = 1.6
"""In five European languages."""

TOKENS_PER_SENTENCE = 40
TOKENS_PER_DOCUMENT = 250
TOKENS_PER_FACT = {"prose": 17, "qa": 20, "both": 37}
"""Of the academy's texts, by their form, each time they are read (the demo's, Gemma's tokens)."""


AGAIN, ASKED = "score, as 02", "02"
"""What notebook 04 computes only where notebook 02 did not, whose scores it adds up."""


BOTTLE = "of the bottle"
"""What stands for the models that notebook 07 makes."""


class Step(NamedTuple):
    """Something a notebook computes with one model; `passes`: 1 to read, 3 or 4 to learn."""

    notebook: str
    model: str
    what: str
    prompts: int
    tokens: float
    passes: int = 1


def steps(run: Run) -> Iterator[Step]:
    """Everything the notebooks compute, in their order."""
    main, *contrasts = run.models
    five, every = len(run.five), len(run.languages)
    question, pupil = _question(run.task), _question("academy")
    quiz = run.teaching.n_characters * len(run.teaching.relations)
    fewer = run.teaching.n_characters_matrix * len(run.teaching.relations)
    cells = five + 1  # Each language, and mixup.
    lesson = TOKENS_PER_FACT[run.teaching.form] * run.teaching.epochs
    shots = 1 + run.n_shots

    pairs = five * (five - 1)
    translated = pairs * run.closeness.n_translated
    sentences = run.closeness.n_sentences * (
        every + 4 * 11
    )  # Versions of each: swept probabilities.
    for name in run.closeness.models:
        yield Step("01", name, "translate", translated, translated * TOKENS_PER_SENTENCE * 5)
        yield Step("01", name, "embed", sentences, sentences * TOKENS_PER_SENTENCE)

    recomposed = run.barrier.n_items * cells
    few = 6 * (five - 1) + every + five * five + every - 1  # With names.
    recomposed += run.barrier.n_exploratory * few
    released = run.barrier.n_items if run.task == "mmlu" else 0  # The mixup of the paper's authors.
    recomposed += released
    yield Step("02", main, "score", recomposed, recomposed * question)
    styles = len(run.barrier.styles) * run.barrier.n_exploratory // 2 * five
    yield Step("02", main, "styles", 2 * styles, styles * question * (1 + shots))
    whole = run.barrier.n_items * cells + released
    for name in contrasts:
        yield Step("02", name, "score", whole, whole * question)

    asked = 2 * quiz * cells + fewer * five
    for name in run.teaching.models:
        yield Step("03", name, "teach", quiz, (quiz + fewer) * lesson, _passes(run.teaching.recipe))
        yield Step("03", name, "score", asked, asked * pupil)

    for name in run.prompting.models:
        kinds = 1 if name.startswith("api:") else 2  # General facts, and taught ones.
        mitigated = kinds * run.prompting.n_items * cells
        yield Step("04", name, "score", 11 * mitigated, mitigated * question * (7 + 4 * shots))
        yield Step("04", name, "translate", 5 * mitigated, 5 * mitigated * question * shots)
        if name in run.models:
            again = run.barrier.n_items * five
            yield Step("04", name, AGAIN, again, again * question)

    general = needs.arms(run) * _corpus_tokens(run)
    for name in run.text.models:
        yield Step("05", name, "train", needs.arms(run), general, _passes(run.text.recipe))
        for what, prompts, tokens, passes in _after(run, quiz, lesson):
            yield Step("06", name, what, prompts, tokens, passes)

    grown = _bottle(run)
    yield Step("07", BOTTLE, "train", len(grown), sum(each.n_tokens for each in grown), 3)


def _bottle(run: Run) -> set[training.bottle.Trial]:
    """The models that notebook 07 trains."""
    ask, sizes = run.bottle, {"described": run.bottle.n_described, "tested": run.bottle.n_tested}
    seeds = range(run.seed, run.seed + ask.n_seeds)
    grid = training.trials.grid(ask.arms, ask.orders, seeds, **sizes)
    swept = training.trials.sweeps(ask.sweeps, seeds[: ask.n_sweep_seeds], **sizes)
    return {*grid["trial"], *swept["trial"]}


def _after(run: Run, quiz: int, lesson: float) -> Iterator[tuple[str, int, float, int]]:
    """What, prompts, tokens and passes of notebook 06, for one model."""
    orders, bridge, cells = run.text.orders, run.bridge, len(run.five) + 1
    question, pupil = _question(run.task), _question("academy")
    readers = needs.arms(run) + 1
    asked = readers * run.after.n_items * cells
    asked += (len(run.text.units) + 3) * run.after.n_few * len(run.after.held_out)
    if run.text.n_passes > 1:
        asked += 2 * run.after.n_items * cells
        yield "train", 2, 2 * run.text.n_passes * _corpus_tokens(run), _passes(run.text.recipe)
    if run.agreeing:
        asked += run.after.n_items * cells
        # In two languages, with each of four choices, and read by the frozen model, too.
        told = run.after.n_agreement * recipes.get(needs.AGREE).epochs * 2 * 3 * question
        yield "train", 1, told, 4
    yield "score", asked, asked * question, 1
    after, own = 4 * ("after" in orders), (1 + len(run.text.units)) * ("own" in orders)
    if orders:
        told = quiz * TOKENS_PER_FACT["prose"] * own + after * _corpus_tokens(run)
        told += quiz * lesson * (1 + 2 * ("before" in orders))
        yield "train", after + own, told, _passes(run.text.recipe)
        again = (after + own + 2 + 2 * ("before" in orders)) * cells
        yield "score", again * (quiz + run.after.n_few), again * (quiz + run.after.n_few) * pupil, 1
    facts = bridge.n_characters * len(run.teaching.relations) * bridge.n_seeds
    if facts and bridge.arms:
        told = sum(1 / (1 - corpora.bridge.parse(arm)[0]) for arm in bridge.arms)
        told *= facts * corpora.bridge.VERSIONS * bridge.n_passes * TOKENS_PER_FACT["qa"]
        yield "teach", len(bridge.arms) * bridge.n_seeds, float(told), _passes(bridge.recipe)
        asked = facts * cells * len(bridge.arms)
        yield "score", asked, asked * pupil, 1


def _passes(recipe: str) -> int:
    """Of training: forward, and backward at twice the cost; forward again for what is not kept."""
    return 3 + recipes.get(recipe).activation_checkpointing


def _question(task: str) -> float:
    """Tokens of a question of a task, with its choices."""
    return CHARACTERS.get(task.partition(":")[0], OTHER_TASK) / CHARACTERS_PER_TOKEN


def _corpus_tokens(run: Run) -> float:
    if run.text.corpus in WIKITEXT:
        documents, words = WIKITEXT[run.text.corpus]
        return words * TOKENS_PER_WORD * min(1, (run.text.n_documents or documents) / documents)
    documents = run.text.n_documents or len(corpora.load("almanac", ["en"]))
    return documents * TOKENS_PER_DOCUMENT

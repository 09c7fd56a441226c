"""Few-shot translation by a causal language model, and how good it is.

The prompt shows a few sentences with their translations, `English: …`, new line, `French: …`, and
ends with the name of the target language; the model's next line is the translation (paper, section
2). Quality is chrF++ and BLEU by sacrebleu, which are compared with what they can miss: copies of
the source, text in another language, nothing at all.

Both count words, and words are cut by the language of the translation, so that they count the same
everywhere. Latin script: as sacrebleu does (13a for BLEU). Russian, Arabic, Hindi and Hebrew:
their own punctuation, such as `।`, `،` and `«`, is cut off too (BLEU's `intl`). Chinese (`zh`),
Japanese and Korean (`char`) have characters for words in BLEU, which makes it larger there than in
languages with spaces; the usual mecab for the last two is not installed. In chrF++ Chinese and
Japanese characters are words as well, where sacrebleu alone would take a whole clause for one; its
character n-grams are sacrebleu's in all languages.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from unicodedata import category

import pandas as pd
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import _bootstrap_resample

from xlkb.corpora import audits
from xlkb.ground import resampling
from xlkb.ground.languages import LANGUAGES, unspaced
from xlkb.models import LanguageModel
from xlkb.scoring import lengths
from xlkb.scoring.generation import Prompt, generate
from xlkb.scoring.tries import Pair

BOOTSTRAPS = 1000
COLUMNS = ["source", "target", "item", "original", "reference", "text", "n_tokens", "cut"]
QUALITY = ["model", "source", "target", "n", "chrf", "chrf_low", "chrf_high", "bleu", "bleu_low"]
QUALITY += ["bleu_high", "length_ratio", "empty", "copies", "other_language", "cut"]


def prompt(
    text: str, source: str, target: str, demonstrations: Sequence[tuple[str, str]] = ()
) -> Prompt:
    """The prompt for one text; demonstrations are (source, target) pairs of texts."""
    names = LANGUAGES[source].name, LANGUAGES[target].name
    shown = "".join(f"{names[0]}: {a}\n{names[1]}: {b}\n\n" for a, b in demonstrations)
    return Prompt(shown, f"{names[0]}: {text}\n{names[1]}:")


def translate(
    model: LanguageModel,
    sentences: Mapping[str, Sequence[str]],
    store: Path,
    n_shots: int = 3,
    directions: Sequence[tuple[str, str]] | None = None,
    max_new_tokens: int = 96,
) -> pd.DataFrame:
    """Translations of aligned sentences, the first `n_shots` of which are the demonstrations.

    Args:
        model: from `models.load`.
        sentences: language -> sentences, the same ones in the same order in each.
        store: folder of stored results.
        n_shots: demonstrations; they are not translated.
        directions: (source, target) languages; all ordered pairs when None.
        max_new_tokens: a translation is cut there.

    Returns:
        One row per direction and sentence: `model, source, target, item` (place among those
        translated), `original, reference, text, n_tokens` (generated), `cut, n_shots`: as many
        demonstrations as fit into the model's context. A sentence that does not fit without any is
        left out in all directions, with a warning.

        Of fewer than two languages none.

    Raises:
        ValueError: languages with different numbers of sentences, or no more than `n_shots`.
    """
    if len(sentences) < 2:
        return pd.DataFrame(columns=["model", *COLUMNS])
    counts = {code: len(each) for code, each in sentences.items()}
    if len(set(counts.values())) != 1 or min(counts.values()) <= n_shots:
        raise ValueError(
            f"Sentences per language: {counts}. There must be the same ones in each, and more than "
            f"the {n_shots} demonstrations."
        )
    directions = directions or list(permutations(sentences, 2))
    pairs = {each: list(zip(*(sentences[c] for c in each), strict=True)) for each in directions}
    asked = [
        (each, item, pair) for each in directions for item, pair in enumerate(pairs[each][n_shots:])
    ]

    def made(i: int, n: int) -> Prompt:
        each, _, (original, _) = asked[i]
        return prompt(original, *each, pairs[each][:n])

    def text(i: int, n: int) -> list[Pair]:
        return [Pair("".join(made(i, n)), "")]

    shown = lengths.fitting(model, [n_shots] * len(asked), text, store, max_new_tokens)
    long = sorted({asked[i][1] for i, n in enumerate(shown) if n < 0})
    lengths.left_out(model, "sentences", long, min(counts.values()) - n_shots)
    kept = [i for i, (_, item, _) in enumerate(asked) if item not in long]
    rows = [(*each, item, *pair) for each, item, pair in (asked[i] for i in kept)]
    found = generate(model, [made(i, shown[i]) for i in kept], store, max_new_tokens)
    frame = pd.DataFrame(rows, columns=COLUMNS[:5])
    frame[COLUMNS[5:]] = found[COLUMNS[5:]]
    frame = frame.assign(model=model.label, n_shots=[shown[i] for i in kept])
    return frame[["model", *COLUMNS, "n_shots"]]


def quality(translations: pd.DataFrame) -> pd.DataFrame:
    """How good the translations of each model and direction are.

    Args:
        translations: from `translate`.

    Returns:
        `model, source, target, n` (sentences), `chrf` (chrF++, 0 to 100), `chrf_low, chrf_high`,
        `bleu, bleu_low, bleu_high` (95 % bootstrap intervals over sentences, sacrebleu's),
        `length_ratio` (characters over the references'), and counts of sentences: `empty` (scored
        as they are), `copies` (identical to the source), `other_language` (identified as another
        language than the target), `cut`. `attrs["signatures"]` has sacrebleu's signatures.
    """
    rows, signatures = [], {}
    for (model, source, target), part in translations.groupby(
        ["model", "source", "target"], sort=False
    ):
        row = {"model": model, "source": source, "target": target, "n": len(part)}
        texts, references = part["text"].tolist(), part["reference"].tolist()
        for name, metric in _metrics(target).items():
            both = (texts, references)
            if name == "chrf":
                both = tuple([_cut(each, target) for each in side] for side in both)
            row[name] = metric.corpus_score(both[0], [both[1]]).score
            row[f"{name}_low"], row[f"{name}_high"] = _interval(metric, *both)
            signatures[f"{name} into {target}"] = str(metric.get_signature())
        row["length_ratio"] = sum(map(len, texts)) / sum(map(len, references))
        row["empty"] = sum(not text for text in texts)
        row["copies"] = int((_plain(part["text"]) == _plain(part["original"])).sum())
        row["other_language"] = sum(audits.is_other(text, target) for text in texts)
        row["cut"] = int(part["cut"].sum())
        rows.append(row)
    frame = pd.DataFrame(rows, columns=QUALITY)
    frame.attrs["signatures"] = signatures
    return frame


def comet(
    translations: pd.DataFrame,
    checkpoint: str | Path = "Unbabel/wmt22-comet-da",
    command: str | Path = "comet-score",
    gpus: int = 0,
) -> pd.DataFrame:
    """COMET system scores (0 to 1) per model and direction, by unbabel-comet's own command.

    unbabel-comet needs older versions of numpy and transformers than this package, so it has to
    live in an environment of its own, and is called there.

    Args:
        translations: from `translate`.
        checkpoint: a name on the hub, or a local `.ckpt` file.
        command: the `comet-score` of that environment.
        gpus: to run on; 0 for the CPU.

    Returns:
        `model, source, target, n, comet`.

    Raises:
        FileNotFoundError: there is no such command; the message says how to get it.
        RuntimeError: the command failed, because the checkpoint cannot be had, say; the end of what
            it said is in the message.
    """
    found = shutil.which(command)
    if found is None:
        raise FileNotFoundError(
            f"There is no {command}. COMET needs its own environment: python -m venv comet && "
            "comet/bin/pip install unbabel-comet; then pass command='comet/bin/comet-score'. "
            "chrF++ and BLEU do without."
        )
    rows = []
    groups = translations.groupby(["model", "source", "target"], sort=False)
    for (model, source, target), part in groups:
        with tempfile.TemporaryDirectory() as folder:
            files = {}
            for option, column in (("-s", "original"), ("-t", "text"), ("-r", "reference")):
                files[option] = Path(folder, f"{column}.txt")
                lines = [" ".join(text.split()) + "\n" for text in part[column]]
                files[option].write_text("".join(lines), encoding="utf-8")
            given = [str(word) for pair in files.items() for word in pair]
            given += ["--model", str(checkpoint), "--gpus", str(gpus), "--only_system", "--quiet"]
            ran = subprocess.run([found, *given], capture_output=True, text=True, check=False)
        score = re.search(r"score: (-?[\d.]+)", ran.stdout)
        if ran.returncode or score is None:
            raise RuntimeError(f"{command} failed:\n{(ran.stderr or ran.stdout)[-800:]}")
        rows.append((model, source, target, len(part), float(score[1])))
    return pd.DataFrame(rows, columns=["model", "source", "target", "n", "comet"])


def _interval(metric: Metric, texts: list[str], references: list[str]) -> tuple[float, float]:
    """95 % percentile interval of sacrebleu's bootstrap.

    Not by `corpus_score(n_bootstrap=…)`: sacrebleu 2.6 averages the scores of the resamples by
    `statistics.mean`, which raises a TypeError where numpy's floats meet Python's.
    """
    statistics = metric._extract_corpus_statistics(texts, [references])
    _, scores = _bootstrap_resample(statistics, metric, BOOTSTRAPS)
    return resampling.interval([float(score.score) for score in scores])


def _metrics(target: str) -> dict[str, Metric]:
    """sacrebleu's, for translations into `target`."""
    tokenizers = {"zh": "zh", "ja": "char", "ko": "char"}
    usual = "13a" if LANGUAGES[target].script == "Latn" else "intl"
    bleu = BLEU(tokenize=tokenizers.get(target, usual), effective_order=False)
    return {"chrf": CHRF(word_order=2), "bleu": bleu}


def _cut(text: str, target: str) -> str:
    """The text with spaces between its words, for chrF++, whose characters leave spaces out."""
    if LANGUAGES[target].script == "Latn":
        return text
    parts = []
    for character in text:
        apart = unspaced(character) or (not character.isascii() and category(character)[0] == "P")
        parts.append(f" {character} " if apart else character)
    return "".join(parts)


def _plain(texts: pd.Series) -> pd.Series:
    return texts.str.casefold().str.strip(" .。।۔")

"""Whom a card is about: what it learned, what asking it took, and what the card is made from."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pandas as pd
from datasets import Dataset, concatenate_datasets

from xlkb import analysis, corpora, models, profiles, report, tasks
from xlkb.ground import disk, paths
from xlkb.models import LanguageModel
from xlkb.profiles import Run
from xlkb.training import packing


def changes(profile: str, run: Run) -> list[str]:
    """What tells a run's questions apart from those of its profile, for a folder's name."""
    plain = profiles.load(profile)
    languages = "" if run.languages == plain.languages else "-".join(run.languages)
    parts = ["" if run.task == plain.task else models.slug(run.task), languages]
    parts.append("" if run.style == plain.style else run.style)
    if run.task.startswith("path:"):
        parts[0] += f"-{sha256(run.task.encode()).hexdigest()[:6]}"
    return [part for part in parts if part]


def quiz(run: Run, languages: Sequence[str]) -> Dataset:
    """The questions about the academy that notebook 03 asks."""
    part = run.teaching
    return tasks.academy.questions("test", part.n_characters, part.relations, languages)


def learned(name: str, run: Run) -> str:
    """How it is known that a fine-tuned model learned the academy; "" where it is not.

    By the digest of what it learned, where that is what notebook 03 teaches in this profile; or
    else by the folder's name, where that says "academy", as those that the notebooks make do. What
    was learned under another name (the texts of notebook 06's bridge) is not found.

    Args:
        name: of the model, as "NAME+FOLDER".
    """
    base, plus = paths.adapted(name)
    folder = paths.user(plus or base.partition(":")[2])
    described = folder / "run.json"
    if described.is_file():
        try:
            corpus = json.loads(described.read_text(encoding="utf-8")).get("corpus_fingerprint")
        except (ValueError, AttributeError):
            raise ValueError(f"{described} is damaged: restore it.") from None
        if corpus in _lessons(run):
            return "lessons of notebook 03"
    elif not plus:
        return ""
    return "its folder's name" if "academy" in folder.name.lower() else ""


def _lessons(run: Run) -> set[str]:
    """Digests of what notebook 03 teaches: in one language, and in several."""
    asked, form = quiz(run, run.languages), run.teaching.form
    taught = [corpora.lessons(asked, code, form, seed=run.seed) for code in run.five]
    part = run.teaching
    fewer = tasks.academy.questions("test", part.n_characters_matrix, part.relations, run.languages)
    groups = tasks.cast.groups(fewer, run.five[: part.n_characters_matrix])
    several = [corpora.lessons(each, K, form, seed=run.seed) for K, each in groups.items()]
    taught.append(concatenate_datasets(several))
    return {packing.fingerprint(packing.texts_of(t), packing.contexts_of(t)) for t in taught}


def tokenizer(model: LanguageModel) -> dict[str, Any] | None:
    """Kind and size of the vocabulary; None of an endpoint, and in a replay."""
    if model.name.startswith("api:") or models.replaying():
        return None
    return {"class": type(model.tokenizer).__name__, "vocabulary": len(model.tokenizer)}


def paid(model: LanguageModel) -> dict[str, float] | None:
    """What `api_usage.json` says of an endpoint, over all runs; None of weights."""
    if not model.name.startswith("api:"):
        return None
    return models.api.usage().get(model.name, dict.fromkeys(models.api.USED, 0))


def spent(before: Mapping | None, after: Mapping | None) -> dict[str, float] | None:
    """What was asked in between; `usd` None where no price is set."""
    if before is None or after is None:
        return None
    found = {name: after[name] - before[name] for name in models.api.USED}
    return found | ({} if models.api.price() else {"usd": None})


def document(
    label: str, cards: Sequence[Mapping], parts: Sequence[pd.DataFrame], made: Mapping[str, Any]
) -> dict[str, Any]:
    """The card for JSON.

    Returns:
        - `kind, schema` (`analysis.card.SCHEMA`), `label`, `created` (UTC)
        - `model`: as `LanguageModel.describe`, or what an imported file says; `tokenizer`
        - `software`: of `report.provenance.code`; `seconds` (of asking; what was stored before
          takes none), `usage` (of an endpoint: requests, tokens read and written, USD), and
          whatever else the answers were made from, as `tool` and `version`
        - `cards`: one per task: `headline, notes, questions` (of `questions`), and the keys of
          `analysis.card.tables`. Shares are 0 to 1, gaps in points, likelihoods in nats.
    """
    shown = [
        {
            "headline": analysis.card_words.headline(label, found),
            "notes": analysis.card_words.notes(found),
            "questions": questions(rows),
            **found,
        }
        for found, rows in zip(cards, parts, strict=True)
    ]
    about = {"kind": "xlkb barrier card", "schema": analysis.card.SCHEMA, "label": label}
    about["created"] = datetime.now(UTC).isoformat(timespec="seconds")
    return disk.plain({**about, **made, "software": report.provenance.code(), "cards": shown})


def questions(rows: pd.DataFrame) -> dict[str, Any]:
    """What was asked: `n_items, n_asked` (items in all languages and mixtures), `texts_sha256` (of
    what stands before each choice and the choice, in any order; None without texts) and `tokens`
    (of the choices, after their prompts; None where nobody counted them)."""
    digest, tokens = None, rows.get("n_tokens")
    if {"context", "option"} <= set(rows):
        texts = {f"{context}\x00{option}" for context, option in rows[["context", "option"]].values}
        digest = sha256("\x01".join(sorted(texts)).encode()).hexdigest()
    known = tokens is not None and tokens.notna().all()
    return {
        "n_items": rows["item_id"].nunique(),
        "n_asked": len(rows) // 4,
        "texts_sha256": digest,
        "tokens": int(tokens.sum()) if known else None,
    }

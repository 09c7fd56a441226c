"""Translation of base-language text into a parallel corpus, kept as it comes.

A translator is any function `(texts, source, target) -> translations` over lists of strings and
language codes. `nllb` and `chat` make one of a model (`xlkb.corpora.translators`); `corpus` gives a
parallel corpus by name, translated where it has to be.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import pandas as pd
from datasets import Dataset
from filelock import FileLock

from xlkb.corpora import aligned, registry
from xlkb.corpora.quality import audit, faults
from xlkb.corpora.translators import Translator, by_name, chat, nllb
from xlkb.ground import languages as room
from xlkb.ground import paths, progress

__all__ = ["Translator", "audited", "by_name", "chat", "corpus", "documents", "nllb", "translate"]

PILOT, SLACK = 2, 5
"""See `audited`."""

BATCH = 16
"""Sentences per call of a translator that has no `batch_size`."""


def translate(
    sentences: Mapping[str, str],
    translator: Translator,
    languages: Sequence[str],
    base: str = "en",
    cache: str | Path | None = None,
    name: str = "",
) -> dict[str, dict[str, str]]:
    """Every sentence in every language.

    Args:
        sentences: id -> text in `base`.
        translator: see the top of this module; it gets `batch_size` sentences per call, its own or
            `BATCH`.
        languages: codes to translate into; the base among them is copied.
        base: language of the sentences.
        cache: a file of JSON lines that each batch is added to as it comes, and that is read first:
            a run that was stopped goes on where it was. None keeps nothing.
        name: of the translator, by default its `name`; translations in the cache count only for
            the same name.

    Returns:
        id -> {language: text}.

    Raises:
        ValueError: the translator gave an empty text or the wrong number of texts; the message has
            the sentence's id. What was translated before is in the cache.
    """
    languages = room.check(languages)
    name = name or _name(translator)
    batch_size = getattr(translator, "batch_size", BATCH)
    path = Path(cache).expanduser() if cache is not None else None
    known = _read(path) if path else {}
    targets = [code for code in languages if code != base]
    pending, tidy = [], getattr(translator, "cleaned", None)
    for target in targets:
        texts = {}
        for identifier, text in sentences.items():
            key = _key(name, base, target, text)
            if tidy and key in known:  # Kept before all that a model says was cleaned.
                known[key] = tidy(known[key], text)
            if not known.get(key):
                texts.setdefault(text, identifier)
        # Neighbours in length make small batches.
        ordered = sorted(texts.items(), key=lambda pair: -len(pair[0]))
        pending += [
            (target, ordered[start : start + batch_size])
            for start in range(0, len(ordered), batch_size)
        ]
    with progress.bar(sum(len(batch) for _, batch in pending), "translating", "sentence") as bar:
        for target, batch in pending:
            texts = [text for text, _ in batch]
            translated = list(translator(texts, base, target))
            if len(translated) != len(texts):
                raise ValueError(
                    f"{name} gave {len(translated)} translations into {target!r} for {len(texts)} "
                    f"sentences, the first of which is {batch[0][1]!r}."
                )
            done = {}
            for (text, identifier), found in zip(batch, translated, strict=True):
                if not isinstance(found, str) or not found.strip():
                    _add(path, done)
                    raise ValueError(
                        f"{name} gave no translation of {identifier!r} into {target!r} ({text!r})."
                    )
                # One text is one line, whatever the model puts in it.
                done[_key(name, base, target, text)] = " ".join(found.split())
            _add(path, done)
            known |= done
            bar.update(len(batch))
    return {
        identifier: {
            code: text if code == base else known[_key(name, base, code, text)]
            for code in languages
        }
        for identifier, text in sentences.items()
    }


def documents(
    monolingual: Dataset,
    translator: Translator,
    languages: Sequence[str],
    cache: str | Path | None = None,
    k: int | None = None,
) -> Dataset:
    """Monolingual documents (`corpora.load`) as a parallel corpus made by a translator.

    Args:
        monolingual: documents that exist in the base.
        languages: codes, the base first.
        k: cut every sentence after this many words before it is translated, as the paper does for
            its units of 8 words; the pieces become the aligned phrases. None translates sentences.
        translator, cache: as for `translate`.
    """
    base = languages[0]
    rows, texts = [], {}
    for row in monolingual:
        parts = []
        for number, segments in aligned.grouped(row):
            pieces = [segment["text"][base] for segment in segments]
            if k is not None:
                pieces = _cut(aligned.join(segments, base), k, base)
            for piece in pieces:
                identifier = f"{row['id']}, sentence {number + 1}, phrase {len(parts) + 1}"
                texts[identifier] = piece
                parts.append((number, identifier))
        rows.append((row, parts))
    found = translate(texts, translator, languages, base, cache)
    return aligned.dataset(
        [
            {
                **{column: row[column] for column in ("corpus", "id", "subject")},
                "segments": [
                    {"sentence": number, "text": found[identifier]} for number, identifier in parts
                ],
            }
            for row, parts in rows
        ],
        languages,
    )


def _cut(text: str, k: int, language: str) -> list[str]:
    """The text after every k words, counted as `mixing` counts them: a dash alone is no word."""
    pieces: list[str] = []
    full = True
    for word in text.split():
        counted = aligned.count_words(word, language)
        if full and (counted or not pieces):
            pieces.append(word)
            found = counted
        else:
            pieces[-1] += f" {word}"
            found += counted
        full = found >= k
    return pieces


def audited(
    monolingual: Dataset,
    translator: Translator,
    languages: Sequence[str],
    cache: str | Path | None = None,
    k: int | None = None,
    limits: Mapping[str, float] | None = None,
    back: int = 0,
) -> tuple[Dataset, pd.DataFrame]:
    """As `documents`, past the audit of `audit.require`.

    The first `PILOT` documents are translated and audited first, with limits `SLACK` times as wide:
    what cannot translate at all is found before it has translated everything.

    Args:
        limits: as for `audit.require`.
        back: texts per language that are translated back, at the end.

    Returns:
        The parallel documents, and what `audit.require` returns.

    Raises:
        ValueError: what `documents` and `audit.require` raise.
    """
    base = languages[0]
    if len(monolingual) > PILOT:
        wide = {fault: min(1.0, SLACK * share) for fault, share in faults.limits(limits).items()}
        few = monolingual.select(range(PILOT))
        audit.require(documents(few, translator, languages, cache, k), base, wide)
    parallel = documents(monolingual, translator, languages, cache, k)
    return parallel, audit.require(parallel, base, limits, translator if back else None, back)


def corpus(
    name: str,
    languages: Sequence[str],
    translator: str | Translator = "",
    n: int | None = None,
    seed: int = 42,
    k: int | None = None,
    limits: Mapping[str, float] | None = None,
) -> Dataset:
    """A parallel corpus by name: one that has all the languages, or the first one translated.

    Translations are kept in the package's cache folder, in a file per translator.

    Args:
        name, n, seed: as for `corpora.load`; n = 0 means all, too.
        languages: codes, the base first; of none, the corpus as it is.
        translator: "" where the corpus exists in all languages; else what translates it from the
            first one, a function or a name (`translators.by_name`).
        k: words in a unit, where the text is to be mixed by words; sentences are not cut when None.
        limits: of the audit that a translation has to pass (`corpora.audits.require`).

    Raises:
        ValueError: what `corpora.load`, `translate` and `audit.require` raise.
    """
    if not translator or not languages:
        return registry.load(name, languages or None, n=n or None, seed=seed)
    languages = room.check(languages)
    monolingual = registry.load(name, languages[:1], n=n or None, seed=seed)
    made = by_name(translator) if isinstance(translator, str) else translator
    slug = re.sub(r"[^\w.-]+", "-", _name(made)).strip("-")
    cache = paths.cache() / "translations" / f"{slug}.jsonl"
    return audited(monolingual, made, languages, cache, k, limits)[0]


def _name(translator: Translator) -> str:
    return getattr(translator, "name", "") or getattr(
        translator, "__qualname__", type(translator).__name__
    )


def _key(name: str, base: str, target: str, text: str) -> str:
    return sha256("\0".join((name, base, target, text)).encode()).hexdigest()


def _read(path: Path) -> dict[str, str]:
    """Key -> translation; a line that a kill cut short is left out."""
    if not path.exists():
        return {}
    found = {}
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line)
            found[row["key"]] = row["text"]
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _add(path: Path | None, rows: Mapping[str, str]) -> None:
    """Append whole lines and flush them to the disk."""
    if path is None or not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"key": key, "text": rows[key]}, ensure_ascii=False) for key in rows]
    with FileLock(f"{path}.lock"), path.open("a+b") as file:
        file.seek(0, os.SEEK_END)
        if file.tell():
            file.seek(-1, os.SEEK_END)
            # The rest of a line that was cut short must not swallow the next.
            torn = b"" if file.read(1) == b"\n" else b"\n"
        else:
            torn = b""
        file.write(torn + ("\n".join(lines) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())

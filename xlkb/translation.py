"""Translation of base-language text into a parallel corpus, kept as it comes.

A translator is any function `(texts, source, target) -> translations` over lists of strings and
language codes. `nllb` makes one of a sequence-to-sequence model of the NLLB family.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from datasets import Dataset
from filelock import FileLock

from xlkb import corpora, progress
from xlkb import languages as room

Translator = Callable[[list[str], str, str], list[str]]


def translate(
    sentences: Mapping[str, str],
    translator: Translator,
    languages: Sequence[str],
    base: str = "en",
    cache: str | Path | None = None,
    batch_size: int = 16,
    name: str = "",
) -> dict[str, dict[str, str]]:
    """Every sentence in every language.

    Args:
        sentences: id -> text in `base`.
        translator: see the top of this module.
        languages: codes to translate into; the base among them is copied.
        base: language of the sentences.
        cache: a file of JSON lines that each batch is added to as it comes, and that is read first:
            a run that was stopped goes on where it was. None keeps nothing.
        batch_size: sentences per call.
        name: of the translator; translations in the cache count only for the same name.

    Returns:
        id -> {language: text}.

    Raises:
        ValueError: the translator gave an empty text or the wrong number of texts; the message has
            the sentence's id. What was translated before is in the cache.
    """
    languages = room.check(languages)
    name = name or getattr(translator, "__qualname__", type(translator).__name__)
    path = Path(cache).expanduser() if cache is not None else None
    known = _read(path) if path else {}
    targets = [code for code in languages if code != base]
    pending = []
    for target in targets:
        texts = {}
        for identifier, text in sentences.items():
            if _key(name, base, target, text) not in known:
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
    base: str = "en",
    cache: str | Path | None = None,
    k: int | None = None,
    name: str = "",
) -> Dataset:
    """Monolingual documents (`corpora.load`) as a parallel corpus made by a translator.

    Args:
        monolingual: documents that exist in `base`.
        k: cut every sentence after this many words before it is translated, as the paper does for
            its units of 8 words; the pieces become the aligned phrases. None translates sentences.
        translator, languages, base, cache, name: as for `translate`.
    """
    rows, texts = [], {}
    for row in monolingual:
        parts = []
        for number, segments in corpora.grouped(row):
            pieces = [segment["text"][base] for segment in segments]
            if k is not None:
                words = corpora.join(segments, base).split()
                pieces = [" ".join(words[i : i + k]) for i in range(0, len(words), k)]
            for piece in pieces:
                identifier = f"{row['id']}, sentence {number + 1}, phrase {len(parts) + 1}"
                texts[identifier] = piece
                parts.append((number, identifier))
        rows.append((row, parts))
    found = translate(texts, translator, languages, base, cache, name=name)
    return corpora.dataset(
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


def corpus(
    name: str,
    languages: Sequence[str],
    translator: str = "",
    n: int | None = None,
    seed: int = 42,
) -> Dataset:
    """A parallel corpus by name.

    Args:
        name, n, seed: as for `corpora.load`.
        languages: codes, the base first.
        translator: "" where the corpus exists in all languages; or what translates it from the
            first one.
    """
    if not translator:
        return corpora.load(name, languages, n=n, seed=seed)
    raise NotImplementedError


def nllb(model: str, device: str = "auto") -> Translator:
    """A translator of an NLLB model, from the hub ("facebook/nllb-200-distilled-600M") or a folder.

    Beam search with 4 beams; an input is cut after 512 tokens.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    # Not safetensors only: several NLLB repositories may have none; torch.load runs no code there.
    network = AutoModelForSeq2SeqLM.from_pretrained(model).eval().to(device)

    def translator(texts: list[str], source: str, target: str) -> list[str]:
        tokenizer.src_lang = room.FLORES[source]
        inputs = tokenizer(
            texts, return_tensors="pt", padding=True, truncation=True, max_length=512
        ).to(network.device)
        start = tokenizer.convert_tokens_to_ids(room.FLORES[target])
        with torch.inference_mode():
            tokens = network.generate(
                **inputs, forced_bos_token_id=start, num_beams=4, max_new_tokens=512
            )
        return tokenizer.batch_decode(tokens, skip_special_tokens=True)

    return translator


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

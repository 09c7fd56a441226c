"""xlkb mix: from text files, or a corpus, to a mixed corpus ready for training."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset

from xlkb import corpora
from xlkb.commands import line
from xlkb.commands.before import preflight, wanted
from xlkb.commands.mix.options import parse
from xlkb.corpora import Translator, audits, files, mixing, translation, translators
from xlkb.ground.languages import LANGUAGES


def check(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, after a look at what they name.

    Raises:
        ValueError, OSError, ImportError: with what is wrong, and the cure.
        SystemExit: as of `parse`.
    """
    options = parse(arguments)
    mixing.check_free(options.out, options.replace)
    if options.corpus:
        corpora.spoken(options.corpus)
    for file in options.text.values():
        files.lines(file)
    if options.translator:
        translators.by_name(options.translator)
    return options


def uses(options: argparse.Namespace) -> wanted.Wanted:
    """What the command needs that may not be there."""
    corpus = options.corpus or ""
    return wanted.Wanted(
        translators=(options.translator,) if options.translator else (),
        data=tuple(corpora.needed(corpus)),
        packages=tuple(wanted.of_corpus(corpus)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    return line.command(
        lambda: _main(parse(arguments)),
        "Nothing was written but translations that came; with them the same command goes on.",
    )


def _main(options: argparse.Namespace) -> int:
    mixing.check_free(options.out, options.replace)
    preflight.require(uses(options))
    documents, languages, base, made_of = _documents(options)
    mixed = mixing.mix(
        documents,
        options.unit,
        mixing.weighted(languages, options.weight),
        k=options.k or mixing.WORDS,
        switch=options.switch,
        base=base,
        seed=options.seed,
    )
    mixed.info.description = json.dumps(mixing.request(mixed) | made_of, ensure_ascii=False)
    with line.computing():
        folder = mixing.write(mixed, options.out, options.replace)
    _report(mixed, folder)
    return 0


def _documents(options: argparse.Namespace) -> tuple[Dataset, list[str], str, dict]:
    """The parallel documents, the languages to draw from, the base, and what else to record."""
    # What cannot translate is found before a corpus is fetched or read.
    translator = translators.by_name(options.translator) if options.translator else None
    documents, made_of = _source(options)
    given = corpora.languages_of(documents)
    base = options.base or ("en" if "en" in given else given[0])
    if options.unit == "document" and len(documents) == 1:
        raise ValueError(
            "there is one document only, which would be in one language: end documents with an "
            "empty line in all files, or give --lines-per-document 20."
        )
    if translator:
        with line.computing():
            documents = _translated(documents, translator, base, options)
        made_of["translator"] = getattr(translator, "name", options.translator)
    elif options.unit == "words" and _unphrased(documents):
        raise ValueError(
            "--unit words needs phrases that are aligned, and these sentences are not cut into "
            'any: mark them in the files and name the mark (--phrase-mark "|"), or use --unit '
            "sentence."
        )
    return documents, options.languages or list(corpora.languages_of(documents)), base, made_of


def _source(options: argparse.Namespace) -> tuple[Dataset, dict]:
    """The documents as they are given, and what to record of them."""
    kind, _, folder = (options.corpus or "").partition(":")
    given = files.folder(folder) if kind == "files" and folder else options.text
    if given and options.translator:
        base = options.base or next(iter(given))
        if base not in given:
            raise ValueError(f"there is no text in the base, {base}, only in {', '.join(given)}.")
        given = {base: given[base]}
    if not given:
        # A translator needs one language only; an n means a draw, without one all keep their order.
        wanted = [options.base or "en"] if options.translator else None
        loaded = corpora.load(options.corpus, wanted, n=options.documents, seed=options.seed)
        return loaded, {"corpus": kind}
    rows = files.read(given, options.phrase_mark, options.lines_per_document)
    if options.documents:
        rows = corpora.drawn(rows, options.seed)[: options.documents]
    if not options.no_language_check:
        _check_languages(given)
    return corpora.dataset(rows, list(given)), {}


def _translated(
    documents: Dataset, translator: Translator, base: str, options: argparse.Namespace
) -> Dataset:
    """The documents in all languages, past the audit."""
    languages = list(dict.fromkeys((base, *options.languages)))
    cache = options.translations or f"{Path(options.out)}.translations.jsonl"
    k = (options.k or mixing.WORDS) if options.unit == "words" else None
    try:
        made, seen = translation.audited(
            documents, translator, languages, cache, k, options.limit, options.back_translate
        )
    except ValueError as error:
        raise ValueError(
            f"{error}\nWhat is translated is kept in {cache}: from there the command goes on, with "
            "--limit FAULT=SHARE if texts with a fault may pass."
        ) from None
    print("Audit of the translations, texts with a fault:")
    counts = seen.pivot(index="language", columns="fault", values="found")[seen["fault"].unique()]
    print(counts.rename_axis(columns=None).reset_index().to_string(index=False), "\n")
    return made


def _unphrased(documents: Dataset) -> bool:
    return all(len(segments) == 1 for row in documents for _, segments in corpora.grouped(row))


def _check_languages(given: dict[str, str]) -> None:
    """Refuse text that is in another language; show single lines that are, and go on."""
    for code, file in given.items():
        lines = files.lines(file)
        shown = [
            f"{file}, line {number}: given as {LANGUAGES[code].name}, but it reads as "
            f"{LANGUAGES[found].name} ({probability:.0%} sure): {line[:60]!r}"
            for number, found, probability, line in audits.wrong_lines(lines, code)
        ]
        more = [f"and {len(shown) - 10} more lines"] if len(shown) > 10 else []
        listed = "\n  ".join([*shown[:10], *more])
        if shown and audits.is_foreign(lines, code):
            raise ValueError(
                f"text in the wrong language (--no-language-check to take it as it is):\n  {listed}"
            )
        if shown:
            print(f"Taken as they are:\n  {listed}\n")


def _report(mixed: Dataset, folder: Path) -> None:
    table = mixing.shares(mixed)
    shown = table[["name", "units", "words", "asked", "got_units", "got_words"]].copy()
    for column in ("asked", "got_units", "got_words"):
        shown[column] = shown[column].map("{:.1%}".format)
    print(shown.to_string(index=False))
    first, parts, before = mixed[0], [], None
    for span in first["spans"]:
        code = span["language"]
        parts.append(first["text"][span["start"] : span["end"]].strip())
        parts[-1] = parts[-1] if code == before else f"[{code}] {parts[-1]}"
        before = code
    text = " ".join(parts)
    print(f"\n{first['id']} begins: {text if len(text) <= 300 else text[:300] + ' ...'}")
    print(f"\n{len(mixed)} documents in {folder}")

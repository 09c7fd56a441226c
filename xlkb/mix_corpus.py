"""The command `python -m xlkb.mixing`: from text files to a mixed corpus ready for training."""

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

from datasets import Dataset

from xlkb import corpora, mixing, translation
from xlkb import languages as room
from xlkb.corpora import audit, files
from xlkb.languages import LANGUAGES

EXAMPLES = """\
the text:
  One UTF-8 file per language, one sentence per line; line 7 of fr.txt translates line 7 of en.txt.
  An empty line, in all files, ends a document. Bad input (different numbers of lines, a line that
  is blank in one file only or is in another language, an empty file) is refused with its line,
  before anything is written.

examples:
  two files, every sentence in English or French at random:
    python -m xlkb.mixing --text en=en.txt --text fr=fr.txt --unit sentence --out mixed
  the same text cut into units of about 8 words; "|" in the files marks where phrases align:
    python -m xlkb.mixing --text en=en.txt --text fr=fr.txt --unit words \\
        --phrase-mark "|" --out mixed
  three times as much English as French, and only a third of the sentences drawn at all:
    python -m xlkb.mixing --text en=en.txt --text fr=fr.txt --unit sentence --out mixed \\
        --weight en=3 --weight fr=1 --switch 0.33
  English text only, translated by a model from the hub or from a folder:
    python -m xlkb.mixing --text en=en.txt --translator nllb:facebook/nllb-200-distilled-600M \\
        --languages en,fr,sw --unit words --out mixed
  English text only, single words out of the package's lexicon (best in en fr de es it):
    python -m xlkb.mixing --text en=en.txt --unit word --languages fr,de --switch 0.3 --out mixed
  the corpus that comes with the package:
    python -m xlkb.mixing --corpus almanac --unit words --out mixed

what comes out:
  a folder for datasets.load_from_disk and `python -m xlkb.finetuning MODEL FOLDER`: one row per
  document with its text and, span by span, language, place in the text and source; mixing.json
  holds what was asked for and what came out. The same command gives the same bytes.

Exit code: 0 done, 1 the text was refused, 2 the command was not understood.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest:
        known = [name for action in parser._actions for name in action.option_strings]
        near = difflib.get_close_matches(rest[0].partition("=")[0], known, 1)
        parser.error(f"unknown option {rest[0]}." + (f" Did you mean {near[0]}?" if near else ""))
    _complain(parser, options)
    try:
        mixing.check_free(options.out, options.replace)
        kind, _, folder = (options.corpus or "").partition(":")
        if kind == "files" and folder:
            options.text, options.corpus = files.folder(folder), None
        documents, languages, base = _documents(options)
        mixed = mixing.mix(
            documents,
            options.unit,
            languages,
            k=options.k,
            switch=options.switch,
            base=base,
            weights=options.weight or None,
            seed=options.seed,
        )
        folder = mixing.write(mixed, options.out, options.replace)
    except (ValueError, OSError) as error:
        print(f"python -m xlkb.mixing: {error}\nNo corpus was written.", file=sys.stderr)
        return 1
    _report(mixed, folder)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlkb.mixing",
        usage="%(prog)s --text LANGUAGE=FILE ... --unit UNIT --out FOLDER [options]",
        description="Make mixed-language text of parallel text, or of one language's text and a\n"
        "translator: each unit is put into a random language.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--text",
        action="append",
        default=[],
        metavar="LANGUAGE=FILE",
        help="text in one language; give it once for each",
    )
    add("--corpus", metavar="NAME", help="in place of files: almanac, academy or files:FOLDER")
    add(
        "--unit",
        required=True,
        metavar="UNIT",
        help="what is put into one language: document, sentence, words (about k words), or word "
        "(single words that the lexicon knows)",
    )
    add("--out", required=True, metavar="FOLDER", help="where the mixed corpus goes; a new folder")
    add("--k", type=int, default=8, metavar="N", help="words in a unit of --unit words (default 8)")
    add("--languages", default="", metavar="en,fr,..", help="to draw from (default: all there are)")
    add(
        "--switch",
        type=float,
        default=1.0,
        metavar="P",
        help="probability that a unit is put into a drawn language; else it stays in the base "
        "(default 1)",
    )
    add(
        "--weight",
        action="append",
        default=[],
        metavar="LANGUAGE=W",
        help="weight of a language in the draw; one for each (default: all equal)",
    )
    add("--base", metavar="LANGUAGE", help="language of what stays (default: en, else the first)")
    add("--seed", type=int, default=42, metavar="N", help="of the draws (default 42)")
    add("--phrase-mark", metavar="MARK", help="cut lines into aligned phrases at this mark")
    add(
        "--lines-per-document",
        type=int,
        metavar="N",
        help="end a document after N lines too (default: at empty lines only)",
    )
    add(
        "--translator",
        metavar="nllb:MODEL",
        help="translate the one --text into --languages; MODEL is on the hub or a folder",
    )
    add(
        "--translations",
        metavar="FILE",
        help="where translations are kept as they come, so that a stopped run goes on "
        "(default: FOLDER.translations.jsonl)",
    )
    add("--no-language-check", action="store_true", help="believe the languages that are given")
    add("--replace", action="store_true", help="put it in the place of a mixed corpus in --out")
    return parser


def _complain(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Split the options with a language in them; refuse what cannot be meant."""
    try:
        options.text = _pairs(options.text, "--text", "FILE")
        weights = _pairs(options.weight, "--weight", "W")
        options.weight = {code: float(weight) for code, weight in weights.items()}
        options.languages = [code for code in options.languages.split(",") if code]
        for codes in (options.languages, [options.base] if options.base else []):
            room.check(codes or ["en"])
    except ValueError as error:
        parser.error(str(error))
    if options.unit not in mixing.UNITS:
        near = difflib.get_close_matches(options.unit, mixing.UNITS, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        parser.error(f"--unit {options.unit}: there are {', '.join(mixing.UNITS)}.{hint}")
    if bool(options.text) == bool(options.corpus):
        parser.error("give --text for every language, or --corpus.")
    if options.translator:
        kind, _, model = options.translator.partition(":")
        if kind != "nllb" or not model:
            parser.error(f"--translator {options.translator}: write nllb:MODEL or nllb:FOLDER.")
        if len(options.text) != 1 or not options.languages:
            parser.error("--translator needs one --text and --languages to translate it into.")
    elif len(options.text) == 1 and not (options.unit == "word" and options.languages):
        (code,) = options.text
        parser.error(
            f"only {code} is given: give the same text in a second language (--text fr=fr.txt), a "
            "--translator, or --unit word with --languages (from the lexicon)."
        )


def _pairs(given: Sequence[str], option: str, what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        code, equals, value = pair.partition("=")
        if not equals or not value:
            raise ValueError(f"{option} {pair}: write {option} LANGUAGE={what}.")
        if room.get(code).code in found:
            raise ValueError(f"{option}: {code} is given twice.")
        found[code] = value
    return found


def _documents(options: argparse.Namespace) -> tuple[Dataset, list[str], str]:
    """The parallel documents, the languages to draw from, and the base."""
    if options.corpus:
        documents = corpora.load(options.corpus)
    else:
        rows = files.read(options.text, options.phrase_mark, options.lines_per_document)
        documents = corpora.dataset(rows, list(options.text))
        if not options.no_language_check:
            _check_languages(options.text)
    given = corpora.languages_of(documents)
    base = options.base or ("en" if "en" in given else given[0])
    if options.translator:
        base = given[0]
        model = options.translator.partition(":")[2]
        documents = translation.documents(
            documents,
            translation.nllb(model),
            list(dict.fromkeys((base, *options.languages))),
            base,
            options.translations or f"{Path(options.out)}.translations.jsonl",
            options.k if options.unit == "words" else None,
            name=options.translator,
        )
    elif options.unit == "words" and _unphrased(documents):
        raise ValueError(
            "--unit words needs phrases that are aligned, and these sentences are not cut into "
            'any: mark them in the files and name the mark (--phrase-mark "|"), or use --unit '
            "sentence."
        )
    if options.unit == "document" and len(documents) == 1:
        raise ValueError(
            "there is one document only, which would be in one language: end documents with an "
            "empty line in all files, or give --lines-per-document 20."
        )
    return documents, options.languages or list(corpora.languages_of(documents)), base


def _unphrased(documents: Dataset) -> bool:
    return all(len(segments) == 1 for row in documents for _, segments in corpora.grouped(row))


def _check_languages(texts: dict[str, str]) -> None:
    problems = []
    for code, file in texts.items():
        lines = Path(file).expanduser().read_text(encoding="utf-8-sig").split("\n")
        for number, found, probability, line in audit.wrong_lines(lines, code):
            problems.append(
                f"{file}, line {number}: given as {LANGUAGES[code].name}, but it reads as "
                f"{LANGUAGES[found].name} ({probability:.0%} sure): {line[:60]!r}"
            )
    if problems:
        more = [f"and {len(problems) - 10} more lines"] if len(problems) > 10 else []
        listed = "\n  ".join([*problems[:10], *more])
        raise ValueError(
            f"text in the wrong language (--no-language-check to take it as it is):\n  {listed}"
        )


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

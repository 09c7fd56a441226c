"""The options of the command `xlkb mix`, and the help that teaches it."""

import argparse
from collections.abc import Sequence

from xlkb.commands import line
from xlkb.corpora import faults, mixing, translators, wikitext
from xlkb.ground import languages as room
from xlkb.ground import names

LIMITS = {fault: share for fault, share in faults.LIMITS.items() if fault != "options"}
"""Those of documents; questions have options."""

EXAMPLES = """\
the text:
  One UTF-8 file per language, one sentence per line; line 7 of fr.txt translates line 7 of en.txt.
  An empty line, in all files, ends a document. Bad input (different numbers of lines, a line that
  is blank in one file only or is in another language, an empty file) is refused with its line,
  before anything is written.

examples:
  two files, every sentence in English or French at random:
    xlkb mix --text en=en.txt --text fr=fr.txt --unit sentence --out mixed
  the same text cut into units of about 8 words; "|" in the files marks where phrases align:
    xlkb mix --text en=en.txt --text fr=fr.txt --unit words \\
        --phrase-mark "|" --out mixed
  three times as much English as French, and only a third of the sentences drawn at all:
    xlkb mix --text en=en.txt --text fr=fr.txt --unit sentence --out mixed \\
        --weight en=3 --weight fr=1 --switch 0.33
  English text only, translated by a model from the hub or from a folder:
    xlkb mix --text en=en.txt --translator nllb:facebook/nllb-200-distilled-600M \\
        --languages en,fr,sw --unit words --out mixed
  WikiText-2 in the paper's five languages, its sentences cut after 8 words and translated; from the
  hub, or from files of yours as --corpus wikitext-2:FOLDER (wikitext-2:FILE):
    xlkb mix --corpus wikitext-2 --translator nllb:facebook/nllb-200-distilled-600M \\
        --languages en,fr,de,es,it --unit words --out mixed
  100 articles of it, translated by a model behind an OpenAI-compatible endpoint (a key for it is
  read from the environment variable OPENAI_API_KEY), and some of it back, to compare:
    xlkb mix --corpus wikitext-2 --documents 100 --languages en,sw,he \\
        --translator api:MODEL@https://HOST/v1 --back-translate 50 --unit sentence --out mixed
  English text only, single words out of the package's lexicon (best in en fr de es it):
    xlkb mix --text en=en.txt --unit word --languages fr,de --switch 0.3 --out mixed
  a corpus that comes with the package:
    xlkb mix --corpus almanac --unit words --out mixed

translations:
  Each batch is kept in FOLDER.translations.jsonl as it comes: a run that was stopped goes on there
  when the command is given again. Those of two documents are audited first, all of them before
  anything is mixed. The command refuses them, and shows the ten worst, where more than this share
  of a language's texts has a fault:
    {limits}
  (no text; a copy of the source; in another language; three times as long or as short as usual;
  lost when translated back). After a look at them, --limit copy=0.1 lets more pass.

what comes out:
  a folder for datasets.load_from_disk and `xlkb finetune MODEL FOLDER`: one row per
  document with its text and, span by span, language, place in the text and source; mixing.json
  holds what was asked for and what came out. The same command gives the same bytes.

Exit code: 0 done, 1 failed, 2 the command was not understood, or the text is refused.
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked; those with a language in them as dicts.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    parser = _parser()
    options = line.parse(parser, arguments)
    try:
        _complain(parser, options)
    except ValueError as error:
        parser.error(str(error))
    return options


def _parser() -> argparse.ArgumentParser:
    shares = ", ".join(f"{fault}={share:g}" for fault, share in LIMITS.items())
    parser = argparse.ArgumentParser(
        prog="xlkb mix",
        usage="%(prog)s (--text LANGUAGE=FILE ... | --corpus NAME) --unit UNIT --out FOLDER [...]",
        description="Make mixed-language text of parallel text, or of one language's text and a\n"
        "translator: each unit is put into a random language.",
        epilog=EXAMPLES.replace("{limits}", shares),
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
    add(
        "--corpus",
        metavar="NAME",
        help="in place of files: almanac, academy or files:FOLDER, in several languages; or, in "
        f"English, {', '.join(wikitext.NAMES)}, from the hub or as NAME:FOLDER",
    )
    add(
        "--documents",
        type=int,
        metavar="N",
        help="at most N documents, drawn by --seed (default: all)",
    )
    add(
        "--unit",
        required=True,
        metavar="UNIT",
        help="what is put into one language: document, sentence, words (about k words), or word "
        "(single words that the lexicon knows)",
    )
    add("--out", required=True, metavar="FOLDER", help="where the mixed corpus goes; a new folder")
    add("--k", type=int, metavar="N", help="words in a unit of --unit words (default 8)")
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
        metavar="NAME",
        help="translate the one --text, or the --base of --corpus, into --languages: nllb:MODEL (a "
        "folder, or org/name[@revision] on the hub) or api:MODEL@URL (OpenAI-compatible)",
    )
    add(
        "--translations",
        metavar="FILE",
        help="where translations are kept as they come, so that a stopped run goes on "
        "(default: FOLDER.translations.jsonl)",
    )
    add(
        "--limit",
        action="append",
        default=[],
        metavar="FAULT=SHARE",
        help="share of a language's translations that may have a fault (default: see below)",
    )
    add(
        "--back-translate",
        type=int,
        default=0,
        metavar="N",
        help="audit N translations per language by translating them back, too",
    )
    add("--no-language-check", action="store_true", help="believe the languages that are given")
    add("--replace", action="store_true", help="put it in the place of a mixed corpus in --out")
    return parser


def _complain(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Split the options with a pair in them; refuse what cannot be meant."""
    options.text = _by_language(options.text, "--text", "FILE")
    weights = _by_language(options.weight, "--weight", "W")
    options.weight = {code: _number(weight, "--weight") for code, weight in weights.items()}
    limits = _pairs(options.limit, "--limit", "FAULT=SHARE")
    options.limit = {fault: _number(share, "--limit") for fault, share in limits.items()}
    for fault in options.limit:
        if fault not in LIMITS:
            parser.error(f"--limit {fault}: there are {', '.join(LIMITS)}.")
    faults.limits(options.limit)
    options.languages = names.given(options.languages, "--languages")
    for codes in (options.languages, [options.base] if options.base else []):
        room.check(codes or ["en"])
    if options.unit not in mixing.UNITS:
        parser.error(f"--unit {options.unit}: {names.nearest(options.unit, mixing.UNITS)}")
    if bool(options.text) == bool(options.corpus):
        parser.error("give --text for every language, or --corpus.")
    for name, least in (("documents", 1), ("k", 1), ("lines_per_document", 1), ("seed", 0)):
        value = getattr(options, name)
        if value is not None and value < least:
            option = f"--{name.replace('_', '-')}"
            parser.error(f"{option} {value}: it must be at least {least}.")
    if not 0 <= options.switch <= 1:
        parser.error(f"--switch {options.switch}: it is a probability, from 0 to 1.")
    if options.phrase_mark is not None and not options.phrase_mark.strip():
        parser.error("--phrase-mark: give a character that the text has nowhere else, as '|'.")
    if options.weight and (options.languages or options.text):
        mixing.weighted(options.languages or list(options.text), options.weight)
    _complain_of_translation(parser, options)
    _complain_of_idle(parser, options)


def _complain_of_translation(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    public = (options.corpus or "").partition(":")[0] in wikitext.NAMES
    given = list(options.text) if options.text else ["en"] if public else []
    if options.back_translate < 0:
        parser.error(f"--back-translate {options.back_translate}: it must be at least 0.")
    if given and options.base and options.base not in given:
        parser.error(f"--base {options.base}: there is no text in it, only in {', '.join(given)}.")
    if options.translator:
        translators.check(options.translator)
        if len(options.text) > 1 or not options.languages:
            parser.error("--translator needs one --text and --languages to translate it into.")
    elif len(given) == 1 and not (options.unit == "word" and options.languages):
        parser.error(
            f"only {given[0]} is given: give the same text in a second language (--text "
            "fr=fr.txt), a --translator, or --unit word with --languages (from the lexicon)."
        )


def _complain_of_idle(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Refuse each option that would change nothing."""
    own = "--text or files:FOLDER"
    files = bool(options.text) or (options.corpus or "").startswith("files:")
    word = options.unit == "word"
    for option, given, needed in (
        ("--k", options.k is not None and options.unit != "words", "--unit words"),
        ("--phrase-mark", options.phrase_mark and not files, own),
        ("--lines-per-document", options.lines_per_document and not files, own),
        ("--no-language-check", options.no_language_check and not files, own),
        ("--translations", options.translations and not options.translator, "--translator"),
        ("--limit", options.limit and not options.translator, "--translator"),
        ("--back-translate", options.back_translate and not options.translator, "--translator"),
        ("--translator", options.translator and word, "a unit other than word, whose words come "
         "from the lexicon"),
        ("a second --text", len(options.text) > 1 and word, "a unit other than word, which reads "
         "one language and takes --languages from the lexicon"),
        ("--weight", options.weight and not options.switch, "a --switch above 0"),
        ("--limit back_translation", "back_translation" in options.limit
         and not options.back_translate, "--back-translate"),
    ):  # fmt: skip
        if given:
            parser.error(f"{option} goes with {needed}: here it would change nothing.")


def _by_language(given: Sequence[str], option: str, what: str) -> dict[str, str]:
    found = _pairs(given, option, f"LANGUAGE={what}")
    for code in found:
        room.get(code)
    return found


def _pairs(given: Sequence[str], option: str, form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise ValueError(f"{option} {pair}: write {option} {form}.")
        if name in found:
            raise ValueError(f"{option}: {name} is given twice.")
        found[name] = value
    return found


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{option}: {text!r} is no number.") from None

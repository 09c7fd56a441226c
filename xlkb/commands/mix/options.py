"""The options of the command `xlkb mix`, and the help that teaches it."""

import argparse
from collections.abc import Sequence

from xlkb.commands import line
from xlkb.commands.before import readers
from xlkb.corpora import faults, mixing, translators, wikitext

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


OPTIONS = f"""
--text LANGUAGE=FILE  text in one language; give it once for each
--corpus NAME  in place of files: almanac, academy or files:FOLDER, in several languages; or, in
    English, {", ".join(wikitext.NAMES)}, from the hub or as NAME:FOLDER
--documents N  at most N documents, drawn by --seed (default: all)
--unit UNIT  what is put into one language: document, sentence, words (about k words), or word
    (single words that the lexicon knows)
--out FOLDER  where the mixed corpus goes; a new folder
--k N  words in a unit of --unit words (default 8)
--languages en,fr,..  to draw from (default: all there are)
--switch P  probability that a unit is put into a drawn language; else it stays in the base
    (default 1)
--weight LANGUAGE=W  weight of a language in the draw; one for each (default: all equal)
--base LANGUAGE  language of what stays (default: en, else the first)
--seed N  of the draws (default 42)
--phrase-mark MARK  cut lines into aligned phrases at this mark
--lines-per-document N  end a document after N lines too (default: at empty lines only)
--translator NAME  translate the one --text, or the --base of --corpus, into --languages: nllb:MODEL
    (a folder, or org/name[@revision] on the hub) or api:MODEL@URL (OpenAI-compatible)
--translations FILE  where translations are kept as they come, so that a stopped run goes on
    (default: FOLDER.translations.jsonl)
--limit FAULT=SHARE  share of a language's translations that may have a fault (default: see below)
--back-translate N  audit N translations per language by translating them back, too
--no-language-check  believe the languages that are given
--replace  put it in the place of a mixed corpus in --out
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, checked; those with a language in them as dicts.

    Raises:
        SystemExit: code 2 with a message when the command is not understood; 0 after --help.
    """
    parser = _parser()
    options = line.parse(parser, arguments)
    try:
        _complain(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def _parser() -> argparse.ArgumentParser:
    shares = ", ".join(f"{fault}={share:g}" for fault, share in LIMITS.items())
    parser = line.parser(
        "mix",
        "Make mixed-language text of parallel text, or of one language's text and a\n"
        "translator: each unit is put into a random language.",
        EXAMPLES.replace("{limits}", shares),
        "%(prog)s (--text LANGUAGE=FILE ... | --corpus NAME) --unit UNIT --out FOLDER [...]",
    )
    line.add(
        parser,
        OPTIONS,
        required=("--unit", "--out"),
        text=(readers.code, readers.text),
        documents=readers.at_least(1),
        unit=readers.one_of(mixing.UNITS),
        k=readers.at_least(1),
        languages=readers.codes,
        switch=readers.probability,
        weight=(readers.code, readers.number),
        base=readers.code,
        seed=readers.at_least(0),
        phrase_mark=_mark,
        lines_per_document=readers.at_least(1),
        limit=(_fault, readers.number),
        back_translate=readers.at_least(0),
    )
    parser.set_defaults(languages=[], switch=1.0, seed=42, back_translate=0)
    return parser


def _mark(value: str) -> str:
    if not value.strip():
        wrong = f"{value!r}: give a character that the text has nowhere else, as '|'."
        raise argparse.ArgumentTypeError(wrong)
    return value


def _fault(value: str) -> str:
    if value not in LIMITS:
        raise argparse.ArgumentTypeError(f"{value}: there are {', '.join(LIMITS)}.")
    return value


def _complain(options: argparse.Namespace) -> None:
    """Refuse what cannot be meant; ValueError says what."""
    faults.limits(options.limit)
    if bool(options.text) == bool(options.corpus):
        raise ValueError("give --text for every language, or --corpus.")
    if options.weight and (options.languages or options.text):
        mixing.weighted(options.languages or list(options.text), options.weight)
    _complain_of_translation(options)
    _complain_of_idle(options)


def _complain_of_translation(options: argparse.Namespace) -> None:
    public = (options.corpus or "").partition(":")[0] in wikitext.NAMES
    given = list(options.text) if options.text else ["en"] if public else []
    if given and options.base and options.base not in given:
        raise ValueError(
            f"--base {options.base}: there is no text in it, only in {', '.join(given)}."
        )
    if options.translator:
        translators.check(options.translator)
        if len(options.text) > 1 or not options.languages:
            raise ValueError("--translator needs one --text and --languages to translate it into.")
    elif len(given) == 1 and not (options.unit == "word" and options.languages):
        raise ValueError(
            f"only {given[0]} is given: give the same text in a second language (--text "
            "fr=fr.txt), a --translator, or --unit word with --languages (from the lexicon)."
        )


def _complain_of_idle(options: argparse.Namespace) -> None:
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
            raise ValueError(f"{option} goes with {needed}: here it would change nothing.")

"""xlkb export eee: what a model answered, as Every Eval Ever's JSON."""

import argparse
import re
import shlex
from collections.abc import Sequence

from xlkb.commands import line
from xlkb.commands.before import preflight
from xlkb.commands.export import results
from xlkb.exchange import every_eval_ever, origins

EXAMPLES = f"""\
examples:
  what the demo's model answered to the demo's questions (asked now where it was not before):
    xlkb export eee pip:gemma-3-270m --out eee
  two languages of your own questions, under the name that the model has on the hub:
    xlkb export eee path:my-model --task path:questions.jsonl --languages en,fr \\
        --model-id ORG/NAME --organization "Our lab" --relation first_party --out eee
  answers that were stored or imported:
    xlkb export eee rows:answers.parquet --out eee

{results.ASKS}
Below FOLDER come data/COLLECTION/DEVELOPER/MODEL/UUID.json (accuracy with n and 95 % interval, for
each language) and UUID_samples.jsonl (each question with the texts, the choice and the
log-likelihoods), in schema {every_eval_ever.SCHEMA}. The same answers give the same bytes. The
samples hold the questions' texts: think before you publish them. Nothing is sent anywhere; the
command ends with the line that would propose the files to the collection on the hub.
"""

OPTIONS = f"""
--model-id ORG/NAME  what the model is called on the hub (default: by its name here, as pip/NAME)
--organization NAME  who reports the results (default: unknown)
--relation RELATION  the reporter's to the model's maker: {", ".join(every_eval_ever.RELATIONS)}
    (default: other)
"""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; SystemExit as of `line.parse`."""
    about = "Write a model's results, and each answer, as JSON in the schema Every Eval Ever."
    parser = line.parser("export eee", about, EXAMPLES)
    parser.set_defaults(organization="unknown", relation="other")
    options = results.parse(parser, OPTIONS, arguments)
    if options.model_id and not re.fullmatch(origins.REPOSITORY, options.model_id):
        parser.error(f"--model-id {options.model_id}: write ORG/NAME, as google/gemma-3-270m.")
    if options.relation not in every_eval_ever.RELATIONS:
        known = ", ".join(every_eval_ever.RELATIONS)
        parser.error(f"--relation {options.relation}: there are: {known}.")
    return options


uses = results.uses


def check(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, after all that can be wrong in them was looked at; errors as of `results`."""
    options = parse(arguments)
    results.check(options)
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return line.command(lambda: _main(parse(arguments)), "Answers that came are stored.")


def _main(options: argparse.Namespace) -> int:
    preflight.require(uses(options))
    results.check(options)
    with line.computing():
        answers, when, pinned = results.given(options)
        about = every_eval_ever.About(
            when, options.model_id or "", options.organization, options.relation, pinned
        )
        written = every_eval_ever.export(answers, options.out, about, options.rule)
    for path in written:
        print(path)
    if not any(path.suffix == ".jsonl" for path in written):
        print("Without samples: the rows have no texts.")
    data = shlex.quote(str(options.out / "data"))
    print(
        "Nothing was sent. To propose them to the collection:\n"
        f"  hf upload {every_eval_ever.STORE} {data} data --repo-type dataset --create-pr"
    )
    return 0

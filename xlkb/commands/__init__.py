"""The commands: `xlkb COMMAND …`, or `python -m xlkb COMMAND …`. One module each, thin.

Options in, one call, messages out. A command's module has `main(arguments)`, which returns the exit
code, `parse(arguments)`, which returns the options, `uses(options)`, which names what it needs of
the hub and of other packages (`preflight` asks for all of that at once), and `check(arguments)`,
which raises what would stop it before it computes anything.
Importing this room needs the standard library only.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from xlkb.commands import line
from xlkb.commands.before import streams
from xlkb.ground import names, stops

if TYPE_CHECKING:
    from xlkb.commands.before.wanted import Wanted

COMMANDS = {
    "reproduce": "run the notebooks and make every table and figure",
    "card": "a model's barrier card: what it loses in which language, with examples",
    "compare": "models, ways of asking or stored answers on the same questions, perhaps as a gate",
    "mend": "teach a model mixed-language text, and say what that brought and what it cost",
    "score": "ask a model your own questions, a hundred or a million",
    "mix": "make mixed-language text of parallel text, or of one language and a translator",
    "finetune": "teach a model a corpus, by LoRA, QLoRA or in full",
    "tofu": "teach a model the authors of TOFU, and ask about them before and after",
    "export": "write answers or questions in formats that others read",
    "import": "take answers from other tools, as lm-evaluation-harness",
    "models": "list models on the hub that are of interest here",
}
"""Names and what they do; `xlkb.commands.NAME` is the module, unless `MODULES` says otherwise."""

MODULES = {"import": "imported", "score": "models.score"}

EXAMPLES = """\
examples:
  xlkb reproduce --only 02
  xlkb mix --corpus almanac --unit words --out mixed
  xlkb finetune pip:gemma-3-270m mixed --recipe lora
  xlkb card hub:ORG/NAME
  xlkb COMMAND --help                                   what each takes, with more examples

Exit code: 0 done, 1 failed, 2 the command was not understood or cannot be done, 130 stopped
(143 by SIGTERM).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code.

    Raises:
        SystemExit: code 2 with a message when it is not understood; 0 after --help.
    """
    streams.opened()
    if sys.flags.optimize > 1:
        told = "transformers reads the documentation in its code, which Python leaves out with -OO"
        return line.say(f"{told} or PYTHONOPTIMIZE=2: use -O, or neither.", 2)
    name, *rest = _read(sys.argv[1:] if arguments is None else arguments)
    given = [value for variable, value in os.environ.items() if variable.startswith("XLKB_")]
    if told := streams.unreadable([*rest, *given]):
        streams.printable()
        return line.say(told, 2)
    if name != "finetune" and (several := int(os.environ.get("WORLD_SIZE", "1"))) > 1:
        told = f"xlkb {name} runs in one process, and {several} were started: only xlkb finetune"
        return line.say(f"{told} takes accelerate launch or torchrun.", 2)
    with stops.terminable():
        try:
            from xlkb.ground import progress

            with progress.lines(f"xlkb {name}"):
                return _module(name).main(rest)
        except KeyboardInterrupt as stop:  # While libraries are imported.
            return line.stopped(stop)
        except (MemoryError, ImportError) as error:
            if not stops.out_of_memory(error):
                raise
            return line.say(stops.without_memory(error), 1)


def check(arguments: Sequence[str]) -> None:
    """Raise what would stop a command line before it computes anything.

    Raises:
        SystemExit: it is not understood. ValueError, OSError, ImportError, RuntimeError: it would
            be refused.
    """
    name, *rest = _read(arguments)
    _module(name).check(rest)


def uses(arguments: Sequence[str]) -> "Wanted":
    """What a command line will use of what may not be there; SystemExit as of `check`."""
    name, *rest = _read(arguments)
    module = _module(name)
    return module.uses(module.parse(rest))


def parse(arguments: Sequence[str]) -> None:
    """Read a command line and look at nothing that it names; SystemExit as of `check`."""
    name, *rest = _read(arguments)
    _module(name).parse(rest)


def _read(arguments: Sequence[str]) -> list[str]:
    """The command's name and its own arguments."""
    listed = "\n".join(f"  {name:10} {text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="xlkb",
        usage="xlkb COMMAND [options]",
        description="Does a multilingual LLM know in French what it knows in English?",
        epilog=f"commands:\n{listed}\n\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", metavar="COMMAND", help="one of those below")
    # What follows the command is its own, its --help too.
    if not arguments:
        parser.error(f"name a command; there are: {', '.join(COMMANDS)}.")
    found = parser.parse_args(list(arguments[:1]))
    if found.command not in COMMANDS:
        parser.error(names.unknown("command", found.command, COMMANDS))
    return [found.command, *arguments[1:]]


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"xlkb.commands.{MODULES.get(name, name)}")

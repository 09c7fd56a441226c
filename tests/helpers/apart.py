"""Processes for tests to kill: forked from one that has imported all, so that a start costs little.

That one has computed nothing, whose threads a fork would copy, locked. The kills are real.
"""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.connection import Connection

IMPORTED = ["datasets", "hypothesis", "openai", "peft", "pytest", "tiny", "xlkb.scoring.evaluation"]
IMPORTED += ["xlkb.training.finetuning", "xlkb.training.loop.trainable"]
IMPORTED += ["xlkb.models.gguf_conversion"]
IMPORTED += [f"transformers.models.{name}.modeling_{name}" for name in ("llama", "gemma3")]

IMPORTED += [f"xlkb.commands.{name}" for name in ("card", "compare", "mend")]
IMPORTED += ["xlkb.report.reference", "xlkb.scoring.likelihoods", "py3langid"]

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(IMPORTED)


def start(run: Callable, *arguments: object) -> tuple[multiprocessing.Process, Connection]:
    """`run(say, *arguments)` in a silent process of its own, and what it says, to be received.

    `run` is a function of a module, which `say` passes an object on.
    """
    heard, said = CONTEXT.Pipe(duplex=False)
    given = (said, dict(os.environ), run, arguments)
    process = CONTEXT.Process(target=_run, args=given, daemon=True)
    process.start()
    said.close()
    return process, heard


def _run(said: Connection, environment: dict[str, str], run: Callable, arguments: tuple) -> None:
    os.environ.clear()
    os.environ.update(environment)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    run(said.send, *arguments)

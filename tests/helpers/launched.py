"""Processes that train together, as `accelerate launch` starts them; and FSDP2 on a CPU.

accelerate shards on GPUs only, and trains by DDP where there is none. torch's FSDP2 itself works on
a CPU (gloo), so that all that is needed is an accelerate that is told otherwise.
"""

import io
import os
import socket
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import apart
import yaml

from xlkb.commands import finetune
from xlkb.training import finetuning, processes


def start(n: int, request: list[str], sharded: bool = False, grace: float = 0) -> list[tuple]:
    """`xlkb finetune` in n processes (a checkpoint at each step), and what each says in the end:
    exit code, stdout and stderr.

    grace: seconds in which a launcher, which there is not, would end those that the first left.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(n), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if sharded:
        shared |= configured("fsdp")
    return [
        apart.start(_finetune, shared | {"RANK": rank, "LOCAL_RANK": rank}, request, grace)
        for rank in map(str, range(n))
    ]


def said(started: list[tuple]) -> list[tuple[int, str, str]]:
    """What each process said, when all have ended."""
    found = [heard.recv() for _, heard in started]
    for process, _ in started:
        process.join()
    return found


def configured(name: str) -> dict[str, str]:
    """The variables that accelerate launch makes of a configuration in the package."""
    file = finetune.CONFIGURATIONS / f"{name}.yaml"
    values = yaml.safe_load(Path(file).read_text(encoding="utf-8")).get("fsdp_config", {})
    named = {key.upper(): str(value) for key, value in values.items()}
    return {"ACCELERATE_USE_FSDP": "true", **named} if named else {}


def shard_on_a_cpu() -> None:
    """Let accelerate, in this process, shard on a CPU, too."""
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import DistributedType

    begin, plugins = AcceleratorState.__init__, []

    def begin_sharded(self: AcceleratorState, *arguments: object, **named: object) -> None:
        begin(self, *arguments, **named)
        plugins.extend([named["fsdp_plugin"]] if named.get("fsdp_plugin") else [])
        if plugins:  # Each state copies the partial one anew.
            for state in (AcceleratorState._shared_state, PartialState._shared_state):
                state["distributed_type"] = DistributedType.FSDP
            AcceleratorState._shared_state["fsdp_plugin"] = plugins[-1]

    AcceleratorState.__init__ = begin_sharded
    processes.SHARDING.add("cpu")


def _finetune(say: Callable, environment: dict[str, str], request: list[str], grace: float) -> None:
    os.environ.update(environment)
    if "ACCELERATE_USE_FSDP" in environment:
        shard_on_a_cpu()
    processes.GRACE = grace
    finetuning.train = partial(finetuning.train, checkpoint_seconds=0)
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        try:
            code = finetune.main(request)
        except SystemExit as stop:
            code = stop.code
    say((code, out.getvalue(), err.getvalue()))


if __name__ == "__main__":  # accelerate launch … tests/helpers/launched.py finetune …
    from xlkb import commands

    shard_on_a_cpu()
    sys.exit(commands.main())

"""What a run will cost, before it starts: questions, prompts, tokens, time, GPU hours, money.

Counted from the profile alone, without models, data or network, so tokens are estimates (`steps`).
What is shared between prompts is counted each time, so that scoring comes out below the estimate.
Time on this machine follows from how fast it multiplies matrices and reads from its disk, which is
measured for a second or two.
"""

import contextlib
import math
import re
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

from xlkb import models
from xlkb.commands.before import preflight
from xlkb.commands.before.steps import AGAIN, ASKED, BOTTLE, Step, steps
from xlkb.ground import disk, progress
from xlkb.models import api, hub_models
from xlkb.profiles import Run

FLOPS = 2e14
"""Floating-point operations per second that one GPU does in practice (half of an H100's peak in
dense bfloat16 is 5e14; scoring and short sequences reach less)."""

BODY = {"pip:gemma-3-270m": 0.100, "pip:smollm2-135m": 0.106, BOTTLE: 0.0003}
"""Parameters in billions that every token passes: in models this small, the embedding, whose rows
are looked up, is much of the whole (0.27 and 0.135). The bottle's have a third of what stands here:
their matrices are too small for a processor to be fast at."""

IN_PRACTICE = {"cpu": 0.9, "cuda": 0.3, "mps": 0.3}
"""Operations of this plan that are done in the time of one of a large matrix product: small ones
are slower, but what prompts share is computed once. The demo took 124 min on 2 cores at 66 GFLOP/s,
and 31 on 2 that are four times as fast. On a GPU, that product is `FLOPS` over this."""

MEASURED = 0.5
"""Seconds for which matrices are multiplied."""

WORTH_READING = 1e10
"""Bytes of weights from which the time to read them counts, and so the disk is measured."""


def table(run: Run, notebooks: Iterable[str]) -> pd.DataFrame:
    """One row per notebook, model and kind of work.

    Returns:
        `notebook, model, what, prompts` (texts that are read or written), `tokens` (millions),
        `gpu_hours` (NaN where the model's size is not known), `usd` (for `api:` models, from
        `$XLKB_API_PRICE`; NaN without).
    """
    chosen = {name[:2] for name in notebooks}
    sizes = {known["name"]: known["billions"] for known in hub_models.known()}
    rows = []
    for step in steps(run):
        if step.notebook not in chosen:
            continue
        billions = sizes.get(step.model.partition("@")[0]) or math.nan
        hours = 2e9 * billions * step.tokens * step.passes / FLOPS / 3600
        rows.append((*step[:4], step.tokens / 1e6, hours, _money(step, run.style)))
    columns = ["notebook", "model", "what", "prompts", "tokens", "gpu_hours", "usd"]
    return pd.DataFrame(rows, columns=columns)


def _chosen(run: Run, notebooks: Iterable[str]) -> list[Step]:
    """The steps of some notebooks; what one of them asks again of what another did, once."""
    chosen = {name[:2] for name in notebooks}
    return [
        step
        for step in steps(run)
        if step.notebook in chosen and not (step.what == AGAIN and ASKED in chosen)
    ]


def summary(run: Run, notebooks: Iterable[str]) -> str:
    """The totals of `table` in a line; GPU hours and USD where they are known."""
    total = _total(table(run, notebooks))
    parts = [f"{total['prompts']:,.0f} prompts", f"{total['tokens']:,.1f} M tokens"]
    if pd.notna(total["gpu_hours"]):
        parts.append(f"{total['gpu_hours']:,.1f} GPU hours")
    if pd.notna(total["usd"]):
        parts.append(f"USD {total['usd']:,.2f}")
    if spent := duration(run, notebooks):
        parts.append(spent)
    return f"About {', '.join(parts)}: estimates, less what is stored; --dry-run lists the steps."


def duration(run: Run, notebooks: Iterable[str]) -> str:
    """The time that this machine will take, in words; "" where nothing is known or computed.

    Models of unknown size, and those behind an endpoint, are left out and named.
    """
    if models.replaying():
        return ""
    chosen = {name[:2] for name in notebooks}
    work = {name: 0.0 for name in (*run.every_model, BOTTLE)}
    for step in steps(run):
        if step.notebook in chosen:
            work[step.model] += 2e9 * step.tokens * step.passes
    sizes = {name: billions(name) for name in work if work[name]}
    unknown = [name for name, size in sizes.items() if size is None]
    if len(unknown) == len(sizes):
        return ""
    rate, device, where = speed()
    seconds = sum(work[name] * size for name, size in sizes.items() if size is not None)
    seconds /= rate * IN_PRACTICE[device]
    loaded = 2e9 * sum(sizes.get(name) or 0 for n in chosen for name in run.models_of(n))
    if loaded > WORTH_READING:
        with contextlib.suppress(OSError):  # A cache may be there to be read only.
            read = disk.read_rate(preflight.cache())
            seconds += loaded / read
            where += f"; {loaded / 1e9:,.0f} GB of weights read at {read / 1e9:.1f} GB/s"
    spent = progress.roughly(seconds)
    without = f", without {', '.join(unknown)}" if unknown else ""
    return f"{spent} on this machine ({where}){without}"


def billions(name: str) -> float | None:
    """Parameters in billions that a token passes, by the list, the files, or the model's name."""
    kind, _, rest = name.partition(":")
    known = BODY | {each["name"]: each["billions"] for each in hub_models.known()}
    if size := known.get(name.partition("@")[0]):
        return size
    if kind == "path":
        files = Path(rest).expanduser().glob("*.safetensors")
        return sum(file.stat().st_size for file in files) / 2e9 or None  # As if in bfloat16.
    found = re.search(r"(?<![\d.])(\d+(?:\.\d+)?)([BM])(?![A-Z])", rest, re.I)
    if kind != "hub" or found is None:
        return None
    return float(found[1]) / (1 if found[2].upper() == "B" else 1000)


@cache
def speed() -> tuple[float, str, str]:
    """What this machine computes: FLOP/s of a large product, kind of device, both in words."""
    import torch

    any_model = models.LanguageModel("", "", "", "")  # Dtype and device that "auto" means here.
    dtype, device = any_model.compute_dtype, any_model.device.partition(":")[0]
    size = 1024 if device == "cpu" else 8192
    a, b = (torch.ones(size, size, dtype=getattr(torch, dtype), device=device) for _ in "ab")
    wait = getattr(getattr(torch, device), "synchronize", lambda: None)
    torch.mm(a, b)
    wait()
    begun, count = time.perf_counter(), 0
    while time.perf_counter() - begun < MEASURED:
        torch.mm(a, b)
        wait()
        count += 1
    rate = 2 * size**3 * count / (time.perf_counter() - begun)
    cores = torch.get_num_threads()
    what = f"{cores} core{'s' * (cores > 1)}" if device == "cpu" else device
    if device == "cuda":
        what = torch.cuda.get_device_name()
    return rate, device, f"{what}, {rate / 1e9:,.0f} GFLOP/s in {dtype}"


def in_words(run: Run, notebooks: Iterable[str]) -> str:
    """The plan as text: the table, its totals and what they rest on."""
    found = table(run, notebooks)
    if found.empty:
        return "Nothing to do."
    total = _total(found)
    shown = pd.concat([found, total.to_frame().T.assign(notebook="all", model="", what="")])
    shown["prompts"] = shown["prompts"].map("{:,.0f}".format)
    for column in ("tokens", "gpu_hours", "usd"):
        shown[column] = shown[column].map(lambda x: "" if pd.isna(x) else f"{x:,.2f}")
    shown = shown.rename(columns={"tokens": "tokens (M)", "gpu_hours": "GPU hours", "usd": "USD"})
    return (
        f"{shown.to_string(index=False)}\n\n"
        "Estimates from the profile alone. GPU hours: one GPU at "
        f"{FLOPS / 1e12:,.0f} TFLOP/s in practice; blank for models of unknown size (on a laptop, "
        "see below). USD: for api: models, with XLKB_API_PRICE set. What is stored already costs "
        "nothing."
        + (f"\nAbout {spent}." if (spent := duration(run, notebooks)) else "")
        + "".join(f"\n\nAfter a whole run, not counted above: xlkb {each}" for each in run.then)
    )


def _total(found: pd.DataFrame) -> pd.Series:
    """Sums of a `table`, NaN for what is known of no step."""
    return found[["prompts", "tokens", "gpu_hours", "usd"]].sum(min_count=1)


def _money(step: Step, style: str = "") -> float:
    price = api.price()
    if price is None or not step.model.startswith("api:"):
        return math.nan
    read, written = price
    requests = 4 if style == "cloze" else 1  # One for each choice.
    return requests * (step.tokens * read + step.prompts * written) / 1e6

"""A real server of llama.cpp, with the default model's own GGUF file, beside a local copy of it."""

import subprocess
import sys
import time

import installed
import numpy as np
import pytest

from xlkb import models, scoring, tasks
from xlkb.models import api, pip_models
from xlkb.scoring.served import texts
from xlkb.tasks import Asking, prompts, recompose

SERVE = """
import sys, time, xllamacpp
given = xllamacpp.CommonParams()
given.model.path, given.port, given.n_ctx, given.n_parallel = sys.argv[1], 0, 8192, 4
given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(given)
print("at", server.listening_address, flush=True)
time.sleep(3600)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server in a process of its own."""
    installed.or_skip("pip:gemma-3-270m")
    pytest.importorskip("xllamacpp", reason="xllamacpp, a server of llama.cpp, is not installed")
    file = tmp_path_factory.mktemp("gguf") / "gemma.gguf"
    known = pip_models.PIP_MODELS["gemma-3-270m"]
    pip_models._checked(known, pip_models.parts("gemma-3-270m"), file)
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen([sys.executable, "-c", SERVE, str(file)], **quiet) as process:
        try:
            said = next((line for line in process.stdout if line.startswith("at ")), None)
            if said is None:
                pytest.skip(f"xllamacpp does not run on this CPU (exit code {process.wait()})")
            yield said.split()[1]
        finally:
            process.kill()
            file.unlink()


@pytest.mark.slow
@pytest.mark.real_model
def test_llama_cpp_decides_as_a_local_copy_does(server, results_folder, monkeypatch, capsys):
    monkeypatch.delenv(api.KEY, raising=False)
    local = models.load("pip:gemma-3-270m", dtype="float32", device="cpu")
    served = models.load(f"api:gemma@{server}/v1")
    assert texts.way(served) == "grammar", "its echo is not heard"
    assert served.context == 2048

    questions = tasks.load("worldfacts", ["en", "fr"], n=8)
    asked = recompose.grid(questions, ["full"], ["en", "fr"], 42).to_list()
    built = [prompts.build(each, Asking.of("cloze"), []) for each in asked]
    pairs = [scoring.Pair(each.context, c) for each in built for c in each.continuations]
    odd = [scoring.Pair("", "Bonjour <bos> à tous"), scoring.Pair("A\n", " عربية 12.5 千")]
    expected = scoring.encode(local.tokenizer, [*pairs, *odd])
    assert scoring.encode(served.tokenizer, [*pairs, *odd]) == expected

    one = scoring.scores(local, pairs, results_folder)
    begun = time.monotonic()
    other = scoring.scores(served, pairs, results_folder)
    took = time.monotonic() - begun
    one, other = (
        np.array([each[pair][0] for pair in pairs]).reshape(-1, 4) for each in (one, other)
    )
    equal = int((one.argmax(1) == other.argmax(1)).sum())
    with capsys.disabled():
        print(
            f"\nllama.cpp decides {equal} of {len(one)} questions as the local copy; mean "
            f"difference {abs(one - other).mean():.2f} nats; {len(pairs) / took:.1f} requests/s"
        )
    assert equal >= 0.9 * len(one)

    prompt = scoring.Prompt("", "English: one, two, three\nFrench: un, deux,")
    told = scoring.generate(served, [prompt], results_folder, 8)
    assert told["text"].item()
    assert told["n_prompt"].item() == len(local.tokenizer("".join(prompt))["input_ids"])

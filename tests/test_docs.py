"""The pages on clusters: their commands are understood, and their files are what they say."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from xlkb import commands, profiles

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BATCH, JOB = DOCS / "array.sbatch", DOCS / "rayjob.yaml"


def array(tmp_path, number, **environment):
    """What a task of the job array does, with a stand-in for srun that prints its command."""
    srun = 'printf "%s\\n" "$*"; echo "$SRUN_CPUS_PER_TASK CPUs" >&2'
    for name, text in (("srun", srun), ("python", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    given = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_ARRAY_TASK_ID": number}
    return subprocess.run(
        ["bash", str(BATCH)],
        cwd=ROOT,
        env={**os.environ, **given, "XLKB_PROFILE": "demo", **environment},
        capture_output=True,
        text=True,
    )


def test_each_task_of_the_job_array_asks_one_model_of_the_profile(tmp_path):
    subprocess.run(["bash", "-n", str(BATCH)], check=True)
    done = array(tmp_path, "1", SLURM_CPUS_PER_TASK="3")
    assert done.stderr.endswith("3 CPUs\n")
    command = "python -m xlkb reproduce --profile demo --only 02 --model pip:smollm2-135m"
    assert done.stdout.splitlines() == ["Task 1: pip:smollm2-135m", command]
    assert commands.parse(command.split()[3:]) is None
    past = array(tmp_path, str(len(profiles.load("demo").models)))
    assert past.returncode
    assert "sbatch --array=0-1" in past.stderr
    lacking = array(tmp_path, "0", XLKB_RESULTS="")
    assert "set it to a folder that all nodes share" in lacking.stderr


def test_the_rayjob_asks_for_what_its_workers_give():
    job = yaml.safe_load(JOB.read_text(encoding="utf-8"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    (worker,), (head,) = (
        each["template"]["spec"]["containers"] for each in (group, cluster["headGroupSpec"])
    )
    assert spec["entrypointNumGpus"] <= int(worker["resources"]["limits"]["nvidia.com/gpu"])
    assert (head["image"], head["env"]) == (worker["image"], worker["env"])
    assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"\nray=={cluster['rayVersion']}\n" in pins
    assert commands.parse(shlex.split(spec["entrypoint"])[3:]) is None


@pytest.mark.skipif(
    not os.environ.get("XLKB_KUBERAY_CRD"),
    reason="KubeRay's schema comes in no package: set XLKB_KUBERAY_CRD to its ray.io_rayjobs.yaml",
)
def test_the_rayjob_follows_the_schema_of_kuberay():
    crd = yaml.safe_load(Path(os.environ["XLKB_KUBERAY_CRD"]).read_text(encoding="utf-8"))
    (schema,) = (
        each["schema"]["openAPIV3Schema"]
        for each in crd["spec"]["versions"]
        if each["name"] == "v1"
    )
    text = json.dumps(schema).replace('"x-kubernetes-int-or-string": true', '"description": ""')
    schema = _closed(json.loads(text))
    schema["properties"]["metadata"] = {"type": "object"}
    jsonschema.validate(yaml.safe_load(JOB.read_text(encoding="utf-8")), schema)


def _closed(schema):
    """The schema, in which a field that it does not know is an error."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if "properties" in closed and closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_commands_of_the_pages_are_understood_and_their_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    known = []
    for block in re.findall(r"```bash\n(.*?)```", text, flags=re.S):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            words = words[next((i for i, w in enumerate(words) if "=" not in w), 0) :]
            if words[:1] == ["./paper_reproduce.sh"]:
                known.append(["reproduce", *words[1:]])
            elif "xlkb" in words[:4]:
                known.append(words[words.index("xlkb") + 1 :])
    assert known or page.name == "scale.md"
    for words in known:
        commands.parse(words)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in target or (DOCS / target).exists(), target

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from xlkb.scoring import engines

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCRIPT = ROOT / "paper_reproduce.sh"


def _pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def _environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    return conda, pip


def test_every_requirement_is_pinned_within_its_range():
    pins = _pins()
    wanted = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    for requirement in map(Requirement, wanted):
        pin = pins[canonicalize_name(requirement.name)]
        (version,) = [specifier.version for specifier in pin.specifier]
        assert requirement.specifier.contains(version), f"{requirement} but {pin}"


def test_what_the_engine_ray_asks_for_is_what_its_extra_installs():
    assert PROJECT["optional-dependencies"]["cluster"] == [engines.RAY]
    assert engines.RAY in PROJECT["optional-dependencies"]["test"]


def test_pins_are_exact_and_name_no_place():
    for pin in _pins().values():
        assert [s.operator for s in pin.specifier] == ["=="]
        assert "+" not in str(pin.specifier), f"{pin}: a local build is not everywhere"
        assert pin.url is None


def test_conda_environment_installs_this_project_under_the_same_pins():
    conda, pip = _environment()
    options = [entry for entry in pip if entry.startswith("-")]
    assert sorted(options) == ["--constraint constraints.txt", "--editable ."]
    named = {canonicalize_name(Requirement(entry).name) for entry in pip if entry not in options}
    assert named <= {canonicalize_name(Requirement(d).name) for d in PROJECT["dependencies"]}
    assert "pip" in conda
    (python,) = [entry.removeprefix("python=") for entry in conda if entry.startswith("python")]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)


def test_ci_runs_exactly_the_test_command_of_the_readme():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    assert commands[-1] == "exec ./paper_reproduce.sh --test"
    assert [c for c in commands[:-1] if not c.startswith(("set ", "cd "))] == []
    assert "./paper_reproduce.sh --test " in (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_names_only_files_and_options_that_exist():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", re.sub(r"<!--.*?-->", "", readme, flags=re.S)):
        assert "://" in target or (ROOT / target).exists(), target
    usage = subprocess.run(
        [sys.executable, "-m", "xlkb", "reproduce", "--help"], capture_output=True, text=True
    ).stdout + SCRIPT.read_text(encoding="utf-8")
    for option in set(re.findall(r"paper_reproduce\.sh[^\n#`]*?(--[a-z-]+)", readme)):
        assert option in usage, option


def test_licence_is_apache_2_and_declared():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0" in text
    assert PROJECT["license"] == "Apache-2.0"


def test_citation_file_is_valid_yaml_and_agrees_with_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_package_data_is_found_beside_the_code():
    from xlkb.ground import paths

    assert (paths.PACKAGE_DATA / "profiles" / "demo.toml").exists()


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shell_scripts_are_clean():
    subprocess.run(["shellcheck", str(SCRIPT), str(ROOT / ".ci" / "run")], check=True)


def _script(*arguments, cwd, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
    return subprocess.run(
        ["bash", str(SCRIPT), *arguments],
        cwd=cwd,
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def _stub(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare(tmp_path):
    """PATH on which every Python has the standard library only, as on a fresh machine."""
    for name in ("python3", "python", "python3.11", "python3.12", "python3.13", "python3.14"):
        _stub(tmp_path / "bare", name, f'exec "{sys.executable}" -S "$@"')
    return f"{tmp_path / 'bare'}{os.pathsep}{os.environ['PATH']}"


def test_a_bare_python_has_no_package(bare):
    told = subprocess.run(
        ["python3", "-c", "import tqdm"], env=os.environ | {"PATH": bare}, stderr=subprocess.PIPE
    )
    assert b"No module named 'tqdm'" in told.stderr


def test_script_reports_a_mistyped_option_before_it_installs_anything(tmp_path, bare):
    venv = str(tmp_path / "venv")
    done = _script("--profil", "demo", cwd=tmp_path, XLKB_VENV=venv, PATH=bare)
    assert done.returncode == 2
    assert "Did you mean --profile?" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_script_refuses_an_old_python(tmp_path):
    for name in ("python3", "python", "python3.11", "python3.12", "python3.13", "python3.14"):
        _stub(
            tmp_path / "bin", name, 'case "$1" in --version) echo Python 3.9.1;; *) exit 1;; esac'
        )
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = _script("--setup", cwd=tmp_path, PATH=path, XLKB_VENV=str(tmp_path / "venv"))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed; found: Python 3.9.1" in done.stderr


def test_script_refuses_setup_with_other_options(tmp_path):
    done = _script("--test", "--quick", cwd=tmp_path, XLKB_VENV=str(tmp_path / "venv"))
    assert done.returncode == 2
    assert "--test stands alone" in done.stderr


def test_script_help_needs_no_setup(tmp_path, bare):
    done = _script("--help", cwd=tmp_path, XLKB_VENV=str(tmp_path / "venv"), PATH=bare)
    assert done.returncode == 0
    assert "--update-reference" in done.stdout
    assert not (tmp_path / "venv").exists()

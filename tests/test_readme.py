"""README.md and CONTRIBUTING.md are tests: what they tell the reader to type runs, or stands here.

Commands come from the fenced blocks and from the inline code of the text. Those in `NOT_RUN` stand
there with the reason; every other one is run, on tiny random models, tiny profiles and small files
in the place of what the hub has.
"""

import inspect
import json
import re
import shlex
from pathlib import Path

import notebook_cells
import pandas as pd
import pytest
from datasets import Dataset
from matplotlib.figure import Figure

from xlkb import analysis, corpora, models
from xlkb.commands import finetune, mix, reproduce, tofu
from xlkb.commands import main as xlkb
from xlkb.corpora import translation, translators
from xlkb.ground import paths, resampling
from xlkb.models import pip_models
from xlkb.scoring.evaluation import score
from xlkb.tasks.public import tofu as questions

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md")
TEXTS = {name: (ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS}

PROGRAM = re.compile(
    r"(\./paper_reproduce\.sh|\.ci/run|python3?|pip|pytest|ruff|hf|conda|jupyter|pre-commit"
    r"|xlkb(?= [a-z])|(\.venv|\.\./clean)/bin/\S+)(\s|$)"
)

INDEX = "it needs a package index"
GPUS = "it needs two GPUs; tests/training/test_processes.py has two processes on a CPU"
LAUNCH = "accelerate launch --config_file $(xlkb finetune --accelerate {}) --num_processes {} {}"
LOGS = "tests/exchange/test_harness.py makes such logs, and imports them"
THIS = "it runs these very tests"
NOT_RUN = {
    "conda env create -f environment.yml": "it needs conda; tests/test_packaging.py reads the file",
    "conda activate xlkb": "it needs conda",
    "python -m xlkb": "it takes a command's name",
    "python -m helpers.hub": "it serves until it is stopped; tests/rehearsal asks it",
    "pytest --rehearsal tests/rehearsal/test_whole_run.py": "it takes a quarter of an hour",
    "pytest --rehearsal tests/scoring": "it starts a cluster and a server, and takes minutes",
    "pytest --rehearsal tests/faults": "it takes minutes; its short part runs with the tests",
    "hf auth login": "it needs the hub",
    "jupyter lab notebooks/": "it starts a server",
    "./paper_reproduce.sh --test": THIS,
    ".ci/run": THIS,
    "ruff check": "./paper_reproduce.sh --test runs it first",
    "ruff format --check": "./paper_reproduce.sh --test runs it first",
    "pip install 'openai>=3.54'": INDEX,
    "pip install openai": INDEX,
    ".venv/bin/pip install --constraint constraints.txt --editable '.[dev]'": INDEX,
    ".venv/bin/pre-commit install": INDEX,
    "python3 -m venv ../clean": INDEX,
    "../clean/bin/pip install --no-compile --editable '.[test]'": INDEX,
    "../clean/bin/pip freeze --all --exclude pip --exclude-editable": INDEX,
    LAUNCH.format("ddp", 4, "-m xlkb finetune hub:ORG/NAME mixed --recipe lora"): GPUS,
    LAUNCH.format("fsdp", 4, "-m xlkb finetune hub:ORG/NAME mixed --recipe full"): GPUS,
    "./paper_reproduce.sh --engine ray": "it starts a cluster; see tests/scoring/test_on_ray.py",
    "lm_eval --include_path tasks --model hf --model_args pretrained=ORG/NAME,dtype=float32 "
    "--tasks xlkb_worldfacts,xlkb_worldfacts_unconditional --log_samples --output_path LOGS": LOGS,
    "xlkb import harness LOGS --out theirs.parquet": LOGS,
    "./paper_reproduce.sh --profile paper": "it needs the hub, and a GPU; its dry run is below it",
}


def commands(text: str) -> list[str]:
    """The commands of a document: lines of its shell blocks, and inline code that begins so."""
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, flags=re.S)
    lines = [
        line.partition(" #")[0]
        for language, block in blocks
        if language in ("bash", "sh", "shell", "console", "")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    lines += [span for span in re.findall(r"`([^`]+)`", prose) if PROGRAM.match(span)]
    parts = [" ".join(part.split()) for line in lines for part in line.split(" && ")]
    return list(dict.fromkeys(part for part in parts if part))


ALL = list(dict.fromkeys(command for name in DOCUMENTS for command in commands(TEXTS[name])))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Folder of a tiny model."""
    return Path(notebook_cells.model(tmp_path_factory.mktemp("tiny")).removeprefix("path:"))


@pytest.fixture
def world(tmp_path, weights, monkeypatch):
    """A reader's folder with the files that the commands name, and small stand-ins for the rest."""
    for place in ("data", "profiles", "figures"):
        (tmp_path / place).mkdir()
    monkeypatch.setenv("XLKB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    monkeypatch.setattr(pip_models, "ensure", lambda short: weights)
    almanac = corpora.load("almanac", ["en", "fr", "de", "es", "it"], n=6, seed=1)
    for code in ("en", "fr"):
        told = ["\n".join(corpora.sentences(row, code)) for row in almanac]
        (tmp_path / f"{code}.txt").write_text("\n\n".join(told) + "\n", encoding="utf-8")
    (tmp_path / "questions.jsonl").write_text(_example(), encoding="utf-8")
    _wikitext(tmp_path / "data" / "wikitext-2", almanac)
    _tofu(tmp_path / "data" / "tofu", monkeypatch)
    for module in (translators, translation):
        monkeypatch.setattr(module, "by_name", lambda name: _translator(almanac))
    monkeypatch.setattr(translators, "needed", lambda name: [])
    # Drawing and many resamples are in the replay of the notebooks.
    monkeypatch.setattr(Figure, "savefig", lambda self, file, **_: file.write(b"drawn"))
    monkeypatch.setattr(resampling, "RESAMPLES", 100)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _example() -> str:
    """README's own questions, to the byte."""
    (block,) = re.findall(r"```json\n(.*?)```", TEXTS["README.md"], flags=re.S)
    return block


def _wikitext(folder: Path, documents: Dataset) -> None:
    folder.mkdir()
    articles = [
        f" = Article {number} = \n\n {corpora.text(row, 'en')} \n"
        for number, row in enumerate(documents)
    ]
    (folder / "train.txt").write_text("\n" + "\n".join(articles), encoding="utf-8")


def _tofu(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two questions of every split."""
    folder.mkdir()
    item = {"question": "Where is it?", "answer": "Paris", "paraphrased_answer": "In Paris"}
    wrong = {"perturbed_answer": ["Rome", "Bonn"]}
    choices = {"question": "Where?", "answer": "Paris", "option1": "Rome", "option2": "Paris"}
    for split in ("full", "forget10_perturbed", "real_authors", "world_facts"):
        rows = [item | wrong if "forget" in split else item if split == "full" else choices] * 2
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
        monkeypatch.setitem(questions.SPLITS, split, 2)


def _translator(documents: Dataset) -> translators.Translator:
    """Gives real text in the target language that is about as long: all that the audit sees."""
    known = {
        code: [text for row in documents for text in corpora.sentences(row, code)]
        for code in corpora.languages_of(documents)
    }

    def translator(texts: list[str], source: str, target: str) -> list[str]:
        return [_as_long(known[target], len(text)) for text in texts]

    translator.name = "a stand-in"
    return translator


def _as_long(texts: list[str], length: int) -> str:
    words = min(texts, key=lambda text: abs(len(text) - length)).split()
    while len(words) > 1 and len(" ".join(words)) > 1.5 * length:
        words.pop()
    return " ".join(words)


def _main_job(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks before a run; then the notebook, where it is one, on a tiny profile."""
    if "--dry-run" in arguments or any(word.startswith("api:") for word in arguments):
        assert reproduce.main([*arguments, *({"--dry-run"} - set(arguments))]) == 0
        return
    if "--help" in arguments:
        with pytest.raises(SystemExit) as stop:
            reproduce.main(arguments)
        assert stop.value.code == 0
        return
    arguments = [
        ",".join(notebook_cells.model(world / Path(name).name) for name in word.split(","))
        if word.startswith("hub:")
        else word
        for word in arguments
    ]
    for name in ("demo", "paper"):
        notebook_cells.profile(world / "profiles", name)
    monkeypatch.setattr(paths, "PROFILES", world / "profiles")
    ran = []
    monkeypatch.setattr(reproduce, "_run", lambda *given: ran.append(given) or 0)
    assert reproduce.main(arguments) == 0
    ((_, _, chosen, parameters),) = ran
    assert len(chosen) == (1 if "--only" in arguments else 7)
    if "--only" in arguments or "--task" in arguments:
        monkeypatch.chdir(paths.NOTEBOOKS)
        given = {key: value for key, value in parameters.items() if key != "profile"}
        _, problems = notebook_cells.play("02", **given)
        assert problems == []


def _mixing(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mix.main(arguments) == 0
    assert (world / "mixed" / "mixing.json").exists()


def _finetuning(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ["--text", "en=en.txt", "--text", "fr=fr.txt", "--unit", "sentence", "--out", "mixed"]
    _mixing(made, world, monkeypatch)
    assert finetune.main([*arguments, "--max-steps", "1", "--sequence-length", "64"]) == 0


def _tofu_command(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tofu.main([*arguments, "--epochs", "1"]) == 0


def _hub_models(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert xlkb(["models", *arguments]) == 0


def _pytest(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert arguments[:1] == ["-m"]
    assert f'"{arguments[1].removeprefix("not ")}:' in marks


def _answers(arguments: list[str], world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that asks models, on a tiny profile; a gate may pass or not."""
    notebook_cells.profile(world / "profiles", "demo")
    monkeypatch.setattr(paths, "PROFILES", world / "profiles")
    if "path:FOLDER" in arguments:
        notebook_cells.model(world / "FOLDER")
    quick = ["--quick"] if arguments[0] == "mend" else []
    assert xlkb([*arguments, *quick]) in ((0, 1) if "--gate" in arguments else (0,))


RUN = {
    ("./paper_reproduce.sh",): _main_job,
    ("xlkb", "mix"): _mixing,
    ("xlkb", "finetune"): _finetuning,
    ("xlkb", "tofu"): _tofu_command,
    ("xlkb", "models"): _hub_models,
    ("xlkb",): _answers,
    ("pytest",): _pytest,
}


@pytest.mark.parametrize("command", [each for each in ALL if each not in NOT_RUN])
def test_what_the_reader_is_told_to_type_runs(command, world, monkeypatch):
    words = shlex.split(command)
    for program, run in RUN.items():
        if tuple(words[: len(program)]) == program:
            run(words[len(program) :], world, monkeypatch)
            return
    pytest.fail(f"{command!r} is neither run here nor in NOT_RUN with a reason.")


def test_what_is_not_run_is_still_in_the_text():
    assert set(NOT_RUN) <= set(ALL)


NAMED = re.compile(
    r"[\s`](\./paper_reproduce\.sh[^`#\n\\]*"
    r"|(?:python -m xlkb|xlkb (?:reproduce|mix|finetune|tofu|models)\b)[^`#\n\\]*)"
)


def test_no_command_is_overlooked():
    """Any line with a program's name in code is among the commands."""
    launched = [command.partition(" -m ")[2] for command in ALL]
    for name, text in TEXTS.items():
        named = NAMED.findall(text)
        for each in named:
            begun = " ".join(each.split(" && ")[0].split())
            assert any(command.startswith(begun) for command in [*ALL, *launched]), (
                f"{name}: {each}"
            )


def test_options_named_in_the_text_exist(capsys):
    known = set()
    for main in (reproduce.main, mix.main, finetune.main, tofu.main):
        with pytest.raises(SystemExit):
            main(["--help"])
        known |= set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out))
    for text in TEXTS.values():
        prose = re.sub(r"```.*?```", "", text, flags=re.S)
        for span in re.findall(r"`(--[^`]+)`", prose):
            assert set(re.findall(r"(?<!\S)--[a-z-]+", span)) <= known, span


def test_python_named_in_the_text_exists():
    text = TEXTS["README.md"]
    scored = 'scoring.score(models.load("api:…"), …, "cloze")'
    for span in ('models.load(name,\ndtype="nf4")', 'device="balanced"', scored):
        assert span in text
    assert {"dtype", "device"} <= set(inspect.signature(models.load).parameters)
    assert "asking" in inspect.signature(score).parameters


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_files_named_in_the_text_exist(name):
    text = TEXTS[name]
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    targets += re.findall(r"`([\w./]*(?:/|\.(?:py|toml|txt|md|cff|sh|json)))`", prose)
    made = (".venv/", "results/", "endpoint.json", "api_usage.json")  # By a run.
    theirs = ("MMLU/", "third_party/")  # In the repository of the paper's authors.
    for target in targets:
        if "://" in target or target.startswith(made + theirs):
            continue
        places = [ROOT, ROOT / "xlkb", ROOT / "benchmarks", ROOT / "tests"]
        assert any((place / target).exists() for place in places), target


def test_what_was_found_is_what_the_studys_tables_say():
    folder = paths.REFERENCE / "study" / "tables"
    answers = [each for several in analysis.story.QUESTIONS.values() for each in several]
    names = {name for named, _ in answers for name in named}
    read = {"keep_default_na": False, "na_values": [""]}
    tables = {name: pd.read_csv(folder / f"{name}.csv", **read) for name in names}
    _, _, rest = TEXTS["README.md"].partition("<!-- told by the tables of the profile `study` -->")
    said, end, _ = rest.partition("<!-- end -->")
    assert end
    assert " ".join(said.split()) == " ".join(analysis.story.told(tables).split())


def test_artefacts_named_in_the_table_are_those_there_are():
    rows = re.findall(r"^\| `(\d\d)_\w+` \|.*\| (.*) \|$", TEXTS["README.md"], flags=re.M)
    assert len(rows) == len(list(paths.NOTEBOOKS.glob("*.ipynb")))
    for number, cell in rows:
        for kind, ending in (("table", "csv"), ("fig", "png")):
            named = re.findall(rf"`{kind}{number}(\w)`", cell)
            files = (ROOT / "figures").glob(f"{kind}{number}*.{ending}")
            there = {path.name.removeprefix(kind + number)[0] for path in files}
            assert (min(named), max(named)) == (min(there), max(there)), (kind, number)


def test_every_line_of_a_shell_block_and_every_program_in_prose_is_a_command():
    text = """Type `pip install
tea`, or `tea` alone.

```bash
make tea --with \\
    milk   # now
cd kitchen && ./paper_reproduce.sh
```

```json
{"not": "a command"}
```
"""
    expected = ["make tea --with milk", "cd kitchen", "./paper_reproduce.sh", "pip install tea"]
    assert commands(text) == expected

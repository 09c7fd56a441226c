"""Kind: keys and passwords in the environment, in names and in options: they stand nowhere."""

import base64
import json
import urllib.parse

import nbformat
import pytest
from stubs import chatted, completion, refused, stubs_started

from xlkb import commands
from xlkb.models import api, endpoints
from xlkb.report import notebooks

PLANTED = {
    "OPENAI_API_KEY": "sk-planted-openai-0123456789",
    "HF_TOKEN": "hf_plantedhub0123456789abcdef",
    "HUGGING_FACE_HUB_TOKEN": "hf_plantedold0123456789abcdef",
    "AWS_SECRET_ACCESS_KEY": "plantedaws/0123456789+abcdef",
    "AWS_SESSION_TOKEN": "plantedsession0123456789",
    "AZURE_OPENAI_API_KEY": "plantedazure0123456789",
    "AZURE_CLIENT_SECRET": "plantedclient0123456789",
    "GOOGLE_API_KEY": "AIzaplantedgoogle0123456789",
    "GITHUB_TOKEN": "ghp_plantedgithub0123456789",
    "WANDB_API_KEY": "plantedwandb0123456789",
}
HUNTER = "planted-hunter2-in-a-url"
WORDS = {HUNTER, *PLANTED.values()}
FORMS = {
    form.encode()
    for word in WORDS
    for form in (
        word,
        urllib.parse.quote(word, safe=""),
        base64.b64encode(word.encode()).decode().rstrip("="),
        base64.b64encode(f"me:{word}".encode()).decode().rstrip("="),
    )
}
QUESTION = {"id": "q", "subject": "s", "answer": 0, "question": {"en": "What?", "fr": "Quoi ?"}}
QUESTION |= {"options": {code: [f"{code} {x}" for x in "abcd"] for code in ("en", "fr")}}


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """A user's folder with one question, and keys of everybody in the environment."""
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    for name in (api.PRICE, api.BUDGET):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(endpoints, "_KNOWN", {})
    monkeypatch.setattr(api, "RETRIES", 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.jsonl").write_text(json.dumps(QUESTION), encoding="utf-8")
    return tmp_path


@pytest.fixture
def stub():
    with stubs_started() as make:
        yield make


def clean(*places, told=""):
    """Nothing planted is in these files, nor in what was told, in any of its forms."""
    read = [path for place in places for path in place.rglob("*") if path.is_file()]
    for path in read:
        data = path.name.encode() + path.read_bytes()
        assert not [form for form in FORMS if form in data], path
    assert not [form for form in FORMS if form in told.encode()], told
    return read


def works(path, body):
    """An endpoint that repeats what it is sent."""
    return 200, completion(" A", {" A": -0.1}, model="served", echo=body)


def fails(path, body):
    words = " ".join(PLANTED.values())
    return 401, refused(f"no such key: {PLANTED['OPENAI_API_KEY']} {len(words)}")


def lies(path, body):
    return 200, chatted(f"{PLANTED['OPENAI_API_KEY']} A", model=PLANTED["OPENAI_API_KEY"])


@pytest.mark.parametrize(("reply", "code"), [(works, 0), (lies, 0), (fails, 1)])
def test_commands_write_and_say_nothing_of_the_environment(
    planted, stub, capfd, results_folder, reply, code
):
    server = stub(reply)
    asked = ("--task", "path:q.jsonl", "--style", "letters")
    assert commands.main(["card", server.name, *asked, "--out", "card"]) == code
    assert commands.main(["score", server.name, *asked, "--texts", "--out", "answers"]) == code
    both = (server.name, "--task", "path:q.jsonl", "--style", "letters", "--languages", "en,fr")
    assert commands.main(["export", "eee", *both, "--out", "eee"]) == code
    assert server.asked[0][2]["authorization"] == f"Bearer {PLANTED['OPENAI_API_KEY']}"
    others = {value for name, value in PLANTED.items() if name != "OPENAI_API_KEY"}
    assert not [each for each in server.asked if others & {*map(str, each[2].values())}]
    told = capfd.readouterr()
    read = clean(planted, results_folder, told=told.out + told.err)
    assert not code or "holds a key that it does not accept" in told.err
    wanted = {"api_usage.json", "card.html", "answers.json"} if code == 0 else {"answers.json"}
    assert wanted <= {path.name for path in read}


URLS = [
    f"https://me:{HUNTER}@x.org/v1",
    f"http://x.org/v1?api-key={HUNTER}",
    f"http://{HUNTER}@x/v1",
]
URLS += [f"https://x.org/v1#{HUNTER}", f"HTTPS://me:{HUNTER}@x.org/v1", f"ftp://me:{HUNTER}@x.org"]


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize(
    "words",
    [
        ["card", "NAME"],
        ["score", "NAME", "--task", "path:q.jsonl"],
        ["compare", "NAME", "rows:x.parquet"],
        ["export", "eee", "NAME"],
        ["mend", "NAME"],
        ["reproduce", "--model", "NAME"],
        ["mix", "--corpus", "almanac", "--translator", "NAME"],
        ["finetune", "NAME", "mixed"],
        ["tofu", "--model", "NAME"],
    ],
    ids=lambda words: words[0],
)
def test_a_url_with_a_password_is_refused_and_not_repeated(
    planted, capfd, results_folder, url, words
):
    words = [f"api:m@{url}" if word == "NAME" else word for word in words]
    out = () if words[0] == "reproduce" else ("--out", "out")
    try:
        code = commands.main([*words, *out])
    except SystemExit as stop:
        code = stop.code
    told = capfd.readouterr()
    assert code == 2
    assert "Traceback" not in told.err
    clean(planted, results_folder, told=told.out + told.err)


def test_a_key_in_an_option_is_not_in_what_is_made(planted, stub, capfd, results_folder):
    server, out = stub(works), f"card?token={HUNTER}"
    asked = (server.name, "--task", "path:q.jsonl", "--style", "letters")
    assert commands.main(["card", *asked, "--out", out]) == 0
    made = planted / out
    told = capfd.readouterr().out
    assert out in told, "the terminal says where it is, as it was given"
    for path in made.rglob("*"):
        assert HUNTER.encode() not in path.read_bytes(), path


def test_a_notebook_that_fails_keeps_no_key(planted, stub, results_folder):
    cell = [
        "from pathlib import Path",
        "from xlkb import models, scoring, tasks",
        f"model = models.load({stub(fails).name!r})",
        f"asked = tasks.load('path:{planted}/q.jsonl')",
        "asked = tasks.recompose.full(asked, 'en')",
        "scoring.score(model, asked, Path('store'), 'letters')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(cell))])
    nbformat.write(book, planted / "book.ipynb")
    with pytest.raises(notebooks.NotebookFailed, match="does not accept") as told:
        notebooks.execute(planted / "book.ipynb", planted / "ran" / "book.ipynb", {})
    read = clean(planted, results_folder, told=str(told.value))
    assert planted / "ran" / "book.ipynb" in read

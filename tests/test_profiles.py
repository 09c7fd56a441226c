import json
import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlkb import profiles
from xlkb.ground import paths
from xlkb.ground.languages import FIVE, LANGUAGES
from xlkb.profiles.run import SETTINGS
from xlkb.tasks.public import mmlu


@pytest.mark.parametrize("name", profiles.names())
def test_profile_is_complete_and_measures_all_languages_that_its_task_has(name):
    run = profiles.load(name)
    assert run.profile == run.name == name
    human = {"en", *mmlu.LOCALES}  # MMLU's human translations.
    assert run.languages == tuple(c for c in LANGUAGES if run.task != "mmlu" or c in human)
    assert run.five == FIVE
    assert run.barrier.n_items >= run.barrier.n_exploratory > 0
    assert run.teaching.n_characters > 0
    assert run.teaching.n_characters_matrix >= len(run.five), "a group per language"
    assert {"cloze", "letters", "paper"} == set(run.barrier.styles)


def test_demo_comes_first_and_its_models_come_through_pip():
    from xlkb import models

    assert profiles.names()[0] == "demo"
    assert set(profiles.load("demo").every_model) <= set(models.names())


def test_headline_cells_of_the_demo_are_large():
    assert profiles.load("demo").barrier.n_items >= 400


def test_plain_demo_alone_writes_to_the_figures_folder_itself():
    assert profiles.load("demo").figures == paths.FIGURES
    assert profiles.load("demo", quick=True).figures == paths.FIGURES / "demo-quick"
    assert profiles.load("demo", model="pip:smollm2-135m").figures != paths.FIGURES


@given(
    st.sampled_from(["demo", "paper"]),
    st.sampled_from(["", "fr", "fr,sw,he", "fr,de,es,it,sw,he"]),
    st.sampled_from(["", "letters"]),
)
def test_a_quick_run_asks_the_same_models_a_handful_of_questions(profile, languages, style):
    plain = profiles.load(profile, languages=languages, style=style)
    quick = profiles.load(profile, languages=languages, style=style, quick=True)
    assert quick.name == plain.name.replace(profile, f"{profile}-quick", 1)
    assert quick.results != plain.results
    assert (quick.every_model, quick.languages) == (plain.every_model, plain.languages)
    assert set(quick.after.held_out) == set(plain.after.held_out[:1])
    assert 0 < quick.barrier.n_items < plain.barrier.n_items
    assert 0 < quick.text.n_documents <= 2
    assert all(command.endswith(" --quick") for command in quick.then)
    assert len(quick.then) == len(plain.then)


def test_a_rehearsal_ends_with_the_commands_that_can_be_rehearsed(tmp_path):
    text = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8")
    then = '["models", "tofu --authors 2", "mix --corpus almanac --unit word --out mixed"]'
    (tmp_path / "mine.toml").write_text(text.replace("then = []", f"then = {then}"))
    run = profiles.load(f"path:{tmp_path / 'mine.toml'}", quick=True)
    assert run.then == ("tofu --authors 2 --quick",)
    assert len(profiles.load(f"path:{tmp_path / 'mine.toml'}").then) == 3


def test_quick_asks_never_more_than_the_profile(tmp_path):
    text = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8")
    text = re.sub(r"n_items = \d\n", "n_items = 1\n", text)
    text = text.replace('units = ["sentence", "words"]', 'units = ["word"]')
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    run = profiles.load(f"path:{tmp_path / 'mine.toml'}", quick=True)
    assert (run.prompting.n_items, run.text.units) == (1, ("word",))


def test_a_profile_of_ones_own_is_a_file(tmp_path):
    text = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8")
    text = text.replace("then = []", 'then = ["tofu --out {figures}/tofu.csv"]')
    (tmp_path / "demo.toml").write_text(text, encoding="utf-8")
    run = profiles.load(f"path:{tmp_path / 'demo.toml'}")
    assert run.name.startswith("demo-")
    assert run.figures == paths.FIGURES / run.name
    assert run.then == (f"tofu --out {run.figures}/tofu.csv",)
    with pytest.raises(FileNotFoundError, match=r"There is no profile's file .*none\.toml"):
        profiles.load(f"path:{tmp_path / 'none.toml'}")


def test_results_are_shared_between_a_profile_and_its_overrides(monkeypatch, tmp_path):
    monkeypatch.setenv("XLKB_RESULTS", str(tmp_path))
    plain = profiles.load("demo")
    assert profiles.load("demo", model="pip:smollm2-135m").results == plain.results
    assert plain.results == tmp_path / "demo"


def test_override_changes_the_value_and_the_name():
    run = profiles.load("demo", model="pip:smollm2-135m", languages="en,sw")
    assert run.models == ("pip:smollm2-135m",)
    assert run.languages == ("en", "sw")
    assert run.name == "demo-smollm2-135m-en-sw"


def test_override_with_the_profiles_own_value_is_none():
    plain = profiles.load("demo")
    assert profiles.load("demo", task=plain.task, languages=plain.languages) == plain


def test_several_models_are_the_first_and_its_contrasts():
    run = profiles.load("demo", model="pip:smollm2-135m, hub:a/b")
    assert run.models == ("pip:smollm2-135m", "hub:a/b")
    assert run.name.startswith("demo-smollm2-135m-hub-a-b-")
    assert {run.models_of(number) for number in ("01", "02", "03", "04", "05", "06")} == {
        run.models
    }


def test_a_style_brings_its_decision_rules():
    listed = profiles.load("demo", style="letters")
    assert (listed.style, listed.rules, listed.name) == ("letters", ("sum",), "demo-letters")
    assert profiles.load("demo", style="cloze") == profiles.load("demo")
    paper = profiles.load("paper")
    assert (paper.style, paper.rules) == ("paper", ("sum",))
    assert profiles.load("paper", style="cloze").rules == profiles.load("demo").rules
    with pytest.raises(ValueError, match=r"no style 'leters'.*'letters'"):
        profiles.load(style="leters")


def test_models_behind_an_endpoint_are_scored_by_letters():
    run = profiles.load("demo", model="api:some-model")
    assert (run.style, run.rules) == ("letters", ("sum",))
    assert "cloze" not in run.barrier.styles
    assert profiles.load("demo", model="api:some-model", style="paper").style == "paper"


def test_models_behind_an_endpoint_are_scored_by_cloze_where_it_is_named():
    plain = profiles.load("demo")
    run = profiles.load("demo", model="pip:gemma-3-270m,api:some-model", style="cloze")
    assert (run.style, run.rules) == ("cloze", plain.rules)
    assert run.barrier.styles == plain.barrier.styles
    beside = profiles.load("demo", model="pip:gemma-3-270m,api:some-model")
    assert beside.name != run.name
    assert beside.style == "letters"


def test_languages_may_be_a_text_or_a_sequence():
    assert profiles.load(languages="fr, sw") == profiles.load(languages=["fr", "sw"])


@given(st.lists(st.sampled_from(tuple(LANGUAGES)), min_size=1, max_size=8))
def test_english_comes_first_and_no_language_twice(codes):
    run = profiles.load(languages=codes)
    assert run.languages[0] == "en"
    assert sorted(run.languages) == sorted({"en", *codes})
    assert run.five == run.languages[:5]


def _own(folder, *codes):
    texts = {code: f"{code}?" for code in codes}
    options = {code: [f"{code}{i}" for i in range(4)] for code in codes}
    row = {"id": "q", "subject": "tea", "answer": 0, "question": texts, "options": options}
    (folder / "own.jsonl").write_text(json.dumps(row), encoding="utf-8")
    return f"path:{folder / 'own.jsonl'}"


@pytest.mark.parametrize(
    ("codes", "languages", "base"),
    [
        (("sw", "fr"), "", "sw"),
        (("sw", "fr"), "fr", "fr"),
        (("sw", "fr"), "fr,sw", "fr"),
        (("sw", "en"), "", "en"),
        (("sw", "en", "fr"), "fr,sw", "en"),
        (("en",), "", "en"),
    ],
)
def test_languages_are_compared_with_english_or_else_with_the_first(
    tmp_path, codes, languages, base
):
    run = profiles.load(task=_own(tmp_path, *codes), languages=languages)
    assert run.base == run.languages[0] == run.five[0] == base
    assert set(run.languages) <= set(codes)


def test_what_has_no_general_text_is_asked_and_not_read(tmp_path):
    demo = profiles.load("demo")
    assert (demo.base, demo.read) == ("en", demo.five)
    some = profiles.load("demo", languages="fr,sw,he")
    assert (some.five, some.read) == (("en", "fr", "sw", "he"), ("en", "fr"))
    assert profiles.load(task=_own(tmp_path, "sw")).read == ()
    paper = profiles.load("paper", languages="fr,sw")  # It has a translator.
    assert paper.read == paper.five == ("en", "fr", "sw")


def test_languages_after_the_first_five_are_held_out():
    assert profiles.load("demo", languages="fr,sw").after.held_out == ()
    assert profiles.load("demo", languages="fr,de,es,it,sw,he").after.held_out == ("sw", "he")
    assert profiles.load("demo").after.held_out == ("pt", "ru")


def test_facts_are_taught_as_questions_where_a_language_has_no_prose():
    assert profiles.load("paper").teaching.form == "both"
    assert profiles.load("paper", languages="fr,sw").teaching.form == "qa"


def test_a_folder_of_public_questions_brings_its_languages(tmp_path):
    for code in ("en", "sw"):
        row = {"id": "1", "question": f"{code}?", "options": [*"wxyz"], "answer": "A"}
        (tmp_path / f"{code}.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert profiles.load(task=f"arc:{tmp_path}").languages == ("en", "sw")


def test_files_of_the_same_name_do_not_share_a_folder(tmp_path):
    folders = [tmp_path / name / "model" for name in "ab"]
    for folder in folders:
        folder.mkdir(parents=True)
    first, second = (profiles.load(model=f"path:{folder}") for folder in folders)
    assert first.name.startswith("demo-model-")
    assert first.name != second.name


@pytest.mark.parametrize(
    ("override", "named", "meant"),
    [({"profile": "dmeo"}, "dmeo", "demo"), ({"languages": "en,german"}, "german", "de")],
)
def test_unknown_name_is_answered_with_what_exists(override, named, meant):
    with pytest.raises(ValueError, match=re.escape(named)) as error:
        profiles.load(**override)
    assert f"'{meant}'" in str(error.value)


def test_own_questions_bring_their_languages(tmp_path):
    question = {"sw": "Chai ni nini?", "en": "What is chai?"}
    options = {"sw": ["chai", "kahawa", "maziwa", "maji"], "en": ["tea", "coffee", "milk", "water"]}
    row = {"id": "q", "subject": "tea", "answer": 0, "question": question, "options": options}
    file = tmp_path / "own.jsonl"
    file.write_text(json.dumps(row), encoding="utf-8")
    run = profiles.load(task=f"path:{file}")
    assert run.languages == run.five == ("en", "sw")
    assert run.name.startswith("demo-own-")
    assert run.figures == paths.FIGURES / run.name


def _profile_with(folder, monkeypatch, line):
    """The demo with a line, in place of the one for its key or else above the rest."""
    key = line.split()[0]
    lines = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8").splitlines()
    where = next((i for i, old in enumerate(lines) if old.startswith(f"{key} ")), 0)
    kept = [old for old in lines if not old.startswith(f"{key} ")]
    (folder / "mine.toml").write_text("\n".join([*kept[:where], line, *kept[where:]]))
    monkeypatch.setattr(paths, "PROFILES", folder)


def test_unknown_key_is_named_with_the_nearest(tmp_path, monkeypatch):
    _profile_with(tmp_path, monkeypatch, "n_shot = 3")
    with pytest.raises(ValueError, match=r"mine\.toml: unknown key 'n_shot'.*'n_shots'"):
        profiles.load("mine")


def test_broken_toml_is_named(tmp_path, monkeypatch):
    _profile_with(tmp_path, monkeypatch, "seed = ")
    with pytest.raises(ValueError, match=r"mine\.toml is not valid TOML"):
        profiles.load("mine")


@pytest.mark.parametrize(
    "line",
    [
        "n_exploratory = '420'",
        "n_exploratory = -1",
        "n_exploratory = true",
        "models = []",
        "style = 'closed'",
    ],
)
def test_bad_value_is_named(tmp_path, monkeypatch, line):
    key = line.split()[0]
    _profile_with(tmp_path, monkeypatch, line)
    with pytest.raises(
        ValueError, match=rf"mine\.toml: (barrier\.)?{key} = |mine\.toml: there is no {key} "
    ):
        profiles.load("mine")


def test_every_field_of_a_profile_file_is_a_field_of_the_run():
    for name in profiles.names():
        text = (paths.PROFILES / f"{name}.toml").read_text(encoding="utf-8")
        assert {key.partition(".")[0] for key in SETTINGS} == set(tomllib.loads(text))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("n_exploratory = 0", "barrier.n_exploratory = 0, but it must be at least 1"),
        ('five = ["en", "xx"]', "'xx' is in five"),
        ('held_out = ["fr"]', "'fr' is in after.held_out"),
    ],
)
def test_settings_that_no_notebook_can_run_are_named(tmp_path, monkeypatch, line, fault):
    _profile_with(tmp_path, monkeypatch, line)
    with pytest.raises(ValueError, match=fault):
        profiles.load("mine")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("n_items = 3", r"'n_items' does not stand there, but in \[barrier\] and in \[prompting\]"),
        ("closeness.seed = 3", r"'closeness.seed' does not stand there, but in no table"),
        ("closenes = {}", r"unknown table \[closenes\]; .*'closeness'"),
    ],
)
def test_a_key_in_the_wrong_table_is_told_where_it_belongs(tmp_path, monkeypatch, line, said):
    demo = (paths.PROFILES / "demo.toml").read_text(encoding="utf-8")
    text = f"{line}\n{demo}"
    if line.startswith("closeness"):
        text = demo.replace("[closeness]", "[closeness]\nseed = 3")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(paths, "PROFILES", tmp_path)
    with pytest.raises(ValueError, match=said):
        profiles.load("mine")

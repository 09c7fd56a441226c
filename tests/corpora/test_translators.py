"""Translators: an NLLB model, a chat endpoint; from WikiText to a mixed corpus in one command."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from datasets import load_from_disk

from xlkb import corpora
from xlkb.commands import mix
from xlkb.corpora import translation, translators
from xlkb.models import api, endpoints

KEY = "sk-a-key-that-must-not-be-seen"

WIKITEXT = """
 = Harbour Bridge = 

 The bridge over the harbour was built in 1871 , and it is 31 @.@ 5 m long . Ships have passed \
under it ever since . 

 = Marsh samphire = 

 The plant grows where the sea comes in twice a day . People along the coast eat it with butter . 
"""
FRENCH = {
    "The bridge over the harbour was built in 1871, and it is 31.5 m long.": (
        "Le pont qui traverse le port a été construit en 1871 et mesure 31,5 m de long."
    ),
    "Ships have passed under it ever since.": "Depuis lors, les navires passent dessous.",
    "The plant grows where the sea comes in twice a day.": (
        "La plante pousse là où la mer monte deux fois par jour."
    ),
    "People along the coast eat it with butter.": (
        "Les habitants de la côte la mangent avec du beurre."
    ),
}


@pytest.fixture
def nllb(tmp_path):
    """A tiny random model of the NLLB family that has FLORES's languages but no words."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", *"▁abcdefghijklmnopqrstuvwxyz."]
    tokenizer = NllbTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[])
    tokenizer.save_pretrained(tmp_path)
    sides = ("encoder", "decoder")
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        max_position_embeddings=32,
        **{f"{side}_layers": 1 for side in sides},
        **{f"{side}_attention_heads": 2 for side in sides},
        **{f"{side}_ffn_dim": 16 for side in sides},
    )
    torch.manual_seed(0)
    M2M100ForConditionalGeneration(config).save_pretrained(tmp_path)
    return tmp_path


def test_a_model_of_the_nllb_kind_is_a_translator(nllb):
    translator, seen = translation.nllb(str(nllb)), {}
    assert re.fullmatch(rf"nllb:{re.escape(nllb.name)}@[0-9a-f]{{12}}", translator.name)
    assert len(translator(["hello.", "a b"], "fr", "de")) == 2
    held = [cell.cell_contents for cell in translator.__closure__]
    (loaded,) = [value for value in held if hasattr(value, "cache_info")]
    tokenizer, network = loaded()
    network.generate = lambda **inputs: seen.update(inputs) or inputs["input_ids"]
    assert translator(["hello.", "a b"], "fr", "de") == ["hello.", "a b"]
    assert tokenizer.convert_ids_to_tokens(seen["input_ids"][0][0].item()) == "fra_Latn"
    assert tokenizer.convert_ids_to_tokens(seen["forced_bos_token_id"]) == "deu_Latn"
    translator(["a </s> eng_Latn b"], "fr", "de")
    read = tokenizer.convert_ids_to_tokens(seen["input_ids"][0].tolist())
    assert read.count("</s>") == 1  # At the end; what the text spells is characters.
    assert "eng_Latn" not in read
    with pytest.raises(ValueError, match=r"reads 32 tokens, and a text has 4\d: cut it"):
        translator(["a b", "a " * 20], "fr", "de")


def test_languages_are_looked_up_without_the_weights(nllb):
    translators.by_name(f"nllb:{nllb}", ["en", "he"])
    tokenizer = json.loads((nllb / "tokenizer.json").read_text())
    tokenizer["added_tokens"] = [t for t in tokenizer["added_tokens"] if t["content"] != "heb_Hebr"]
    (nllb / "tokenizer.json").write_text(json.dumps(tokenizer))
    (nllb / "model.safetensors").write_bytes(b"no weights")
    config = json.loads((nllb / "tokenizer_config.json").read_text())
    config["extra_special_tokens"] = [
        code for code in config.get("extra_special_tokens", []) if code != "heb_Hebr"
    ]
    (nllb / "tokenizer_config.json").write_text(json.dumps(config))
    translators.by_name(f"nllb:{nllb}", ["en", "fr"])
    with pytest.raises(ValueError, match=r"has no Hebrew \(heb_Hebr\)"):
        translators.by_name(f"nllb:{nllb}", ["en", "he"])


def test_pickled_weights_are_refused(nllb):
    (nllb / "model.safetensors").rename(nllb / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model.bin\) has pickled weights only"):
        translators.by_name(f"nllb:{nllb}")


def test_the_pinned_commit_has_safetensors(monkeypatch):
    asked = []
    commit = translators.REVISIONS["facebook/nllb-200-distilled-600M"]
    monkeypatch.setattr(
        translators.checkpoints, "hub_commit", lambda *names: asked.append(names) or "c" * 40
    )
    for name in ("facebook/nllb-200-distilled-600M", "org/other@refs/pr/1", "org/other"):
        assert translators._located(name)[1] == "c" * 40
    assert [revision for _, revision in asked] == [commit, "refs/pr/1", None]


class Endpoint(BaseHTTPRequestHandler):
    """Answers what `reply(text)` gives: (HTTP status, text, finish_reason)."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = body["messages"][0]["content"]
        self.server.seen.append((self.path, self.headers["Authorization"], body))
        status, answer, reason = self.server.reply(text)
        choice = {"index": 0, "finish_reason": reason}
        choice["message"] = {"role": "assistant", "content": answer}
        made = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
        error = {"error": {"message": f"wrong key {self.headers['Authorization']}"}}
        data = json.dumps(made | {"choices": [choice]} if status == 200 else error).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def french(message):
    """A translation into French, or the text itself in any other language."""
    instruction, _, text = message.partition("\n\n")
    return 200, FRENCH[text] if "English text into French" in instruction else text, "stop"


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(api, "RETRIES", 0)
    monkeypatch.setattr(endpoints, "_KNOWN", {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    server.seen, server.reply = [], french
    server.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_chat_model_is_a_translator(endpoint):
    translator = translation.chat("some/model", endpoint.url + "/")
    assert translator(list(FRENCH), "en", "fr") == list(FRENCH.values())
    path, authorization, body = endpoint.seen[0]
    assert path == "/v1/chat/completions"
    assert authorization == f"Bearer {KEY}"
    assert (body["model"], body["temperature"]) == ("some/model", 0)
    assert translator.name.startswith(f"api:some/model@{endpoint.url}")
    assert KEY not in translator.name


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        ((401, "", ""), PermissionError, "HTTP 401.*OPENAI_API_KEY holds a key"),
        ((404, "", ""), ValueError, "refuses the request"),
        ((503, "", ""), ConnectionError, "does not answer"),
        ((200, "La", "length"), ValueError, "cut its answer"),
    ],
)
def test_an_endpoint_that_fails_is_an_error_without_the_key(endpoint, reply, error, message):
    endpoint.reply = lambda text: reply
    with pytest.raises(error, match=message) as raised:
        translation.chat("m", endpoint.url)(["Hello."], "en", "fr")
    chain, links = raised.value, []
    while chain is not None:
        links.append(str(chain))
        chain = chain.__cause__ or chain.__context__
    assert KEY not in " ".join(links)


@pytest.mark.parametrize(
    "around",
    [
        "<think>\n\n</think>\n\n{}",
        "<think>The user wants French.</think>{}",
        "« {} »",
        '"{}"',
        "Translation: {}",
        "Here is the French translation:\n\n**{}**",
        "```\n{}\n```",
    ],
)
def test_only_the_translation_goes_into_a_corpus(tmp_path, endpoint, around):
    def reply(message):
        status, text, reason = french(message)
        return status, around.format(text), reason

    endpoint.reply = reply
    assert command(tmp_path, endpoint) == 0
    mixed = load_from_disk(str(tmp_path / "mixed"))
    pieces = {row["text"][s["start"] : s["end"]] for row in mixed for s in row["spans"]}
    assert pieces <= {*FRENCH, *FRENCH.values()}


def test_translations_that_were_kept_uncleaned_are_cleaned(tmp_path, endpoint):
    translator, cache = translation.chat("m", endpoint.url), tmp_path / "kept.jsonl"
    said = ["<think> </think> « Un. »", "<think> Hm, the", "Trois."]
    kept = dict(zip(FRENCH, said, strict=False))
    rows = {translation._key(translator.name, "en", "fr", text): kept[text] for text in kept}
    translation._add(cache, rows)
    asked = {str(i): text for i, text in enumerate(kept)}
    found = translation.translate(asked, translator, ["fr"], cache=cache)
    second = list(FRENCH.values())[1]
    assert [each["fr"] for each in found.values()] == ["Un.", second, "Trois."]
    assert len(endpoint.seen) == 1


def test_a_translation_that_is_only_thinking_is_refused(endpoint):
    endpoint.reply = lambda text: (200, "<think>Hmm, let me", "length")
    with pytest.raises(ValueError, match="only thought, for 8192 tokens"):
        translation.chat("m", endpoint.url)(["Hello."], "en", "fr")
    assert [body["max_tokens"] for *_, body in endpoint.seen] == [1024, 8192]


def test_no_endpoint_is_a_connection_error(endpoint):
    translator = translation.chat("m", "http://127.0.0.1:9/v1")
    with pytest.raises(ConnectionError, match="does not answer"):
        translator(["Hello."], "en", "fr")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("api:m@https://user:secret@host/v1", "must not have a user"),
        ("api:m@https://host/v1?key=secret", "must not have a user"),
        ("api:m", "named api:MODEL@BASE_URL"),
        ("api:m@host", "named api:MODEL@BASE_URL"),
        ("nlb:org/model", "translators are named nllb:MODEL"),
    ],
)
def test_names_that_are_none_are_refused_without_repeating_a_secret(name, message):
    with pytest.raises(ValueError, match=message) as raised:
        translators.by_name(name)
    assert "secret" not in str(raised.value)


def command(tmp_path, endpoint, *more):
    (tmp_path / "wiki.txt").write_text(WIKITEXT, encoding="utf-8")
    arguments = ["--corpus", f"wikitext-2:{tmp_path / 'wiki.txt'}", "--languages", "en,fr"]
    arguments += ["--translator", f"api:m@{endpoint.url}", "--unit", "sentence"]
    return mix.main([*arguments, "--out", str(tmp_path / "mixed"), *more])


def test_wikitext_becomes_a_mixed_corpus_in_one_command(tmp_path, endpoint, capsys):
    assert command(tmp_path, endpoint) == 0, capsys.readouterr().err
    assert "2 documents" in capsys.readouterr().out
    mixed = load_from_disk(str(tmp_path / "mixed"))
    pieces = {row["text"][s["start"] : s["end"]] for row in mixed for s in row["spans"]}
    assert pieces <= {*FRENCH, *FRENCH.values()}
    record = json.loads((tmp_path / "mixed" / "mixing.json").read_text())
    assert record["corpus"] == "wikitext-2"
    assert record["translator"].startswith("api:m@http")
    written = "".join(
        path.read_text(errors="ignore") for path in tmp_path.rglob("*") if path.is_file()
    )
    assert KEY not in written
    seen = len(endpoint.seen)
    assert command(tmp_path, endpoint, "--replace", "--documents", "1") == 0
    assert len(endpoint.seen) == seen, "what was translated once is not asked for again"


def test_a_translation_that_fails_its_audit_is_not_mixed(tmp_path, endpoint, capsys):
    endpoint.reply = lambda message: (200, message.partition("\n\n")[2], "stop")
    assert command(tmp_path, endpoint) == 1
    error = capsys.readouterr().err
    assert "fr, copy: 4 of 4 texts" in error
    assert "wikitext-2/train/1 Harbour Bridge, sentence 1 [fr, a copy]" in error
    assert not (tmp_path / "mixed").exists()
    assert command(tmp_path, endpoint, "--limit", "copy=1") == 0


def test_what_cannot_translate_is_found_before_everything_is_translated():
    seen = []
    documents = corpora.load("almanac", ["en"], n=6)
    with pytest.raises(ValueError, match="fr, copy: "):
        translation.audited(documents, lambda texts, *_: seen.extend(texts) or texts, ["en", "fr"])
    assert len(seen) == sum(len(documents[place]["segments"]) for place in (0, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "wikitext-2"], "only en is given"),
        (["--corpus", "wikitext-2", "--translator", "nllb:x"], "needs one --text and --languages"),
        (["--corpus", "almanac", "--limit", "copy=1"], "--limit goes with --translator"),
        (
            ["--corpus", "wikitext-2", "--limit", "copies=1"],
            "--limit copies: there are empty",
        ),
        (["--corpus", "almanac", "--documents", "0"], "--documents 0: it must be at least 1"),
        (["--text", "en=a", "--documents", "3"], "same text in a second language"),
        (["--corpus", "almanac", "--translator", "google", "--languages", "sw"], "are named nllb:"),
    ],
)
def test_a_command_that_is_not_understood_says_what_is(capsys, arguments, message):
    with pytest.raises(SystemExit):
        mix.main([*arguments, "--unit", "sentence", "--out", "x"])
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_corpus_by_name_is_translated_where_it_must_be(tmp_path, endpoint, monkeypatch):
    monkeypatch.setenv("XLKB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wiki.txt").write_text(WIKITEXT, encoding="utf-8")
    name, translator = f"wikitext-2:{tmp_path / 'wiki.txt'}", f"api:m@{endpoint.url}"
    found = translation.corpus(name, ["en", "fr"], translator)
    assert corpora.languages_of(found) == ("en", "fr")
    assert [text for row in found for text in corpora.sentences(row, "fr")] == list(FRENCH.values())
    assert len(list((tmp_path / "cache" / "translations").glob("api-m-http*.jsonl"))) == 1
    assert len(translation.corpus("almanac", ["en", "de"], n=3)) == 3
    with pytest.raises(ValueError, match="does not pass its audit"):
        translation.corpus(name, ["en", "de"], translator)
    cut = translation.corpus(name, ["en", "de"], translator, k=8, limits={"copy": 1})
    assert [len(part["text"]["en"].split()) for part in cut[1]["segments"]] == [8, 3, 8]

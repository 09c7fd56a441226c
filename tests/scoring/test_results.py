"""Stored results: what is written is read, what is damaged is set aside."""

import json
import random
import signal
import threading
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import apart
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.scoring import results
from xlkb.scoring.results import index, parts


def scores(n, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "key": [rng.bytes(12) for _ in range(n)],
            "log_likelihood": rng.normal(-9, 3, n).astype("float32"),
            "n_tokens": rng.integers(1, 9, n).astype("int32"),
        }
    )


def test_parts_are_read_back_together(tmp_path):
    frames = [scores(5, 1), scores(7, 2)]
    for frame in frames:
        results.append(tmp_path / "a", frame)
    read = results.read(tmp_path / "a").sort_values("key", ignore_index=True)
    expected = pd.concat(frames).sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(read, expected)


def test_scores_of_long_texts_lie_beside_those_that_were_stored_in_16_bits(tmp_path):
    old = pa.schema(
        [(f.name, pa.int16() if f.name == "n_tokens" else f.type) for f in results.SCORES]
    )
    results.append(tmp_path / "a", scores(5, 1), old)
    long = scores(5, 2).assign(n_tokens=np.int32(70_000))
    results.append(tmp_path / "a", long)
    expected = pd.concat([scores(5, 1), long]).sort_values("key", ignore_index=True)
    read = results.read(tmp_path / "a").sort_values("key", ignore_index=True)
    pd.testing.assert_frame_equal(read, expected)
    results.compact(tmp_path / "a", tmp_path / "b")
    assert len(results.read(tmp_path / "b")) == 10


def test_an_absent_folder_holds_no_scores(tmp_path):
    empty = results.read(tmp_path / "nothing")
    assert list(empty) == list(results.SCORES.names)
    assert len(empty) == 0


def test_the_same_key_twice_counts_once(tmp_path):
    results.append(tmp_path, scores(5))
    results.append(tmp_path, scores(5).assign(n_tokens=np.int32(3)))
    assert len(results.read(tmp_path)) == 5


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_any_flipped_bit_or_lost_end_is_seen(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("store")
    good, bad = results.append(folder, scores(6, 1)), results.append(folder, scores(6, 2))
    content = bytearray(bad.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    bad.write_bytes(content)
    with pytest.warns(UserWarning, match=bad.name):
        read = results.read(folder)
    assert sorted(read["key"]) == sorted(scores(6, 1)["key"])
    assert (folder / "damaged" / bad.name).exists()
    assert good.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results.read(folder)


def append_on_and_on(say, folder):
    say("ready")
    for seed in range(10_000):
        results.append(folder, scores(500, seed))


@pytest.mark.slow
def test_a_kill_leaves_whole_parts_only(tmp_path):
    rng = random.Random(0)
    for _ in range(5):
        process, heard = apart.start(append_on_and_on, tmp_path)
        assert heard.recv() == "ready"
        time.sleep(rng.uniform(0.05, 0.3))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = results.read(tmp_path)
    assert len(read) % 500 == 0
    assert len(read) > 0


def test_compacting_keeps_every_score(tmp_path):
    for seed in range(3):
        results.append(tmp_path / "a", scores(50, seed))
    results.compact(tmp_path / "a", tmp_path / "b")
    assert len(list((tmp_path / "b").glob("part-*"))) == 1
    one, other = results.read(tmp_path / "a"), results.read(tmp_path / "b")
    pd.testing.assert_frame_equal(
        one.sort_values("key", ignore_index=True), other.sort_values("key", ignore_index=True)
    )


def test_rows_keep_their_metadata_and_damage_is_named(tmp_path):
    rows = pd.DataFrame({"item_id": ["a", "None"] * 900, "log_likelihood": np.arange(1800.0)})
    path = tmp_path / "rows" / "rows.parquet"
    results.write_rows(path, rows, {"fingerprint": "ab12"})
    pd.testing.assert_frame_equal(pd.read_parquet(path), rows)
    assert json.loads(pq.read_schema(path).metadata[b"xlkb"]) == {"fingerprint": "ab12"}
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(pa.ArrowInvalid):
        pd.read_parquet(path)
    path.write_bytes(whole[:90] + bytes([whole[90] ^ 1]) + whole[91:])
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(path, page_checksum_verification=True)


def test_keys_that_end_with_zero_bytes_are_found():
    keys = [b"a" * 11 + b"\x00", b"a" * 11 + b"b", b"\x00" * 12]
    frame = pd.DataFrame({"key": keys, "rank": [1, 2, 3]})
    assert results.by_key(frame, [keys[2], keys[0], keys[0]])["rank"].tolist() == [3, 1, 1]
    with pytest.raises(KeyError):
        results.by_key(frame, [b"c" * 12])


MODEL = SimpleNamespace(name="toy", label="toy", fingerprint="0" * 12, describe=dict)
KEYS = [head + tail for head in (b"a" * 8, b"b" * 7 + b"\x00") for tail in (b"\x00" * 4, b"cccc")]
TEXTS = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["", "un", "deux", None]),
    *[st.integers(0, 2)] * 2,
    st.booleans(),
)
FLOATS = st.sampled_from([-1.5, -2.5, 0.0, -0.0, float("nan"), float("-inf")])
NUMBERS = st.tuples(st.sampled_from(KEYS), FLOATS, st.integers(1, 3))
LISTS = st.lists(FLOATS, min_size=4, max_size=4)
NAMES = st.sampled_from("xy")
ANSWERS = st.tuples(st.sampled_from(KEYS), NAMES, NAMES, NAMES, LISTS)
KINDS = [(results.SCORES, NUMBERS), (results.GENERATIONS, TEXTS), (results.ANSWERS, ANSWERS)]


def told(frame):
    """What rows say, to the bit."""
    return [repr([np.asarray(each).tolist() for each in row]) for row in frame.itertuples(False)]


def by_key(folder, schema):
    return told(results.read(folder, schema).sort_values("key"))


@pytest.mark.parametrize(("schema", "row"), KINDS, ids=["scores", "generations", "answers"])
def test_rows_are_the_same_however_they_are_spread_and_merged(schema, row, tmp_path_factory):
    """Of equal keys with different values, too: the same row counts, wherever it lies."""

    @given(st.lists(st.lists(row, min_size=1, max_size=3), min_size=1, max_size=5), st.data())
    @settings(deadline=None, max_examples=12)
    def check(chunks, data):
        frames = [pd.DataFrame(each, columns=schema.names) for each in chunks]
        one, other = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("other")
        results.append(one, pd.concat(frames), schema)
        for place in data.draw(st.permutations(range(len(frames)))):
            results.append(other, frames[place], schema)
            if data.draw(st.booleans()):
                index.known(other, schema, KEYS)
            if data.draw(st.booleans()):
                results.merge(other, schema, data.draw(st.integers(1, 3)))
        expected = by_key(one, schema)
        keys = sorted({key for frame in frames for key in frame["key"]})
        assert len(expected) == len(keys)
        assert by_key(other, schema) == expected
        for folder in (one, other):
            assert told(index.everything(folder, schema)) == told(index.rows(folder, schema, keys))
            found = index.rows(folder, schema, keys[::-1]).iloc[::-1]
            assert told(found.assign(key=keys)[schema.names]) == expected
            assert index.known(folder, schema, KEYS).tolist() == [key in keys for key in KEYS]

    check()


def test_a_kill_amid_a_merge_loses_nothing_and_counts_nothing_twice(tmp_path, monkeypatch):
    frames = [scores(50, seed) for seed in (1, 2, 2, 3)]
    frames[2] = frames[2].assign(n_tokens=np.int32(3))
    for frame in frames:
        results.append(tmp_path, frame)
    before, keys = by_key(tmp_path, results.SCORES), pd.concat(frames)["key"].tolist()
    values = told(index.rows(tmp_path, results.SCORES, keys))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            results.merge(tmp_path, results.SCORES)
    assert len(list(tmp_path.glob("part-*"))) > 2
    for _ in range(2):
        assert by_key(tmp_path, results.SCORES) == before
        assert told(index.rows(tmp_path, results.SCORES, keys)) == values
        assert len(index.everything(tmp_path, results.SCORES)) == 150
        results.merge(tmp_path, results.SCORES)
    assert len(list(tmp_path.glob("part-*"))) == 1


def test_a_part_is_read_once_and_memory_does_not_grow_with_calls(tmp_path, monkeypatch):
    read, load = [], parts.load
    monkeypatch.setattr(parts, "load", lambda path, _: read.append(path) or load(path, _))
    for seed in range(3):
        results.append(tmp_path, scores(50, seed))
    keys = scores(50, 1)["key"].tolist()
    assert index.known(tmp_path, results.SCORES, keys).all()
    folder = index._folder(tmp_path, results.SCORES)
    size = folder.nbytes
    assert size < 3 * 50 * 32
    for _ in range(20):
        assert len(index.rows(tmp_path, results.SCORES, keys)) == 50
    assert (len(read), folder.nbytes) == (3, size)
    new = results.append(tmp_path, scores(50, 3))
    index.known(tmp_path, results.SCORES, keys)
    assert read[3:] == [new]


def test_of_many_folders_only_the_last_are_kept_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "MOST", 10_000)
    keys = scores(100)["key"].tolist()
    for place in range(12):
        results.append(tmp_path / str(place), scores(100))
        assert index.known(tmp_path / str(place), results.SCORES, keys).all()
    assert sum(each.nbytes for each in index._FOLDERS.values()) < 15_000
    assert index.known(tmp_path / "0", results.SCORES, keys).all()


def test_what_vanishes_is_forgotten_and_what_changes_is_checked_again(tmp_path):
    gone, bad, good = [results.append(tmp_path, scores(5, seed)) for seed in range(3)]
    keys = [scores(5, seed)["key"][0] for seed in range(3)]
    assert index.known(tmp_path, results.SCORES, keys).tolist() == [True] * 3
    gone.unlink()
    assert index.known(tmp_path, results.SCORES, keys).tolist() == [False, True, True]
    with pytest.raises(KeyError):
        index.rows(tmp_path, results.SCORES, keys)
    bad.write_bytes(bad.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=bad.name):
        assert index.known(tmp_path, results.SCORES, keys).tolist() == [False, False, True]
    assert (tmp_path / "damaged" / bad.name).exists()
    assert good.exists()


def test_many_small_parts_become_few_and_no_row_is_written_often(tmp_path, monkeypatch):
    written, write = [], parts._write
    monkeypatch.setattr(
        parts, "_write", lambda f, table: written.append(len(table)) or write(f, table)
    )
    monkeypatch.setattr(parts, "MANY", 8)
    for seed in range(100):
        results.append(tmp_path, scores(20, seed))
    assert len(list(tmp_path.glob("part-*"))) <= 8
    assert len(results.read(tmp_path)) == 2000
    assert sum(written) < 2000 * 8, "each row is written anew a few times"


def test_a_part_that_is_full_is_left_alone(tmp_path, monkeypatch):
    large = results.append(tmp_path, scores(5000))
    monkeypatch.setattr(parts, "FULL", large.stat().st_size)
    for seed in range(1, 4):
        results.append(tmp_path, scores(5, seed))
    results.merge(tmp_path, results.SCORES)
    assert len(list(tmp_path.glob("part-*"))) == 2
    assert large.exists()


def test_writers_and_readers_at_the_same_time_lose_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MANY", 3)
    every = [scores(5, seed) for seed in range(45)]
    ended, problems = threading.Event(), []

    def write(mine):
        for frame in mine:
            results.append(tmp_path, frame)

    def look():
        there = 0
        while not ended.is_set():
            before, there = there, len(index.everything(tmp_path, results.SCORES))
            if there < before:
                problems.append((before, there))

    writers = [threading.Thread(target=write, args=(every[i::3],)) for i in range(3)]
    reader = threading.Thread(target=look)
    for each in (*writers, reader):
        each.start()
    for each in writers:
        each.join()
    ended.set()
    reader.join()
    assert problems == []
    assert index.known(tmp_path, results.SCORES, pd.concat(every)["key"].tolist()).all()
    results.merge(tmp_path, results.SCORES)
    assert len(list(tmp_path.glob("part-*"))) == 1
    assert len(results.read(tmp_path)) == 45 * 5


def test_a_stored_row_is_never_replaced(tmp_path):
    keys = scores(2)["key"].tolist()

    def compute(value):
        return lambda missing: [([0, 1], pd.DataFrame({"rank": [value] * 2}))]

    asked = MODEL, tmp_path, "ranks"
    results.stored(*asked, keys[:1], lambda missing: [([0], pd.DataFrame({"rank": [7]}))], "", "")
    found = results.stored(*asked, keys, compute(3), "", "")
    assert found["rank"].tolist() == [7, 3]
    folder = results.store_folder(tmp_path, MODEL) / "ranks"
    assert sum(pq.read_metadata(part).num_rows for part in folder.glob("part-*")) == 2


def test_keys_of_another_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match="12 bytes, and not 5"):
        index.known(tmp_path, results.SCORES, [b"short"])

"""Stored results: what is written is read, what is damaged is set aside."""

import json
import random
import signal
import time
import warnings

import apart
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlkb.scoring import results


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

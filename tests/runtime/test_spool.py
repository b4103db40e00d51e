"""The router's spool: what was appended is handed over, and gone once it is acknowledged."""

import json
import os
import signal
import subprocess
import sys
import time
from threading import Timer

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.client import Spool, SpoolFull


def read(batch):
    return [json.loads(line) for line in batch.splitlines()]


def everything(batch):
    return [one["id"] for one in read(batch)]


def put(spool, *numbers, **more):
    more = {"data_classification": "public", **more}
    return [spool.append({"n": number}, **more)["seq"] for number in numbers]


def left(spool):
    """Return what waits, without acknowledging any of it."""
    found = []
    spool.hand_over(lambda batch: found.extend(read(batch)) or [], most=10_000)
    return sorted(one["n"] for one in found)


def test_it_hands_over_the_oldest_first_and_deletes_what_is_acknowledged(tmp_path):
    spool = Spool(tmp_path)
    assert put(spool, *range(5)) == [1, 2, 3, 4, 5]
    seen = []
    assert spool.hand_over(lambda batch: seen.append(read(batch)) or everything(batch), most=2) == 2
    assert [(one["n"], one["seq"]) for one in seen[0]] == [(0, 1), (1, 2)]
    assert spool.waiting == 3
    # Nobody acknowledges what was not offered, and nothing goes when the sender fails.
    assert spool.hand_over(lambda batch: ["another"]) == 0
    with pytest.raises(ConnectionError):
        spool.hand_over(lambda batch: (_ for _ in ()).throw(ConnectionError()))
    assert left(spool) == [2, 3, 4]
    assert spool.hand_over(everything) == 3 and spool.hand_over(everything) == 0


def test_one_that_nobody_takes_does_not_hold_up_the_rest(tmp_path):
    spool = Spool(tmp_path)
    put(spool, *range(6))

    def choosy(batch):
        return [one["id"] for one in read(batch) if one["n"] != 0]

    assert [spool.hand_over(choosy, most=2) for _ in range(4)] == [1, 2, 2, 0]
    assert left(spool) == [0]


@given(st.lists(st.sampled_from(["put", "take", "take half", "again"]), max_size=25))
@settings(max_examples=40, deadline=None)
def test_nothing_is_lost_nothing_comes_back_and_numbers_have_no_gap(tmp_path_factory, steps):
    folder = tmp_path_factory.mktemp("spool")
    spool, expected, count = Spool(folder, segment_bytes=200), {}, 0
    for step in steps:
        if step == "put":
            count += 1
            kept = spool.append({"n": count}, data_classification="public")
            assert kept["seq"] == count
            expected[kept["id"]] = count
        elif step == "again":
            spool.close()
            spool = Spool(folder, segment_bytes=200)
        else:
            offered = []
            spool.hand_over(lambda batch, to=offered: to.extend(everything(batch)) or [], most=4)
            gone = offered[:: 2 if step == "take half" else 1]
            assert spool.hand_over(lambda batch, gone=gone: gone, most=10_000) == len(gone)
            for one in gone:
                del expected[one]
        assert spool.waiting == len(expected)
        assert spool.size == sum(path.stat().st_size for path in folder.glob("*.ndjson"))
    assert left(spool) == sorted(expected.values())
    spool.hand_over(everything, most=10_000)
    assert spool.size == 0 and len(list(folder.iterdir())) == 1
    spool.close()


def test_a_line_that_a_power_cut_left_half_was_never_appended(tmp_path):
    spool = Spool(tmp_path)
    put(spool, 1, 2, 3)
    spool.hand_over(everything, most=1)
    spool.close()
    (file,) = tmp_path.glob("*.ndjson")
    (acknowledged,) = tmp_path.glob("*.acked")
    with file.open("ab") as torn:
        torn.write(b'{"n":4,"id"')
    with acknowledged.open("ab") as torn:
        torn.write(b"2")  # of 23, say
    spool = Spool(tmp_path)
    assert left(spool) == [2, 3] and put(spool, 4) == [4]
    spool.close()
    assert left(Spool(tmp_path)) == [2, 3, 4]


def test_what_was_appended_outlives_a_kill(tmp_path):
    program = (
        "import sys; from runtime.client import Spool; from pathlib import Path\n"
        f"spool = Spool(Path({str(tmp_path)!r}), segment_bytes=5000)\n"
        "for number in range(100000):\n"
        "    spool.append({'n': number}, data_classification='public')\n"
        "    print(number, flush=True)\n"
    )
    ran = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    while int(ran.stdout.readline()) < 150:
        pass
    os.kill(ran.pid, signal.SIGKILL)
    told = ran.stdout.read().split()
    ran.wait()
    found = left(Spool(tmp_path))
    assert found == list(range(len(found))) and len(found) > int(told[-1] if told else 150)


@pytest.mark.parametrize(
    ("classification", "waits"),
    [
        ("public", True),
        ("internal", True),
        ("confidential", False),
        ("restricted", False),
        ("?", False),
    ],
)
def test_without_room_a_request_waits_or_is_refused_by_its_data(tmp_path, classification, waits):
    spool = Spool(tmp_path, most_bytes=400, segment_bytes=150, patience=5)
    with pytest.raises(SpoolFull, match="wait to be acknowledged"):
        put(spool, *range(10), data_classification="restricted")
    there = spool.waiting
    timer = Timer(0.1, spool.hand_over, [everything])
    timer.start()
    begun = time.monotonic()
    if waits:
        put(spool, 10, data_classification=classification)
    else:
        with pytest.raises(SpoolFull):
            put(spool, 10, data_classification=classification)
        assert time.monotonic() - begun < 0.1
    timer.join()
    assert there > 0 and left(spool) == [10] * waits


def test_waiting_ends_and_the_outcome_of_what_was_admitted_is_kept(tmp_path):
    spool = Spool(tmp_path, most_bytes=100, patience=0.01)
    with pytest.raises(SpoolFull):
        put(spool, 1, 2)
    assert put(spool, 3, admitted=True) == [2]
    assert left(spool) == [1, 3]


def test_a_disk_without_room_refuses_and_leaves_no_half_line(tmp_path, monkeypatch):
    spool = Spool(tmp_path)
    put(spool, 1)
    monkeypatch.setattr("os.fsync", lambda *given: (_ for _ in ()).throw(OSError("No space left")))
    with pytest.raises(SpoolFull, match="No space left"):
        put(spool, 2)
    monkeypatch.undo()
    assert put(spool, 3) == [2]
    spool.close()
    assert left(Spool(tmp_path)) == [1, 3]

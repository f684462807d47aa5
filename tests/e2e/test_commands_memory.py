"""MEMORY, LOLWUT: what memory is used for, and what is shown for fun."""

import os

import pytest

from resp_connection import NULL, OK, Error, Verbatim, pairs

# What its malloc holds is charged, and nearly fills a small limit.
no_sanitizer = pytest.mark.skipif(os.environ.get("STRATA_SANITIZER", "") != "", reason="another malloc serves the process")


def test_usage_grows_with_the_value(connection):
    sizes = []
    for size in (1, 100, 10_000, 1_000_000):
        connection.call("SET", "k", "x" * size)
        sizes.append(connection.call("MEMORY", "USAGE", "k"))
        assert sizes[-1] > size
    assert sizes == sorted(sizes)


@pytest.mark.strata_only
def test_usage_is_what_is_charged(connection):
    """To the byte: of many equal keys all together as much as each says. (What threads have not booked yet is below 512 bytes.)"""
    def charged():
        fields = dict(line.split(":", 1) for line in connection.call("INFO", "memory").decode().split("\r\n") if ":" in line)
        return int(fields["strata_items_bytes"]) + int(fields["strata_large_values_bytes"])

    for size, count in ((5, 1000), (300, 1000), (20_000, 100), (400_000, 20)):
        connection.call("FLUSHALL", "SYNC")
        before = charged()
        connection.pipeline([("SET", f"key{i:07}", bytes([65 + i % 20]) * size) for i in range(count)])
        slot = 8
        each = connection.call("MEMORY", "USAGE", "key0000001") - slot
        assert size < each < size + 100
        assert abs(charged() - before - each * count) <= 4096, (size, each)


def test_usage_of_nothing(connection, resp3):
    assert connection.call("MEMORY", "USAGE", "nosuch") is None
    assert resp3.call("MEMORY", "USAGE", "nosuch") is NULL


@pytest.mark.parametrize("words, reply", [
    (("SAMPLES", "0"), int), (("samples", "5"), int),
    (("SAMPLES", "-1"), Error("ERR syntax error")), (("SAMPLES",), Error("ERR syntax error")),
    (("SAMPLES", "x"), Error("ERR value is not an integer or out of range")), (("OTHER", "1"), Error("ERR syntax error")),
])
def test_usage_samples(connection, words, reply):
    connection.call("SET", "k", "v")
    answer = connection.call("MEMORY", "USAGE", "k", *words)
    assert isinstance(answer, int) if reply is int else answer == reply


def test_usage_does_not_touch(connection):
    connection.call("SET", "k", "v")
    hits = [line for line in connection.call("INFO", "stats").splitlines() if line.startswith(b"keyspace")]
    connection.call("MEMORY", "USAGE", "k")
    connection.call("MEMORY", "USAGE", "nosuch")
    assert [line for line in connection.call("INFO", "stats").splitlines() if line.startswith(b"keyspace")] == hits


def test_stats(connection, resp3):
    connection.pipeline([("SET", f"k{i}", "v" * 100) for i in range(1000)])
    for stats in (pairs(connection.call("MEMORY", "STATS")), pairs(resp3.call("MEMORY", "STATS"))):
        assert stats[b"keys.count"] == 1000
        assert 1000 * 100 <= stats[b"dataset.bytes"] <= stats[b"total.allocated"] <= stats[b"peak.allocated"] + (64 << 20)
        assert stats[b"dataset.bytes"] + stats[b"overhead.total"] == stats[b"total.allocated"]
        assert stats[b"keys.bytes-per-key"] >= 100
        assert float(stats[b"peak.percentage"]) > 0 and float(stats[b"fragmentation"]) > 0


@pytest.mark.strata_only
@no_sanitizer
def test_doctor(start_server):
    server = start_server({"memory.max_memory": "64mb", "memory.policy": "s3fifo"})
    with server.connect() as connection:
        assert b"Nothing about memory needs attention" in connection.call("MEMORY", "DOCTOR")
        for start in range(0, 200_000, 1000):
            connection.pipeline([("SET", f"key{start + i}", "v" * 500) for i in range(1000)])
        text = connection.call("MEMORY", "DOCTOR")
        assert b"The limit of 64 MiB is reached" in text and b"keys were evicted" in text


@pytest.mark.strata_only
@no_sanitizer
def test_purge_gives_memory_back(start_server):
    """Items of which each second one went leave holes that nothing comes into."""
    server = start_server({"memory.max_memory": "512mb"})
    with server.connect() as connection:
        def resident():
            return int(pairs(connection.call("MEMORY", "STATS"))[b"strata.segments"])

        for start in range(0, 200_000, 1000):
            connection.pipeline([("SET", f"key{start + i}", "v" * 500) for i in range(1000)])
        for start in range(0, 200_000, 1000):
            connection.pipeline([("DEL", *[f"key{i}" for i in range(start, start + 1000) if i % 10])])
        assert connection.call("MEMORY", "PURGE") == OK
        assert resident() < 20_000 * 540 * 1.05  # what is left, with hardly a hole; upkeep alone leaves more, and takes its time
        assert connection.call("DBSIZE") == 20_000
        assert connection.call("GET", "key199990") == b"v" * 500


def test_other_reports(resp3):
    assert isinstance(resp3.call("MEMORY", "MALLOC-STATS"), Verbatim)
    assert isinstance(resp3.call("MEMORY", "DOCTOR"), Verbatim)
    assert b"USAGE" in b" ".join(str(line).encode() for line in resp3.call("MEMORY", "HELP"))
    assert resp3.call("MEMORY", "NOSUCH") == Error("ERR unknown subcommand 'NOSUCH'. Try MEMORY HELP.")


def test_lolwut(connection):
    text = connection.call("LOLWUT").decode()
    assert "Redis ver. 7" in text.splitlines()[-1]
    assert connection.call("LOLWUT", "VERSION", "5")
    assert connection.call("LOLWUT", "VERSION", "x") == Error("ERR value is not an integer or out of range")
    for words in (("VERSION",), ("20", "x"), ("", "x")):  # without a version nothing is looked at
        assert b"Redis ver. 7" in connection.call("LOLWUT", *words)


@pytest.mark.strata_only
def test_lolwut_sizes(connection):
    lines = connection.call("LOLWUT", "VERSION", "7", "20", "5").decode().splitlines()
    assert [len(line) for line in lines[:5]] == [20] * 5 and lines[5] == ""
    assert connection.call("LOLWUT", "VERSION", "7", "20", "x") == Error("ERR value is not an integer or out of range")

"""Commands that move keys and look at how they are stored: RENAME RENAMENX COPY MOVE TOUCH RANDOMKEY OBJECT DUMP RESTORE, and the moments of expiry:
EXPIREAT PEXPIREAT EXPIRETIME PEXPIRETIME."""

import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from resp_connection import OK, Error
from server_process import ServerProcess

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "differential"))
import dump_payload  # noqa: E402

SYNTAX = Error("ERR syntax error")
NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
SAME = Error("ERR source and destination objects are the same")
OUT_OF_RANGE = Error("ERR DB index is out of range")
REFERENCE = "/usr/bin/redis-server"
LARGE = 16 * 1024  # values of so many bytes lie in a block of their own


def run_script(connection, script):
    """Each step is (words of a command, expected reply)."""
    for step, (words, reply) in enumerate(script):
        assert connection.call(*words) == reply, f"step {step}: {words}"


@pytest.mark.parametrize("value", [b"value", b"12345", b"x" * (LARGE + 1)])
def test_rename(connection, value):
    run_script(connection, [
        (("RENAME", "a", "b"), Error("ERR no such key")), (("RENAMENX", "a", "a"), Error("ERR no such key")),
        (("SET", "a", value, "EX", 1_000), OK), (("RENAME", "a", "b"), OK), (("EXISTS", "a"), 0), (("GET", "b"), value), (("TTL", "b"), 1_000),
        (("SET", "c", "old", "EX", 5_000), OK), (("RENAMENX", "b", "c"), 0), (("GET", "c"), b"old"), (("RENAME", "b", "c"), OK), (("GET", "c"), value),
        (("TTL", "c"), 1_000), (("RENAMENX", "c", "d"), 1), (("GET", "d"), value), (("RENAME", "d", "d"), OK), (("RENAMENX", "d", "d"), 0),
        (("DBSIZE",), 1),
    ])


@pytest.mark.parametrize("value", [b"value", b"12345", b"x" * (LARGE + 1)])
def test_copy_and_move(connection, value):
    run_script(connection, [
        (("COPY", "a", "b"), 0), (("SET", "a", value, "EX", 1_000), OK), (("COPY", "a", "b"), 1), (("MGET", "a", "b"), [value, value]), (("TTL", "b"), 1_000),
        (("APPEND", "a", "!"), len(value) + 1), (("GET", "b"), value), (("COPY", "a", "b"), 0), (("COPY", "a", "b", "REPLACE"), 1), (("GET", "b"), value + b"!"),
        (("COPY", "a", "a"), SAME), (("COPY", "a", "a", "DB", 2), 1), (("COPY", "a", "a", "db", 2), 0), (("COPY", "a", "a", "REPLACE", "DB", 0), SAME),
        (("COPY", "a", "b", "DB"), SYNTAX), (("COPY", "a", "b", "FOO"), SYNTAX), (("COPY", "a", "b", "DB", 99), OUT_OF_RANGE),
        (("COPY", "a", "b", "DB", "x"), NOT_AN_INTEGER), (("MOVE", "a", 2), 0), (("MOVE", "b", 2), 1), (("EXISTS", "b"), 0), (("MOVE", "b", 2), 0),
        (("MOVE", "a", 0), SAME), (("MOVE", "a", 16), OUT_OF_RANGE), (("MOVE", "a", "x"), NOT_AN_INTEGER), (("SELECT", 2), OK),
        (("MGET", "a", "b"), [value + b"!", value + b"!"]), (("TTL", "b"), 1_000),
    ])


@pytest.mark.strata_only
def test_a_copy_of_a_large_value_takes_no_memory(connection):
    def used():
        return int(next(line for line in connection.call("INFO", "memory").decode().split("\r\n") if line.startswith("used_memory:")).split(":")[1])

    connection.call("SET", "a", b"x" * 8_000_000)
    before = used()
    for i in range(10):
        assert connection.call("COPY", "a", f"copy{i}") == 1
    if not os.environ.get("STRATA_SANITIZER"):  # another malloc serves the process then, and grows as it likes
        assert used() - before < 1_000_000
    connection.call("DEL", "a")
    assert connection.call("GET", "copy9") == b"x" * 8_000_000


def test_rename_is_atomic(server):
    """The one value goes round; whoever looks at both names sees it once."""
    done = threading.Event()

    def go_round():
        with server.connect() as mover:
            while not done.is_set():
                mover.pipeline([("RENAME", "a", "b"), ("RENAME", "b", "a")])

    thread = threading.Thread(target=go_round)
    with server.connect() as connection:
        connection.call("SET", "a", "v")
        thread.start()
        try:
            for _ in range(2_000):
                assert connection.call("MGET", "a", "b").count(b"v") == 1
        finally:
            done.set()
            thread.join()


def test_touch_and_randomkey(connection):
    assert connection.call("RANDOMKEY") is None
    names = {f"key:{i}".encode() for i in range(5)}
    connection.call("MSET", *(word for name in names for word in (name, 1)))
    assert connection.call("TOUCH", "key:0", "none", "key:1", "key:0") == 3
    assert {connection.call("RANDOMKEY") for _ in range(400)} == names


@pytest.mark.strata_only
def test_randomkey_is_about_fair(connection):
    connection.call("MSET", *(word for i in range(100) for word in (f"key:{i}", i)))
    replies = connection.pipeline([("RANDOMKEY",)] * 20_000)
    counts = [replies.count(f"key:{i}".encode()) for i in range(100)]
    assert min(counts) > 50 and max(counts) < 600, counts


@pytest.mark.parametrize("value, encoding", [(b"12", b"int"), (b"-9223372036854775808", b"int"), (b"9223372036854775808", b"embstr"), (b"", b"embstr"),
                                             (b"x" * 44, b"embstr"), (b"x" * 45, b"raw"), (b"x" * LARGE, b"raw")])
def test_object_encoding(connection, value, encoding):
    connection.call("SET", "k", value)
    assert connection.call("OBJECT", "ENCODING", "k") == encoding


def test_object(connection):
    connection.call("SET", "k", "value")
    run_script(connection, [
        (("OBJECT", "ENCODING", "none"), None), (("OBJECT", "FREQ", "none"), None), (("OBJECT", "IDLETIME", "none"), None), (("OBJECT", "REFCOUNT", "none"), None),
        (("OBJECT", "refcount", "k"), 1), (("OBJECT",), Error("ERR wrong number of arguments for 'object' command")),
        (("OBJECT", "FOO", "k"), Error("ERR unknown subcommand 'FOO'. Try OBJECT HELP.")),
        (("OBJECT", "ENCODING"), Error("ERR wrong number of arguments for 'object|encoding' command")),
        (("COMMAND", "GETKEYS", "OBJECT", "ENCODING", "k"), [b"k"]),
    ])


def test_restore_keeps_how_often_under_lfu(connection):
    connection.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
    try:
        for frequency in (200, 20, 4):
            assert connection.call("RESTORE", "r", 0, dump_payload.of_string(b"v"), "REPLACE", "FREQ", frequency) == OK
            assert frequency / 2 < connection.call("OBJECT", "FREQ", "r") <= frequency
    finally:
        connection.call("CONFIG", "SET", "maxmemory-policy", "noeviction")


@pytest.mark.strata_only
def test_object_freq_and_idletime(connection):
    connection.call("CONFIG", "SET", "maxmemory-policy", "s3fifo")
    connection.call("SET", "k", "value")
    assert connection.call("OBJECT", "FREQ", "k") == 0
    for hits in (1, 2, 3, 3):
        connection.call("GET", "k")
        assert connection.call("OBJECT", "FREQ", "k") == hits
    assert connection.call("RESTORE", "r", 0, dump_payload.of_string(b"v"), "FREQ", 2) == OK
    assert connection.call("OBJECT", "FREQ", "r") == 2
    assert connection.call("OBJECT", "IDLETIME", "k").startswith("ERR times of access are not kept")
    connection.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert connection.call("OBJECT", "FREQ", "k").startswith("ERR An LFU maxmemory policy is not selected")
    connection.call("CONFIG", "SET", "maxmemory-policy", "s3fifo")


# Moments of expiry -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command, scale", [("EXPIREAT", 1), ("PEXPIREAT", 1_000)])
def test_expireat(connection, command, scale):
    moment = 33_000_000_000
    run_script(connection, [
        ((command, "k", moment * scale), 0), (("EXPIRETIME", "k"), -2), (("PEXPIRETIME", "k"), -2), (("SET", "k", "v"), OK), (("EXPIRETIME", "k"), -1),
        (("PEXPIRETIME", "k"), -1), ((command, "k", moment * scale, "XX"), 0), ((command, "k", moment * scale, "nx"), 1), (("EXPIRETIME", "k"), moment),
        (("PEXPIRETIME", "k"), moment * 1_000), ((command, "k", (moment - 5) * scale, "GT"), 0), ((command, "k", (moment - 5) * scale, "LT"), 1),
        (("EXPIRETIME", "k"), moment - 5), ((command, "k", moment * scale, "GT", "LT"), Error("ERR GT and LT options at the same time are not compatible")),
        ((command, "k", "a"), NOT_AN_INTEGER), ((command, "k", 1), 1), (("EXISTS", "k"), 0),
    ])


def test_expireat_beyond_the_end_of_time(connection):
    connection.call("SET", "k", "v")
    assert connection.call("EXPIREAT", "k", 2**63 - 1) == Error("ERR invalid expire time in 'expireat' command")
    assert connection.call("PEXPIREAT", "k", 2**63 - 1) == 1
    assert connection.call("EXPIRETIME", "k") == 9_223_372_036_854_776


# DUMP and RESTORE --------------------------------------------------------------------------------------------------------

VALUES = [b"", b"a", b"hello", b"0", b"-1", b"127", b"-129", b"32768", b"2147483647", b"2147483648", b"01", b"x" * 63, b"x" * 64, b"ab" * 10_000,
          bytes(range(256)) * 100, b"y" * 300_000]


def test_dump_of_nothing(connection):
    assert connection.call("DUMP", "k") is None


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value[:8]}x{len(value)}")
def test_dump_and_restore(connection, value):
    connection.call("SET", "k", value, "EX", 1_000)
    payload = connection.call("DUMP", "k")
    assert dump_payload.value_of(payload) == value
    run_script(connection, [
        (("RESTORE", "copy", 0, payload), OK), (("GET", "copy"), value), (("TTL", "copy"), -1),
        (("RESTORE", "copy", 0, payload), Error("BUSYKEY Target key name already exists.")),
        (("RESTORE", "past", 2**63 - 1, payload), OK), (("EXISTS", "past"), 0),  # beyond the end of time
        (("RESTORE", "copy", 500_000, payload, "REPLACE"), OK), (("TTL", "copy"), 500),
        (("RESTORE", "copy", 33_000_000_000_000, payload, "absttl", "replace", "IDLETIME", 7), OK), (("EXPIRETIME", "copy"), 33_000_000_000),
        (("RESTORE", "copy", 1, payload, "ABSTTL", "REPLACE"), OK), (("EXISTS", "copy"), 0),
    ])


def test_restore_of_every_form(connection):
    for payload, value in ((dump_payload.of_compressed(b"abc" * 10_000), b"abc" * 10_000), (dump_payload.of_compressed(b"z" * 40), b"z" * 40),
                           (dump_payload.of_integer(-5, 1), b"-5"), (dump_payload.of_integer(-300, 2), b"-300"), (dump_payload.of_integer(1 << 30, 4), b"1073741824")):
        assert connection.call("RESTORE", "k", 0, payload, "REPLACE") == OK
        assert connection.call("GET", "k") == value


@pytest.mark.parametrize("words, reply", [
    (("-1", "good"), "ERR Invalid TTL value, must be >= 0"), (("a", "good"), str(NOT_AN_INTEGER)), (("0", "good", "FOO"), str(SYNTAX)),
    (("0", "good", "IDLETIME"), str(SYNTAX)), (("0", "good", "IDLETIME", "-1"), "ERR Invalid IDLETIME value, must be >= 0"),
    (("0", "good", "FREQ", "256"), "ERR Invalid FREQ value, must be >= 0 and <= 255"), (("0", "good", "FREQ", "1", "IDLETIME", "1"), str(SYNTAX)),
    (("0", b"\0\3abc"), "ERR DUMP payload version or checksum are wrong"), (("0", b""), "ERR DUMP payload version or checksum are wrong"),
    (("0", dump_payload.sealed(b"\0\3abc", 99)), "ERR DUMP payload version or checksum are wrong"), (("0", dump_payload.sealed(b"\0\x3eabc")), "ERR Bad data format"),
    (("0", dump_payload.sealed(b"\0\xc3\2\x0a\0")), "ERR Bad data format"), (("0", dump_payload.sealed(b"\xfa\3abc")), "ERR Bad data format"),
])
def test_restore_refuses(connection, words, reply):
    ttl, payload, *options = words
    assert connection.call("RESTORE", "k", ttl, dump_payload.of_string(b"v") if payload == "good" else payload, *options) == Error(reply)
    assert connection.call("EXISTS", "k") == 0


@pytest.mark.strata_only
def test_restore_refuses_a_bomb(connection):
    """Ten bytes that say they unpack to half a gigabyte."""
    bomb = dump_payload.sealed(b"\0\xc3\x05\x80\x20\0\0\0\1ab\xc0\1")
    assert connection.call("RESTORE", "k", 0, bomb) == Error("ERR Bad data format")


@pytest.mark.strata_only
@pytest.mark.skipif(not shutil.which(REFERENCE), reason="Debian's redis-server is not installed")
def test_payloads_go_to_redis_and_back(server, tmp_path):
    reference = ServerProcess(tmp_path / "reference", program=REFERENCE, peer="redis").start()
    try:
        with server.connect() as ours, reference.connect() as theirs:
            for i, value in enumerate(VALUES):
                for source, target in ((ours, theirs), (theirs, ours)):
                    source.call("SET", f"k{i}", value)
                    assert target.call("RESTORE", f"from{i}", 0, source.call("DUMP", f"k{i}"), "REPLACE") == OK
                    assert target.call("GET", f"from{i}") == value
                # What is not worth compressing is the same, byte for byte.
                if len(value) <= 20:
                    assert ours.call("DUMP", f"k{i}") == theirs.call("DUMP", f"k{i}")
    finally:
        reference.stop()


def test_rows_are_those_of_redis(server, tmp_path):
    """Flags and keys of every command of strings, bitmaps and keys that redis-server has too."""
    if not os.path.exists(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    names = """append bitcount bitfield bitfield_ro bitop bitpos copy decr decrby del dump exists expire expireat expiretime get getbit getdel getex getrange
        getset incr incrby incrbyfloat keys lcs mget move mset msetnx object persist pexpire pexpireat pexpiretime psetex pttl randomkey rename renamenx restore
        scan set setbit setex setnx setrange strlen substr swapdb touch ttl type unlink object|encoding object|freq object|idletime object|refcount
        object|help""".split()
    reference = ServerProcess(tmp_path / "reference", program=REFERENCE, peer="redis").start()
    try:
        with server.connect() as ours, reference.connect() as theirs:
            for name, left, right in zip(names, ours.call("COMMAND", "INFO", *names), theirs.call("COMMAND", "INFO", *names)):
                assert _row(left) == _row(right), name
    finally:
        reference.stop()


def _row(entry):
    """Name, arity, flags, keys, categories and kinds of keys, without notes and in one order."""
    kinds = []
    for spec in entry[8]:
        fields = dict(zip(spec[::2], spec[1::2]))
        kinds.append((sorted(map(str, fields[b"flags"])), fields[b"begin_search"], fields[b"find_keys"]))
    return entry[0], entry[1], sorted(map(str, entry[2])), entry[3:6], sorted(map(str, entry[6])), kinds


def test_moving_at_the_limit_without_eviction(start_server):
    """What is moved takes no more than it took."""
    with start_server({"memory.max_memory": "20mb", "memory.policy": "noeviction"}).connect() as connection:
        values = {"small": "v", "middle": "y" * 3_000, "large": "x" * 100_000}
        for name, value in values.items():
            connection.call("SET", name, value)
        out_of_memory = Error("OOM command not allowed when used memory > 'maxmemory'.")
        count = 0
        for size in (1_000, 100, 1):  # until nothing at all fits
            while connection.call("SET", f"key:{count}", "z" * size) == OK:
                count += 1
        assert count > 100  # a sanitizer takes its part
        assert connection.call("SET", "one more", "v") == connection.call("COPY", "middle", "copy") == out_of_memory
        for name, value in values.items():
            assert connection.call("RENAME", name, f"a longer name for {name}") == OK
            assert connection.call("RENAMENX", f"a longer name for {name}", name) == 1
            assert connection.call("MOVE", name, 1) == 1
            assert connection.call("SELECT", 1) == OK
            assert connection.call("GET", name) == value.encode()
            assert connection.call("SELECT", 0) == OK
        assert connection.call("RENAME", "key:1", "key:2") == OK

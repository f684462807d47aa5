"""Commands on keys and databases: DEL UNLINK EXISTS TYPE TTL PTTL EXPIRE PEXPIRE PERSIST SELECT SWAPDB DBSIZE FLUSHDB FLUSHALL SCAN KEYS."""

import random

import pytest

from resp_connection import OK, Error, Status

SYNTAX = Error("ERR syntax error")
NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
LARGEST = 2**63 - 1


def scan_all(connection, *options):
    """The keys of a whole walk, repetitions included."""
    found, cursor = [], b"0"
    for _ in range(100_000):
        cursor, keys = connection.call("SCAN", cursor, *options)
        found += keys
        if cursor == b"0":
            return found
    raise AssertionError("the walk does not end")


def fill(connection, count, prefix="key:"):
    connection.call("MSET", *(word for i in range(count) for word in (f"{prefix}{i}", i)))
    return {f"{prefix}{i}".encode() for i in range(count)}


@pytest.mark.parametrize("command", ["DEL", "UNLINK"])
def test_remove(connection, command):
    fill(connection, 3)
    assert connection.call(command, "key:0", "none", "key:1", "key:0") == 2
    assert connection.call(command, "none") == 0
    assert connection.call("KEYS", "*") == [b"key:2"]


def test_exists_counts_repetitions(connection):
    connection.call("MSET", "a", 1, "b", 2)
    assert connection.call("EXISTS", "a", "b", "none", "a") == 3
    assert connection.call("EXISTS", "none") == 0


def test_type(connection):
    connection.call("SET", "a", 1)
    assert connection.call("TYPE", "a") == Status("string")
    assert connection.call_bytes("TYPE", "none") == b"+none\r\n"


def test_ttl_of_keys_without(connection):
    connection.call("SET", "a", 1)
    assert [connection.call(command, key) for command in ("TTL", "PTTL") for key in ("a", "none")] == [-1, -2, -1, -2]


@pytest.mark.parametrize("command, unit", [("EXPIRE", 1000), ("PEXPIRE", 1)])
def test_expire_and_persist(connection, command, unit):
    connection.call("SET", "k", "v")
    assert connection.call(command, "none", 1) == 0
    assert connection.call(command, "k", 1_000_000 // unit) == 1
    assert 900_000 <= connection.call("PTTL", "k") <= 1_000_000
    assert 900 <= connection.call("TTL", "k") <= 1000
    assert connection.call("PERSIST", "k") == 1
    assert connection.call("TTL", "k") == -1
    assert connection.call("PERSIST", "k") == 0
    assert connection.call("PERSIST", "none") == 0
    assert connection.call("GET", "k") == b"v"


@pytest.mark.parametrize("command", ["EXPIRE", "PEXPIRE"])
@pytest.mark.parametrize("time", ["0", "-1", "-1000"])
def test_expire_in_the_past_removes(connection, command, time):
    connection.call("SET", "k", "v")
    assert connection.call(command, "k", time) == 1
    assert connection.call("EXISTS", "k") == 0


@pytest.mark.parametrize("command, unit", [("EXPIRE", 1), ("PEXPIRE", 1000)])
def test_expire_conditions(connection, command, unit):
    def expire(seconds, *conditions):
        return connection.call(command, "k", seconds * unit, *conditions)

    connection.call("SET", "k", "v")
    assert expire(1000, "XX") == 0
    assert expire(1000, "GT") == 0  # no expiry counts as endless: nothing is greater
    assert expire(1000, "nx") == 1
    assert expire(2000, "NX") == 0
    assert expire(500, "GT") == 0
    assert expire(2000, "gt") == 1
    assert expire(3000, "LT") == 0
    assert expire(1500, "LT") == 1
    assert expire(1600, "XX", "GT") == 1
    assert expire(1500, "XX", "LT") == 1
    assert expire(1500, "XX", "XX") == 1
    assert 1400 <= connection.call("TTL", "k") <= 1500
    connection.call("PERSIST", "k")
    assert expire(1000, "LT") == 1
    assert connection.call(command, "none", 1000, "NX") == 0


@pytest.mark.parametrize("words, reply", [
    (("EXPIRE", "k", "b"), NOT_AN_INTEGER),
    (("EXPIRE", "k", "1.5"), NOT_AN_INTEGER),
    (("PEXPIRE", "k", ""), NOT_AN_INTEGER),
    (("EXPIRE", "k", "1", "FOO"), Error("ERR Unsupported option FOO")),
    (("EXPIRE", "k", "1", "NX", "XX"), Error("ERR NX and XX, GT or LT options at the same time are not compatible")),
    (("EXPIRE", "k", "1", "NX", "GT"), Error("ERR NX and XX, GT or LT options at the same time are not compatible")),
    (("EXPIRE", "k", "1", "GT", "LT"), Error("ERR GT and LT options at the same time are not compatible")),
    (("EXPIRE", "k", LARGEST), Error("ERR invalid expire time in 'expire' command")),
    (("EXPIRE", "k", -LARGEST), Error("ERR invalid expire time in 'expire' command")),
    (("PEXPIRE", "k", LARGEST), Error("ERR invalid expire time in 'pexpire' command")),
])
def test_expire_refuses(connection, words, reply):
    connection.call("SET", "k", "v")
    assert connection.call(*words) == reply
    assert connection.call("TTL", "k") == -1


# Databases ---------------------------------------------------------------------------------------------------------------


def test_databases_are_separate(connection):
    connection.call("SET", "k", "zero")
    assert connection.call("SELECT", 3) == OK
    assert connection.call("GET", "k") is None
    assert connection.call("SET", "k", "three") == OK
    assert connection.call("DBSIZE") == 1
    assert connection.call("SELECT", 0) == OK
    assert connection.call("GET", "k") == b"zero"


@pytest.mark.parametrize("index, text", [
    ("16", "ERR DB index is out of range"),
    ("-1", "ERR DB index is out of range"),
    ("a", "ERR value is not an integer or out of range"),
    ("", "ERR value is not an integer or out of range"),
    ("99999999999999999999", "ERR value is not an integer or out of range"),
])
def test_select_refuses(connection, index, text):
    connection.call("SELECT", 5)
    connection.call("SET", "k", "five")
    assert connection.call("SELECT", index) == Error(text)
    assert connection.call("GET", "k") == b"five"


def test_number_of_databases(start_server):
    server = start_server({"server.databases": 4})
    with server.connect() as connection:
        assert connection.call("SELECT", 3) == OK
        assert connection.call("SELECT", 4) == Error("ERR DB index is out of range")
        assert connection.call("CONFIG", "GET", "databases") == [b"databases", b"4"]


@pytest.mark.parametrize("mode", [(), ("ASYNC",), ("sync",)])
def test_flush(connection, mode):
    fill(connection, 100)
    connection.call("SELECT", 1)
    fill(connection, 10)
    assert connection.call("FLUSHDB", *mode) == OK
    assert connection.call("DBSIZE") == 0
    connection.call("SET", "k", "v")
    connection.call("SELECT", 0)
    assert connection.call("DBSIZE") == 100
    assert connection.call("FLUSHALL", *mode) == OK
    assert connection.call("DBSIZE") == 0
    assert connection.call("GET", "key:5") is None
    connection.call("SELECT", 1)
    assert connection.call("EXISTS", "k") == 0
    assert connection.call("SET", "k", "again", "NX") == OK
    assert connection.call("DBSIZE") == 1


@pytest.mark.parametrize("words", [("FLUSHALL", "FOO"), ("FLUSHDB", "FOO"), ("FLUSHALL", "ASYNC", "SYNC"), ("FLUSHDB", "SYNC", "SYNC")])
def test_flush_refuses(connection, words):
    connection.call("SET", "k", "v")
    assert connection.call(*words) == SYNTAX
    assert connection.call("DBSIZE") == 1


def test_swapped_databases(connection, server):
    """Clients that have selected one of the two see the other's keys at once, with sizes and expiries."""
    with server.connect() as other:
        other.call("SELECT", 3)
        connection.call("SET", "here", "zero", "EX", 100)
        fill(other, 10)
        assert connection.call("SWAPDB", 0, 3) == OK
        assert (connection.call("DBSIZE"), other.call("DBSIZE")) == (10, 1)
        assert connection.call("GET", "here") is None
        assert other.call("GET", "here") == b"zero"
        assert 0 < other.call("TTL", "here") <= 100
        assert sorted(connection.call("KEYS", "*")) == sorted(b"key:%d" % number for number in range(10))
        assert other.call("SET", "here", "changed") == OK
        assert connection.call("SWAPDB", 3, 0) == OK
        assert connection.call("GET", "here") == b"changed"
        assert connection.call("SWAPDB", 0, 0) == OK
        assert connection.call("FLUSHDB") == OK
        assert (connection.call("DBSIZE"), other.call("DBSIZE")) == (0, 10)


@pytest.mark.parametrize("words, text", [
    (("a", 0), "ERR invalid first DB index"),
    ((0, "1x"), "ERR invalid second DB index"),
    ((1 << 31, 0), "ERR invalid first DB index"),
    ((0, 16), "ERR DB index is out of range"),
    ((-1, 0), "ERR DB index is out of range"),
])
def test_swapdb_refuses(connection, words, text):
    connection.call("SET", "k", "v")
    assert connection.call("SWAPDB", *words) == Error(text)
    assert connection.call("DBSIZE") == 1


# KEYS and SCAN -----------------------------------------------------------------------------------------------------------

GLOB_KEYS = [b"hello", b"hallo", b"hxllo", b"hllo", b"heello", b"h*llo", b"h?llo", b"h[llo", b"h-llo", b"h\\llo", b"", b"HELLO", b"a\x00b",
             b"\xff\xfe", b"key:1", b"key:10"]


@pytest.mark.parametrize("pattern, matching", [
    (b"*", GLOB_KEYS),
    (b"", [b""]),
    (b"hello", [b"hello"]),
    (b"h?llo", [b"hello", b"hallo", b"hxllo", b"h*llo", b"h?llo", b"h[llo", b"h-llo", b"h\\llo"]),
    (b"h*llo", [b"hello", b"hallo", b"hxllo", b"hllo", b"heello", b"h*llo", b"h?llo", b"h[llo", b"h-llo", b"h\\llo"]),
    (b"h[ae]llo", [b"hello", b"hallo"]),
    (b"h[^e]llo", [b"hallo", b"hxllo", b"h*llo", b"h?llo", b"h[llo", b"h-llo", b"h\\llo"]),
    (b"h[a-f]llo", [b"hello", b"hallo"]),
    (b"h[f-a]llo", [b"hello", b"hallo"]),
    (b"h\\*llo", [b"h*llo"]),
    (b"h\\?llo", [b"h?llo"]),
    (b"h[\\-x]llo", [b"hxllo", b"h-llo"]),
    (b"h\\\\llo", [b"h\\llo"]),
    (b"h[[]llo", [b"h[llo"]),
    (b"h[xllo", []),
    (b"key:*", [b"key:1", b"key:10"]),
    (b"*:1", [b"key:1"]),
    (b"a\x00*", [b"a\x00b"]),
    (b"\xff?", [b"\xff\xfe"]),
    (b"*l*l*", [b"hello", b"hallo", b"hxllo", b"hllo", b"heello", b"h*llo", b"h?llo", b"h[llo", b"h-llo", b"h\\llo"]),
    (b"none*", []),
])
def test_glob_patterns(connection, pattern, matching):
    connection.call("MSET", *(word for key in GLOB_KEYS for word in (key, "v")))
    assert sorted(connection.call("KEYS", pattern)) == sorted(matching)
    assert sorted(set(scan_all(connection, "MATCH", pattern))) == sorted(matching)


def test_pattern_made_to_be_slow_ends(connection):
    connection.call("SET", "a" * 60, "v")
    assert connection.call("KEYS", "a*" * 30 + "b") == []


def test_keys_of_many(connection):
    expected = fill(connection, 20_000)
    assert set(connection.call("KEYS", "*")) == expected
    assert len(connection.call("KEYS", "key:1*")) == 11_111


@pytest.mark.parametrize("options", [(), ("COUNT", "1"), ("COUNT", "100"), ("COUNT", "100000"), ("TYPE", "string"), ("type", "STRING"),
                                     ("MATCH", "key:*", "COUNT", "50", "TYPE", "string")])
def test_scan_returns_every_key(connection, options):
    expected = fill(connection, 1_000)
    assert set(scan_all(connection, *options)) == expected


def test_scan_of_an_empty_database(connection):
    assert connection.call("SCAN", 0) == [b"0", []]


def test_scan_filters(connection):
    fill(connection, 500)
    assert scan_all(connection, "TYPE", "list") == []
    assert set(scan_all(connection, "MATCH", "key:49?")) == {f"key:49{i}".encode() for i in range(10)}


def test_scan_sees_its_own_database_only(connection):
    fill(connection, 50)
    connection.call("SELECT", 1)
    other = fill(connection, 50, "other:")
    assert set(scan_all(connection)) == other


@pytest.mark.parametrize("words, reply", [
    (("SCAN", "a"), Error("ERR invalid cursor")),
    (("SCAN", "99999999999999999999"), Error("ERR invalid cursor")),
    (("SCAN", "0", "COUNT", "0"), SYNTAX),
    (("SCAN", "0", "COUNT", "-1"), SYNTAX),
    (("SCAN", "0", "COUNT", "a"), NOT_AN_INTEGER),
    (("SCAN", "0", "COUNT"), SYNTAX),
    (("SCAN", "0", "MATCH"), SYNTAX),
    (("SCAN", "0", "TYPE"), SYNTAX),
    (("SCAN", "0", "FOO", "1"), SYNTAX),
])
def test_scan_refuses(connection, words, reply):
    assert connection.call(*words) == reply


def test_scan_guarantees_while_keys_come_and_go(server, connection):
    """Every key that is there from start to end is returned; a key that never is there is not."""
    staying = fill(connection, 2_000, "stay:")
    fill(connection, 2_000, "leave:")
    random_order = random.Random(7)
    seen, cursor, come = [], b"0", 0
    with server.connect() as other:
        while True:
            cursor, keys = connection.call("SCAN", cursor, "COUNT", 100)
            seen += keys
            if cursor == b"0":
                break
            other.call("DEL", *(f"leave:{random_order.randrange(2_000)}" for _ in range(30)))
            other.call("MSET", *(word for i in range(come, come + 100) for word in (f"come:{i}", i)))
            come += 100
    assert come > 0
    assert staying <= set(seen)
    allowed = {f"{prefix}:{i}".encode() for prefix, count in (("stay", 2_000), ("leave", 2_000), ("come", come)) for i in range(count)}
    assert set(seen) <= allowed

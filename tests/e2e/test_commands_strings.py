"""String commands: GET SET MGET MSET APPEND STRLEN INCR DECR INCRBY DECRBY."""

import time

import pytest

from resp_connection import OK, Error
from server_process import wait_until

SYNTAX = Error("ERR syntax error")
NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
BAD_EXPIRY = Error("ERR invalid expire time in 'set' command")
LARGEST = 2**63 - 1
SMALLEST = -2**63


def run_script(connection, script):
    """Each step is (words of a command, expected reply)."""
    for step, (words, reply) in enumerate(script):
        assert connection.call(*words) == reply, f"step {step}: {words}"


def test_get_set(connection):
    run_script(connection, [
        (("GET", "k"), None),
        (("SET", "k", "v"), OK),
        (("GET", "k"), b"v"),
        (("set", "k", ""), OK),
        (("gEt", "k"), b""),
        (("GET", "K"), None),
    ])


def test_set_nx_xx(connection):
    run_script(connection, [
        (("SET", "k", "1", "XX"), None),
        (("EXISTS", "k"), 0),
        (("SET", "k", "1", "NX"), OK),
        (("SET", "k", "2", "nx"), None),
        (("GET", "k"), b"1"),
        (("SET", "k", "3", "xx"), OK),
        (("GET", "k"), b"3"),
        (("SET", "k", "4", "NX", "NX"), None),
    ])


def test_set_get(connection):
    run_script(connection, [
        (("SET", "k", "1", "GET"), None),
        (("SET", "k", "2", "GET"), b"1"),
        (("SET", "k", "3", "NX", "GET"), b"2"),
        (("GET", "k"), b"2"),
        (("SET", "k", "4", "GET", "XX", "EX", "1000"), b"2"),
        (("GET", "k"), b"4"),
        (("SET", "other", "1", "XX", "GET"), None),
        (("EXISTS", "other"), 0),
        (("SET", "other", "1", "GET", "NX"), None),
        (("GET", "other"), b"1"),
    ])


@pytest.mark.parametrize("option, value, least, most", [
    ("EX", 1000, 900, 1000),
    ("px", 1_000_000, 900, 1000),
    ("PX", 1_000_499, 900, 1001),
    ("EXAT", int(time.time()) + 100_000, 90_000, 100_000),
    ("pxat", int(time.time() + 100_000) * 1000, 90_000, 100_000),
])
def test_set_with_expiry(connection, option, value, least, most):
    assert connection.call("SET", "k", "v", option, value) == OK
    assert least <= connection.call("TTL", "k") <= most
    assert least * 1000 <= connection.call("PTTL", "k") <= most * 1000


def test_set_with_expiry_in_the_past_removes(connection):
    for option in ("EXAT", "PXAT"):
        assert connection.call("SET", "k", "v") == OK
        assert connection.call("SET", "k", "w", option, 1) == OK
        assert connection.call("GET", "k") is None
        assert connection.call("EXISTS", "k") == 0


def test_set_drops_expiry_unless_told_to_keep_it(connection):
    run_script(connection, [
        (("SET", "k", "1", "EX", "1000"), OK),
        (("SET", "k", "2"), OK),
        (("TTL", "k"), -1),
        (("SET", "k", "3", "EX", "1000"), OK),
        (("SET", "k", "4", "KEEPTTL"), OK),
        (("GET", "k"), b"4"),
        (("EXPIRE", "k", "5000", "GT"), 1),
        (("SET", "k", "5", "keepttl", "XX", "GET"), b"4"),
        (("EXPIRE", "k", "4000", "GT"), 0),
        (("SET", "new", "1", "KEEPTTL"), OK),
        (("TTL", "new"), -1),
    ])


@pytest.mark.parametrize("options, reply", [
    (("FOO",), SYNTAX),
    (("EX",), SYNTAX),
    (("NX", "XX"), SYNTAX),
    (("XX", "NX"), SYNTAX),
    (("EX", "10", "PX", "10"), SYNTAX),
    (("KEEPTTL", "EX", "1"), SYNTAX),
    (("EX", "1", "KEEPTTL"), SYNTAX),
    (("EXAT", "1", "KEEPTTL"), SYNTAX),
    (("EX", "a"), NOT_AN_INTEGER),
    (("EX", "1.5"), NOT_AN_INTEGER),
    (("EX", ""), NOT_AN_INTEGER),
    (("EX", " 1"), NOT_AN_INTEGER),
    (("PX", str(LARGEST + 1)), NOT_AN_INTEGER),
    (("EX", "0"), BAD_EXPIRY),
    (("EX", "-1"), BAD_EXPIRY),
    (("PX", "0"), BAD_EXPIRY),
    (("EXAT", "0"), BAD_EXPIRY),
    (("PXAT", "-1"), BAD_EXPIRY),
    (("EX", str(LARGEST)), BAD_EXPIRY),
    (("EX", str(LARGEST // 1000 + 1)), BAD_EXPIRY),
    (("PX", str(LARGEST)), BAD_EXPIRY),
    (("EXAT", str(LARGEST)), BAD_EXPIRY),
])
def test_set_refuses(connection, options, reply):
    connection.call("SET", "k", "old")
    assert connection.call("SET", "k", "new", *options) == reply
    assert connection.call("GET", "k") == b"old"
    assert connection.call("TTL", "k") == -1


def test_mget_mset(connection):
    run_script(connection, [
        (("MSET", "a", "1", "b", "2", "a", "3"), OK),
        (("MGET", "a", "none", "b", "a"), [b"3", None, b"2", b"3"]),
        (("SET", "c", "1", "EX", "1000"), OK),
        (("MSET", "c", "2"), OK),
        (("TTL", "c"), -1),
        (("MSET", "a", "1", "b"), Error("ERR wrong number of arguments for 'mset' command")),
        (("GET", "a"), b"3"),
    ])


def test_mset_of_many_keys(connection):
    words = [word for i in range(5_000) for word in (f"k{i}", i)]
    assert connection.call("MSET", *words) == OK
    assert connection.call("MGET", *words[::2]) == [str(i).encode() for i in range(5_000)]
    assert connection.call("DBSIZE") == 5_000
    assert connection.call("UNLINK", *words[::2]) == 5_000


def test_append_strlen(connection):
    run_script(connection, [
        (("STRLEN", "k"), 0),
        (("APPEND", "k", "Hello"), 5),
        (("APPEND", "k", ""), 5),
        (("APPEND", "k", " World"), 11),
        (("GET", "k"), b"Hello World"),
        (("STRLEN", "k"), 11),
        (("SET", "n", "12", "EX", "1000"), OK),
        (("APPEND", "n", "3"), 3),
        (("EXPIRE", "n", "2000", "NX"), 0),
        (("INCR", "n"), 124),
        (("APPEND", "new", ""), 0),
        (("EXISTS", "new"), 1),
    ])


def test_counters(connection):
    run_script(connection, [
        (("INCR", "n"), 1),
        (("INCRBY", "n", "41"), 42),
        (("DECR", "n"), 41),
        (("DECRBY", "n", "-9"), 50),
        (("INCRBY", "n", "-60"), -10),
        (("DECRBY", "n", "0"), -10),
        (("GET", "n"), b"-10"),
        (("STRLEN", "n"), 3),
        (("DECR", "fresh"), -1),
        (("SET", "t", "5", "EX", "1000"), OK),
        (("INCR", "t"), 6),
        (("EXPIRE", "t", "2000", "NX"), 0),
    ])


def test_counters_at_the_edges(connection):
    overflow = Error("ERR increment or decrement would overflow")
    run_script(connection, [
        (("SET", "n", LARGEST), OK),
        (("INCR", "n"), overflow),
        (("INCRBY", "n", 1), overflow),
        (("DECRBY", "n", -1), overflow),
        (("DECRBY", "n", SMALLEST), Error("ERR decrement would overflow")),
        (("INCRBY", "n", SMALLEST), -1),
        (("SET", "n", SMALLEST), OK),
        (("DECR", "n"), overflow),
        (("INCRBY", "n", -1), overflow),
        (("GET", "n"), str(SMALLEST).encode()),
        (("INCRBY", "n", LARGEST), -1),
    ])


@pytest.mark.parametrize("amount", ["", " 1", "1 ", "+1", "01", "-0", "1.0", "1e3", "0x10", "abc", str(LARGEST + 1), str(SMALLEST - 1),
                                    b"1\x00", "9" * 40])
def test_counters_refuse(connection, amount):
    run_script(connection, [
        (("SET", "n", "7"), OK),
        (("INCRBY", "n", amount), NOT_AN_INTEGER),
        (("DECRBY", "n", amount), NOT_AN_INTEGER),
        (("GET", "n"), b"7"),
        (("SET", "text", amount), OK),
        (("INCR", "text"), NOT_AN_INTEGER),
        (("DECR", "text"), NOT_AN_INTEGER),
        (("INCRBY", "text", 5), NOT_AN_INTEGER),
    ])
    assert connection.call("STRLEN", "text") == len(amount)


def test_expired_value_is_gone_for_every_command(connection):
    connection.call("MSET", "other", "1")
    for command, reply in ((("GET", "k"), None), (("STRLEN", "k"), 0), (("APPEND", "k", "x"), 1), (("INCR", "k"), 1),
                           (("MGET", "k", "other"), [None, b"1"]), (("EXISTS", "k"), 0), (("DEL", "k"), 0), (("UNLINK", "k"), 0),
                           (("TTL", "k"), -2), (("PERSIST", "k"), 0), (("EXPIRE", "k", "10"), 0), (("SET", "k", "x", "NX"), OK),
                           (("SET", "k", "x", "XX"), None), (("SET", "k", "x", "GET"), None), (("KEYS", "k"), [])):
        connection.call("DEL", "k")
        assert connection.call("SET", "k", "41", "PX", 1) == OK
        wait_until(lambda: connection.call("PTTL", "k") == -2, "the key expires")
        assert connection.call(*command) == reply, command


def test_counters_are_atomic_between_clients(server):
    connections = [server.connect() for _ in range(20)]
    for connection in connections:
        connection.send_bytes(b"INCR shared\r\n" * 500)
    replies = [number for connection in connections for number in connection.receive_many(500)]
    assert sorted(replies) == list(range(1, 10_001))
    for connection in connections:
        connection.close()

"""String commands that set, read and remove under conditions: SETEX PSETEX SETNX GETSET GETDEL GETEX MSETNX MSETEX, SET with comparisons, DELEX
DELIFEQ DIGEST; parts of values: GETRANGE SUBSTR SETRANGE LCS; INCRBYFLOAT."""

import threading

import pytest

from resp_connection import OK, Error

SYNTAX = Error("ERR syntax error")
NOT_AN_INTEGER = Error("ERR value is not an integer or out of range")
NOT_A_FLOAT = Error("ERR value is not a valid float")
TOO_LONG = Error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
LARGEST = 2**63 - 1
LARGE = 16 * 1024  # values of so many bytes lie in a block of their own


def run_script(connection, script):
    """Each step is (words of a command, expected reply)."""
    for step, (words, reply) in enumerate(script):
        assert connection.call(*words) == reply, f"step {step}: {words}"


def test_setex_setnx_getset(connection):
    run_script(connection, [
        (("SETEX", "k", 1_000, "v"), OK), (("GET", "k"), b"v"), (("EXPIRE", "k", 5_000, "NX"), 0),
        (("PSETEX", "k", 2_000_000, "w"), OK), (("TTL", "k"), 2_000),
        (("SETNX", "k", "x"), 0), (("GET", "k"), b"w"), (("SETNX", "new", "x"), 1), (("GET", "new"), b"x"), (("TTL", "new"), -1),
        (("GETSET", "k", "y"), b"w"), (("TTL", "k"), -1), (("GETSET", "none", "z"), None), (("GET", "none"), b"z"),
        (("SETEX", "k", 0, "v"), Error("ERR invalid expire time in 'setex' command")),
        (("PSETEX", "k", -1, "v"), Error("ERR invalid expire time in 'psetex' command")),
        (("SETEX", "k", "a", "v"), NOT_AN_INTEGER), (("GET", "k"), b"y"),
    ])


def test_getdel_getex(connection):
    run_script(connection, [
        (("SET", "k", "v"), OK), (("GETDEL", "k"), b"v"), (("GETDEL", "k"), None), (("EXISTS", "k"), 0),
        (("SET", "k", "v"), OK), (("GETEX", "k"), b"v"), (("TTL", "k"), -1),
        (("GETEX", "k", "EX", 1_000), b"v"), (("TTL", "k"), 1_000),
        (("GETEX", "k", "pxat", 99_999_999_999_000), b"v"), (("PEXPIRETIME", "k"), 99_999_999_999_000),
        (("GETEX", "k", "PERSIST"), b"v"), (("TTL", "k"), -1),
        (("GETEX", "k", "EXAT", 1), b"v"), (("EXISTS", "k"), 0),
        (("GETEX", "k", "EX", 10), None), (("GETEX", "k", "EX", 10, "PERSIST"), SYNTAX), (("GETEX", "k", "KEEPTTL"), SYNTAX),
        (("SET", "k", "v"), OK), (("GETEX", "k", "EX", 0), Error("ERR invalid expire time in 'getex' command")),
    ])


@pytest.mark.parametrize("size", [10, LARGE + 7])
def test_getdel_of_any_size(connection, size):
    connection.call("SET", "k", b"x" * size)
    assert connection.call("GETDEL", "k") == b"x" * size
    assert connection.call("DBSIZE") == 0


def test_resp3_nulls(resp3):
    for words in (("GETDEL", "k"), ("GETEX", "k"), ("GETSET", "k", "v")):
        assert resp3.call_bytes(*words) == b"_\r\n", words


def test_msetnx(connection):
    run_script(connection, [
        (("MSETNX", "a", 1, "b", 2, "a", 3), 1), (("MGET", "a", "b"), [b"3", b"2"]),
        (("MSETNX", "c", 1, "b", 9), 0), (("MGET", "c", "b"), [None, b"2"]),
        (("MSETNX", "c"), Error("ERR wrong number of arguments for 'msetnx' command")),
        (("MSETNX", "c", 1, "d"), Error("ERR wrong number of arguments for 'msetnx' command")),
    ])


@pytest.mark.strata_only
def test_msetex(connection):
    run_script(connection, [
        (("MSETEX", 2, "a", 1, "b", 2, "EX", 1_000), 1), (("MGET", "a", "b"), [b"1", b"2"]), (("TTL", "a"), 1_000), (("TTL", "b"), 1_000),
        (("MSETEX", 2, "a", 9, "c", 9, "NX"), 0), (("MSETEX", 2, "a", 9, "c", 9, "xx", "PX", 5), 0), (("MGET", "a", "c"), [b"1", None]),
        (("MSETEX", 2, "a", 5, "b", 6, "XX", "keepttl"), 1), (("TTL", "a"), 1_000), (("MGET", "a", "b"), [b"5", b"6"]),
        (("MSETEX", 1, "a", 7), 1), (("TTL", "a"), -1),
        (("MSETEX", 1, "d", 7, "NX", "EXAT", 99_999_999_999), 1), (("EXPIRETIME", "d"), 99_999_999_999),
        (("MSETEX", 2, "e", 1, "e", 2, "NX"), 1), (("GET", "e"), b"2"),
        (("MSETEX", 1, "d", 7, "NX", "XX"), SYNTAX), (("MSETEX", 1, "d", 7, "EX", 1, "KEEPTTL"), SYNTAX), (("MSETEX", 1, "d", 7, "GET"), SYNTAX),
        (("MSETEX", 1, "d", 7, "e", 8), SYNTAX),
        (("MSETEX", 0, "d", 7), Error("ERR invalid numkeys value")), (("MSETEX", "x", "d", 7), Error("ERR invalid numkeys value")),
        (("MSETEX", -1, "d", 7), Error("ERR invalid numkeys value")), (("MSETEX", 1 << 40, "d", 7), Error("ERR invalid numkeys value")),
        (("MSETEX", 2, "d", 7), Error("ERR wrong number of key-value pairs")),
        (("MSETEX", 1, "d", 7, "EX", 0), Error("ERR invalid expire time in 'msetex' command")),
        (("COMMAND", "GETKEYS", "MSETEX", 2, "a", 1, "b", 2, "EX", 9), [b"a", b"b"]),
        (("COMMAND", "GETKEYS", "MSETEX", 4, "a", 1, "b", 2, "EX", 9), Error("ERR Invalid number of arguments specified for command")),
    ])


@pytest.mark.strata_only
@pytest.mark.parametrize("value", [b"Hello world", b"Hello" * LARGE])
def test_set_with_comparisons(connection, value):
    run_script(connection, [
        (("SET", "k", "new", "IFEQ", "x"), None), (("SET", "k", "new", "IFDEQ", "0" * 16), None), (("EXISTS", "k"), 0),
        (("SET", "k", value, "IFNE", "x"), OK), (("GET", "k"), value), (("DEL", "k"), 1),
        (("SET", "k", value, "IFDNE", "0" * 16), OK), (("GET", "k"), value),
        (("SET", "k", "no", "IFEQ", "other"), None), (("SET", "k", "no", "ifne", value), None), (("GET", "k"), value),
        (("SET", "k", "no", "IFEQ", "other", "GET"), value),
        (("SET", "k", "new", "IFEQ", value, "GET", "EX", 1_000), value), (("GET", "k"), b"new"), (("TTL", "k"), 1_000),
        (("SET", "k", value, "IFNE", value, "KEEPTTL"), OK), (("TTL", "k"), 1_000),
    ])
    digest = connection.call("DIGEST", "k")
    run_script(connection, [
        (("SET", "k", "no", "IFDNE", digest), None), (("SET", "k", "no", "IFDEQ", "f" * 16), None), (("GET", "k"), value),
        (("SET", "k", "new", "IFDEQ", digest.upper()), OK), (("GET", "k"), b"new"),
        (("SET", "k", value, "IFDNE", digest), OK), (("GET", "k"), value),
    ])


@pytest.mark.strata_only
@pytest.mark.parametrize("options, reply", [
    (("IFEQ",), SYNTAX), (("IFEQ", "a", "NX"), SYNTAX), (("XX", "IFEQ", "a"), SYNTAX), (("IFEQ", "a", "IFNE", "b"), SYNTAX), (("IFEQ", "a", "IFEQ", "b"), SYNTAX),
    (("IFDEQ", "abc"), Error("ERR must be exactly 16 hexadecimal characters")),
    (("IFDNE", "g" * 16), Error("ERR must be exactly 16 hexadecimal characters")),
])
def test_set_with_comparisons_refuses(connection, options, reply):
    connection.call("SET", "k", "a")
    assert connection.call("SET", "k", "new", *options) == reply
    assert connection.call("GET", "k") == b"a"


@pytest.mark.strata_only
def test_digest(connection):
    """Values of XXH3 that Redis' documentation and the reference implementation give."""
    run_script(connection, [
        (("SET", "k", "Hello world"), OK), (("DIGEST", "k"), b"b6acb9d84a38ff74"), (("DIGEST", "none"), None),
        (("SET", "k", ""), OK), (("DIGEST", "k"), b"2d06800538d394c2"),
        # github.com/redis/redis/issues/14496: zeros at the beginning
        (("SET", "k", "v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfzkjytls2kwlj7626sd"), OK),
        (("DIGEST", "k"), b"00006c38adf31777"), (("DELEX", "k", "IFDEQ", "00006C38ADF31777"), 1),
    ])


@pytest.mark.strata_only
def test_delex_delifeq(connection):
    not_condition = Error("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE")
    run_script(connection, [
        (("DELEX", "k"), 0), (("SET", "k", "Hello world"), OK),
        (("DELEX", "k", "IFEQ", "x"), 0), (("DELEX", "k", "IFNE", "Hello world"), 0), (("DELEX", "k", "IFDEQ", "0" * 16), 0),
        (("DELEX", "k", "IFDNE", "b6acb9d84a38ff74"), 0), (("EXISTS", "k"), 1),
        (("DELEX", "k", "ifdeq", "B6ACB9D84A38FF74"), 1), (("EXISTS", "k"), 0),
        (("DELEX", "k", "IFNE", "x"), 0), (("DELEX", "k", "IFDNE", "0" * 16), 0),
        (("SET", "k", "v"), OK), (("DELEX", "k", "IFEQ", "v"), 1), (("SET", "k", "v"), OK), (("DELEX", "k", "IFNE", "x"), 1),
        (("SET", "k", "v"), OK), (("DELEX", "k"), 1), (("SET", "k", "v"), OK),
        (("DELEX", "k", "NX", "v"), not_condition), (("DELEX", "k", "IFEQ"), Error("ERR wrong number of arguments for 'delex' command")),
        (("DELEX", "k", "IFDEQ", "v"), Error("ERR must be exactly 16 hexadecimal characters")),
        (("DELIFEQ", "k", "x"), 0), (("DELIFEQ", "k", "v"), 1), (("DELIFEQ", "k", "v"), 0),
        (("SET", "n", "12"), OK), (("DELIFEQ", "n", "12"), 1),
    ])


@pytest.mark.strata_only
def test_locks_are_held_by_one(server):
    """SET NX and DELEX IFEQ as a lock: no two clients ever hold it at once, and none lets go what is another's."""
    holders, most, won = [], [0], [0]

    def work(name):
        with server.connect() as connection:
            for _ in range(200):
                if connection.call("SET", "lock", name, "NX") != OK:
                    assert connection.call("DELEX", "lock", "IFEQ", name) == 0
                    continue
                holders.append(name)
                most[0] = max(most[0], len(holders))
                won[0] += 1
                holders.remove(name)
                assert connection.call("DELEX", "lock", "IFEQ", name) == 1

    threads = [threading.Thread(target=work, args=(f"client{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1 and won[0] >= 1


@pytest.mark.parametrize("command", ["GETRANGE", "SUBSTR"])
@pytest.mark.parametrize("size", [11, 3 * LARGE])
def test_getrange(connection, command, size):
    value = bytes(i * 7 % 251 for i in range(size))
    connection.call("SET", "k", value)
    for start, end in ((0, 4), (-3, -1), (0, -1), (5, 3), (size - 2, 10 * size), (-10 * size, 1), (-1, -5), (3, -2 * size), (0, LARGEST), (1, size - 2),
                       (-LARGEST - 1, LARGEST), (size, size + 5)):
        first, last = max(start if start >= 0 else size + start, 0), max(end if end >= 0 else size + end, 0)
        expected = b"" if start < 0 and end < 0 and start > end else value[first:last + 1]
        assert connection.call(command, "k", start, end) == expected, (start, end)
    assert connection.call(command, "none", 0, -1) == b""
    assert connection.call(command, "none", "a", -1) == NOT_AN_INTEGER
    assert connection.call(command, "k", 0, "1.5") == NOT_AN_INTEGER
    connection.call("SET", "n", 12_345)
    assert connection.call(command, "n", 1, 3) == b"234"


@pytest.mark.strata_only
def test_parts_of_large_values_are_sent_from_where_they_lie(connection):
    """And stay what they were when the key goes meanwhile."""
    value = bytes(i * 7 % 251 for i in range(1_000_000))
    connection.call("SET", "k", value)
    connection.send("GETRANGE", "k", 100_000, 899_999)
    connection.send("DEL", "k")
    connection.send("GETRANGE", "k", 0, 10)
    assert connection.receive() == value[100_000:900_000]
    assert connection.receive() == 1
    assert connection.receive() == b""


@pytest.mark.parametrize("size", [11, 3 * LARGE])
def test_setrange(connection, size):
    value = b"v" * size
    connection.call("SET", "k", value, "EX", 1_000)
    for offset, piece in ((0, b"start"), (6, b"middle"), (size - 1, b"over the end"), (size + 100, b"behind a gap"), (size + 90_000, b"far"), (3, b"x" * 2 * size)):
        value = value[:offset].ljust(offset, b"\0") + piece + value[offset + len(piece):]
        assert connection.call("SETRANGE", "k", offset, piece) == len(value)
        assert connection.call("GET", "k") == value
    run_script(connection, [
        (("TTL", "k"), 1_000), (("SETRANGE", "k", 10**9, ""), len(value)),
        (("SETRANGE", "none", 5, ""), 0), (("EXISTS", "none"), 0), (("SETRANGE", "none", 2, "x"), 3), (("GET", "none"), b"\0\0x"),
        (("SET", "n", 1234), OK), (("SETRANGE", "n", 1, "99"), 4), (("INCR", "n"), 1995),
        (("SETRANGE", "k", -1, "x"), Error("ERR offset is out of range")), (("SETRANGE", "k", "a", "x"), NOT_AN_INTEGER),
        (("SETRANGE", "k", 512 * 1024 * 1024, "x"), TOO_LONG), (("SETRANGE", "k", LARGEST, "xx"), TOO_LONG), (("STRLEN", "k"), len(value)),
    ])


@pytest.mark.strata_only
def test_values_end_at_the_limit_of_memory(start_server):
    with start_server({"memory.max_memory": 64 << 20, "memory.policy": "noeviction"}).connect() as connection:
        refused = Error("OOM command not allowed when used memory > 'maxmemory'.")
        assert connection.call("SETRANGE", "k", 100 << 20, "x") == refused
        assert connection.call("SETBIT", "k", (8 * 100 << 20), 1) == refused
        assert connection.call("BITFIELD", "k", "SET", "u8", 8 * 100 << 20, 1) == refused
        assert connection.call("EXISTS", "k") == 0
        assert connection.call("SETRANGE", "k", 1 << 20, "x") == (1 << 20) + 1


def test_incrbyfloat(connection):
    run_script(connection, [
        (("INCRBYFLOAT", "f", "10.50"), b"10.5"), (("INCRBYFLOAT", "f", "0.1"), b"10.6"), (("INCRBYFLOAT", "f", "-5"), b"5.6"),
        (("INCRBYFLOAT", "f", "-5.6"), b"0"), (("SET", "f", "5.0e3"), OK), (("INCRBYFLOAT", "f", "2.0e2"), b"5200"),
        (("SET", "f", "3", "EX", 1_000), OK), (("INCRBYFLOAT", "f", "1"), b"4"), (("TTL", "f"), 1_000), (("INCR", "f"), 5),
        (("INCRBYFLOAT", "new", "1e-17"), b"0.00000000000000001"), (("INCRBYFLOAT", "minus", "-1e-30"), b"0"),
        (("INCRBYFLOAT", "f", "inf"), Error("ERR increment would produce NaN or Infinity")),
        (("INCRBYFLOAT", "f", "nan"), NOT_A_FLOAT), (("INCRBYFLOAT", "f", " 1"), NOT_A_FLOAT), (("INCRBYFLOAT", "f", ""), NOT_A_FLOAT),
        (("INCRBYFLOAT", "f", "1 "), NOT_A_FLOAT), (("INCRBYFLOAT", "f", b"1\0"), NOT_A_FLOAT), (("INCRBYFLOAT", "f", "1e5000"), NOT_A_FLOAT),
        (("SET", "text", "abc"), OK), (("INCRBYFLOAT", "text", "1"), NOT_A_FLOAT), (("GET", "f"), b"5"),
    ])


# LCS ---------------------------------------------------------------------------------------------------------------------


def test_lcs(connection):
    connection.call("MSET", "key1", "ohmytext", "key2", "mynewtext")
    matches = [[[4, 7], [5, 8]], [[2, 3], [0, 1]]]
    run_script(connection, [
        (("LCS", "key1", "key2"), b"mytext"), (("LCS", "key1", "key2", "LEN"), 6),
        (("LCS", "key1", "key2", "IDX"), [b"matches", matches, b"len", 6]),
        (("LCS", "key1", "key2", "idx", "MINMATCHLEN", 4), [b"matches", matches[:1], b"len", 6]),
        (("LCS", "key1", "key2", "IDX", "MINMATCHLEN", 4, "WITHMATCHLEN"), [b"matches", [[[4, 7], [5, 8], 4]], b"len", 6]),
        (("LCS", "key1", "none"), b""), (("LCS", "none", "key2", "LEN"), 0), (("LCS", "none", "none", "IDX"), [b"matches", [], b"len", 0]),
        (("LCS", "key1", "key2", "LEN", "IDX"), Error("ERR If you want both the length and indexes, please just use IDX.")),
        (("LCS", "key1", "key2", "FOO"), SYNTAX), (("LCS", "key1", "key2", "MINMATCHLEN"), SYNTAX),
        (("LCS", "key1", "key2", "MINMATCHLEN", "a"), NOT_AN_INTEGER),
    ])


def test_lcs_resp3(resp3):
    resp3.call("MSET", "a", "abcd", "b", "bcde")
    assert resp3.call("LCS", "a", "b", "IDX") == {b"matches": [[[1, 3], [0, 2]]], b"len": 3}


def test_lcs_has_a_limit(connection):
    connection.call("MSET", "a", b"a" * 12_000, "b", b"b" * 12_000)
    too_large = Error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
    assert connection.call("LCS", "a", "b") == too_large
    assert connection.call("LCS", "a", "b", "LEN") == too_large

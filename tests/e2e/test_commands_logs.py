"""SLOWLOG, COMMANDLOG and LATENCY: which commands are noted, and what is shown of them."""

import time

import pytest

from resp_connection import OK, Error


@pytest.fixture(params=["SLOWLOG", pytest.param("COMMANDLOG", marks=pytest.mark.strata_only)])
def log(request):
    """The words of the same three commands."""
    if request.param == "SLOWLOG":
        return {"get": lambda count: ("SLOWLOG", "GET", count), "len": ("SLOWLOG", "LEN"), "reset": ("SLOWLOG", "RESET")}
    return {"get": lambda count: ("COMMANDLOG", "GET", count, "slow"), "len": ("COMMANDLOG", "LEN", "slow"),
            "reset": ("COMMANDLOG", "RESET", "slow")}


def all_are_slow(connection):
    assert connection.call("CONFIG", "SET", "slowlog-log-slower-than", 0) == OK
    assert connection.call("SLOWLOG", "RESET") == OK


def test_slow_commands_are_noted(server, log):
    with server.connect() as connection:
        connection.call("CLIENT", "SETNAME", "me")
        all_are_slow(connection)
        before = int(time.time())
        assert connection.call("SET", "k", "v") == OK
        assert connection.call("GET", "k") == b"v"
        entries = connection.call(*log["get"](2))
        assert [entry[3] for entry in entries] == [[b"GET", b"k"], [b"SET", b"k", b"v"]]
        newest, oldest = entries
        assert newest[0] == oldest[0] + 1
        assert before <= oldest[1] <= newest[1] <= before + 60
        assert all(0 <= entry[2] < 60_000_000 for entry in entries)
        assert all(entry[4].startswith(b"127.0.0.1:") and entry[5] == b"me" for entry in entries)
        assert connection.call(*log["len"]) == 4  # SLOWLOG RESET itself, two commands, and the one that has told of them
        assert len(connection.call(*log["get"](-1))) == 5
        assert connection.call(*log["get"](0)) == []
        assert connection.call("CONFIG", "SET", "slowlog-log-slower-than", -1) == OK
        assert connection.call(*log["reset"]) == OK
        assert connection.call(*log["len"]) == 0


def test_only_so_many_are_kept(server):
    with server.connect() as connection:
        all_are_slow(connection)
        assert connection.call("CONFIG", "SET", "slowlog-max-len", 3) == OK
        for number in range(10):
            connection.call("GET", number)
        assert connection.call("SLOWLOG", "LEN") == 3
        assert [entry[3] for entry in connection.call("SLOWLOG", "GET")][1:] == [[b"GET", b"9"], [b"GET", b"8"]]


def test_long_requests_are_cut(server):
    with server.connect() as connection:
        all_are_slow(connection)
        connection.call("MGET", "k" * 128, "k" * 200, *range(100))
        words = connection.call("SLOWLOG", "GET", 1)[0][3]
        assert words[:3] == [b"MGET", b"k" * 128, b"k" * 128 + b"... (72 more bytes)"]
        assert len(words) == 32 and words[-1] == b"... (72 more arguments)"


def test_passwords_are_not_shown(server):
    with server.connect() as connection:
        all_are_slow(connection)
        connection.call("AUTH", "secret")
        connection.call("HELLO", 2, "AUTH", "default", "secret", "SETNAME", "n")
        connection.call("CONFIG", "SET", "timeout", 0, "requirepass", "")
        shown = [entry[3] for entry in connection.call("SLOWLOG", "GET", -1)]
        assert all(b"secret" not in words for words in shown)
        assert [b"AUTH", b"(redacted)"] in shown
        assert [b"HELLO", b"2", b"AUTH", b"(redacted)", b"(redacted)", b"SETNAME", b"n"] in shown


@pytest.mark.strata_only
def test_large_requests_and_replies_are_noted(start_server):
    server = start_server({"command_log.request_larger_than": 100_000, "command_log.reply_larger_than": 100_000})
    with server.connect() as connection:
        assert connection.call("SET", "k", b"v" * 99_000) == OK
        assert connection.call("GET", "k") == b"v" * 99_000
        assert [connection.call("COMMANDLOG", "LEN", kind) for kind in ("slow", "large-request", "large-reply")] == [0, 0, 0]
        assert connection.call("SET", "k", b"v" * 100_000) == OK
        assert connection.call("MSET", *(word for number in range(200) for word in (number, b"v" * 1_000))) == OK
        assert connection.call("GET", "k") == b"v" * 100_000
        large = connection.call("COMMANDLOG", "GET", -1, "large-request")
        assert [(entry[2], entry[3][0]) for entry in large] == [(4 + sum(len(str(n)) for n in range(200)) + 200_000, b"MSET"), (100_004, b"SET")]
        (reply,) = connection.call("COMMANDLOG", "GET", -1, "LARGE-REPLY")
        assert reply[2] == 100_000 + len("$100000\r\n\r\n") and reply[3] == [b"GET", b"k"]
        assert connection.call("CONFIG", "SET", "commandlog-reply-larger-than", -1, "command_log.request_larger_than", -1) == OK
        connection.call("GET", "k")
        assert connection.call("COMMANDLOG", "LEN", "large-reply") == 1


@pytest.mark.strata_only
def test_large_requests_are_noted_wherever_they_stand_in_a_pipeline(start_server):
    server = start_server({"command_log.request_larger_than": 40_000})
    long, longer = b"v" * 20_000, b"v" * 45_000
    with server.connect() as connection:
        small, large, missing = ("SET", "a", "1"), ("MSET", "b", long, "c", long), ("GET", longer)
        connection.pipeline([small, large, small, missing, small, ("SET", "d", long), ("INCR", "b", longer)])
        connection.pipeline([("MSET", *(word for number in range(300) for word in (number, b"v" * 1_000))), small, ("SET", "e", longer), small])
        assert [entry[3][0] for entry in connection.call("COMMANDLOG", "GET", -1, "large-request")] == [b"SET", b"MSET", b"GET", b"MSET"]
        connection.call("CLIENT", "PAUSE", 50, "WRITE")
        assert connection.call("SET", "f", longer) == OK
        assert connection.call("COMMANDLOG", "GET", 1, "large-request")[0][3][1] == b"f"


@pytest.mark.strata_only
def test_each_reply_of_a_pipeline_is_measured_by_itself(start_server):
    server = start_server({"command_log.reply_larger_than": 100_000})
    with server.connect() as connection:
        assert connection.call("SET", "large", b"v" * 60_000) == OK
        assert connection.call("SET", "small", b"v" * 1_000) == OK
        assert connection.pipeline([("GET", "large")] * 8) == [b"v" * 60_000] * 8
        assert connection.pipeline([("GET", "small")] * 300) == [b"v" * 1_000] * 300
        assert connection.call("COMMANDLOG", "LEN", "large-reply") == 0
        assert connection.pipeline([("GET", "large"), ("MGET", "large", "large")])[1] == [b"v" * 60_000] * 2
        assert [entry[3][0] for entry in connection.call("COMMANDLOG", "GET", -1, "large-reply")] == [b"MGET"]


def test_latency_of_what_took_long(server):
    with server.connect() as connection:
        assert connection.call("LATENCY", "LATEST") == []
        assert connection.call("LATENCY", "GRAPH", "command") == Error("ERR No samples available for event 'command'")
        assert connection.call("CONFIG", "SET", "latency-monitor-threshold", 1) == OK
        assert connection.call("CONFIG", "GET", "latency-monitor-threshold") == [b"latency-monitor-threshold", b"1"]
        connection.call("SET", "k", b"\x01" * (64 << 20))
        while not (latest := connection.call("LATENCY", "LATEST")):
            connection.call("BITCOUNT", "k")
        (name, at, last_ms, longest_ms), *_ = latest
        assert name in (b"command", b"loop-lag") and abs(at - time.time()) < 60 and 1 <= last_ms <= longest_ms
        assert connection.call("LATENCY", "HISTORY", name)[-1][0] >= at
        assert connection.call("LATENCY", "GRAPH", name).startswith(name + b" - high ")
        assert name in connection.call("LATENCY", "DOCTOR")
        assert connection.call("CONFIG", "SET", "latency-monitor-threshold", 0) == OK
        assert connection.call("LATENCY", "RESET") >= 1
        assert connection.call("LATENCY", "RESET", "command") == 0
        assert connection.call("LATENCY", "HISTORY", "nosuch") == []


def test_latency_histogram(server):
    with server.connect() as connection:
        assert connection.call("CONFIG", "RESETSTAT") == OK
        for number in range(10):
            connection.call("SET", number, "v")
        connection.call("CONFIG", "GET", "port")
        name, told = connection.call("LATENCY", "HISTOGRAM", "set")
        assert name == b"set" and told[:3] == [b"calls", 10, b"histogram_usec"]
        bounds, counts = told[3][::2], told[3][1::2]
        assert counts == sorted(counts) and counts[-1] == 10
        assert all(bound & (bound - 1) == 0 for bound in bounds)
        assert b"config|get" in connection.call("LATENCY", "HISTOGRAM", "config")
        assert connection.call("LATENCY", "HISTOGRAM", "nosuch") == []
        assert {b"set", b"config|get"} <= set(connection.call("LATENCY", "HISTOGRAM")[::2])


@pytest.mark.parametrize("words, text", [
    (("SLOWLOG",), "ERR wrong number of arguments for 'slowlog' command"),
    (("SLOWLOG", "GET", -2), "ERR count should be greater than or equal to -1"),
    (("SLOWLOG", "GET", "x"), "ERR count should be greater than or equal to -1"),
    (("SLOWLOG", "LEN", "x"), "ERR wrong number of arguments for 'slowlog|len' command"),
    (("SLOWLOG", "FOO"), "ERR unknown subcommand 'FOO'. Try SLOWLOG HELP."),
    pytest.param(("COMMANDLOG", "GET", 1, "fast"), "ERR type should be one of the following: slow, large-request, large-reply",
                 marks=pytest.mark.strata_only),
])
def test_refusals(connection, words, text):
    assert connection.call(*words) == Error(text)

"""MONITOR: each command as it is carried out, and never at the cost of others."""

import re
import threading
import time

import pytest

from resp_connection import OK, PONG, Error, Status

LINE = re.compile(r"(\d+\.\d{6}) \[(\d+) (\S+)\] (.*)")


def shown(connection, count):
    """The commands of the next lines."""
    return [LINE.fullmatch(connection.receive()).group(4) for _ in range(count)]


def info(connection, section, field):
    lines = connection.call("INFO", section).decode().splitlines()
    return next(line.split(":", 1)[1] for line in lines if line.startswith(field + ":"))


@pytest.fixture
def watcher(server):
    with server.connect() as fresh:
        assert fresh.call("MONITOR") == OK
        yield fresh


def test_a_line_says_when_where_who_and_what(connection, watcher):
    before = time.time()
    connection.call("SELECT", 3)
    connection.call("set", "k", "v")
    watcher.receive()
    match = LINE.fullmatch(watcher.receive())
    assert before - 1 < float(match.group(1)) < time.time() + 1
    assert match.group(2) == "3"
    host, port = connection.socket.getsockname()
    assert match.group(3) == f"{host}:{port}"
    assert match.group(4) == '"set" "k" "v"'


def test_words_are_quoted(connection, watcher):
    connection.call("GET", b'a"b\\c\r\n\t\a\b\x00\xff~ ')
    assert shown(watcher, 1) == [r'"GET" "a\"b\\c\r\n\t\a\b\x00\xff~ "']


def test_what_is_not_carried_out_is_not_shown(connection, watcher):
    connection.call("NOSUCH")
    connection.call("GET")
    connection.call("PING")
    assert shown(watcher, 1) == ['"PING"']


def test_errors_are_shown(connection, watcher):
    connection.call("SET", "k", "v")
    connection.call("INCR", "k")
    assert shown(watcher, 2) == ['"SET" "k" "v"', '"INCR" "k"']


def test_what_administrators_do_is_not_shown(connection, watcher):
    connection.call("CONFIG", "SET", "timeout", "0")
    connection.call("CLIENT", "LIST")
    connection.call("CLIENT", "SETNAME", "me")
    assert shown(watcher, 1) == ['"CLIENT" "SETNAME" "me"']


def test_passwords_are_not_shown(connection, watcher):
    connection.call("AUTH", "default", "secret")
    connection.call("HELLO", "3", "AUTH", "default", "secret")
    connection.call("PING")
    lines = shown(watcher, 3)
    assert lines[2] == '"PING"' and "secret" not in "".join(lines) and "(redacted)" in lines[0]


def test_who_watches_may_go_on_and_is_flagged(connection, watcher):
    assert "flags=O " in connection.call("CLIENT", "LIST").decode()
    connection.call("PING")
    assert shown(watcher, 1) == ['"PING"']
    assert watcher.call("RESET") == Status("RESET")
    assert "flags=O " not in connection.call("CLIENT", "LIST").decode()
    connection.call("PING")
    assert watcher.call("PING") == PONG


def test_several_watch(connection, server):
    watchers = [server.connect() for _ in range(3)]
    for one in watchers:
        assert one.call("MONITOR") == OK
    connection.call("GET", "k")
    for one in watchers:
        assert shown(one, 1) == ['"GET" "k"']
        one.close()
    assert connection.call("PING") == PONG


def test_a_pipeline_of_large_values(connection, watcher):
    connection.pipeline([("SET", f"k{i}", "v" * 100) for i in range(5000)])
    assert shown(watcher, 5000)[-1] == f'"SET" "k4999" "{"v" * 100}"'


# What Redis does not have ------------------------------------------------------------------------------------------------

@pytest.mark.strata_only
@pytest.mark.parametrize("options, expected", [
    (("MATCH", "user:*"), ['"SET" "user:1" "a"', '"GET" "user:1"', '"OBJECT" "ENCODING" "user:1"']),
    (("COMMAND", "get"), ['"GET" "user:1"', '"GET" "other"']),
    (("COMMAND", "get", "COMMAND", "del"), ['"GET" "user:1"', '"GET" "other"', '"DEL" "x"']),
    (("COMMAND", "object"), ['"OBJECT" "ENCODING" "user:1"']),
    (("MATCH", "user:*", "COMMAND", "get"), ['"GET" "user:1"']),
])
def test_filters(connection, server, options, expected):
    with server.connect() as watcher:
        assert watcher.call("MONITOR", *options) == OK
        connection.pipeline([("SET", "user:1", "a"), ("GET", "user:1"), ("GET", "other"), ("DEL", "x"), ("OBJECT", "ENCODING", "user:1")])
        assert shown(watcher, len(expected)) == expected
        assert watcher.call("RESET") == Status("RESET")  # no line of another command came


@pytest.mark.strata_only
def test_one_client_is_watched(connection, server):
    with server.connect() as watcher, server.connect() as other:
        assert watcher.call("MONITOR", "ID", connection.call("CLIENT", "ID")) == OK
        other.call("GET", "not seen")
        connection.call("GET", "seen")
        assert shown(watcher, 1) == ['"GET" "seen"']


@pytest.mark.strata_only
def test_a_rate_is_kept_and_what_is_left_out_counted(connection, server):
    with server.connect() as watcher:
        left_out = int(info(connection, "stats", "strata_monitor_left_out"))
        assert watcher.call("MONITOR", "RATE", 5, "COMMAND", "get") == OK
        connection.pipeline([("GET", f"k{i}") for i in range(500)])
        left_out = int(info(connection, "stats", "strata_monitor_left_out")) - left_out
        assert 480 <= left_out <= 495  # a second may have begun meanwhile
        shown(watcher, 500 - left_out)
        time.sleep(1.1)
        connection.call("GET", "later")
        lines = shown(watcher, 2)
        assert lines == [f'"{left_out} commands were left out"', '"GET" "later"']


@pytest.mark.strata_only
def test_who_does_not_read_harms_nobody(start_server):
    """Its lines are left out when it has too many, and it stays connected."""
    server = start_server({"limits.monitor_lines": 0, "memory.max_memory": "256mb"})
    with server.connect() as watcher, server.connect() as connection:
        assert watcher.call("MONITOR") == OK
        value = "v" * 1000
        for _ in range(40):
            connection.pipeline([("SET", f"k{i}", value) for i in range(1000)])
        assert int(info(connection, "stats", "strata_monitor_left_out")) > 1000
        assert int(info(connection, "memory", "mem_clients_normal")) < 12 << 20
        assert info(connection, "stats", "client_output_buffer_limit_disconnections") == "0"
        lines = int(info(connection, "stats", "strata_monitor_lines"))
        for line in shown(watcher, 1000):
            assert line.startswith('"SET"')
        assert lines > 1000


@pytest.mark.strata_only
def test_long_words_are_cut(connection, watcher):
    connection.call("SET", "k", "v" * 5000)
    connection.call("DEL", *range(300))
    first, second = shown(watcher, 2)
    assert first == f'"SET" "k" "{"v" * 4096}... (904 more bytes)"'
    assert second.endswith('"254" "... (45 more arguments)"')


@pytest.mark.strata_only
@pytest.mark.parametrize("words, text", [
    (("MATCH",), "ERR syntax error"), (("NOSUCH", "x"), "ERR syntax error"), (("COMMAND", "nosuch"), "ERR Invalid command specified"),
    (("ID", "0"), "ERR Invalid client ID"), (("RATE", "0"), "ERR RATE must be a number of lines per second, 1 or more"),
])
def test_monitor_refuses(connection, words, text):
    assert connection.call("MONITOR", *words) == Error(text)
    assert connection.call("PING") == PONG


@pytest.mark.strata_only  # who watches a redis-server may not look at keys
def test_no_line_comes_into_a_long_answer(server, connection, watcher):
    """It is sent in pieces while others go on, and are shown."""
    names = {f"a name that is not short:{i}".encode() for i in range(50_000)}
    connection.call("CONFIG", "SET", "limits.monitor_lines", 0)
    connection.call("MSET", *(word for name in names for word in (name, 1)))
    stop = threading.Event()
    pings = 1  # the last one
    shown = 0

    def keep_busy():
        nonlocal pings
        with server.connect() as other:
            while not stop.is_set():
                other.pipeline([("PING",)] * 10)
                pings += 10

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(3):
            watcher.send("KEYS", "*")
            while isinstance(answer := watcher.receive(), Status):
                assert LINE.fullmatch(answer)
                shown += answer.endswith('"PING"')
            assert len(answer) == len(names) and set(answer) == names
    finally:
        stop.set()
        busy.join()
    connection.call("PING")
    # Those that came meanwhile come now, all of them.
    while shown < pings:
        line = watcher.receive()
        assert LINE.fullmatch(line)
        shown += line.endswith('"PING"')

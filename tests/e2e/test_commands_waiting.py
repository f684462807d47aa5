"""What makes commands wait, and what becomes of replies: CLIENT PAUSE, UNPAUSE, UNBLOCK and REPLY, WAIT."""

import socket
import time

import pytest

from resp_connection import OK, PONG, Disconnected, Error, Status, encode


def line_of(connection, client_id):
    lines = connection.call("CLIENT", "LIST").decode().splitlines()
    return next(dict(field.split("=", 1) for field in line.split()) for line in lines if line.startswith(f"id={client_id} "))


def info(connection, section, field):
    lines = connection.call("INFO", section).decode().splitlines()
    return next(line.split(":", 1)[1] for line in lines if line.startswith(field + ":"))


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.002)


def waits(connection):
    """Whether nothing has arrived, looked at for a moment."""
    connection.socket.settimeout(0.15)
    try:
        connection.receive()
        return False
    except socket.timeout:
        return True
    finally:
        connection.socket.settimeout(30)


@pytest.fixture
def other(server):
    with server.connect() as fresh:
        yield fresh


@pytest.fixture
def unpaused(connection):
    yield
    connection.call("CLIENT", "UNPAUSE")


# PAUSE -------------------------------------------------------------------------------------------------------------------

def test_writes_wait_and_reads_do_not(connection, other, unpaused):
    assert connection.call("SET", "k", "old") == OK
    assert connection.call("CLIENT", "PAUSE", 600_000, "WRITE") == OK
    other.send_bytes(encode("SET", "k", "new") + encode("GET", "k"))
    assert waits(other)
    assert connection.call("GET", "k") == b"old"
    assert connection.call("CLIENT", "UNPAUSE") == OK
    assert other.receive_many(2) == [OK, b"new"]


def test_everything_waits(connection, other):
    """But a pause ends by itself."""
    begin = time.monotonic()
    assert connection.call("CLIENT", "PAUSE", 400) == OK
    other.send("PING")
    assert waits(other)
    assert other.receive() == PONG
    assert connection.call("PING") == PONG
    assert time.monotonic() - begin >= 0.4


def test_a_pause_can_be_made_longer_and_stricter_only(connection, other, unpaused):
    begin = time.monotonic()
    assert connection.call("CLIENT", "PAUSE", 500, "ALL") == OK
    other.send_bytes(encode("CLIENT", "PAUSE", 1, "WRITE") + encode("GET", "k"))
    assert other.receive_many(2) == [OK, None]
    assert time.monotonic() - begin >= 0.5


def test_large_values_wait_too(connection, other, unpaused):
    value = b"x" * 300_000
    assert connection.call("CLIENT", "PAUSE", 600_000, "WRITE") == OK
    other.send_bytes(encode("MSET", "a", value, "b", "small") + encode("GET", "a") + encode("GET", "b"))
    assert waits(other)
    assert connection.call("EXISTS", "a", "b") == 0
    assert connection.call("CLIENT", "UNPAUSE") == OK
    assert other.receive_many(3) == [OK, value, b"small"]


def test_who_waits_is_counted_and_can_leave(connection, server, unpaused):
    assert connection.call("CLIENT", "PAUSE", 600_000, "WRITE") == OK
    with server.connect() as leaving:
        leaving.send("SET", "k", "v" * 1000)
        until(lambda: info(connection, "clients", "blocked_clients") == "1")
    until(lambda: info(connection, "clients", "blocked_clients") == "0")
    assert connection.call("CLIENT", "UNPAUSE") == OK
    assert connection.call("EXISTS", "k") == 0


@pytest.mark.strata_only
def test_what_waits_is_charged(start_server):
    server = start_server({"memory.max_memory": "256mb"})
    with server.connect() as connection, server.connect() as other:
        before = int(info(connection, "memory", "mem_clients_normal"))
        assert connection.call("CLIENT", "PAUSE", 600_000, "WRITE") == OK
        other.send("MSET", *[f"{'k' * 1000}{i}" for i in range(2000)])
        until(lambda: int(info(connection, "memory", "mem_clients_normal")) > before + 2_000_000)
        assert connection.call("CLIENT", "UNPAUSE") == OK
        assert other.receive() == OK
        until(lambda: int(info(connection, "memory", "mem_clients_normal")) < before + 100_000)


@pytest.mark.strata_only
def test_a_server_stops_while_clients_are_paused(start_server):
    server = start_server()
    with server.connect() as connection, server.connect() as other:
        assert connection.call("CLIENT", "PAUSE", 600_000, "WRITE") == OK
        other.send("SET", "k", "v")
        until(lambda: info(connection, "clients", "blocked_clients") == "1")
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 5
        with pytest.raises(Disconnected):
            other.receive()


@pytest.mark.parametrize("words, text", [
    (("x",), "ERR timeout is not an integer or out of range"),
    (("-1",), "ERR timeout is negative"),
    pytest.param(("9223372036854775807",), "ERR timeout is out of range", marks=pytest.mark.strata_only),  # Redis 7.0 lets the sum wrap
    (("1", "READ"), "ERR CLIENT PAUSE mode must be WRITE or ALL"),
    ((), "ERR wrong number of arguments for 'client|pause' command"),
])
def test_pause_refuses(connection, words, text):
    assert connection.call("CLIENT", "PAUSE", *words) == Error(text)
    assert connection.call("SET", "k", "v") == OK


# WAIT and UNBLOCK --------------------------------------------------------------------------------------------------------

def test_wait_for_nobody(connection):
    assert connection.call("WAIT", 0, 0) == 0
    assert connection.call("WAIT", -1, 100_000) == 0


def test_wait_until_the_time_is_over(connection):
    begin = time.monotonic()
    assert connection.pipeline([("WAIT", 1, 200), ("PING",)]) == [0, PONG]
    assert time.monotonic() - begin >= 0.2


@pytest.mark.parametrize("reason, reply", [
    ((), 0), (("TIMEOUT",), 0), (("ERROR",), Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")),
])
def test_unblock(connection, other, reason, reply):
    client_id = other.call("CLIENT", "ID")
    assert connection.call("CLIENT", "UNBLOCK", client_id, *reason) == 0
    other.send_bytes(encode("WAIT", 1, 0) + encode("PING"))
    until(lambda: "b" in line_of(connection, client_id)["flags"])
    assert info(connection, "clients", "blocked_clients") == "1"
    assert connection.call("CLIENT", "UNBLOCK", client_id, *reason) == 1
    assert other.receive_many(2) == [reply, PONG]
    assert connection.call("CLIENT", "UNBLOCK", client_id) == 0
    assert line_of(connection, client_id)["flags"] == "N"
    assert info(connection, "clients", "blocked_clients") == "0"


def test_who_waits_can_leave(connection, server):
    with server.connect() as leaving:
        leaving.send("WAIT", 1, 0)
        until(lambda: info(connection, "clients", "blocked_clients") == "1")
    until(lambda: info(connection, "clients", "blocked_clients") == "0")


@pytest.mark.strata_only
def test_a_server_stops_while_a_client_waits(start_server):
    server = start_server()
    with server.connect() as connection, server.connect() as other:
        other.send("WAIT", 1, 0)
        until(lambda: info(connection, "clients", "blocked_clients") == "1")
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("words, text", [
    (("WAIT", "x", "0"), "ERR value is not an integer or out of range"),
    (("WAIT", "1", "x"), "ERR timeout is not an integer or out of range"),
    (("WAIT", "1", "-1"), "ERR timeout is negative"),
    (("WAIT", "1"), "ERR wrong number of arguments for 'wait' command"),
    (("CLIENT", "UNBLOCK", "x"), "ERR value is not an integer or out of range"),
    (("CLIENT", "UNBLOCK", "1", "x"), "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"),
])
def test_waiting_refuses(connection, words, text):
    assert connection.call(*words) == Error(text)


# REPLY -------------------------------------------------------------------------------------------------------------------

def test_replies_off_and_on(connection):
    connection.send_bytes(encode("CLIENT", "REPLY", "OFF") + encode("SET", "k", "v") + encode("NOSUCH") + encode("GET", "k"))
    assert connection.call("CLIENT", "REPLY", "ON") == OK
    assert connection.call("GET", "k") == b"v"


def test_one_reply_is_skipped(connection):
    connection.send_bytes(encode("CLIENT", "REPLY", "SKIP") + encode("SET", "k", "v") + encode("GET", "k"))
    assert connection.receive() == b"v"
    connection.send_bytes(encode("CLIENT", "REPLY", "OFF") + encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k") + encode("GET", "k"))
    assert connection.call("CLIENT", "REPLY", "ON") == OK


@pytest.mark.parametrize("value", [b"v" * 100, b"v" * 200_000], ids=["copied", "pinned"])
def test_skipped_values(connection, value):
    assert connection.call("SET", "k", value) == OK
    connection.send_bytes(encode("GET", "k") + encode("CLIENT", "REPLY", "SKIP") + encode("GET", "k") + encode("STRLEN", "k"))
    assert connection.receive_many(2) == [value, len(value)]


def test_a_skipped_command_that_waits(connection):
    connection.send_bytes(encode("CLIENT", "REPLY", "SKIP") + encode("WAIT", 1, 20) + encode("PING"))
    assert connection.receive() == PONG
    connection.send_bytes(encode("CLIENT", "REPLY", "OFF") + encode("WAIT", 1, 20) + encode("CLIENT", "REPLY", "ON") + encode("PING"))
    assert connection.receive_many(2) == [OK, PONG]


def test_reset_lets_replies_come(connection):
    connection.send_bytes(encode("CLIENT", "REPLY", "OFF") + encode("RESET") + encode("PING"))
    assert connection.receive_many(2) == [Status("RESET"), PONG]


def test_reply_refuses(connection):
    assert connection.call("CLIENT", "REPLY", "x") == Error("ERR syntax error")
    assert connection.call("PING") == PONG


# NO-TOUCH ----------------------------------------------------------------------------------------------------------------

@pytest.mark.strata_only
def test_reads_that_are_no_uses(start_server):
    server = start_server({"memory.policy": "s3fifo"})
    with server.connect() as connection:
        client_id = connection.call("CLIENT", "ID")
        connection.call("SET", "k", "v")
        assert connection.call("CLIENT", "NO-TOUCH", "ON") == OK
        assert line_of(connection, client_id)["flags"] == "T"
        assert connection.pipeline([("GET", "k"), ("MGET", "k", "k"), ("OBJECT", "FREQ", "k")])[2] == 0
        assert connection.call("TOUCH", "k") == 1
        assert connection.call("OBJECT", "FREQ", "k") == 1
        connection.call("GET", "k")
        assert connection.call("OBJECT", "FREQ", "k") == 1
        with server.connect() as other:
            other.call("GET", "k")
        assert connection.call("OBJECT", "FREQ", "k") == 2
        assert int(info(connection, "stats", "keyspace_hits")) >= 5
        assert connection.call("CLIENT", "NO-TOUCH", "OFF") == OK
        connection.call("GET", "k")
        assert connection.call("OBJECT", "FREQ", "k") == 3
        assert connection.call("CLIENT", "NO-TOUCH", "x") == Error("ERR syntax error")

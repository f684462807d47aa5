"""What a client is answered that has not authenticated, where a password is needed: each command of a stream, and how much it may send."""

import itertools
import os
import shutil

import pytest

from generator import CommandStream
from resp_connection import OK, RespConnection, encode
from run import start_pair
from server_process import peer_is_redis

REFERENCE = "/usr/bin/redis-server"
PASSWORD = "secret"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    if not shutil.which(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    servers = start_pair(tmp_path_factory.mktemp("password"), os.environ["STRATA_SERVER"], "redis" if peer_is_redis() else None, REFERENCE)
    for server in servers:
        assert server.call("CONFIG", "SET", "requirepass", PASSWORD) == OK
    yield [server.address for server in servers]
    for server in servers:
        server.stop()


@pytest.mark.parametrize("seed", [31, 32])
def test_every_command(pair, seed):
    ours, theirs = (RespConnection(address) for address in pair)
    with ours, theirs:
        compared = 0
        for step in itertools.islice(CommandStream(seed, unimplemented=False), 6_000):
            if step.ends_connection or len(step.words) > 10 or any(len(word) > 16_384 for word in step.words):
                continue
            replies = []
            for connection in (ours, theirs):
                connection.send_bytes(step.encode())
                replies.append(connection.receive_with_bytes()[1])
            assert replies[0] == replies[1], str(step)
            compared += 1
    assert compared > 5_000


@pytest.mark.parametrize("request_bytes", [
    encode("MGET", *range(9)), encode("MGET", *range(10)), encode("GET", "x" * 16_384), encode("GET", "x" * 16_385), encode("QUIT"), encode("QUIT", "x"),
    b"*10\r\n$4\r\nPING\r\n" + b"$1\r\nx\r\n" * 9, b"PING " + b"x" * 20_000 + b"\r\n", b"*1\r\n$16385\r\n", b"*11\r\n",
    encode("AUTH", PASSWORD) + encode("GET", "k") + encode("RESET") + encode("GET", "k"),
    encode("AUTH", "default", PASSWORD) + encode("MGET", *range(20)),
    encode("HELLO", 3, "AUTH", "default", PASSWORD, "SETNAME", "a") + encode("CLIENT", "GETNAME"),
    encode("HELLO", 3, "AUTH", "default", "wrong") + encode("PING"), encode("HELLO", 3) + encode("PING"),
    encode("AUTH", PASSWORD) + encode("AUTH", "wrong") + encode("GET", "k"),
], ids=lambda data: repr(data[:40]))
def test_what_may_be_sent(pair, request_bytes):
    replies = []
    for address in pair:
        with RespConnection(address) as connection:
            connection.send_bytes(request_bytes + encode("QUIT"))
            replies.append(connection.receive_until_closed())
    ours, theirs = (without_facts(reply) for reply in replies)
    assert ours == theirs


def without_facts(reply):
    """Of HELLO the version and the number of the client are each server's own."""
    lines = reply.split(b"\r\n")
    for at, line in enumerate(lines):
        if line == b"version":
            lines[at + 1:at + 3] = [b"(version)"]
        elif line == b"id":
            lines[at + 1] = b"(id)"
    return lines

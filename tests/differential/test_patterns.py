"""Patterns, right and odd, over keys of the same few bytes: KEYS, SCAN, and CONFIG GET have to match what redis-server matches."""

import os
import random
import shutil

import pytest

from resp_connection import OK, RespConnection
from run import start_pair
from server_process import peer_is_redis

REFERENCE = "/usr/bin/redis-server"
LETTERS = (b"a", b"b", b"A", b"-", b"^", b"]", b"[", b"\\", b"*", b"?", b"\x00", b"\xff", b"c")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Connections to both, with the same 600 keys, some of which are alike but for a byte."""
    if not shutil.which(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    servers = start_pair(tmp_path_factory.mktemp("patterns"), os.environ["STRATA_SERVER"], "redis" if peer_is_redis() else None, REFERENCE)
    chance = random.Random(1)
    keys = {text(chance, 6) for _ in range(600)}
    connections = [RespConnection(server.address) for server in servers]
    for connection in connections:
        assert connection.call("MSET", *(word for key in sorted(keys) for word in (key, b"v"))) == OK
    yield connections
    for connection, server in zip(connections, servers):
        connection.close()
        server.stop()


def text(chance, most):
    return b"".join(chance.choice(LETTERS) for _ in range(chance.randint(0, most)))


def pattern(chance):
    """Pieces that mean something, cut anywhere. Few stars: with many redis-server tries every way to divide a key."""
    pieces = []
    for _ in range(chance.randint(0, 5)):
        pieces.append(chance.choice((text(chance, 2), b"?", b"[" + text(chance, 3) + b"]", b"[^" + text(chance, 2) + b"]", b"[a-b]", b"[b-a]", b"[\\]-a]",
                                     b"\\" + text(chance, 1))))
    for _ in range(chance.randint(0, 3)):
        pieces.insert(chance.randint(0, len(pieces)), b"*")
    whole = b"".join(pieces)
    return whole[:chance.randint(0, len(whole))] if chance.random() < 0.2 else whole


@pytest.mark.parametrize("seed", range(4))
def test_keys_of(pair, seed):
    chance, matched = random.Random(seed), 0
    for _ in range(1_000):
        asked = pattern(chance)
        ours, theirs = (sorted(connection.call("KEYS", asked)) for connection in pair)
        assert ours == theirs, asked
        matched += bool(ours)
    assert 200 < matched < 990


def test_scan_match(pair):
    chance = random.Random(99)
    for _ in range(100):
        asked = pattern(chance)
        assert walk(pair[0], asked) == walk(pair[1], asked), asked


def walk(connection, asked):
    found, cursor = set(), b"0"
    while True:
        cursor, keys = connection.call("SCAN", cursor, "COUNT", 100, "MATCH", asked)
        found.update(keys)
        if cursor == b"0":
            return found


@pytest.mark.parametrize("asked", ["timeou[a-t]", "TIME?UT", "[T]imeout", "timeou\\t", "[^a]imeout", "maxmemory-polic[^a-x]", "[m-M]axclients",
                                   "timeout*"])
def test_config_get_takes_any_case(pair, asked):
    ours, theirs = (connection.call("CONFIG", "GET", asked) for connection in pair)
    assert ours == theirs

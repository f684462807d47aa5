"""The server against Debian's redis-server, and the comparison against servers that are wrong on purpose."""

import itertools
import os
import re
import shutil
from collections import Counter

import pytest

from altering_proxy import AlteringProxy
from comparison import first_difference, shrink
from differences import TO_BE_MENDED
from generator import CommandStream, Step
from resp_connection import RespConnection
from run import compare, start_pair
from server_process import peer_is_redis
from vocabulary_administration import SETTINGS
from vocabulary_calls import MOST_WORDS

REFERENCE = "/usr/bin/redis-server"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Addresses of the server and of the reference."""
    if not shutil.which(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    ours, reference = start_pair(tmp_path_factory.mktemp("pair"), os.environ["STRATA_SERVER"], "redis" if peer_is_redis() else None, REFERENCE)
    yield ours.address, reference.address
    failures = []
    for server in (ours, reference):
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("seed", [1, 20_261, 777_000_777])
def test_20_000_commands(pair, seed):
    found = compare(*pair, seed, 20_000, unimplemented=not peer_is_redis(), shrinking=True)
    assert found is None, "\n" + found


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_1_000_000_commands(pair, seed):
    """In twenty streams: a stream is held in memory as a whole, and a difference is found in less of it."""
    found = compare(*pair, seed, 50_000, unimplemented=not peer_is_redis(), shrinking=True)
    assert found is None, "\n" + found


@pytest.mark.parametrize("seed", [11, 12])
def test_slow_log_holds_the_same_commands(pair, seed):
    """Everything is slow here: so the log tells what was run, how it is cut, and what is left out of it."""
    # The calls of a walk are each server's own; the rest would end or empty the log.
    left_out = (b"scan", b"debug", b"slowlog", b"config")
    steps, compared = [Step(0, (b"CONFIG", b"SET", b"slowlog-log-slower-than", b"0"))], 0
    for step in stream(seed, 6_000):
        if step.name not in left_out:
            steps.append(step)
        if len(steps) % 100 == 0:
            steps += [Step(1, (b"SLOWLOG", b"GET", b"-1")), Step(1, (b"SLOWLOG", b"RESET"))]
            compared += 1
    assert compared > 30
    found = first_difference(*pair, steps)
    assert found is None, f"\n{found}"


@pytest.mark.parametrize("rule, words", TO_BE_MENDED, ids=lambda value: b" ".join(value).decode() if isinstance(value, tuple) else "")
def test_what_is_to_be_mended_still_differs(pair, rule, words):
    """Once it does not, its row has to go: the streams hold the server to it then."""
    if peer_is_redis():
        pytest.skip("redis-server does not differ from itself")
    assert rule.applies([word.lower() for word in words])
    replies = []
    for address in pair:
        with RespConnection(address) as connection:
            replies.append(connection.call_bytes(*words))
    assert replies[0] != replies[1], f"mended: remove the row of {rule.why!r}"


# The comparison itself ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    """Addresses of two servers that behave alike."""
    servers = start_pair(tmp_path_factory.mktemp("references"), REFERENCE, "redis", REFERENCE)
    yield tuple(server.address for server in servers)
    for server in servers:
        server.stop()


def stream(seed, count):
    return list(itertools.islice(CommandStream(seed, unimplemented=False), count))


def test_stream_is_the_same_for_the_same_seed():
    assert stream(5, 2_000) == stream(5, 2_000)
    assert stream(5, 2_000) != stream(6, 2_000)


def test_stream_uses_every_command_and_form():
    steps = stream(1, 20_000)
    names = Counter(step.name for step in steps)
    for name in [*MOST_WORDS, *"lcs scan flushdb flushall client reset quit command config info debug shutdown slowlog latency cluster readonly".split()]:
        assert names[name.encode()] >= 3, name
    for name, (_, values) in SETTINGS.items():
        sent = {step.words[at + 1] for step in steps if step.name == b"config" for at, word in enumerate(step.words[:-1]) if word == name.encode()}
        assert sent >= {str(value).encode() if not isinstance(value, bytes) else value for value in values[:2]}, name
    assert {step.form for step in steps} == {"array", "inline", "raw"}
    assert {step.client for step in steps} == {0, 1, 2}
    assert sum(step.joins_next for step in steps) > 10_000
    assert sum(bool(step.written) for step in steps) > 500


def test_stream_uses_every_command_that_both_servers_have(pair):
    """A new command has to be taught to the generator; one that the reference lacks is held to what tests/e2e writes down."""
    if peer_is_redis():
        pytest.skip("the generator leaves out what redis-server alone has")
    both = set.intersection(*(names_of_commands(address) for address in pair))
    steps = stream(1, 60_000)
    sent = {step.name for step in steps} | {b"|".join(step.words[:2]).lower() for step in steps}
    assert {b"get", b"client|list", b"config|set"} <= both
    # The lines of MONITOR would come between the replies.
    assert sorted(both - sent - {b"monitor"}) == []


def names_of_commands(address):
    """With those of the subcommands, as container|subcommand."""
    with RespConnection(address) as connection:
        entries = connection.call("COMMAND")
    return {entry[0] for entry in entries} | {sub[0] for entry in entries for sub in entry[9]}


@pytest.mark.parametrize("request_from, request_to, command", [
    (b"INCRBY", b"DECRBY", b"incrby"),
    (b"keepttl", b"keepttx", b"set"),
    (b"\r\ngt\r\n", b"\r\nlt\r\n", None),
    (b"MGET", b"MSET", b"mget"),
    (b"\r\nGET\r\n", b"\r\nTTL\r\n", None),
])
def test_altered_requests_are_noticed(references, request_from, request_to, command):
    """The server behind the proxy gets another command than the reference."""
    with AlteringProxy(references[0], alter_request=lambda data: data.replace(request_from, request_to)) as wrong:
        found = first_difference(wrong.address, references[1], stream(3, 20_000))
    assert found is not None
    assert command is None or found.step.name == command


@pytest.mark.parametrize("reply_from, reply_to", [
    (b"+OK\r\n", b"+Ok\r\n"),
    (b"syntax error", b"Syntax error"),
    (b"$-1\r\n", b"_\r\n"),
    (b"would overflow", b"will overflow"),
    (b"Protocol error: invalid bulk", b"Protocol error: bad bulk"),
    (b":-2\r\n", b":-1\r\n"),
    (b"with args beginning with: 'a' ", b"with args beginning with: 'a'"),
    (b"$5\r\nkey:3\r\n", b"$5\r\nkey:4\r\n"),
    (b"=", b"$"),
])
def test_altered_replies_are_noticed(references, reply_from, reply_to):
    with AlteringProxy(references[0], alter_reply=lambda data: data.replace(reply_from, reply_to)) as wrong:
        assert first_difference(wrong.address, references[1], stream(4, 20_000), timeout=5) is not None


def test_lost_connection_is_a_difference(references):
    with AlteringProxy(references[0], alter_reply=lambda data: re.sub(rb"-ERR value.*", b"", data)) as wrong:
        assert first_difference(wrong.address, references[1], stream(4, 5_000), timeout=2) is not None


def test_shrinking_finds_the_few_steps_that_matter(references):
    """A server that stores another expiry shows it when it is asked for: 2 steps of 200."""
    noise = [step for step in stream(8, 400) if step.client != 0 and not step.ends_connection and step.name != b"flushall"]
    store, unrelated, ask = Step(0, (b"SET", b"z", b"v", b"EX", b"100000")), Step(0, (b"APPEND", b"z", b"w")), Step(0, (b"TTL", b"z"))
    steps = [*noise[:50], store, *noise[50:100], unrelated, *noise[100:150], ask, *noise[150:200]]
    with AlteringProxy(references[0], alter_request=lambda data: data.replace(b"\r\n100000\r\n", b"\r\n900000\r\n")) as wrong:
        smaller, difference = shrink(wrong.address, references[1], steps)
    assert difference is not None and difference.step == ask
    assert smaller == [store, ask]

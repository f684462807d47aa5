"""What clients and frameworks send, as their sources say, against the server and against Debian's redis-server.

The scripts are in tests/clients/scripts; client_script.py tells how they are written. Both servers are held to the same lines, so their
replies are equal byte for byte but for the masks of client_script_masks.py and for what a script states to differ, with the reason. A
difference that is gone fails too: then the statement has to go.
"""

import shutil
from pathlib import Path

import pytest

from client_script import Mismatch, Script, ScriptError, play
from client_script_masks import MASKS
from client_script_reply import parse_reply
from server_process import ServerProcess, peer_is_redis

FOLDER = Path(__file__).resolve().parent.parent / "clients" / "scripts"
SCRIPTS = [Script(path.read_text(), path.name) for path in sorted(FOLDER.glob("*.script"))]
REFERENCE = "/usr/bin/redis-server"
SETTINGS = {"memory.max_memory": "1gb", "memory.policy": "noeviction", "server.databases": 16}
CLIENTS = {"django", "django-redis", "laravel", "spring-cache", "rails", "redis-exporter", "redisinsight", "stackexchange-redis", "node-redis",
           "ioredis", "lettuce", "jedis", "go-redis", "phpredis"}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    if not shutil.which(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    server = ServerProcess(tmp_path_factory.mktemp("reference"), SETTINGS, program=REFERENCE, peer="redis").start()
    yield server
    server.stop()


def emptied(server):
    assert server.call("FLUSHALL") == "OK"
    return server.connect


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name.removesuffix(".script"))
def test_script(server, script):
    play(script, "redis" if peer_is_redis() else "strata", emptied(server))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name.removesuffix(".script"))
def test_script_on_redis_server(reference, script):
    play(script, "redis", emptied(reference))


def test_every_client_has_a_script():
    assert {script.name.removesuffix(".script") for script in SCRIPTS} == CLIENTS


def test_every_mask_is_used():
    text = "".join(path.read_text() for path in FOLDER.glob("*.script"))
    assert [name for name in MASKS if f"<{name} " not in text and f"<{name}>" not in text] == []


# The runner itself ------------------------------------------------------------------------------------------------------

HEAD = "client: a test\nsources: none\n"


def played(server, text):
    play(Script(HEAD + text, "test.script"), "redis" if peer_is_redis() else "strata", emptied(server))


@pytest.mark.parametrize("text", [
    "> SET k v\n< +OK\n> GET k\n< \"v\"",
    "> SET k \"a\\r\\n\\x00\\\"\\\\ é\"\n> GET k\n< +OK\n< \"a\\r\\n\\x00\\\"\\\\ é\"",
    "> GET k\n< nil\n> HELLO 3\n< %[\"server\" <name> \"version\" <version> \"proto\" :3 \"id\" <id>\n  \"mode\" \"standalone\" \"role\" \"master\"\n  \"modules\" []]\n"
    "> GET k\n< null",
    "> MSET a 1 b \"x\"*3\"y\"\n< +OK\n> MGET a none b\n< [\"1\" nil \"xxxy\"]\n> KEYS *\n< unordered[\"b\" \"a\"]\n> SCAN 0 COUNT 1\n< walk[\"a\" \"b\"]",
    "connection one\n> SELECT 1\n> SET k 1\n< +OK\n< +OK\nconnection two\n> GET k\n< nil\nconnection one\n> GET k\n< \"1\"",
    "> NOSUCH\n< -ERR unknown command 'NOSUCH', with args beginning with:\\x20",
    "> QUIT\n< +OK\nclosed\n> PING\n< +PONG",
    "> SETEX k 100 v\n> TTL k\n< +OK\n< <seconds 100>",
])
def test_a_right_script_passes(server, text):
    played(server, text)


@pytest.mark.parametrize("text, told", [
    ("> PING\n< +OK", r"test.script:4: a test, against"),
    ("> GET k\n< null", "expected: null"),
    ("> GET k\n< nil-array", "received"),
    ("> SET k v\n< +OK\n> GET k\n< \"w\"", "test.script:6"),
    ("> MSET a 1 b 2\n< +OK\n> MGET a b\n< [\"1\"]", "MGET a b"),
    ("> MSET a 1 b 2\n< +OK\n> MGET a b\n< ~[\"1\" \"2\"]", "MGET a b"),
    ("> MSET a 1 b 2\n< +OK\n> MGET a b\n< [\"1\" \"3\"]", "MGET a b"),
    ("> MSET a 1 b 2\n< +OK\n> KEYS *\n< unordered[\"a\" \"a\"]", "KEYS"),
    ("> MSET a 1 b 2\n< +OK\n> SCAN 0\n< walk[\"a\"]", "SCAN 0"),
    ("> SCAN x\n< walk[\"a\"]", "invalid cursor"),
    ("> SETEX k 100 v\n< +OK\n> TTL k\n< <seconds 1000>", "<seconds 1000>"),
    ("> TTL k\n< <seconds 100>", "received"),
    ("> INFO\n< <info no_such_field>", "INFO"),
    ("> INFO\n< <info role:slave>", "INFO"),
    ("> INFO\n< <info #Nosuch>", "INFO"),
    ("> INFO\n< <verbatim-info redis_version>", "INFO"),
    ("> CONFIG GET maxmemory\n< <settings nosuch>", "CONFIG GET"),
    ("> CLIENT LIST\n< <clients nosuch>", "CLIENT LIST"),
    ("> COMMAND INFO get\n< <commands set>", "COMMAND INFO"),
    ("> COMMAND DOCS get\n< <docs set>", "COMMAND DOCS"),
    ("> PING\n< +PONG\nclosed", "not closed"),
])
def test_a_wrong_expectation_is_noticed(server, text, told):
    with pytest.raises(Mismatch, match=told) as failure:
        play(Script(HEAD + text, "test.script"), "strata", lambda: server.connect(timeout=2 if "closed" in text else 60))
    assert "closed" in text or "received" in str(failure.value)


def test_a_stated_difference_that_is_gone_is_noticed(server):
    text = "> PING\nstrata< -ERR unknown command 'PING'\nredis< +PONG\nwhy: a test\n"
    with pytest.raises(Mismatch, match="answers like the other server now"):
        play(Script(HEAD + text, "test.script"), "strata", emptied(server))
    play(Script(HEAD + text, "test.script"), "redis", emptied(server))


@pytest.mark.parametrize("text, told", [
    ("> PING", "at the end: a reply is missing"),
    ("> PING\n> PING\n< +PONG\n> PING\n< +PONG\n< +PONG", "a reply is missing"),
    ("< +PONG", "a reply without a request"),
    ("> PING\n< +PONG\n< +PONG", "test.script:5: a reply without a request"),
    ("> PING\nstrata< +PONG\n< +PONG", "needs strata<, redis< and why:"),
    ("> PING\nstrata< +PONG\nredis< +PING\n> PING\n< +PONG", "needs strata<, redis< and why:"),
    ("> PING\nstrata< +PONG\nredis< +PING", "at the end: a reply that differs"),
    ("> PING\nstrata< +PONG\nstrata< +PING\nwhy: x", "told twice"),
    ("> PING\nstrata< +PONG\nredis< +PONG\nwhy: x", "both servers are expected to answer the same"),
    ("> PING\nwhy: x", "not understood"),
    ("> PING\n< PONG", "not a reply: 'PONG'"),
    ("> PING\n< [\"a\"", "bracket is not closed"),
    ("> PING\n< \"a\" \"b\"", "more behind the reply"),
    ("> PING\n< <nosuch>", "no such mask"),
    ("> PING\n< unordered[<id>]", "has to be exact"),
    ("> PING \"a\\q\"\n< \"a\"", "unknown escape"),
    ("> PING \"a\n< \"a\"", "not understood"),
    ("> PING\n> SCAN 0\n< +PONG\n< walk[]", "nothing may be sent at once"),
    ("> PING\n< +PONG\nclient: late", "stand at the top"),
    ("nonsense", "not understood: 'nonsense'"),
    ("# nothing", "nothing is sent"),
])
def test_a_script_that_is_not_one_is_refused(text, told):
    with pytest.raises(ScriptError, match=told):
        Script(HEAD + text, "test.script")


def test_a_script_names_its_client_and_its_sources():
    with pytest.raises(ScriptError, match="no line sources"):
        Script("client: a test\n> PING\n< +PONG\n", "test.script")


@pytest.mark.parametrize("data", [b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"$3\r\na\r\n\r\n", b"*2\r\n*0\r\n,1.5\r\n",
                                  b"%1\r\n+a\r\n~1\r\n#t\r\n", b"=7\r\ntxt:abc\r\n", b">1\r\n(12\r\n", b"!3\r\nERR\r\n"])
def test_every_kind_of_reply_is_parsed_whole(data):
    assert parse_reply(data).bytes == data
    with pytest.raises(ValueError):
        parse_reply(data + b"+")

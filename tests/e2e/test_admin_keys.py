"""Keys over the admin HTTP interface."""

import http.client
import random
import urllib.parse

import pytest

from resp_connection import OK
from server_process import DEADLINE_SECONDS
from test_admin import curl

pytestmark = pytest.mark.strata_only


def path_of(key, query=""):
    return "/v1/keys/" + urllib.parse.quote(key, safe="") + query


def ask(server, method, path, body=None, headers=None):
    """One request on a connection of its own: any bytes, and any length."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=DEADLINE_SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


KEYS = [b"plain", b"user:17", b"a/b", b"", b"with blank + plus", b"%41", bytes(range(256)), "\u00e4\u6f22".encode()]


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_any_key_and_any_value(server, connection, key):
    value = random.Random(1).randbytes(1000)
    assert ask(server, "PUT", path_of(key), value)[0] == 201
    assert connection.call("GET", key) == value
    status, headers, body = ask(server, "GET", path_of(key, "?value=raw"))
    assert (status, headers["Content-Type"], body) == (200, "application/octet-stream", value)
    assert ask(server, "PUT", path_of(key), b"")[0] == 204
    assert connection.call("GET", key) == b""
    assert ask(server, "DELETE", path_of(key))[0] == 204
    assert connection.call("EXISTS", key) == 0
    assert ask(server, "DELETE", path_of(key))[0] == 404


@pytest.mark.parametrize("size", [16 * 1024 - 1, 16 * 1024, 1 << 20, 50 << 20])
def test_large_values(server, connection, size):
    value = random.Random(size).randbytes(size)
    assert ask(server, "PUT", path_of("large"), value)[0] == 201
    assert connection.call("STRLEN", "large") == size
    assert ask(server, "GET", path_of("large"), headers={"Accept": "application/octet-stream"})[2] == value
    status, headers, body = ask(server, "HEAD", path_of("large", "?value=raw"))
    assert (status, headers["Content-Length"], body) == (200, str(size), b"")


def test_facts(server, connection):
    connection.call("SET", "k", "17", "PX", 100_000)
    facts = curl(server, "GET", "/v1/keys/k").json
    assert facts["encoding"] == "int" and facts["bytes"] == 2 and facts["type"] == "string"
    assert 0 < facts["ttl_ms"] <= 100_000
    assert facts["expires_at_ms"] == connection.call("PEXPIRETIME", "k")
    connection.call("SELECT", 3)
    connection.call("SET", "elsewhere", "v")
    assert curl(server, "GET", "/v1/keys/elsewhere").status == 404
    assert curl(server, "GET", "/v1/keys/elsewhere?database=3").json["ttl_ms"] is None


def test_time_to_live_and_conditions(server, connection):
    assert curl(server, "PUT", "/v1/keys/k?ttl=100&condition=present", b"v").status == 412
    assert curl(server, "PUT", "/v1/keys/k?ttl=100&condition=absent", b"v").status == 201
    assert 0 < connection.call("TTL", "k") <= 100
    assert curl(server, "PUT", "/v1/keys/k?condition=absent", b"w").error["code"] == "condition_failed"
    assert curl(server, "PUT", "/v1/keys/k?keep_ttl=true", b"w").status == 204
    assert 0 < connection.call("TTL", "k") <= 100 and connection.call("GET", "k") == b"w"
    assert curl(server, "PUT", "/v1/keys/k", b"x").status == 204
    assert connection.call("TTL", "k") == -1


def test_memory_is_refused(start_server):
    server = start_server({"memory.max_memory": "20mb", "memory.policy": "noeviction"})
    for path, size in (("/v1/keys/k", 100 << 20), ("/v1/keys/k", 30 << 20)):
        connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=DEADLINE_SECONDS)
        connection.putrequest("PUT", path)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        assert response.status == 507 and "noeviction" in text and "memory.max_memory" in text
    assert server.call("DBSIZE") == 0


def test_values_are_limited(start_server):
    server = start_server({"limits.bulk_length": "1mb"})
    assert ask(server, "PUT", "/v1/keys/k", b"x" * (1 << 20))[0] == 201
    assert curl(server, "PUT", "/v1/keys/k", b"x" * ((1 << 20) + 1)).error["code"] == "body_too_large"


def test_listing_sees_every_key_once(server, connection):
    expected = {f"key:{i}" for i in range(5_000)}
    connection.call("MSET", *(word for key in expected for word in (key, 1)))
    connection.call("SET", b"\xff", 1)
    seen, cursor, pages = [], 0, 0
    while True:
        page = curl(server, "GET", f"/v1/keys?limit=1000&cursor={cursor}").json
        seen += [entry["key"] for entry in page["keys"]]
        connection.call("SET", f"new:{pages}", 1)  # whatever comes meanwhile
        cursor, pages = page["cursor"], pages + 1
        if cursor == 0:
            break
    assert pages >= 5
    texts = [key for key in seen if isinstance(key, str)]
    assert len(texts) == len(set(texts)) and expected <= set(texts)
    assert {"base64": "/w=="} in seen
    found = curl(server, "GET", "/v1/keys?match=key:12?").json["keys"]
    assert {entry["key"] for entry in found} == {f"key:12{i}" for i in range(10)}


def test_listing_does_not_hold_others(server, connection):
    for batch in range(20):
        connection.call("MSET", *(word for i in range(10_000) for word in (f"{batch}:{i}", 1)))
    assert curl(server, "GET", "/v1/keys?match=none").json == {"keys": [], "cursor": 0}
    assert connection.call("SET", "k", "v") == OK

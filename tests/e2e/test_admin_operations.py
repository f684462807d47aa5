"""Clients, logs, memory, policy, log level, the audit log and the description of the admin HTTP interface."""

import json
import os

import pytest

from resp_connection import OK, Disconnected
from server_process import wait_until
from test_admin import curl

pytestmark = pytest.mark.strata_only


def test_clients(server, connection):
    own = connection.call("CLIENT", "ID")
    connection.call("CLIENT", "SETNAME", "watched")
    clients = curl(server, "GET", "/v1/clients").json["clients"]
    assert [client["name"] for client in clients if client["id"] == own] == ["watched"]
    assert curl(server, "GET", f"/v1/clients/{own}").json["last_command"] == "client|setname"
    assert curl(server, "DELETE", f"/v1/clients/{own}").status == 204
    with pytest.raises((Disconnected, OSError)):
        while True:
            connection.call("PING")
    wait_until(lambda: curl(server, "GET", f"/v1/clients/{own}").status == 404, "it is gone")
    assert curl(server, "DELETE", f"/v1/clients/{own}").error["code"] == "no_such_client"


def test_slowlog(start_server):
    server = start_server({"command_log.slower_than_us": 0, "command_log.reply_larger_than": 1000})
    server.call("SET", "k", "v" * 2000)
    server.call("GET", "k")
    words = [entry["words"][0] for entry in curl(server, "GET", "/v1/slowlog").json["entries"]]
    assert words[:2] == ["GET", "SET"]
    large = curl(server, "GET", "/v1/slowlog?kind=large-reply").json["entries"]
    assert [entry["words"] for entry in large] == [["GET", "k"]] and large[0]["bytes"] >= 2000
    assert curl(server, "DELETE", "/v1/slowlog").status == 204
    assert curl(server, "GET", "/v1/slowlog").json["entries"] == []


def test_memory(server, connection):
    connection.call("SET", "k", "x" * 1_000_000)
    memory = curl(server, "GET", "/v1/memory").json
    assert memory["bytes"]["large_values"] >= 1_000_000
    assert memory["limit_bytes"] == 1 << 30
    assert memory["fragmentation_ratio"] > 0
    if not os.environ.get("STRATA_SANITIZER"):  # another malloc serves the process then
        assert memory["allocator"]["in_use_bytes"] > 0
    assert curl(server, "POST", "/v1/memory/purge").status == 202
    if not os.environ.get("STRATA_SANITIZER"):
        wait_until(lambda: curl(server, "GET", "/v1/memory").json["allocator"]["purge_calls"] > 0, "it is given back")


def test_policy(start_server):
    server = start_server({"memory.policy": "s3fifo"})
    assert curl(server, "GET", "/v1/policy").json["policy"] == "s3fifo"
    assert curl(server, "PUT", "/v1/policy", {"policy": "lru", "eviction_samples": 7}).status == 200
    assert server.call("CONFIG", "GET", "maxmemory-policy")[1] == b"lru"
    assert curl(server, "GET", "/v1/policy").json["eviction_samples"] == 7
    assert "choices" in curl(server, "PUT", "/v1/policy", {"policy": "best"}).body.decode()


def test_log_level(start_server):
    server = start_server()
    assert curl(server, "PUT", "/v1/log-level", {"level": "error"}).status == 200
    before = server.log()
    curl(server, "PUT", "/v1/keys/k", b"v")
    assert server.log() == before, "the audit log is written at the level info"
    assert curl(server, "PUT", "/v1/log-level", {"level": "info"}).status == 200
    curl(server, "PUT", "/v1/keys/k", b"v")
    assert "audit: PUT /v1/keys/{key}" in server.log()[len(before):]


def test_config_dry_run_and_tags(start_server):
    server = start_server({"limits.max_clients": 100})
    first = curl(server, "GET", "/v1/config").headers["etag"]
    answer = curl(server, "PATCH", "/v1/config?dry_run=true", {"limits.max_clients": 200}, headers=(f"If-Match: {first}",))
    assert answer.json == {"dry_run": True, "changes": [{"key": "limits.max_clients", "from": "100", "to": "200", "effect": "run time"}]}
    assert server.call("CONFIG", "SET", "maxclients", 300) == OK
    assert curl(server, "PATCH", "/v1/config", {"limits.max_clients": 200}, headers=(f"If-Match: {first}",)).status == 412
    assert server.call("CONFIG", "GET", "maxclients")[1] == b"300"
    now = curl(server, "GET", "/v1/config").headers["etag"]
    assert curl(server, "PATCH", "/v1/config", {"limits.max_clients": 200}, headers=(f"If-Match: {now}",)).status == 200
    assert server.call("CONFIG", "GET", "maxclients")[1] == b"200"


def test_audit(start_server):
    server = start_server({"admin.token": "first-secret", "admin.audit_entries": 5, "log.format": "json"})
    curl(server, "PATCH", "/v1/config", {"limits.max_clients": 77}, token="first-secret")
    curl(server, "PATCH", "/v1/config", {"security.password": "second-secret"}, token="first-secret")
    curl(server, "PATCH", "/v1/config", {"limits.max_clients": 78}, token="wrong")
    entries = curl(server, "GET", "/v1/audit", token="first-secret").json["entries"]
    assert [(entry["what"], entry["from"], entry["to"]) for entry in entries] == [
        ("security.password", "", "********"), ("limits.max_clients", "10000", "77")]
    assert all(entry["with_token"] and entry["peer"].startswith("127.0.0.1:") for entry in entries)
    lines = [json.loads(line) for line in server.log().splitlines() if line.startswith("{")]
    audit = [line["message"] for line in lines if line["logger"] == "audit"]
    assert len(audit) == 2 and "limits.max_clients: 10000 -> 77" in audit[0]
    assert "secret" not in server.log() and "secret" not in json.dumps(entries)
    for number in range(10):
        curl(server, "PUT", f"/v1/keys/{number}", b"v", token="first-secret")
    assert len(curl(server, "GET", "/v1/audit", token="first-secret").json["entries"]) == 5


def test_description(server):
    document = curl(server, "GET", "/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            target = path
            for parameter in operation.get("parameters", []):
                target = target.replace("{" + parameter["name"] + "}", str(parameter["example"]))
            if method == "get":
                answer = curl(server, "GET", target)
                known = answer.status == 404 and answer.error["code"].startswith("no_such_")
                assert answer.status == 200 or known, target
            assert curl(server, "TRACE", target).headers["allow"], target

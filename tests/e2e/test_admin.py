"""The admin HTTP interface, driven by curl; what curl does not do is done by http.client and plain sockets."""

import http.client
import json
import random
import re
import shutil
import socket
import subprocess

import pytest

from resp_connection import OK
from server_process import DEADLINE_SECONDS, free_port, wait_until

pytestmark = pytest.mark.strata_only


def tool(name):
    return shutil.which(name) or pytest.fail(f"{name} is not installed")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        assert self.headers["content-type"].startswith(("application/json", "application/problem+json")), self.headers
        return json.loads(self.body)

    @property
    def error(self):
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        error = self.json["error"]
        assert isinstance(error["code"], str) and error["code"]
        assert isinstance(error["message"], str) and error["message"]
        return error


def curl(server, method, path, body=None, token=None, headers=()):
    command = [tool("curl"), "--silent", "--show-error", "--include", "--max-time", str(DEADLINE_SECONDS)]
    command += ["--head"] if method == "HEAD" else ["--request", method]
    if token is not None:
        headers = (*headers, f"Authorization: Bearer {token}")
    for header in headers:
        command += ["--header", header]
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        command += ["--header", "Content-Type: application/json", "--header", "Expect:", "--data-binary", "@-"]
    else:
        data = b""
    done = subprocess.run([*command, server.admin_url + path], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines[1:])
    return Answer(int(lines[0].split()[1]), {name.lower(): value.strip() for name, value in pairs}, content)


# Health, statistics, metrics ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(server, path):
    assert curl(server, "GET", path).status == 200


def test_head_has_no_body(server):
    answer = curl(server, "HEAD", "/healthz")
    assert (answer.status, answer.body) == (200, b"")


def test_stats(server, connection):
    connection.call("MSET", "a", 1, "b", 2)
    answer = curl(server, "GET", "/v1/stats")
    assert answer.status == 200
    assert isinstance(answer.json, dict) and answer.json


def metrics(server, **options):
    answer = curl(server, "GET", "/metrics", **options)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.body.decode()


def test_promtool_accepts_the_metrics(server, connection):
    connection.call("SET", "k", "v")
    connection.call("GET", "k")
    connection.call("NOSUCH")
    done = subprocess.run([tool("promtool"), "check", "metrics"], input=metrics(server), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stdout + done.stderr


def test_every_metric_has_help_and_the_samples_make_sense(server):
    text = metrics(server)
    helped = set(re.findall(r"^# HELP (\S+) \S", text, re.MULTILINE))
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert helped == set(typed) and len(helped) >= 10
    for line in text.splitlines():
        if line.startswith("#") or not line:
            continue
        name, value = re.match(r"([a-zA-Z_:]\w*)(?:\{.*\})? (\S+)", line).groups()
        float(value)
        family = name if name in typed else re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in typed, line


def test_metrics_count_commands_by_name(server, connection):
    def samples():
        return {match[1]: float(match[2]) for match in re.finditer(r'^(\S*[{,]\w+="get"[,}]\S*) (\S+)$', metrics(server), re.MULTILINE)}

    connection.call("GET", "k")
    before = samples()
    assert before
    for _ in range(10):
        connection.call("GET", "k")
    after = wait_until(lambda: (now := samples()) and any(now[name] == before[name] + 10 for name in before) and now, "the calls are counted")
    assert all(after[name] >= before[name] for name in before if "_bucket" in name or name.split("{")[0].endswith("_total"))


def test_prometheus_scrapes(start_server, tmp_path):
    server = start_server({"admin.token": "scrape-me"})
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: strata
    authorization: {{credentials: scrape-me}}
    static_configs: [{{targets: ['127.0.0.1:{server.admin_port}']}}]
""")
    with open(tmp_path / "prometheus.log", "wb") as log:
        prometheus = subprocess.Popen(
            [tool("prometheus"), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)

    def query(expression):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
        try:
            connection.request("GET", f"/api/v1/query?query={expression}")
            return json.loads(connection.getresponse().read())["data"]["result"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return []  # not up yet
        finally:
            connection.close()

    try:
        wait_until(lambda: prometheus.poll() is not None or [r["value"][1] for r in query("up")] == ["1"], "up is 1", interval_seconds=0.1)
        assert prometheus.poll() is None, (tmp_path / "prometheus.log").read_text()
        assert int(query("scrape_samples_scraped")[0]["value"][1]) > 10
    finally:
        prometheus.terminate()
        prometheus.wait(timeout=DEADLINE_SECONDS)


# Configuration -----------------------------------------------------------------------------------------------------------


def test_config_shows_every_key_and_no_secret(start_server):
    server = start_server({"security.password": "very-secret-word", "admin.token": "other-secret", "limits.max_clients": 77})
    answer = curl(server, "GET", "/v1/config", token="other-secret")
    assert answer.status == 200
    text = json.dumps(answer.json)
    for key in ("server.port", "memory.max_memory", "memory.policy", "limits.max_clients", "admin.token", "log.level"):
        assert f'"{key}"' in text
    assert "very-secret-word" not in text and "other-secret" not in text


def test_patch_config(start_server):
    server = start_server({"memory.max_memory": "100mb"})
    answer = curl(server, "PATCH", "/v1/config", {"memory.max_memory": "150mb", "limits.max_clients": 500})
    assert answer.status == 200, answer.body
    assert isinstance(answer.json, dict)
    assert server.call("CONFIG", "GET", "maxmemory")[1] == str(150 << 20).encode()
    assert server.call("CONFIG", "GET", "maxclients")[1] == b"500"
    assert curl(server, "PATCH", "/v1/config", {}).status in (200, 400)


@pytest.mark.parametrize("change, key", [
    ({"memory.max_memory": "150mb", "limits.max_clients": "many"}, "limits.max_clients"),
    ({"memory.max_memory": "150mb", "limits.max_cleints": 5}, "limits.max_cleints"),
    ({"memory.max_memory": "150mb", "server.port": 1}, "server.port"),
    ({"memory.max_memory": "150mb", "memory.policy": "best"}, "memory.policy"),
    ({"memory.max_memory": "150mb", "log.level": {"a": 1}}, "log.level"),
])
def test_patch_config_is_all_or_nothing(start_server, change, key):
    server = start_server({"memory.max_memory": "100mb"})
    answer = curl(server, "PATCH", "/v1/config", change)
    assert answer.status in (400, 409, 422)
    assert answer.error and key in answer.body.decode()
    assert server.call("CONFIG", "GET", "maxmemory")[1] == str(100 << 20).encode()


# Invalidation ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(server, connection):
    connection.call("MSET", *(word for i in range(100) for word in (f"user:{i}", i, f"page:{i}", i)))
    connection.call("SELECT", 2)
    connection.call("MSET", "user:1", 1, "other", 1)
    connection.call("SELECT", 0)
    return server


@pytest.mark.parametrize("body, matched, left", [
    ({"keys": ["user:1", "user:2", "none"]}, 2, 198),
    ({"prefix": "user:"}, 100, 100),
    ({"prefix": "none"}, 0, 200),
    ({"glob": "*:1?"}, 20, 180),
    ({"glob": "page:[0-4]"}, 5, 195),
    ({"keys": ["user:1"], "database": 2}, 1, 200),
    ({"prefix": "", "database": 2}, 2, 200),
])
def test_invalidate(filled, connection, body, matched, left):
    rehearsal = curl(filled, "POST", "/v1/invalidate", {**body, "dry_run": True})
    assert rehearsal.status == 200
    assert rehearsal.json == {"matched": matched, "invalidated": 0, "dry_run": True}
    assert connection.call("DBSIZE") == 200
    answer = curl(filled, "POST", "/v1/invalidate", body)
    assert answer.status == 200
    assert answer.json == {"matched": matched, "invalidated": matched, "dry_run": False}
    assert connection.call("DBSIZE") == left
    connection.call("SELECT", 2)
    assert connection.call("DBSIZE") == (2 - matched if body.get("database") == 2 else 2)


def test_invalidated_prefix_is_gone_and_may_be_written(filled, connection):
    assert curl(filled, "POST", "/v1/invalidate", {"prefix": "user:"}).json["invalidated"] == 100
    assert connection.call("GET", "user:1") is None
    assert connection.call("SET", "user:1", "new") == OK
    assert connection.call("GET", "user:1") == b"new"
    assert curl(filled, "POST", "/v1/invalidate", {"prefix": "u" * 1025}).error["code"] == "invalid_request"


def test_what_the_cache_takes_out_by_itself(filled, connection):
    before = len(curl(filled, "GET", "/v1/events").json["events"])
    answer = curl(filled, "PATCH", "/v1/config", {"auto_invalidation.interval": "100ms", "auto_invalidation.idle_percent": "10"})
    assert answer.status == 200, answer.body
    try:
        wait_until(lambda: connection.call("DBSIZE") == 0, "idle keys go")
        event = wait_until(lambda: curl(filled, "GET", "/v1/events").json["events"][before:], "an event")[0]
        assert event["kind"] == "idle_items" and event["removed"] > 0 and event["measured"] >= event["threshold"] == 0.1
        assert "strata_events_total{kind=\"idle_items\"} 0" not in curl(filled, "GET", "/metrics").body.decode()
    finally:
        assert curl(filled, "PATCH", "/v1/config", {"auto_invalidation.interval": "0s"}).status == 200


@pytest.mark.parametrize("change, key", [
    ({"auto_invalidation.pressure_percent": "50", "auto_invalidation.relief_percent": "50"}, "auto_invalidation.relief_percent"),
    ({"auto_invalidation.max_age": "10ms"}, "auto_invalidation.max_age"),
    ({"auto_invalidation.hits_action": "prefix"}, "auto_invalidation.hits_prefix"),
    ({"auto_invalidation.hits_action": "database", "auto_invalidation.hits_database": "16"}, "auto_invalidation.hits_database"),
])
def test_auto_invalidation_that_cannot_be(server, change, key):
    answer = curl(server, "PATCH", "/v1/config", change)
    assert answer.status in (400, 409, 422)
    assert answer.error and key in answer.body.decode()


def test_invalidate_many(server, connection):
    for batch in range(10):
        connection.call("MSET", *(word for i in range(5_000) for word in (f"many:{batch}:{i}", i)))
    assert curl(server, "POST", "/v1/invalidate", {"prefix": "many:"}).json["invalidated"] == 50_000
    assert connection.call("DBSIZE") == 0


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"keys"', b"\xff\xfe", b'{"keys": ["a"]} x', {}, {"keys": "a"}, {"keys": [1]}, {"prefix": 1}, {"glob": ["a"]},
    {"keys": ["user:1"], "prefix": "user:"}, {"prefix": "user:", "glob": "*"}, {"database": 0}, {"prefix": "user:", "database": 16},
    {"prefix": "user:", "database": -1}, {"prefix": "user:", "database": "0"}, {"prefix": "user:", "dry_run": "no"}, {"prefix": "user:", "dryrun": True},
    b"[" * 10_000,
], ids=repr)
def test_invalidate_refuses(filled, connection, body):
    answer = curl(filled, "POST", "/v1/invalidate", body)
    assert answer.status in (400, 422)
    assert answer.error
    assert connection.call("DBSIZE") == 200


# Errors, limits, access --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "/healthz/", "/v1/../healthz/x", "/%00", "/V1/STATS"])
def test_unknown_route(server, path):
    answer = curl(server, "GET", path, headers=())
    assert answer.status == 404
    assert answer.error


@pytest.mark.parametrize("method, path, allowed", [
    ("POST", "/healthz", {"GET"}), ("DELETE", "/readyz", {"GET"}), ("POST", "/metrics", {"GET"}), ("PUT", "/v1/stats", {"GET"}),
    ("DELETE", "/v1/config", {"GET", "PATCH"}), ("GET", "/v1/invalidate", {"POST"}), ("PATCH", "/v1/invalidate", {"POST"}),
])
def test_wrong_method(server, method, path, allowed):
    answer = curl(server, method, path)
    assert answer.status == 405
    assert answer.error
    assert allowed <= {name.strip() for name in answer.headers["allow"].split(",")}


def test_query_of_a_route_is_ignored_or_refused_but_not_unknown(server):
    assert curl(server, "GET", "/healthz?verbose=1").status in (200, 400)


@pytest.mark.parametrize("method, path", [("PATCH", "/v1/config"), ("POST", "/v1/invalidate")])
def test_bad_json(server, method, path):
    for body in (b"{", b"", b"not json", b'{"a":1,}', b"[1]"):
        answer = curl(server, method, path, body)
        assert answer.status in (400, 422), body
        assert answer.error


def test_body_limit(start_server):
    server = start_server({"admin.body_limit": "1kb"})
    answer = curl(server, "POST", "/v1/invalidate", {"keys": ["k" * 2_000]})
    assert answer.status == 413
    assert answer.error
    assert curl(server, "POST", "/v1/invalidate", {"keys": ["k"]}).status == 200
    # The length is refused before the body has come, chunked bodies when they grow too long.
    chunked = curl(server, "POST", "/v1/invalidate", {"keys": ["k" * 2_000]}, headers=("Transfer-Encoding: chunked",))
    assert chunked.status == 413
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(b"POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_headers_are_limited(server):
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=DEADLINE_SECONDS) as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"x" * (1 << 20) + b"\r\n\r\n")
            answer = connection.recv(4096)
        except ConnectionError:
            answer = b""
        assert answer == b"" or answer.split()[1] in (b"400", b"413", b"431")
    assert curl(server, "GET", "/healthz").status == 200


def test_token(start_server):
    server = start_server({"admin.token": "right"})
    routes = (("GET", "/metrics"), ("GET", "/v1/stats"), ("GET", "/v1/config"), ("PATCH", "/v1/config"), ("POST", "/v1/invalidate"))
    server.call("SET", "k", "v")
    for method, path in routes:
        for wrong in (None, "wrong", "", "righ", "right "):
            answer = curl(server, method, path, body={"keys": ["k"]} if method == "POST" else None, token=wrong and wrong.replace(" ", "x"))
            assert answer.status == 401, (method, path, wrong)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.error
    assert curl(server, "GET", "/metrics", headers=("Authorization: Basic cmlnaHQ6",)).status == 401
    assert server.call("GET", "k") == b"v"
    for method, path in routes[:3]:
        assert curl(server, method, path, token="right").status == 200
    assert curl(server, "POST", "/v1/invalidate", {"keys": ["k"]}, token="right").json["invalidated"] == 1
    for path in ("/healthz", "/readyz"):
        assert curl(server, "GET", path).status == 200
    assert "right" not in server.log()


@pytest.mark.parametrize("key, sent, expected", [
    ("admin.idle_timeout", b"", b""),
    ("admin.header_timeout", b"GET /healthz HT", b"HTTP/1.1 408 "),
    ("admin.request_timeout", b"POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 408 "),
])
def test_slow_request_is_ended(start_server, key, sent, expected):
    server = start_server({key: "500ms"})
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(sent)
        answer = b""
        try:
            while chunk := connection.recv(4096):
                answer += chunk
        except ConnectionResetError:
            pass  # closed: what the test waits for
        assert answer[:len(b"HTTP/1.1 408 ")] == expected
        assert not expected or key.encode() in answer
    assert curl(server, "GET", "/healthz").status == 200


def test_connections_are_limited(start_server):
    server = start_server({"admin.max_connections": 3})
    connections = [http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=DEADLINE_SECONDS) for _ in range(4)]
    statuses = []
    for connection in connections:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    assert statuses == [200, 200, 200, 503]
    for connection in connections:
        connection.close()
    wait_until(lambda: curl(server, "GET", "/healthz").status == 200, "there is room again")


def test_slow_requests_do_not_delay_others(server):
    slow = [socket.create_connection(("127.0.0.1", server.admin_port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
    assert curl(server, "GET", "/healthz").status == 200
    assert server.call("SET", "k", "v") == OK
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET /healthz HTTP/9.9\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"*1\r\n$4\r\nPING\r\n\r\n",
                                  b"POST /v1/invalidate HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", random.Random(1).randbytes(2_000)],
                         ids=["words", "version", "bytes", "resp", "length", "random"])
def test_what_is_not_http_is_refused(server, sent):
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        try:
            answer = connection.recv(4096)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.split()[1][:1] in (b"4", b"5")
    assert curl(server, "GET", "/healthz").status == 200


def test_one_connection_serves_many_requests(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=DEADLINE_SECONDS)
    connection.connect()
    own = connection.sock
    for method, path, body, status in (("GET", "/healthz", None, 200), ("GET", "/nothing", None, 404), ("GET", "/metrics", None, 200),
                                       ("POST", "/v1/invalidate", '{"keys":["a"]}', 200), ("GET", "/v1/stats", None, 200)):
        connection.request(method, path, body)
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock is own, f"closed after {method} {path}"
    connection.close()

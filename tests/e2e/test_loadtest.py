"""The load generator as a program: against this server, against Debian's redis-server and memcached, and against servers that
misbehave. STRATA_LOADTEST names the program."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from server_process import free_port, wait_until

LOADTEST = os.environ.get("STRATA_LOADTEST", "")
DATA = Path(os.environ.get("STRATA_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")

pytestmark = pytest.mark.skipif(not LOADTEST, reason="set STRATA_LOADTEST to the path of the load generator")


class Result:
    def __init__(self, process):
        self.code, self.text, self.problem = process.returncode, process.stdout, process.stderr
        self.json = json.loads(process.stdout) if process.stdout.startswith("{") else None


def loadtest(command, *options, port=None, check=True):
    words = [LOADTEST, command, *map(str, options), *(["--port", str(port)] if port else []), "--json", "-"]
    result = Result(subprocess.run(words, capture_output=True, text=True, timeout=120, check=False))
    if check:
        assert result.code == 0, result.problem
    return result


@contextlib.contextmanager
def peer(name, directory):
    """Debian's redis-server or memcached on a free port; its port and process id."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    words = {"redis-server": ["--port", str(port), "--save", "", "--dir", str(directory)],
             "memcached": ["-l", "127.0.0.1", "-p", str(port), "-U", "0", "-u", "root"]}[name]
    process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def answers():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False
        wait_until(answers, f"{name} answers")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def scripted_server(answer):
    """A server that answers every piece of data it receives with answer(data); None closes the connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client):
        with client, contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                reply = answer(data)
                if reply is None:
                    return
                client.sendall(reply)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def test_load_then_run_hits_every_key(server):
    loaded = loadtest("load", "--keys", 20000, "--pipeline", 32, "--value-size", "uniform:1:200", port=server.port).json["load"]
    assert loaded["items"] == loaded["items_on_server"] == 20000
    assert loaded["key_bytes"] == 20000 * 16
    assert 90 < loaded["value_bytes"] / 20000 < 111
    run = loadtest("run", "--keys", 20000, "--mix", "get=1", "--requests", 5000, "--pipeline", 8, "--threads", 2,
                   "--server-pid", server.pid, port=server.port).json
    assert run["operations"]["get"]["hits"] == run["requests"] >= 5000
    assert run["error_count"] == 0
    assert run["server"]["rss_bytes_after"] > 1 << 20
    assert run["server"]["cpu_us_per_request"] > 0
    assert sum(row["requests"] for row in run["series"]) == run["requests"]
    latency = run["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p99_9"] <= latency["p99_99"] <= latency["max"]


def test_load_notices_that_keys_are_missing(start_server):
    small = start_server({"memory.max_memory": "8mb", "memory.policy": "allkeys-lru"})
    result = loadtest("load", "--keys", 20000, "--value-size", 1000, port=small.port, check=False)
    assert result.code == 1
    assert "20000 keys were stored, but the server holds" in result.problem


@pytest.mark.parametrize("protocol", ["resp2", "resp3"])
def test_every_operation(server, protocol):
    run = loadtest("run", "--protocol", protocol, "--mix", "get=1,set=1,add=1,del=1,touch=1", "--ttl", "60s=1", "--requests", 3000,
                   "--keys", 100, "--pipeline", 3, port=server.port).json
    assert set(run["operations"]) == {"get", "set", "add", "del", "touch"}
    assert run["operations"]["add"]["misses"] > 0, "SET NX on a key that exists"
    counters = loadtest("run", "--mix", "incr=1", "--requests", 100, "--keys", 10, "--key-prefix", "n:", port=server.port).json
    assert counters["operations"]["incr"]["errors"] == 0


def test_look_aside_stores_what_it_missed(server):
    run = loadtest("run", "--look-aside", "--mix", "get=1", "--distribution", "sequential", "--keys", 500, "--requests", 2100, "--warm-requests",
                   500, "--connections", 1, "--pipeline", 10, port=server.port).json
    assert run["operations"]["set"]["requests"] == 500, "one for each key, after its first GET"
    assert run["look_aside"]["hits"] == run["look_aside"]["requests"] > 1000
    assert run["look_aside"]["misses"] == 0 and run["look_aside"]["hit_ratio"] == 1


@pytest.mark.parametrize("options,problem", [
    (["--look-aside", "--rate", 10], "--look-aside with --rate"),
    (["--warm-requests", 10], "--warm-requests without --look-aside"),
    (["--look-aside", "--warm-requests", 10, "--requests", 10], "nothing of --requests 10 is left"),
    (["--read-rate", "fast"], "--read-rate fast: allowed"),
])
def test_options_that_do_not_fit(options, problem):
    result = loadtest("run", *options, port=1, check=False)
    assert result.code == 2 and problem in result.problem


def test_slow_readers_read_no_faster_than_told(server):
    loadtest("load", "--keys", 10, "--value-size", "100kb", port=server.port)
    run = loadtest("run", "--mix", "get=1", "--keys", 10, "--value-size", "100kb", "--connections", 2, "--pipeline", 4, "--read-rate", "200kb",
                   "--duration", "1s", port=server.port).json
    # Two connections took 200 kB each in that second; what they had asked for beyond it came after the end.
    assert 2 <= run["requests"] <= 2 * (2 + 4)
    assert run["error_count"] == 0


def test_dropped_connections_are_counted_and_opened_anew():
    seen = []

    def every_third_time(data):
        seen.append(data)
        return None if len(seen) % 3 == 0 else b"$-1\r\n" * data.count(b"GET")

    with scripted_server(every_third_time) as port:
        run = loadtest("run", "--mix", "get=1", "--requests", 60, "--connections", 2, "--may-drop", port=port).json
        assert run["dropped_connections"] >= 15
        assert run["error_count"] == 0 and 30 <= run["requests"] <= 50
        result = loadtest("run", "--mix", "get=1", "--requests", 60, "--connections", 2, port=port, check=False)
        assert result.code == 1 and "the server closed a connection" in result.problem


def test_the_presets_are_listed():
    listed = json.loads(subprocess.run([LOADTEST, "presets"], capture_output=True, text=True, timeout=60, check=True).stdout)
    by_name = {preset["preset"]: preset for preset in listed}
    assert by_name["cluster24"]["published_miss_ratio"] == 0.0087
    assert by_name["cluster24"]["working_set_mb"] == 5071


def test_unix_socket(start_server, tmp_path):
    path = tmp_path / "socket"
    start_server({"server.unix_socket": path})
    assert loadtest("run", "--unix-socket", path, "--requests", 100).json["target"]["address"] == str(path)


@pytest.mark.parametrize("options", [(), ("--rate", 2000)])
def test_presets(server, options):
    run = loadtest("run", "--preset", "cluster52", "--duration", "500ms", "--keys", 1000, *options, port=server.port)
    assert run.json["workload"]["synthetic_preset"] == "cluster52"
    assert "synthetic" in run.problem, "the report for people says so too"
    assert run.json["operations"]["get"]["requests"] > 0.85 * run.json["requests"]


def test_a_stalled_server_shows_in_the_open_loop(start_server):
    """Requests that were due while the server stood still waited for it, and each one counts."""
    server = start_server()
    words = [LOADTEST, "run", "--port", str(server.port), "--rate", "2000", "--duration", "4s", "--arrivals", "uniform", "--json", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        with server.connect() as connection:
            wait_until(lambda: connection.call("DBSIZE") > 50, "the load has begun")
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(1)
        os.kill(server.pid, signal.SIGCONT)
        run = json.loads(process.communicate()[0])
    assert process.returncode == 0
    # A quarter of 4 s stood still: evenly due requests waited for up to that second, 10 % of all for over 0.6 s.
    assert run["latency_us"]["p99_9"] > 900_000
    assert run["latency_us"]["p90"] > 400_000
    assert run["requests"] >= 7900, "every request that was due was sent"


@pytest.mark.parametrize("protocol", ["resp2", "resp3"])
def test_verify_this_server(server, protocol):
    verified = loadtest("verify", "--protocol", protocol, "--duration", "1s", "--threads", 2, "--pipeline", 4, "--keys", 500,
                        "--mix", "get=60,set=30,del=10", "--ttl", "100ms=1,10s=1", "--value-size", "lognormal:5:2:20kb",
                        port=server.port).json["verify"]
    assert verified["checked"] > 1000
    assert (verified["wrong"], verified["stale"], verified["lost"]) == (0, 0, 0)


@pytest.mark.parametrize("name,protocol", [("redis-server", "resp2"), ("redis-server", "resp3"), ("memcached", "memcached")])
def test_verify_peers(name, protocol, tmp_path):
    with peer(name, tmp_path) as (port, pid):
        verified = loadtest("verify", "--protocol", protocol, "--duration", "1s", "--pipeline", 4, "--keys", 500,
                            "--mix", "get=60,set=30,del=10", "--server-pid", pid, port=port).json["verify"]
        assert verified["checked"] > 1000
        assert (verified["wrong"], verified["stale"], verified["lost"]) == (0, 0, 0)
        loaded = loadtest("load", "--protocol", protocol, "--keys", 2000, "--key-prefix", "other:", port=port).json["load"]
        assert loaded["items_on_server"] >= 2000


def test_verify_tells_eviction_from_loss(start_server):
    small = start_server({"memory.max_memory": "8mb", "memory.policy": "allkeys-lru"})
    options = ("--keys", 20000, "--value-size", 1000, "--duration", "1s", "--pipeline", 16, "--mix", "get=50,set=50")
    strict = loadtest("verify", *options, port=small.port, check=False)
    assert strict.code == 1 and strict.json["verify"]["lost"] > 0
    assert "lost: key:" in strict.problem, "an example is named"
    allowed = loadtest("verify", *options, "--may-evict", port=small.port).json["verify"]
    assert (allowed["wrong"], allowed["stale"], allowed["lost"]) == (0, 0, 0)


def test_verify_refuses_a_server_that_answers_nonsense():
    with scripted_server(lambda data: b"".join(
            b"$3\r\nxyz\r\n" if b"GET" in request else b":1\r\n" for request in data.split(b"*")[1:])) as port:
        result = loadtest("verify", "--duration", "300ms", "--keys", 50, "--value-content", "json", port=port, check=False)
    assert result.code == 1
    assert result.json["verify"]["wrong"] == result.json["verify"]["checked"] > 0


def test_error_replies_are_counted_by_text(start_server):
    locked = start_server({"security.password": "secret"})
    result = loadtest("run", "--requests", 100, port=locked.port, check=False)
    assert result.code == 1
    assert result.json["errors"] == {"NOAUTH Authentication required.": 100}
    assert "answered 100 requests with errors" in result.problem
    assert loadtest("run", "--requests", 100, "--password", "secret", "--database", 1, port=locked.port).json["error_count"] == 0
    refused = loadtest("run", "--requests", 100, "--password", "wrong", port=locked.port, check=False)
    assert refused.code == 1 and "refused --password: WRONGPASS" in refused.problem


def test_a_server_that_is_not_there():
    port = free_port()
    result = loadtest("run", port=port, check=False)
    assert result.code == 1
    assert f"cannot connect to 127.0.0.1:{port}: Connection refused" in result.problem


def test_a_server_that_goes_away(start_server, tmp_path):
    with scripted_server(lambda data: None) as port:
        result = loadtest("run", "--duration", "5s", port=port, check=False)
    assert result.code == 1
    assert "the server closed a connection" in result.problem
    assert result.json["errors"].get("(connection lost before the reply)", 0) > 0


def test_a_server_that_speaks_something_else():
    with scripted_server(lambda data: b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        result = loadtest("run", "--duration", "5s", port=port, check=False)
    assert result.code == 1
    assert "not the protocol" in result.problem


def test_a_server_that_never_answers():
    with scripted_server(lambda data: b"") as port:
        result = loadtest("run", "--duration", "200ms", "--connections", 2, port=port, check=False)
    assert result.code == 1
    assert "2 requests got no reply within 5 s" in result.problem
    assert result.json["latency_us"]["max"] > 5_000_000, "what was never answered counts with the time it waited"


@pytest.mark.parametrize("words,expected", [
    (["runn"], "did you mean run?"),
    (["run", "--pipelin", "3"], "did you mean --pipeline?"),
    (["run", "--connections", "0"], "--connections"),
    (["run", "--protocol", "resp4"], "allowed: resp2, resp3, memcached"),
    (["run", "--preset", "cluster53"], "did you mean"),
    (["run", "--duration", "never"], "--duration never"),
    (["run", "--mix", "gett=1"], "did you mean get?"),
    (["run", "--value-content", "lines:/nowhere"], "/nowhere"),
    (["trace", "/nowhere.trc.zst"], "/nowhere.trc.zst"),
    (["trace"], "file"),
    (["verify", "--mix", "incr=1"], "verify knows"),
    (["verify", "--keys", "3"], "--keys 3"),
    (["load", "--rate", "5"], "--rate: there is no such option"),
])
def test_wrong_usage(words, expected):
    result = Result(subprocess.run([LOADTEST, *words], capture_output=True, text=True, timeout=60, check=False))
    assert result.code == 2
    assert expected in result.problem
    assert result.problem.startswith("strata-loadtest: ") and result.problem.count("\n") == 1


def test_help_and_version():
    for words in (["--help"], ["run", "--help"], ["--version"]):
        result = Result(subprocess.run([LOADTEST, *words], capture_output=True, text=True, timeout=60, check=False))
        assert result.code == 0 and "strata-loadtest" in result.text or "run" in result.text


def test_csv_and_json_files(server, tmp_path):
    csv, report = tmp_path / "series.csv", tmp_path / "report.json"
    process = subprocess.run([LOADTEST, "run", "--port", str(server.port), "--duration", "1200ms", "--csv", csv, "--json", report],
                             capture_output=True, text=True, timeout=60, check=True)
    assert "requests in" in process.stdout
    lines = csv.read_text().splitlines()
    assert lines[0] == "second,requests,errors,p50_us,p99_us,max_us"
    assert len(lines) >= 3
    assert json.loads(report.read_text())["tool"] == "strata-loadtest"
    failed = loadtest("run", "--requests", 10, "--csv", "/nowhere/at/all", port=server.port, check=False)
    assert failed.code == 1 and "cannot write /nowhere/at/all" in failed.problem


def test_replay_of_a_trace(server):
    trace = DATA / "traces" / "web07.trc.zst"
    if not trace.exists():
        pytest.skip(f"{trace} is not there (STRATA_DATA)")
    for pipeline in (1, 16):
        server.call("FLUSHALL")
        told = loadtest("trace", trace, "--requests", 20000, "--key-size", 20, "--pipeline", pipeline, port=server.port).json["trace"]
        assert told["requests"] == 20000
        assert told["misses"] == told["compulsory_misses"] == told["distinct_keys"], "nothing is evicted here"
        assert told["non_compulsory_misses"] == 0
        assert told["footprint_bytes"] == told["distinct_keys"] * 84

"""The book as a program: names, a whole comparison with a fake load generator, failures."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.command_line import UsageError, main, read_command_line
from loadtest.book.comparisons import COMPARISONS, latency, throughput
from loadtest.book.recording import Recording

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("words,problem", [
    (["trougput"], 'there is no comparison "trougput"; did you mean throughput?'),
    (["hit-ratio"], "did you mean hitratio?"),
    (["Latency"], "did you mean latency?"),
    (["table"], "did you mean tables?"),
    (["xyz"], "there are: generator throughput cpu latency memory limit smoothness hitratio presets allocator cache tables charts"),
    (["--rounds", "0"], "--rounds 0: at least 1"),
    (["--rounds", "many"], "--rounds"),
    (["--quick", "--update-docs"], "--quick: its figures go into no document"),
    (["--quick", "tables"], "--quick: its figures go into no document"),
    (["--fast"], "--fast"),
    (["--servers", "strata,reddis"], 'there is no server "reddis"'),
    (["--length", "90", "limit"], "--length 90: allowed: for example 90s"),
    (["--length", "0s", "limit"], "--length 0s: allowed"),
    (["--length", "90s"], "--length: only limit heeds it"),
    (["--clients", "9", "limit", "memory"], "--clients: only limit heeds it"),
    (["--clients", "0", "limit"], "--clients 0: at least 1"),
    (["--verify", "charts"], "--verify: only limit heeds it"),
])
def test_wrong_usage(words, problem, capsys):
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("book: ") and problem in told and told.count("\n") == 1


def test_names():
    assert read_command_line([])[1] == list(COMPARISONS)
    plan, measured, renderers, update = read_command_line(["memory", "throughput", "tables", "--rounds", "9", "--update-docs"])
    assert (measured, renderers, update) == (["throughput", "memory"], ["tables"], True)
    assert list(plan.rounds(3)) == list(range(9))
    assert plan.invocation == "./dev bench --rounds 9"
    assert plan.results == ROOT / "loadtest" / "results"
    assert read_command_line(["charts"])[1:3] == ([], ["charts"])
    with pytest.raises(UsageError):
        read_command_line(["memory", "nothing"])


def test_options_of_one_comparison():
    plan = read_command_line(["--length", "30m", "--clients", "200", "--verify", "--servers", "strata,redis", "limit"])[0]
    assert (plan.length_s, plan.clients, plan.verify, plan.servers) == (1800, 200, True, ("strata", "redis"))
    assert plan.invocation == "./dev bench --servers strata,redis --length 30m --clients 200 --verify"


def test_quick_results_are_kept_apart():
    plan = read_command_line(["--quick", "memory"])[0]
    assert plan.results == plan.build / "book"
    assert list(plan.rounds(7)) == [0, 1] and list(plan.rounds(1)) == [0]


@pytest.fixture
def servers(plan, strata_server, fake_loadtest, tmp_path, monkeypatch):
    """Everything that throughput and latency need. Returns the file that gets the servers' process ids."""
    monkeypatch.setenv("FAKE_LOADTEST_PIDS", str(tmp_path / "pids"))
    monkeypatch.setenv("STRATA_FLOOR_SERVER", "/nowhere/floor_server.cpp")
    # memcached takes a second to end.
    for comparison in (throughput, latency):
        monkeypatch.setattr(comparison, "SERVERS", tuple(name for name in comparison.SERVERS if name != "memcached"))
    return tmp_path / "pids"


def all_gone(pids):
    told = {int(line) for line in pids.read_text().split()}
    return told and not any(Path(f"/proc/{pid}").exists() for pid in told)


def test_throughput(plan, servers, capsys):
    assert run_comparisons(plan, ["throughput"]) == (["throughput"], [])
    output = capsys.readouterr()
    assert "| quick: GET | 1 | strata | 2.500 |" in output.out
    assert "without floor: its source is not there" in output.err
    stored = Recording.read(plan.results / "throughput.quick.json")
    assert stored.quick and stored.invocation == "./dev bench throughput"
    rows = {(measurement["row"]["operation"], measurement["row"]["pipeline"]) for measurement in stored.measurements}
    assert rows == {("GET", 1), ("GET", 16), ("SET", 1), ("SET", 16)}
    server, load = stored.measurements[0]["commands"]
    assert server[:4] == ["taskset", "-c", str(plan.server_core), "build/bin/strata-server"]
    assert load[:5] == ["taskset", "-c", str(plan.load_core), "build/bin/strata-loadtest", "run"]
    assert "zipf:0.99" in load and load[load.index("--pipeline") + 1] == "1"
    assert "series" not in stored.measurements[0]["output"]
    assert str(plan.root) not in (plan.results / "throughput.quick.json").read_text(), "no path of this machine"
    assert all_gone(servers)


def test_latency(plan, servers, capsys):
    assert run_comparisons(plan, ["latency"]) == (["latency"], [])
    stored = Recording.read(plan.results / "latency.quick.json")
    peak = stored.parameters["slowest_peak_requests_per_s"]
    peaks = [measurement["values"]["requests_per_s"] for measurement in stored.measurements if measurement["row"]["load"] == "closed loop"]
    assert peak == min(peaks)
    rates = {measurement["row"]["load"]: measurement["row"]["rate"] for measurement in stored.measurements if "rate" in measurement["row"]}
    assert rates == {"50%": round(peak / 2), "90%": round(peak * 0.9)}
    assert "| quick: 50% |" in capsys.readouterr().out
    assert all_gone(servers)


def test_a_comparison_that_fails_half_way(plan, servers, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_LOADTEST", "fail")
    assert run_comparisons(plan, ["throughput"]) == ([], ["throughput"])
    told = capsys.readouterr().err
    assert "throughput: failed: taskset -c " in told and "strata-loadtest run --protocol resp2" in told, "the command"
    assert "ended with 1" in told and "the server closed a connection" in told, "its output"
    assert all_gone(servers)
    assert not (plan.results / "throughput.quick.json").exists()


def test_a_field_that_the_generator_leaves_out(plan, servers, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_LOADTEST", "without:server")
    assert run_comparisons(plan, ["throughput"])[1] == ["throughput"]
    assert 'strata-loadtest run against strata: the field "server" is missing' in capsys.readouterr().err
    assert all_gone(servers)


def test_a_generator_that_is_not_built(plan, capsys):
    assert run_comparisons(plan, ["throughput"])[1] == ["throughput"]
    assert "the load generator build/bin/strata-loadtest is not built" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_servers(plan, servers, number):
    environment = os.environ | {"FAKE_LOADTEST": "hang"}
    words = [sys.executable, "-m", "loadtest.book", "throughput", "--quick", "--build", plan.build, "--output", plan.root / "out"]
    with subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        wanted = 2 + bool(shutil.which("redis-server")) + bool(shutil.which("memcached"))
        deadline = time.monotonic() + 60
        while process.poll() is None and (not servers.exists() or len(servers.read_text().split()) < wanted):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130, told
    assert "interrupted" in told
    assert all_gone(servers)


def test_tables_and_charts_as_a_program(tmp_path):
    """From stored results alone; where there are none, nothing is touched."""
    told = subprocess.run([sys.executable, "-m", "loadtest.book", "tables", "charts", "--output", tmp_path], cwd=ROOT,
                          capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 0 and told.stdout == ""
    assert "docs/measurements.md stays as it is" in told.stderr
    (tmp_path / "throughput.json").write_text(json.dumps({"format": 1}))
    told = subprocess.run([sys.executable, "-m", "loadtest.book", "tables", "--output", tmp_path], cwd=ROOT,
                          capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert 'throughput.json: the field "comparison" is missing' in told.stderr

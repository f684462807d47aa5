"""Existing clients and tools against the server, as people use them: redis-py, hiredis, node-redis, ioredis, redis-cli, redis-benchmark.

STRATA_HIREDIS_CLIENT names the program of tests/clients/hiredis_client.c; the packages of tests/clients/node must be installed there.
With STRATA_REQUIRE_CLIENTS=1 a missing one is a failure instead of a skip.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import termios
import threading
import time
from pathlib import Path

import pytest
import redis

from resp_connection import OK, encode
from server_process import DEADLINE_SECONDS, wait_until

NODE_FOLDER = Path(__file__).resolve().parent.parent / "clients" / "node"


def missing(what):
    if os.environ.get("STRATA_REQUIRE_CLIENTS") == "1":
        pytest.fail(what)
    pytest.skip(what)


def tool(name):
    return shutil.which(name) or missing(f"{name} is not installed")


def run(command, directory, **options):
    """Runs a program to its end; a failure shows what it said."""
    environment = {**os.environ, "HOME": str(directory), **options.pop("environment", {})}
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=4 * DEADLINE_SECONDS, env=environment,
                          check=False, **options)
    output = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{output[-4000:]}"
    return output


# redis-py ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(server):
    with redis.Redis(port=server.port, client_name="redis-py", socket_timeout=DEADLINE_SECONDS) as fresh:
        yield fresh


def test_redis_py_commands(client):
    assert client.set("k", "v", ex=1000, nx=True) is True
    assert client.set("k", "w", nx=True) is None
    assert client.set("k", "w", keepttl=True, get=True) == b"v"
    assert 900 < client.ttl("k") <= 1000
    assert client.expire("k", 5000) and client.persist("k")
    assert client.incrby("n", 10) == 10 and client.decr("n") == 9
    assert client.append("k", b"\x00") == 2 and client.strlen("k") == 2
    assert client.mset({"a": 1, "b": 2}) is True
    assert client.mget("a", "none", "b") == [b"1", None, b"2"]
    assert client.exists("a", "b", "none") == 2
    assert client.type("a") == b"string"
    assert sorted(client.scan_iter(match="[ab]", count=10)) == [b"a", b"b"]
    assert sorted(client.keys("*")) == [b"a", b"b", b"k", b"n"]
    assert client.delete("a") == 1 and client.unlink("b") == 1
    assert client.dbsize() == 2
    assert client.flushdb() and client.dbsize() == 0


def test_redis_py_administration(client):
    assert client.ping()
    assert client.client_getname() == "redis-py"
    assert client.info()["redis_mode"] == "standalone"
    assert client.info("memory")["used_memory"] > 0
    assert client.config_get("max*")["maxmemory"] == str(1 << 30)
    assert client.config_set("maxmemory", str(1 << 30))
    assert any(entry["name"] == "redis-py" for entry in client.client_list())
    assert client.command_count() > 30
    assert client.command()["get"]["arity"] == 2
    assert client.command_getkeys("MSET", "a", 1, "b", 2) == ["a", "b"]
    seconds, _ = client.time()
    assert abs(seconds - time.time()) < 3600


def test_redis_py_errors(client):
    client.set("text", "abc")
    with pytest.raises(redis.ResponseError, match="value is not an integer or out of range"):
        client.incr("text")
    with pytest.raises(redis.ResponseError, match="unknown command"):
        client.execute_command("NOSUCH")
    with pytest.raises(redis.ResponseError, match="DB index is out of range"):
        client.execute_command("SELECT", 1_000)
    assert client.get("text") == b"abc"


def test_redis_py_pipeline(client):
    pipeline = client.pipeline(transaction=False)
    for number in range(10_000):
        pipeline.set(f"k:{number}", number).get(f"k:{number}")
    replies = pipeline.execute()
    assert replies[0::2] == [True] * 10_000
    assert replies[1::2] == [str(number).encode() for number in range(10_000)]
    replies = client.pipeline(transaction=False).set("a", "x").incr("a").get("a").execute(raise_on_error=False)
    assert replies[0] is True and isinstance(replies[1], redis.ResponseError) and replies[2] == b"x"


def test_redis_py_large_value(client):
    value = os.urandom(1 << 20) * 64
    assert client.set("large", value)
    assert client.get("large") == value


def test_redis_py_pool_of_threads(server):
    pool = redis.BlockingConnectionPool(port=server.port, db=3, max_connections=8, timeout=DEADLINE_SECONDS)
    client = redis.Redis(connection_pool=pool)
    failures = []

    def work(number):
        try:
            for step in range(100):
                client.set(f"{number}:{step}", step)
                assert client.get(f"{number}:{step}") == str(step).encode()
                client.incr("total")
        except Exception as failure:  # reported by the main thread
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert client.get("total") == b"2000"
    assert client.dbsize() == 2_001
    pool.disconnect()


def test_redis_py_lock_is_taken_once(server, client):
    first, second = client.lock("lock", timeout=1000), client.lock("lock", timeout=1000)
    assert first.acquire(blocking=False)
    assert not second.acquire(blocking=False)
    assert client.pttl("lock") > 900_000
    client.delete("lock")
    assert second.acquire(blocking=False)
    short = client.lock("short", timeout=0.05)
    assert short.acquire(blocking=False)
    wait_until(lambda: client.lock("short", timeout=1000).acquire(blocking=False), "a lock that expired can be taken")


def test_redis_py_password_and_unix_socket(start_server, tmp_path):
    start_server({"security.password": "secret", "server.unix_socket": tmp_path / "s.sock"})
    with redis.Redis.from_url(f"unix://:secret@{tmp_path}/s.sock?db=1") as client:
        assert client.set("k", "v") and client.get("k") == b"v"
    with redis.Redis(unix_socket_path=f"{tmp_path}/s.sock", password="wrong") as client, pytest.raises(redis.RedisError, match="WRONGPASS"):
        client.ping()
    with redis.Redis(unix_socket_path=f"{tmp_path}/s.sock") as client, pytest.raises(redis.AuthenticationError):
        client.ping()


# hiredis, Node.js --------------------------------------------------------------------------------------------------------


def test_hiredis(server, tmp_path):
    program = os.environ.get("STRATA_HIREDIS_CLIENT") or missing("set STRATA_HIREDIS_CLIENT to the program of tests/clients")
    output = run([program, "127.0.0.1", server.port], tmp_path)
    assert output.count("ok: ") >= 19 and "FAILED" not in output


def test_node_redis_and_ioredis(server, tmp_path):
    folder = Path(os.environ.get("STRATA_NODE_CLIENTS", NODE_FOLDER))
    if not (folder / "node_modules" / "ioredis").is_dir() or not (folder / "node_modules" / "redis").is_dir():
        missing(f"the packages of {folder} are not installed: run 'npm ci' there")
    output = run([tool("node"), "--test", "--test-reporter=tap", "client_test.mjs"], tmp_path, cwd=folder,
                 environment={"STRATA_HOST": "127.0.0.1", "STRATA_PORT": str(server.port)})
    assert re.search(r"^# pass 26$", output, re.MULTILINE) and re.search(r"^# fail 0$", output, re.MULTILINE), output


# redis-cli ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def cli(server, tmp_path):
    def call(*arguments, **options):
        return run([tool("redis-cli"), "-p", server.port, *arguments], tmp_path, **options)

    return call


def test_redis_cli_one_shot(cli):
    assert cli("SET", "k", "v", "EX", "1000") == "OK\n"
    assert cli("GET", "k") == "v\n"
    assert cli("--no-raw", "GET", "none") == "(nil)\n"
    assert cli("--no-raw", "INCR", "n") == "(integer) 1\n"
    assert cli("-n", "3", "DBSIZE") == "0\n"
    assert cli("INCR", "k") == "ERR value is not an integer or out of range\n\n"
    assert cli("-x", "SET", "binary", input=bytes(range(256))) == "OK\n"
    assert cli("STRLEN", "binary") == "256\n"


def test_redis_cli_resp3(cli):
    assert cli("-3", "SET", "k", "v") == "OK\n"
    assert cli("-3", "--no-raw", "GET", "none") == "(nil)\n"
    assert re.match(r'1# "maxmemory" => "\d+"\n$', cli("-3", "--no-raw", "CONFIG", "GET", "maxmemory"))
    assert "redis_mode:standalone" in cli("-3", "INFO", "server")
    assert '"proto" => (integer) 3' in cli("-3", "--no-raw", "HELLO", "3")


def test_redis_cli_scan_and_bigkeys(cli, connection):
    connection.call("MSET", *(word for i in range(300) for word in (f"k:{i}", "x" * i)))
    assert set(cli("--scan").split()) == {f"k:{i}" for i in range(300)}
    assert set(cli("--scan", "--pattern", "k:29?").split()) == {f"k:29{i}" for i in range(10)}
    report = cli("--bigkeys")
    assert "300 strings" in report and "k:299" in report and "Sampled 300 keys" in report


def test_redis_cli_stat(server, tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path)}
    with subprocess.Popen([tool("redis-cli"), "-p", str(server.port), "--stat", "-i", "0.01"], stdout=subprocess.PIPE, text=True,
                          env=environment) as process:
        lines = [process.stdout.readline() for _ in range(4)]
        process.terminate()
    assert "data" in lines[0] and "requests" in lines[1]
    assert all(re.match(r"\d+ +[\d.]+[KMG]? +\d+ +\d+ +\d+", line) for line in lines[2:]), lines


def test_redis_cli_pipe_mode(cli, connection):
    requests = b"".join(encode("SET", f"k:{i}", os.urandom(100)) for i in range(10_000))
    assert "errors: 0, replies: 10000" in cli("--pipe", input=requests)
    assert connection.call("DBSIZE") == 10_000


def test_redis_cli_interactive_knows_the_commands(server, tmp_path):
    """On a terminal redis-cli asks for COMMAND DOCS and offers help and hints made of it."""
    master, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (50, 200))  # without a size redis-cli asks the terminal for it, and we are none
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm"}
    process = subprocess.Popen([tool("redis-cli"), "-p", str(server.port)], stdin=terminal, stdout=terminal, stderr=terminal,
                               env=environment, start_new_session=True)
    os.close(terminal)

    def read_until(*wanted):
        """Reads until the texts have appeared in this order: the prompt as the last, for redis-cli drops what is typed before it."""
        pattern = re.compile(b".*".join(map(re.escape, wanted)), re.DOTALL)
        screen, deadline = b"", time.monotonic() + DEADLINE_SECONDS
        while not pattern.search(screen):
            left = deadline - time.monotonic()
            assert left > 0, f"{wanted} not on the screen:\n{screen.decode(errors='replace')}"
            if select.select([master], [], [], left)[0]:
                screen += os.read(master, 65536)

    try:
        prompt = f"127.0.0.1:{server.port}> ".encode()
        read_until(prompt)
        os.write(master, b"help set\r")
        read_until(b"SET", b"key", b"summary:", b"group:", b"string", prompt)
        os.write(master, b"set greeting hello\r")
        read_until(b"OK", prompt)
        os.write(master, b"get greeting\r")
        read_until(b'"hello"', prompt)
        os.write(master, b"hello 3\r")
        read_until(b'"proto" => (integer) 3', prompt)
        os.write(master, b"select 5\r")
        read_until(b"OK", prompt[:-2] + b"[5]> ")
        os.write(master, b"exit\r")
        assert process.wait(timeout=DEADLINE_SECONDS) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
    assert "cmdstat_command|docs" in server.info("commandstats")


# redis-benchmark ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [("-P", "16"), ("-P", "1", "-c", "100"), ("-P", "16", "--threads", "2"), ("-P", "16", "-3", "-d", "5000")],
                         ids=" ".join)
def test_redis_benchmark(server, connection, tmp_path, options):
    output = run([tool("redis-benchmark"), "-p", server.port, "-t", "ping_inline,ping_mbulk,set,get,incr,mset", "-n", "2000", "-q",
                  *options], tmp_path)
    assert output.count("requests per second") == 6, output
    assert "rror" not in output and "WARN" not in output, output
    assert connection.call("EXISTS", "key:__rand_int__", "counter:__rand_int__") == 2


def test_redis_benchmark_over_a_unix_socket(start_server, tmp_path):
    server = start_server({"server.unix_socket": tmp_path / "s.sock"})
    output = run([tool("redis-benchmark"), "-s", tmp_path / "s.sock", "-t", "set,get", "-n", "2000", "-r", "1000", "-q"], tmp_path)
    assert output.count("requests per second") == 2 and "rror" not in output, output
    assert server.call("SET", "k", "v") == OK

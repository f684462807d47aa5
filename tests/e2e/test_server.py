"""The life of the process: start, refusals to start, configuration, security, signals, end."""

import json
import os
import re
import signal
import socket
import stat
import subprocess

import pytest

from resp_connection import OK, PONG, Error, RespConnection, Status, encode
from server_process import ServerProcess, free_port, wait_until

NOAUTH = Error("NOAUTH Authentication required.")
NOAUTH_HELLO = Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> "
                     "option can be used to authenticate the client and select the RESP protocol version at the same time")
WRONGPASS = Error("WRONGPASS invalid username-password pair or user is disabled.")


def refusal(directory, settings=None, **options):
    """The output of a server that must not start, as lines."""
    server = ServerProcess(directory, settings, **options).spawn()
    try:
        assert server.wait() != 0
    finally:
        server.kill()
    return [line for line in server.log().splitlines() if line.strip()]


def run_program(*arguments, environment=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}
    return subprocess.run([os.environ["STRATA_SERVER"], *arguments], capture_output=True, text=True, timeout=60,
                          env={**clean, **(environment or {})}, check=False)


# Start -------------------------------------------------------------------------------------------------------------------


@pytest.mark.strata_only
def test_start_says_what_one_needs_to_know(start_server):
    server = start_server({"memory.max_memory": "100mb"})
    log = server.log()
    for fact in (f"127.0.0.1:{server.port}", server.admin_url, f"redis-cli -p {server.port}"):
        assert fact in log
    assert re.search(r"\d+\.\d+\.\d+", log), "the version"
    assert re.search(r"100(\.0+)? ?(mb|MB|MiB)", log), "the memory limit"


@pytest.mark.strata_only
@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_protected_mode_refuses_every_interface_without_a_password(tmp_path, address):
    lines = refusal(tmp_path, {"server.bind": address})
    assert len(lines) == 1
    assert address in lines[0] and "password" in lines[0]


@pytest.mark.strata_only
def test_port_in_use(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        lines = refusal(tmp_path, port=port)
    assert len(lines) == 1
    assert str(port) in lines[0] and re.search("in use|another process", lines[0])


@pytest.mark.strata_only
def test_admin_port_in_use(tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        lines = refusal(tmp_path, admin_port=port)
    assert len(lines) == 1
    assert str(port) in lines[0] and re.search("in use|another process", lines[0])


@pytest.mark.strata_only
def test_bad_directory(tmp_path):
    missing = tmp_path / "not" / "there"
    lines = refusal(tmp_path, {"server.data_dir": missing})
    assert len(lines) == 1
    assert str(missing) in lines[0]


@pytest.mark.strata_only
def test_unknown_key_names_the_nearest_known_one(tmp_path):
    lines = refusal(tmp_path, {"server.prot": 1})
    assert len(lines) == 1
    assert "server.prot" in lines[0] and "server.port" in lines[0]


@pytest.mark.strata_only
def test_all_mistakes_of_a_file_are_told_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("server:\n  thraeds: 2\n  databases: many\nmemory:\n  max_memory: 512mb\n  policy: best\n")
    lines = refusal(tmp_path, arguments=["--config", str(file)])
    for where, key in (("2:", "server.thraeds"), ("3:", "server.databases"), ("6:", "memory.policy")):
        assert any(f"{file}:{where}" in line and key in line for line in lines), (where, key, lines)
    check = run_program("--check-config", "--config", str(file))
    assert check.returncode != 0
    assert "server.thraeds" in check.stdout + check.stderr


@pytest.mark.strata_only
def test_check_and_print_config(tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text("server:\n  databases: 5\n  threads: 3\nlimits:\n  max_clients: 77\nsecurity:\n  password: very-secret-word\n")
    assert run_program("--check-config", "--config", str(file)).returncode == 0
    printed = run_program("--print-config", "--config", str(file), "--threads", "1", environment={"STRATA_LIMITS_MAX_CLIENTS": "88"})
    assert printed.returncode == 0
    assert "very-secret-word" not in printed.stdout + printed.stderr
    lines = printed.stdout.splitlines()
    assert any(re.search(r"databases\b.*\b5\b.*good\.yaml", line) for line in lines), printed.stdout
    assert any(re.search(r"max_clients\b.*\b88\b.*(STRATA_LIMITS_MAX_CLIENTS|environment)", line) for line in lines), printed.stdout
    assert any(re.search(r"threads\b.*\b1\b.*command line", line) for line in lines), printed.stdout


@pytest.mark.strata_only
def test_version():
    shown = run_program("--version")
    assert shown.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", shown.stdout)


@pytest.mark.strata_only
def test_precedence_of_file_environment_and_command_line(start_server, tmp_path):
    file = tmp_path / "strata.yaml"
    file.write_text("server:\n  databases: 5\nmemory:\n  max_memory: 100mb\nlimits:\n  max_clients: 50\n")
    server = start_server({"limits.max_clients": 70}, arguments=["--config", str(file)],
                          environment={"STRATA_MEMORY_MAX_MEMORY": "200mb", "STRATA_LIMITS_MAX_CLIENTS": "60"})
    for name, value in (("databases", b"5"), ("maxmemory", str(200 << 20).encode()), ("maxclients", b"70")):
        assert server.call("CONFIG", "GET", name)[1] == value


@pytest.mark.strata_only
def test_json_log_to_a_file(start_server, tmp_path):
    server = start_server({"log.format": "json", "log.file": tmp_path / "strata.log", "log.level": "debug"})
    server.call("PING")
    lines = (tmp_path / "strata.log").read_text().splitlines()
    assert lines
    for line in lines:
        assert {"level", "message"} <= json.loads(line).keys()


def test_unix_socket(start_server, tmp_path):
    path = tmp_path / "s.sock"
    server = start_server({"server.unix_socket": path, "server.unix_socket_mode": "700"})
    with RespConnection(str(path)) as connection:
        assert connection.call("SET", "k", "v") == OK
        assert f"{path}:0" in connection.call("CLIENT", "INFO").decode()
    assert server.call("GET", "k") == b"v"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    server.stop()
    assert not path.exists()


def test_stale_unix_socket_is_replaced(start_server, tmp_path):
    path = tmp_path / "s.sock"
    server = start_server({"server.unix_socket": path})
    server.kill()
    assert path.exists()
    start_server({"server.unix_socket": path})
    with RespConnection(str(path)) as connection:
        assert connection.call("PING") == PONG


# Security ----------------------------------------------------------------------------------------------------------------


def test_password(start_server):
    server = start_server({"security.password": "open sesame"})
    with server.connect() as connection:
        for words in (("GET", "k"), ("PING",), ("INFO",), ("SHUTDOWN",), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("COMMAND", "COUNT")):
            assert connection.call(*words) == NOAUTH
        assert connection.call("HELLO", 3) == NOAUTH_HELLO
        assert connection.call("AUTH", "wrong") == WRONGPASS
        assert connection.call("AUTH", "default", "open sesam") == WRONGPASS
        assert connection.call("AUTH", "somebody", "open sesame") == WRONGPASS
        assert connection.call("HELLO", 3, "AUTH", "default", "wrong") == WRONGPASS
        assert connection.call("PING") == NOAUTH
        assert connection.call("AUTH", "open sesame") == OK
        assert connection.call("PING") == PONG
        assert connection.call("RESET") == Status("RESET")
        assert connection.call("PING") == NOAUTH
        assert connection.call("AUTH", "default", "open sesame") == OK
        assert connection.call("AUTH", "wrong") == WRONGPASS
        assert connection.call("PING") == PONG
    with server.connect() as connection:
        assert connection.call("HELLO", 3, "AUTH", "default", "open sesame", "SETNAME", "in")[b"proto"] == 3
        assert connection.call("CLIENT", "GETNAME") == b"in"
    with server.connect() as connection:
        assert connection.call("QUIT") == OK
        assert connection.is_closed()
    assert "open sesame" not in server.log()


def test_unauthenticated_error_texts_for_bad_commands(start_server):
    """A stranger learns which commands exist, as with redis-server, but nothing runs."""
    server = start_server({"security.password": "x"})
    with server.connect() as connection:
        assert connection.call("NOSUCH") == Error("ERR unknown command 'NOSUCH', with args beginning with: ")
        assert connection.call("GET") == Error("ERR wrong number of arguments for 'get' command")


# End ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_gracefully(start_server, number):
    server = start_server()
    with server.connect() as connection:
        assert connection.call("SET", "k", "v") == OK
        server.process.send_signal(number)
        assert connection.is_closed()
    assert server.wait() == 0


@pytest.mark.parametrize("words", [(), ("NOSAVE",), ("nosave", "NOW", "FORCE"), ("NOW",)])
def test_shutdown(start_server, words):
    """Its answer is the end of the connection."""
    server = start_server()
    with server.connect() as other, server.connect() as connection:
        other.call("PING")
        connection.send("SHUTDOWN", *words)
        assert connection.is_closed()
        assert other.is_closed()
    assert server.wait() == 0


@pytest.mark.strata_only
def test_end_does_not_wait_for_a_suspended_command(start_server):
    server = start_server()
    with server.connect() as sleeping:
        sleeping.send("DEBUG", "SLEEP", "3000")
        server.call("PING")
        server.stop()
        assert sleeping.is_closed()


@pytest.mark.strata_only
def test_end_does_not_wait_forever_for_a_client_that_does_not_read(start_server):
    server = start_server({"server.shutdown_timeout": "1s"})
    with server.connect() as reader:
        reader.call("SET", "v", b"x" * (8 << 20))
        reader.send_bytes(encode("GET", "v") * 8)
        reader.receive()
        server.stop()


# Changes while running ---------------------------------------------------------------------------------------------------


@pytest.mark.strata_only
def test_reload_on_sighup(start_server, tmp_path):
    file = tmp_path / "strata.yaml"
    file.write_text("memory:\n  max_memory: 100mb\nlimits:\n  max_clients: 50\n")
    server = start_server({"limits.max_clients": 70}, arguments=["--config", str(file)])

    def setting(name):
        return server.call("CONFIG", "GET", name)[1]

    file.write_text("memory:\n  max_memory: 150mb\nlimits:\n  max_clients: 55\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: setting("maxmemory") == str(150 << 20).encode(), "the new limit is in force")
    assert setting("maxclients") == b"70", "the command line still wins"


@pytest.mark.strata_only
def test_reload_of_a_bad_file_changes_nothing(start_server, tmp_path):
    file = tmp_path / "strata.yaml"
    file.write_text("memory:\n  max_memory: 100mb\n")
    server = start_server(arguments=["--config", str(file)])
    file.write_text("memory:\n  max_memory: 150mb\n  polciy: noeviction\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "memory.polciy" in server.log(), "the mistake is told in the log")
    assert server.call("CONFIG", "GET", "maxmemory")[1] == str(100 << 20).encode()


def test_idle_clients_are_disconnected_and_busy_ones_are_not(start_server):
    server = start_server({"server.idle_timeout": "1s"})
    with server.connect() as idle, server.connect() as busy:
        idle.call("PING")
        idle.socket.setblocking(False)

        def idle_is_gone():
            assert busy.call("PING") == PONG
            try:
                return idle.socket.recv(1) == b""
            except BlockingIOError:
                return False

        wait_until(idle_is_gone, "the idle client is disconnected")
        assert busy.call("PING") == PONG


def test_port_is_free_again_at_once(tmp_path):
    port = free_port()
    for _ in range(2):
        with ServerProcess(tmp_path, port=port) as server, server.connect() as connection:
            assert connection.call("PING") == PONG

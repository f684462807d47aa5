"""The servers of the book, started and stopped for real where they are installed."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from loadtest.book.failure import BookError, CommandFailed, Unavailable
from loadtest.book.floor import build_floor_server
from loadtest.book.peers import PEERS, Peer, Start, find_peers
from loadtest.book.resident_memory import resident_bytes
from loadtest.book.server_process import ServerProcess

MIB = 1 << 20


def found(plan, name):
    try:
        return PEERS[name], PEERS[name].find(plan)
    except Unavailable as reason:
        pytest.skip(f"{name}: {reason}")


def ask(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(4096)


def is_gone(pid):
    return not Path(f"/proc/{pid}").exists()


def invented(words):
    return Peer("invented", "none", "resp2", b"PING", b"+PONG", None, lambda start: words, None)


@pytest.mark.parametrize("name,request_bytes,reply", [
    ("strata", b"SET k v\r\n", b"+OK\r\n"),
    ("redis", b"CONFIG GET save\r\n", b"*2\r\n$4\r\nsave\r\n$0\r\n\r\n"),
    ("memcached", b"set k 0 0 1\r\nv\r\n", b"STORED\r\n"),
])
def test_start_and_stop(plan, request, name, request_bytes, reply):
    if name == "strata":
        request.getfixturevalue("strata_server")
    peer, program = found(plan, name)
    with ServerProcess(plan, peer, program) as server:
        pid = server.pid
        assert ask(server, request_bytes) == reply
        assert os.sched_getaffinity(pid) == {plan.server_core}
        assert resident_bytes(pid) > MIB
        assert Path(f"/proc/{pid}/comm").read_text().strip() == program.name, "nothing is between the book and the server"
        folder = next((plan.scratch / "servers").iterdir())
    assert is_gone(pid)
    assert not folder.exists()


@pytest.mark.parametrize("name,request_bytes,reply", [
    ("strata", b"CONFIG GET maxmemory\r\n", b"$8\r\n10485760\r\n"),
    ("redis", b"CONFIG GET maxmemory\r\n", b"$8\r\n10485760\r\n"),
    ("redis", b"CONFIG GET maxmemory-policy\r\n", b"$11\r\nallkeys-lru\r\n"),
    ("memcached", b"stats settings\r\n", b"STAT maxbytes 10485760\r\n"),
])
def test_limits(plan, request, name, request_bytes, reply):
    if name == "strata":
        request.getfixturevalue("strata_server")
    peer, program = found(plan, name)
    with ServerProcess(plan, peer, program, 10 * MIB, peer.policies(plan, program)[0]) as server:
        assert reply in ask(server, request_bytes)


def test_the_smallest_limits_are_accepted(plan, strata_server):
    for name in ("strata", "redis", "memcached"):
        peer, program = found(plan, name)
        with ServerProcess(plan, peer, program, peer.smallest_limit_bytes, peer.policies(plan, program)[0]) as server:
            server.check_alive()


def test_only_policies_that_the_build_knows(plan, strata_server):
    policies = PEERS["strata"].policies(plan, strata_server)
    assert policies[0] == "s3fifo"
    assert "noeviction" not in policies


def test_the_floor_server(plan, monkeypatch, tmp_path):
    monkeypatch.setenv("STRATA_FLOOR_SERVER", str(tmp_path / "floor.cpp"))
    skipped = []
    with pytest.raises(BookError, match="none of floor can be started here"):
        find_peers(plan, ["floor"], lambda *told: skipped.append(told))
    assert skipped == [("floor", "its source is not there: STRATA_FLOOR_SERVER has to name floor_server.cpp")]
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    (tmp_path / "floor.cpp").write_text("int main() { return 7; }")
    program = build_floor_server(plan)
    built = program.stat().st_mtime_ns
    assert build_floor_server(plan).stat().st_mtime_ns == built, "it is compiled once"
    with pytest.raises(CommandFailed, match="ended with 7 before it answered"):
        with ServerProcess(plan, PEERS["floor"], program):
            pass


def test_a_server_that_ends_at_once_is_told_with_its_output(plan):
    peer = invented(["sh", "-c", "echo cannot bind >&2; exit 4"])
    with pytest.raises(CommandFailed, match=r"(?s)taskset -c .* sh -c .*ended with 4 before it answered.*cannot bind"):
        ServerProcess(plan, peer, "sh").__enter__()


def test_a_server_that_ends_while_it_is_measured(plan):
    answer_once = ("import socket,sys\ns=socket.create_server(('127.0.0.1',int(sys.argv[1])))\nc,_=s.accept()\nc.recv(9)\n"
                   "c.sendall(b'+PONG')\nc.recv(9)\nprint('bye',flush=True)\nsys.exit(5)")
    peer = Peer("invented", "none", "resp2", b"PING", b"+PONG", None,
                lambda start: [sys.executable, "-c", answer_once, start.port], None)
    with ServerProcess(plan, peer, "python") as server:
        server.check_alive()
        server._connection.close()
        server._process.wait(timeout=30)
        with pytest.raises(CommandFailed, match="(?s)ended with 5 while it was measured.*bye"):
            server.check_alive()


def test_everything_listens_on_loopback_only():
    start = Start("program", 1234, "folder", 10 * MIB, "allkeys-lru")
    for name, option in (("strata", "--bind"), ("redis", "--bind"), ("memcached", "-l")):
        words = PEERS[name].words(start)
        assert words[words.index(option) + 1] == "127.0.0.1"

"""What is read of a server's memory, from the kernel and from itself, and how it is watched over time."""

import os
import socket
import threading
from types import SimpleNamespace

import pytest

from loadtest.book.failure import BookError, Unavailable
from loadtest.book.memory_sampler import MemorySampler
from loadtest.book.peers import PEERS
from loadtest.book.resident_memory import memory_file_bytes, resident_parts
from loadtest.book.server_process import ServerProcess
from loadtest.book.server_statistics import ServerStatistics, parse_statistics

MIB = 1 << 20
RESP = (":", ("maxmemory", "used_memory", "evicted_keys"))


@pytest.fixture
def proc(tmp_path):
    folder = tmp_path / "7"
    (folder / "fd").mkdir(parents=True)
    (folder / "smaps_rollup").write_text("5500-7ff [rollup]\nRss:  3000 kB\nPss: 2500 kB\nAnonymous:  2000 kB\n")
    (folder / "status").write_text("Name:\tx\nVmRSS:\t3000 kB\nRssShmem:\t100 kB\nVmPTE:\t40 kB\n")
    return tmp_path


def test_held_memory_is_anonymous_pages_page_tables_and_files_of_memory(proc):
    parts = resident_parts(7, proc)
    assert parts.rss_bytes == 3000 * 1024
    assert parts.held_bytes == (2000 + 100 + 40) * 1024


@pytest.mark.parametrize("file,line", [("smaps_rollup", "Anonymous"), ("status", "VmPTE")])
def test_a_line_that_the_kernel_does_not_have(proc, file, line):
    path = proc / "7" / file
    path.write_text("\n".join(text for text in path.read_text().splitlines() if not text.startswith(line)))
    with pytest.raises(BookError, match=f"{file} has no {line} line"):
        resident_parts(7, proc)


def test_pages_of_an_unmapped_file_of_memory_are_held_too():
    before = memory_file_bytes(os.getpid())
    file = os.memfd_create("region")
    try:
        os.pwrite(file, b"x" * MIB, 0)
        os.ftruncate(file, 16 * MIB)
        copy = os.dup(file)
        assert memory_file_bytes(os.getpid()) - before == MIB, "what is allocated, not the length, and once"
        os.close(copy)
    finally:
        os.close(file)
    assert memory_file_bytes(os.getpid()) == before


@pytest.mark.parametrize("name", ["strata", "redis", "memcached"])
def test_statistics_of_a_real_server(plan, request, name):
    if name == "strata":
        request.getfixturevalue("strata_server")
    try:
        program = PEERS[name].find(plan)
    except Unavailable as reason:
        pytest.skip(str(reason))
    policy = PEERS[name].policies(plan, program)[0]
    with ServerProcess(plan, PEERS[name], program, 64 * MIB, policy) as server, ServerStatistics(server) as statistics:
        before = statistics.read()
        assert before.limit_bytes == 64 * MIB and before.evicted == 0
        value = b"v" * 500_000
        store = (b"set k 0 0 500000\r\n%s\r\n" if name == "memcached" else b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000\r\n%s\r\n") % value
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
            client.sendall(store)
            assert client.recv(100)
        assert 500_000 <= statistics.read().charged_bytes - before.charged_bytes < 2 * MIB


@pytest.mark.parametrize("text,problem", [
    ("maxmemory:5\r\nused_memory:7", "evicted_keys should be a whole number, and is missing"),
    ("maxmemory:5\r\nused_memory:x\r\nevicted_keys:1", "used_memory should be a whole number, and is x"),
])
def test_statistics_that_make_no_sense(text, problem):
    with pytest.raises(BookError, match=problem):
        parse_statistics(text, *RESP, "here")


@pytest.fixture
def told_server():
    """Answers INFO, in two pieces, with what `told` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = SimpleNamespace(port=listener.getsockname()[1], pid=os.getpid(), peer=SimpleNamespace(name="told", protocol="resp2"), told=[])

    def serve():
        client, _ = listener.accept()
        with client:
            while client.recv(100):
                reply = server.told.pop(0)
                client.sendall(reply[:7])
                client.sendall(reply[7:])
    threading.Thread(target=serve, daemon=True).start()
    yield server
    listener.close()


def info(charged):
    body = f"# Memory\r\nused_memory:{charged}\r\nmaxmemory:100\r\n# Stats\r\nevicted_keys:3\r\n".encode()
    return b"$%d\r\n%s\r\n" % (len(body), body)


def test_the_sampler_samples_until_it_is_stopped(told_server):
    told_server.told = [info(charged) for charged in range(10_000)]
    with MemorySampler(told_server, interval_s=0.01) as sampler:
        while len(sampler.samples) < 4:
            sampler._stop.wait(0.005)
    assert [sample["charged"] for sample in sampler.samples[:4]] == [0, 1, 2, 3]
    assert {(sample["limit"], sample["evicted"]) for sample in sampler.samples} == {(100, 3)}
    assert all(sample["rss"] > sample["held"] > MIB for sample in sampler.samples)
    seconds = [sample["second"] for sample in sampler.samples]
    assert seconds == sorted(seconds) and seconds[3] >= 0.03
    assert not sampler._thread.is_alive()


def test_what_goes_wrong_while_sampling_is_raised_at_the_end(told_server):
    told_server.told = [info(1), b"-ERR no such command\r\n"]
    with pytest.raises(BookError, match="statistics of told: -ERR no such command"):
        with MemorySampler(told_server, interval_s=0.01) as sampler:
            sampler._thread.join(timeout=30)
    assert len(sampler.samples) == 1


def test_an_error_of_the_load_is_not_hidden_by_one_of_the_sampler(told_server):
    told_server.told = [b"-ERR\r\n"]
    with pytest.raises(ValueError, match="the load"):
        with MemorySampler(told_server, interval_s=0.01) as sampler:
            sampler._thread.join(timeout=30)
            raise ValueError("the load")

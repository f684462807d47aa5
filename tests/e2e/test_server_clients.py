"""Many clients, greedy clients, slow clients: none of them may disturb another."""

import os
import resource
import socket

import pytest

from resp_connection import OK, PONG, Disconnected, Error, RespConnection, encode
from server_process import wait_until


@pytest.fixture(scope="module", autouse=True)
def enough_file_descriptors():
    """The server inherits the limit: 1,000 connections need more than many a shell's 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connected_clients(connection):
    lines = connection.call("INFO", "clients").decode().splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.startswith("connected_clients:"))


def test_1_000_connections_at_once(server, connection):
    clients = [server.connect() for _ in range(1_000)]
    for number, client in enumerate(clients):
        client.send_bytes(encode("SET", f"client:{number}", number) + encode("GET", f"client:{number}") + encode("INCR", "all"))
    totals = set()
    for number, client in enumerate(clients):
        first, second, total = client.receive_many(3)
        assert (first, second) == (OK, str(number).encode())
        totals.add(total)
    assert totals == set(range(1, 1_001))
    assert connected_clients(connection) == 1_001
    assert connection.call("CLIENT", "LIST").count(b"\n") == 1_001
    for client in clients:
        client.close()
    wait_until(lambda: connected_clients(connection) == 1, "all have left")


def test_connections_that_come_and_go(server, connection):
    for number in range(2_000):
        with server.connect() as client:
            if number % 3 == 0:
                client.send("INCR", "n")
            if number % 6 == 0:
                client.receive()
    wait_until(lambda: connected_clients(connection) == 1, "all have left")
    wait_until(lambda: int(connection.call("GET", "n")) == 667, "what was sent before leaving was done")


def test_maxclients(start_server):
    server = start_server({"limits.max_clients": 5})
    # The connection that waited for the server to be ready may not have left yet.
    wait_until(lambda: len(server.call("CLIENT", "LIST").splitlines()) == 1, "the place of the first probe is free")

    def accepted():
        client = server.connect()
        try:
            if client.call("PING") == PONG:
                return client
        except (Disconnected, ConnectionError):
            pass
        client.close()
        return None

    clients = [wait_until(accepted, "a free place") for _ in range(5)]
    with server.connect() as refused:
        assert refused.receive_until_closed() == b"-ERR max number of clients reached\r\n"
    info = dict(line.split(":", 1) for line in clients[0].call("INFO", "stats").decode().splitlines() if ":" in line)
    assert int(info["rejected_connections"]) >= 1
    clients.pop().close()
    clients.append(wait_until(accepted, "the place that became free"))
    assert clients[0].call("CONFIG", "SET", "maxclients", "6") == OK
    clients.append(wait_until(accepted, "the place of the raised limit"))
    for client in clients:
        client.close()


def test_slow_reader_disturbs_nobody_and_is_bounded(start_server):
    """One client asks for 400 MB and does not read: others go on, and the server's memory does not follow."""
    limit, value_size, count = 8 << 20, 1 << 20, 400
    server = start_server({"limits.output_buffer": limit, "memory.max_memory": "256mb"})
    with server.connect() as other, server.connect() as slow:
        assert other.call("SET", "v", b"x" * value_size) == OK
        slow.call("CLIENT", "SETNAME", "slow")
        before = server.resident_bytes()
        slow.send_bytes(encode("GET", "v") * count)
        most_resident = most_waiting = 0
        for number in range(500):
            assert other.pipeline([("SET", "k", number), ("GET", "k")]) == [OK, str(number).encode()]
            most_resident = max(most_resident, server.resident_bytes())
            for line in other.call("CLIENT", "LIST").decode().splitlines():
                if " name=slow " in line:
                    most_waiting = max(most_waiting, int(line.split(" omem=")[1].split()[0]))
        assert most_waiting <= limit + 2 * value_size
        if not os.environ.get("STRATA_SANITIZER"):  # a sanitizer keeps freed memory on purpose
            assert most_resident - before < 64 << 20
        # Dropped, or paused: then the rest comes as soon as it is read.
        received = 0
        try:
            while received < count and slow.receive() == b"x" * value_size:
                received += 1
        except (Disconnected, ConnectionError):
            assert received < count
        assert other.call("PING") == PONG


def test_client_that_only_writes_is_bounded(start_server):
    """Errors are replies too: a client that sends and never reads may not fill the memory with them."""
    server = start_server({"limits.output_buffer": 1 << 20, "memory.max_memory": "256mb"})
    with server.connect() as other, server.connect() as writer:
        before = server.resident_bytes()
        writer.socket.settimeout(1)
        try:
            for _ in range(200):
                writer.send_bytes(b"NOSUCHCOMMAND with arguments\r\n" * 10_000)
        except OSError:
            pass  # dropped, or paused so that the kernel's buffers are full: both are fine
        assert other.call("PING") == PONG
        if not os.environ.get("STRATA_SANITIZER"):
            assert server.resident_bytes() - before < 64 << 20


def number_of(connection, field, section="everything"):
    lines = connection.call("INFO", section).decode().splitlines()
    return next(int(line.split(":")[1]) for line in lines if line.startswith(f"{field}:"))


@pytest.mark.strata_only
def test_the_client_that_holds_most_goes_before_keys_do(start_server):
    """Values that were replaced while slow readers are still sent them are nobody's but theirs."""
    server = start_server({"memory.max_memory": "128mb", "limits.all_clients": "16mb"})
    with server.connect() as other, server.connect() as modest:
        for number in range(2000):
            assert other.call("SET", f"small:{number}", b"x" * 5000) == OK
        modest.call("CLIENT", "SETNAME", "modest")
        assert other.call("SET", "modest", b"m" * (2 << 20)) == OK
        modest.send_bytes(encode("GET", "modest") * 2)  # more than the sockets take
        greedy = [server.connect() for _ in range(4)]
        for name, client in enumerate(greedy):
            for number in range(4):
                other.call("SET", f"large:{name}:{number}", b"x" * (2 << 20))
                client.send("GET", f"large:{name}:{number}")
        wait_until(lambda: other.call("CLIENT", "LIST").count(b"omem=0 ") <= 1, "all are being sent something")
        assert number_of(other, "evicted_clients") == 0, "what they are sent are the keys' values"
        for name in range(4):
            for number in range(4):
                other.call("SET", f"large:{name}:{number}", "another")
        wait_until(lambda: number_of(other, "strata_client_values_bytes") <= 16 << 20, "they hold what they may")
        dropped = number_of(other, "evicted_clients")
        assert 1 <= dropped < 4
        assert number_of(other, "evicted_keys") == 0
        assert b"name=modest" in other.call("CLIENT", "LIST")
        assert [modest.receive() for _ in range(2)] == [b"m" * (2 << 20)] * 2
        for client in greedy:
            client.close()
        wait_until(lambda: number_of(other, "strata_client_values_bytes") == 0, "nobody holds anything")
        assert other.call("CONFIG", "GET", "maxmemory-clients") == [b"maxmemory-clients", str(16 << 20).encode()]


@pytest.mark.strata_only
def test_values_that_are_not_complete_are_bounded(start_server):
    server = start_server({"memory.max_memory": "128mb", "limits.all_clients": "16mb"})
    with server.connect() as other:
        begun = [server.connect() for _ in range(30)]
        for number, client in enumerate(begun):
            client.send_bytes(b"*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n$4000000\r\n" + b"x" * (100_000 + number))
        wait_until(lambda: number_of(other, "evicted_clients") >= 26, "those that are too many are gone")
        wait_until(lambda: number_of(other, "strata_client_values_bytes") <= 16 << 20, "so is what they held")
        assert number_of(other, "evicted_clients") == 26
        assert other.call("SET", "k", b"v" * 100_000) == OK, "it does not hold most"
        for client in begun:
            client.close()


@pytest.mark.strata_only
def test_debug_sleep_suspends_one_client_only(start_server):
    """The replies of the others prove it: the sleepers would sleep longer than any test may take."""
    server = start_server({"server.threads": 2})
    sleepers = [server.connect() for _ in range(16)]
    for sleeper in sleepers:
        sleeper.send("DEBUG", "SLEEP", "3000")
    for _ in range(16):
        assert server.call("SET", "k", "v") == OK
    for sleeper in sleepers:
        sleeper.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            sleeper.socket.recv(1)
        sleeper.close()
    wait_until(lambda: len(server.call("CLIENT", "LIST").splitlines()) == 1, "clients that left while they slept are gone")


def test_large_requests_of_many_clients_at_once(server):
    value = os.urandom(3 << 20)
    clients = [server.connect() for _ in range(16)]
    request = [encode("SET", f"large:{number}", value) + encode("GET", f"large:{number}") for number in range(16)]
    for part in range(4):
        for number, client in enumerate(clients):
            quarter = len(request[number]) // 4 + 1
            client.send_bytes(request[number][part * quarter:(part + 1) * quarter])
    for client in clients:
        assert client.receive_many(2) == [OK, value]
        client.close()


def test_reset_connections(server, connection):
    """Connections that end by RST, with replies on their way."""
    connection.call("SET", "v", b"x" * (1 << 20))
    for _ in range(50):
        client = RespConnection(server.address)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        client.send_bytes(encode("GET", "v") * 8)
        client.close()
    wait_until(lambda: connected_clients(connection) == 1, "all are gone")
    assert connection.call("NOSUCH").startswith("ERR unknown command")
    assert isinstance(connection.call("INCR", "v"), Error)

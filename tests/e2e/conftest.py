"""Fixtures of the end-to-end tests. See server_process.py for the environment variables."""

import os

import pytest

from server_process import ServerProcess, peer_is_redis


def pytest_configure(config):
    config.addinivalue_line("markers", "strata_only: no redis-server behaves like this; skipped with STRATA_PEER=redis")
    config.addinivalue_line("markers", "long: minutes rather than seconds; runs with STRATA_LONG_TESTS=1")


def pytest_collection_modifyitems(items):
    no_server = not os.environ.get("STRATA_SERVER")
    for item in items:
        if no_server:
            item.add_marker(pytest.mark.skip(reason="set STRATA_SERVER to the path of the server program"))
        if peer_is_redis() and item.get_closest_marker("strata_only"):
            item.add_marker(pytest.mark.skip(reason="not a behaviour of redis-server"))
        if item.get_closest_marker("long") and os.environ.get("STRATA_LONG_TESTS") != "1":
            item.add_marker(pytest.mark.skip(reason="long tier: set STRATA_LONG_TESTS=1"))


def _stop_all(servers):
    failures = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One server for all tests of a file. Tests clean it through the `server` fixture."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), {"memory.max_memory": "1gb", "memory.policy": "noeviction"})
    server.start()
    yield server
    _stop_all([server])


@pytest.fixture
def server(shared_server):
    """The file's server, empty."""
    shared_server.call("FLUSHALL")
    return shared_server


@pytest.fixture
def connection(server):
    """A fresh connection to an empty server."""
    with server.connect() as fresh:
        yield fresh


@pytest.fixture
def resp3(server):
    """A fresh connection to an empty server that has switched to RESP3."""
    with server.connect() as fresh:
        assert fresh.call("HELLO", "3")[b"proto"] == 3
        yield fresh


@pytest.fixture
def start_server(tmp_path):
    """Starts servers with settings of their own: start_server({"server.databases": 4}). Stops and checks them at the end."""
    started = []

    def start(settings=None, **options):
        server = ServerProcess(tmp_path / f"server{len(started)}", settings, **options)
        started.append(server)
        return server.start()

    yield start
    _stop_all(started)

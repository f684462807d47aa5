"""Fixtures of the book's tests: a build folder with a fake load generator, and recordings to render."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from loadtest.book.plan import Plan  # noqa: E402
from loadtest.book.recording import Recording  # noqa: E402

FAKE_LOADTEST = Path(__file__).with_name("fake_loadtest.py")

MACHINE = {"cpu": "Abacus 9", "cores": 2, "processors_of_the_machine": 4, "threads_per_core": 1, "caches": {"L1d": "32K", "L2": "1M"},
           "memory_bytes": 8 << 30, "virtual_machine": True, "frequency_governor": "none", "transparent_huge_pages": "madvise",
           "kernel": "6.1", "distribution": "Debian 12", "load_average_at_start": 0.25}
VERSIONS = {"strata": {"version": "strata-server 1.2.3", "revision": "abcdef", "build_type": "Release", "sha256": "0"},
            "packages": {"redis-server": "7.0", "memcached": "not installed"}}


@pytest.fixture
def plan(tmp_path):
    """A repository and a build folder in a temporary folder, two cores, one quick round."""
    (tmp_path / "build" / "bin").mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    return Plan(root=tmp_path, build=tmp_path / "build", asked_rounds=1, quick=True)


@pytest.fixture
def fake_loadtest(plan):
    """Puts the fake load generator into the build folder."""
    target = plan.program("strata-loadtest")
    shutil.copy(FAKE_LOADTEST, target)
    target.chmod(0o755)
    return target


@pytest.fixture
def strata_server(plan):
    """Puts the real server into the build folder."""
    server = os.environ.get("STRATA_SERVER")
    if not server:
        pytest.skip("set STRATA_SERVER to the path of the server program")
    plan.program("strata-server").symlink_to(server)
    return plan.program("strata-server")


@pytest.fixture
def recording():
    """Of two subjects, ours 20 % cheaper than redis on the first row and the same on the second."""
    made = Recording("throughput", False, "./dev bench throughput", MACHINE, VERSIONS, "2026-01-02T03:04:05Z")
    made.parameters = {"keys": 1000, "key_bytes": 16, "value_bytes": 64, "distribution": "zipf:0.99", "connections": 8}
    made.subjects = ["strata", "redis"]
    made.rounds = 3
    for number in range(3):
        for pipeline, ours, redis in ((1, 8.0, 10.0), (16, 2.0, 2.0 + 0.1 * (number - 1))):
            for subject, cost in (("strata", ours), ("redis", redis)):
                values = {"server_cpu_us": cost + number * 0.001, "requests_per_s": 1e6 / cost, "load_cpu_us": 0.5}
                made.add({"operation": "GET", "pipeline": pipeline}, subject, number, values, [["server", "--port", "1"], ["load", "a b"]], {})
    return made

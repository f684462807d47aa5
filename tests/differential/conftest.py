"""Makes the harness of the end-to-end tests importable; the same environment variables apply (see ../e2e/server_process.py)."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))


def pytest_configure(config):
    config.addinivalue_line("markers", "long: minutes rather than seconds; runs with STRATA_LONG_TESTS=1")


def pytest_collection_modifyitems(items):
    for item in items:
        if not os.environ.get("STRATA_SERVER"):
            item.add_marker(pytest.mark.skip(reason="set STRATA_SERVER to the path of the server program"))
        if item.get_closest_marker("long") and os.environ.get("STRATA_LONG_TESTS") != "1":
            item.add_marker(pytest.mark.skip(reason="long tier: set STRATA_LONG_TESTS=1"))

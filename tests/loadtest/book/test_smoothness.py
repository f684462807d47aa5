"""The comparison of writes under eviction, with a fake load generator and our real server."""

import dataclasses

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import smoothness
from loadtest.book.recording import Recording
from loadtest.book.server_statistics import Statistics

MIB = 1 << 20


class Evicting:
    """Statistics of a server that evicts `step` items between two looks."""

    step, seen = 10, 0

    def __init__(self, _server):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def read(self):
        Evicting.seen += self.step
        return Statistics(1, 1, Evicting.seen)


@pytest.fixture
def stored(plan, strata_server, fake_loadtest, monkeypatch):
    def run(step):
        monkeypatch.setattr(smoothness, "ServerStatistics", Evicting)
        monkeypatch.setattr(Evicting, "step", step)
        assert run_comparisons(dataclasses.replace(plan, servers=("strata",)), ["smoothness"]) == (["smoothness"], [])
        return Recording.read(plan.results / "smoothness.quick.json")
    return run


def test_the_keys_take_a_fifth_more_than_the_limit():
    given = smoothness._parameters(quick=False)
    assert given["keys"] * (given["key_bytes"] + smoothness.MEAN_VALUE_BYTES) == pytest.approx(1.2 * given["limit_mib"] * MIB, rel=1e-5)


def test_writes_are_offered_at_a_share_of_the_slowest_peak(stored):
    recording = stored(10)
    peak = recording.parameters["slowest_peak_requests_per_s"]
    closed, opened = recording.measurements
    assert closed["row"] == {"load": "closed loop"}
    assert opened["row"] == {"load": "50%", "rate": round(peak / 2)}
    assert opened["values"]["p99_99"] == 50 and opened["values"]["max"] == 60 and opened["values"]["evicted"] == 10
    command = opened["commands"][1]
    assert command[command.index("--mix") + 1] == "set=1" and command[command.index("--encode-ahead") + 1] == "0b"
    assert "--max-memory" in opened["commands"][0]


def test_a_server_that_evicts_nothing_is_not_compared(stored, capsys):
    assert {entry["excluded"] for entry in stored(0).measurements} == {"it evicted nothing"}
    assert "strata: it evicted nothing." in capsys.readouterr().out

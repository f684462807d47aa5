"""The comparison of limits: what it judges, and the whole of it with a fake load generator and our real server."""

import dataclasses

import pytest

from loadtest.book import generator
from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import limit
from loadtest.book.failure import BookError
from loadtest.book.recording import Recording

MIB = 1 << 20


def sample(second, held, charged=0):
    return {"second": second, "limit": 1000 * MIB, "charged": charged, "held": held * MIB, "rss": (held + 2) * MIB, "evicted": int(second)}


def test_what_is_held_is_judged_after_the_first_second():
    values = limit.memory_values([sample(0.0, 5000), sample(1.0, 990, 7), sample(2.0, 1010, 9), sample(3.0, 1030)], 1000 * MIB)
    assert values["overshoot_max_bytes"] == 30 * MIB
    assert values["overshoot_mean_bytes"] == pytest.approx((0 + 10 + 30) * MIB / 3)
    assert values["outside_band_percent"] == pytest.approx(100 / 3), "the band is 2 % of 1000 MiB"
    assert values["held_max_bytes"] == 1030 * MIB and values["rss_max_bytes"] == 1032 * MIB and values["charged_max_bytes"] == 9
    assert values["evicted"] == 3 and values["samples"] == 3


def test_a_run_too_short_to_judge():
    with pytest.raises(BookError, match="none after the first 1 s"):
        limit.memory_values([sample(0.0, 5)], MIB)


@pytest.mark.parametrize("limit_mib,band_mib", [(32, 8), (400, 8), (1000, 20)])
def test_the_band(limit_mib, band_mib):
    assert limit.band_bytes(limit_mib * MIB) == band_mib * MIB


def test_generations_grow_by_the_same_factor():
    means = limit.generation_means(10)
    assert len(means) == 10 and means[0] == limit.SMALLEST_MEAN and means[-1] == limit.LARGEST_MEAN
    factors = [larger / smaller for smaller, larger in zip(means, means[1:])]
    assert factors == pytest.approx([factors[0]] * 9, rel=0.01)
    assert limit.generation_means(1) == [limit.SMALLEST_MEAN]


@pytest.fixture
def short(plan, strata_server, fake_loadtest, monkeypatch):
    """A plan whose runs end at once: the fake load takes no time, so the first sample is judged."""
    monkeypatch.setattr(limit, "SETTLED_S", 0)
    return dataclasses.replace(plan, servers=("strata",), clients=100)


def stored(plan):
    return Recording.read(plan.results / "limit.quick.json")


def test_the_whole_comparison(short, capsys):
    assert run_comparisons(short, ["limit"]) == (["limit"], [])
    recording = stored(short)
    entry = recording.measurements[0]
    assert entry["subject"] == "strata" and entry["row"] == {"clients": 100, "seconds": 4, "limit_mib": 32}
    assert entry["output"]["samples"][0]["limit"] == 32 * MIB
    churn, big, slow = ([command for command in entry["commands"] if mark in command] for mark in ("--churn", "--rate", "--read-rate"))
    assert len(churn) == 3 and len(big) == len(slow) == 1
    assert len({command[command.index("--key-prefix") + 1] for command in churn}) == 3
    assert sum(int(command[command.index("--connections") + 1]) for command in (churn[0], big[0], slow[0])) == 100
    assert entry["values"]["hit_ratio"] == 1.0 and entry["values"]["dropped_clients"] == 2 and "checked" not in entry["values"]
    text = capsys.readouterr().out
    assert "| quick: 100 | 4 | 32 | strata |" in text and "contents" not in text


def test_contents_are_verified_if_asked(short, capsys):
    assert run_comparisons(dataclasses.replace(short, verify=True), ["limit"]) == (["limit"], [])
    entry = stored(short).measurements[0]
    assert (entry["values"]["checked"], entry["values"]["wrong"]) == (300, 3)
    assert sum("verify" in command for command in entry["commands"]) == 3
    assert "replies checked" in capsys.readouterr().out


def test_error_replies_are_a_figure(short, monkeypatch):
    monkeypatch.setenv("FAKE_LOADTEST", "errors")
    assert run_comparisons(short, ["limit"]) == (["limit"], [])
    assert stored(short).measurements[0]["values"]["errors"] == 5 * 3


def test_a_generator_that_tells_nothing_fails(short, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_LOADTEST", "fail")
    assert run_comparisons(short, ["limit"]) == ([], ["limit"])
    assert "told nothing" in capsys.readouterr().err


def test_a_long_run_is_not_taken_for_one_that_hangs(short, monkeypatch):
    allowed = []
    real = generator.run_program

    def note_the_time(words, folder, timeout_s, well):
        allowed.append(timeout_s)
        return real(words, folder, timeout_s, well)
    monkeypatch.setattr(generator, "run_program", note_the_time)
    assert run_comparisons(dataclasses.replace(short, length_s=7200), ["limit"]) == (["limit"], [])
    assert len(allowed) == 5 and min(allowed) > 7200


def test_too_few_clients(short, capsys):
    assert run_comparisons(dataclasses.replace(short, clients=2), ["limit"]) == ([], ["limit"])
    assert "--clients 2: at least 3, one of each kind" in capsys.readouterr().err

"""Hit ratios on likenesses of production caches: how they are scaled, what is possible at best, and the whole of it."""

import dataclasses
import math

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import presets
from loadtest.book.popularity import best_hit_ratio, zipf_mass
from loadtest.book.recording import Recording
from loadtest.book.strict_json import Fields

MIB = 1 << 20


def preset(**changes):
    return Fields({"preset": "clusterX", "key_bytes": 20, "value_bytes": 80, "alpha": 1.0, "compulsory_miss_ratio": 0.0, "published_miss_ratio": 0.01,
                   "working_set_mb": 50, "mix": "get=1"} | changes, "here")


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.99, 1.0, 1.6])
@pytest.mark.parametrize("first", [1, 999, 1000, 200_000])
def test_the_mass_of_a_zipf_distribution(first, alpha):
    assert zipf_mass(first, alpha) == pytest.approx(math.fsum(rank ** -alpha for rank in range(1, first + 1)), rel=1e-6)


def test_the_best_hit_ratio_is_the_mass_of_what_fits():
    assert best_hit_ratio(preset(alpha=0.0), 1000, 300) == pytest.approx(0.3)
    assert best_hit_ratio(preset(alpha=1.0), 1000, 300) == pytest.approx(zipf_mass(300, 1.0) / zipf_mass(1000, 1.0))
    assert best_hit_ratio(preset(), 1000, 5000) == 1


@pytest.mark.parametrize("mix,share", [("get=1", 0.8), ("get=80,set=20", 1.0), ("get=90,add=10", 1 - 0.1 * 0.9 / 0.9 / 0.9)])
def test_new_keys_that_no_store_announces_miss(mix, share):
    """A fifth of the requests goes to new keys: stores first bring in as many as there are."""
    assert best_hit_ratio(preset(mix=mix, compulsory_miss_ratio=0.2), 1000, 1000) == pytest.approx(share)


def test_keys_are_scaled_to_the_footprint():
    one = presets.scaled(preset(), 10 * MIB, 1, 10_000_000)
    assert one.keys == 10 * MIB // 100 and one.requests == 2 * one.keys
    assert one.budget_bytes == int(0.3 * one.keys * 100)
    assert one.published_keys == 500_000
    assert one.best_hit_ratio == pytest.approx(zipf_mass(one.keys * 3 // 10, 1.0) / zipf_mass(one.keys, 1.0), rel=1e-3)
    assert presets.scaled(preset(), MIB, 50_000, 60_000).requests == 50_000
    assert presets.scaled(preset(), 10 * MIB, 50_000, 60_000).requests == 60_000


@pytest.mark.parametrize("miss_ratio,demand", [(0.0199, "> 90%"), (0.02, "-"), (0.4, "-")])
def test_high_hit_ratios_are_demanded_where_production_has_them(miss_ratio, demand):
    assert presets.scaled(preset(published_miss_ratio=miss_ratio), MIB, 1, 2).row["demand"] == demand


def test_the_whole_comparison(plan, strata_server, fake_loadtest, capsys):
    assert run_comparisons(dataclasses.replace(plan, servers=("strata",)), ["presets"]) == (["presets"], [])
    recording = Recording.read(plan.results / "presets.quick.json")
    compared = [entry for entry in recording.measurements if entry["row"]["phase"] == "compared"]
    assert {(entry["row"]["preset"], entry["row"]["demand"]) for entry in compared} == {("cluster24", "> 90%"), ("cluster29", "-")}
    fill, requests = compared[0]["commands"][1:]
    assert fill[fill.index("--distribution") + 1] == "sequential" and fill[fill.index("--requests") + 1] == fill[fill.index("--keys") + 1]
    assert "--look-aside" in requests
    assert int(requests[requests.index("--requests") + 1]) == 2 * int(requests[requests.index("--warm-requests") + 1])
    assert all(entry["values"]["hit_ratio"] == 0.5 for entry in compared)
    assert all(entry["excluded"] for entry in compared), "the fake load stores nothing, so no limit makes memory grow"
    assert "| quick: cluster24 | 0.87% | > 90% |" in capsys.readouterr().out

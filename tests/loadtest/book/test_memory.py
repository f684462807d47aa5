"""The memory comparison: its item counts, and the whole of it with a fake load generator."""

import dataclasses
import math

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import memory
from loadtest.book.recording import Recording


def test_the_counts_cut_a_doubling_into_equal_parts():
    counts = memory.item_counts(2_000_000)
    assert counts[0] == 2_000_000 and len(counts) == 5
    steps = [larger / smaller for larger, smaller in zip(counts, [*counts[1:], 1_000_000])]
    assert steps == pytest.approx([2 ** 0.2] * 5, rel=1e-5)


@pytest.mark.parametrize("place", [number / 50 for number in range(50)])
def test_a_step_of_the_index_is_not_hidden(place):
    """A table that doubles costs 8 B an item before a step and 16 B just behind it, wherever that lies."""
    counts = memory.item_counts(1_000_000)
    costs = [8 * 2 ** math.ceil(math.log2(items) - place) * 2 ** place / items for items in counts]
    assert max(costs) > 16 / 2 ** 0.2 - 0.01
    assert sum(costs) / 5 == pytest.approx(8 / math.log(2), rel=0.08)


def test_the_mean_over_the_counts():
    measurements = [
        {"row": {"data": "d", "items": items}, "subject": "strata", "round": number, "excluded": None,
         "values": {"data_bytes_per_item": 80, "bytes_per_item": 80 + cost + number, "overhead_bytes_per_item": cost + number, "rss": 1}}
        for items, cost in ((10, 20), (5, 30)) for number in (0, 1)]
    means = memory.mean_over_counts(measurements)
    assert [mean["values"]["overhead_bytes_per_item"] for mean in means] == [25, 26]
    assert means[0]["row"] == {"data": "d"} and means[0]["values"]["bytes_per_item"] == 105


@pytest.fixture
def one_dataset(monkeypatch):
    monkeypatch.setattr(memory, "DATASETS", memory.DATASETS[:1])
    monkeypatch.setattr(memory, "SERVERS", ("strata",))


def test_measuring(plan, strata_server, fake_loadtest, one_dataset, monkeypatch, capsys):
    readings = iter([1_000_000, 1_000_000 + 90 * 10_000] + [1_000_000, 1_000_000 + 100 * 5743])
    monkeypatch.setattr(memory, "settled_bytes", lambda read, longest_s: next(readings) if read() > 0 else 0)
    assert run_comparisons(plan, ["memory"]) == (["memory"], [])
    first, second = Recording.read(plan.results / "memory.quick.json").measurements
    assert first["row"] == {"data": "16 B key, 64 B value", "items": 10_000}
    assert first["values"] == {"rss_empty_bytes": 1_000_000, "rss_full_bytes": 1_900_000, "data_bytes_per_item": 80,
                               "bytes_per_item": 90, "overhead_bytes_per_item": 10}
    assert second["row"]["items"] == 5743 and second["values"]["overhead_bytes_per_item"] == 20
    assert "load" in first["commands"][1] and first["commands"][2][first["commands"][2].index("--mix") + 1] == "get=1"
    table = capsys.readouterr().out
    assert "| quick: 16 B key, 64 B value | strata | 80.0 | 95.0 | 15.0 |" in table
    assert "| quick: 16 B key, 64 B value | 10000 | strata | 1.0 | 1.8 | 90.0 | 10.0 |" in table


@pytest.mark.parametrize("changed,problem", [
    ({"items_on_server": 9_999}, "10000 keys were to be stored; 10000 were, and the server counts 9999"),
    ({"misses": 3, "hits": 9_997}, "of 10000 GETs of stored keys only 9997 found theirs"),
])
def test_what_is_missing_on_the_server_fails(plan, strata_server, fake_loadtest, one_dataset, capsys, changed, problem):
    text = fake_loadtest.read_text()
    for name, value in changed.items():
        before = {"items_on_server": '"items_on_server": keys', "misses": '"misses": 0', "hits": '"hits": requests'}[name]
        assert before in text
        text = text.replace(before, f'"{name}": {value}')
    fake_loadtest.write_text(text)
    assert run_comparisons(dataclasses.replace(plan), ["memory"])[1] == ["memory"]
    assert problem in capsys.readouterr().err

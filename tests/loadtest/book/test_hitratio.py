"""The comparison of hit ratios, with invented servers and an invented trace."""

from types import SimpleNamespace

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import equal_memory, hitratio
from loadtest.book.comparisons.worth import worth_rows
from loadtest.book.failure import BookError, CommandFailed, Unavailable
from loadtest.book.peers import Peer
from loadtest.book.recording import Recording
from loadtest.book.strict_json import Fields
from loadtest.book.traces import survey, trace_files

MIB = 1 << 20
KEYS, KEY_BYTES = 1000, 20


def replayed(unsized, recorded_bytes, path, words):
    """What the generator tells of a trace of 1000 keys, of which `unsized` have no size of their own."""
    value = int(words[words.index("--value-size") + 1])
    return Fields({"requests": 5000, "distinct_keys": KEYS, "footprint_bytes": KEYS * KEY_BYTES + recorded_bytes + unsized * value}, path)


@pytest.mark.parametrize("unsized,recorded,value_bytes", [(1000, 0, 268415), (0, 7_000_000, 1), (500, 7_000_000, 522830)])
def test_values_without_a_size_get_one(tmp_path, unsized, recorded, value_bytes):
    trace = survey(lambda path, *words: replayed(unsized, recorded, path, words), tmp_path / "web.trc.zst", 256 * MIB, [])
    assert trace.name == "web" and trace.keys == KEYS
    assert trace.value_bytes == value_bytes
    assert trace.sizes_recorded == (unsized == 0)
    assert trace.footprint_bytes == KEYS * KEY_BYTES + recorded + unsized * value_bytes
    if unsized:
        assert abs(trace.footprint_bytes - 256 * MIB) <= unsized


def test_a_survey_that_makes_no_sense(tmp_path):
    with pytest.raises(BookError, match="do not fit 1000 keys"):
        survey(lambda path, *words: replayed(5000, 0, path, words), tmp_path / "web.trc.zst", 256 * MIB, [])


def test_no_traces(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(Unavailable, match="STRATA_DATA has to name"):
            trace_files(folder)


class Model:
    """Servers whose growth and hit ratio follow from their limit. `served`: every (server, limit) in order."""

    GROWTH = {"strata": lambda limit: limit, "redis": lambda limit: 1.25 * limit, "memcached": lambda limit: max(limit, 900 * MIB)}

    def __init__(self):
        self.served = []

    def server(self, plan, peer, program, limit_bytes, policy):
        model = self

        class Server:
            pid, words = 1, ["start", peer.name, str(limit_bytes), policy]

            def __enter__(self):
                self.peer, self.readings = peer, iter([50 * MIB, 50 * MIB + int(model.GROWTH[peer.name](limit_bytes))])
                model.current = self
                self.limit = limit_bytes
                return self

            def __exit__(self, *_):
                model.served.append((peer.name, limit_bytes))
        return Server()

    def trace(self, server, path, *words):
        words = [str(word) for word in words]
        told = replayed(KEYS, 0, str(path), words).value
        if server.peer.name == "redis" and server.limit < 3 * MIB:
            raise CommandFailed(["trace"], "ended with 1", "OOM")
        told |= {"hit_ratio": server.limit / (1 << 30), "byte_hit_ratio": 0.5, "non_compulsory_misses": 9}
        return SimpleNamespace(fields=Fields({"trace": told}, "trace"), words=["trace", str(path), *words], for_the_record={})


@pytest.fixture
def model(plan, monkeypatch):
    made = Model()
    peers = {Peer(name, name, "resp2", b"", b"", None, None, lambda *_: ["lru"]): name for name in Model.GROWTH}
    monkeypatch.setattr(hitratio, "find_peers", lambda *_: peers)
    monkeypatch.setattr(hitratio, "Generator", lambda _: made)
    for module in (hitratio, equal_memory):
        monkeypatch.setattr(module, "ServerProcess", made.server)
    monkeypatch.setattr(equal_memory, "settled_bytes", lambda read, longest_s: next(made.current.readings))
    traces = plan.root / "data" / "traces"
    traces.mkdir(parents=True)
    (traces / "web.trc.zst").write_text("")
    monkeypatch.setenv("STRATA_DATA", str(plan.root / "data"))
    return made


def test_hit_ratios_are_compared_at_the_same_memory(plan, model, capsys):
    assert run_comparisons(plan, ["hitratio"]) == (["hitratio"], [])
    stored = Recording.read(plan.results / "hitratio.quick.json")
    assert stored.ours == "strata lru"
    budget = int(stored.parameters["traces"][0]["footprint_bytes"] * 0.1)

    def measured(subject, phase):
        return [measurement for measurement in stored.measurements if measurement["subject"] == subject
                and measurement["row"]["phase"] == phase and measurement["row"]["budget"] == "10%"]
    for subject, limit in (("strata lru", budget), ("redis lru", budget / 1.25)):
        as_set, compared = measured(subject, "as set"), measured(subject, "compared")
        assert as_set[0]["values"]["limit_bytes"] == pytest.approx(budget, abs=4096)
        assert compared[0]["values"]["limit_bytes"] == pytest.approx(limit, rel=0.03)
        assert compared[0]["values"]["growth_percent_of_budget"] == pytest.approx(100, abs=3)
        assert compared[0]["excluded"] is None
    never = measured("memcached lru", "compared")[0]
    assert never["excluded"].startswith("at its smallest limit, 1 MiB, it still grows by 900.0 MiB")
    output = capsys.readouterr().out
    assert "Not compared: web, 10%, 6.4, memcached lru: at its smallest limit" in output
    assert "strata lru/it (more is better)" in output
    assert "$STRATA_DATA/traces/web.trc.zst" in (plan.results / "hitratio.quick.json").read_text()
    assert str(plan.root) not in (plan.results / "hitratio.quick.json").read_text()


def test_growth_that_leaves_the_budget_in_the_rounds_is_not_compared(plan, model, monkeypatch):
    growth = Model.GROWTH["strata"]
    budget = round(64 * MIB * 0.1)

    def unsteady(limit):
        seen = sum(1 for name, _ in model.served if name == "strata")
        return growth(limit) * (1.5 if seen > 1 and abs(limit - budget) < 100_000 else 1)
    monkeypatch.setitem(Model.GROWTH, "strata", unsteady)
    run_comparisons(plan, ["hitratio"])
    stored = Recording.read(plan.results / "hitratio.quick.json")
    reasons = {measurement["excluded"] for measurement in stored.measurements
               if measurement["subject"] == "strata lru" and measurement["row"] == {"trace": "web", "budget": "10%", "budget_mib": 6.4,
                                                                                   "phase": "compared"}}
    assert len(reasons) == 1 and "it grew by 15" in reasons.pop()


def test_a_server_that_refuses_every_limit_fails(plan, model, monkeypatch, capsys):
    def refuse(server, path, *words):
        if server.limit != 64 * MIB:
            raise CommandFailed(["trace"], "ended with 1", "OOM")
        return Model.trace(model, server, path, *words)
    monkeypatch.setattr(model, "trace", refuse)
    assert run_comparisons(plan, ["hitratio"])[1] == ["hitratio"]
    assert "OOM" in capsys.readouterr().err


def test_a_refusal_in_a_round_excludes_that_server_alone(plan, model, monkeypatch, capsys):
    calls = []

    def refuse_after_the_search(server, path, *words):
        if server.peer.name == "strata" and server.limit < 7 * MIB:
            calls.append(server.limit)
            if calls.count(server.limit) == 2:  # the search has served this limit once
                raise CommandFailed(["trace"], "ended with 1", "SERVER_ERROR out of memory")
        return Model.trace(model, server, path, *words)
    monkeypatch.setattr(model, "trace", refuse_after_the_search)
    assert run_comparisons(plan, ["hitratio"]) == (["hitratio"], [])
    stored = Recording.read(plan.results / "hitratio.quick.json")
    compared = [measurement for measurement in stored.measurements
                if measurement["row"] == {"trace": "web", "budget": "10%", "budget_mib": 6.4, "phase": "compared"}]
    assert {measurement["excluded"] for measurement in compared if measurement["subject"] == "redis lru"} == {None}
    assert not [measurement for measurement in compared
                if measurement["subject"] == "strata lru" and measurement["excluded"] is None]
    assert "strata lru: it refused to store in a round: SERVER_ERROR out of memory" in capsys.readouterr().err


def test_without_traces_it_is_skipped(plan, monkeypatch, capsys):
    monkeypatch.setenv("STRATA_DATA", str(plan.root / "nowhere"))
    assert run_comparisons(plan, ["hitratio"]) == ([], [])
    assert "hitratio: skipped: there are no traces" in capsys.readouterr().err


# Worth -------------------------------------------------------------------------------------------------------------------


def missed(trace, subject, misses, budget="30%", budget_mib=76.8, excluded=None):
    """A measurement for each round."""
    return [{"row": {"trace": trace, "budget": budget, "budget_mib": budget_mib, "phase": "compared"}, "subject": subject, "round": number,
             "excluded": excluded, "values": {"non_compulsory_misses": count}} for number, count in enumerate(misses)]


def worth(measurements):
    return {(row["row"]["trace"], row["row"]["budget"], row["subject"], row["round"]): (row["row"]["best"], row["values"]["worth"])
            for row in worth_rows(measurements)}


def test_worth_is_told_against_the_better_peer_of_each_trace():
    measured = [*missed("web", "strata s3fifo", [80, 90]), *missed("web", "redis allkeys-lru", [100, 100]), *missed("web", "memcached", [200, 150]),
                *missed("cdn", "strata s3fifo", [50, 50]), *missed("cdn", "redis allkeys-lru", [100, 100]), *missed("cdn", "memcached", [40, 40])]
    told = worth(measured)
    assert told["web", "30%", "strata s3fifo", 0] == ("redis allkeys-lru", 0.8)
    assert told["web", "30%", "strata s3fifo", 1] == ("redis allkeys-lru", 0.9)
    assert told["cdn", "30%", "strata s3fifo", 0] == ("memcached", 1.25)
    assert told["geometric mean", "2 of 2", "strata s3fifo", 0][1] == pytest.approx((0.85 * 1.25) ** 0.5)
    assert told["worst: cdn", "30%", "strata s3fifo", 0][1] == 1.25


def test_worth_leaves_out_small_footprints_and_what_missed_its_budget():
    measured = [*missed("web", "strata sieve", [80]), *missed("web", "redis allkeys-lfu", [10], excluded="it grew too far"),
                *missed("web", "memcached", [100]), *missed("small", "strata sieve", [1], budget_mib=50), *missed("small", "memcached", [9], budget_mib=50),
                *missed("alone", "strata sieve", [1]), *missed("alone", "memcached", [1], excluded="it refused")]
    told = worth(measured)
    assert told["web", "30%", "strata sieve", 0] == ("memcached", 0.8)
    assert not [key for key in told if key[0] in ("small", "alone")]
    assert ("geometric mean", "1 of 2", "strata sieve", 0) in told, "it says that a place is missing"


def test_worth_of_nothing():
    assert worth_rows(missed("web", "redis allkeys-lru", [5])) == []

"""How long writes take when each has to make room: latency at an equal rate under steady eviction."""

import contextlib
from loadtest.book.comparisons.equal_rates import CLOSED, is_open, late_percent, measure_at_equal_rates
from loadtest.book.comparisons.latency import COMPARED, PERCENTILES
from loadtest.book.generator import Generator
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import MIB, Chart, Metric, Table, decimals, significant, whole
from loadtest.book.server_process import ServerProcess
from loadtest.book.server_statistics import ServerStatistics

TITLE = "Writes under steady eviction"
USUAL_ROUNDS = 7
SERVERS = ("strata", "redis", "memcached")
OVERCOMMIT = 1.2
MEAN_VALUE_BYTES = 272  # exp(5.2 + 0.9^2 / 2)


def _parameters(quick):
    limit_mib, key_bytes = (16 if quick else 256), 16
    keys = round(OVERCOMMIT * limit_mib * MIB / (key_bytes + MEAN_VALUE_BYTES))
    return {"limit_mib": limit_mib, "keys": keys, "key_bytes": key_bytes, "value_size": "lognormal:5.2:0.9", "loads": [0.5] if quick else [0.5, 0.8],
            "connections": 32, "arrivals": "poisson", "duration": "400ms" if quick else "10s", "warmup": "50ms" if quick else "1s"}


class _Measuring:
    def __init__(self, plan, recording):
        self.plan, self.recording = plan, recording
        self.generator = Generator(plan)
        self.given = recording.parameters = _parameters(plan.quick)
        self.found = find_peers(plan, SERVERS, recording.skip)
        recording.subjects = [peer.name for peer in self.found]
        # Not encoded ahead: a tape is shorter than the key space, and its keys alone would fit below the limit.
        self.key_options = ["--keys", self.given["keys"], "--key-size", self.given["key_bytes"], "--value-size", self.given["value_size"],
                            "--mix", "set=1", "--encode-ahead", "0b"]

    @contextlib.contextmanager
    def servers(self):
        """{peer name: server}, all up, each filled beyond its limit."""
        with contextlib.ExitStack() as stack:
            servers = {}
            for peer, program in self.found.items():
                policy = peer.policies(self.plan, program)[0]
                server = servers[peer.name] = stack.enter_context(
                    ServerProcess(self.plan, peer, program, self.given["limit_mib"] * MIB, policy))
                self.generator.run(server, *self.key_options, "--distribution", "sequential", "--requests", self.given["keys"],
                                   "--connections", 4, "--pipeline", 64)
            yield servers

    def run(self, row, peer, server, round_number, *options):
        given = self.given
        with ServerStatistics(server) as asking:
            before = asking.read().evicted
            told = self.generator.run(server, *self.key_options, "--distribution", "uniform", "--connections", given["connections"],
                                      "--duration", given["duration"], "--warmup", given["warmup"], *options)
            evicted = asking.read().evicted - before
        write = told.fields.object("operations").object("set")
        latency = write.object("latency_us")
        # The warm-up evicts too, and its writes are not counted.
        values = {"requests_per_s": told.fields.number("requests_per_s"), "evicted": evicted,
                  **{name: latency.number(name) for name in PERCENTILES}}
        if row["load"] != CLOSED:
            values["late_percent"] = late_percent(told)
        self.recording.add(row, peer.name, round_number, values, [self.plan.shown(server.words), self.plan.shown(told.words)],
                           told.for_the_record, None if evicted else "it evicted nothing")
        return values


def measure(plan, recording):
    measure_at_equal_rates("smoothness", _Measuring(plan, recording), USUAL_ROUNDS)


TABLES = (
    Table(
        f"{TITLE}, open loop",
        (("load", "load"), ("rate", "writes/s due")),
        (*(Metric(name, f"{title} us", significant, "less" if name in COMPARED else None) for name, title in PERCENTILES.items()),
         Metric("evicted", "evicted", whole), Metric("late_percent", "sent late %", decimals(2))),
        "SETs of random ones of {keys:,} keys of {key_bytes} B, values {value_size}; keys and values alone are 20 % more than the limit of "
        "{limit_mib} MiB that every server has, and each was filled with all of them before: writes evict all the time. One thread and one core for "
        "the server, another for the generator, {connections} connections. Writes are due at random (Poisson), at the same rates for all, "
        "and a write's time counts from when it was due. *Sent late*: more than 1 ms after that; many of them mean that the generator or "
        "the machine was in the way. *Evicted*: items, the warm-up included.",
        is_open),
    Table(
        "Closed loop peak under steady eviction, that the loads are taken from",
        (("load", "load"),),
        (Metric("requests_per_s", "writes/s", whole, "more"), Metric("evicted", "evicted", whole)),
        "The same writes and connections, each connection sending its next write when the last is answered.",
        lambda measurement: not is_open(measurement)),
)

CHARTS = (
    Chart("smoothness-p99_9", "99.9th percentile of a write under steady eviction, at the same load for all (less is better)", "us", "p99_9",
          lambda row: f"{row['load']} load", is_open),
)

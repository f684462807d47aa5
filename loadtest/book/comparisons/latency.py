"""How long requests take at a load that is the same for all servers and that none of them sets (open loop)."""

from loadtest.book.comparisons.equal_rates import CLOSED, is_open, late_percent, measure_at_equal_rates
from loadtest.book.comparisons.running_servers import running_servers
from loadtest.book.generator import Generator
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import Chart, Metric, Table, decimals, significant, whole

TITLE = "Latency"
USUAL_ROUNDS = 7
SERVERS = ("strata", "redis", "memcached")
PERCENTILES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99_9": "p99.9", "p99_99": "p99.99", "max": "max"}
COMPARED = ("p50", "p99", "p99_9")  # beyond them a run holds too few requests to tell servers apart


def _parameters(quick):
    return {"loads": [0.5, 0.9] if quick else [0.5, 0.7, 0.9], "keys": 10_000 if quick else 1_000_000, "key_bytes": 16,
            "value_bytes": 64, "distribution": "zipf:0.99", "mix": "get=90,set=10", "connections": 32, "arrivals": "poisson",
            "duration": "300ms" if quick else "5s", "warmup": "50ms" if quick else "500ms"}


class _Measuring:
    def __init__(self, plan, recording):
        self.plan, self.recording = plan, recording
        self.generator = Generator(plan)
        self.given = recording.parameters = _parameters(plan.quick)
        self.found = find_peers(plan, SERVERS, recording.skip)
        recording.subjects = [peer.name for peer in self.found]
        self.key_options = ["--key-size", self.given["key_bytes"], "--value-size", self.given["value_bytes"]]

    def servers(self):
        return running_servers(self.plan, self.generator, self.found, self.given["keys"], self.key_options)

    def run(self, row, peer, server, round_number, *options):
        given = self.given
        told = self.generator.run(server, "--keys", given["keys"], *self.key_options, "--mix", given["mix"], "--distribution",
                                  given["distribution"], "--connections", given["connections"], "--duration", given["duration"],
                                  "--warmup", given["warmup"], *options)
        latency = told.fields.object("latency_us")
        values = {"requests_per_s": told.fields.number("requests_per_s"), **{name: latency.number(name) for name in PERCENTILES}}
        if row["load"] != CLOSED:
            values["late_percent"] = late_percent(told)
        self.recording.add(row, peer.name, round_number, values, [self.plan.shown(server.words), self.plan.shown(told.words)],
                           told.for_the_record)
        return values


def measure(plan, recording):
    measure_at_equal_rates("latency", _Measuring(plan, recording), USUAL_ROUNDS)


TABLES = (
    Table(
        f"{TITLE}, open loop",
        (("load", "load"), ("rate", "requests/s due")),
        (*(Metric(name, f"{title} us", significant, "less" if name in COMPARED else None) for name, title in PERCENTILES.items()),
         Metric("late_percent", "sent late %", decimals(2))),
        "Nine GETs to one SET on {keys:,} keys ({distribution}) of {key_bytes} B with values of {value_bytes} B; one thread and "
        "one core for the server, another for the generator, {connections} connections. Requests are due at random (Poisson) at "
        "50, 70 and 90 % of what the slowest server reaches in a closed loop, the same rates for all, and a request's time "
        "counts from when it was due, whether or not it could be sent. *Sent late*: more than 1 ms after that; many of them "
        "mean that the generator or the machine was in the way.",
        is_open),
    Table(
        "Closed loop peak, without pipelining, that the loads are taken from",
        (("load", "load"),),
        (Metric("requests_per_s", "requests/s", whole, "more"),),
        "The same requests and connections, each connection sending its next request when the last is answered.",
        lambda measurement: not is_open(measurement)),
)

CHARTS = (
    Chart("latency-p99", "99th percentile of the latency at the same load for all (less is better)", "us", "p99",
          lambda row: f"{row['load']} load", is_open),
)

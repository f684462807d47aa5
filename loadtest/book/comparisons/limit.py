"""Whether a memory limit is one: charged and resident memory over time, under churn with drifting sizes, big values and slow readers."""

import math
import resource
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from loadtest.book.comparison import rotated
from loadtest.book.failure import BookError
from loadtest.book.generator import Generator
from loadtest.book.memory_sampler import MemorySampler
from loadtest.book.peers import find_peers
from loadtest.book.report.layout import MIB, Lines, Metric, Table, decimals, mebibytes, whole
from loadtest.book.server_process import ServerProcess

TITLE = "The limit under churn"
USUAL_ROUNDS = 1
OPTIONS = ("length_s", "clients", "verify")
SERVERS = ("strata", "redis", "memcached")
# What a load of a known length may take longer: its start, and the replies due at its end.
SLACK_S = 600
SETTLED_S = 1.0  # what is held before is not judged
KEY_BYTES = 24
SMALLEST_MEAN, LARGEST_MEAN, SIGMA = 96, 6144, 0.5
BIG_VALUES = "uniform:65536:1000000"  # memcached takes no more than 1 MiB
BIG_MEAN = (65_536 + 1_000_000) // 2


def _parameters(plan):
    quick = plan.quick
    limit_mib, generations = (32, 3) if quick else (256, 10)
    clients = plan.clients or (60 if quick else 1000)
    slow, big = max(1, clients // 20), max(1, clients // 100)
    if clients - slow - big < 1:
        raise BookError(f"limit: --clients {clients}: at least 3, one of each kind")
    return {"limit_mib": limit_mib, "length_s": plan.length_s or (4 if quick else 300), "generations": generations, "clients": clients,
            "churn_clients": clients - slow - big, "slow_clients": slow, "big_clients": big, "pipeline": 32, "slow_pipeline": 4,
            "read_rate": "256kb", "big_rate": 10 if quick else 40, "distribution": "zipf:0.8", "verify": plan.verify,
            "band_bytes": band_bytes(limit_mib * MIB), "means": generation_means(generations)}


def band_bytes(limit_bytes):
    """How far resident memory may be above the limit."""
    return max(limit_bytes // 50, 8 * MIB)


def generation_means(generations):
    """Mean value sizes, each the same factor above the one before: memory cut for one is of no use to the next."""
    factor = (LARGEST_MEAN / SMALLEST_MEAN) ** (1 / max(1, generations - 1))
    return [round(SMALLEST_MEAN * factor ** number) for number in range(generations)]


def measure(plan, recording):
    _allow_many_sockets()
    given = recording.parameters = _parameters(plan)
    found = find_peers(plan, SERVERS, recording.skip)
    recording.subjects = [peer.name for peer in found]
    for round_number in plan.rounds(USUAL_ROUNDS):
        for peer in rotated(list(found), round_number):
            plan.note(f"limit: round {round_number + 1}: {peer.name}, {given['length_s']} s")
            _Run(plan, given, peer, found[peer]).measure(recording, round_number)


def _allow_many_sockets():
    """For the servers and the generator too, which inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True)
class _Run:
    """One server under the whole load."""

    plan: object
    given: dict
    peer: object
    program: object

    def measure(self, recording, round_number):
        limit_bytes = self.given["limit_mib"] * MIB
        policy = self.peer.policies(self.plan, self.program)[0]
        generator = Generator(self.plan)
        with ServerProcess(self.plan, self.peer, self.program, limit_bytes, policy) as server:
            with MemorySampler(server) as sampler, ThreadPoolExecutor(3) as pool:
                loads = [pool.submit(load, generator, server) for load in (self.churn, self.big_values, self.slow_readers)]
            told = [one for load in loads for one in load.result()]
        row = {"clients": self.given["clients"], "seconds": self.given["length_s"], "limit_mib": self.given["limit_mib"]}
        values = memory_values(sampler.samples, limit_bytes) | load_values(told[:self.given["generations"]], told)
        recording.add(row, self.peer.name, round_number, values, [self.plan.shown(server.words), *(self.plan.shown(one.words) for one in told)],
                      {"policy": policy, "samples": sampler.samples, "loads": [one.for_the_record for one in told]})

    def churn(self, generator, server):
        """The generations, one after the other, each with keys of its own: what is left of the last one has to make room."""
        given = self.given
        told = []
        for number, mean in enumerate(given["means"]):
            # Twice what fits, were there no overhead.
            keys = max(given["churn_clients"], 2 * given["limit_mib"] * MIB // (KEY_BYTES + mean))
            options = ["--keys", keys, "--key-size", KEY_BYTES, "--key-prefix", f"g{number}:", "--value-size", _log_normal(mean),
                       "--distribution", given["distribution"], "--connections", given["churn_clients"], "--pipeline", given["pipeline"],
                       "--duration", f"{max(1, round(1000 * given['length_s'] / given['generations']))}ms", "--seed", number + 1]
            if given["verify"]:
                told.append(generator.attempt(["verify"], server, "--may-evict", "--mix", "get=50,set=45,del=5", *options,
                                              longest_s=self._longest_s))
            else:
                told.append(generator.attempt(["run"], server, "--mix", "get=50,set=50", "--churn", 0.01, *options,
                                              longest_s=self._longest_s))
        return told

    def big_values(self, generator, server):
        given = self.given
        return [generator.attempt(["run"], server, *self._big_keys(), "--mix", "set=1", "--connections", given["big_clients"],
                                  "--rate", given["big_rate"], "--duration", f"{given['length_s']}s", longest_s=self._longest_s)]

    def slow_readers(self, generator, server):
        given = self.given
        return [generator.attempt(["run"], server, *self._big_keys(), "--mix", "get=1", "--connections", given["slow_clients"],
                                  "--pipeline", given["slow_pipeline"], "--read-rate", given["read_rate"], "--may-drop",
                                  "--duration", f"{given['length_s']}s", longest_s=self._longest_s)]

    @property
    def _longest_s(self):
        return self.given["length_s"] + SLACK_S

    def _big_keys(self):
        """An eighth of the limit."""
        keys = max(4, self.given["limit_mib"] * MIB // 8 // BIG_MEAN)
        return ["--keys", keys, "--key-size", KEY_BYTES, "--key-prefix", "big:", "--value-size", BIG_VALUES]


def _log_normal(mean):
    """exp(mu + sigma^2 / 2) is the mean; mu is told in steps of a thousandth."""
    return f"lognormal:{math.log(mean) - SIGMA ** 2 / 2:.3f}:{SIGMA}"


def memory_values(samples, limit_bytes):
    """What the samples after the first second say."""
    judged = [sample for sample in samples if sample["second"] >= SETTLED_S]
    if not judged:
        raise BookError(f"limit: {len(samples)} samples, and none after the first {SETTLED_S:.0f} s: too short a run")
    over = [max(0, sample["held"] - limit_bytes) for sample in judged]
    outside = sum(excess > band_bytes(limit_bytes) for excess in over)
    return {"limit_bytes": limit_bytes, "overshoot_max_bytes": max(over), "overshoot_mean_bytes": statistics.fmean(over),
            "outside_band_percent": 100 * outside / len(over), "held_max_bytes": max(sample["held"] for sample in judged),
            "rss_max_bytes": max(sample["rss"] for sample in judged), "charged_max_bytes": max(sample["charged"] for sample in judged),
            "evicted": samples[-1]["evicted"], "samples": len(judged)}


def load_values(churn, everything):
    """`churn`: what was told of the generations; `everything`: of them and the other loads."""
    gets = [told.fields.object("operations").object("get") for told in churn]
    hits, misses = (sum(get.count(name) for get in gets) for name in ("hits", "misses"))
    requests = sum(told.fields.count("requests") for told in churn)
    values = {"hit_ratio": hits / max(1, hits + misses), "requests_per_s": requests / sum(told.fields.number("duration_s") for told in churn),
              "errors": sum(told.fields.count("error_count") for told in everything),
              "dropped_clients": sum(told.fields.count("dropped_connections") for told in everything if "dropped_connections" in told.fields.value)}
    verified = [told.fields.object("verify") for told in churn if "verify" in told.fields.value]
    if verified:
        values["checked"] = sum(one.count("checked") for one in verified)
        values["wrong"] = sum(one.count(name) for one in verified for name in ("wrong", "stale", "lost"))
    return values


_LABELS = (("clients", "clients"), ("seconds", "seconds"), ("limit_mib", "limit MiB"))

TABLES = (
    Table(
        TITLE,
        _LABELS,
        (Metric("overshoot_max_bytes", "most above the limit, MiB", mebibytes), Metric("overshoot_mean_bytes", "mean above it, MiB", mebibytes),
         Metric("outside_band_percent", "seconds outside the band %", decimals(1)), Metric("held_max_bytes", "most resident MiB", mebibytes),
         Metric("rss_max_bytes", "most RSS MiB", mebibytes), Metric("charged_max_bytes", "most charged MiB", mebibytes)),
        "Every server has the same limit, {limit_mib} MiB, its own eviction among all keys, one thread and one core. {clients:,} clients: "
        "{churn_clients:,} read and write (half and half, {pipeline} requests at a time, {distribution}) in {generations} generations of equal "
        "length, whose values have means of {means} B (log-normal) and whose keys are new; {big_clients} write values of 64 KB to 1 MB, "
        "{big_rate} a second; {slow_clients} ask for {slow_pipeline} of these big values at a time and read {read_rate} a second each. Once a "
        "second the server is asked what it charges to its limit, and the kernel what it has resident: anonymous pages, pages of files in "
        "memory, page tables; RSS also has program text. Judged from one second after the beginning; the band is the larger of 2 % and 8 MiB."),
    Table(
        f"{TITLE}: service",
        _LABELS,
        (Metric("hit_ratio", "hit ratio", decimals(4)), Metric("requests_per_s", "requests/s", whole), Metric("evicted", "evicted", whole),
         Metric("errors", "errors", whole), Metric("dropped_clients", "clients dropped", whole)),
        "In the same runs. Hit ratio and requests are those of the generations; errors are error replies and requests without a reply of all "
        "clients; a slow reader that the server drops comes again."),
    Table(
        f"{TITLE}: contents",
        _LABELS,
        (Metric("checked", "replies checked", whole), Metric("wrong", "wrong, stale or lost", whole)),
        "In runs with --verify the generations are written by `strata-loadtest verify`, which knows what each reply has to be; a value that is "
        "gone may have been evicted.",
        lambda measurement: "checked" in measurement["values"]),
)

CHARTS = (
    Lines("limit", "Limit, charged and resident memory under churn with drifting value sizes", ("seconds", "MiB"),
          (("held", "resident"), ("limit", "limit"), ("charged", "charged by the server")), scale=MIB),
)

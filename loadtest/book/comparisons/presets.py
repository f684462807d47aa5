"""Hit ratios on synthetic likenesses of production caches, at the same resident memory."""

from dataclasses import dataclass

from loadtest.book.comparisons.equal_memory import COMPARED, MEMORY_METRICS, EqualMemory, Served, Subject, in_phase
from loadtest.book.generator import Generator
from loadtest.book.peers import STRATA, find_peers
from loadtest.book.popularity import best_hit_ratio
from loadtest.book.program import run_program
from loadtest.book.report.layout import MIB, Chart, Metric, Table, decimals, mebibytes, whole
from loadtest.book.strict_json import Fields, parse_json

TITLE = "Hit ratio on likenesses of production caches"
USUAL_ROUNDS = 3
OPTIONS = ("join",)  # hit ratios do not depend on when they are measured
SERVERS = ("strata", "redis", "memcached")
SHARE = 0.3
LOW_MISS_RATIO, DEMANDED_HIT_RATIO = 0.02, 0.9
CONNECTIONS, PIPELINE = 8, 16


@dataclass(frozen=True)
class Scaled:
    """A preset with as many keys as take the footprint."""

    preset: Fields
    keys: int
    requests: int  # counted, after as many that only warm the cache
    budget_bytes: int

    @property
    def row(self):
        published = self.preset.number("published_miss_ratio")
        return {"preset": self.preset.text("preset"), "published": f"{published:.2%}",
                "demand": f"> {DEMANDED_HIT_RATIO:.0%}" if published < LOW_MISS_RATIO else "-"}

    @property
    def published_keys(self):
        """Of the working set in production, times to live respected; 0 where that is less than a megabyte."""
        return self.preset.count("working_set_mb") * 1_000_000 // item_bytes(self.preset)

    @property
    def best_hit_ratio(self):
        """What a cache could reach that knows how popular each key is."""
        fits = self.budget_bytes // item_bytes(self.preset)
        return best_hit_ratio(self.preset, self.keys, fits)


def item_bytes(preset):
    return preset.count("key_bytes") + preset.count("value_bytes")


def scaled(preset, footprint_bytes, fewest_requests, most_requests):
    keys = max(1, footprint_bytes // item_bytes(preset))
    return Scaled(preset, keys, min(max(2 * keys, fewest_requests), most_requests), int(SHARE * keys * item_bytes(preset)))


def read_presets(plan):
    output, _ = run_program([plan.relative(plan.program("strata-loadtest")), "presets"], plan.root)
    return [Fields(entry, "strata-loadtest presets") for entry in parse_json(output, "strata-loadtest presets")]


def measure(plan, recording):
    generator = Generator(plan)
    found = find_peers(plan, SERVERS, recording.skip)
    subjects = [Subject(peer, program, policy) for peer, program in found.items() for policy in _policies(plan, peer, program)]
    recording.subjects = [subject.name for subject in subjects]
    recording.ours = next((subject.name for subject in subjects if subject.peer.name == STRATA), STRATA)
    footprint_mib, fewest, most = (24, 20_000, 40_000) if plan.quick else (256, 1_000_000, 3_000_000)
    presets = [scaled(preset, footprint_mib * MIB, fewest, most) for preset in read_presets(plan)]
    if plan.quick:
        presets = [one for one in presets if one.preset.text("preset") in ("cluster24", "cluster29")]
    recording.parameters = {"footprint_mib": footprint_mib, "share": f"{SHARE:.0%}", "connections": CONNECTIONS, "pipeline": PIPELINE,
                            "presets": [one.preset.value | {"keys": one.keys, "requests": one.requests} for one in presets]}
    equal = EqualMemory(plan, recording, subjects, plan.rounds(USUAL_ROUNDS), "presets")
    for one in presets:
        plan.note(f"presets: {one.preset.text('preset')}")
        equal.measure(one.row, one.budget_bytes, lambda server, one=one: _serve(generator, server, one))


def _policies(plan, peer, program):
    """Of ours the one that a user gets, of peers all."""
    policies = peer.policies(plan, program)
    return policies[:1] if peer.name == STRATA else policies


def _serve(generator, server, one):
    """Every key once, so that the memory is full whatever is asked for; then requests after the preset."""
    options = ["--preset", one.preset.text("preset"), "--keys", one.keys]
    filled = generator.run(server, *options, "--mix", "set=1", "--distribution", "sequential", "--churn", 0, "--one-hit-wonders", 0,
                           "--encode-ahead", "0b", "--requests", one.keys, "--connections", 1, "--pipeline", 64)
    told = generator.run(server, *options, "--look-aside", "--requests", 2 * one.requests, "--warm-requests", one.requests,
                         "--connections", CONNECTIONS, "--pipeline", PIPELINE)
    counted = told.fields.object("look_aside")
    values = {"hit_ratio": counted.number("hit_ratio"), "gets": counted.count("requests"), "keys": one.keys,
              "published_keys": one.published_keys, "best_hit_ratio": one.best_hit_ratio}
    return Served(values, [filled.words, told.words], told.for_the_record)


_LABELS = (("preset", "preset"), ("published", "published miss ratio"), ("demand", "demanded"))

TABLES = (
    Table(
        f"{TITLE}, at the same resident memory",
        _LABELS,
        (*MEMORY_METRICS, Metric("rss_full_bytes", "RSS MiB", mebibytes), Metric("keys", "keys", whole),
         Metric("published_keys", "keys in production", whole), Metric("best_hit_ratio", "best possible", decimals(4)),
         Metric("hit_ratio", "hit ratio", decimals(4), "more")),
        "Synthetic: made from the statistics that Twitter published of 54 caches (March 2020), not from their requests. Sizes of keys, mean size of "
        "values, Zipf's exponent, operations, times to live and the share of new keys are those published; the spread of sizes (log-normal) is "
        "ours, keys are independent of each other, and their number is scaled so that all of them take {footprint_mib} MiB (keys in production: "
        "what the published working set holds; 0: it is below 1 MB or was not told). Every key is stored once, then requests come over "
        "{connections} connections, a SET after each GET that missed; the first half of them only warms the cache. Hit ratio is that of the GETs of the second "
        "half. "
        "Each server gets the limit at which its resident memory has grown, within 3 %, by {share} of the footprint over that of the empty server. "
        "*Best possible*: what a cache reaches that keeps the most popular keys from the beginning and has no overhead. "
        "More than 90 % is demanded where the published miss ratio is below 2 %; in production part of it comes from reading soon what was just "
        "written, which a synthetic likeness does not have.",
        in_phase(COMPARED)),
)

CHARTS = (
    Chart("presets", "Hit ratio on likenesses of production caches, resident memory of 30 % of the footprint (more is better)",
          "share of the GETs", "hit_ratio", lambda row: row["preset"],
          lambda measurement: in_phase(COMPARED)(measurement) and measurement["excluded"] is None),
)

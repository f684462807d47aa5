"""How well the memory is used: hit ratios on recorded traces, at the same resident memory."""

from loadtest.book.comparisons.equal_memory import AS_SET, COMPARED, MEMORY_METRICS, TOLERANCE, EqualMemory, Served, Subject, in_phase
from loadtest.book.comparisons.worth import worth_rows
from loadtest.book.generator import Generator
from loadtest.book.peers import STRATA, find_peers
from loadtest.book.report.layout import MIB, Chart, Metric, Table, decimals, mebibytes, whole
from loadtest.book.server_process import ServerProcess
from loadtest.book.traces import survey, trace_files

TITLE = "Hit ratio"
USUAL_ROUNDS = 3
OPTIONS = ("join",)  # hit ratios do not depend on when they are measured
SERVERS = ("strata", "redis", "memcached")
BUDGETS = (0.1, 0.3)


def measure(plan, recording):
    files = trace_files(plan.data / "traces")
    if plan.quick:
        files = sorted(files, key=lambda path: path.stat().st_size)[:2]
    measuring = _Measuring(plan, recording)
    footprint_bytes = (64 if plan.quick else 256) * MIB
    recording.parameters = {"footprint_without_sizes_mib": footprint_bytes // MIB, "budgets": BUDGETS, "tolerance": TOLERANCE,
                            "traces": []}
    for path in files:
        plan.note(f"hitratio: {path.name}")
        trace = measuring.survey(path, footprint_bytes)
        recording.parameters["traces"].append(vars(trace) | {"path": plan.shown([path])[0]})
        for share in BUDGETS:
            measuring.measure_budget(trace, share)


class _Measuring:
    def __init__(self, plan, recording):
        self.plan = plan
        self.generator = Generator(plan)
        found = find_peers(plan, SERVERS, recording.skip)
        self.subjects = [Subject(peer, program, policy)
                         for peer, program in found.items() for policy in peer.policies(plan, program)]
        recording.subjects = [subject.name for subject in self.subjects]
        recording.ours = next((subject.name for subject in self.subjects if subject.peer.name == STRATA), STRATA)
        self.equal = EqualMemory(plan, recording, self.subjects, plan.rounds(USUAL_ROUNDS), "hitratio")
        self.limit = ["--requests", 5000] if plan.quick else []

    def survey(self, path, footprint_bytes):
        subject = self.subjects[0]
        with ServerProcess(self.plan, subject.peer, subject.program, 64 * MIB, subject.policy) as server:
            def replay(*words):
                return self.generator.trace(server, *words).fields.object("trace")
            return survey(replay, path, footprint_bytes, self.limit)

    def measure_budget(self, trace, share):
        budget_bytes = int(trace.footprint_bytes * share)
        row = {"trace": trace.name, "budget": f"{share:.0%}", "budget_mib": round(budget_bytes / MIB, 1)}

        def load(server):
            told = self.generator.trace(server, trace.path, *self.limit, *trace.options)
            counted = told.fields.object("trace")
            return Served({name: counted.number(name) for name in ("hit_ratio", "byte_hit_ratio", "non_compulsory_misses")}, [told.words],
                          told.for_the_record)
        self.equal.measure(row, budget_bytes, load)


_LABELS = (("trace", "trace"), ("budget", "budget"), ("budget_mib", "MiB"))

TABLES = (
    Table(
        f"{TITLE} at the same resident memory",
        _LABELS,
        (*MEMORY_METRICS, Metric("rss_full_bytes", "RSS MiB", mebibytes), Metric("hit_ratio", "hit ratio", decimals(4), "more"),
         Metric("byte_hit_ratio", "of bytes", decimals(4), "more"), Metric("non_compulsory_misses", "non-compulsory misses", whole, "less")),
        "Replayed as a look-aside cache: GET, and SET after a miss; one connection, 16 requests at a time, in the order of the "
        "trace. Keys have 20 B. Where a trace has no sizes, all its values get that one size with which everything it asks for "
        "takes {footprint_without_sizes_mib} MiB; recorded sizes are kept. A budget is a share of this footprint. Servers count "
        "differently what belongs to their limit, so each gets the limit (found by secant steps) at which its resident memory "
        "has grown by the budget, within 3 %, over that of the empty server; where it can not be met, nothing is compared and "
        "the reason is given.",
        in_phase(COMPARED)),
    Table(
        f"{TITLE}: what memory is worth",
        (("trace", "trace"), ("budget", "budget"), ("best", "best peer"), ("peers", "peers compared")),
        (Metric("worth", "misses / those of the best peer", decimals(3)),),
        "From the table above: misses that are not the first access to a key, over those of the best of the peers that held the budget (redis-server "
        "with allkeys-lru and with allkeys-lfu, memcached), in the same round. Traces with a footprint of at least 200 MB: those without sizes "
        "have {footprint_without_sizes_mib} MiB by the choice of their one value size, the others what was recorded; no trace is shortened or "
        "repeated. Mean and worst are of the medians; the mean says of how many places (trace and budget) it is.",
        in_phase(COMPARED),
        worth_rows),
    Table(
        f"{TITLE} with the limit set to the budget",
        _LABELS,
        (*MEMORY_METRICS, Metric("hit_ratio", "hit ratio", decimals(4))),
        "What a user gets who sets the limit to the budget. Not compared: the resident memory differs.",
        in_phase(AS_SET)),
)

CHARTS = tuple(
    Chart(f"hitratio-{share:.0%}".rstrip("%"), f"Hit ratio at resident memory of {share:.0%} of the footprint (more is better)",
          "share of the requests", "hit_ratio", lambda row: row["trace"],
          lambda measurement, share=share: in_phase(COMPARED)(measurement) and measurement["row"]["budget"] == f"{share:.0%}"
          and measurement["excluded"] is None)
    for share in BUDGETS)

"""How well the memory is used: hit ratios on recorded traces, at the same resident memory."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from loadtest.book.comparison import rotated
from loadtest.book.failure import CommandFailed
from loadtest.book.generator import Generator
from loadtest.book.limit_search import find_limit, within
from loadtest.book.peers import STRATA, Peer, find_peers
from loadtest.book.report.layout import Chart, Metric, Table, decimals, mebibytes, whole
from loadtest.book.resident_memory import resident_bytes, settled_bytes
from loadtest.book.server_process import ServerProcess
from loadtest.book.traces import survey, trace_files

TITLE = "Hit ratio"
USUAL_ROUNDS = 3
SERVERS = ("strata", "redis", "memcached")
MIB = 1 << 20
BUDGETS = (0.1, 0.3)
TOLERANCE = 0.03
SEARCH_TOLERANCE = 0.02  # what is just within the tolerance once may be outside in the next round
AS_SET, SEARCH, COMPARED = "as set", "search", "compared"


@dataclass(frozen=True)
class Subject:
    peer: Peer
    program: Path
    policy: str

    @property
    def name(self):
        return f"{self.peer.name} {self.policy}"


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
        self.plan, self.recording = plan, recording
        self.generator = Generator(plan)
        found = find_peers(plan, SERVERS, recording.skip)
        self.subjects = [Subject(peer, program, policy)
                         for peer, program in found.items() for policy in peer.policies(plan, program)]
        recording.subjects = [subject.name for subject in self.subjects]
        recording.ours = next((subject.name for subject in self.subjects if subject.peer.name == STRATA), STRATA)
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
        searches = {subject: self._search(trace, subject, row, budget_bytes) for subject in self.subjects}
        growths = {subject: [] for subject in self.subjects}
        for round_number in self.plan.rounds(USUAL_ROUNDS):
            for subject in rotated(self.subjects, round_number):
                search = searches[subject]
                try:
                    values = self._replay(trace, subject, search.best[0], budget_bytes, row | {"phase": COMPARED}, round_number,
                                          search.problem)
                except CommandFailed as refusal:
                    # It held by luck while the limit was searched for. The others are worth measuring all the same.
                    search.problem = f"it refused to store in a round: {_last_line(refusal)}"
                    self.plan.note(f"hitratio: {subject.name}: {search.problem}")
                    continue
                growths[subject].append(values["rss_growth_bytes"])
        for subject, figures in growths.items():
            if searches[subject].problem is not None:
                self._exclude(row, subject, searches[subject].problem)
            elif not within(statistics.median(figures), budget_bytes, TOLERANCE):
                growth = statistics.median(figures)
                self._exclude(row, subject, f"it grew by {growth / budget_bytes:.1%} of the budget in the rounds")

    def _search(self, trace, subject, row, budget_bytes):
        refusals = []

        def growth_at(limit_bytes):
            number = len(refusals) + len(measured)
            phase = row | {"phase": SEARCH if number else AS_SET}
            try:
                values = self._replay(trace, subject, limit_bytes, budget_bytes, phase, number)
            except CommandFailed as refusal:
                # A limit may be too small to work at all. The server is still there, or the error would be another.
                self.plan.note(f"hitratio: {subject.name} refuses to work with {limit_bytes / MIB:.1f} MiB: {_last_line(refusal)}")
                refusals.append(refusal)
                return None
            measured.append(values)
            return values["rss_growth_bytes"]

        measured = []
        search = find_limit(growth_at, budget_bytes, subject.peer.smallest_limit_bytes, subject.peer.limit_step_bytes,
                            SEARCH_TOLERANCE, most_points=4 if self.plan.quick else 6)
        if search.best is None:
            raise refusals[-1]
        if within(search.best[1], budget_bytes, TOLERANCE):
            search.problem = None
        return search

    def _replay(self, trace, subject, limit_bytes, budget_bytes, row, round_number, excluded=None):
        longest_s = 0.4 if self.plan.quick else 15.0
        with ServerProcess(self.plan, subject.peer, subject.program, limit_bytes, subject.policy) as server:
            def rss():
                return settled_bytes(lambda: resident_bytes(server.pid), longest_s=longest_s)
            empty = rss()
            told = self.generator.trace(server, trace.path, *self.limit, *trace.options)
            full = rss()
        counted = told.fields.object("trace")
        values = {"limit_bytes": limit_bytes, "rss_empty_bytes": empty, "rss_full_bytes": full, "rss_growth_bytes": full - empty,
                  "growth_percent_of_budget": 100 * (full - empty) / budget_bytes, "hit_ratio": counted.number("hit_ratio"),
                  "byte_hit_ratio": counted.number("byte_hit_ratio"), "non_compulsory_misses": counted.count("non_compulsory_misses")}
        self.recording.add(row, subject.name, round_number, values, [self.plan.shown(server.words), self.plan.shown(told.words)],
                           told.for_the_record, excluded)
        return values

    def _exclude(self, row, subject, reason):
        for measurement in self.recording.measurements:
            if measurement["row"] == row | {"phase": COMPARED} and measurement["subject"] == subject.name:
                measurement["excluded"] = reason


def _last_line(failure):
    return str(failure).splitlines()[-1]


def _phase(name):
    return lambda measurement: measurement["row"]["phase"] == name


_LABELS = (("trace", "trace"), ("budget", "budget"), ("budget_mib", "MiB"))
_FIGURES = (Metric("limit_bytes", "limit MiB", mebibytes), Metric("rss_growth_bytes", "RSS growth MiB", mebibytes),
            Metric("growth_percent_of_budget", "% of budget", decimals(1)))

TABLES = (
    Table(
        f"{TITLE} at the same resident memory",
        _LABELS,
        (*_FIGURES, Metric("hit_ratio", "hit ratio", decimals(4), "more"), Metric("byte_hit_ratio", "of bytes", decimals(4), "more"),
         Metric("non_compulsory_misses", "non-compulsory misses", whole, "less")),
        "Replayed as a look-aside cache: GET, and SET after a miss; one connection, 16 requests at a time, in the order of the "
        "trace. Keys have 20 B. Where a trace has no sizes, all its values get that one size with which everything it asks for "
        "takes {footprint_without_sizes_mib} MiB; recorded sizes are kept. A budget is a share of this footprint. Servers count "
        "differently what belongs to their limit, so each gets the limit (found by secant steps) at which its resident memory "
        "has grown by the budget, within 3 %, over that of the empty server; where it can not be met, nothing is compared and "
        "the reason is given.",
        _phase(COMPARED)),
    Table(
        f"{TITLE} with the limit set to the budget",
        _LABELS,
        (*_FIGURES, Metric("hit_ratio", "hit ratio", decimals(4))),
        "What a user gets who sets the limit to the budget. Not compared: the resident memory differs.",
        _phase(AS_SET)),
)

CHARTS = tuple(
    Chart(f"hitratio-{share:.0%}".rstrip("%"), f"Hit ratio at resident memory of {share:.0%} of the footprint (more is better)",
          "share of the requests", "hit_ratio", lambda row: row["trace"],
          lambda measurement, share=share: _phase(COMPARED)(measurement) and measurement["row"]["budget"] == f"{share:.0%}"
          and measurement["excluded"] is None)
    for share in BUDGETS)

"""Measures servers at the same resident memory: finds each one's limit for a budget, then measures all by turns with the limits found.

A server's limit is varied (loadtest/book/limit_search.py) until its resident memory, as the kernel counts it after the whole load, has
grown by the budget over that of the same server empty.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from loadtest.book.comparison import rotated
from loadtest.book.failure import CommandFailed
from loadtest.book.limit_search import MIB, find_limit, within
from loadtest.book.peers import Peer
from loadtest.book.report.layout import Metric, decimals, mebibytes
from loadtest.book.resident_memory import resident_bytes, settled_bytes
from loadtest.book.server_process import ServerProcess

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


@dataclass(frozen=True)
class Served:
    """What a load told: its figures, its commands, and its output for the record."""

    values: dict
    words: list
    output: dict


@dataclass(frozen=True)
class EqualMemory:
    """`rounds`: range of those that are compared. `name`: of the comparison, for notes."""

    plan: object
    recording: object
    subjects: list
    rounds: range
    name: str

    def measure(self, row, budget_bytes, load: Callable):
        """`load`: called with a started, empty server; serves it everything and returns Served. Every measurement is recorded under
        `row` and the phase it belongs to. A subject that can not be measured at the budget is excluded, with the reason."""
        searches = {subject: self._search(subject, row, budget_bytes, load) for subject in self.subjects}
        growths = {subject: [] for subject in self.subjects}
        for round_number in self.rounds:
            for subject in rotated(self.subjects, round_number):
                search = searches[subject]
                try:
                    values = self._serve(subject, search.best[0], budget_bytes, row | {"phase": COMPARED}, round_number, load,
                                         search.problem)
                except CommandFailed as refusal:
                    # It held by luck while the limit was searched for. The others are worth measuring all the same.
                    search.problem = f"it refused to store in a round: {_last_line(refusal)}"
                    self.plan.note(f"{self.name}: {subject.name}: {search.problem}")
                    continue
                growths[subject].append(values["rss_growth_bytes"])
        for subject, figures in growths.items():
            if searches[subject].problem is not None:
                self._exclude(row, subject, searches[subject].problem)
            elif not within(statistics.median(figures), budget_bytes, TOLERANCE):
                growth = statistics.median(figures)
                self._exclude(row, subject, f"it grew by {growth / budget_bytes:.1%} of the budget in the rounds")

    def _search(self, subject, row, budget_bytes, load):
        refusals = []

        def growth_at(limit_bytes):
            number = len(refusals) + len(measured)
            phase = row | {"phase": SEARCH if number else AS_SET}
            try:
                values = self._serve(subject, limit_bytes, budget_bytes, phase, number, load)
            except CommandFailed as refusal:
                # A limit may be too small to work at all. The server is still there, or the error would be another.
                self.plan.note(f"{self.name}: {subject.name} refuses to work with {limit_bytes / MIB:.1f} MiB: {_last_line(refusal)}")
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

    def _serve(self, subject, limit_bytes, budget_bytes, row, round_number, load, excluded=None):
        longest_s = 0.4 if self.plan.quick else 15.0
        with ServerProcess(self.plan, subject.peer, subject.program, limit_bytes, subject.policy) as server:
            def rss():
                return settled_bytes(lambda: resident_bytes(server.pid), longest_s=longest_s)
            empty = rss()
            served = load(server)
            full = rss()
        values = {"limit_bytes": limit_bytes, "rss_empty_bytes": empty, "rss_full_bytes": full, "rss_growth_bytes": full - empty,
                  "growth_percent_of_budget": 100 * (full - empty) / budget_bytes, **served.values}
        self.recording.add(row, subject.name, round_number, values, [self.plan.shown(words) for words in (server.words, *served.words)],
                           served.output, excluded)
        return values

    def _exclude(self, row, subject, reason):
        for measurement in self.recording.measurements:
            if measurement["row"] == row | {"phase": COMPARED} and measurement["subject"] == subject.name:
                measurement["excluded"] = reason


def _last_line(failure):
    return str(failure).splitlines()[-1]


def in_phase(name):
    return lambda measurement: measurement["row"]["phase"] == name


MEMORY_METRICS = (Metric("limit_bytes", "limit MiB", mebibytes), Metric("rss_growth_bytes", "RSS growth MiB", mebibytes),
                  Metric("growth_percent_of_budget", "% of budget", decimals(1)))

"""Rounds at the same offered rate for all servers: shares of the peak that the slowest of them reaches in a closed loop."""

import statistics

from loadtest.book.comparison import rotated

CLOSED = "closed loop"
PEAK_ROUNDS = 3


def is_open(measurement):
    return measurement["row"]["load"] != CLOSED


def late_percent(told):
    """Of the requests of an open loop, those that were sent more than 1 ms after they were due."""
    return 100 * told.fields.object("open_loop").count("late_sends") / max(1, told.fields.count("requests"))


def _slowest_peak(name, measuring, rounds):
    peaks = {peer.name: [] for peer in measuring.found}
    for round_number in rounds:
        measuring.plan.note(f"{name}: peak, round {round_number + 1}")
        with measuring.servers() as servers:
            for peer in rotated(list(measuring.found), round_number):
                values = measuring.run({"load": CLOSED}, peer, servers[peer.name], round_number)
                peaks[peer.name].append(values["requests_per_s"])
    return min(statistics.median(figures) for figures in peaks.values())


def measure_at_equal_rates(name, measuring, usual_rounds):
    """`measuring` has plan, recording, found, given["loads"] and ["arrivals"], servers() and run(row, peer, server, round, *options)."""
    rounds = measuring.plan.rounds(usual_rounds)
    peak = _slowest_peak(name, measuring, rounds[:PEAK_ROUNDS])
    measuring.recording.parameters["slowest_peak_requests_per_s"] = peak
    for round_number in rounds:
        measuring.plan.note(f"{name}: round {round_number + 1}")
        with measuring.servers() as servers:
            for number, load in enumerate(measuring.given["loads"]):
                rate = max(1, round(peak * load))
                for peer in rotated(list(measuring.found), round_number + number):
                    measuring.run({"load": f"{load:.0%}", "rate": rate}, peer, servers[peer.name], round_number,
                                  "--rate", rate, "--arrivals", measuring.given["arrivals"])

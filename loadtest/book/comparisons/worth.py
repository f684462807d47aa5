"""What memory is worth to each server: one figure for a trace, and one for all, from the hit ratios at the same resident memory."""

from statistics import geometric_mean, median

OURS = "strata "  # what the names of our subjects begin with
SMALLEST_FOOTPRINT_BYTES = 200_000_000


def footprint_bytes(row):
    """Of the trace, from its budget: a share of it."""
    return row["budget_mib"] * (1 << 20) / (int(row["budget"].rstrip("%")) / 100)


def worth_rows(measurements):
    """For each trace, budget and policy of ours: misses that were not the first access, over those of the best peer in the same round.

    Only traces with a footprint of 200 MB or more, only what held its budget, and only in rounds that both share. Then, for each policy that
    has them all, the geometric mean over the traces and budgets and the worst of them, from the medians of the rounds.
    """
    places = {}
    for measurement in measurements:
        row = measurement["row"]
        if footprint_bytes(row) >= SMALLEST_FOOTPRINT_BYTES and not measurement["excluded"]:
            rounds = places.setdefault((row["trace"], row["budget"]), {}).setdefault(measurement["subject"], {})
            rounds[measurement["round"]] = measurement["values"]["non_compulsory_misses"]
    rows = [one for (trace, budget), subjects in places.items() for one in _of_place(trace, budget, subjects)]
    return rows + _summaries(rows, len(_asked(measurements)))


def _asked(measurements):
    return {(measurement["row"]["trace"], measurement["row"]["budget"]) for measurement in measurements
            if footprint_bytes(measurement["row"]) >= SMALLEST_FOOTPRINT_BYTES}


def _of_place(trace, budget, subjects):
    peers = {name: rounds for name, rounds in subjects.items() if not name.startswith(OURS)}
    if not peers:
        return
    best = min(peers, key=lambda name: median(peers[name].values()))
    for subject, rounds in subjects.items():
        if not subject.startswith(OURS):
            continue
        for number in sorted(rounds.keys() & peers[best].keys()):
            if peers[best][number] > 0:
                yield _row(trace, budget, best, len(peers), subject, number, rounds[number] / peers[best][number])


def _row(trace, budget, best, peers, subject, number, ratio):
    return {"row": {"trace": trace, "budget": budget, "best": best, "peers": peers}, "subject": subject, "round": number, "excluded": None,
            "values": {"worth": ratio}}


def _summaries(rows, places):
    summaries = []
    for subject in dict.fromkeys(row["subject"] for row in rows):
        ratios = {}
        for row in rows:
            if row["subject"] == subject:
                ratios.setdefault((row["row"]["trace"], row["row"]["budget"]), []).append(row["values"]["worth"])
        medians = {place: median(figures) for place, figures in ratios.items()}
        if min(medians.values()) <= 0:
            continue
        of = f"{len(medians)} of {places}"
        worst = max(medians, key=medians.get)
        summaries.append(_row("geometric mean", of, "-", "-", subject, 0, geometric_mean(medians.values())))
        summaries.append(_row(f"worst: {worst[0]}", worst[1], "-", "-", subject, 0, medians[worst]))
    return summaries

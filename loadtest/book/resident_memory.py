"""Resident memory of a process, as the kernel counts it page by page (/proc/PID/smaps_rollup)."""

import time
from pathlib import Path

from loadtest.book.failure import BookError

# Allocators give memory back some time after it was freed, and indexes finish growing: the figure is taken when it stands still.
INTERVAL_S = 0.2
STILL_FOR = 5  # readings in a row
LONGEST_S = 15.0
STILL_WITHIN = 0.001


def resident_bytes(pid, proc=Path("/proc")):
    path = proc / str(pid) / "smaps_rollup"
    try:
        text = path.read_text()
    except OSError as error:
        raise BookError(f"{path}: {error.strerror}") from None
    for line in text.splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise BookError(f"{path} has no Rss line")


def settled_bytes(read, pause=time.sleep, longest_s=LONGEST_S):
    """Reads until the last few readings agree within a thousandth, or for `longest_s`; returns the last."""
    readings = []
    for _ in range(max(1, int(longest_s / INTERVAL_S))):
        readings.append(read())
        last = readings[-STILL_FOR:]
        if len(last) == STILL_FOR and max(last) - min(last) <= STILL_WITHIN * max(last):
            break
        pause(INTERVAL_S)
    return readings[-1]

"""Resident memory of a process, as the kernel counts it page by page (/proc/PID/smaps_rollup)."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from loadtest.book.failure import BookError

# Allocators give memory back some time after it was freed, and indexes finish growing: the figure is taken when it stands still.
INTERVAL_S = 0.2
STILL_FOR = 5  # readings in a row
LONGEST_S = 15.0
STILL_WITHIN = 0.001

MEMORY_FILES = ("/memfd:", "/dev/shm/")


def resident_bytes(pid, proc=Path("/proc")):
    return _kilobytes(proc / str(pid) / "smaps_rollup", ("Rss",))["Rss"]


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


@dataclass(frozen=True)
class Resident:
    """`held_bytes`: anonymous pages, pages allocated in files of memory (memfd, tmpfs) whether mapped or not, page tables. `rss_bytes`: what
    tools call RSS, program text included."""

    held_bytes: int
    rss_bytes: int


def resident_parts(pid, proc=Path("/proc")):
    rollup = _kilobytes(proc / str(pid) / "smaps_rollup", ("Rss", "Anonymous"))
    status = _kilobytes(proc / str(pid) / "status", ("RssShmem", "VmPTE"))
    in_files = max(status["RssShmem"], memory_file_bytes(pid, proc))
    return Resident(rollup["Anonymous"] + in_files + status["VmPTE"], rollup["Rss"])


def _kilobytes(path, names):
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise BookError(f"{path}: {error.strerror}") from None
    told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if name in names}
    if missing := [name for name in names if name not in told]:
        raise BookError(f"{path} has no {missing[0]} line")
    return told


def memory_file_bytes(pid, proc=Path("/proc")):
    """Of the files of memory that the process holds open. One that is mapped and closed shows in RssShmem alone."""
    allocated = {}
    for entry in (proc / str(pid) / "fd").glob("*"):
        try:
            if os.readlink(entry).startswith(MEMORY_FILES):
                status = os.stat(entry)
                allocated[status.st_dev, status.st_ino] = status.st_blocks * 512
        except OSError:
            continue  # closed meanwhile
    return sum(allocated.values())

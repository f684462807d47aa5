#!/usr/bin/env python3
"""Compares a server with Debian's redis-server, reply by reply, over random command streams.

    run.py --server build/release/bin/strata-server --seed 1 --count 20000 --shrink

Exit code 0: no difference. 1: a difference, printed with the steps before it. See differences.py for what may differ.
"""

import argparse
import itertools
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from comparison import first_difference, shrink  # noqa: E402
from differences import RULES, TO_BE_MENDED  # noqa: E402
from generator import CommandStream  # noqa: E402
from server_process import ServerProcess  # noqa: E402

SETTINGS = {"memory.max_memory": str(1 << 30), "memory.policy": "noeviction", "server.databases": 16, "limits.max_clients": 1000}
STEPS_SHOWN = 20


def start_pair(directory, program, peer, reference="/usr/bin/redis-server"):
    """The server and the reference, both running, with the settings whose values are compared."""
    ours = ServerProcess(Path(directory) / "ours", SETTINGS, program=program, peer=peer, admin=False).start()
    try:
        return ours, ServerProcess(Path(directory) / "reference", SETTINGS, program=reference, peer="redis").start()
    except BaseException:
        ours.kill()
        raise


def report(seed, steps, difference, smaller=None):
    lines = [f"seed {seed}, {difference}"]
    if smaller is not None:
        history, smallest = smaller
        lines.append(f"{len(history)} steps are enough:")
        lines += [f"  {step}" for step in history]
        lines.append(str(smallest))
    else:
        lines.append(f"the {STEPS_SHOWN} steps before (--shrink finds those that matter):")
        lines += [f"  {step}" for step in steps[max(0, difference.index - STEPS_SHOWN):difference.index]]
    return "\n".join(lines)


def compare(ours, reference, seed, count, unimplemented=True, shrinking=False):
    """None, or the report of the first difference."""
    steps = list(itertools.islice(CommandStream(seed, unimplemented), count))
    difference = first_difference(ours, reference, steps)
    if difference is None:
        return None
    smaller = shrink(ours, reference, steps[:difference.index + 1]) if shrinking else None
    if smaller is not None and smaller[1] is None:  # it did not happen again: timing, or state left from before
        smaller = None
    return report(seed, steps, difference, smaller)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", help="the program to test")
    parser.add_argument("--peer", choices=("redis",), help="the program is a redis-server too: a test of this tool")
    parser.add_argument("--reference", default="/usr/bin/redis-server")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20_000, help="commands")
    parser.add_argument("--shrink", action="store_true", help="search for the fewest steps that show the difference")
    parser.add_argument("--list-differences", action="store_true", help="print what may differ, and why")
    arguments = parser.parse_args()
    if arguments.list_differences:
        print("\n".join(sorted({rule.why for rule in RULES})), *(f"to be mended: {rule.why}" for rule, _ in TO_BE_MENDED), sep="\n")
        return 0
    if not arguments.server:
        parser.error("--server is needed")
    with tempfile.TemporaryDirectory() as directory:
        ours, reference = start_pair(directory, Path(arguments.server).resolve(), arguments.peer, arguments.reference)
        try:
            started = time.monotonic()
            found = compare(ours.address, reference.address, arguments.seed, arguments.count, arguments.peer is None, arguments.shrink)
            print(found or f"seed {arguments.seed}: {arguments.count} commands in {time.monotonic() - started:.1f} s, no difference")
            return 1 if found else 0
        finally:
            ours.kill()
            reference.kill()


if __name__ == "__main__":
    sys.exit(main())

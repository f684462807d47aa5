"""The command line of the book."""

import argparse
import difflib
import signal
import sys
from pathlib import Path

from loadtest.book.book import draw_charts, run_comparisons, update_documents
from loadtest.book.comparisons import COMPARISONS
from loadtest.book.failure import BookError
from loadtest.book.plan import ROOT, Plan

RENDERERS = ("tables", "charts")

DESCRIPTION = """Measures Strata beside its peers and prints the tables.

names: {comparisons} (none: all of these);
       tables   writes docs/measurements.md anew from the stored raw results
       charts   draws docs/charts/*.svg from them"""


class UsageError(BookError):
    """The command line is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(message)


def _parser():
    parser = _Parser(prog="python3 -m loadtest.book", formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False,
                     description=DESCRIPTION.format(comparisons=" ".join(COMPARISONS)))
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of every comparison, instead of its own number")
    parser.add_argument("--quick", action="store_true", help="few rounds of little work: to see that all works, not to quote")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where raw results are, instead of loadtest/results")
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "release", metavar="FOLDER",
                        help="where the programs were built (build/release)")
    parser.add_argument("--update-docs", action="store_true", help="also write the tables into docs/measurements.md")
    return parser


def _checked_names(names):
    choices = [*COMPARISONS, *RENDERERS]
    for name in names:
        if name not in choices:
            near = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"there are: {' '.join(choices)}"
            raise UsageError(f"there is no comparison \"{name}\"; {hint}")
    measured = [name for name in COMPARISONS if name in names] if names else list(COMPARISONS)
    return measured, [name for name in RENDERERS if name in names]


def read_command_line(words):
    """(plan, comparisons to run, renderers to run, whether the documents are to be updated)."""
    given = _parser().parse_args(words)
    measured, renderers = _checked_names(given.names)
    if given.rounds is not None and given.rounds < 1:
        raise UsageError(f"--rounds {given.rounds}: at least 1")
    if given.quick and (given.update_docs or renderers):
        raise UsageError("--quick: its figures go into no document; leave out --update-docs, tables and charts")
    plan = Plan(build=given.build.resolve(), output=given.output and given.output.resolve(), asked_rounds=given.rounds,
                quick=given.quick, invocation=_invocation(given))
    return plan, measured, renderers, given.update_docs


def _invocation(given):
    """What measures the same again, but for the name: the folders of this machine do not belong to it."""
    rounds = [] if given.rounds is None else ["--rounds", str(given.rounds)]
    return " ".join(["./dev", "bench", *rounds, *(["--quick"] if given.quick else [])])


def _stop(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def main(words):
    """Exit status: 0 done, 1 a comparison failed, 2 the command line is wrong, 130 interrupted."""
    try:
        plan, measured, renderers, update = read_command_line(words)
    except UsageError as error:
        print(f"book: {error} (see python3 -m loadtest.book --help)", file=sys.stderr)
        return 2
    # Servers are stopped on the way out of an exception, so a signal has to be one.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        done, failed = run_comparisons(plan, measured)
        if "tables" in renderers:
            update_documents(plan, list(COMPARISONS))
        elif update:
            update_documents(plan, done)
        if "charts" in renderers:
            draw_charts(plan)
    except BookError as error:
        print(f"book: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("book: interrupted; the servers were stopped", file=sys.stderr)
        return 130
    return 1 if failed else 0

"""The command line of the book."""

import argparse
import difflib
import signal
import sys
from pathlib import Path

from loadtest.book.book import draw_charts, run_comparisons, update_documents
from loadtest.book.comparisons import COMPARISONS
from loadtest.book.failure import BookError
from loadtest.book.peers import PEERS
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
    parser.add_argument("--servers", metavar="NAME,...", help="only these of the servers that are compared")
    parser.add_argument("--length", metavar="TIME", help="limit: how long each server is watched (90s, 30m)")
    parser.add_argument("--clients", type=int, metavar="N", help="limit: connections in all")
    parser.add_argument("--verify", action="store_true", help="limit: also check what the servers answer")
    parser.add_argument("--join", action="store_true",
                        help="hitratio, presets: keep what is stored of servers that are not measured now, of the same work")
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
    plan = Plan(servers=_servers(given.servers), length_s=_seconds(given.length), clients=given.clients, verify=given.verify, join=given.join,
                build=given.build.resolve(), output=given.output and given.output.resolve(), asked_rounds=given.rounds,
                quick=given.quick, invocation=_invocation(given))
    _check_heeded(plan, measured)
    return plan, measured, renderers, given.update_docs


def _servers(text):
    if text is None:
        return None
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in PEERS]:
        raise UsageError(f"--servers {text}: there is no server \"{unknown[0]}\"; there are: {' '.join(PEERS)}")
    return names


def _seconds(text):
    if text is None:
        return None
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    if unit is None or not text[:-1].isdigit() or int(text[:-1]) == 0:
        raise UsageError(f"--length {text}: allowed: for example 90s, 30m, 2h")
    return int(text[:-1]) * unit


def _check_heeded(plan, measured):
    """What only some comparisons heed is refused beside others: it would be told of figures that it did not touch."""
    for field, option in {"length_s": "--length", "clients": "--clients", "verify": "--verify", "join": "--join"}.items():
        heeding = [name for name, comparison in COMPARISONS.items() if field in getattr(comparison, "OPTIONS", ())]
        if getattr(plan, field) and (not measured or set(measured) - set(heeding)):
            raise UsageError(f"{option}: only {', '.join(heeding)} heeds it; name no other comparison")
    if plan.clients is not None and plan.clients < 1:
        raise UsageError(f"--clients {plan.clients}: at least 1")


def _invocation(given):
    """What measures the same again, but for the name: the folders of this machine do not belong to it."""
    rounds = [] if given.rounds is None else ["--rounds", str(given.rounds)]
    told = [word for name in ("servers", "length", "clients") if getattr(given, name) is not None
            for word in (f"--{name}", str(getattr(given, name)))]
    return " ".join(["./dev", "bench", *rounds, *told, *(["--verify"] if given.verify else []),
                     *(["--join"] if given.join else []), *(["--quick"] if given.quick else [])])


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

"""Builds the floor server: one that answers without parsing or storing, and so costs what any server costs at least."""

from loadtest.book.failure import Unavailable
from loadtest.book.program import run_program


def build_floor_server(plan):
    """Path of the program, compiled anew if its source is newer; raises Unavailable without the source."""
    source = plan.floor_source
    if not source.is_file():
        raise Unavailable("its source is not there: STRATA_FLOOR_SERVER has to name floor_server.cpp")
    program = plan.scratch / "floor_server"
    if not program.is_file() or program.stat().st_mtime < source.stat().st_mtime:
        plan.scratch.mkdir(parents=True, exist_ok=True)
        run_program(["g++", "-O2", "-o", program, source], plan.root)
    return program

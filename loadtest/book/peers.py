"""The servers that are compared, and how each is started: one thread, no persistence, on loopback."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from loadtest.book.failure import BookError, Unavailable
from loadtest.book.floor import build_floor_server
from loadtest.book.program import run_program

MIB = 1 << 20

# Its own default of 1024 counts its own descriptors too.
MEMCACHED_CONNECTIONS = 4096

# memcached has to be given a limit; far more than any comparison stores.
AMPLE_MIB = 8192


@dataclass(frozen=True)
class Start:
    """One start of a server. Without a limit it keeps its own default and evicts nothing."""

    program: str
    port: int
    folder: str
    limit_bytes: int | None = None
    policy: str | None = None


@dataclass(frozen=True)
class Peer:
    name: str
    package: str  # what to install or build if it is missing
    protocol: str  # of strata-loadtest
    ping: bytes
    pong: bytes  # the reply begins with it
    find: Callable  # of the plan: path of the program; raises Unavailable
    words: Callable  # of a Start: the command line
    policies: Callable  # of the plan and the program: those worth comparing
    stores: bool = True
    value_content: str = "random"
    smallest_limit_bytes: int = MIB
    limit_step_bytes: int = 4096


# Compared with all that users of the others choose among: what they get from us without choosing. Each would take minutes a trace; among each other our
# policies are compared by tests/golden. The build decides whether it is there.
STRATA_POLICIES = ("s3fifo",)


def _strata_program(plan):
    program = plan.program("strata-server")
    if not program.is_file():
        raise Unavailable(f"{plan.relative(program)} is not built")
    return program


def _strata_words(start):
    limit = [] if start.limit_bytes is None else ["--max-memory", f"{start.limit_bytes}b"]
    return [start.program, "--bind", "127.0.0.1", "--port", start.port, "--admin-port", 0, "--threads", 1, *limit,
            "--policy", start.policy or "noeviction", "--data-dir", start.folder, "--set", "log.level=warning"]


def _strata_policies(plan, program):
    return [policy for policy in STRATA_POLICIES if _strata_takes(plan, program, policy)]


def _strata_takes(plan, program, policy):
    try:
        run_program([program, "--check-config", "--policy", policy], plan.root, timeout_s=60)
    except BookError:
        return False
    return True


def _installed(program, package):
    def find(_plan):
        path = shutil.which(program)
        if path is None:
            raise Unavailable(f"not installed (package {package})")
        return Path(path)
    return find


def _redis_words(start):
    return [start.program, "--bind", "127.0.0.1", "--port", start.port, "--save", "", "--appendonly", "no", "--daemonize", "no",
            "--maxmemory", start.limit_bytes or 0, "--maxmemory-policy", start.policy or "noeviction", "--dir", start.folder,
            "--loglevel", "warning"]


def _memcached_words(start):
    limit_mib = AMPLE_MIB if start.limit_bytes is None else start.limit_bytes // MIB
    return [start.program, "-l", "127.0.0.1", "-p", start.port, "-U", 0, "-t", 1, "-m", limit_mib,
            # Values of just 1 MiB are refused otherwise.
            "-I", "2m", "-c", MEMCACHED_CONNECTIONS,
            *([] if start.policy else ["-M"]),
            *(["-u", "root"] if os.geteuid() == 0 else [])]


def _floor_words(start):
    return [start.program, start.port]


_RESP_PING = b"*1\r\n$4\r\nPING\r\n"

STRATA = "strata"

PEERS = {peer.name: peer for peer in (
    Peer(STRATA, "strata-server", "resp2", _RESP_PING, b"+PONG", _strata_program, _strata_words, _strata_policies),
    Peer("redis", "redis-server", "resp2", _RESP_PING, b"+PONG", _installed("redis-server", "redis-server"), _redis_words,
         lambda _plan, _program: ["allkeys-lru", "allkeys-lfu"], smallest_limit_bytes=2 * MIB),
    # -m counts MiB; below 4 it refuses to start with -I 2m.
    Peer("memcached", "memcached", "memcached", b"version\r\n", b"VERSION", _installed("memcached", "memcached"), _memcached_words,
         lambda _plan, _program: ["segmented-lru"], smallest_limit_bytes=4 * MIB, limit_step_bytes=MIB),
    # It takes every * for the beginning of a request, so values must have none.
    Peer("floor", "floor_server.cpp", "resp2", _RESP_PING, b"$64", build_floor_server, _floor_words,
         lambda _plan, _program: [], stores=False, value_content="json"),
)}


def find_peers(plan, names, skip):
    """{peer: program} of those that this machine has, at least one; for the others calls skip(name, reason)."""
    found = {}
    for name in names:
        if plan.servers is not None and name not in plan.servers:
            continue
        try:
            found[PEERS[name]] = PEERS[name].find(plan)
        except Unavailable as reason:
            skip(name, str(reason))
    if not found:
        raise BookError(f"none of {', '.join(names)} can be started here{'' if plan.servers is None else ', or was asked for'}")
    return found

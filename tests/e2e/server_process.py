"""Starts and stops one real server process for a test.

STRATA_SERVER names the program. With STRATA_PEER=redis the program is a redis-server instead, and settings are translated to its
options as far as it has them: the tests of compatible behaviour are themselves checked against the original that way.
"""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

from resp_connection import Disconnected, RespConnection

# Settings of ours as redis-server options. None: it has no such thing, and needs none for the tests that run against it.
PEER_OPTIONS = {
    "server.bind": "bind",
    "server.unix_socket": "unixsocket",
    "server.unix_socket_mode": "unixsocketperm",
    "server.threads": None,
    "server.databases": "databases",
    "server.data_dir": "dir",
    "server.tcp_backlog": "tcp-backlog",
    "server.idle_timeout": "timeout",
    "memory.max_memory": "maxmemory",
    "memory.policy": "maxmemory-policy",
    "memory.eviction_samples": "maxmemory-samples",
    "limits.max_clients": "maxclients",
    "limits.all_clients": "maxmemory-clients",
    "limits.query_buffer": "client-query-buffer-limit",
    "limits.bulk_length": "proto-max-bulk-len",
    "limits.output_buffer": "client-output-buffer-limit",
    "security.password": "requirepass",
    "log.level": None,
}

PEER_VALUES = {
    "server.idle_timeout": lambda value: value.removesuffix("s"),
    "limits.output_buffer": lambda value: f"normal {value} 0 0",
}

SANITIZER_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w*Sanitizer|runtime error:")

# A sanitizer build on a loaded machine takes its time; nothing waits this long when all is well.
DEADLINE_SECONDS = float(os.environ.get("STRATA_TEST_DEADLINE", "60"))


class StartFailure(Exception):
    """The server ended, or never listened."""


def peer_is_redis():
    return os.environ.get("STRATA_PEER", "") == "redis"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what, deadline_seconds=None, interval_seconds=0.02):
    """Polls until `condition()` is true and returns that value; fails with `what` after the deadline."""
    deadline = time.monotonic() + (deadline_seconds or DEADLINE_SECONDS)
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within the deadline: {what}")
        time.sleep(interval_seconds)


class ServerProcess:
    """A server on 127.0.0.1 with a free port. Use start() and stop(), or a with block."""

    def __init__(self, directory, settings=None, arguments=(), environment=None, program=None, peer=None, admin=True,
                 port=None, admin_port=None):
        self.program = program or os.environ["STRATA_SERVER"]
        self.is_redis = peer_is_redis() if peer is None else peer == "redis"
        self.directory = Path(directory)
        self.port = port or free_port()
        self.admin_port = 0 if self.is_redis or not admin else admin_port or free_port()
        self.log_path = self.directory / f"server-{self.port}.log"
        self.settings = dict(settings or {})
        self.arguments = list(arguments)
        self.environment = dict(environment or {})
        self.process = None

    # Command line --------------------------------------------------------------------------------------------------------

    def command_line(self):
        return self._redis_command_line() if self.is_redis else self._strata_command_line()

    def _strata_command_line(self):
        words = [self.program, "--port", str(self.port), "--admin-port", str(self.admin_port)]
        for key, value in self.settings.items():
            words += ["--set", f"{key}={value}"]
        return words + self.arguments

    def _redis_command_line(self):
        words = [self.program, "--port", str(self.port), "--save", "", "--appendonly", "no", "--daemonize", "no",
                 "--enable-debug-command", "local"]
        defaults = {"server.bind": "127.0.0.1", "server.data_dir": str(self.directory)}
        for key, value in {**defaults, **self.settings}.items():
            option = PEER_OPTIONS[key]
            if option:
                words += [f"--{option}", PEER_VALUES.get(key, str)(value)]
        return words

    # Life ----------------------------------------------------------------------------------------------------------------

    def spawn(self):
        """Starts the process without waiting for anything."""
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STRATA_")}
        # Under asan a leak must change the exit code; the report goes to the log like everything else.
        environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command_line(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory, env={**environment, **self.environment})
        return self

    def start(self):
        """Starts the process and waits until it answers."""
        self.spawn()
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._answers():
            if self.process.poll() is not None:
                code, self.process = self.process.returncode, None
                raise StartFailure(f"the server ended with {code}:\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartFailure(f"the server does not answer:\n{self.log()}")
            time.sleep(0.01)
        return self

    def _answers(self):
        try:
            with RespConnection(("127.0.0.1", self.port), timeout=5) as connection:
                connection.call("PING")
                return True
        except (OSError, Disconnected):
            return False

    def wait(self, deadline_seconds=None):
        """Waits until the process has ended by itself; returns the exit code."""
        return self.process.wait(timeout=deadline_seconds or DEADLINE_SECONDS)

    def stop(self):
        """Asks the process to end by SIGTERM and holds it to exit code 0 and a log without sanitizer reports."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"the server did not end after SIGTERM:\n{self.log()[-4000:]}") from None
        code, self.process = self.process.returncode, None
        report = SANITIZER_REPORT.search(self.log())
        assert not report, f"sanitizer report:\n{self.log()[report.start():][:8000]}"
        assert code == 0, f"exit code {code}:\n{self.log()[-4000:]}"

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    # Looking in ----------------------------------------------------------------------------------------------------------

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def connect(self, timeout=DEADLINE_SECONDS):
        return RespConnection(self.address, timeout)

    def call(self, *words):
        """One command on a connection of its own."""
        with self.connect() as connection:
            return connection.call(*words)

    def info(self, section="everything"):
        """INFO as a dict of strings."""
        text = self.call("INFO", section).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))

    def resident_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

"""What one call of the book was asked for, and where things are."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def usable_cores():
    return sorted(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Plan:
    """Immutable. Paths are absolute; programs run in `root`, so that recorded commands can be repeated there."""

    root: Path = ROOT
    build: Path = ROOT / "build" / "release"
    output: Path | None = None  # folder of the raw results
    asked_rounds: int | None = None
    quick: bool = False
    servers: tuple | None = None  # only these, where servers are compared
    length_s: int | None = None  # of a run that watches memory over time
    clients: int | None = None
    verify: bool = False  # the contents too
    join: bool = False  # what is stored of other servers stays
    invocation: str = "./dev bench"  # of a comparison whose name follows
    cores: list = field(default_factory=usable_cores)

    @property
    def results(self):
        if self.output is not None:
            return self.output
        return self.scratch if self.quick else self.root / "loadtest" / "results"

    @property
    def scratch(self):
        """Logs and data folders of servers, the floor server."""
        return self.build / "book"

    @property
    def data(self):
        return Path(os.environ.get("STRATA_DATA") or self.root.parent / "shared" / "data")

    @property
    def floor_source(self):
        return Path(os.environ.get("STRATA_FLOOR_SERVER") or self.root.parent / "shared" / "tools" / "floor_server.cpp")

    @property
    def server_core(self):
        return self.cores[0]

    @property
    def load_core(self):
        """Another core than the servers', where there is one."""
        return self.cores[-1]

    def program(self, name):
        return self.build / "bin" / name

    def rounds(self, usual):
        """The rounds of a comparison that usually takes `usual` of them."""
        return range(self.asked_rounds or (min(2, usual) if self.quick else usual))

    def relative(self, path):
        """As a word of a command that runs in `root`."""
        path = Path(path)
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def shown(self, words):
        """A command as it is recorded: without the paths that only this machine has."""
        places = ((self.data, "$STRATA_DATA"), (self.floor_source, "$STRATA_FLOOR_SERVER"), (self.root, ""), (self.build, "$BUILD"))
        return [self._without_places(str(word), places) for word in words]

    @staticmethod
    def _without_places(word, places):
        for place, name in places:
            if word == str(place):
                return name or "."
            word = word.replace(f"{place}/", f"{name}/" if name else "")
        return word

    def note(self, text):
        print(f"book: {text}", file=sys.stderr, flush=True)

"""The traces of requests that hit ratios are measured with."""

from dataclasses import dataclass
from pathlib import Path

from loadtest.book.failure import BookError, Unavailable

SUFFIX = ".trc.zst"
KEY_BYTES = 20  # any 64-bit key fits

# One connection keeps the requests in the order of the trace; a batch stores what the one before it missed.
REPLAY = ("--threads", 1, "--connections", 1, "--pipeline", 16, "--key-size", KEY_BYTES)


@dataclass(frozen=True)
class Trace:
    name: str
    path: Path
    requests: int
    keys: int
    value_bytes: int  # of accesses that the trace has no size for
    sizes_recorded: bool
    footprint_bytes: int  # keys and values of everything that is asked for

    @property
    def options(self):
        return [*REPLAY, "--value-size", self.value_bytes]


def trace_files(folder):
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not files:
        raise Unavailable(f"there are no traces: {folder} has no *{SUFFIX}; STRATA_DATA has to name the folder above it")
    return files


def survey(replay, path, footprint_bytes, limit):
    """Learns what a trace holds. replay(path, *options) gives the generator's `trace` object for any server.

    Of what is replayed with two value sizes, the footprints differ by one byte for every key without a size of its own: these keys
    get the size with which everything together takes `footprint_bytes`. Recorded sizes are left as they are.
    """
    small, large = (replay(path, *REPLAY, *limit, "--value-size", size) for size in (1, 2))
    unsized = large.count("footprint_bytes") - small.count("footprint_bytes")
    if unsized < 0 or unsized > small.count("distinct_keys"):
        raise BookError(f"{small.where}: footprints of {small.count('footprint_bytes')} and {large.count('footprint_bytes')} B "
                        f"with values of 1 and 2 B do not fit {small.count('distinct_keys')} keys")
    value_bytes = 1 + max(0, (footprint_bytes - small.count("footprint_bytes")) // unsized) if unsized else 1
    return Trace(path.name.removesuffix(SUFFIX), path, small.count("requests"), small.count("distinct_keys"), value_bytes,
                 unsized == 0, small.count("footprint_bytes") + unsized * (value_bytes - 1))

"""Watches a server's memory once a second while something else loads it."""

import threading
import time

from loadtest.book.failure import BookError
from loadtest.book.resident_memory import resident_parts
from loadtest.book.server_statistics import ServerStatistics

INTERVAL_S = 1.0


class MemorySampler:
    """Use in a with block: samples from its beginning to its end. `samples` are dicts: second (since the beginning), limit, charged,
    held (resident as the limit means it), rss, all in bytes, and evicted. An error while sampling is raised at the end."""

    def __init__(self, server, interval_s=INTERVAL_S):
        self.samples = []
        self._server = server
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._watch, name="memory sampler")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        if self._error is not None and kind is None:
            raise self._error

    def _watch(self):
        try:
            with ServerStatistics(self._server) as statistics:
                begin = time.monotonic()
                while not self._stop.is_set():
                    self._take(statistics, begin)
                    # The next full interval: a late sample delays none but those that it overlaps.
                    elapsed = time.monotonic() - begin
                    self._stop.wait(self._interval_s - elapsed % self._interval_s)
        except BookError as error:
            self._error = error

    def _take(self, statistics, begin):
        told = statistics.read()
        # The kernel's figures last, right when the time is taken: they are the result.
        resident = resident_parts(self._server.pid)
        self.samples.append({"second": round(time.monotonic() - begin, 3), "limit": told.limit_bytes, "charged": told.charged_bytes,
                             "held": resident.held_bytes, "rss": resident.rss_bytes, "evicted": told.evicted})

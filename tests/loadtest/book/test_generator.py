"""The comparison of the load generator with a client that only counts bytes, with fake programs and the floor's own process."""

import shutil

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import generator
from loadtest.book.failure import BookError
from loadtest.book.recording import Recording

BARE = """#!/usr/bin/python3
import sys
port, connections, pipeline, seconds, reply_bytes = sys.argv[1:]
assert float(seconds) > 0 and int(reply_bytes) == 71, sys.argv
print('{"cpu_us_per_request":%s,"requests_per_s":1000}' % (1.5 / int(pipeline)))
"""

FLOOR = r"""
#include <arpa/inet.h>
#include <cstdlib>
#include <string>
#include <unistd.h>
int main(int, char** words) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::atoi(words[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(listener, 8)) return 1;
  for (char bytes[64];;) {
    const int client = accept(listener, nullptr, nullptr);
    if (read(client, bytes, sizeof bytes) > 0 && write(client, "$64\r\n", 5) != 5) return 2;
  }
}
"""


@pytest.fixture
def programs(plan, fake_loadtest, monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    source = plan.root / "floor.cpp"
    source.write_text(FLOOR)
    monkeypatch.setenv("STRATA_FLOOR_SERVER", str(source))
    program = plan.program("strata-bare-client")
    program.write_text(BARE)
    program.chmod(0o755)
    return program


def test_both_clients_are_measured_at_each_pipeline(plan, programs):
    run_comparisons(plan, ["generator"])
    recording = Recording.read(plan.results / "generator.quick.json")
    assert recording.ours == "strata-loadtest"
    seen = {(entry["subject"], entry["row"]["pipeline"]): entry["values"]["cpu_us"] for entry in recording.measurements}
    assert seen == {("strata-loadtest", depth): 1.5 for depth in (1, 16, 64)} | \
        {("strata-bare-client", depth): pytest.approx(1.5 / depth) for depth in (1, 16, 64)}


def test_what_is_missing_is_named(plan, programs, monkeypatch):
    recording = Recording("generator", True, "./dev bench", {}, {})
    monkeypatch.setenv("STRATA_FLOOR_SERVER", str(plan.root / "gone.cpp"))
    with pytest.raises(BookError, match="nothing to send to: .*STRATA_FLOOR_SERVER"):
        generator.measure(plan, recording)
    programs.unlink()
    with pytest.raises(BookError, match="bin/strata-bare-client is not built"):
        generator.measure(plan, recording)

"""The comparisons inside one process, with fake programs."""

import json
import os

import pytest

from loadtest.book.book import run_comparisons
from loadtest.book.comparisons import cache
from loadtest.book.comparisons.allocator import find_allocators
from loadtest.book.failure import BookError
from loadtest.book.recording import Recording
from loadtest.book.strict_json import Fields

# Tells the allocator from the library it finds preloaded, as the real one does; FAKE_ALLOCATOR overrules it.
BENCH = """#!/usr/bin/python3
import json, os, sys
names = {"libjemalloc": "jemalloc", "libmimalloc": "mimalloc", "libtcmalloc": "tcmalloc", "libstrata": "strata"}
if sys.argv[1:] == ["list", "--json"]:
    print(json.dumps([{"workload": "tiny", "summary": "s"}, {"workload": "drift", "summary": "s"}, {"workload": "latency", "summary": "s"}]))
    sys.exit()
library = os.environ.get("FAKE_PRELOAD", "")
name = next((name for prefix, name in names.items() if prefix in library), "glibc")
told = {"workload": sys.argv[1], "allocator": os.environ.get("FAKE_ALLOCATOR", name), "seconds": 0.5, "ns_per_operation": 20}
if sys.argv[1] == "drift":
    told |= {"seconds": 2, "requested_bytes_live": 1000, "resident_bytes": 1700, "resident_at_start_bytes": 200}
if sys.argv[1] == "latency":
    told["sizes"] = [{"size_bytes": 4096, "batch": 32, "malloc_ns_median": 3.5, "malloc_ns_p999": 9, "free_ns_median": 4, "free_ns_p999": 10}]
print(json.dumps(told))
"""

LAUNCHER = """#!/usr/bin/python3
import json, os, subprocess, sys
words = sys.argv[1:]
program = words[words.index("--") + 1:]
preload = words[words.index("--env") + 1].partition("=")[2] if "--env" in words else ""
ended = subprocess.run(program, env=os.environ | {"FAKE_PRELOAD": preload})
with open(words[words.index("--output") + 1], "w") as output:
    json.dump({"exit": ended.returncode, "seconds": 0.6, "peak_resident_bytes": 4096 * 1024}, output)
sys.exit(ended.returncode)
"""


def install(plan, name, text):
    program = plan.program(name)
    program.write_text(text)
    program.chmod(0o755)


@pytest.fixture
def programs(plan):
    install(plan, "strata-allocator-bench", BENCH)
    install(plan, "strata-measure-child", LAUNCHER)
    library = plan.build / "lib" / "libstrata_malloc.so"
    library.parent.mkdir()
    library.write_text("")


def test_libraries_are_found_by_pattern(plan, tmp_path):
    folder = tmp_path / "usr" / "lib" / "some-linux-gnu"
    folder.mkdir(parents=True)
    (folder / "libjemalloc.so.2").write_text("")
    (folder / "libmimalloc.so.2.0").write_text("")
    skipped = {}
    found = find_allocators(plan, skipped.__setitem__, tmp_path / "usr" / "lib")
    assert found == {"glibc": None, "jemalloc": folder / "libjemalloc.so.2", "mimalloc": folder / "libmimalloc.so.2.0"}
    assert skipped == {"strata": "build/lib/libstrata_malloc.so is not built",
                       "tcmalloc": "libtcmalloc_minimal.so.4 is not installed (package libtcmalloc-minimal4)"}


def test_allocators(plan, programs, capsys):
    assert run_comparisons(plan, ["allocator"]) == (["allocator"], [])
    stored = Recording.read(plan.results / "allocator.quick.json")
    assert {"strata", "glibc"} <= set(stored.subjects)
    first = stored.measurements[0]
    assert first["values"] == {"seconds": 0.5, "ns_per_operation": 20, "peak_resident_bytes": 4096 * 1024}
    assert "LD_PRELOAD=build/lib/libstrata_malloc.so" in first["commands"][0]
    drift = [measurement for measurement in stored.measurements if measurement["row"]["workload"] == "drift"]
    assert drift[0]["values"]["resident_of_requested"] == 1.5
    shown = capsys.readouterr().out
    assert "| quick: tiny | strata | 0.500 |  | 20.0 | 4.0 |  |" in shown
    assert "| quick: geometric mean of 3 | strata | 0.794 |  | 4.0 |  |" in shown
    assert "| quick: 4,096 B, batches of 32 | strata | 3.50 | 9.00 | 4.00 | 10.0 |" in shown


def test_a_result_of_another_allocator_is_refused(plan, programs, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_ALLOCATOR", "glibc")
    assert run_comparisons(plan, ["allocator"])[1] == ["allocator"]
    assert "tiny under strata: tiny ran under glibc; LD_PRELOAD had no effect" in capsys.readouterr().err


def test_a_workload_that_fails_is_told(plan, programs, capsys):
    install(plan, "strata-allocator-bench", BENCH.replace("library =", "sys.exit('heap broken')\nlibrary ="))
    assert run_comparisons(plan, ["allocator"])[1] == ["allocator"]
    told = capsys.readouterr().err
    assert "strata-allocator-bench tiny --scale 0.01" in told and "heap broken" in told


def test_programs_that_are_not_built(plan, capsys):
    assert run_comparisons(plan, ["allocator", "cache"]) == ([], ["allocator"])
    told = capsys.readouterr().err
    assert "build/bin/strata-allocator-bench is not built" in told
    assert "cache: skipped: build/bin/strata_cache_bench is not built" in told


# The cache ---------------------------------------------------------------------------------------------------------------

BENCHMARKS = [
    {"name": "lookup_hit/10000", "run_type": "iteration", "real_time": 40.0, "time_unit": "ns"},
    {"name": "invalidate/10000/iterations:500/manual_time", "run_type": "iteration", "real_time": 0.2, "time_unit": "us"},
    {"name": "pointer_chase/10000", "run_type": "iteration", "real_time": 20.0, "time_unit": "ns"},
    {"name": "lookup_hit/10000_mean", "run_type": "aggregate", "real_time": 40.0, "time_unit": "ns"},
    {"name": "lonely", "run_type": "iteration", "real_time": 1.0, "time_unit": "ns"},
]


def told(benchmarks):
    return Fields({"context": {}, "benchmarks": benchmarks}, "bench")


def test_operations_stand_beside_the_chase_of_the_same_size():
    rows = cache.with_floors(cache.read_times(told(BENCHMARKS)))
    assert rows == [
        ({"operation": "lookup_hit", "parameters": "10000"}, {"ns": 40.0, "chase_ns": 20.0, "of_chase": 2.0}),
        ({"operation": "invalidate", "parameters": "10000"}, {"ns": 200.0, "chase_ns": 20.0, "of_chase": 10.0}),
        ({"operation": "pointer_chase", "parameters": "10000"}, {"ns": 20.0}),
        ({"operation": "lonely", "parameters": "-"}, {"ns": 1.0})]


@pytest.mark.parametrize("change,problem", [
    ({"real_time": None}, 'benchmark 0: the field "real_time" should be a number'),
    ({"time_unit": "days"}, 'unknown time unit "days"'),
    ({"error_occurred": True, "error_message": "no memory"}, "lookup_hit/10000 failed: no memory"),
])
def test_benchmarks_that_can_not_be_read(change, problem):
    with pytest.raises(BookError) as caught:
        cache.read_times(told([BENCHMARKS[0] | change]))
    assert problem in str(caught.value)
    with pytest.raises(BookError, match="no benchmark ran"):
        cache.read_times(told([]))


def test_cache(plan, capsys):
    report = json.dumps({"context": {}, "benchmarks": BENCHMARKS})
    install(plan, "strata_cache_bench", f"#!/bin/sh\n[ $1 = --benchmark_format=json ] && cat <<'END'\n{report}\nEND\n")
    assert run_comparisons(plan, ["cache"]) == (["cache"], [])
    output = capsys.readouterr().out
    assert "| quick: lookup_hit | 10000 | strata | 40.0 | 20.0 | 2.00 |" in output
    assert "strata/it" not in output, "there is nobody to compare with"
    assert os.listdir(plan.results) == ["cache.quick.json"]

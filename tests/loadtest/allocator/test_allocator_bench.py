"""strata-allocator-bench as a program: every workload runs under every allocator there is, and faults are noticed."""

import glob
import json
import os
import subprocess

import pytest

BENCH = os.environ["STRATA_ALLOCATOR_BENCH"]
FAULTY_MALLOC = os.environ["STRATA_FAULTY_MALLOC"]
SANITIZER = os.environ.get("STRATA_SANITIZER", "")

WORKLOADS = {
    "tiny-blocks", "larson-churn", "producer-consumer", "cross-frees", "large-blocks", "false-sharing-active",
    "false-sharing-passive", "realloc-growth", "free-only-thread", "pareto-sizes", "size-drift", "latency",
}
WITH_MEMORY = {
    "larson-churn", "cross-frees", "large-blocks", "realloc-growth", "free-only-thread", "pareto-sizes", "size-drift",
}
PEERS = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2*", "tcmalloc": "libtcmalloc_minimal.so.4"}

no_preload = pytest.mark.skipif(SANITIZER != "", reason="the sanitizer has put its own allocator in place")


def run(*words, preload=None, fault=None):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    if preload is not None:
        environment["LD_PRELOAD"] = preload
    if fault is not None:
        environment["FAULTY_MALLOC"] = fault
    return subprocess.run([BENCH, *words], capture_output=True, text=True, env=environment, timeout=120)


def result_of(*words, preload=None):
    done = run(*words, preload=preload)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(result, workload):
    assert result["workload"] == workload
    assert result["operations"] > 0
    assert result["seconds"] > 0
    assert result["ns_per_operation"] == pytest.approx(result["seconds"] * 1e9 / result["operations"], rel=1e-6)
    assert result["parameters"]
    assert ("resident_bytes" in result) == (workload in WITH_MEMORY)
    if workload in WITH_MEMORY:
        assert result["resident_at_start_bytes"] > 1 << 20
        assert result["resident_bytes"] > result["requested_bytes_live"] > 1000


def test_list_names_every_workload():
    listed = json.loads(run("list", "--json").stdout)
    assert {workload["workload"] for workload in listed} == WORKLOADS
    lines = run("list").stdout.splitlines()
    assert {line.split(":")[0] for line in lines if not line.startswith(" ")} == WORKLOADS


def test_fixed_parameters():
    """Results are compared over years: these numbers do not change."""
    parameters = {w["workload"]: w["parameters"] for w in json.loads(run("list", "--json").stdout)}
    expected = {
        "tiny-blocks": {"smallest_bytes": 8, "largest_bytes": 64, "pairs": 50_000_000},
        "larson-churn": {
            "smallest_bytes": 8, "largest_bytes": 1000, "blocks_per_thread": 5000, "rounds_per_generation": 100,
        },
        "producer-consumer": {"size_bytes": 64, "blocks": 20_000_000},
        "cross-frees": {"smallest_bytes": 8, "largest_bytes": 16384, "cross_free_percent": 25},
        "large-blocks": {"smallest_bytes": 5 << 20, "largest_bytes": 25 << 20, "live_blocks": 20, "rounds": 2000},
        "realloc-growth": {"from_bytes": 16, "to_bytes": 64 << 20},
        "pareto-sizes": {"largest_bytes": 1024, "live_blocks": 1_000_000},
        "size-drift": {"generations": 5, "turnover_percent": 90},
        "latency": {"smallest_bytes": 8, "largest_bytes": 1 << 30},
    }
    for workload, fixed in expected.items():
        assert parameters[workload].items() >= fixed.items(), workload


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_workload(workload):
    result = result_of(workload, "--scale", "0.001")
    check(result, workload)
    if SANITIZER == "":
        assert result["allocator"] == "glibc"


@no_preload
@pytest.mark.parametrize("allocator", PEERS)
@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_workload_under_peer(workload, allocator):
    found = glob.glob(f"/usr/lib/*/{PEERS[allocator]}")
    if not found:
        pytest.skip(f"{PEERS[allocator]} is not installed")
    result = result_of(workload, "--scale", "0.001", preload=found[0])
    check(result, workload)
    assert result["allocator"] == allocator
    assert result["allocator_library"].startswith(f"lib{allocator}")


@pytest.mark.parametrize("workload, threads", [("tiny-blocks", 3), ("producer-consumer", 4), ("larson-churn", 3),
                                               ("cross-frees", 3), ("free-only-thread", 2), ("false-sharing-passive", 3)])
def test_threads_can_be_chosen(workload, threads):
    result = result_of(workload, "--scale", "0.001", "--threads", str(threads))
    check(result, workload)
    assert result["threads"] == threads


def test_same_seed_same_blocks():
    results = [result_of("pareto-sizes", "--scale", "0.001") for _ in range(2)]
    assert results[0]["requested_bytes_live"] == results[1]["requested_bytes_live"]


def test_a_quarter_of_the_frees_is_the_neighbours():
    result = result_of("cross-frees", "--scale", "0.04")
    # Not all: the first round frees nothing, and who ends last has no neighbour any more.
    assert 0.15 < result["cross_frees"] / result["operations"] < 0.26


def test_size_drift_tells_every_generation():
    result = result_of("size-drift", "--scale", "0.02")
    rows = result["generations"]
    assert [row["generation"] for row in rows] == [0, 1, 2, 3, 4, 5]
    for row in rows:
        assert row["requested_bytes_live"] == pytest.approx(result["parameters"]["live_bytes"], rel=0.05)
        assert row["resident_to_requested"] > 0.5
    assert rows[-1]["resident_bytes"] == result["resident_bytes"]


def test_free_only_thread_tells_what_is_left():
    full, freed = result_of("free-only-thread", "--scale", "0.01")["moments"]
    assert full["requested_bytes_live"] > 0
    assert freed["requested_bytes_live"] == 0
    assert freed["resident_bytes"] > 0


def test_latency_covers_all_sizes():
    result = result_of("latency", "--scale", "0.001")
    sizes = [row["size_bytes"] for row in result["sizes"]]
    assert sizes == [8 * 4**step for step in range(14)] + [1 << 30]
    for row in result["sizes"]:
        assert 0 < row["malloc_ns_median"] <= row["malloc_ns_p99"] <= row["malloc_ns_p999"]
        assert 0 < row["free_ns_median"] <= row["free_ns_p99"] <= row["free_ns_p999"]


@no_preload
@pytest.mark.parametrize("workload", sorted(WORKLOADS - {"large-blocks", "latency"}))
def test_sound_bump_allocator_passes(workload):
    """The faults below are noticed because of the fault, not because of the library they are in."""
    result = result_of(workload, "--scale", "0.001", preload=FAULTY_MALLOC)
    assert result["allocator"] == os.path.basename(FAULTY_MALLOC)


@no_preload
@pytest.mark.parametrize("fault, message", [("null", "no memory for a block of"), ("misaligned", "is not aligned to"),
                                            ("twice", "")])
@pytest.mark.parametrize("workload", ["tiny-blocks", "larson-churn", "producer-consumer", "cross-frees",
                                      "false-sharing-active", "free-only-thread", "pareto-sizes", "size-drift", "latency"])
def test_fault_is_noticed(workload, fault, message):
    done = run(workload, "--scale", "0.01", preload=FAULTY_MALLOC, fault=fault)
    assert done.returncode == 1, done.stderr
    if fault == "twice":
        message = "is in use twice" if workload == "false-sharing-active" else "changed its contents while it was in use"
    assert message in done.stderr
    assert done.stderr.startswith("strata-allocator-bench: ")
    assert done.stdout == ""


@no_preload
def test_realloc_that_loses_contents_is_noticed():
    done = run("realloc-growth", "--scale", "0.001", preload=FAULTY_MALLOC, fault="forgetful")
    assert done.returncode == 1
    assert "lost what was written at offset" in done.stderr


@pytest.mark.parametrize("words, message", [
    ([], "no workload named"),
    (["larson-chrun"], 'unknown workload "larson-chrun"; did you mean "larson-churn"?'),
    (["lst"], 'unknown workload "lst"; did you mean "list"?'),
    (["entirely-different-thing"], 'unknown workload "entirely-different-thing" ('),
    (["x" * 1000], 'unknown workload "' + "x" * 64 + '" ('),
    (["tiny-blocks", "--scal", "1"], 'unknown option "--scal"; did you mean "--scale"?'),
    (["tiny-blocks", "--scale"], "--scale needs a value"),
    (["tiny-blocks", "--scale", "0"], '--scale "0": not a number above 0 and up to 1'),
    (["tiny-blocks", "--scale", "1.5"], '--scale "1.5": not a number above 0 and up to 1'),
    (["tiny-blocks", "--scale", "nan"], '--scale "nan": not a number above 0 and up to 1'),
    (["tiny-blocks", "--scale", "0.1x"], '--scale "0.1x": not a number above 0 and up to 1'),
    (["tiny-blocks", "--threads", "0"], '--threads "0": tiny-blocks runs with 1 to 256 threads'),
    (["tiny-blocks", "--threads", "-1"], '--threads "-1": tiny-blocks runs with 1 to 256 threads'),
    (["producer-consumer", "--threads", "3"], '"3": producer-consumer runs with 2 to 256 threads, a multiple of 2'),
    (["latency", "--threads", "2"], '--threads "2": latency runs with 1 thread ('),
    (["list", "--jsn"], 'unknown option "--jsn"; did you mean "--json"?'),
])
def test_wrong_command_line(words, message):
    done = run(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_help():
    done = run("--help")
    assert done.returncode == 0
    assert "--scale" in done.stdout


def test_output_that_cannot_be_written_is_a_failure():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BENCH, "list"], stdout=full, timeout=60, check=False)
    assert done.returncode == 1

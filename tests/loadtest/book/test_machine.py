"""The description of machine and versions."""

import os
import subprocess

import pytest

from loadtest.book.failure import BookError
from loadtest.book.machine import describe_machine, machine_line
from loadtest.book.plan import Plan, usable_cores
from loadtest.book.program import clean_environment, run_program
from loadtest.book.resident_memory import resident_bytes, settled_bytes
from loadtest.book.strict_json import Fields
from loadtest.book.versions import PACKAGES, describe_versions, versions_line

FILES = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: Abacus 9\nflags\t\t: fpu hypervisor\n\nprocessor\t: 1\nmodel name\t: other\n",
    "proc/meminfo": "MemTotal:        2048 kB\nMemFree: 1 kB\n",
    "proc/loadavg": "0.50 0.1 0.1 1/1 1\n",
    "proc/sys/kernel/osrelease": "6.1.0-9\n",
    "etc/os-release": 'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12"\n',
    "sys/devices/system/cpu/cpu0/cache/index0/level": "1",
    "sys/devices/system/cpu/cpu0/cache/index0/type": "Data",
    "sys/devices/system/cpu/cpu0/cache/index0/size": "48K",
    "sys/devices/system/cpu/cpu0/cache/index3/level": "3",
    "sys/devices/system/cpu/cpu0/cache/index3/type": "Unified",
    "sys/devices/system/cpu/cpu0/cache/index3/size": "16384K",
    "sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0-1,8",
    "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
}


@pytest.fixture
def machine_root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_every_field(machine_root):
    assert describe_machine([0, 1], machine_root) == {
        "cpu": "Abacus 9", "cores": 2, "processors_of_the_machine": 2, "threads_per_core": 3, "caches": {"L1d": "48K", "L3": "16384K"},
        "memory_bytes": 2 << 20, "virtual_machine": True, "frequency_governor": "none", "transparent_huge_pages": "madvise",
        "kernel": "6.1.0-9", "distribution": "Debian GNU/Linux 12", "load_average_at_start": 0.5}


def test_a_container_has_less_memory_than_its_machine(machine_root):
    limit = machine_root / "sys/fs/cgroup/memory.max"
    limit.parent.mkdir(parents=True)
    limit.write_text("1048576\n")
    assert describe_machine([0], machine_root)["memory_bytes"] == 1 << 20
    limit.write_text("max\n")
    assert describe_machine([0], machine_root)["memory_bytes"] == 2 << 20


def test_a_machine_that_tells_nothing(tmp_path):
    told = describe_machine([0], tmp_path)
    assert told["cpu"] == told["distribution"] == "unknown"
    assert machine_line(Fields(told, "machine"))


def test_this_machine():
    told = describe_machine(usable_cores())
    line = machine_line(Fields(told, "machine"))
    assert told["memory_bytes"] > 1 << 20 and told["cores"] >= 1
    assert told["cpu"] in line and told["kernel"] in line
    assert os.uname().nodename not in line.replace(told["kernel"], ""), "no host name"


def test_versions(plan):
    program = plan.program("strata-server")
    program.write_text("#!/bin/sh\necho strata-server 7.8.9\n")
    program.chmod(0o755)
    (plan.build / "CMakeCache.txt").write_text("CMAKE_BUILD_TYPE:STRING=Release\n")
    told = describe_versions(plan)
    assert told["strata"]["version"] == "strata-server 7.8.9"
    assert told["strata"]["build_type"] == "Release"
    assert told["strata"]["revision"] == "unknown", "there is no repository"
    assert set(told["packages"]) == set(PACKAGES)
    assert versions_line(Fields(told, "versions")).startswith("strata-server 7.8.9 (unknown, Release), redis-server ")


def test_versions_without_a_build(plan):
    assert describe_versions(plan)["strata"]["version"] == "not built"


def test_the_revision_says_whether_files_were_changed(plan):
    root = plan.root
    git = ["git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*git, *words], check=True)
    (root / "docs" / "measurements.md").write_text("written by the book")
    clean = describe_versions(plan)["strata"]["revision"]
    assert len(clean) == 12
    (root / "source.cpp").write_text("int main() {}")
    assert describe_versions(plan)["strata"]["revision"] == f"{clean} with changes"


def test_recorded_commands_hold_no_path_of_this_machine(plan, monkeypatch):
    monkeypatch.setenv("STRATA_DATA", "/elsewhere/data")
    inside = Plan(root=plan.root, build=plan.root / "build")
    assert inside.shown([inside.root / "build/bin/x", "--a", f"LD_PRELOAD={inside.root}/build/lib/y.so", inside.root, 3]) == [
        "build/bin/x", "--a", "LD_PRELOAD=build/lib/y.so", ".", "3"]
    outside = Plan(root=plan.root, build=plan.root.parent / "elsewhere")
    assert outside.shown([outside.program("x"), "/elsewhere/data/traces/t.zst"]) == ["$BUILD/bin/x", "$STRATA_DATA/traces/t.zst"]


def test_variables_that_would_change_a_figure_are_taken_away(monkeypatch):
    monkeypatch.setenv("STRATA_MEMORY_POLICY", "noeviction")
    monkeypatch.setenv("LD_PRELOAD", "libjemalloc.so.2")
    monkeypatch.setenv("HARMLESS", "1")
    kept = clean_environment()
    assert "STRATA_MEMORY_POLICY" not in kept and "LD_PRELOAD" not in kept and kept["HARMLESS"] == "1"


def test_programs_that_fail(tmp_path):
    with pytest.raises(BookError, match=r"(?s)sh -c 'echo heard; echo cause >&2; exit 3'.*ended with 3.*heard.*cause$"):
        run_program(["sh", "-c", "echo heard; echo cause >&2; exit 3"], tmp_path)
    with pytest.raises(BookError, match="cannot start nowhere-at-all"):
        run_program(["nowhere-at-all"], tmp_path)
    with pytest.raises(BookError, match="ended by signal 9"):
        run_program(["sh", "-c", "kill -9 $$"], tmp_path)
    with pytest.raises(BookError, match="did not end within 0.05 s"):
        run_program(["sleep", "60"], tmp_path, timeout_s=0.05)


def test_resident_memory(tmp_path):
    assert resident_bytes(os.getpid()) > 1 << 20
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "smaps_rollup").write_text("0-1 ---p [rollup]\nRss:    12 kB\nPss: 3 kB\n")
    assert resident_bytes(7, tmp_path) == 12 * 1024
    with pytest.raises(BookError, match="smaps_rollup"):
        resident_bytes(8, tmp_path)


def test_memory_is_read_until_it_stands_still():
    readings = iter([100, 90, 80, 70, 70, 70, 70, 70, 1])
    pauses = []
    assert settled_bytes(lambda: next(readings), pauses.append) == 70
    assert len(pauses) == 7
    growing = iter(range(100, 1000))
    assert settled_bytes(lambda: next(growing), pauses.append, longest_s=2) == 109, "and no longer than that"

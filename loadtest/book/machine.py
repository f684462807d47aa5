"""Describes the machine that a figure was measured on. Nothing that names the machine itself, such as its host name, is taken."""

import os
from pathlib import Path

GIB = 1 << 30


def _read(path, otherwise=""):
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return otherwise


def _cpuinfo(root):
    """The first value of every key of /proc/cpuinfo, and the number of processors."""
    values, processors = {}, 0
    for line in _read(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        values.setdefault(name.strip(), value.strip())
        processors += name.strip() == "processor"
    return values, processors


def _threads_per_core(root):
    """How many processors share the first core."""
    count = 0
    for part in _read(root / "sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0").split(","):
        first, _, last = part.partition("-")
        count += int(last or first) - int(first) + 1
    return count


def _caches(root):
    """{"L1d": "32K", ...} of the first core."""
    caches = {}
    for index in sorted((root / "sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind = {"Data": "d", "Instruction": "i"}.get(_read(index / "type"), "")
        caches[f"L{_read(index / 'level', '?')}{kind}"] = _read(index / "size", "unknown")
    return caches


def _distribution(root):
    for line in _read(root / "etc/os-release").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return "unknown"


def _memory_bytes(root):
    """Of the machine, or the limit of the container if that is lower."""
    total = 0
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            total = int(line.split()[1]) * 1024
    limit = _read(root / "sys/fs/cgroup/memory.max", "max")
    return min(total, int(limit)) if limit.isdigit() else total


def _chosen(text):
    """The word in brackets: "always [madvise] never" is madvise."""
    return text.partition("[")[2].partition("]")[0] or "unknown"


def describe_machine(cores, root=Path("/")):
    """`cores`: numbers of the cores that this process may use."""
    cpu, processors = _cpuinfo(root)
    return {
        "cpu": cpu.get("model name", "unknown"),
        "cores": len(cores),
        "processors_of_the_machine": processors,
        "threads_per_core": _threads_per_core(root),
        "caches": _caches(root),
        "memory_bytes": _memory_bytes(root),
        "virtual_machine": "hypervisor" in cpu.get("flags", "").split(),
        "frequency_governor": _read(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
        "transparent_huge_pages": _chosen(_read(root / "sys/kernel/mm/transparent_hugepage/enabled")),
        "kernel": _read(root / "proc/sys/kernel/osrelease", os.uname().release),
        "distribution": _distribution(root),
        "load_average_at_start": float(_read(root / "proc/loadavg", "0").split()[0]),
    }


def machine_line(machine):
    """One sentence for a table. Takes Fields."""
    caches = machine.object("caches").value
    virtual = " of a virtual machine" if machine.flag("virtual_machine") else ""
    parts = [f"{machine.text('cpu')}, {machine.count('cores')} processors{virtual}, {machine.count('threads_per_core')} a core",
             ", ".join(f"{name} {size}" for name, size in caches.items()),
             f"{machine.count('memory_bytes') / GIB:.1f} GiB of memory",
             f"{machine.text('distribution')}, Linux {machine.text('kernel')}",
             f"huge pages {machine.text('transparent_huge_pages')}",
             f"load average at the start {machine.number('load_average_at_start'):.2f}"]
    return "; ".join(part for part in parts if part)

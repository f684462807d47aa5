"""malloc under the workloads of strata-allocator-bench: ours where it is built, and those of the distribution."""

from pathlib import Path
from statistics import geometric_mean

from loadtest.book.comparison import rotated
from loadtest.book.failure import BookError
from loadtest.book.program import run_program
from loadtest.book.report.layout import Chart, Metric, Table, decimals, mebibytes, significant
from loadtest.book.strict_json import Fields, parse_json, parse_object

TITLE = "Allocators"
USUAL_ROUNDS = 5
GLIBC = "glibc"

# Name as strata-allocator-bench tells it: (pattern of the library, package).
DISTRIBUTION = {
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "mimalloc": ("libmimalloc.so.2*", "libmimalloc2.0"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}


def find_allocators(plan, skip, libraries=Path("/usr/lib")):
    """{name: library to preload, None for glibc's own}."""
    found = {}
    ours = plan.build / "lib" / "libstrata_malloc.so"
    if ours.is_file():
        found["strata"] = ours
    else:
        skip("strata", f"{plan.relative(ours)} is not built")
    found[GLIBC] = None
    for name, (pattern, package) in DISTRIBUTION.items():
        library = next(iter(sorted(libraries.glob(f"*/{pattern}"))), None)
        if library is None:
            skip(name, f"{pattern} is not installed (package {package})")
        else:
            found[name] = library
    return found


def measure(plan, recording):
    bench, launcher = plan.program("strata-allocator-bench"), plan.program("strata-measure-child")
    for program in (bench, launcher):
        if not program.is_file():
            raise BookError(f"allocator: {plan.relative(program)} is not built")
    found = find_allocators(plan, recording.skip)
    recording.subjects = list(found)
    scale = 0.01 if plan.quick else 1
    listed, _ = run_program([plan.relative(bench), "list", "--json"], plan.root)
    workloads = [Fields(entry, "strata-allocator-bench list") for entry in parse_json(listed, "strata-allocator-bench list")]
    recording.parameters = {"scale": scale, "workloads": [workload.value for workload in workloads]}
    plan.scratch.mkdir(parents=True, exist_ok=True)
    for workload in workloads:
        name = workload.text("workload")
        plan.note(f"allocator: {name}")
        for round_number in plan.rounds(USUAL_ROUNDS):
            for allocator in rotated(list(found), round_number):
                words, told, used = _run(plan, (launcher, bench), allocator, found[allocator], ["--scale", scale], name)
                recording.add({"workload": name}, allocator, round_number, _values(told, used), [plan.shown(words)],
                              {"bench": told.value, "process": used.value})


def _run(plan, programs, allocator, library, options, workload):
    launcher, bench = map(plan.relative, programs)
    report = plan.scratch / "measure-child.json"
    report.unlink(missing_ok=True)
    preload = [] if library is None else ["--env", f"LD_PRELOAD={library}"]
    words = [launcher, "--output", plan.relative(report), *preload, "--", bench, workload, *options]
    output, _ = run_program(words, plan.root)
    where = f"{workload} under {allocator}"
    told = parse_object(output, where)
    if told.text("workload") != workload or told.text("allocator") != allocator:
        raise BookError(f"{where}: {told.text('workload')} ran under {told.text('allocator')}; LD_PRELOAD had no effect: {preload}")
    try:
        used = parse_object(report.read_text(), f"{where}, process")
    except OSError as error:
        raise BookError(f"{report}: {error.strerror}") from None
    return words, told, used


def _values(told, used):
    values = {"seconds": told.number("seconds"), "ns_per_operation": told.number("ns_per_operation"),
              "peak_resident_bytes": used.count("peak_resident_bytes")}
    if "resident_bytes" in told.value:
        live, resident = told.count("requested_bytes_live"), told.count("resident_bytes")
        values |= {"requested_bytes_live": live, "resident_bytes": resident}
        if live:
            values["resident_of_requested"] = (resident - told.count("resident_at_start_bytes")) / live
    return values


def geometric_means(measurements):
    """Of seconds and peak over all workloads, for each subject and round that has them all."""
    workloads = {measurement["row"]["workload"] for measurement in measurements}
    means = []
    for subject, round_number in sorted({(measurement["subject"], measurement["round"]) for measurement in measurements}):
        own = [measurement for measurement in measurements
               if measurement["subject"] == subject and measurement["round"] == round_number and not measurement["excluded"]]
        if len(own) != len(workloads):
            continue
        values = {key: geometric_mean([measurement["values"][key] for measurement in own])
                  for key in ("seconds", "peak_resident_bytes")}
        means.append(own[0] | {"row": {"workload": f"geometric mean of {len(own)}"}, "values": values})
    return means


def sizes_of_latency(measurements):
    """A row for each size of block that the workload `latency` timed in batches."""
    return [measurement | {"row": {"workload": f"{size['size_bytes']:,} B, batches of {size['batch']}"}, "values": size}
            for measurement in measurements for size in measurement["output"]["bench"]["sizes"]]


_LABELS = (("workload", "workload"),)

TABLES = (
    Table(
        TITLE,
        _LABELS,
        (Metric("seconds", "seconds", significant, "less"), Metric("ns_per_operation", "ns an operation", significant),
         Metric("peak_resident_bytes", "peak RSS MiB", mebibytes, "less")),
        "Each workload under each allocator, loaded with LD_PRELOAD; the program itself says which malloc it ran under. Its "
        "parameters are in the raw results and printed by `strata-allocator-bench list`. The peak is that of the program's "
        "process alone."),
    Table(
        f"{TITLE}: resident for requested",
        _LABELS,
        (Metric("requested_bytes_live", "requested MiB", mebibytes), Metric("resident_bytes", "RSS MiB", mebibytes),
         Metric("resident_of_requested", "RSS growth / requested", decimals(3), "less")),
        "At the workload's own moment of looking: what the live blocks were asked to hold, and what the process had resident.",
        lambda measurement: "resident_of_requested" in measurement["values"]),
    Table(
        f"{TITLE}: all workloads together",
        _LABELS,
        (Metric("seconds", "seconds", significant, "less"), Metric("peak_resident_bytes", "peak RSS MiB", mebibytes, "less")),
        "The geometric mean over all workloads; what is compared is that of a round.",
        derive=geometric_means),
    Table(
        f"{TITLE}: latency",
        (("workload", "size"),),
        (Metric("malloc_ns_median", "malloc ns, median", significant), Metric("malloc_ns_p999", "p99.9", significant),
         Metric("free_ns_median", "free ns, median", significant), Metric("free_ns_p999", "p99.9", significant)),
        "The workload `latency`: a batch of blocks is allocated, then freed, and each half is timed as a whole; the figures are of a batch by its "
        "number of blocks. Nothing is written to them.",
        lambda measurement: "sizes" in measurement["output"]["bench"],
        sizes_of_latency),
)

CHARTS = (
    Chart("allocator-time", "Time of the allocator workloads (less is better)", "ns an operation", "ns_per_operation",
          lambda row: row["workload"]),
)

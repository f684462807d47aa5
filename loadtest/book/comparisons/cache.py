"""What an operation of the cache costs inside the process, without a server around it."""

from loadtest.book.failure import BookError, Unavailable
from loadtest.book.program import run_program
from loadtest.book.report.layout import Chart, Metric, Table, decimals, significant
from loadtest.book.strict_json import Fields, parse_object

TITLE = "Cache, in process"
USUAL_ROUNDS = 5
PROGRAM = "strata_cache_bench"
FLOOR = "chase"
_NS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}


def measure(plan, recording):
    program = plan.program(PROGRAM)
    if not program.is_file():
        raise Unavailable(f"{plan.relative(program)} is not built (./dev build --target strata_benchmarks)")
    words = ["taskset", "-c", plan.server_core, plan.relative(program), "--benchmark_format=json"]
    words += ["--benchmark_min_time=0.01"] if plan.quick else []
    recording.parameters = {"program": PROGRAM}
    for round_number in plan.rounds(USUAL_ROUNDS):
        plan.note(f"cache: round {round_number + 1}")
        output, _ = run_program(words, plan.root)
        times = read_times(parse_object(output, PROGRAM))
        for row, values in with_floors(times):
            recording.add(row, "strata", round_number, values, [plan.shown(words)], {})


def read_times(told):
    """{name of the benchmark: ns an operation}, from Google Benchmark's JSON."""
    times = {}
    for number, entry in enumerate(told.array("benchmarks")):
        entry = Fields(entry, f"{told.where}, benchmark {number}")
        name = entry.text("name")
        if entry.value.get("error_occurred"):
            raise BookError(f"{entry.where}: {name} failed: {entry.value.get('error_message', '(no message)')}")
        if entry.text("run_type") != "iteration":
            continue
        unit = entry.text("time_unit")
        if unit not in _NS:
            raise BookError(f"{entry.where}: {name}: unknown time unit \"{unit}\"")
        times[name] = entry.number("real_time") * _NS[unit]
    if not times:
        raise BookError(f"{told.where}: no benchmark ran")
    return times


def _parts(name):
    """Operation and parameters of NAME/PARAMETER/... without what Google Benchmark appends about its own way of measuring."""
    operation, *words = name.split("/")
    return operation, "/".join(word for word in words if ":" not in word and not word.endswith("_time"))


def with_floors(times):
    """(row, values) for each benchmark; the pointer chase with the same parameters is its floor."""
    floors = {_parts(name)[1]: ns for name, ns in times.items() if FLOOR in name.lower()}
    rows = []
    for name, ns in times.items():
        operation, parameters = _parts(name)
        values = {"ns": ns}
        if FLOOR not in name.lower() and floors.get(parameters, 0) > 0:
            values |= {"chase_ns": floors[parameters], "of_chase": ns / floors[parameters]}
        rows.append(({"operation": operation, "parameters": parameters or "-"}, values))
    return rows


TABLES = (
    Table(
        TITLE,
        (("operation", "operation"), ("parameters", "parameters")),
        (Metric("ns", "ns an operation", significant), Metric("chase_ns", "pointer chase ns", significant),
         Metric("of_chase", "operation / chase", decimals(2))),
        "Google Benchmark, one core. The pointer chase follows a chain of dependent loads through as much memory as the "
        "operation beside it uses: below its time there is nothing to gain without touching less memory."),
)

CHARTS = (
    Chart("cache", "Operations of the cache (less is better)", "ns an operation", "ns",
          lambda row: f"{row['operation']} {row['parameters']}"),
)

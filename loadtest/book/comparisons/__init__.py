"""The comparisons of the book, by name.

Each module has TITLE; USUAL_ROUNDS; measure(plan, recording), which fills the recording; TABLES and CHARTS.
"""

from loadtest.book.comparisons import allocator, cache, cpu, generator, hitratio, latency, memory, throughput

COMPARISONS = {
    "generator": generator,
    "throughput": throughput,
    "cpu": cpu,
    "latency": latency,
    "memory": memory,
    "hitratio": hitratio,
    "allocator": allocator,
    "cache": cache,
}

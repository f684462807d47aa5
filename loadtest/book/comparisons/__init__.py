"""The comparisons of the book, by name.

Each module has TITLE; USUAL_ROUNDS; measure(plan, recording), which fills the recording; TABLES and CHARTS. OPTIONS names the fields of
the plan that it alone heeds.
"""

from loadtest.book.comparisons import allocator, cache, cpu, generator, hitratio, latency, limit, memory, presets, smoothness, throughput

COMPARISONS = {
    "generator": generator,
    "throughput": throughput,
    "cpu": cpu,
    "latency": latency,
    "memory": memory,
    "limit": limit,
    "smoothness": smoothness,
    "hitratio": hitratio,
    "presets": presets,
    "allocator": allocator,
    "cache": cache,
}

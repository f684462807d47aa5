"""What a comparison's tables and charts look like. Each comparison says so beside its measuring."""

from dataclasses import dataclass
from typing import Callable

MIB = 1 << 20


def whole(value):
    return f"{value:,.0f}"


def decimals(places):
    return lambda value: f"{value:,.{places}f}"


def significant(value):
    """Three figures, whatever the size: times from nanoseconds to minutes stand in one column."""
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    places = 2
    size = abs(value)
    while size >= 10:
        size, places = size / 10, places - 1
    while size < 1:
        size, places = size * 10, places + 1
    return f"{value:.{places}f}"


def mebibytes(value):
    return f"{value / MIB:,.1f}"


def everything(_measurement):
    return True


@dataclass(frozen=True)
class Metric:
    """A figure of a table. `better`: "less", "more", or None where none is, and so none is compared."""

    key: str  # among the values of a measurement
    title: str
    show: Callable
    better: str | None = None


@dataclass(frozen=True)
class Table:
    title: str
    labels: tuple  # (key in the row, title) of the columns that name a row
    metrics: tuple
    text: str  # what was done and how to read it; {name} stands for a parameter of the recording
    select: Callable = everything  # which measurements belong to it
    derive: Callable | None = None  # of the measurements: those to show instead


@dataclass(frozen=True)
class Chart:
    """Bars: a group for every row, a bar for every subject."""

    file: str
    title: str
    unit: str
    metric: str
    group: Callable  # of a row: its name
    select: Callable = everything
    derive: Callable | None = None


@dataclass(frozen=True)
class Lines:
    """Lines over time: a panel for every subject, from the samples that its first measurement left in its output."""

    file: str
    title: str
    units: tuple  # of time and of the figures
    lines: tuple  # (key in a sample, name)
    scale: float = 1  # figures are divided by it
    time: str = "second"  # key in a sample
    select: Callable = everything

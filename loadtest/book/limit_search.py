"""Finds the memory limit at which a server really uses a given amount of memory.

Servers count differently what belongs to their limit: to compare hit ratios at the same cost, the limit is varied until the growth
of resident memory over the empty server equals the budget.
"""

from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass
class Search:
    """`points`: (limit, growth) as measured; growth is None where the server refused to work under that limit."""

    budget_bytes: int
    points: list = field(default_factory=list)
    problem: str | None = None  # why the budget was not met

    @property
    def best(self):
        """The point whose growth is nearest to the budget, or None."""
        known = [point for point in self.points if point[1] is not None]
        return min(known, key=lambda point: abs(point[1] - self.budget_bytes), default=None)


def within(growth_bytes, budget_bytes, tolerance):
    return abs(growth_bytes - budget_bytes) <= tolerance * budget_bytes


def find_limit(growth_at, budget_bytes, smallest_bytes, step_bytes, tolerance=0.02, most_points=8):
    """Secant steps on growth_at(limit) = budget, from limit = budget on, kept within what earlier points allow.

    growth_at returns the growth in bytes, or None if the server refuses. Limits are multiples of step_bytes, from smallest_bytes on.
    """
    search = Search(budget_bytes)
    limit = max(_rounded(budget_bytes, step_bytes), smallest_bytes)
    while True:
        growth = growth_at(limit)
        search.points.append((limit, growth))
        if growth is not None and within(growth, budget_bytes, tolerance):
            return search
        search.problem = _reason_to_stop(search, smallest_bytes, most_points)
        if search.problem:
            return search
        wanted = max(_rounded(_next_limit(search), step_bytes), smallest_bytes)
        if any(wanted == measured for measured, _ in search.points):
            wanted = _neighbour_towards_budget(search, step_bytes)
        if wanted is None:
            search.problem = f"its limit counts in steps of {step_bytes / MIB:.3g} MiB, and no step meets it"
            return search
        limit = wanted


def _rounded(limit, step):
    return max(step, round(limit / step) * step)


def _bracket(search):
    """(the largest limit that is too small, the smallest that is too large); None where there is none yet."""
    too_small = [limit for limit, growth in search.points if growth is None or growth < search.budget_bytes]
    too_large = [limit for limit, growth in search.points if growth is not None and growth > search.budget_bytes]
    high = min(too_large, default=None)
    # Growth is not quite the same twice: a limit beyond one that was too large does not count as too small.
    low = max((limit for limit in too_small if high is None or limit < high), default=None)
    return low, high


def _reason_to_stop(search, smallest, most_points):
    limit, growth = search.points[-1]
    if growth is not None and growth > search.budget_bytes and limit <= smallest:
        return f"at its smallest limit, {limit / MIB:.3g} MiB, it still grows by {growth / MIB:.1f} MiB"
    known = [growth for _, growth in search.points if growth is not None]
    if len(known) >= 3 and max(known[-3:]) < search.budget_bytes and max(known[-3:]) - min(known[-3:]) <= 0.01 * known[-1]:
        return f"it grows by no more than {known[-1] / MIB:.1f} MiB, however high its limit"
    if len(search.points) >= most_points:
        return f"not met with {most_points} limits"
    return None


def _next_limit(search):
    low, high = _bracket(search)
    guess = _secant(search)
    if guess is None or (low is not None and guess <= low) or (high is not None and guess >= high):
        if low is None:
            return high / 2
        if high is None:
            return low * 2
        return (low + high) / 2
    return guess


def _secant(search):
    known = [point for point in search.points if point[1] is not None]
    if not known:
        return None
    limit, growth = known[-1]
    if len(known) == 1:
        return limit * search.budget_bytes / growth if growth > 0 else None
    before, growth_before = known[-2]
    if growth == growth_before:
        return None
    slope = (growth - growth_before) / (limit - before)
    return limit + (search.budget_bytes - growth) / slope if slope > 0 else None


def _neighbour_towards_budget(search, step):
    """A limit not measured yet between the bracket's ends; None if there is none."""
    low, high = _bracket(search)
    if low is None or high is None:
        return None
    middle = low + (high - low) // step // 2 * step
    return middle if low < middle < high else None

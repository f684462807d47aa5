"""The statistics of the book: alternating rounds, medians, spreads, ratios and what counts as a difference.

In every round each subject is measured once, one right after the other, in an order that moves on by one place a round. A
machine that is shared drifts over minutes, and such a drift hits all subjects of a round alike: so the ratio of two subjects is
taken within each round, and the median of these ratios is the result.

The spread of a row of figures is the distance from the lowest to the highest of them over their median, after one figure in six
has been dropped at either end (none below six rounds, one at each end from six on). For ratios it is the highest over the
lowest, less 1, and a ratio is a difference if it is further from 1 than that, as a factor: it must not matter who is divided by
whom. Unlike the full range the spread survives a round in which the machine was doing something else, and does not swallow every
difference as rounds are added. Simulated with a noise of 2 % and a drift of 5 % between rounds, the rule calls two equal subjects
different 1 time in 100 with five rounds, 2 with seven and 8 with three; quartiles would do so 17 times with five. Comparing the
subjects' own spreads instead of that of their ratio would throw the pairing away, and miss three of four differences of a tenth.
"""

import statistics
from dataclasses import dataclass

# Differences smaller than a table can show are none.
RESOLUTION = 0.005


def rotated(subjects, round_number):
    """The order of a round: the same subjects, beginning one further each round."""
    if not subjects:
        return []
    start = round_number % len(subjects)
    return [*subjects[start:], *subjects[:start]]


def spread(values):
    """Relative; None where one figure alone has none. Figures around zero have no relative spread either."""
    middle = statistics.median(values)
    if len(values) < 2 or middle <= 0:
        return None
    low, high = _trimmed_ends(values)
    return (high - low) / middle


def _trimmed_ends(values):
    ordered = sorted(values)
    dropped = len(ordered) // 6
    return ordered[dropped], ordered[-1 - dropped]


@dataclass(frozen=True)
class Summary:
    """Of one figure of one subject."""

    median: float
    spread: float | None
    rounds: int


def summarise(values):
    return Summary(statistics.median(values), spread(values), len(values))


@dataclass(frozen=True)
class Comparison:
    """Of ours with one peer. `ratio` is ours/peer."""

    ratio: float
    spread: float | None  # None: one round only

    @property
    def different(self):
        return self.spread is not None and max(self.ratio, 1 / self.ratio) - 1 > max(self.spread, RESOLUTION)


def compare(ours, peer):
    """Both {round: figure}. None if they share no round, or a figure is not above zero and so has no ratio."""
    rounds = sorted(ours.keys() & peer.keys())
    if not rounds or min(min(ours[number], peer[number]) for number in rounds) <= 0:
        return None
    ratios = [ours[number] / peer[number] for number in rounds]
    low, high = _trimmed_ends(ratios)
    return Comparison(statistics.median(ratios), high / low - 1 if len(ratios) > 1 else None)

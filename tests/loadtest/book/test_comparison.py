"""What counts as a difference."""

import random

import pytest

from loadtest.book.comparison import compare, rotated, spread, summarise


def by_round(*figures):
    return dict(enumerate(figures))


def test_every_subject_is_measured_in_every_place():
    subjects = ["a", "b", "c"]
    orders = [rotated(subjects, number) for number in range(4)]
    assert orders == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]
    assert rotated([], 5) == []


def test_the_spread_of_few_rounds_is_their_range_over_the_median():
    assert spread([9, 10, 12]) == pytest.approx(0.3)
    assert spread([10, 10, 10]) == 0
    assert spread([10]) is None
    assert spread([-1, 0, 1]) is None


def test_from_six_rounds_on_one_bad_round_at_either_end_does_not_count():
    assert spread([10, 10, 10, 10, 10, 90]) == 0
    assert spread([10, 10, 10, 10, 90]) == pytest.approx(8)
    assert spread([10, 10, 10, 10, 90, 90]) == pytest.approx(8)


def test_a_summary_is_the_median():
    assert summarise([3, 100, 1]).median == 3


def test_the_ratio_is_taken_within_rounds():
    """The machine is three times slower in the second round; each round still shows the same ratio."""
    comparison = compare(by_round(8, 24, 8), by_round(10, 30, 10))
    assert comparison.ratio == pytest.approx(0.8)
    assert comparison.spread == pytest.approx(0)
    assert comparison.different


def test_inside_the_spread_there_is_no_difference():
    assert not compare(by_round(8, 10, 12), by_round(10, 10, 10)).different
    assert not compare(by_round(8.5, 9.5, 9.4), by_round(10, 10, 10)).different
    assert compare(by_round(8.4, 8.5, 8.6), by_round(10, 10, 10)).different


def test_what_a_table_can_not_show_is_no_difference():
    assert not compare(by_round(1000, 1000, 1000), by_round(1004, 1004, 1004)).different
    assert compare(by_round(1000, 1000, 1000), by_round(1008, 1008, 1008)).different


def test_it_does_not_matter_who_is_divided_by_whom():
    generator = random.Random(1)
    for _ in range(500):
        ours = by_round(*(generator.uniform(1, 3) for _ in range(5)))
        peer = by_round(*(generator.uniform(2, 4) for _ in range(5)))
        assert compare(ours, peer).different == compare(peer, ours).different


def test_one_round_tells_a_ratio_and_no_difference():
    comparison = compare({0: 5}, {0: 10})
    assert comparison.ratio == 0.5
    assert comparison.spread is None and not comparison.different


def test_no_ratio_without_common_rounds_or_of_figures_that_are_not_positive():
    assert compare({0: 1}, {1: 1}) is None
    assert compare(by_round(1, 1), by_round(1, 0)) is None
    assert compare(by_round(-1, 1), by_round(1, 1)) is None


@pytest.mark.parametrize("rounds,most", [(3, 0.10), (5, 0.015), (7, 0.03)])
def test_equal_subjects_are_seldom_called_different(rounds, most):
    """The figures in the description of the rule: noise of 2 %, drift of 5 % from round to round."""
    generator = random.Random(7)
    wrong = 0
    for _ in range(2000):
        drift = [generator.gauss(1, 0.05) for _ in range(rounds)]
        ours, peer = ([moment + generator.gauss(0, 0.02) for moment in drift] for _ in range(2))
        wrong += compare(by_round(*ours), by_round(*peer)).different
    assert wrong / 2000 <= most

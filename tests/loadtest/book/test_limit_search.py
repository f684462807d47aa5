"""The search for a limit, against models of servers."""

import pytest

from loadtest.book.limit_search import find_limit, within

MIB = 1 << 20
BUDGET = 26 * MIB


def search(growth_at, smallest=MIB, step=4096, **options):
    return find_limit(growth_at, BUDGET, smallest, step, **options)


def met(found):
    return found.problem is None and within(found.points[-1][1], BUDGET, 0.02)


@pytest.mark.parametrize("growth_at", [
    lambda limit: limit,
    lambda limit: 1.3 * limit,
    lambda limit: 0.7 * limit,
    lambda limit: 1.2 * limit - 3 * MIB,
    lambda limit: 0.9 * limit + 8 * MIB,
    lambda limit: limit ** 1.2 / 20,
    lambda limit: limit // (3 * MIB) * 3 * MIB + 0.6 * (limit % (3 * MIB)),
], ids=["exact", "fragmented", "frugal", "counts its base", "buffers beside", "curved", "steps"])
def test_servers_that_count_in_different_ways(growth_at):
    found = search(growth_at)
    assert met(found), found
    assert len(found.points) <= 6
    assert found.points[0][0] == BUDGET, "the first limit is what a user would set"
    assert all(limit % 4096 == 0 for limit, _ in found.points)


def test_growth_that_is_never_the_same_twice():
    noise = iter([1.01, 0.99, 1.008, 0.995, 1.004, 0.997, 1.0, 1.0])
    assert met(search(lambda limit: limit * 1.25 * next(noise)))


def test_a_server_that_refuses_small_limits():
    refused = []

    def growth_at(limit):
        if limit < 10 * MIB:
            refused.append(limit)
            return None
        return 2.0 * limit
    found = search(growth_at)
    assert met(found)

    always = find_limit(lambda limit: None if limit <= BUDGET else limit - 5 * MIB, BUDGET, MIB, 4096)
    assert met(always), "a refusal means that the limit was too small"


def test_a_server_that_is_never_small_enough():
    found = search(lambda limit: max(limit, 60 * MIB), smallest=4 * MIB, step=MIB)
    assert "at its smallest limit, 4 MiB, it still grows by 60.0 MiB" in found.problem
    assert found.best[1] == 60 * MIB


def test_a_server_that_never_fills_the_budget():
    found = search(lambda limit: min(limit / 2, 9 * MIB), most_points=20)
    assert "no more than 9.0 MiB" in found.problem


def test_limits_that_come_in_large_steps():
    found = search(lambda limit: 1.25 * limit, step=8 * MIB)
    assert "steps of 8 MiB" in found.problem
    assert found.best == (24 * MIB, 1.25 * 24 * MIB)


def test_it_gives_up():
    found = search(lambda limit: 0.9 * BUDGET if limit < 25.123456 * MIB else 1.1 * BUDGET, most_points=5)
    assert found.problem == "not met with 5 limits"
    assert len(found.points) == 5
    assert len({limit for limit, _ in found.points}) == 5, "no limit twice"


def test_a_server_that_refuses_everything():
    found = search(lambda limit: None)
    assert found.best is None and found.problem

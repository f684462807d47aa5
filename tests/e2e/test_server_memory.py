"""The memory limit, eviction and expiry, as a client sees them."""

import os
import re

import pytest

from resp_connection import OK, Error, Status
from server_process import StartFailure, peer_is_redis, wait_until

LIMIT = 32 << 20
VALUE = b"v" * 10_000
OOM = Error("OOM command not allowed when used memory > 'maxmemory'.")
# redis-server looks at its memory before a command, not during. Ours charges what was replaced until no thread can read it any more: up to 4 MiB.
TOLERANCE = (1 if peer_is_redis() else 4) << 20


def used_memory(server):
    return int(server.info("memory")["used_memory"])


def fill_until_refused(connection, prefix="k", value=VALUE, options=()):
    for number in range(20_000):
        reply = connection.call("SET", f"{prefix}:{number}", value, *options)
        if reply != OK:
            return number, reply
    raise AssertionError("the limit has no effect")


OUR_POLICIES = ("s3fifo", "sieve", "clock", "fifo", "lru", "mru")


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random",
                                    *(pytest.param(name, marks=pytest.mark.strata_only) for name in OUR_POLICIES)])
def test_eviction_keeps_the_limit(start_server, policy):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": policy})
    with server.connect() as connection:
        for batch in range(100):
            replies = connection.pipeline([("SET", f"k:{batch}:{i}", VALUE) for i in range(100)])
            assert replies == [OK] * 100
            assert used_memory(server) <= LIMIT + TOLERANCE
        assert connection.call("GET", "k:99:99") == VALUE
        info = server.info()
        size = int(re.match(r"keys=(\d+)", info["db0"]).group(1))
        assert size + int(info["evicted_keys"]) == 10_000
        # At least half of the limit is used for values: eviction does not empty the cache.
        assert size * len(VALUE) > LIMIT // 2


@pytest.mark.strata_only
def test_names_that_redis_does_not_know_are_shown_as_those_it_knows(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "lfu"})
    with server.connect() as connection:
        for name, shown in (("lfu", b"allkeys-lfu"), ("random", b"allkeys-random"), ("ttl", b"volatile-ttl"), ("lru", b"lru")):
            assert connection.call("CONFIG", "SET", "maxmemory-policy", name) == OK
            assert connection.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", shown]
            assert server.info("memory")["maxmemory_policy"] == shown.decode()
        error = connection.call("CONFIG", "SET", "maxmemory-policy", "custom")
        assert "the server has none" in str(error)
        assert connection.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"lru"]


@pytest.mark.strata_only
def test_samples_are_counted(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "lfu", "memory.eviction_samples": 20})
    with server.connect() as connection:
        assert server.info("stats")["strata_eviction_samples"] == "0"
        for batch in range(100):
            connection.pipeline([("SET", f"k:{batch}:{i}", VALUE) for i in range(100)])
        stats = server.info("stats")
        assert int(stats["strata_eviction_samples"]) >= 15 * int(stats["evicted_keys"]) > 0


@pytest.mark.strata_only
def test_the_policy_changes_under_load_and_nothing_is_lost(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "s3fifo"})
    with server.connect() as connection:
        for turn, policy in enumerate(("s3fifo", *OUR_POLICIES, "allkeys-lru", "allkeys-lfu", "allkeys-random", "s3fifo")):
            before = connection.call("DBSIZE")
            assert connection.call("CONFIG", "SET", "maxmemory-policy", policy) == OK
            assert connection.call("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", policy.encode()]
            assert connection.call("DBSIZE") >= before * 0.9
            for number in range(4_000):
                key = f"k:{turn}:{number}"
                assert connection.call("SET", key, f"{key}:".encode() + VALUE) == OK
                for other in (number, number // 2):
                    value = connection.call("GET", f"k:{turn}:{other}")
                    assert value in (None, f"k:{turn}:{other}:".encode() + VALUE)
            assert used_memory(server) <= LIMIT + TOLERANCE
        stats = server.info("stats")
        assert int(stats["strata_promoted_keys"]) > 0
        assert 0 < int(stats["strata_evicted_new_keys"]) < int(stats["evicted_keys"])


@pytest.mark.skipif(peer_is_redis() or os.environ.get("STRATA_SANITIZER", "") != "", reason="another malloc serves the process")
def test_the_engine_serves_the_whole_process(start_server):
    server = start_server({})
    before = server.info("memory")
    assert before["mem_allocator"].startswith("strata-")
    grown = lambda: int(server.info("memory")["allocator_active"]) - int(before["allocator_active"])
    # Items have memory of their own; what clients make the server hold for them comes from new.
    connections = [server.connect() for _ in range(200)]
    for connection in connections:
        connection.send_bytes(b"*2\r\n$4\r\nECHO\r\n$100000\r\n" + b"x" * 12_000)
    wait_until(lambda: grown() > 200 * 12_000, "the requests that are not complete are held")
    for connection in connections:
        connection.close()


def test_recently_used_keys_survive_under_lru(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "allkeys-lru", "memory.eviction_samples": 10})
    with server.connect() as connection:
        hot = [f"hot:{i}" for i in range(200)]
        connection.pipeline([("SET", key, VALUE) for key in hot])
        connection.pipeline([("SET", f"old:{i}", VALUE) for i in range(2_000)])
        # The clock of an approximate LRU may tick once a second only.
        start = int(connection.call("TIME")[0])
        wait_until(lambda: int(connection.call("TIME")[0]) > start + 1, "time passes")
        assert connection.call("MGET", *hot) == [VALUE] * 200
        for number in range(10_000):
            assert connection.call("SET", f"new:{number}", VALUE) == OK
            if int(number % 100 == 0 and server.info("stats")["evicted_keys"]) > 500:
                break
        # A sample may hold nothing older than a hot key, now and then; eviction by chance would leave some 150 of them.
        assert connection.call("EXISTS", *hot) >= 190
        assert 0 < connection.call("EXISTS", *(f"old:{i}" for i in range(2_000))) < 2_000


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-lfu", "volatile-ttl", "volatile-random"])
def test_volatile_policies_touch_keys_with_expiry_only(start_server, policy):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": policy})
    with server.connect() as connection:
        assert connection.pipeline([("SET", f"stay:{i}", VALUE) for i in range(500)]) == [OK] * 500
        assert connection.pipeline([("SET", f"go:{i}", VALUE, "EX", 100_000 + i) for i in range(10_000)]) == [OK] * 10_000
        assert connection.call("EXISTS", *(f"stay:{i}" for i in range(500))) == 500
        assert int(server.info("stats")["evicted_keys"]) > 1_000
        _, reply = fill_until_refused(connection, "more")
        assert reply == OOM
        assert connection.call("EXISTS", *(f"go:{i}" for i in range(10_000))) == 0


def test_lowered_limit_evicts(start_server):
    server = start_server({"memory.max_memory": 2 * LIMIT, "memory.policy": "allkeys-lru"})
    with server.connect() as connection:
        connection.pipeline([("SET", f"k:{i}", VALUE) for i in range(5_000)])
        assert used_memory(server) > LIMIT
        assert connection.call("CONFIG", "SET", "maxmemory", LIMIT) == OK

        def small_enough():
            connection.call("SET", "k:new", "v")
            return used_memory(server) <= LIMIT + TOLERANCE

        wait_until(small_enough, "the lower limit is kept")


@pytest.mark.strata_only  # redis-server takes it, and is over its limit then
@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
def test_value_larger_than_the_limit_is_refused(start_server, policy):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": policy})
    with server.connect() as connection:
        assert connection.call("SET", "small", "v") == OK
        assert connection.call("SET", "large", b"x" * (2 * LIMIT)) == OOM
        assert connection.call("EXISTS", "large") == 0
        assert connection.call("SET", "other", "v") == OK
        assert used_memory(server) <= LIMIT


def test_memory_comes_back_after_flush(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "noeviction"})
    with server.connect() as connection:
        for command in ("FLUSHALL", "FLUSHDB"):
            fill_until_refused(connection)
            assert connection.call(command) == OK
            assert connection.call("DBSIZE") == 0
            wait_until(lambda: used_memory(server) < LIMIT // 2, f"the memory comes back after {command}")


def test_overwriting_does_not_leak(start_server):
    server = start_server({"memory.max_memory": LIMIT, "memory.policy": "noeviction"})
    with server.connect() as connection:
        for size in (10, 5_000, 100_000, 1):
            for _ in range(20):
                replies = connection.pipeline([("SET", f"k:{i}", b"x" * size) for i in range(100)])
                assert replies == [OK] * 100


# Expiry ------------------------------------------------------------------------------------------------------------------


def test_expired_keys_go_without_being_touched(start_server):
    server = start_server({"memory.max_memory": 10 * LIMIT})
    with server.connect() as connection:
        connection.pipeline([("SET", f"k:{i}", "v", "PX", 20 + i % 50) for i in range(2_000)])
        connection.pipeline([("SET", f"stay:{i}", "v", "EX", 10_000) for i in range(100)])
        wait_until(lambda: connection.call("DBSIZE") == 100, "active expiry removes what nobody reads")
        assert server.info("stats")["expired_keys"] == "2000"
        assert server.info("keyspace")["db0"].startswith("keys=100,expires=100,")


def test_expired_key_is_never_seen(start_server):
    server = start_server()
    with server.connect() as connection:
        connection.call("SET", "k", "v", "PX", 30)
        # Whenever it looks there, it is whole; once gone, it stays gone.
        wait_until(lambda: connection.call("GET", "k") != b"v", "the key expires")
        assert connection.call("GET", "k") is None
        assert connection.call("TYPE", "k") == Status("none")
        assert connection.call("SCAN", 0, "COUNT", 1000) == [b"0", []]
        assert connection.call("SET", "k", "again") == OK
        assert connection.call("TTL", "k") == -1
        assert int(server.info("stats")["expired_keys"]) == 1
        assert int(server.info("stats")["evicted_keys"]) == 0


def test_expiry_in_every_database(start_server):
    server = start_server()
    with server.connect() as connection:
        for database in (0, 7, 15):
            connection.call("SELECT", database)
            connection.pipeline([("SET", f"k:{i}", "v", "PX", 10) for i in range(50)])
        wait_until(lambda: not server.info("keyspace"), "all databases are empty")
        assert server.info("stats")["expired_keys"] == "150"


@pytest.mark.strata_only
def test_the_limit_gives_way_and_comes_back(start_server):
    """What is to be left to others is more than any machine has, and then nothing to speak of."""
    server = start_server({"memory.max_memory": 32 << 20, "dynamic_sizing.enabled": "yes", "dynamic_sizing.min_memory": "12mb",
                           "dynamic_sizing.interval": "20ms", "dynamic_sizing.calm": "20ms"})
    with server.connect() as connection:
        for number in range(2_500):
            assert connection.call("SET", f"k:{number}", VALUE) == OK
        assert int(server.info("memory")["strata_limit_bytes"]) == 32 << 20
        assert connection.call("CONFIG", "SET", "dynamic_sizing.reserve", "8tb") == OK
        wait_until(lambda: int(server.info("memory")["strata_limit_bytes"]) == 12 << 20, "the limit gives way")
        wait_until(lambda: used_memory(server) <= (12 << 20) + TOLERANCE, "and what is held with it")
        assert connection.call("DBSIZE") > 500
        assert server.info("memory")["maxmemory"] == str(32 << 20)
        assert connection.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", str(32 << 20).encode()]
        assert connection.call("CONFIG", "SET", "dynamic_sizing.reserve", "1mb") == OK
        wait_until(lambda: int(server.info("memory")["strata_limit_bytes"]) == 32 << 20, "it comes back")
        assert connection.call("SET", "k", VALUE) == OK


@pytest.mark.strata_only
def test_more_than_the_machine_can_bear_has_to_be_forced(start_server):
    server = start_server({"memory.max_memory": LIMIT})
    with server.connect() as connection:
        refused = connection.call("CONFIG", "SET", "maxmemory", 8 << 40)
        assert isinstance(refused, Error) and "is more than 80 %" in str(refused) and "memory.force" in str(refused)
        assert connection.call("CONFIG", "GET", "maxmemory") == [b"maxmemory", str(LIMIT).encode()]
        assert connection.call("CONFIG", "SET", "memory.force", "yes", "maxmemory", 8 << 40) == OK
        assert "is more than 80 %" in str(connection.call("CONFIG", "SET", "memory.force", "no"))
        assert connection.call("CONFIG", "SET", "maxmemory", LIMIT, "memory.force", "no") == OK
    with pytest.raises(StartFailure, match="is more than 80 %"):
        start_server({"memory.max_memory": "8tb"})


@pytest.mark.strata_only
def test_jitter_shortens_lifetimes(start_server):
    server = start_server({"expiry.jitter_percent": 50})
    with server.connect() as connection:
        connection.pipeline([("SET", f"k:{number}", "v", "EX", 10_000) for number in range(300)])
        left = connection.pipeline([("PTTL", f"k:{number}") for number in range(300)])
        assert 4_900_000 < min(left) < 5_500_000 and 9_500_000 < max(left) <= 10_000_000
        assert server.info("stats")["strata_expiries_jittered"] == "300"
        assert connection.call("CONFIG", "SET", "expiry.jitter_percent", 0) == OK
        assert connection.call("SET", "k", "v", "EX", 10_000) == OK
        assert connection.call("TTL", "k") == 10_000
        refused = connection.call("CONFIG", "SET", "expiry.jitter_percent", 91)
        assert isinstance(refused, Error) and "expiry.jitter_percent" in str(refused)


@pytest.mark.strata_only
def test_a_read_begins_a_sliding_lifetime_anew(start_server):
    server = start_server({"expiry.sliding": "yes"})
    with server.connect() as connection:
        assert connection.call("SET", "from", "v", "PX", 100_000) == OK
        assert connection.call("RENAME", "from", "k") == OK
        # A sixteenth of what it has now is over soon.
        assert connection.call("PEXPIRE", "k", 2_000) == 1
        wait_until(lambda: connection.call("PTTL", "k") < 1_800, "it comes nearer")
        assert connection.call("EXISTS", "k") == 1
        assert connection.call("PTTL", "k") < 1_800
        assert connection.call("GET", "k") == b"v"
        assert connection.call("PTTL", "k") > 1_800
        assert server.info("stats")["strata_expiries_renewed"] == "1"
        assert connection.call("PERSIST", "k") == 1
        assert connection.call("GET", "k") == b"v"
        assert connection.call("PTTL", "k") == -1

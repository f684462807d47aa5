"""Which fields INFO has: each of redis-server's, or docs/info.md says why not."""

import os
import re
import shutil
from pathlib import Path

import pytest

from resp_connection import RespConnection
from run import start_pair
from server_process import peer_is_redis

REFERENCE = "/usr/bin/redis-server"
PAGE = Path(__file__).parents[2] / "docs" / "info.md"
# What depends on what was asked for.
ANY = re.compile(r"(cmdstat_|latency_percentiles_usec_|errorstat_|db\d)")


def fields(connection):
    lines = connection.call("INFO", "everything").decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line and not ANY.match(line))


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    if not shutil.which(REFERENCE):
        pytest.skip("Debian's redis-server is not installed")
    servers = start_pair(tmp_path_factory.mktemp("info"), os.environ["STRATA_SERVER"], "redis" if peer_is_redis() else None, REFERENCE)
    connections = [RespConnection(server.address) for server in servers]
    yield [fields(connection) for connection in connections]
    for connection, server in zip(connections, servers):
        connection.close()
        server.stop()


@pytest.mark.skipif(peer_is_redis(), reason="the page is about the other server")
def test_every_field_is_there_or_left_out_for_a_reason(pair):
    ours, theirs = pair
    left_out = set(re.findall(r"`(\w+)`", PAGE.read_text().split("Left out,")[1].replace("`strata_items_free_bytes`", "")))
    missing = theirs.keys() - ours.keys()
    assert missing <= left_out, "neither there nor told of"
    assert not left_out & ours.keys() - {"allocator_active", "allocator_resident"}, "there, and said to be left out"


def test_what_is_of_the_same_kind_is_equal(pair):
    ours, theirs = pair
    same = ["redis_mode", "multiplexing_api", "cluster_connections", "number_of_cached_scripts", "rdb_current_bgsave_time_sec", "rdb_saves",
            "aof_current_rewrite_time_sec", "aof_rewrites", "total_forks", "sync_full", "pubsub_channels", "tracking_total_keys", "master_failover_state",
            "master_replid2", "master_repl_offset", "second_repl_offset", "repl_backlog_active", "repl_backlog_histlen", "instantaneous_input_repl_kbps",
            "lazyfree_pending_objects", "total_system_memory", "total_system_memory_human", "mem_clients_slaves", "mem_not_counted_for_evict"]
    assert {name: ours[name] for name in same} == {name: theirs[name] for name in same}
    assert re.fullmatch("[0-9a-f]{40}", ours["master_replid"]) and ours["master_replid"] not in (theirs["master_replid"], ours["run_id"])
    assert re.fullmatch(r"\d+\.\d\d%", ours["used_memory_peak_perc"])

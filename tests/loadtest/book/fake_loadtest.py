#!/usr/bin/python3
"""Stands in for strata-loadtest: tells what the real one would, without sending anything.

FAKE_LOADTEST in the environment changes it: "fail" ends with an error, "hang" never ends, "without:FIELD" leaves a field out, "errors"
tells of error replies and ends as the real one does then. The
process id of the server is appended to the file that FAKE_LOADTEST_PIDS names.
"""

import json
import os
import signal
import sys


def option(name, otherwise):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


def main():
    command, behaviour = sys.argv[1], os.environ.get("FAKE_LOADTEST", "")
    pid = int(option("--server-pid", "0"))
    if "FAKE_LOADTEST_PIDS" in os.environ:
        with open(os.environ["FAKE_LOADTEST_PIDS"], "a") as pids:
            pids.write(f"{pid}\n")
    if behaviour == "hang" and command == "run":
        signal.pause()
    if behaviour == "fail" and command == "run":
        print("strata-loadtest: the server closed a connection", file=sys.stderr)
        return 1
    if command == "presets":
        print(json.dumps([{"preset": name, "key_bytes": 30, "value_bytes": 70, "alpha": 1.2, "compulsory_miss_ratio": 0.01,
                           "one_hit_wonder_ratio": 0.1, "published_miss_ratio": miss, "working_set_mb": 100, "category": 1, "mix": "get=98,set=2",
                           "ttl": "1h=1"} for name, miss in (("cluster24", 0.0087), ("cluster29", 0.2242))]))
        return 0
    print(json.dumps({name: value for name, value in told(command, pid).items() if behaviour != f"without:{name}"}))
    return 1 if behaviour == "errors" and command == "run" else 0


def told(command, pid):
    keys, requests = int(option("--keys", "100000")), int(option("--requests", "1000"))
    latency = {"mean": 10, "p50": 9, "p90": 20, "p99": 30, "p99_9": 40, "p99_99": 50, "max": 60}
    report = {
        "tool": "strata-loadtest", "version": "0.1.0", "command": sys.argv, "duration_s": 1.0, "requests": requests,
        "requests_per_s": 1000.0 + pid % 7, "errors": {}, "error_count": 0, "client": {"cpu_us_per_request": 1.5},
        "server": {"pid": pid, "cpu_us_per_request": 2.5, "rss_bytes_before": 1, "rss_bytes_after": 2}, "latency_us": latency,
        "operations": {"get": {"requests": requests, "hits": requests, "misses": 0, "latency_us": latency},
                       "set": {"requests": requests, "hits": 0, "misses": 0, "latency_us": latency}}, "series": [{"second": 0}]}
    if "--rate" in sys.argv:
        report["open_loop"] = {"rate": int(option("--rate", "0")), "arrivals": "poisson", "late_sends": 5}
    if os.environ.get("FAKE_LOADTEST") == "errors":
        report |= {"errors": {"OOM": 3}, "error_count": 3}
    if "--may-drop" in sys.argv:
        report["dropped_connections"] = 2
    if "--look-aside" in sys.argv:
        report["look_aside"] = {"requests": requests, "hits": requests // 2, "misses": requests - requests // 2, "hit_ratio": 0.5}
    if command == "verify":
        report["verify"] = {"checked": 100, "wrong": 0, "stale": 1, "lost": 0, "absent": 7}
    if command == "load":
        report["load"] = {"items": keys, "items_on_server": keys, "key_bytes": 16 * keys, "value_bytes": 64 * keys}
    return report


sys.exit(main())

"""strata-measure-child as a program: what it reports is the child's, and whatever happens to the child is passed on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

MEASURE = os.environ["STRATA_MEASURE_CHILD"]
SANITIZER = os.environ.get("STRATA_SANITIZER", "")
MIB = 1 << 20


def measure(*words):
    return subprocess.run([MEASURE, *words], capture_output=True, text=True, timeout=60)


def measured(tmp_path, *program):
    output = tmp_path / "measured.json"
    done = measure("--output", str(output), "--", *program)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())


def python(code):
    return [sys.executable, "-S", "-E", "-c", code]


def test_peak_is_the_childs(tmp_path):
    small = measured(tmp_path, *python("pass"))["peak_resident_bytes"]
    large = measured(tmp_path, *python(f"bytearray(50 * {MIB})"))["peak_resident_bytes"]
    assert 45 * MIB < large - small < 55 * MIB


def test_peak_is_not_the_parents(tmp_path):
    ballast = bytearray(100 * MIB)
    for page in range(0, len(ballast), 4096):
        ballast[page] = 1
    assert measured(tmp_path, "true")["peak_resident_bytes"] < 50 * MIB


@pytest.mark.skipif(SANITIZER != "", reason="a sanitizer needs memory of its own in every program")
def test_floor_is_small(tmp_path):
    assert measured(tmp_path, "true")["peak_resident_bytes"] < 3 * MIB


def test_time_is_the_childs(tmp_path):
    result = measured(tmp_path, *python("import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"))
    assert 0.2 <= result["user_seconds"] + result["system_seconds"] <= result["seconds"] + 0.05


def test_report_goes_to_standard_error_by_default():
    done = measure("--", "true")
    assert (done.returncode, done.stdout) == (0, "")
    assert set(json.loads(done.stderr)) == {"exit", "seconds", "user_seconds", "system_seconds", "peak_resident_bytes"}


def test_output_of_the_child_is_left_alone(tmp_path):
    output = tmp_path / "measured.json"
    done = measure("--output", str(output), "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_exit_status_is_passed_on():
    done = measure("--", "sh", "-c", "exit 7")
    assert done.returncode == 7
    assert json.loads(done.stderr)["exit"] == 7


def test_signal_is_passed_on():
    done = measure("--", "sh", "-c", "kill -TERM $$")
    assert done.returncode == 128 + signal.SIGTERM
    assert json.loads(done.stderr)["exit"] == 128 + signal.SIGTERM


def test_environment_reaches_the_child_only_as_given(tmp_path):
    done = measure("--output", str(tmp_path / "m"), "--env", "A=1", "--env", "B=x=y", "--env", "C=", "--",
                   "sh", "-c", 'echo "$A,$B,${C-unset},${D-unset}"')
    assert done.stdout == "1,x=y,,unset\n"


@pytest.mark.parametrize("words, status, message", [
    ([], 125, "no -- PROGRAM given"),
    (["--"], 125, "no program after --"),
    (["true"], 125, "expected --env NAME=VALUE, --output FILE or -- PROGRAM, found true"),
    (["--outputs", "x", "--", "true"], 125, "found --outputs"),
    (["--output"], 125, "--output needs a value"),
    (["--env", "NAME", "--", "true"], 125, "--env: not NAME=VALUE: NAME"),
    (["--env", "=x", "--", "true"], 125, "--env: not NAME=VALUE: =x"),
    (["--output", "/nonexistent/file", "--", "true"], 125, "cannot write /nonexistent/file: No such file or directory"),
    (["--", "/nonexistent/program"], 127, "cannot start /nonexistent/program: No such file or directory"),
    (["--", "/etc/passwd"], 126, "cannot start /etc/passwd: Permission denied"),
])
def test_failures_are_told(words, status, message):
    done = measure(*words)
    assert done.returncode == status
    assert done.stderr.startswith("strata-measure-child: ")
    assert message in done.stderr


def test_child_does_not_outlive_the_launcher(tmp_path):
    pid_file = tmp_path / "pid"
    # Renamed when complete, so that a half-written number is never read.
    script = f"echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; exec sleep 60"
    launcher = subprocess.Popen([MEASURE, "--", "sh", "-c", script], stderr=subprocess.DEVNULL)
    wait_until(pid_file.exists)
    child = int(pid_file.read_text())
    launcher.kill()
    launcher.wait()
    wait_until(lambda: not runs(child))


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)

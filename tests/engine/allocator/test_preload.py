"""Real programs with our malloc in the place of the C library's: what they print must not change.

With each way to check memory: none, hardened, checked.
"""

import os
import shutil
import signal
import subprocess
import sys

import pytest

LIBRARIES = {checks: os.environ[f"STRATA_MALLOC_{checks.upper()}"] for checks in ("none", "hardened", "checked")}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return LIBRARIES[request.param]


C_PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int held, const char* what) {
  if (held) return;
  printf("not so: %s\n", what);
  exit(1);
}

static void* churn(void* argument) {
  void* blocks[64] = {0};
  unsigned state = *(unsigned*)argument;
  for (int step = 0; step < 200000; ++step) {
    state = state * 1664525 + 1013904223;
    unsigned slot = state >> 26;
    free(blocks[slot]);
    blocks[slot] = malloc(state >> 8 & 2047);
  }
  for (int slot = 0; slot < 64; ++slot) free(blocks[slot]);
  return NULL;
}

int main(void) {
  errno = 77;
  free(malloc(1 << 20));
  check(errno == 77, "free keeps errno");
  check(calloc((size_t)-1, 2) == NULL && errno == ENOMEM, "calloc that overflows");
  errno = 0;
  check(calloc((size_t)1 << 33, (size_t)1 << 32) == NULL && errno == ENOMEM, "calloc that overflows to a small number");
  errno = 0;
  check(reallocarray(NULL, (size_t)1 << 32, ((size_t)1 << 32) + 1) == NULL && errno == ENOMEM, "reallocarray that overflows");
  void* block = malloc(10);
  check(realloc(block, 0) == NULL, "realloc to nothing frees");
  check(posix_memalign(&block, 3, 8) == EINVAL, "an alignment that is none");
  check(posix_memalign(&block, 4096, 100) == 0 && (size_t)block % 4096 == 0, "posix_memalign");
  check(malloc_usable_size(block) >= 100, "malloc_usable_size");
  free(block);
  block = aligned_alloc(1 << 20, 10);
  check((size_t)block % (1 << 20) == 0, "aligned_alloc");
  free(block);
  check(malloc((size_t)-1) == NULL && errno == ENOMEM, "malloc of everything");
  pthread_t threads[8];
  unsigned seeds[8];
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      seeds[i] = (unsigned)(round * 8 + i);
      pthread_create(&threads[i], NULL, churn, &seeds[i]);
    }
    for (int forks = 0; forks < 20; ++forks) {
      pid_t child = fork();
      if (child == 0) {
        churn(&seeds[0]);
        _exit(0);
      }
      int status = 1;
      waitpid(child, &status, 0);
      check(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child of a process with threads allocates");
    }
    for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  }
  puts("all held");
  return 0;
}
"""


def run(library, words, **options):
    """What a program says with our malloc and without it: both must succeed, and be the same, and our malloc has nothing to report."""
    outcomes = []
    for environment in (os.environ | {"LD_PRELOAD": library}, dict(os.environ)):
        done = subprocess.run(words, env=environment, capture_output=True, timeout=120, **options)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        assert b"strata:" not in done.stderr, done.stderr.decode(errors="replace")
        outcomes.append(done.stdout)
    assert outcomes[0] == outcomes[1]
    return outcomes[0]


def needs(program):
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def test_the_library_is_really_used(library):
    script = f"import ctypes; maps = open('/proc/self/maps').read(); print('{os.path.basename(library)}' in maps)"
    done = subprocess.run([sys.executable, "-c", script], env=os.environ | {"LD_PRELOAD": library}, capture_output=True, timeout=60)
    assert done.stdout == b"True\n"


def test_a_program_in_c_without_the_c_plus_plus_library(library, tmp_path):
    source = tmp_path / "program.c"
    source.write_text(C_PROGRAM)
    program = tmp_path / "program"
    subprocess.run([needs("gcc"), "-O1", "-fno-builtin", "-pthread", "-o", program, source], check=True)
    assert b"libstdc++" not in subprocess.run(["ldd", library], check=True, capture_output=True).stdout
    assert run(library, [program]) == b"all held\n"


def test_new_and_delete(library, tmp_path):
    source = tmp_path / "program.cpp"
    source.write_text("""
#include <cstdio>
#include <new>
#include <map>
#include <string>
struct alignas(256) Wide { char bytes[300]; };
int main() {
  std::map<int, std::string> map;
  for (int i = 0; i < 100000; ++i) map[i * 7919 % 100003] = std::string(static_cast<std::size_t>(i % 300), 'x');
  std::size_t total = 0;
  for (auto& [key, value] : map) total += value.size();
  Wide* wide = new Wide[3];
  bool thrown = false;
  try { volatile std::size_t most = static_cast<std::size_t>(-1) / 2; (void)::operator new(most); } catch (const std::bad_alloc&) { thrown = true; }
  std::printf("%zu %d %d %d\\n", total, int(reinterpret_cast<std::size_t>(wide) % 256), thrown,
              new (std::nothrow) char[static_cast<std::size_t>(-1) / 4] == nullptr);
  delete[] wide;
}
""")
    program = tmp_path / "program"
    subprocess.run([needs("g++"), "-std=c++20", "-O0", "-o", program, source], check=True)
    assert run(library, [program]).split()[1:] == [b"0", b"1", b"1"]


def test_python(library):
    run(library, [sys.executable, "-c", "import json; print(len(json.dumps({str(i): list(range(i % 50)) for i in range(20000)})))"])


def test_gcc_compiles(library, tmp_path):
    source = tmp_path / "program.cpp"
    source.write_text("#include <map>\n#include <string>\nint main() { std::map<std::string, int> m; m[\"a\"] = 1; return m.size() - 1; }\n")
    run(library, [needs("g++"), "-std=c++20", "-O2", "-S", "-o", "-", source])


def test_node(library):
    run(library, [needs("node"), "-e", "const a = []; for (let i = 0; i < 300000; i++) a.push({i, s: 'x' + i}); console.log(a.length)"])


def test_sqlite(library):
    run(library, [sys.executable, "-c", "import sqlite3; c = sqlite3.connect(':memory:'); c.execute('create table t(a, b)'); "
         "c.executemany('insert into t values (?, ?)', ((i, str(i) * 9) for i in range(50000))); "
         "print(c.execute('select count(*), sum(length(b)) from t').fetchone())"])


def test_ghostscript(library):
    """A page with ten thousand strokes and text, as a bitmap."""
    page = b"""%!PS
/Helvetica findfont 9 scalefont setfont
0 1 9999 { dup 7 mod 60 mul exch 11 mod 70 mul moveto 3 5 rlineto stroke } for
0 1 199 { dup 20 mod 25 mul exch 4 mul moveto (block) show } for
showpage
"""
    shown = run(library, [needs("gs"), "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=pgmraw", "-r72", "-sOutputFile=-", "-"], input=page)
    assert shown.startswith(b"P5")


def test_redis_server_answers(library, tmp_path):
    server = needs("redis-server")
    socket = tmp_path / "redis.sock"
    with subprocess.Popen([server, "--port", "0", "--enable-debug-command", "local", "--unixsocket", socket, "--save", "", "--dir", tmp_path],
                          env=os.environ | {"LD_PRELOAD": library}, stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                if socket.exists():
                    break
                if process.poll() is not None:
                    pytest.fail(f"redis-server ended with {process.returncode}")
                subprocess.run(["sleep", "0.1"], check=True)
            answer = subprocess.run([needs("redis-cli"), "-s", socket, "debug", "populate", "100000", "key", "200"],
                                    check=True, capture_output=True, timeout=60)
            assert answer.stdout == b"OK\n"
            answer = subprocess.run(["redis-cli", "-s", socket, "dbsize"], check=True, capture_output=True, timeout=60)
            assert answer.stdout == b"100000\n"
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0


MISUSE = r"""
#include <stdlib.h>
#include <stdio.h>
int main(void) {
  char* volatile block = malloc(100);
  free(block);
  free(block);
  puts("went on");
  return 0;
}
"""


@pytest.mark.parametrize("checks, wanted, reported, goes_on", [
    ("none", None, False, True),
    ("hardened", None, True, False),
    ("hardened", "0", True, True),
    ("hardened", "1", True, False),
    ("checked", None, True, True),
    ("checked", "1", True, False),
])
def test_a_double_free(tmp_path, checks, wanted, reported, goes_on):
    source = tmp_path / "program.c"
    source.write_text(MISUSE)
    program = tmp_path / "program"
    subprocess.run([needs("gcc"), "-O0", "-fno-builtin", "-w", "-o", program, source], check=True)
    environment = os.environ | {"LD_PRELOAD": LIBRARIES[checks]} | ({} if wanted is None else {"STRATA_MEMORY_ABORT": wanted})
    done = subprocess.run([program], env=environment, capture_output=True, timeout=60)
    assert done.returncode == (0 if goes_on else -signal.SIGABRT)
    assert done.stdout == (b"went on\n" if goes_on else b"")
    assert done.stderr.count(b"strata: double free") == reported

"""libstrata as another program finds it: installed, moved, and used through pkg-config and through find_package."""

import os
import re
import subprocess
from pathlib import Path

import pytest

BUILD = os.environ["STRATA_BUILD"]
CMAKE = os.environ["STRATA_CMAKE"]
VERSION = os.environ["STRATA_VERSION"]
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SONAME = "libstrata.so." + ".".join(VERSION.split(".")[:2])

# What each example prints, by folder.
MEMORY_PRINTS = {
    "heap.c": """\
anna is in the heap "sessions": yes
in use: 2 blocks, with all their bytes
found by the walk: 2 blocks, with all their bytes
heap "sessions": limit 1024 KiB, no more used than held
2 MiB: out of memory
""",
    "arena.c": """\
be to not or be to (6 blocks)
question the is that (4 blocks)
""",
    "statistics.c": """\
library of this header's version: yes
in use with a block of 32 MiB: 32 MiB
free and resident after its end: 32 MiB
after a purge: 0 MiB
strata_malloc failed: out of memory (the system gives no more memory, or a limit is reached)
16 MiB with a limit of 8 MiB: refused
""",
    "allocator.cpp": """\
the last square: 100
from Strata: true
hello, 8 bytes
failed: out of memory
""",
    "requests.cpp": """\
GET: 3 words, in the heap: true
SET: 4 words, in the heap: true
served 2 requests, in use after them: 0 bytes
refused beyond the limit: out of memory
""",
    "pool.c": """\
opened more than 30000 sessions: yes; then: the pool's maximum is reached
the last one is a block of the pool: yes
sessions: 32640 blocks in use, limited
requests: 1 blocks in use, not limited
given back by the first cleanup: 0 KiB, by the second: 1024 KiB
""",
    "object_pool.cpp": """\
connections 7 and 8: 2 blocks of 504 bytes
2 words, in the arena: true
in use after the work: 0 bytes
2 MiB of a pool of 1 MiB: the pool's maximum is reached
""",
    "pmr.cpp": """\
be 2
not 1
or 1
to 2
from Strata: true
""",
}


CACHE_PRINTS = {
    "look_aside.c": """\
Anna, after 1 questions to the source
Anna, after 1 questions to the source
Berta, after 2 questions to the source
""",
    "read_through.cpp": """\
8 threads got it, questions to the source: 1
nobody: not found
""",
    "write_through.cpp": """\
source: 12, cache: 12
the source behind the cache failed
source: 12, cache: nothing
""",
    "write_behind.cpp": """\
cache: 1000, source reached: no
source: counter 1000, 1 keys
""",
    "largest_first.c": """\
no function to choose which item goes: strata_cache_set_chooser comes before the policy
pages to keep: 100, names: 2000, some pages are gone: yes
""",
    "cost_aware.cpp": """\
by recency: half of the reports are there: no
by worth: 1000 of 1000 reports are there
it chose all that went: yes
""",
}
PRINTS = {"memory": MEMORY_PRINTS, "cache": CACHE_PRINTS}
ALL_EXAMPLES = [(folder, name) for folder, prints in PRINTS.items() for name in prints]
PACKAGES = {"memory": "strata", "cache": "strata-cache"}
LIBRARIES = {"memory": "libstrata.so.", "cache": "libstrata_cache.so."}


def output(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """An installed tree, moved elsewhere after the installation."""
    folder = tmp_path_factory.mktemp("installed")
    output(CMAKE, "--install", BUILD, "--component", "memory_library", "--prefix", folder / "first")
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


@pytest.fixture(scope="module")
def libraries(tree):
    (library,) = tree.rglob("libstrata.a")
    return library.parent


def flags(libraries, *options, package="strata"):
    environment = os.environ | {"PKG_CONFIG_PATH": str(libraries / "pkgconfig")}
    return output("pkg-config", *options, package, env=environment).split()


def compiler_of(source):
    return ["gcc", "-std=c11"] if str(source).endswith(".c") else ["g++", "-std=c++17"]


def symbols(*options):
    """Names that a file defines for others."""
    return {line.split()[-1] for line in output("nm", "--defined-only", *options).splitlines() if len(line.split()) == 3}


def test_every_example_is_tried():
    for folder, prints in PRINTS.items():
        assert set(prints) == {file.name for file in (EXAMPLES / folder).iterdir() if file.suffix in (".c", ".cpp")}
    assert {folder.name for folder in EXAMPLES.iterdir()} == set(PRINTS)


def test_what_is_installed(tree, libraries):
    names = {str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()}
    inside = libraries.relative_to(tree)
    assert names >= {"include/strata/strata.h", "include/strata/memory.hpp", f"{inside}/libstrata.so", f"{inside}/libstrata.a",
                     f"{inside}/libstrata_malloc.so", f"{inside}/libstrata_cache.so", f"{inside}/pkgconfig/strata.pc", f"{inside}/pkgconfig/strata-cache.pc", f"{inside}/cmake/Strata/StrataConfig.cmake"}
    assert {name for name in names if name.startswith("include/")} == {f"include/strata/{name}" for name in ("strata.h", "memory.hpp", "pool.h", "pool.hpp", "cache.h", "cache.hpp")}


def test_installed_headers_need_no_header_of_the_engine(tree):
    for header in (tree / "include/strata").iterdir():
        for name in re.findall(r"#\s*include\s*(\S+)", header.read_text()):
            assert re.fullmatch(r"<(strata/)?[\w.]+>", name), f"{header.name} includes {name}"


def test_no_file_names_the_build(tree):
    for file in tree.rglob("*"):
        if file.suffix in (".pc", ".cmake"):
            text = file.read_text()
            assert BUILD not in text and str(tree.parent) not in text, file


def test_the_libraries_export_the_interface_alone(tree, libraries):
    texts = [(tree / "include/strata" / header).read_text() for header in ("strata.h", "pool.h")]
    declared = {name for text in texts for name in re.findall(r"^STRATA_API [^;]*?\b(strata_\w+)\(", text, re.MULTILINE)}
    assert len(declared) > 40
    assert symbols("-D", libraries / "libstrata.so") == declared
    assert symbols("-g", libraries / "libstrata.a") == declared
    of_cache = set(re.findall(r"^STRATA_API [^;]*?\b(strata_\w+)\(", (tree / "include/strata/cache.h").read_text(), re.MULTILINE))
    assert len(of_cache) > 20
    assert symbols("-D", libraries / "libstrata_cache.so") == of_cache


def test_the_shared_library_is_versioned_and_needs_the_c_library_alone(libraries):
    dynamic = output("readelf", "-d", libraries / "libstrata.so")
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == [SONAME]
    assert set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)) <= {"libc.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
    assert (libraries / SONAME).resolve().name == f"libstrata.so.{VERSION}"


@pytest.mark.parametrize("standard", ["c11", "c17", "c++17", "c++20"])
def test_the_headers_stand_alone(tree, tmp_path, standard):
    language = "c++" if "++" in standard else "c"
    for header in (tree / "include/strata").iterdir():
        if header.suffix == ".hpp" and language == "c":
            continue
        source = tmp_path / f"alone.{language}"
        source.write_text(f"#include <strata/{header.name}>\n#include <strata/{header.name}>\nint main(void) {{ return 0; }}\n")
        output("gcc", "-x", language, f"-std={standard}", *WARNINGS, "-fsyntax-only", f"-I{tree}/include", source)


def test_the_wrappers_need_neither_exceptions_nor_type_information(tree, tmp_path):
    source = tmp_path / "program.cpp"
    source.write_text("#include <strata/memory.hpp>\nstruct Base { virtual ~Base() = default; };\n"
                      "int main() { strata::allocator<int> a; a.deallocate(a.allocate(3), 3); strata::make_unique<Base>(); }\n")
    output("g++", "-std=c++17", *WARNINGS, "-Wno-unused-result", "-fno-exceptions", "-fno-rtti", "-fsyntax-only", f"-I{tree}/include", source)


@pytest.mark.parametrize("folder, example", ALL_EXAMPLES)
def test_examples_through_pkg_config(libraries, tmp_path, folder, example):
    program = tmp_path / "program"
    package = PACKAGES[folder]
    output(*compiler_of(example), *WARNINGS, *flags(libraries, "--cflags", package=package), EXAMPLES / folder / example, "-o", program,
           *flags(libraries, "--libs", package=package), "-pthread", f"-Wl,-rpath,{libraries}")
    assert LIBRARIES[folder] in output("ldd", program)
    assert output(program) == PRINTS[folder][example]


def test_a_program_in_c_with_the_static_library(tree, libraries, tmp_path):
    program = tmp_path / "program"
    output("gcc", "-std=c11", *WARNINGS, *flags(libraries, "--cflags"), EXAMPLES / "memory" / "statistics.c", "-o", program,
           libraries / "libstrata.a", "-pthread")
    assert "libstrata" not in output("ldd", program)
    assert output(program) == MEMORY_PRINTS["statistics.c"]


@pytest.mark.parametrize("folder", PRINTS)
def test_examples_through_find_package(tree, tmp_path, folder):
    build = tmp_path / "build"
    output(CMAKE, "-S", EXAMPLES / folder, "-B", build, f"-DCMAKE_PREFIX_PATH={tree}", f"-DCMAKE_C_FLAGS={' '.join(WARNINGS)}",
           f"-DCMAKE_CXX_FLAGS={' '.join(WARNINGS)}")
    output(CMAKE, "--build", build)
    for example, printed in PRINTS[folder].items():
        assert output(build / Path(example).stem) == printed


def test_the_other_targets_of_the_package(tree, tmp_path):
    (tmp_path / "CMakeLists.txt").write_text("""
cmake_minimum_required(VERSION 3.16)
project(others LANGUAGES C)
find_package(Strata REQUIRED)
add_executable(with_static program.c)
target_link_libraries(with_static PRIVATE Strata::strata_static)
add_executable(with_malloc program.c)
target_compile_definitions(with_malloc PRIVATE malloc_is_stratas)
target_link_libraries(with_malloc PRIVATE Strata::malloc)
""")
    (tmp_path / "program.c").write_text("""
#include <stdio.h>
#include <stdlib.h>
#ifdef malloc_is_stratas
int main(void) {
  char* volatile block = malloc(100);
  free(block);
  puts("malloc");
  return 0;
}
#else
#include <strata/strata.h>
int main(void) {
  void* block = strata_malloc(100);
  puts(strata_owns(block) ? "static" : "no");
  strata_free(block);
  return 0;
}
#endif
""")
    build = tmp_path / "build"
    output(CMAKE, "-S", tmp_path, "-B", build, f"-DCMAKE_PREFIX_PATH={tree}")
    output(CMAKE, "--build", build)
    assert output(build / "with_static") == "static\n"
    assert output(build / "with_malloc") == "malloc\n"
    assert "libstrata.so" not in output("ldd", build / "with_static")
    assert "libstrata_malloc.so" in output("ldd", build / "with_malloc")


def test_an_incompatible_version_is_refused(tree, tmp_path):
    major, minor, _ = VERSION.split(".")
    (tmp_path / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.16)\nproject(later LANGUAGES C)\nfind_package(Strata {major}.{int(minor) + 1} REQUIRED)\n")
    done = subprocess.run([CMAKE, "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={tree}"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode != 0 and "Strata" in done.stderr


def test_a_loaded_library_gives_memory_and_outlives_its_handle(libraries, tmp_path):
    """dlopen, use by a thread, dlclose, end of the thread: what the library has to do then must still be there."""
    source = tmp_path / "program.c"
    source.write_text("""
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
static void* library;
static void* use(void* unused) {
  void* (*take)(size_t) = (void* (*)(size_t))dlsym(library, "strata_malloc");
  void (*give)(void*) = (void (*)(void*))dlsym(library, "strata_free");
  for (int i = 0; i < 1000; ++i) give(take(100));
  dlclose(library);
  return unused;
}
int main(int count, char** words) {
  library = dlopen(words[count - 1], RTLD_NOW);
  if (library == NULL) return puts(dlerror()), 1;
  pthread_t thread;
  pthread_create(&thread, NULL, use, NULL);
  pthread_join(thread, NULL);
  puts("done");
  return 0;
}
""")
    program = tmp_path / "program"
    output("gcc", "-std=c11", "-pthread", "-o", program, source, "-ldl")
    assert output(program, libraries / "libstrata.so") == "done\n"

#!/usr/bin/env python3
"""Proves that check_layers.py finds each kind of wrong include, and leaves a right tree alone."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

import check_layers  # noqa: E402

# A small tree in which every folder includes all that it may.
GOOD_TREE = {
    "config/settings.h": "#pragma once\n#include <string>\n",
    "config/yaml_reader.cpp": '#include <yaml-cpp/yaml.h>\n#include "config/settings.h"\n',
    "protocol/request_parser.h": "#pragma once\n#include <string_view>\n",
    "protocol/reply_writer.h": "#pragma once\n#include <vector>\n",
    "engine/os/region.h": "#include <sys/mman.h>\n#include <ctime>\n",
    "engine/sync/lock.h": '#include <mutex>\n#include "engine/os/region.h"\n',
    "engine/allocator/slab.h": '#include "engine/os/region.h"\n#include "engine/sync/lock.h"\n',
    "engine/analytics/heat.h": '#include "engine/allocator/slab.h"\n#include "engine/sync/lock.h"\n',
    "engine/pools/pool.h": '#include "engine/allocator/slab.h"\n#include "engine/analytics/heat.h"\n#include "engine/sync/lock.h"\n',
    "engine/cache/cache.h": (
        '#include "engine/pools/pool.h"\n#include "engine/analytics/heat.h"\n'
        '#include "engine/sync/lock.h"\n#include "engine/os/region.h"\n'
    ),
    "engine/debug/poison.h": (
        '#include "engine/allocator/slab.h"\n#include "engine/sync/lock.h"\n#include "engine/os/region.h"\n'
    ),
    "engine/monitor/watcher.h": (
        '#include "engine/allocator/slab.h"\n#include "engine/sync/lock.h"\n#include "engine/os/region.h"\n'
    ),
    "engine/api/strata.hpp": (
        '#include "engine/cache/cache.h"\n#include "engine/monitor/watcher.h"\n#include "engine/debug/poison.h"\n'
    ),
    "server/version.h.in": '#define STRATA_VERSION "@PROJECT_VERSION@"\n',
    "server/app.cpp": (
        '#include <boost/asio/io_context.hpp>\n#include "config/settings.h"\n#include "engine/api/strata.hpp"\n'
        '#include "server/version.h"\n#include "server/admin/routes.h"\n#include "server/net/loop.h"\n'
    ),
    "server/main.cpp": "#include <boost/asio/signal_set.hpp>\n",
    "server/commands/command.h": '#include "engine/api/strata.hpp"\n#include "protocol/reply_writer.h"\n',
    "server/net/loop.h": (
        '#include <boost/asio.hpp>\n#include "protocol/request_parser.h"\n#include "server/commands/command.h"\n'
    ),
    "server/admin/routes.h": (
        '#include <boost/beast/http.hpp>\n#include "server/net/loop.h"\n#include "server/commands/command.h"\n'
    ),
    "loadtest/main.cpp": (
        '#include <boost/asio.hpp>\n#include "protocol/reply_writer.h"\n#include "engine/api/strata.hpp"\n'
    ),
    "tests/server/loop_test.cpp": (
        '#include <gtest/gtest.h>\n#include <boost/asio.hpp>\n#include <thread>\n#include "server/net/loop.h"\n'
        '#include "engine/os/region.h"\n#include "config/settings.h"\n#include "loadtest/plan.h"\n'
    ),
    "loadtest/plan.h": "#pragma once\n",
}


def violations(changes: dict[str, str]) -> list[str]:
    """What the checker says about the good tree with some files added or replaced."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in (GOOD_TREE | changes).items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        checker = check_layers.Checker(root)
        checker.check_tree()
        return checker.violations


class LayersTest(unittest.TestCase):
    def assert_one(self, changes: dict[str, str], *parts: str) -> None:
        found = violations(changes)
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    def test_good_tree_passes(self) -> None:
        self.assertEqual(violations({}), [])

    def test_every_pair_of_folders_is_decided_by_the_table(self) -> None:
        for folder, allowed in check_layers.LAYERS.items():
            for target in check_layers.LAYERS:
                header = f"{target}/target.h"
                found = violations({header: "", f"{folder}/probe.cpp": f'\n#include "{header}"\n'})
                with self.subTest(folder=folder, target=target):
                    if target == folder or target in allowed:
                        self.assertEqual(found, [])
                    else:
                        self.assertEqual(len(found), 1, found)
                        self.assertTrue(found[0].startswith(f"{folder}/probe.cpp:2: "), found)
                        self.assertIn(f"folder {folder} may not include {target} (allowed: ", found[0])

    # The table above decides what the checker reads from itself; these lines hold the design's table against it.
    def test_the_table_is_the_design(self) -> None:
        allocator_and_below = {"engine/allocator", "engine/sync", "engine/os"}
        layers = {folder: set(allowed) for folder, allowed in check_layers.LAYERS.items()}
        self.assertEqual(layers.pop("tests"), set(check_layers.LAYERS) - {"tests"})
        self.assertEqual(layers.pop("engine/api"), {f for f in layers if f.startswith("engine/")})
        self.assertEqual(
            layers,
            {
                "server": {"engine/api", "protocol", "config"},
                "config": set(),
                "protocol": set(),
                "engine/cache": {"engine/pools", "engine/analytics", "engine/sync", "engine/os"},
                "engine/pools": {"engine/allocator", "engine/analytics", "engine/sync"},
                "engine/analytics": {"engine/allocator", "engine/sync"},
                "engine/debug": allocator_and_below,
                "engine/monitor": allocator_and_below,
                "engine/allocator": {"engine/sync", "engine/os"},
                "engine/sync": {"engine/os"},
                "engine/os": set(),
                "loadtest": {"protocol", "engine/api", "config"},
                "examples": set(),
            },
        )

    def test_commands_know_neither_sockets_nor_http_nor_the_wire(self) -> None:
        for header in ("server/net/loop.h", "server/admin/routes.h", "protocol/request_parser.h"):
            with self.subTest(header=header):
                self.assert_one(
                    {"server/commands/probe.cpp": f'#include "{header}"\n'},
                    "server/commands/probe.cpp:1: folder server/commands may not include server/"
                    if header.startswith("server")
                    else "folder server/commands may not include protocol/request_parser.h",
                )

    def test_net_does_not_know_admin(self) -> None:
        self.assert_one(
            {"server/net/probe.cpp": '#include "server/admin/routes.h"\n'},
            "folder server/net may not include server/admin",
        )

    def test_asio_and_beast_stay_in_their_rooms(self) -> None:
        for header in ("boost/asio.hpp", "boost/asio/ip/tcp.hpp", "boost/beast/http.hpp"):
            for path in ("server/app.h", "server/commands/probe.cpp", "config/probe.cpp", "engine/os/probe.cpp"):
                with self.subTest(header=header, path=path):
                    self.assert_one({path: f"#include <{header}>\n"}, f"{path}:1: ", f"may not include <{header}>")

    def test_yaml_stays_in_one_source_file(self) -> None:
        yaml = "#include <yaml-cpp/yaml.h>\n"
        self.assert_one({"config/zz_second.cpp": yaml}, "config/zz_second.cpp:1: only one file of config")
        self.assert_one({"server/app.h": yaml}, "folder server may not include <yaml-cpp/yaml.h>")
        header_and_source = violations({"config/settings.h": yaml, "config/yaml_reader.cpp": ""})
        self.assertEqual(len(header_and_source), 1, header_and_source)

    def test_protocol_has_no_sockets_no_clock_no_threads(self) -> None:
        for header in ("sys/socket.h", "netinet/in.h", "boost/asio.hpp", "chrono", "thread", "mutex"):
            with self.subTest(header=header):
                found = violations({"protocol/probe.h": f"#include <{header}>\n"})
                self.assertEqual(len(found), 1, found)
                self.assertIn(f"folder protocol may not include <{header}>", found[0])

    def test_folder_names(self) -> None:
        for name in ("common", "utils", "helpers"):
            with self.subTest(name=name):
                self.assert_one({f"server/{name}/notes.txt": ""}, f"a folder may not be called {name}")

    def test_unknown_source_folders(self) -> None:
        for path in ("plugins/a.cpp", "engine/magic/a.h", "engine/loose.h", "loose.cpp"):
            with self.subTest(path=path):
                self.assert_one({path: ""}, f"{path}:1: unknown source folder")

    def test_include_that_resolves_to_nothing(self) -> None:
        self.assert_one({"server/probe.cpp": '#include "server/absent.h"\n'}, "is no file of the project")
        self.assert_one({"tests/probe.cpp": '#include "gtest/gtest.h"\n'}, "angle brackets")

    def test_own_headers_are_quoted_from_the_root(self) -> None:
        for line, complaint in (
            ('#include "command.h"', 'write "server/commands/command.h"'),
            ('#include "../commands/command.h"', "path from the repository root"),
            ('#include "./command.h"', "path from the repository root"),
            ("#include <config/settings.h>", "own headers are included in quotes"),
            ("#include COMMAND_HEADER", "an include names its file"),
        ):
            with self.subTest(line=line):
                self.assert_one({"server/commands/probe.cpp": line + "\n"}, complaint)

    def test_odd_spelling_is_still_an_include(self) -> None:
        self.assert_one({"config/probe.cpp": '\n\n  #  include"protocol/reply_writer.h" // why\n'}, "config/probe.cpp:3: ")

    def test_text_that_is_no_include(self) -> None:
        hidden = '#include "protocol/reply_writer.h"\n'
        for text in (
            f"// {hidden}",
            f"/*\n{hidden}*/\n",
            f'const char* kText = R"x(\n{hidden})x";\n',
        ):
            with self.subTest(text=text):
                self.assertEqual(violations({"config/probe.cpp": text}), [])

    def test_comment_marks_in_literals_hide_nothing(self) -> None:
        include = '#include "protocol/reply_writer.h"\n'
        for text in ('const char* kGlob = "/*";\n', "const int kMany = 1'000'000; const char c = '\"';\n"):
            with self.subTest(text=text):
                self.assert_one({"config/probe.cpp": text + include + "// */\n"}, "config/probe.cpp:2: ")


class ProgramTest(unittest.TestCase):
    """The exit status, as ctest and ./dev lint see it."""

    def run_on(self, files: dict[str, str]) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                file = Path(folder) / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            program = Path(check_layers.__file__)
            return subprocess.run([sys.executable, program, folder], capture_output=True, text=True, check=False)

    def test_right_tree(self) -> None:
        result = self.run_on(GOOD_TREE)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_wrong_tree(self) -> None:
        result = self.run_on(GOOD_TREE | {"config/probe.cpp": '#include "engine/os/region.h"\n'})
        self.assertEqual(result.returncode, 1)
        self.assertIn(
            "config/probe.cpp:1: folder config may not include engine/os (allowed: nothing of ours)", result.stdout
        )

    def test_empty_tree(self) -> None:
        self.assertEqual(self.run_on({"README.md": ""}).returncode, 2)


if __name__ == "__main__":
    unittest.main()

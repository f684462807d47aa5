#!/usr/bin/env python3
"""Checks that every #include follows the layers of the project (the table in docs/architecture.md).

Usage: check_layers.py [ROOT]     ROOT is the repository, by default the one this file lies in.

Prints one line a violation, `file:line: what may not be, and what may`, and exits with 1 if there is one.
"""

import re
import sys
from pathlib import Path
from typing import Iterator, NamedTuple

ENGINE = tuple(
    f"engine/{room}"
    for room in ("os", "sync", "allocator", "analytics", "pools", "cache", "debug", "monitor", "api")
)
EVERYTHING = ("config", "protocol", *ENGINE, "server", "loadtest", "examples", "tests")

# Folder: the folders it may include, besides itself.
LAYERS = {
    "config": (),
    "protocol": (),
    "engine/os": (),
    "engine/sync": ("engine/os",),
    "engine/allocator": ("engine/sync", "engine/os"),
    "engine/analytics": ("engine/allocator", "engine/sync"),
    "engine/pools": ("engine/allocator", "engine/analytics", "engine/sync"),
    # The clock and the entropy of the cache come from the system layer.
    "engine/cache": ("engine/pools", "engine/analytics", "engine/sync", "engine/os"),
    "engine/debug": ("engine/allocator", "engine/sync", "engine/os"),
    "engine/monitor": ("engine/allocator", "engine/sync", "engine/os"),
    "engine/api": tuple(room for room in ENGINE if room != "engine/api"),
    "server": ("engine/api", "protocol", "config"),
    "loadtest": ("protocol", "engine/api", "config"),
    # They see what is installed: <strata/...>.
    "examples": (),
    "tests": tuple(folder for folder in EVERYTHING if folder != "tests"),
}

# Rules inside a folder: path prefix of the including file, path prefix that it may not include, why.
INNER_RULES = (
    ("server/commands/", "server/net/", "commands know no sockets"),
    ("server/commands/", "server/admin/", "commands know no HTTP"),
    ("server/commands/", "protocol/request_parser.h", "commands get their arguments parsed"),
    ("server/access/", "server/net/", "permissions know no sockets"),
    ("server/access/", "server/admin/", "permissions know no HTTP"),
    ("server/net/", "server/admin/", "the two front ends are independent"),
)


class SystemRule(NamedTuple):
    """Headers of libraries that only some of our files may include. Tests and the load generator are free."""

    headers: re.Pattern
    applies_to: re.Pattern  # paths of including files
    except_in: re.Pattern
    reason: str


SYSTEM_RULES = (
    SystemRule(
        re.compile(r"boost/(asio|beast)\b"),
        re.compile(r"(config|protocol|engine|server)/"),
        re.compile(r"server/(net|admin)/|server/(main|app)\.cpp$"),
        "only server/net, server/admin, server/main.cpp and server/app.cpp use Asio and Beast",
    ),
    SystemRule(
        re.compile(r"yaml-cpp/"),
        re.compile(r"(config|protocol|engine|server)/"),
        re.compile(r"config/.*\.cpp$"),
        "yaml-cpp stays inside one .cpp of config",
    ),
    SystemRule(
        re.compile(r"(sys/(socket|un|epoll|select)|poll|netdb)\.h$|(netinet|arpa)/"),
        re.compile(r"protocol/"),
        re.compile(r"(?!)"),
        "protocol is bytes in, messages out: no sockets",
    ),
    SystemRule(
        re.compile(r"(chrono|thread|mutex|shared_mutex|condition_variable|ctime|time\.h|sys/time\.h|pthread\.h)$"),
        re.compile(r"protocol/"),
        re.compile(r"(?!)"),
        "protocol is bytes in, messages out: no clock, no threads",
    ),
)

FORBIDDEN_FOLDER_NAMES = {"common", "util", "utils", "helper", "helpers"}
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__"}
SOURCE_SUFFIXES = {".h", ".hpp", ".hh", ".ipp", ".c", ".cc", ".cpp", ".cxx"}

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include\b[ \t]*(.*)$", re.MULTILINE)
QUOTED = re.compile(r'"([^"\n]+)"')
ANGLED = re.compile(r"<([^>\n]+)>")

# What may hold the text of an include without being one: comments and raw strings. Ordinary literals are matched so that
# a comment's opening inside them is not taken for one.
LEXEME = re.compile(
    r'(?P<raw>\bu?8?[uUL]?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")'
    r"|(?P<comment>//[^\n]*|/\*.*?\*/)"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)


class Include(NamedTuple):
    line: int
    path: str  # empty when it is neither quoted nor in angle brackets
    quoted: bool


def without_comments(text: str) -> str:
    """The same text, line for line, with comments and raw strings blanked."""

    def blank(match: re.Match) -> str:
        if match["comment"] is None and match["raw"] is None:
            return match[0]
        return " " + "\n" * match[0].count("\n")

    return LEXEME.sub(blank, text)


def includes_of(text: str) -> Iterator[Include]:
    text = without_comments(text)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if quoted := QUOTED.match(match[1]):
            yield Include(line, quoted[1], True)
        elif angled := ANGLED.match(match[1]):
            yield Include(line, angled[1], False)
        else:
            yield Include(line, "", False)


def walk(root: Path) -> Iterator[Path]:
    """Every folder and file of the project, as paths below the root, in a stable order."""
    for entry in sorted(root.iterdir()):
        if entry.name.startswith(".") or entry.name in SKIPPED_FOLDERS or entry.is_symlink():
            continue
        yield entry
        if entry.is_dir():
            yield from walk(entry)


def folder_of(path: str) -> str | None:
    """The layer a file belongs to; None when it lies in none."""
    parts = path.split("/")
    if len(parts) > 2 and parts[0] == "engine":
        folder = "/".join(parts[:2])
    else:
        folder = parts[0] if len(parts) > 1 else ""
    return folder if folder in LAYERS else None


def allowed_text(folder: str) -> str:
    return ", ".join(LAYERS[folder]) or "nothing of ours"


class Checker:
    """Collects the violations of one tree."""

    def __init__(self, root: Path):
        self.root = root
        self.violations: list[str] = []
        self.files = 0
        self.includes = 0
        self.yaml_file = ""  # the first file found to include yaml-cpp

    def complain(self, path: str, line: int, text: str) -> None:
        self.violations.append(f"{path}:{line}: {text}")

    def check_tree(self) -> None:
        for entry in walk(self.root):
            path = entry.relative_to(self.root).as_posix()
            if entry.is_dir():
                if entry.name in FORBIDDEN_FOLDER_NAMES:
                    self.complain(path, 1, f"a folder may not be called {entry.name}: name it after what it does")
            elif entry.suffix in SOURCE_SUFFIXES:
                self.check_file(path, entry.read_text(encoding="utf-8", errors="replace"))

    def check_file(self, path: str, text: str) -> None:
        self.files += 1
        folder = folder_of(path)
        if folder is None:
            self.complain(path, 1, f"unknown source folder (known: {', '.join(LAYERS)})")
            return
        for include in includes_of(text):
            self.includes += 1
            if not include.path:
                self.complain(path, include.line, "an include names its file, in quotes or angle brackets")
            elif include.quoted:
                self.check_own(path, folder, include)
            else:
                self.check_system(path, include)

    def check_own(self, path: str, folder: str, include: Include) -> None:
        if not self.resolves(path, include):
            return
        target = folder_of(include.path)
        if target is None:
            self.complain(path, include.line, f'"{include.path}" lies in no known source folder')
        elif target != folder and target not in LAYERS[folder]:
            self.complain(
                path, include.line, f"folder {folder} may not include {target} (allowed: {allowed_text(folder)})"
            )
        for including, included, reason in INNER_RULES:
            if path.startswith(including) and include.path.startswith(included):
                self.complain(
                    path,
                    include.line,
                    f"folder {including.rstrip('/')} may not include {included.rstrip('/')}"
                    f" (allowed: the rest of {folder}, {allowed_text(folder)}; {reason})",
                )

    def resolves(self, path: str, include: Include) -> bool:
        name = include.path
        parts = name.split("/")
        if name.startswith("/") or "." in parts or ".." in parts:
            self.complain(path, include.line, f'"{name}": own headers are included by their path from the repository root')
        elif (self.root / name).is_file() or (self.root / (name + ".in")).is_file():
            return True
        elif ((self.root / path).parent / name).is_file():
            beside = f"{path.rpartition('/')[0]}/{name}"
            self.complain(path, include.line, f'"{name}": write "{beside}", the path from the repository root')
        else:
            self.complain(
                path, include.line, f'"{name}" is no file of the project (headers of libraries go in angle brackets)'
            )
        return False

    def check_system(self, path: str, include: Include) -> None:
        if include.path.split("/")[0] in {folder.split("/")[0] for folder in LAYERS}:
            self.complain(path, include.line, f"<{include.path}>: own headers are included in quotes")
            return
        for rule in SYSTEM_RULES:
            if rule.headers.match(include.path) and rule.applies_to.match(path) and not rule.except_in.match(path):
                self.complain(
                    path, include.line, f"folder {folder_of(path)} may not include <{include.path}> (allowed: {rule.reason})"
                )
        if include.path.startswith("yaml-cpp/") and path.startswith("config/"):
            self.yaml_file = self.yaml_file or path
            if path != self.yaml_file:
                self.complain(
                    path, include.line, f"only one file of config may include yaml-cpp (allowed: {self.yaml_file})"
                )


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if not root.is_dir():
        print(f"{root}: no such folder", file=sys.stderr)
        return 2
    checker = Checker(root)
    checker.check_tree()
    if checker.files == 0:
        print(f"{root}: no source files", file=sys.stderr)
        return 2
    for violation in checker.violations:
        print(violation)
    print(f"layers: {checker.files} files, {checker.includes} includes, {len(checker.violations)} violations")
    return 1 if checker.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

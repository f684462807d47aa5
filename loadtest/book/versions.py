"""Versions of what is compared: the distribution's packages, and our build with its git revision."""

import hashlib
import shutil

from loadtest.book.failure import BookError
from loadtest.book.program import run_program

PACKAGES = ("redis-server", "memcached", "libjemalloc2", "libmimalloc2.0", "libtcmalloc-minimal4", "libc6", "g++-12")

# Results and documents are written by the book itself: they do not make a build another one.
_NOT_THE_BUILD = (":(exclude)loadtest/results", ":(exclude)docs")


def _output(words, folder):
    try:
        return run_program(words, folder, timeout_s=60)[0].strip()
    except BookError:
        return ""


def package_versions(folder):
    """{package: version, or "not installed"}."""
    versions = {}
    for package in PACKAGES:
        words = ["dpkg-query", "-W", "-f=${db:Status-Status} ${Version}", package]
        told = _output(words, folder) if shutil.which(words[0]) else ""
        status, _, version = told.partition(" ")
        versions[package] = version if status == "installed" else "not installed"
    return versions


def git_revision(root):
    git = ["git", "--no-optional-locks", "-c", f"safe.directory={root}", "-C", str(root)]
    revision = _output([*git, "rev-parse", "--short=12", "HEAD"], root)
    if not revision:
        return "unknown"
    changed = _output([*git, "status", "--porcelain", "--", ".", *_NOT_THE_BUILD], root)
    return revision + (" with changes" if changed else "")


def _build_type(build):
    try:
        lines = (build / "CMakeCache.txt").read_text(errors="replace").splitlines()
    except OSError:
        return "unknown"
    return next((line.partition("=")[2] for line in lines if line.startswith("CMAKE_BUILD_TYPE:")), "unknown")


def our_build(plan):
    server = plan.program("strata-server")
    built = server.is_file()
    return {
        "version": (_output([server, "--version"], plan.root) if built else "") or "not built",
        "revision": git_revision(plan.root),
        "build_type": _build_type(plan.build),
        "sha256": hashlib.sha256(server.read_bytes()).hexdigest()[:16] if built else "none",
    }


def describe_versions(plan):
    return {"strata": our_build(plan), "packages": package_versions(plan.root)}


def versions_line(versions):
    """One sentence for a table. Takes Fields."""
    ours, packages = versions.object("strata"), versions.object("packages")
    told = [f"{ours.text('version')} ({ours.text('revision')}, {ours.text('build_type')})"]
    return ", ".join(told + [f"{name} {packages.text(name)}" for name in packages.value])

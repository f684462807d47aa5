"""Runs programs to their end."""

import os
import subprocess

from loadtest.book.failure import BookError, CommandFailed

# Far above anything that is measured: what hits it hangs.
LONGEST_SECONDS = 1800

# Variables that would change what is measured behind the back of the recorded command.
_MEDDLING = ("STRATA_", "LD_PRELOAD", "LD_LIBRARY_PATH", "MALLOC_", "GLIBC_TUNABLES", "MIMALLOC_", "TCMALLOC_", "JE_")


def clean_environment():
    return {name: value for name, value in os.environ.items() if not name.startswith(_MEDDLING)} | {"LC_ALL": "C"}


def run_program(words, folder, timeout_s=LONGEST_SECONDS, well=(0,)):
    """Runs a command in `folder` and returns (standard output, standard error); raises CommandFailed unless it ends with one of `well`."""
    words = [str(word) for word in words]
    try:
        ended = subprocess.run(words, cwd=folder, env=clean_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                               text=True, errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(words, f"did not end within {timeout_s} s", (late.stderr or b"").decode(errors="replace")) from None
    except OSError as error:
        raise BookError(f"cannot start {words[0]}: {error.strerror}") from None
    if ended.returncode not in well:
        outcome = f"ended with {ended.returncode}" if ended.returncode > 0 else f"was ended by signal {-ended.returncode}"
        # What went wrong is told last, on standard error.
        raise CommandFailed(words, outcome, f"{ended.stdout[-1000:]}\n{ended.stderr}")
    return ended.stdout, ended.stderr

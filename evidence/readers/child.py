"""Reading in a process of its own, with little memory, little time and no secrets.

`read_in_child` is for files of unknown origin: whatever a file does to its reader, the answer is
a `Result`, and the process that asked goes on. The child gets the open file, a name to show and
an environment without settings; it prints one JSON message.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from evidence.readers import read, refused
from evidence.readers.result import Result

MEBIBYTE = 1024**2
ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "evidence.readers.child")


@dataclass(frozen=True)
class Limits:
    """Bytes of address space, seconds of processor, and seconds on the clock."""

    memory: int = 512 * MEBIBYTE
    processor: int = 120
    clock: int = 240


#: For a page, whose reader waits.
SHORT = Limits(processor=20, clock=25)


def read_in_child(path: str | Path, name: str = "", limits: Limits = Limits()) -> Result:
    """Return what the file at `path` says, read in a limited child process; never raises for it.

    What it shows as `name` is the path unless said otherwise.
    """
    name = name or str(path)
    try:
        with Path(path).open("rb") as file:
            return read_open_file(file, name, limits)
    except OSError as error:
        return refused(name, None, f"The file cannot be opened: {error.strerror}.")


def read_open_file(file, name: str, limits: Limits = Limits()) -> Result:
    """Do what `read_in_child` does for a file that is open; it must have a descriptor."""
    asked = json.dumps([name, limits.memory, limits.processor])
    try:
        done = subprocess.run(  # noqa: S603
            [*COMMAND, asked],
            stdin=file,
            capture_output=True,
            timeout=limits.clock,
            cwd=ROOT,
            env={
                "PATH": os.defpath,
                "LC_ALL": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
            },
            check=False,
        )
    except subprocess.TimeoutExpired:
        return refused(name, None, f"Reading it took longer than {limits.clock} seconds.")
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        sentence = f"Reading it took more than {limits.processor} seconds of the processor."
        return refused(name, None, sentence)
    try:
        return Result.from_message(json.loads(done.stdout))
    except (ValueError, TypeError, KeyError):
        return refused(name, None, "Its reader broke off without an answer.")


def main(asked: str) -> None:
    """Limit this process, read what stands at its standard input, and print the result."""
    name, memory, processor = json.loads(asked)
    resource.setrlimit(resource.RLIMIT_CPU, (processor, processor + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))
    with os.fdopen(0, "rb", closefd=False) as file:
        result = read(file, name)
    sys.stdout.write(json.dumps(result.as_message()))


if __name__ == "__main__":
    main(sys.argv[1])

"""Several processes of one system under one parent: `python -m bench.crew COUNT COMMAND …`.

Each process gets a folder of its own for its local state: `{folder}` in the command, and BENCH_FOLDER; `{number}` is
its number, from 0. The parent ends them when it is told to end, and ends with the first of them that does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> int:
    """Runs until a child ends or a signal comes; the exit code is the first child's, 0 after a signal."""
    count, command = int(sys.argv[1]), sys.argv[2:]
    folder = Path(os.environ["BENCH_FOLDER"])
    children: list[subprocess.Popen[bytes]] = []
    told: list[int] = []
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda given, _: told.append(given))
    for number in range(count):
        own = folder / f"process-{number}"
        own.mkdir(parents=True, exist_ok=True)
        words = [word.replace("{folder}", str(own)).replace("{number}", str(number)) for word in command]
        children.append(subprocess.Popen(words, env={**os.environ, "BENCH_FOLDER": str(own)}))
    code = 0
    while not told and all(child.poll() is None for child in children):
        time.sleep(0.1)
    for child in children:
        if child.poll() is None:
            child.terminate()
        else:
            code = child.returncode
    for child in children:
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Child processes that never outlive this one: brokers and workers that the demo, the tests and the benchmark start.

A child leads its own session, so that ctrl-C in a terminal reaches only this process, which then ends the child in
order. Where this process itself is killed, a guard ends the child: a shell that waits for the closing of a pipe which
this process holds.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


class ChildFailed(RuntimeError):
    """A child ended by itself, or did not come up. The message holds the end of what it wrote."""


class Child:
    """One child process with its output in a file. `stop` asks first; `kill` does not; both wait for the end."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], guard: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self.process = process
        self._guard = guard

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def check(self) -> None:
        """Raises `ChildFailed` where the child has ended."""
        if not self.alive:
            raise ChildFailed(f"{self.name} ended with exit code {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines: int = 20) -> str:
        """The last lines that the child wrote."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return "(it wrote nothing)"

    def stop(self, seconds: float = 10) -> int:
        """SIGTERM, then SIGKILL after `seconds`. Returns the exit code (negative: the signal that ended it)."""
        if self.alive:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        return self.kill()

    def kill(self) -> int:
        """SIGKILL, as a machine that loses its power. Returns the exit code."""
        if self.alive:
            self._signal(signal.SIGKILL)
        code = self.process.wait()
        if self._guard.poll() is None:
            self._guard.kill()
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        atexit.unregister(self.kill)
        return code

    def pause(self) -> None:
        """SIGSTOP: alive, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, which: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(which)


def start_child(
    name: str,
    command: Sequence[str],
    *,
    log: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Child:
    """Starts `command`, its output in `log` (else a temporary file). `env` is added to this process's environment."""
    if log is None:
        handle, path = tempfile.mkstemp(prefix=f"riskwatch-{name}-", suffix=".log")
        os.close(handle)
        log = Path(path)
        atexit.register(log.unlink, missing_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = _popen(command, stdin=subprocess.DEVNULL, output=output, cwd=cwd, env=env)
    guard = _popen(
        ["sh", "-c", 'cat; kill -9 "$0"', str(process.pid)], stdin=subprocess.PIPE, output=subprocess.DEVNULL
    )
    child = Child(name, process, guard, log)
    atexit.register(child.kill)
    return child


def _popen(
    command: Sequence[str],
    *,
    stdin: int,
    output: IO[bytes] | int,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(command),
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT if output is not subprocess.DEVNULL else subprocess.DEVNULL,
        cwd=cwd,
        env=None if env is None else {**os.environ, **env},
        start_new_session=True,
    )

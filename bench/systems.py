"""The systems under measurement: how each is started, and which topics it reads and writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.job import policy_toml
from bench.load import create_topics
from bench.peers.place import Place
from riskwatch.lab.children import Child, start_child
from riskwatch.lab.probe import free_port

Name = Literal["riskwatch", "faust", "quix", "bytewax"]
SYSTEMS: tuple[Name, ...] = ("riskwatch", "faust", "quix", "bytewax")
TITLES: Mapping[Name, str] = {
    "riskwatch": "riskwatch",
    "faust": "plain Faust",
    "quix": "Quix Streams",
    "bytewax": "Bytewax",
}
PACKAGES: Mapping[Name, str] = {
    "riskwatch": "riskwatch",
    "faust": "faust-streaming",
    "quix": "quixstreams",
    "bytewax": "bytewax",
}

_CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One system in one measurement: topics of its own, a folder of its own, started and stopped any number of
    times."""

    system: Name
    place: Place
    processes: int = 1

    def create_topics(self) -> None:
        """Creates what the system reads and writes; its internal topics it creates itself."""
        create_topics(self.place.broker, [self.place.input, self.place.alerts, self.place.dead_letters])

    def start(self, log: Path) -> Child:
        """Starts the system's process, or a parent of its processes, with its output in `log`."""
        self.place.folder.mkdir(parents=True, exist_ok=True)
        # Who shares a device is asked by no peer.
        environment = {**self.place.environment(), "PYTHONUNBUFFERED": "1", "RISKWATCH_LINKS": "false"}
        command = self._command()
        if self.processes > 1:
            if self.system == "faust":
                command.append("--without-web")  # two web servers would want one port
            if self.system == "bytewax":  # its processes know one another by their addresses
                addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(self.processes))
                command += ["--process-id={number}", f"--addresses={addresses}"]
            command = [sys.executable, "-m", "bench.crew", str(self.processes), *command]
        return start_child(self.system, command, log=log, cwd=_CHECKOUT, env=environment)

    def _command(self) -> list[str]:
        python, place = sys.executable, self.place
        match self.system:
            case "riskwatch":
                policy = place.folder.parent / "policy.toml"
                policy.write_text(policy_toml())
                options = {
                    "broker": place.broker,
                    "store": "rocksdb",
                    "lending": "off",  # decisions, limits and collections are no part of the job that the peers do
                    "collections": "off",
                    "policy": policy,
                    "data-dir": place.folder if self.processes == 1 else "{folder}",
                    "prefix": place.group,
                    "group": place.group,
                    "partitions": 4,
                    "metrics-port": 0,
                }
                return [python, "-m", "riskwatch", "worker", *(f"--{name}={value}" for name, value in options.items())]
            case "faust":
                return [python, "-m", "bench.peers.plain_faust", "worker", "--loglevel=info"]
            case "quix":
                return [python, "-m", "bench.peers.quix"]
            case "bytewax":
                if not any(place.folder.iterdir()):
                    subprocess.run([python, "-m", "bytewax.recovery", str(place.folder), "4"], check=True)
                flow = ["-m", "bytewax.run", "bench.peers.bytewax:build_flow"]
                return [
                    python,
                    *flow,
                    "--recovery-directory",
                    str(place.folder),
                    "--snapshot-interval=10",
                    "--backup-interval=0",
                ]


def place_of(system: Name, run: str, broker: str, folder: Path, processes: int = 1) -> Job:
    """The job of `system` in the measurement `run`. riskwatch's topics have the names that it gives them."""
    group = f"bench-{run}-{system}"
    if system == "riskwatch":
        topics = {
            "input": f"{group}.transactions.v1",
            "alerts": f"{group}.fraud-alerts.v1",
            "dead_letters": f"{group}.dead-letters.v1",
        }
    else:
        topics = {"input": f"{group}.events", "alerts": f"{group}.alerts", "dead_letters": f"{group}.dead-letters"}
    place = Place(broker=broker, group=group, folder=folder / group / "state", **topics)
    return Job(system=system, place=place, processes=processes)

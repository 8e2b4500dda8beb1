"""A real Apache Kafka node without an installation: the jars come from Maven, one KRaft node runs on a free local port.

Connected tests and the benchmark use it. It needs Java 17 and, the first time, Maven; the jars stay in `.kafka/` of the
checkout (else the user's cache folder), or in the folder that RISKWATCH_KAFKA_LIBS names. Ready in about 3 s.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from riskwatch.lab.children import Child, ChildFailed, start_child
from riskwatch.lab.probe import answers, free_port, wait_until

KAFKA_VERSION = "4.3.1"
LIBS_VARIABLE = "RISKWATCH_KAFKA_LIBS"
_CHECKOUT = Path(__file__).parents[3]

_ARTIFACTS = (
    ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),
    ("org.slf4j", "slf4j-api", "2.0.17"),  # named, else Maven takes Kafka's own 1.7, which finds no slf4j-simple 2
    ("org.slf4j", "slf4j-simple", "2.0.17"),
)


class KafkaMissing(RuntimeError):
    """No Kafka can be had here: Java or Maven is absent, or Maven found no way to the jars."""


def find_java() -> str:
    """Path of a Java 17 or later. Raises `KafkaMissing`."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java") or (shutil.which("java", path=f"{home}/bin") if home else None)
    if java is None:
        raise KafkaMissing("Apache Kafka needs Java 17 or later: no `java` on the PATH")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version.group(1)) < 17:
        raise KafkaMissing(
            f"Apache Kafka needs Java 17 or later: {java} is {said.splitlines()[0] if said else 'silent'}"
        )
    return java


def kafka_libs() -> Path:
    """The folder of Kafka's jars, fetched with Maven the first time (about 10 s). Raises `KafkaMissing`."""
    named = os.environ.get(LIBS_VARIABLE)
    if named:
        if not list(Path(named).glob("kafka_2.13-*.jar")):
            raise KafkaMissing(f"{LIBS_VARIABLE} names {named}, which holds no kafka_2.13 jar")
        return Path(named)
    cache = _CHECKOUT / ".kafka" if (_CHECKOUT / "pyproject.toml").exists() else Path.home() / ".cache/riskwatch/kafka"
    libs = cache / f"libs-{KAFKA_VERSION}"
    if not libs.exists():
        _fetch_jars(libs)
    return libs


class KafkaNode:
    """One Kafka broker and controller with its data in `folder`. Port and data outlive `stop` and `kill`, for `start`.

    Use as a context manager, or call `start` and `stop`. Topics are not created by themselves; a group's first
    rebalance does not wait; internal topics have one replica.
    """

    def __init__(
        self, folder: Path | None = None, *, heap: str = "512m", settings: Mapping[str, str] | None = None
    ) -> None:
        self._java = find_java()
        self._libs = kafka_libs()
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix="riskwatch-kafka-")) if folder is None else folder
        self._heap = heap
        self._settings = dict(settings or {})
        self.port = free_port()
        self._controller_port = free_port()
        self.child: Child | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self, seconds: float = 60) -> None:
        """Starts the node, formatting its folder the first time, and waits until it answers.

        Raises `ChildFailed` with the end of its log where it ends by itself, `TimeoutError` after `seconds`.
        """
        if self.child is not None and self.child.alive:
            return
        properties = self.folder / "server.properties"
        if not properties.exists():
            self._format(properties)
        self.child = child = start_child(
            "kafka", [*self._jvm(f"-Xms{self._heap}", f"-Xmx{self._heap}"), "kafka.Kafka", str(properties)],
            log=self.folder / "kafka.log", cwd=self.folder,
        )  # fmt: skip

        def up() -> bool:
            child.check()
            return answers(self.address)

        try:
            wait_until(up, seconds=seconds, what=f"Kafka at {self.address}")
        except BaseException:
            child.kill()
            raise

    def stop(self, seconds: float = 30) -> None:
        """An orderly end; the data stays, for another `start`."""
        if self.child is not None:
            self.child.stop(seconds)

    def kill(self) -> None:
        """kill -9; the data stays as it is."""
        self._running().kill()

    def restart(self) -> None:
        """Stops in order and starts again, on the same port and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing is answered, as a broker whose disk hangs."""
        self._running().pause()

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self._running().resume()

    def close(self) -> None:
        """Ends the node and, where the folder was made by this class, removes it."""
        if self.child is not None:
            self.child.kill() if self._temporary else self.child.stop()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> KafkaNode:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _running(self) -> Child:
        if self.child is None:
            raise RuntimeError("the Kafka node has not been started")
        return self.child

    def _jvm(self, *options: str) -> list[str]:
        logging = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")
        return [self._java, *options, *logging, "-cp", f"{self._libs}/*"]

    def _format(self, properties: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        # C1 only and the serial collector: this JVM lives for a second.
        cluster = uuid.uuid4().hex[:22]
        command = [
            *self._jvm("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            "kafka.tools.StorageTool",
            "format",
        ]
        command += ["--standalone", "--cluster-id", cluster, "--config", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        if done.returncode != 0:
            properties.unlink()
            raise ChildFailed(f"formatting Kafka's storage failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _properties(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "offsets.topic.num.partitions": "4",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            # A node that comes back is let in when the session of its former life is over: by default 9 s, the larger
            # part of a restart.
            "broker.session.timeout.ms": "2000",
            "broker.heartbeat.interval.ms": "500",
            **self._settings,
        }


def _fetch_jars(libs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaMissing(
            f"Apache Kafka's jars are fetched with Maven: no `mvn` on the PATH (or name them in {LIBS_VARIABLE})"
        )
    libs.parent.mkdir(parents=True, exist_ok=True)
    # Into a folder of its own, then renamed: a fetch that breaks off leaves nothing that looks complete.
    partial = Path(tempfile.mkdtemp(prefix="fetching-", dir=libs.parent))
    try:
        (partial / "pom.xml").write_text(_pom())
        command = [maven, "-q", "-B", "-f", str(partial / "pom.xml"), "dependency:copy-dependencies"]
        command.append(f"-DoutputDirectory={partial / 'libs'}")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise KafkaMissing(
                f"Maven could not fetch Apache Kafka {KAFKA_VERSION}:\n{(done.stdout + done.stderr)[-2000:]}"
            )
        if not libs.exists():
            (partial / "libs").rename(libs)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _pom() -> str:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in _ARTIFACTS
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>riskwatch</groupId><artifactId>kafka-node</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>\n"
    )

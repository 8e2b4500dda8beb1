"""Apache Kafka in a container, for machines that have Docker and no Java: the same strikes as `KafkaNode` offers."""

from __future__ import annotations

from typing import Any

from riskwatch.lab.kafka import KAFKA_VERSION, KafkaMissing
from riskwatch.lab.probe import answers, free_port, wait_until


class ContainerNode:
    """One KRaft node in a container whose port on 127.0.0.1 stays the same when it is killed and started again.

    Raises `KafkaMissing` where no Docker engine answers.
    """

    def __init__(self) -> None:
        from docker.errors import DockerException
        from testcontainers.core.container import DockerContainer

        port = free_port()
        self.address = f"127.0.0.1:{port}"
        try:
            self._container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(
                port, ("127.0.0.1", port)
            )
            for name, value in _environment(port).items():
                self._container.with_env(name, value)
            self._container.start()
        except DockerException as error:
            raise KafkaMissing(f"no Docker engine answers ({error.__class__.__name__})") from error
        self._wait()

    def start(self) -> None:
        self._docker().start()
        self._wait()

    def stop(self) -> None:
        self._docker().stop(timeout=30)

    def kill(self) -> None:
        self._docker().kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        self._docker().pause()

    def resume(self) -> None:
        self._docker().unpause()

    def close(self) -> None:
        self._container.stop()

    def _docker(self) -> Any:
        return self._container.get_wrapped_container()

    def _wait(self) -> None:
        wait_until(lambda: answers(self.address), seconds=90, what=f"Kafka's container at {self.address}", every=0.1)


def _environment(port: int) -> dict[str, str]:
    settings = {
        "node.id": "1",
        "process.roles": "broker,controller",
        "listeners": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": "1@localhost:9093",
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}

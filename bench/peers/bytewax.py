"""The job in Bytewax as its documentation shows it: a Kafka source, a keyed stateful step with recovery, a Kafka sink.

    python -m bytewax.run bench.peers.bytewax:build_flow -r FOLDER -s 10 -b 0

Its state lives in memory as objects; what changed is written to SQLite files at the end of each epoch (`-s` seconds),
as its page on recovery recommends. Packing it to bytes for that is several times cheaper than the deep copy of
`stateful_map`.
"""

from __future__ import annotations

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic

from bench.peers.features import Customer, pack_customer, unpack_customer
from bench.peers.fold import InvalidEvent, Judge, build_judge, decode_event
from bench.peers.place import place_from_environment
from riskwatch.streams.events import AnyEvent

Read = tuple[str, tuple[AnyEvent, KafkaSourceMessage]]


class Watch(StatefulBatchLogic):  # type: ignore[misc]
    """One customer's logic: the events of a batch in, alerts out."""

    def __init__(self, judge: Judge, packed: bytes | None) -> None:
        self.judge = judge
        self.customer: Customer | None = None if packed is None else unpack_customer(packed)

    def on_batch(self, values: list[tuple[AnyEvent, KafkaSourceMessage]]) -> tuple[list[KafkaSinkMessage], bool]:
        alerts = []
        for event, message in values:
            self.customer, raised = self.judge(self.customer, event, message.key, message.partition, message.offset)
            for alert in raised:
                alerts.append(KafkaSinkMessage(message.key, alert))
        return alerts, self.RETAIN

    def snapshot(self) -> bytes:
        return pack_customer(self.customer)


def read(message: KafkaSourceMessage) -> Read | KafkaSinkMessage:
    """The event under its customer's key; a dead letter where the record is no event."""
    try:
        return message.key.decode(), (decode_event(message.value), message)
    except InvalidEvent:
        return KafkaSinkMessage(message.key, message.value)


def build_flow() -> Dataflow:
    place = place_from_environment()
    judge = build_judge()
    flow = Dataflow("job")
    records = op.input("records", flow, KafkaSource([place.broker], [place.input]))
    events = op.branch("valid", op.map("read", records, read), lambda item: type(item) is tuple)
    kop.output("dead-letters", events.falses, brokers=[place.broker], topic=place.dead_letters)
    alerts = op.stateful_batch("watch", events.trues, lambda packed: Watch(judge, packed))
    kop.output("alerts", op.map("value", alerts, lambda item: item[1]), brokers=[place.broker], topic=place.alerts)
    return flow

"""The job in Faust as its guide shows it: a topic, a table, an agent that takes event by event.

    python -m bench.peers.plain_faust worker

The guide's windowed tables are left out in Faust's favour: one of them costs 350 to 1,260 µs an event, and this job would need
41. One table with one value for a customer holds all windows instead.
"""

from __future__ import annotations

import faust
from faust.serializers import codecs

from bench.peers.features import Customer, pack_customer, unpack_customer
from bench.peers.fold import InvalidEvent, build_judge, decode_event
from bench.peers.place import Place, place_from_environment


class CustomerCodec(codecs.Codec):
    """A custom serializer, as the guide's chapter on models and codecs describes: msgpack instead of JSON."""

    def _dumps(self, obj: Customer) -> bytes:
        return pack_customer(obj)

    def _loads(self, s: bytes) -> Customer:
        return unpack_customer(s)


def build_app(place: Place) -> faust.App:
    codecs.register("customer", CustomerCodec())
    app = faust.App(
        place.group,
        broker=f"kafka://{place.broker}",
        store="rocksdb://",
        datadir=str(place.folder),
        topic_partitions=4,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        key_serializer="raw",
        value_serializer="raw",
    )
    events = app.topic(place.input, key_type=bytes, value_type=bytes)
    alerts = app.topic(place.alerts, key_type=bytes, value_type=bytes)
    dead_letters = app.topic(place.dead_letters, key_type=bytes, value_type=bytes)
    customers = app.Table("customers", key_type=bytes, value_serializer="customer", partitions=4)
    judge = build_judge()

    @app.agent(events)
    async def watch(stream: faust.Stream) -> None:
        async for record in stream.events():
            key, message = record.key, record.message
            try:
                event = decode_event(record.value)
            except InvalidEvent:
                await dead_letters.send(key=key, value=record.value)
                continue
            customer, raised = judge(customers.get(key), event, key, message.partition, message.offset)
            customers[key] = customer
            for alert in raised:
                await alerts.send(key=key, value=alert)

    return app


if __name__ == "__main__":
    build_app(place_from_environment()).main()

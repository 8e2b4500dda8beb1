"""The job in Faust as its guide shows it: a topic, a table, an agent that takes event by event.

    python -m bench.peers.plain_faust worker

The guide's windowed tables are left out in Faust's favour: one of them costs 350 to 1,260 µs an event, and this job
would need 41. One table with one value for a customer holds all windows instead, as bytes: a `faust.Record` would add
10 to 19 µs.
"""

from __future__ import annotations

import faust

from bench.peers.features import pack_customer, unpack_customer
from bench.peers.fold import InvalidEvent, build_judge, decode_event
from bench.peers.place import Place, place_from_environment


def build_app(place: Place) -> faust.App:
    app = faust.App(
        place.group,
        broker=f"kafka://{place.broker}",
        store=__import__("os").environ.get("BENCH_STORE", "rocksdb://"),
        datadir=str(place.folder),
        topic_partitions=4,
        topic_replication_factor=1,
        topic_disable_leader=True,
        web_enabled=False,
        producer_linger=0.005,
        key_serializer="raw",
        value_serializer="raw",
    )
    events = app.topic(place.input, key_type=bytes, value_type=bytes)
    alerts = app.topic(place.alerts, key_type=bytes, value_type=bytes)
    dead_letters = app.topic(place.dead_letters, key_type=bytes, value_type=bytes)
    customers = app.Table("customers", key_type=bytes, value_type=bytes, partitions=4)
    judge = build_judge()

    @app.agent(events)  # type: ignore[untyped-decorator]
    async def watch(stream: faust.Stream) -> None:
        async for record in stream.events():
            key, message = record.key, record.message
            try:
                event = decode_event(record.value)
            except InvalidEvent:
                await dead_letters.send(key=key, value=record.value)
                continue
            packed = customers.get(key)
            known = None if packed is None else unpack_customer(packed)
            customer, raised = judge(known, event, key, message.partition, message.offset)
            customers[key] = pack_customer(customer)
            for alert in raised:
                await alerts.send(key=key, value=alert)

    return app


if __name__ == "__main__":
    build_app(place_from_environment()).main()

"""The job in Quix Streams as its documentation shows it: a dataframe over a topic, one stateful step, alerts out.

python -m bench.peers.quix
"""

from __future__ import annotations

from quixstreams import Application, State, message_context
from quixstreams.dataframe import StreamingDataFrame

from bench.peers.features import pack_customer, unpack_customer
from bench.peers.fold import InvalidEvent, build_judge, decode_event
from bench.peers.place import Place, place_from_environment
from riskwatch.streams.events import AnyEvent


class Invalid:
    """A record that is no event, with its bytes."""

    def __init__(self, value: bytes) -> None:
        self.value = value


def read(value: bytes) -> AnyEvent | Invalid:
    try:
        return decode_event(value)
    except InvalidEvent:
        return Invalid(value)


def build_dataframe(app: Application, place: Place) -> StreamingDataFrame:
    events = app.topic(place.input, key_deserializer="bytes", value_deserializer="bytes")
    alerts = app.topic(place.alerts, key_serializer="bytes", value_serializer="bytes")
    dead_letters = app.topic(place.dead_letters, key_serializer="bytes", value_serializer="bytes")
    judge = build_judge()

    def watch(event: AnyEvent, key: bytes, timestamp: int, headers: object, state: State) -> list[bytes]:
        packed = state.get_bytes("customer")
        context = message_context()
        known = None if packed is None else unpack_customer(packed)
        customer, raised = judge(known, event, key, context.partition, context.offset)
        state.set_bytes("customer", pack_customer(customer))
        return raised

    read_events = app.dataframe(events).apply(read)
    refused = read_events.filter(lambda event: type(event) is Invalid)
    refused.apply(lambda invalid: invalid.value).to_topic(dead_letters)
    valid = read_events.filter(lambda event: type(event) is not Invalid)
    return valid.apply(watch, stateful=True, metadata=True, expand=True).to_topic(alerts)


def main() -> None:
    place = place_from_environment()
    app = Application(
        broker_address=place.broker,
        consumer_group=place.group,
        auto_offset_reset="earliest",
        state_dir=place.folder,
        loglevel="WARNING",
    )
    build_dataframe(app, place)
    app.run()


if __name__ == "__main__":
    main()

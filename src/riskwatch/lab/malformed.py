"""Records as upstream systems send them on a bad day: no worker can read them."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from riskwatch.lab.rig import Rig
from riskwatch.streams.topics import INPUTS, LOGINS, TRANSACTIONS, full_name

MALFORMED: tuple[tuple[str, bytes], ...] = (
    (LOGINS.name, b'{"type": "LoginFailed", "event_id": "broken-1", "tenant": "lumen-'),
    (LOGINS.name, b"\xff\xfe not text at all"),
    (
        LOGINS.name,
        b'{"type": "LoginFailed", "event_id": "broken-3", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00"}',
    ),
    (
        TRANSACTIONS.name,
        b'{"type": "PurchaseMade", "event_id": "broken-4", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00Z", "amount": "12.50", "currency": "euro"}',
    ),
    (
        TRANSACTIONS.name,
        b'{"type": "PurchaseMade", "event_id": "broken-5", "tenant": "lumen-credit", "customer_id": "c00001",'
        b' "occurred_at": "2025-04-01T10:00:00Z", "amount": NaN, "currency": "EUR"}',
    ),
    (TRANSACTIONS.name, b'{"type": "PurchaseImagined", "event_id": "broken-6"}'),
)
"""(name of the topic, value)"""


async def publish_malformed(running: Rig) -> None:
    """Publishes what no worker can read, so that dead letters show."""
    names = {topic.name: full_name(topic, running.prefix) for topic in INPUTS}
    producer = AIOKafkaProducer(bootstrap_servers=running.broker, client_id="riskwatch-demo")
    await producer.start()
    try:
        for topic, value in MALFORMED:
            await producer.send_and_wait(names[topic], value, key=b"lumen-credit/c00001")
    finally:
        await producer.stop()

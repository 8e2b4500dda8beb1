"""`riskwatch explain` at a broker that has no such decision."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from riskwatch.agents.explaining import NoDecision, find_trail
from riskwatch.agents.provision import provision
from riskwatch.streams import topics
from riskwatch.streams.connecting import Security


def test_where_no_worker_ever_ran_there_is_no_decision_and_no_topic_is_made(broker: str, fresh_prefix: str) -> None:
    with pytest.raises(NoDecision, match=r"no decision a-1: the topic .*decision-trails.* does not exist"):
        asyncio.run(find_trail(broker, Security(), fresh_prefix, "a-1"))

    async def there() -> list[str]:
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        try:
            return list(await admin.list_topics())
        finally:
            await admin.close()

    assert topics.full_name(topics.DECISION_TRAILS, fresh_prefix) not in asyncio.run(there())


def test_an_application_that_nothing_decided_is_told_with_what_may_be_the_cause(broker: str, fresh_prefix: str) -> None:
    asyncio.run(provision(broker, fresh_prefix, 2, 1, Security()))
    with pytest.raises(NoDecision, match="or its institution has no lending policy in its currency"):
        asyncio.run(find_trail(broker, Security(), fresh_prefix, "a-1"))

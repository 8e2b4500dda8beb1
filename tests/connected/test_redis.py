"""The embedded Redis does what the real one does, as far as views need it."""

import pytest
from redis.asyncio import Redis

from riskwatch.lab.embedded import embedded_redis
from riskwatch.lab.probe import split_address


@pytest.fixture(params=["real", "embedded"])
async def redis(request):
    async def client(address: str) -> Redis:
        host, port = split_address(address)
        return Redis(host=host, port=port, decode_responses=True)

    if request.param == "real":
        redis = await client(request.getfixturevalue("redis_address"))
        yield redis
        await redis.aclose()
        return
    async with embedded_redis() as address:
        redis = await client(address)
        yield redis
        await redis.aclose()


async def test_a_value_is_kept(redis, fresh_prefix):
    await redis.set(fresh_prefix, "kept")
    assert await redis.get(fresh_prefix) == "kept"


async def test_a_sorted_set_answers_the_highest_first(redis, fresh_prefix):
    await redis.zadd(fresh_prefix, {"low": 0.2, "high": 0.9, "middle": 0.5})
    assert await redis.zrevrange(fresh_prefix, 0, 1) == ["high", "middle"]


async def test_a_pipeline_is_applied_as_a_whole(redis, fresh_prefix):
    async with redis.pipeline(transaction=True) as pipeline:
        pipeline.hset(fresh_prefix, mapping={"alerts": "2", "customer": "c-1"}).expire(fresh_prefix, 60)
        await pipeline.execute()
    assert await redis.hgetall(fresh_prefix) == {"alerts": "2", "customer": "c-1"}
    assert 0 < await redis.ttl(fresh_prefix) <= 60

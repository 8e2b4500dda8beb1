import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest

from riskwatch.lab.children import ChildFailed, start_child
from riskwatch.lab.embedded import embedded_broker, embedded_redis, start_broker
from riskwatch.lab.probe import answers, free_port, split_address, wait_until


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A killed child of somebody else stays a zombie until its parent reads the exit code.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state.strip().startswith("Z") or not state.strip()


async def test_the_embedded_broker_answers_when_the_block_begins_and_is_gone_when_it_ends():
    async with embedded_broker() as address:
        assert answers(address)
    assert not answers(address)


async def test_a_record_sent_to_the_embedded_broker_comes_back(fresh_prefix):
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    topic = f"{fresh_prefix}.events"
    async with embedded_broker() as address:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        await admin.create_topics([NewTopic(topic, 1, 1)])
        await admin.close()
        async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=False) as producer:
            await producer.send_and_wait(topic, b"value", key=b"key")
        async with AIOKafkaConsumer(topic, bootstrap_servers=address, auto_offset_reset="earliest") as consumer:
            record = await asyncio.wait_for(consumer.getone(), 10)
    assert (record.key, record.value) == (b"key", b"value")


async def test_the_embedded_redis_keeps_a_value_for_a_client():
    from redis.asyncio import Redis

    async with embedded_redis() as address:
        host, port = split_address(address)
        async with Redis(host=host, port=port) as redis:
            await redis.set("alert", "1")
            assert await redis.get("alert") == b"1"


def test_a_broker_ends_when_the_process_that_started_it_is_killed():
    code = (
        "import time; from riskwatch.lab.embedded import start_broker; a, c = start_broker();"
        "print(c.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: gone(pid), seconds=5, what="the end of the broker")


def test_a_child_that_ends_by_itself_says_how_and_what_it_wrote():
    child = start_child("poet", ["sh", "-c", "echo out of words; exit 3"])
    child.process.wait()
    with pytest.raises(ChildFailed, match=r"poet ended with exit code 3:\nout of words"):
        child.check()
    assert child.kill() == 3


def test_a_child_that_ignores_sigterm_is_killed_after_its_time():
    child = start_child("deaf", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
    wait_until(lambda: child.tail() == "ready", seconds=5, what="the child's first line")
    assert child.stop(seconds=0.2) == -signal.SIGKILL


def test_a_paused_child_can_be_stopped():
    child = start_child("sleeper", ["sleep", "60"])
    child.pause()
    assert child.stop(seconds=5) == -signal.SIGTERM


def test_a_port_that_answers_something_else_is_no_broker():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        assert not answers(address, seconds=0.1)


def test_a_port_that_nobody_listens_on_is_no_broker():
    assert not answers(f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("address", ["", "localhost", "localhost:", ":9092", "localhost:kafka"])
def test_an_address_without_host_or_port_is_refused(address):
    with pytest.raises(ValueError, match="expected host:port"):
        split_address(address)


def test_waiting_for_what_never_comes_ends_with_its_name():
    with pytest.raises(TimeoutError, match=r"rain: not within 0\.05 s"):
        wait_until(lambda: False, seconds=0.05, what="rain")


def test_two_brokers_run_side_by_side():
    (first, one), (second, two) = start_broker(), start_broker()
    try:
        assert first != second
        assert answers(first)
        assert answers(second)
    finally:
        one.kill()
        two.kill()

"""The disk of the state folder is full: the worker ends, nothing is committed past the state, and goes on with room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from load import portfolio, publish, slices
from oracle import assert_commits_stay_behind_the_changelog, check_all
from worker_process import plant


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 8 MB."""
    if os.geteuid() != 0:
        pytest.skip("a small file system is mounted by root only")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=False)


async def test_a_full_disk_ends_the_worker_and_loses_nothing(broker: str, fresh_prefix: str, small_disk: Path) -> None:
    parts = slices(portfolio(seed=15), 2)
    async with plant(broker, fresh_prefix, store="rocksdb", store_buffer_bytes=65_536) as workers:
        workers.folder = small_disk
        await publish(broker, fresh_prefix, parts[0])
        worker = workers.start()
        await workers.settled()
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"):
            _fill(filler)
        await publish(broker, fresh_prefix, parts[1])
        code = await worker.ended(60)
        await assert_commits_stay_behind_the_changelog(broker, fresh_prefix)
        filler.unlink()
        workers.start()
        await workers.settled(workers=workers.workers[-1:])
        await check_all(broker, fresh_prefix)
    assert code == 1


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))

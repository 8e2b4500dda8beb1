"""One contract over every partition store."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskwatch.agents.statecodec import PARTITION_KEY, LayoutMismatch, next_look_of, pack_state, split_state
from riskwatch.agents.store import MemoryPartition, Partitions, RocksPartition


@pytest.fixture(params=["memory", "rocksdb"])
def store(request, tmp_path):
    made = MemoryPartition() if request.param == "memory" else RocksPartition(tmp_path / "partition-0")
    yield made
    made.close()


def row(watermark: int, text: bytes = b"") -> bytes:
    return watermark.to_bytes(8, "big") + text


def test_an_empty_store_has_no_offset_and_no_rows(store):
    assert store.offset is None
    assert store.get_many([b"a"]) == [None]
    assert list(store.scan()) == []


def test_a_write_can_be_read_back_with_its_offset(store):
    store.write([(b"a", row(1)), (b"b", row(2))], 41)
    assert store.get_many([b"b", b"a", b"c"]) == [row(2), row(1), None]
    assert store.offset == 41


def test_a_write_of_none_deletes(store):
    store.write([(b"a", row(1))], 1)
    store.write([(b"a", None)], 2)
    assert store.get_many([b"a"]) == [None]


def test_a_scan_gives_the_rows_of_a_prefix_in_key_order(store):
    store.write([(b"\x00p/2", row(1)), (b"customer", row(1)), (b"\x00p/1", row(1)), (PARTITION_KEY, row(1))], 1)
    assert [key for key, _ in store.scan(b"\x00p/")] == [b"\x00p/1", b"\x00p/2"]
    assert {key for key, _ in store.scan()} == {b"\x00p/1", b"\x00p/2", b"customer", PARTITION_KEY}


def test_a_scan_follows_rows_that_go_and_come_again(store):
    rows = [(b"\x00by/%d" % number, b"v%d" % number) for number in (3, 1, 2)]
    store.write(rows, 1)
    assert [key for key, _ in store.scan(b"\x00by/")] == [b"\x00by/1", b"\x00by/2", b"\x00by/3"]
    store.write([(b"\x00by/2", None), (b"\x00bz", b"other")], 2)
    assert [key for key, _ in store.scan(b"\x00by/")] == [b"\x00by/1", b"\x00by/3"]
    store.write([(b"\x00by/2", b"again"), (b"\x00by/1", b"changed")], 3)
    assert list(store.scan(b"\x00by/")) == [
        (b"\x00by/1", b"changed"), (b"\x00by/2", b"again"), (b"\x00by/3", b"v3"),
    ]  # fmt: skip


def test_restoring_keeps_the_row_with_the_higher_watermark(store):
    store.restore([(b"a", row(7, b"new")), (b"a", row(5, b"stale"))], 10)
    store.restore([(b"a", row(6, b"stale"))], 11)
    assert store.get_many([b"a"]) == [row(7, b"new")]
    assert store.offset == 11


def test_restoring_takes_the_later_of_two_rows_with_one_watermark(store):
    store.restore([(b"a", row(7, b"first")), (b"a", row(7, b"second"))], 10)
    assert store.get_many([b"a"]) == [row(7, b"second")]


def test_rocksdb_keeps_rows_and_offset_over_a_restart(tmp_path):
    first = RocksPartition(tmp_path / "p")
    first.write([(b"a", row(3))], 9)
    first.close()
    second = RocksPartition(tmp_path / "p")
    assert second.get_many([b"a"]) == [row(3)]
    assert second.offset == 9
    second.close()


def test_a_forgotten_partition_is_empty_when_it_is_opened_again(tmp_path):
    partitions = Partitions("rocksdb", tmp_path)
    partitions[0].write([(b"a", row(3))], 9)
    partitions.forget(0)
    assert partitions[0].get_many([b"a"]) == [None]
    partitions.close_all()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"\x00c"]), st.integers(0, 5), st.binary(max_size=3)), max_size=20),
    st.integers(0, 20),
)
def test_both_stores_restore_the_same_from_any_split_of_the_changelog(tmp_path, writes, cut):
    rows = [(key, row(watermark, text)) for key, watermark, text in writes]
    memory = MemoryPartition()
    memory.restore(rows[:cut], cut)
    memory.restore(rows[cut:], len(rows))
    folder = Path(tmp_path) / f"{len(list(Path(tmp_path).iterdir()))}"
    rocks = RocksPartition(folder)
    rocks.restore(rows, len(rows))
    assert dict(memory.scan()) == dict(rocks.scan())
    rocks.close()


def test_a_state_row_reads_back_as_it_was_packed():
    value = pack_state(42, 1_000, 7, b"profile", b"account")
    assert split_state(value, 7) == (42, 1_000, b"profile", b"account")
    assert next_look_of(value) == 1_000


def test_a_row_of_another_feature_table_is_refused_with_a_way_out():
    with pytest.raises(LayoutMismatch, match=r"docs/operations\.md"):
        split_state(pack_state(42, 0, 7, b"", b""), 8)

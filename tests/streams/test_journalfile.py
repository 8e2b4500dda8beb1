"""The journal as a file: what was written comes back, and a file that is cut or damaged is known."""

from __future__ import annotations

from io import BytesIO
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwatch.streams.journalfile import (
    MAGIC,
    TOPICS,
    JournalFileError,
    JournalRecord,
    JournalWriter,
    read_journal_file,
)

RECORDS = st.builds(
    JournalRecord,
    st.sampled_from(TOPICS),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(-1, 2**63 - 1),
    st.none() | st.binary(max_size=40),
    st.none() | st.binary(max_size=300),
)
SOME = [JournalRecord("journal", 1, offset, 5, b"key", b"value" * offset) for offset in range(40)]


def written(records: list[JournalRecord], block_bytes: int = 500) -> bytes:
    out = BytesIO()
    writer = JournalWriter(out, block_bytes)
    for each in records:
        writer.write(each)
    writer.finish()
    return out.getvalue()


@given(st.lists(RECORDS, max_size=30), st.integers(1, 2_000))
def test_records_come_back_as_they_were(records: list[JournalRecord], block_bytes: int) -> None:
    assert list(read_journal_file(BytesIO(written(records, block_bytes)))) == records


def test_a_null_key_or_value_is_not_an_empty_one() -> None:
    own = [JournalRecord("journal", 0, 0, 0, None, b""), JournalRecord("decisions", 0, 1, 0, b"", None)]
    assert list(read_journal_file(BytesIO(written(own)))) == own


def test_a_file_that_was_cut_anywhere_is_known() -> None:
    whole = written(SOME)
    for end in range(len(MAGIC), len(whole)):
        with pytest.raises(
            JournalFileError, match=r"half\.journal was cut: it ends after \d+ records and before its end"
        ):
            list(read_journal_file(BytesIO(whole[:end]), "half.journal"))


def test_what_stands_before_the_cut_is_read_first() -> None:
    reading = read_journal_file(BytesIO(written(SOME)[:-1]))
    assert list(islice(reading, len(SOME))) == SOME
    with pytest.raises(JournalFileError):
        next(reading)


@pytest.mark.parametrize("data", [b"", b"{}", MAGIC[:-1], b"riskwatch-journal 2\n"])
def test_a_file_that_is_no_journal_is_known(data: bytes) -> None:
    with pytest.raises(JournalFileError, match="is no journal file: `riskwatch journal export` writes one"):
        list(read_journal_file(BytesIO(data)))


def test_a_flipped_bit_is_known_wherever_it_is() -> None:
    whole = written(SOME[:3])
    for at in range(len(MAGIC), len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 64
        with pytest.raises(JournalFileError):
            list(read_journal_file(BytesIO(flipped)))


def test_blocks_of_records_are_compressed() -> None:
    own = [JournalRecord("journal", 0, offset, 0, b"customer", b"the same value" * 20) for offset in range(1_000)]
    assert len(written(own, 1 << 20)) < 20_000


def test_reading_holds_no_more_than_a_block() -> None:
    class Counted(BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size >= 0, "the file is not read whole"
            self.largest = max(self.largest, size)
            return super().read(size)

    source = Counted(written(SOME * 50))
    assert len(list(read_journal_file(source))) == 2_000
    assert source.largest < 1_000
